/** The root, the envelope and the published directory, rule by rule: core/artefact/SPEC.md. */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as dagCbor from "@ipld/dag-cbor";
import fc from "fast-check";
import { CID } from "multiformats/cid";
import { beforeAll, describe, expect, it } from "vitest";
import { publishedDirectory } from "#core/artefact/directory.ts";
import {
  decodeEnvelope,
  encodeEnvelope,
  signRoot,
  SIGNATURE_DOMAIN,
  verifyEnvelope,
  type Envelope,
} from "#core/artefact/envelope.ts";
import { decodeRoot, encodeRoot, type Manifest } from "#core/artefact/manifest.ts";
import { openArtefact } from "#core/artefact/open.ts";
import { publishArtefact } from "#core/artefact/publish.ts";
import { KromaError } from "#core/base/errors.ts";
import type { Signatures, Signer } from "#core/mesh/identity.ts";
import { exportCar, importCar } from "#core/store/car.ts";
import { blockCid } from "#core/store/cid.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { walkBlocks } from "#core/store/walk.ts";
import { nobleSchemes } from "#plugins/identity/schemes.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import vectors from "../../fixtures/artefact/vectors.json" with { type: "json" };
import { partsOf, signerOf } from "./kit.ts";

const fixture = join(import.meta.dirname, "../../fixtures/artefact/weather.car");
let signatures: Signatures;
let ada: Signer;
let store: MemoryBlockStore;
let manifest: Manifest;
let envelope: Envelope;

beforeAll(async () => {
  [signatures, ada] = await Promise.all([openSignatures(), signerOf(1, "Ada")]);
  store = new MemoryBlockStore();
  await importCar(createReadStream(fixture), store);
  manifest = decodeRoot(await block(vectors.root));
  envelope = decodeEnvelope(await block(vectors.envelope));
});

async function block(cid: string): Promise<Uint8Array> {
  return (await store.get(cid)) ?? new Uint8Array();
}

/** The root as plain data, changed, as a block. */
const changedRoot = (change: Readonly<Record<string, unknown>>): Uint8Array => {
  const value = { ...dagCbor.decode<Record<string, unknown>>(encodeRoot(manifest)), ...change };
  return dagCbor.encode(Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)));
};

describe("the vectors", () => {
  it("R1, R6, F1: the same description and files are the same root everywhere", async () => {
    const made = await publishArtefact(partsOf(), new MemoryBlockStore(), ada);
    expect(made.root).toBe(vectors.root);
    expect(Buffer.from(await block(vectors.root)).toString("hex")).toBe(vectors.rootBytes);
    expect(manifest).toMatchObject({ files: vectors.files, notebook: vectors.notebook });
  });

  it("E2, E3: the envelope holds, with the signatures of the platform and of the library", async () => {
    for (const ways of [signatures, await openSignatures(nobleSchemes())])
      expect(await verifyEnvelope(envelope, ways)).toBe(true);
    expect(envelope).toMatchObject({ root: vectors.root, author: ada.identity });
  });

  it("D2, C1: the directory follows from both, and the CAR file from the directory", async () => {
    const { files, root, envelope: cid } = { ...vectors };
    expect(await publishedDirectory({ files, root, envelope: cid }, store, store)).toBe(vectors.directory);
    const pieces: Uint8Array[] = [];
    for await (const piece of exportCar([vectors.root, vectors.directory], store)) pieces.push(piece);
    expect(Buffer.compare(Buffer.concat(pieces), await readFile(fixture))).toBe(0);
  });

  it("B1: names of blocks are those that other programs give", async () => {
    // From the documents of IPFS and IPLD: an empty directory, "hello world", an empty file, an empty map.
    const known = [
      ["bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354", [0x0a, 0x02, 0x08, 0x01], "dag-pb"],
      ["bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", [...Buffer.from("hello world")], "raw"],
      ["bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", [], "raw"],
      ["bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua", [0xa0], "dag-cbor"],
    ] as const;
    for (const [cid, bytes, codec] of known) expect(await blockCid(Uint8Array.from(bytes), codec)).toBe(cid);
  });
});

