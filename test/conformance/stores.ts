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

async function namesOf(store: BlockStore): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of store.list()) names.push(name);
  return names;
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

    it("gives a block by the name of any codec and version, and has inline ones always", async () => {
      const store = await make();
      // The empty UnixFS directory, and an object with nothing in it: names that other programs give them.
      const directory = await store.put(bytes(0x0a, 0x02, 0x08, 0x01), "dag-pb");
      expect(directory).toBe("bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354");
      expect(await store.get("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")).toEqual(bytes(0x0a, 0x02, 0x08, 0x01));
      const data = await store.put(bytes(0xa0), "dag-cbor");
      expect(data).toBe("bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua");
      expect(await store.has(data)).toBe(true);
      expect(await store.get("bafkqaaa")).toEqual(bytes());
      expect(await store.has("bafkqaaa")).toBe(true);
      const names = await namesOf(store);
      expect(names.every((name) => name.startsWith("bafkrei"))).toBe(true);
      await store.remove(directory);
      expect(await store.has("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")).toBe(false);
      expect((await namesOf(store)).length).toBe(names.length - 1);
    });

    it("refuses what is no CID, and one whose hash it can't check", async () => {
      const store = await make();
      await expect(store.get("../../etc/passwd")).rejects.toMatchObject({ code: "invalid" });
      await expect(store.has("")).rejects.toMatchObject({ code: "invalid" });
      // SHA2-512 of nothing.
      const other =
        "bafkrgqgpqpqtk7xpxc67cvbikdlg3aah2yqoibilk4k5za7uveq5g3hjzzd5buj4lwc7fmh7qmmnfb365qxwhojrxvduc6ubuu4de6xze7nd4";
      await expect(store.get(other)).rejects.toMatchObject({ code: "invalid" });
      await expect(store.has(other)).rejects.toMatchObject({ code: "invalid" });
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
