/** What every DocStore and BlockStore has to do. Called with a way to make a fresh, empty one. */
import { KromaError } from "#core/base/errors.ts";
import type { BlockStore, DocStore } from "#core/store/stores.ts";
import { describe, expect, it } from "vitest";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** The suite for document stores. `again` opens the same store anew, when it outlives its object. */
export function describeDocStore(
  name: string,
  make: () => Promise<DocStore>,
  again?: (old: DocStore) => Promise<DocStore>,
): void {
  describe(`${name} as a document store`, () => {
    it("gives back what was written, and undefined for what was not", async () => {
      const store = await make();
      await store.write({ put: [[["a", "b"], bytes(1, 2)]] });
      expect(await store.load(["a", "b"])).toEqual(bytes(1, 2));
      expect(await store.load(["a"])).toBeUndefined();
      expect(await store.load(["a", "b", "c"])).toBeUndefined();
      store.close();
    });

    it("puts and removes in one batch", async () => {
      const store = await make();
      await store.write({
        put: [
          [["k", "1"], bytes(1)],
          [["k", "2"], bytes(2)],
        ],
      });
      await store.write({
        put: [
          [["k", "3"], bytes(3)],
          [["k", "2"], bytes(22)],
        ],
        remove: [
          ["k", "1"],
          ["k", "none"],
        ],
      });
      expect(await store.loadRange(["k"])).toEqual([
        [["k", "2"], bytes(22)],
        [["k", "3"], bytes(3)],
      ]);
      store.close();
    });

    it("writes nothing of a batch in which one entry can't be written", async () => {
      const store = await make();
      await store.write({ put: [[["k", "1"], bytes(1)]] });
      const unwritable = (() => undefined) as unknown as Uint8Array;
      await expect(
        store.write({
          put: [
            [["k", "2"], bytes(2)],
            [["k", "3"], unwritable],
          ],
          remove: [["k", "1"]],
        }),
      ).rejects.toThrow();
      expect(await store.loadRange(["k"])).toEqual([[["k", "1"], bytes(1)]]);
      store.close();
    });

    it("gives a range in key order, with nothing of its neighbours", async () => {
      const store = await make();
      const keys = [
        ["b", "x"],
        ["a"],
        ["b"],
        ["b", "x", "1"],
        ["ba"],
        ["b", ""],
        ["b", "\u{10FFFF}"],
        ["b", "X"],
        ["c"],
      ];
      await store.write({ put: keys.map((key, index) => [key, bytes(index)] as const) });
      const range = await store.loadRange(["b"]);
      expect(range.map(([key]) => key)).toEqual([
        ["b"],
        ["b", ""],
        ["b", "X"],
        ["b", "x"],
        ["b", "x", "1"],
        ["b", "\u{10FFFF}"],
      ]);
      expect((await store.loadRange([])).length).toBe(keys.length);
      expect(await store.loadRange(["nothing"])).toEqual([]);
      store.close();
    });

    it("keeps its own copy of bytes", async () => {
      const store = await make();
      const whole = bytes(9, 1, 2, 9);
      const mine = whole.subarray(1, 3);
      await store.write({ put: [[["k"], mine]] });
      whole.fill(0);
      const read = (await store.load(["k"])) as Uint8Array;
      expect(read).toEqual(bytes(1, 2));
      read.fill(7);
      expect(await store.load(["k"])).toEqual(bytes(1, 2));
      store.close();
    });

    it("takes an empty batch and empty bytes", async () => {
      const store = await make();
      await store.write({});
      await store.write({ put: [[["empty"], bytes()]] });
      expect(await store.load(["empty"])).toEqual(bytes());
      store.close();
    });

    it("refuses as unavailable once it is closed", async () => {
      const store = await make();
      store.close();
      await expect(store.load(["k"])).rejects.toMatchObject({ code: "unavailable" });
      await expect(store.write({})).rejects.toBeInstanceOf(KromaError);
    });

    if (again) {
      it("has everything when it is opened again", async () => {
        const store = await make();
        await store.write({ put: [[["k"], bytes(1, 2, 3)]] });
        store.close();
        const reopened = await again(store);
        expect(await reopened.load(["k"])).toEqual(bytes(1, 2, 3));
        reopened.close();
      });
    }
  });
}

/** The suite for block stores. `damage` changes the stored bytes behind the store's back, where that can be done. */
export function describeBlockStore(
  name: string,
  make: () => Promise<BlockStore>,
  damage?: (store: BlockStore, cid: string) => Promise<void>,
): void {
  describe(`${name} as a block store`, () => {
    it("names a block by its content", async () => {
      const store = await make();
      // SHA2-256 of "hello world" under version 1 and raw codec, computed by hand with another program.
      const cid = await store.put(new TextEncoder().encode("hello world"));
      expect(cid).toBe("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
      expect(await store.put(new TextEncoder().encode("hello world"))).toBe(cid);
      expect(new TextDecoder().decode(await store.get(cid))).toBe("hello world");
    });

    it("knows what it has, and forgets what is removed", async () => {
      const store = await make();
      const cid = await store.put(bytes(1, 2, 3));
      expect(await store.has(cid)).toBe(true);
      await store.remove(cid);
      await store.remove(cid);
      expect(await store.has(cid)).toBe(false);
      expect(await store.get(cid)).toBeUndefined();
    });

    it("keeps its own copy of bytes", async () => {
      const store = await make();
      const mine = bytes(1, 2, 3);
      const cid = await store.put(mine);
      mine.fill(0);
      expect(await store.get(cid)).toEqual(bytes(1, 2, 3));
    });

    if (damage) {
      it("refuses a block whose bytes are not those of its name", async () => {
        const store = await make();
        const cid = await store.put(bytes(1, 2, 3));
        await damage(store, cid);
        await expect(store.get(cid)).rejects.toMatchObject({ code: "corrupt" });
      });
    }
  });
}