describe("a root", () => {
  it("R1: has one spelling, whatever the order of its description", () => {
    const { files: _, notebook: __, ...said } = manifest;
    fc.assert(
      fc.property(fc.shuffledSubarray(Object.keys(manifest), { minLength: Object.keys(manifest).length }), (keys) => {
        const turned = Object.fromEntries(keys.map((key) => [key, manifest[key as keyof Manifest]]));
        expect(Buffer.from(encodeRoot(turned as unknown as Manifest)).toString("hex")).toBe(vectors.rootBytes);
      }),
    );
    expect(Object.keys(said).length).toBe(Object.keys(manifest).length - 2);
  });

  it("R1: in another spelling is refused", () => {
    const bytes = encodeRoot(manifest);
    // A longer head for the same map; a map without an end; the same with something after it.
    const [head = 0] = bytes;
    expect(head).toBeGreaterThan(0xa0);
    for (const other of [
      Uint8Array.of(0xb8, head - 0xa0, ...bytes.subarray(1)),
      Uint8Array.of(0xbf, ...bytes.subarray(1), 0xff),
      Uint8Array.of(...bytes, 0),
      bytes.subarray(0, -1),
      new Uint8Array(),
      dagCbor.encode([1, 2]),
      dagCbor.encode("kroma/artefact/1"),
      new Uint8Array(200_000).fill(0x81),
    ])
      expect(() => decodeRoot(other)).toThrow(expect.objectContaining({ code: "corrupt" }));
  });

  it("R2: of an unknown schema or kind is refused by its name", () => {
    expect(() => decodeRoot(changedRoot({ schema: "kroma/artefact/2" }))).toThrow('"kroma/artefact/2"');
    expect(() => decodeRoot(changedRoot({ kind: "spell" }))).toThrow('"spell"');
    for (const change of [{ schema: "kroma/artefact/2" }, { kind: "spell" }, { schema: undefined }, { kind: 7 }])
      expect(() => decodeRoot(changedRoot(change))).toThrow(expect.objectContaining({ code: "invalid" }));
  });

  it("R3, R4, R5, R7: with a field that is missing, more, or of another shape is refused", () => {
    const link = CID.parse(vectors.files);
    const changes: readonly Readonly<Record<string, unknown>>[] = [
      ...["name", "version", "title", "authors", "licence", "entry", "files", "environment", "models"].map((key) => ({
        [key]: undefined,
      })),
      { more: 1 },
      { name: "Weather" },
      { name: "../up" },
      { version: "" },
      { title: "two\nlines" },
      { title: "x".repeat(301) },
      { entry: "../notebook.ipynb" },
      { entry: "/notebook.ipynb" },
      { files: vectors.files },
      { parents: [link] },
      { parents: ["not a CID"] },
      { parents: Array<string>(17).fill(vectors.root) },
      { capabilities: ["Network"] },
      { capabilities: ["network:a b"] },
      { environment: { packages: [], npm: [], clock: 1 } },
      { environment: { packages: [{ name: "a", version: "1", sha256: "AB".repeat(32), source: "x" }], npm: [] } },
      { models: [{ name: "m", cid: link, size: -1 }] },
      { models: [{ name: "m", cid: link, size: 0.5 }] },
      { authors: [{ name: "" }] },
    ];
    for (const change of changes)
      expect(() => decodeRoot(changedRoot(change)), JSON.stringify(change)).toThrow(
        expect.objectContaining({ code: "corrupt" }),
      );
    expect(() => encodeRoot({ ...manifest, name: "No Name" })).toThrow(expect.objectContaining({ code: "invalid" }));
  });

  it("R5: has links to what belongs to it, and only names what it came from", async () => {
    const parent = await blockCid(Uint8Array.of(0xa0), "dag-cbor");
    const image = await blockCid(Uint8Array.of(1));
    const { environment } = manifest;
    const bytes = encodeRoot({ ...manifest, parents: [parent], environment: { ...environment, image } });
    const fork = await store.put(bytes, "dag-cbor");
    expect(decodeRoot(bytes)).toMatchObject({ parents: [parent], environment: { image } });
    const reached: string[] = [];
    for await (const { cid } of walkBlocks([fork], store)) reached.push(cid);
    expect(reached).not.toContain(parent);
    expect(reached).not.toContain(image);
    expect(reached).toContain(vectors.files);
    expect((await openArtefact(fork, store, { signatures })).manifest.parents).toEqual([parent]);
  });

  it("R8: whose entry or notebook is not in its files is refused", async () => {
    const wrong: readonly Partial<Manifest>[] = [
      { entry: "other.ipynb" },
      { entry: "workspace" },
      { notebook: vectors.files },
    ];
    for (const change of wrong) {
      const cid = await store.put(encodeRoot({ ...manifest, ...change }), "dag-cbor");
      await expect(openArtefact(cid, store, { signatures })).rejects.toMatchObject({ code: "corrupt" });
    }
    const without = encodeRoot({ ...manifest });
    const { notebook: _, ...none } = dagCbor.decode<Record<string, unknown>>(without);
    const cid = await store.put(dagCbor.encode(none), "dag-cbor");
    await expect(openArtefact(cid, store, { signatures })).rejects.toMatchObject({ code: "corrupt" });
  });
});

