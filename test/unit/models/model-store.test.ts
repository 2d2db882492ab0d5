/** Models are fetched once, go on where they stopped, and are never taken for something else: in a real folder, from a real server. */
import { readdir, readFile, rm, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { folderFiles } from "#plugins/models/folder-files.node.ts";
import type { KeptFiles } from "#plugins/models/kept-files.ts";
import { ModelStore } from "#plugins/models/model-store.ts";
import { type FileServer, startFileServer } from "./file-server.ts";
import { failure, variedBytes } from "../kit.ts";

const MIB = 1024 * 1024;
let folder: string;
let server: FileServer;
let time = 0;

const storeOn = (files: KeptFiles = folderFiles(folder), largest = 100 * MIB): ModelStore =>
  new ModelStore({ files, fetch: (url, init) => fetch(url, init), now: () => ++time, largest });
const never = new AbortController().signal;
const get = (store: ModelStore, path: string, signal: AbortSignal = never) =>
  store.get(`${server.url}${path}`, { signal });
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-models-"));
  server = await startFileServer();
  server.keptIn = folder;
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test("a file is fetched once, and its name is the one that IPFS gives it", async () => {
  const bytes = variedBytes(3 * MIB + 5);
  server.files.set("/model.onnx", bytes);
  const progress: (number | undefined)[] = [];
  const store = storeOn();
  const first = await store.get(`${server.url}/model.onnx`, {
    signal: never,
    onProgress: ({ bytes: got, total }) => progress.push(got, total),
  });
  expect(isSame(first, bytes)).toBe(true);
  expect(progress.slice(-2)).toEqual([bytes.length, bytes.length]);
  expect(isSame(await get(storeOn(), "/model.onnx"), bytes)).toBe(true);
  expect(server.sent).toBe(bytes.length);
  const [kept] = await store.list();
  expect(kept).toMatchObject({ url: `${server.url}/model.onnx`, bytes: bytes.length, total: bytes.length });
  expect(kept!.cid).toMatch(/^bafybei/);
  // One leaf needs no tree: its own name, as `ipfs add --cid-version=1 --raw-leaves` says it of these five bytes.
  server.files.set("/hello", new TextEncoder().encode("hello"));
  await get(store, "/hello");
  expect((await store.list())[0]!.cid).toBe("bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq");
});

test("what stopped in the middle goes on from there, and no byte comes twice", async () => {
  const bytes = variedBytes(5 * MIB);
  server.files.set("/model.onnx", bytes);
  server.cutAfter = 2 * MIB + 17;
  expect(await failure(get(storeOn(), "/model.onnx"))).toBe(
    "unavailable: model.onnx stopped coming in the middle. Try again: it goes on from there.",
  );
  server.cutAfter = MIB;
  await failure(get(storeOn(), "/model.onnx"));
  expect(isSame(await get(storeOn(), "/model.onnx"), bytes)).toBe(true);
  expect(server.sent).toBe(bytes.length);
  expect(server.asked).toEqual(["", `bytes=${2 * MIB + 17}-`, `bytes=${3 * MIB + 17}-`]);
});

test("who gives up a download can go on with it", async () => {
  const bytes = variedBytes(8 * MIB);
  server.files.set("/model.onnx", bytes);
  const abort = new AbortController();
  const store = storeOn();
  await expect(
    store.get(`${server.url}/model.onnx`, {
      signal: abort.signal,
      onProgress: ({ bytes: got }) => {
        if (got > MIB) abort.abort(new Error("enough"));
      },
    }),
  ).rejects.toThrow("enough");
  const [kept] = await store.list();
  expect(kept!.cid).toBeUndefined();
  expect(kept!.bytes).toBeGreaterThan(MIB);
  expect(isSame(await get(storeOn(), "/model.onnx"), bytes)).toBe(true);
  expect(server.asked.at(-1)).toBe(`bytes=${kept!.bytes}-`);
});

test("a file that has changed meanwhile is fetched anew, as is one whose server names no version", async () => {
  server.files.set("/model.onnx", variedBytes(2 * MIB, 1));
  server.cutAfter = MIB;
  await failure(get(storeOn(), "/model.onnx"));
  const changed = variedBytes(2 * MIB, 2);
  server.files.set("/model.onnx", changed);
  server.etag = '"v2"';
  expect(isSame(await get(storeOn(), "/model.onnx"), changed)).toBe(true);

  server.etag = undefined;
  server.files.set("/other.onnx", changed);
  server.cutAfter = MIB;
  await failure(get(storeOn(), "/other.onnx"));
  expect(isSame(await get(storeOn(), "/other.onnx"), changed)).toBe(true);
  expect(server.asked.slice(-2)).toEqual(["", ""]);
});

test("a file that was damaged on storage is fetched again, whatever was damaged", async () => {
  const bytes = variedBytes(MIB + 3);
  server.files.set("/model.onnx", bytes);
  await get(storeOn(), "/model.onnx");
  for (const end of [".data", ".json"]) {
    const name = (await readdir(folder)).find((file) => file.endsWith(end))!;
    const damaged = await readFile(join(folder, name));
    damaged[damaged.length >> 1]! ^= 0xff;
    await writeFile(join(folder, name), damaged);
    expect(isSame(await get(storeOn(), "/model.onnx"), bytes)).toBe(true);
  }
  const data = (await readdir(folder)).find((file) => file.endsWith(".data"))!;
  await writeFile(join(folder, data), bytes.slice(0, 100));
  expect(isSame(await get(storeOn(), "/model.onnx"), bytes)).toBe(true);
});

test("two who want the same model at once fetch it once", async () => {
  const bytes = variedBytes(2 * MIB);
  server.files.set("/model.onnx", bytes);
  const store = storeOn();
  const [one, two] = await Promise.all([get(store, "/model.onnx"), get(store, "/model.onnx")]);
  expect(isSame(one, bytes) && isSame(two, bytes)).toBe(true);
  expect(server.sent).toBe(bytes.length);
});

test("room and size are looked at before a byte is kept", async () => {
  server.files.set("/model.onnx", variedBytes(3 * MIB));
  const small = { ...folderFiles(folder), room: () => Promise.resolve(33 * MIB) };
  expect(await failure(get(storeOn(small), "/model.onnx"))).toBe(
    "exhausted: The file has 4 MB, and there is room for 34 MB. Remove something first.",
  );
  expect(await failure(get(storeOn(folderFiles(folder), MIB), "/model.onnx"))).toMatch(/^exhausted: /);
  expect((await storeOn().list()).reduce((sum, { bytes }) => sum + bytes, 0)).toBe(0);
});

test.each([
  [401, /^denied: /],
  [404, /^missing: /],
  [429, /^unavailable: .*fewer requests/],
  [503, /^unavailable: .*503/],
])("status %i is said in words, and what was there before stays", async (status, said) => {
  const bytes = variedBytes(2 * MIB);
  server.files.set("/model.onnx", bytes);
  server.cutAfter = MIB;
  await failure(get(storeOn(), "/model.onnx"));
  server.status = status;
  expect(await failure(get(storeOn(), "/model.onnx"))).toMatch(said);
  server.status = undefined;
  await get(storeOn(), "/model.onnx");
  expect(server.sent).toBe(bytes.length);
});

test("a server that is not there is told from one that has gone away", async () => {
  const url = server.url;
  await server.close();
  expect(await failure(storeOn().get(`${url}/x`, { signal: never }))).toBe(
    "unavailable: x could not be fetched: the network or its server does not answer.",
  );
  server = await startFileServer();
});

test("what is removed is gone", async () => {
  server.files.set("/model.onnx", variedBytes(1000));
  const store = storeOn();
  await get(store, "/model.onnx");
  await store.remove(`${server.url}/model.onnx`);
  expect(await store.list()).toEqual([]);
  await get(store, "/model.onnx");
  expect(server.sent).toBe(2000);
});
