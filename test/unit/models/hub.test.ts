/** Models from a hub: redirects, hashes, terms, every bad answer, and room that is made. In a real folder, from a real server. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { folderFiles } from "#plugins/models/folder-files.node.ts";
import { type FetchFile, followingHub } from "#plugins/models/hub.ts";
import type { HubToken } from "#core/store/fetched.ts";
import { ModelStore, type ModelStoreParts } from "#plugins/models/model-store.ts";
import { tokenFor, withTokens } from "#plugins/models/tokens.ts";
import { type HubServer, startHubServer } from "./hub-server.ts";
import { failure, variedBytes } from "../kit.ts";

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const inNode = followingHub((url, init) => fetch(url, init));
/** As a page does it: it sees the last answer only. */
const inPage: FetchFile = (url, init) => fetch(url, init);
let folder: string;
let hub: HubServer;
let time = 0;

const storeOf = (parts: Partial<ModelStoreParts> = {}): ModelStore =>
  new ModelStore({ files: folderFiles(folder), fetch: inNode, now: () => ++time, largest: 100 * MIB, ...parts });
const address = (file = "model.onnx"): string => `${hub.url}/ada/tiny/resolve/main/onnx/${file}`;
const get = (store: ModelStore, file?: string) => store.get(address(file), { signal: never });
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-hub-"));
  hub = await startHubServer();
  hub.storage.keptIn = folder;
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

test("a file is followed to where its bytes are, checked against the hub's hash, and kept with its terms", async () => {
  const bytes = variedBytes(3 * MIB + 1);
  hub.add("ada/tiny/onnx/model.onnx", bytes, "mit");
  expect(isSame(await get(storeOf()), bytes)).toBe(true);
  expect(isSame(await get(storeOf()), bytes)).toBe(true);
  expect(hub.storage.sent).toBe(bytes.length);
  expect(await storeOf().list()).toMatchObject([
    { url: address(), licence: "mit", isPinned: false, bytes: bytes.length },
  ]);
});

test.each([
  ["in Node, by the hub's header", inNode, false],
  ["in a page, by the hub's list of files", inPage, true],
] as const)("a file with another hash is refused and forgotten, %s", async (_, fetch, apiTellsHashes) => {
  const bytes = variedBytes(2 * MIB);
  hub.add("ada/tiny/onnx/model.onnx", bytes);
  Object.assign(hub, { apiTellsHashes, digest: "ab".repeat(32) });
  const store = storeOf({ fetch });
  expect(await failure(get(store))).toBe(
    "corrupt: model.onnx is not the file that its server says it is: the hash of what came is another. It was thrown away.",
  );
  expect(await store.list()).toMatchObject([{ bytes: 0, cid: undefined }]);
  hub.digest = undefined;
  expect(isSame(await get(store), bytes)).toBe(true);
});

test.each([
  ["in Node", inNode],
  ["in a page", inPage],
  [
    "in a page to which the server does not permit If-Range",
    ((url, init) =>
      "If-Range" in init.headers ? Promise.reject(new TypeError("Failed to fetch")) : fetch(url, init)) as FetchFile,
  ],
])("a download that stopped goes on through the redirect, and no byte comes twice, %s", async (_, fetch) => {
  const bytes = variedBytes(6 * MIB);
  hub.add("ada/tiny/onnx/model.onnx", bytes);
  hub.storage.cutAfter = 2 * MIB + 3;
  expect(await failure(get(storeOf({ fetch })))).toMatch(/^unavailable: model\.onnx stopped coming in the middle/);
  hub.storage.cutAfter = MIB;
  await failure(get(storeOf({ fetch })));
  expect(isSame(await get(storeOf({ fetch })), bytes)).toBe(true);
  expect(hub.storage.sent).toBe(bytes.length);
});

test("without If-Range, a file that has changed is fetched anew", async () => {
  const fetchFile: FetchFile = (url, init) =>
    "If-Range" in init.headers ? Promise.reject(new TypeError("Failed to fetch")) : fetch(url, init);
  hub.add("ada/tiny/onnx/model.onnx", variedBytes(2 * MIB, 1));
  hub.storage.cutAfter = MIB;
  await failure(get(storeOf({ fetch: fetchFile })));
  const changed = variedBytes(2 * MIB, 2);
  hub.add("ada/tiny/onnx/model.onnx", changed);
  hub.storage.etag = '"v2"';
  expect(isSame(await get(storeOf({ fetch: fetchFile })), changed)).toBe(true);
});

test.each<readonly [string, number, Record<string, string>, RegExp]>([
  ["a web page", 200, { "content-type": "text/html; charset=utf-8" }, /^unavailable: .*answered with a web page/],
  [
    "no",
    401,
    {},
    /^denied: model\.onnx may not be fetched: its server wants you to sign in \(401\)\. Give Kroma your token for 127\.0\.0\.1:\d+: /,
  ],
  ["that it is not there", 404, {}, /^missing: model\.onnx is not there \(404\)\.$/],
  ["that it was asked too often", 429, { "retry-after": "30" }, /^unavailable: .*\(429\)\. Try in 30 seconds\.$/],
  ["that it is out of order", 503, {}, /^unavailable: .*503/],
])("a hub that answers %s is heard, and what was there before goes on", async (_, status, headers, said) => {
  const bytes = variedBytes(2 * MIB);
  hub.add("ada/tiny/onnx/model.onnx", bytes);
  hub.storage.cutAfter = MIB;
  await failure(get(storeOf()));
  hub.next.push((response) => response.writeHead(status, headers).end("<!doctype html><title>Sign in</title>"));
  expect(await failure(get(storeOf()))).toMatch(said);
  expect(isSame(await get(storeOf()), bytes)).toBe(true);
  expect(hub.storage.sent).toBe(bytes.length);
});

