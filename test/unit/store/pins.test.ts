import * as dagCbor from "@ipld/dag-cbor";
import { CID } from "multiformats/cid";
import { identity } from "multiformats/hashes/identity";
import { beforeEach, describe, expect, it } from "vitest";
import { fetchBlocks } from "#core/store/fetch-blocks.ts";
import { MemoryBlockStore, MemoryDocStore } from "#core/store/memory.ts";
import { collectGarbage, Pins } from "#core/store/pins.ts";
import { walkBlocks, WALK_LIMITS } from "#core/store/walk.ts";

let blocks: MemoryBlockStore;
let pins: Pins;
beforeEach(() => {
  blocks = new MemoryBlockStore();
  pins = new Pins(new MemoryDocStore());
});

const leaf = (value: number): Promise<string> => blocks.put(Uint8Array.of(value));
const node = (...cids: readonly string[]): Promise<string> =>
  blocks.put(dagCbor.encode({ links: cids.map((cid) => CID.parse(cid)) }), "dag-cbor");

async function walked(roots: readonly string[], limits = WALK_LIMITS): Promise<readonly string[]> {
  const cids: string[] = [];
  for await (const { cid } of walkBlocks(roots, blocks, { limits })) cids.push(cid);
  return cids;
}

describe("a walk", () => {
  it("comes by each block once, depth first, in the order of links", async () => {
    const [one, two, three] = [await leaf(1), await leaf(2), await leaf(3)];
    const inner = await node(two, one);
    const root = await node(one, inner, three, inner);
    expect(await walked([root, three])).toEqual([root, one, inner, two, three]);
  });

  it("goes through inline blocks, which are none of their own, and so do fetching and collecting", async () => {
    const one = await leaf(1);
    const inner = CID.createV1(0x71, identity.digest(dagCbor.encode([CID.parse(one)]))).toString();
    const outer = CID.createV1(0x71, identity.digest(dagCbor.encode({ inner: CID.parse(inner) }))).toString();
    const root = await node(outer, inner);
    expect(await walked([root])).toEqual([root, one]);
    expect(await walked([outer])).toEqual([one]);
    const other = new MemoryBlockStore();
    await fetchBlocks([root], other, blocks);
    expect(await other.has(one)).toBe(true);
    await pins.add(root);
    expect(await collectGarbage(blocks, pins)).toMatchObject({ removed: 0 });
  });

  it("does not go round a wide and deep tree of one block for ever", async () => {
    let cid = await leaf(1);
    for (let depth = 0; depth < 40; depth += 1) cid = await node(...Array<string>(50).fill(cid));
    expect((await walked([cid])).length).toBe(41);
  });

  it("stops at the limits of depth, blocks and bytes", async () => {
    let deep = await leaf(1);
    for (let depth = 0; depth < 100; depth += 1) deep = await node(deep);
    const wide = await node(...(await Promise.all(Array.from({ length: 100 }, (_, index) => leaf(index)))));
    await expect(walked([deep])).rejects.toMatchObject({ code: "exhausted" });
    await expect(walked([wide], { ...WALK_LIMITS, blocks: 100 })).rejects.toMatchObject({ code: "exhausted" });
    await expect(walked([wide], { ...WALK_LIMITS, bytes: 1000 })).rejects.toMatchObject({ code: "exhausted" });
    expect((await walked([wide], { ...WALK_LIMITS, blocks: 101 })).length).toBe(101);
  });
});

describe("pins", () => {
  it("are kept by what they pin, however it is spelled", async () => {
    const cid = await node();
    await pins.add(cid, "a notebook");
    await pins.add(cid);
    expect(await pins.list()).toEqual([{ cid }]);
    expect(await pins.remove(cid)).toBe(true);
    expect(await pins.remove(cid)).toBe(false);
    expect(await pins.list()).toEqual([]);
  });

  it("are kept once the blocks are where a power cut does not reach them, and not if they can't be", async () => {
    const documents = new MemoryDocStore();
    const before: number[] = [];
    const careful = new Pins(documents, async () => {
      before.push((await new Pins(documents).list()).length);
      if (before.length > 1) throw new Error("the disk is gone");
    });
    await careful.add(await node());
    await expect(careful.add(await leaf(1))).rejects.toThrow("the disk is gone");
    expect(before).toEqual([0, 1]);
    expect((await careful.list()).length).toBe(1);
  });

  it("keep everything below them, and nothing else is kept", async () => {
    const [one, two, three, four] = [await leaf(1), await leaf(2), await leaf(3), await leaf(4)];
    const inner = await node(one, two);
    const root = await node(inner);
    await pins.add(root);
    const unpinned = await node(three, two);
    expect(await collectGarbage(blocks, pins, [four])).toEqual({ kept: 5, removed: 2 });
    for (const cid of [root, inner, one, two, four]) expect(await blocks.has(cid)).toBe(true);
    for (const cid of [unpinned, three]) expect(await blocks.has(cid)).toBe(false);
  });

  it("keep what is here when some of it is not", async () => {
    const [one, two] = [await leaf(1), await leaf(2)];
    const gone = await node(one);
    await pins.add(await node(gone, two));
    await blocks.remove(gone);
    await collectGarbage(blocks, pins);
    expect(await blocks.has(two)).toBe(true);
  });
});
