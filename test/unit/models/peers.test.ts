/** Models of the web from the people of a notebook: real stores in real folders, and a hub that says which bytes are the right ones. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { blockCid } from "#core/store/cid.ts";
import type { FilePeers } from "#core/store/fetched.ts";
import { folderFiles } from "#plugins/models/folder-files.node.ts";
import { followingHub } from "#plugins/models/hub.ts";
import { ModelStore } from "#plugins/models/model-store.ts";
import { unixfsCid } from "#plugins/models/unixfs.ts";
import { type HubServer, startHubServer } from "./hub-server.ts";
import { failure, variedBytes } from "../kit.ts";

const MIB = 1024 * 1024;
const BYTES = variedBytes(5 * MIB + 7);
let folder: string;
let hub: HubServer;
let url: string;
let time = 0;

const storeOf = (name: string, isPrivate = false): ModelStore =>
  new ModelStore({
    files: folderFiles(join(folder, name)),
    fetch: followingHub((address, init) => fetch(address, init)),
    hasToken: () => isPrivate,
    now: () => ++time,
    largest: 100 * MIB,
  });
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

interface TestPeers extends FilePeers {
  given: number;
  readonly kept: unknown[];
}

/** Somebody who offers the file under a CID, gives so many blocks of it, and then has gone. */
function peersOf(cid: string, block: (cid: string) => Promise<Uint8Array | undefined>, most = Infinity): TestPeers {
  const peers: TestPeers = {
    given: 0,
    kept: [],
    offered: async (address) => (address === url ? [cid] : []),
    async block(wanted) {
      if (peers.given >= most) return undefined;
      peers.given += 1;
      return block(wanted);
    },
    keeps: (...file) => void peers.kept.push(file),
  };
  return peers;
}

/** Ana's store, which has the file, and its CID. */
async function anas(): Promise<{ readonly store: ModelStore; readonly cid: string; readonly peers: TestPeers }> {
  const store = storeOf("ana");
  const peers = peersOf("", async () => undefined);
  await store.get(url, { signal: new AbortController().signal, peers: { ...peers, offered: async () => [] } });
  const [kept] = await store.list();
  expect(peers.kept).toEqual([[url, kept?.cid, BYTES.length]]);
  return { store, cid: kept?.cid ?? "", peers };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-peers-"));
  hub = await startHubServer();
  hub.apiTellsHashes = true;
  hub.add("ada/tiny/model.onnx", BYTES, "mit");
  url = `${hub.url}/ada/tiny/resolve/main/model.onnx`;
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

test("a model comes from who has it, checked against its hub's hash, and no byte of it from the hub", async () => {
  const { store, cid } = await anas();
  const sent = hub.storage.sent;
  const peers = peersOf(cid, (wanted) => store.block(url, wanted));
  const ben = storeOf("ben");
  const progress: number[] = [];
  const signal = new AbortController().signal;
  const got = await ben.get(url, { signal, peers, onProgress: ({ bytes }) => progress.push(bytes) });
  expect(isSame(got, BYTES)).toBe(true);
  expect(hub.storage.sent).toBe(sent);
  expect(peers.given).toBeGreaterThanOrEqual(7);
  expect(progress.at(-1)).toBe(BYTES.length);
  expect(await ben.list()).toMatchObject([{ url, cid, isFromPeople: true, licence: "mit" }]);
  // He has it now, and gives it on.
  expect(peers.kept).toEqual([[url, cid, BYTES.length]]);
  expect(isSame((await ben.block(url, cid))!, (await store.block(url, cid))!)).toBe(true);
  expect(await store.block(url, await blockCid(new Uint8Array(3)))).toBeUndefined();
});

test("who gave up goes on where they were; and with the hub when the people have gone", async () => {
  const { store, cid } = await anas();
  const ben = storeOf("ben");
  const abort = new AbortController();
  const peers = peersOf(cid, (wanted) => store.block(url, wanted));
  const onProgress = ({ bytes }: { readonly bytes: number }): void => {
    if (bytes >= 2 * MIB) abort.abort(new Error("enough"));
  };
  await expect(ben.get(url, { signal: abort.signal, peers, onProgress })).rejects.toThrow("enough");
  expect((await ben.list())[0]?.bytes).toBeGreaterThanOrEqual(2 * MIB);
  expect((await ben.list())[0]?.cid).toBeUndefined();
  const again: number[] = [];
  const signal = new AbortController().signal;
  await ben.get(url, { signal, peers, onProgress: ({ bytes }) => again.push(bytes) });
  expect(again[0]).toBeGreaterThan(2 * MIB);
  const cleo = storeOf("cleo");
  const few = peersOf(cid, (wanted) => store.block(url, wanted), 3);
  expect(isSame(await cleo.get(url, { signal, peers: few }), BYTES)).toBe(true);
  expect(await cleo.list()).toMatchObject([{ cid, isFromPeople: false }]);
});

test("what is not what the hub says is thrown away, and without the hub's word nobody else's counts", async () => {
  const wrong = variedBytes(2 * MIB, 9);
  const cid = await unixfsCid([wrong.subarray(0, MIB), wrong.subarray(MIB)]);
  const [left, right] = [wrong.slice(0, MIB), wrong.slice(MIB)];
  const liar = storeOf("liar");
  hub.add("ada/other/model.onnx", wrong);
  const other = `${hub.url}/ada/other/resolve/main/model.onnx`;
  const signal = new AbortController().signal;
  await liar.get(other, { signal });
  expect(isSame((await liar.block(other, await blockCid(left)))!, left)).toBe(true);
  expect(isSame((await liar.block(other, await blockCid(right)))!, right)).toBe(true);
  const peers = peersOf(cid, (wanted) => liar.block(other, wanted));
  const ben = storeOf("ben");
  expect(isSame(await ben.get(url, { signal, peers }), BYTES)).toBe(true);
  expect(peers.given).toBeGreaterThan(0);
  expect(await ben.list()).toMatchObject([{ isFromPeople: false }]);
  hub.apiTellsHashes = false;
  const given = peers.given;
  expect(isSame(await storeOf("cleo").get(url, { signal, peers }), BYTES)).toBe(true);
  expect(peers.given).toBe(given);
  hub.isAway = true;
  expect(await failure(storeOf("dan").get(url, { signal, peers }))).toMatch(/^unavailable: /);
});

test("what was fetched with a token is given to nobody", async () => {
  const store = storeOf("ana", true);
  const peers = peersOf("", async () => undefined);
  await store.get(url, { signal: new AbortController().signal, peers: { ...peers, offered: async () => [] } });
  expect(peers.kept).toEqual([]);
  const [kept] = await store.list();
  expect(await store.block(url, kept?.cid ?? "")).toBeUndefined();
});