test("a server that goes silent is given up, before it answers and in the middle", async () => {
  const bytes = variedBytes(2 * MIB);
  hub.add("ada/tiny/onnx/model.onnx", bytes);
  hub.next.push(() => undefined);
  expect(await failure(get(storeOf({ stall: 100 })))).toMatch(/^unavailable: model\.onnx could not be fetched/);
  hub.next.push((response) => {
    response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, 1000));
  });
  expect(await failure(get(storeOf({ stall: 100 })))).toMatch(/^unavailable: model\.onnx /);
  expect(isSame(await get(storeOf()), bytes)).toBe(true);
});

test.each([
  ["in Node", true],
  ["in a page", false],
])(
  "a model that its hub gives to who signs in comes with a token, which goes to the hub alone, %s",
  async (_, follows) => {
    const bytes = variedBytes(2 * MIB);
    hub.add("ada/tiny/onnx/model.onnx", bytes);
    hub.token = "hf_secret";
    let tokens: readonly HubToken[] = [];
    const signedIn = withTokens(
      (url: string, init: Parameters<FetchFile>[1]) => fetch(url, init),
      () => tokens,
    );
    const store = storeOf({
      fetch: follows ? followingHub(signedIn) : signedIn,
      hasToken: (url) => tokenFor(url, tokens) !== undefined,
    });
    expect(await failure(get(store))).toMatch(/^denied: .*wants you to sign in \(401\)\. Give Kroma your token/);
    tokens = [{ origin: hub.url, token: "hf_wrong" }];
    expect(await failure(get(store))).toMatch(/^denied: .* does not give it for your token \(401\)/);
    tokens = [
      { origin: "http://127.0.0.1:1", token: "hf_other" },
      { origin: hub.url, token: "hf_secret" },
    ];
    expect(isSame(await get(store), bytes)).toBe(true);
    expect(hub.signedIn).toEqual(new Set([undefined, "Bearer hf_wrong", "Bearer hf_secret"]));
    expect(hub.storage.signedIn).toEqual(new Set([undefined]));
    expect(JSON.stringify(await store.list())).not.toContain("hf_");
    for (const name of await readdir(folder))
      if (name.endsWith(".json")) expect(await readFile(join(folder, name), "utf8")).not.toContain("hf_");
  },
);

test("a token goes to its origin over an enciphered line, and nowhere else", () => {
  const tokens = [
    { origin: "https://hub.example", token: "a" },
    { origin: "http://hub.example", token: "b" },
    { origin: "http://127.0.0.1:8040", token: "c" },
  ];
  expect(tokenFor("https://hub.example/ada/tiny", tokens)).toBe("a");
  expect(tokenFor("https://hub.example:8443/ada/tiny", tokens)).toBeUndefined();
  expect(tokenFor("https://evil.example/hub.example", tokens)).toBeUndefined();
  expect(tokenFor("https://hub.example@evil.example/", tokens)).toBeUndefined();
  expect(tokenFor("http://hub.example/ada/tiny", tokens)).toBeUndefined();
  expect(tokenFor("http://127.0.0.1:8040/ada/tiny", tokens)).toBe("c");
});

test("redirects that never end, or lead out of the web, are refused", async () => {
  const round = (response: ServerResponse): void => void response.writeHead(302, { location: address() }).end();
  hub.next.push(...Array.from({ length: 11 }, () => round));
  expect(await failure(get(storeOf()))).toMatch(/^unavailable: /);
  hub.next.push((response) => response.writeHead(302, { location: "file:///etc/hosts" }).end());
  expect(await failure(get(storeOf()))).toMatch(/^unavailable: /);
});

test("room is made by those that were not wanted for longest, never by what is pinned", async () => {
  for (const [index, file] of ["one", "two", "three", "four"].entries())
    hub.add(`ada/tiny/onnx/${file}`, variedBytes(2 * MIB, index));
  const store = storeOf();
  await get(store, "one");
  await get(store, "two");
  await get(store, "three");
  await store.setPinned(address("one"), true);
  const small = storeOf({ files: { ...folderFiles(folder), room: () => Promise.resolve(33 * MIB) } });
  await get(small, "four");
  expect((await store.list()).map(({ url }) => url)).toEqual(["four", "three", "one"].map(address));
  const full = storeOf({ files: { ...folderFiles(folder), room: () => Promise.resolve(0) } });
  expect(await failure(get(full, "two"))).toBe(
    "exhausted: The file has 3 MB, and there is room for 0 MB. Remove something first.",
  );
  expect(await store.list()).toHaveLength(3);
  expect(await failure(store.setPinned(address("two"), true))).toBe("missing: two is not kept here any more.");
});
