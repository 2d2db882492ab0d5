/** Names on a mirror, over real HTTP. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { NameSigner } from "#core/mesh/identity.ts";
import { exportCar } from "#core/store/car.ts";
import { createIdentity } from "#plugins/identity/own-identity.ts";
import { makeRecord, nameOf, readRecord } from "#plugins/names/record.ts";
import { fetchRecord, sendRecord } from "#plugins/names/routing.ts";
import { publication, serve } from "./gateway-kit.ts";
import { publishedMirror, type PublishedMirror } from "./published-kit.ts";

let mirror: PublishedMirror;
let ada: NameSigner;
let name: string;
const in90Days = new Date(Date.now() + 90 * 86_400_000);
const refusal = (code: string) => expect.objectContaining({ code });

beforeEach(async () => {
  mirror = await publishedMirror();
  const store = {
    load: async () => undefined,
    save: async () => undefined,
    remove: async () => undefined,
    close: () => undefined,
  };
  ada = await createIdentity(store, "Ada");
  name = nameOf(ada.identity);
});
afterEach(() => mirror.remove());

const record = async (value: string, sequence: bigint) =>
  readRecord(name, await makeRecord(ada, { value, sequence, validUntil: in90Days }), Date.now());

it("a name leads to the newest version that a mirror was told, and never back to an older one", async () => {
  const made = await publication();
  const { directory, root } = made.published;
  expect(await fetchRecord(mirror.url, name, Date.now())).toBeUndefined();
  expect((await mirror.get(`/ipns/${name}/`)).status).toBe(404);
  await sendRecord(mirror.url, await record(root, 2n));
  await sendRecord(mirror.url, await record(directory, 3n));
  await sendRecord(mirror.url, await record(root, 2n));
  expect(await fetchRecord(mirror.url, name, Date.now())).toMatchObject({ cid: directory, sequence: 3n });
  expect((await mirror.get(`/ipns/${name}/`)).status).toBe(404);

  const holder = { name: "ada", quota: 1e9 };
  await mirror.published.tokens.make(holder.name);
  await mirror.published.take(exportCar([directory], made.store), holder, new AbortController().signal);
  const page = await mirror.get(`/ipns/${name}/`);
  expect(page.status).toBe(200);
  expect(page.body.toString()).toContain("<title>Weather</title>");
  expect(page.headers["cache-control"]).toBe("public, max-age=300");
  expect(page.headers["x-ipfs-path"]).toBe(`/ipns/${name}/`);
  expect((await mirror.get(`/ipns/${name}/workspace/plain`)).body.toString()).toBe("words");
  expect((await mirror.get(`/ipns/${name}`)).headers.location).toBe(`/ipns/${name}/`);
  const raw = await mirror.get(`/ipns/${name}?format=ipns-record`);
  expect(raw.headers["content-type"]).toBe("application/vnd.ipfs.ipns-record");
  expect((await readRecord(name, new Uint8Array(raw.body), Date.now())).sequence).toBe(3n);
  expect((await mirror.get(`/ipns/${name}/x?format=ipns-record`)).status).toBe(400);
});

it("a mirror takes no record that is another's, over, too large or none", async () => {
  const mine = await record("bafkqaaa", 1n);
  const theirs = nameOf({ ed25519: "_oEsEvOrTOasXbaaw1L5BssbEe9D-zPiUu9_9VImOIk" });
  await expect(sendRecord(mirror.url, { ...mine, name: theirs })).rejects.toThrow(refusal("denied"));
  const over = await makeRecord(ada, { value: "bafkqaaa", sequence: 9n, validUntil: new Date(Date.now() - 1000) });
  await expect(sendRecord(mirror.url, { ...mine, bytes: over })).rejects.toThrow(refusal("denied"));
  await expect(sendRecord(mirror.url, { ...mine, bytes: new Uint8Array(20_000) })).rejects.toThrow(refusal("denied"));
  await expect(sendRecord(mirror.url, { ...mine, bytes: new Uint8Array(20) })).rejects.toThrow(refusal("denied"));
  expect((await mirror.get("/routing/v1/ipns/nonsense")).status).toBe(400);
  expect((await mirror.get(`/routing/v1/ipns/${name}`, {}, "DELETE")).status).toBe(405);
  expect((await mirror.get("/ipns/nonsense/")).status).toBe(400);
});

it("whoever answers for names may lie, fail or send without end", async () => {
  const other = await serve((_request, response) => {
    response.writeHead(200, { "Content-Type": "application/vnd.ipfs.ipns-record" });
    response.end(new Uint8Array(1_000_000));
  });
  await expect(fetchRecord(other.url, name, Date.now())).rejects.toThrow(refusal("corrupt"));
  await other.close();
  const failing = await serve((_request, response) => void response.writeHead(500).end());
  await expect(fetchRecord(failing.url, name, Date.now())).rejects.toThrow(refusal("unavailable"));
  await expect(sendRecord(failing.url, await record("bafkqaaa", 1n))).rejects.toThrow(refusal("unavailable"));
  await failing.close();
  await expect(fetchRecord("http://127.0.0.1:9", name, Date.now())).rejects.toThrow(refusal("unavailable"));
  await expect(fetchRecord("ftp://example.org", name, Date.now())).rejects.toThrow(refusal("invalid"));
});
