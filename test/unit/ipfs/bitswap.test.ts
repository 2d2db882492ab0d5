/** Blocks between two peers by Bitswap, over real sockets on this machine. */
import { randomBytes } from "node:crypto";
import { afterEach, expect, it } from "vitest";
import { blockCid } from "#core/store/cid.ts";
import { fetchBlocks } from "#core/store/fetch-blocks.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { buildFiles } from "#core/artefact/files.ts";
import { type Exchange, type ExchangeOptions } from "#plugins/ipfs/bitswap.ts";
import { startBitswap } from "#plugins/ipfs/index.ts";
import { startLibp2p } from "#plugins/libp2p/index.ts";

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function peer(options: ExchangeOptions): Promise<{ readonly exchange: Exchange; readonly address: string }> {
  let exchange: Exchange | undefined;
  const running = await startLibp2p({
    targets: [],
    iceServers: [],
    listen: ["/ip4/127.0.0.1/tcp/0/ws"],
    onState: () => undefined,
    beside: async (node) => (exchange = await startBitswap(node, options)),
  });
  open.push(() => running.close());
  const [address] = running.state.addresses;
  if (!exchange || address === undefined) throw new Error("it runs and listens");
  return { exchange, address };
}

it("brings a directory of many blocks, whole and checked", async () => {
  const theirs = new MemoryBlockStore();
  const content = randomBytes(5 * 1024 * 1024);
  const built = await buildFiles(
    [
      { path: "big.bin", content },
      { path: "a/small.txt", content: new TextEncoder().encode("hello\n") },
    ],
    theirs,
  );
  const giver = await peer({ blocks: theirs });
  const asker = await peer({ blocks: new MemoryBlockStore() });
  await asker.exchange.connect(giver.address);
  const mine = new MemoryBlockStore();
  const { bytes } = await fetchBlocks([built.cid], mine, asker.exchange.source);
  expect(bytes).toBeGreaterThan(content.length);
  expect(await mine.has(built.cid)).toBe(true);
}, 60_000);

it("says that nobody has a block, and gives none that may not be given", async () => {
  const theirs = new MemoryBlockStore();
  const cid = await theirs.put(new TextEncoder().encode("not for you"));
  const giver = await peer({ blocks: theirs, isGiven: (name) => name !== cid });
  const asker = await peer({ blocks: new MemoryBlockStore(), patience: 1000 });
  await asker.exchange.connect(giver.address);
  expect(await asker.exchange.source.get(cid)).toBeUndefined();
  expect(await asker.exchange.source.get(await blockCid(randomBytes(8)))).toBeUndefined();
}, 60_000);

it("tells a peer that lies from one that has the block", async () => {
  const wanted = new TextEncoder().encode("what was asked for");
  const cid = await blockCid(wanted);
  const lies = {
    get: () => Promise.resolve(new TextEncoder().encode("something else")),
    has: () => Promise.resolve(true),
  };
  const liar = await peer({ blocks: lies });
  const asker = await peer({ blocks: new MemoryBlockStore(), patience: 2000 });
  await asker.exchange.connect(liar.address);
  expect(await asker.exchange.source.get(cid)).toBeUndefined();
  const honest = new MemoryBlockStore();
  await honest.put(wanted);
  const other = await peer({ blocks: honest });
  await asker.exchange.connect(other.address);
  expect(await asker.exchange.source.get(cid)).toEqual(wanted);
}, 60_000);

it("says what is wrong with an address", async () => {
  const { exchange } = await peer({ blocks: new MemoryBlockStore() });
  await expect(exchange.connect("nonsense")).rejects.toMatchObject({ code: "invalid" });
  await expect(
    exchange.connect("/ip4/127.0.0.1/tcp/1/ws/p2p/12D3KooWL36NzkFM4DZJKXx4ygZhNP1vANUubKL4BB1vxVLH5vJR"),
  ).rejects.toMatchObject({ code: "unavailable" });
}, 60_000);
