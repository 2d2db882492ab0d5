/** The same artefact has the same names in a browser as in Node (core/artefact/SPEC.md, R6), and its signature holds here. */
import { expect, it } from "vitest";
import { decodeEnvelope, verifyEnvelope } from "#core/artefact/envelope.ts";
import { openArtefact } from "#core/artefact/open.ts";
import { publishArtefact } from "#core/artefact/publish.ts";
import { exportCar, importCar } from "#core/store/car.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import carUrl from "../../fixtures/artefact/weather.car?url";
import vectors from "../../fixtures/artefact/vectors.json";
import { partsOf, signerOf } from "../../unit/artefact/kit.ts";

it("R6: is published under the name that Node gives it", async () => {
  const made = await publishArtefact(partsOf(), new MemoryBlockStore(), await signerOf(1, "Ada"));
  expect(made.root).toBe(vectors.root);
});

it("E2, C1: what was published in Node is verified here, and passed on as the same bytes", async () => {
  const car = new Uint8Array(await (await fetch(carUrl)).arrayBuffer());
  const store = new MemoryBlockStore();
  const { roots } = await importCar(
    (async function* () {
      yield car;
    })(),
    store,
  );
  const signatures = await openSignatures();
  const opened = await openArtefact(vectors.directory, store, { signatures });
  expect(opened).toMatchObject({ root: vectors.root, envelopes: [{ isValid: true, author: { name: "Ada" } }] });
  const envelope = decodeEnvelope((await store.get(vectors.envelope)) ?? new Uint8Array());
  expect(await verifyEnvelope(envelope, signatures)).toBe(true);
  let at = 0;
  for await (const piece of exportCar(roots, store)) {
    expect(piece).toEqual(car.subarray(at, at + piece.length));
    at += piece.length;
  }
  expect(at).toBe(car.length);
});