describe("an envelope", () => {
  it("E3: with a half that is left out, swapped, changed or of other keys does not hold", async () => {
    const eve = await signerOf(9, "Eve");
    const other = await signRoot(vectors.root, eve);
    const otherRoot = await signRoot(await store.put(changedRoot({ title: "Another" }), "dag-cbor"), ada);
    const flip = (text: string): string => `${text.startsWith("A") ? "B" : "A"}${text.slice(1)}`;
    const { author, signature } = envelope;
    const forged: readonly Envelope[] = [
      { ...envelope, signature: { ...signature, ed25519: flip(signature.ed25519) } },
      { ...envelope, signature: { ...signature, mlDsa65: flip(signature.mlDsa65) } },
      { ...envelope, signature: { ...signature, ed25519: other.signature.ed25519 } },
      { ...envelope, signature: { ...signature, mlDsa65: other.signature.mlDsa65 } },
      { ...envelope, signature: otherRoot.signature },
      { ...envelope, root: otherRoot.root },
      { ...envelope, author: eve.identity },
      { ...envelope, author: { ...author, ed25519: eve.identity.ed25519 } },
      { ...envelope, author: { ...author, mlDsa65: eve.identity.mlDsa65 } },
      { ...envelope, signature: await ada.sign(`${SIGNATURE_DOMAIN}x`, CID.parse(vectors.root).bytes) },
      { ...envelope, signature: await ada.sign(SIGNATURE_DOMAIN, new TextEncoder().encode(vectors.root)) },
    ];
    for (const wrong of forged) {
      const read = decodeEnvelope(encodeEnvelope(wrong));
      expect(await verifyEnvelope(read, signatures)).toBe(false);
      const cid = await store.put(encodeEnvelope(wrong), "dag-cbor");
      const opened = await openArtefact(wrong.root, store, { signatures, envelopes: async () => [cid] });
      expect(opened.envelopes).toMatchObject([{ cid, isValid: false }]);
    }
  });

  it("E1: without one of its parts, or with one of another length, is refused", () => {
    const value = dagCbor.decode<Record<string, unknown>>(encodeEnvelope(envelope));
    const author = value["author"] as Record<string, unknown>;
    const changes: readonly Readonly<Record<string, unknown>>[] = [
      ...Object.keys(value).map((key) => ({ [key]: undefined })),
      { mlDsa65: new Uint8Array() },
      { mlDsa65: (value["mlDsa65"] as Uint8Array).subarray(1) },
      { ed25519: new Uint8Array(65) },
      { author: { ...author, mlDsa65: new Uint8Array(10) } },
      { author: { ...author, name: " Ada" } },
      { author: { ...author, more: 1 } },
      { root: vectors.root },
      { root: CID.parse(vectors.files) },
      { more: 1 },
      { schema: "kroma/envelope/2" },
    ];
    for (const change of changes) {
      const changed = Object.fromEntries(
        Object.entries({ ...value, ...change }).filter(([, item]) => item !== undefined),
      );
      expect(() => decodeEnvelope(dagCbor.encode(changed)), Object.keys(change).join()).toThrow(KromaError);
    }
    expect(() => decodeEnvelope(dagCbor.encode({ ...value, schema: "kroma/envelope/2" }))).toThrow("kroma/envelope/2");
  });

  it("is taken again when the same is published by the same person again", async () => {
    const mine = new MemoryBlockStore();
    const known = { signatures, envelopes: async () => [made.envelope] };
    const made = await publishArtefact(partsOf(), mine, ada);
    expect(await publishArtefact(partsOf(), mine, ada, { known })).toEqual(made);
    const bob = await signerOf(2, "Bob");
    expect((await publishArtefact(partsOf(), mine, bob, { known })).envelope).not.toBe(made.envelope);
    const forged = encodeEnvelope({ ...envelope, signature: (await signRoot(made.root, bob)).signature });
    const cid = await mine.put(forged, "dag-cbor");
    const again = await publishArtefact(partsOf(), mine, ada, { known: { signatures, envelopes: async () => [cid] } });
    expect(again.envelope).not.toBe(cid);
  });

  it("O4: of another root is refused where it was named, and passed over where a list named it", async () => {
    const other = await publishArtefact(partsOf({ title: "Another" }), store, ada);
    const opened = await openArtefact(vectors.root, store, {
      signatures,
      envelopes: async () => [other.envelope, vectors.files, "bafkqaaa", vectors.envelope],
    });
    expect(opened.envelopes.map(({ cid }) => cid)).toEqual([vectors.envelope]);
    const { files, root } = vectors;
    const mixed = await publishedDirectory({ files, root, envelope: other.envelope }, store, store);
    await expect(openArtefact(mixed, store, { signatures })).rejects.toMatchObject({ code: "corrupt" });
  });
});

describe("B2: any byte of any block", () => {
  it("that is changed makes opening or reading fail", async () => {
    const cids: string[] = [];
    for await (const { cid } of walkBlocks([vectors.directory], store)) cids.push(cid);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...cids),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (cid, at, change) => {
          const source = {
            async get(asked: string): Promise<Uint8Array | undefined> {
              const bytes = await store.get(asked);
              if (asked !== cid || !bytes) return bytes;
              const changed = bytes.slice();
              changed[at % bytes.length] = (changed[at % bytes.length] as number) ^ change;
              return changed;
            },
          };
          const reading = async (): Promise<void> => {
            const opened = await openArtefact(vectors.directory, source, { signatures });
            for (const { path } of await opened.files.list()) await opened.files.whole(path, 1e6);
          };
          await expect(reading()).rejects.toMatchObject({ code: "corrupt" });
        },
      ),
      { numRuns: 200 },
    );
  });
});
