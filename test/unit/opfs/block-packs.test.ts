import { describe, expect, it } from "vitest";
import { PackedBlockStore } from "#plugins/opfs/block-packs.ts";
import { describeBlockStore } from "../../conformance/stores.ts";
import { MemoryPacks } from "./memory-packs.ts";

const block = (seed: number, length = 100): Uint8Array => Uint8Array.from({ length }, (_, i) => (seed * 31 + i) % 251);
const flipLast = (bytes: Uint8Array): void => bytes.set([(bytes.at(-1) ?? 0) ^ 1], bytes.length - 1);
const packsOf = new WeakMap<object, MemoryPacks>();
const SMALL_PACK = 1000;

describeBlockStore(
  "Packs",
  async () => {
    const packs = new MemoryPacks();
    const store = new PackedBlockStore(packs);
    packsOf.set(store, packs);
    return store;
  },
  async (store) => {
    for (const bytes of (packsOf.get(store) as MemoryPacks).files.values()) flipLast(bytes);
  },
);

describe("Packs of blocks", () => {
  it("share one flush among blocks that are put together", async () => {
    const packs = new MemoryPacks();
    const store = new PackedBlockStore(packs);
    await Promise.all(Array.from({ length: 20 }, (_, seed) => store.put(block(seed))));
    expect(packs.flushes).toBeLessThan(4);
    expect((await store.usage()).blocks).toBe(20);
  });

  it("are read by a store that is opened later, and by one that was open already", async () => {
    const packs = new MemoryPacks();
    const [one, other] = [new PackedBlockStore(packs, SMALL_PACK), new PackedBlockStore(packs, SMALL_PACK)];
    const cids: string[] = [];
    for (let seed = 0; seed < 40; seed++) {
      const cid = await (seed % 2 ? one : other).put(block(seed));
      cids.push(cid);
      expect(await (seed % 2 ? other : one).get(cid)).toEqual(block(seed));
    }
    expect(packs.files.size).toBeGreaterThan(3);
    const later = new PackedBlockStore(packs.copy());
    for (const [seed, cid] of cids.entries()) expect(await later.get(cid)).toEqual(block(seed));
    expect((await later.usage()).blocks).toBe(40);
  });

  it("lose nothing of what was there, wherever a crash cuts what is being written", async () => {
    const packs = new MemoryPacks();
    const store = new PackedBlockStore(packs);
    const cids = [await store.put(block(1)), await store.put(block(2))];
    const safe = packs.bytes;
    await store.put(block(3));
    for (let length = safe; length <= packs.bytes; length++) {
      const after = packs.copy(length);
      const opened = new PackedBlockStore(after);
      const next = await opened.put(block(4));
      const again = new PackedBlockStore(after.copy());
      for (const [index, cid] of cids.entries()) expect(await again.get(cid)).toEqual(block(index + 1));
      expect(await again.get(next)).toEqual(block(4));
    }
  });

  it("give back room, and keep what others still hold", async () => {
    const packs = new MemoryPacks();
    const [one, other] = [new PackedBlockStore(packs, SMALL_PACK), new PackedBlockStore(packs, SMALL_PACK)];
    const cids = await Promise.all(Array.from({ length: 30 }, (_, seed) => one.put(block(seed))));
    for (const cid of cids) expect(await other.has(cid)).toBe(true);
    const before = packs.bytes;
    for (const cid of cids.slice(0, 25)) await one.remove(cid);
    expect(packs.bytes).toBeLessThan(before / 3);
    for (const [seed, cid] of cids.entries()) {
      const expected = seed < 25 ? undefined : block(seed);
      expect(await other.get(cid)).toEqual(expected);
      expect(await new PackedBlockStore(packs.copy()).get(cid)).toEqual(expected);
    }
  });

  it("put anew what another tab has removed meanwhile", async () => {
    const packs = new MemoryPacks();
    const [one, other] = [new PackedBlockStore(packs), new PackedBlockStore(packs)];
    const cid = await one.put(block(1));
    expect(await other.has(cid)).toBe(true);
    await other.remove(cid);
    expect(await one.put(block(1))).toBe(cid);
    expect(await new PackedBlockStore(packs.copy()).get(cid)).toEqual(block(1));
    expect(await other.get(cid)).toEqual(block(1));
  });

  it("never give a number of a pack twice", async () => {
    const packs = new MemoryPacks();
    const [one, other] = [new PackedBlockStore(packs), new PackedBlockStore(packs)];
    const first = await one.put(block(1));
    expect(await other.has(first)).toBe(true);
    await one.remove(first);
    const second = await one.put(block(2));
    expect(await other.get(second)).toEqual(block(2));
    expect(await other.get(first)).toBeUndefined();
  });

  it("refuse before a byte is written when there is no room, and go on when there is", async () => {
    const packs = new MemoryPacks();
    const store = new PackedBlockStore(packs);
    packs.room = 150;
    await expect(store.put(block(1, 1000))).rejects.toMatchObject({ code: "exhausted" });
    expect(packs.bytes).toBe(0);
    packs.room = 5000;
    const cid = await store.put(block(1, 1000));
    expect(await store.get(cid)).toEqual(block(1, 1000));
  });

  it("cut off half a block when the disk is fuller than the browser said", async () => {
    const packs = new MemoryPacks();
    const store = new PackedBlockStore(packs);
    const cid = await store.put(block(1));
    const before = packs.bytes;
    packs.disk = 60;
    await expect(store.put(block(2))).rejects.toMatchObject({ code: "exhausted" });
    expect(packs.bytes).toBe(before);
    packs.disk = Infinity;
    const next = await store.put(block(2));
    const opened = new PackedBlockStore(packs.copy());
    expect([await opened.get(cid), await opened.get(next)]).toEqual([block(1), block(2)]);
  });

  it("take a whole block in the place of a damaged one", async () => {
    const packs = new MemoryPacks();
    const store = new PackedBlockStore(packs);
    const cid = await store.put(block(1));
    for (const bytes of packs.files.values()) flipLast(bytes);
    await expect(store.get(cid)).rejects.toMatchObject({ code: "corrupt" });
    expect(await store.get(cid)).toBeUndefined();
    await store.put(block(1));
    expect(await store.get(cid)).toEqual(block(1));
  });
});
