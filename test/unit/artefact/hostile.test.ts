/** Directories and files that somebody made to do harm: core/artefact/SPEC.md, F1 to F4. */
import * as dagPb from "@ipld/dag-pb";
import { UnixFS } from "ipfs-unixfs";
import { importer } from "ipfs-unixfs-importer";
import { CID } from "multiformats/cid";
import { beforeEach, describe, expect, it } from "vitest";
import { buildFiles } from "#core/artefact/files.ts";
import { kindOf, listDirectory, listFiles, readFile, readWhole, resolvePath } from "#core/artefact/unixfs.ts";
import { codecOf } from "#core/store/cid.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import type { BlockSource } from "#core/store/stores.ts";
import { text } from "./kit.ts";

let store: MemoryBlockStore;
let asked: number;
let source: BlockSource;
beforeEach(() => {
  store = new MemoryBlockStore();
  asked = 0;
  source = {
    get(cid) {
      asked += 1;
      return store.get(cid);
    },
  };
});

interface Entry {
  readonly name?: string;
  readonly cid: string;
  readonly size?: number;
}

/** A node as bytes, without the order that dag-pb asks of its makers. */
function node(data: UnixFS, entries: readonly Entry[]): Promise<string> {
  const links = entries.map(({ name = "", cid, size = 0 }) => ({ Name: name, Hash: CID.parse(cid), Tsize: size }));
  const bytes: number[] = [];
  for (const { Name, Hash, Tsize } of links) {
    const one = dagPb.encode({ Links: [{ Name, Hash, Tsize }] });
    bytes.push(...one);
  }
  bytes.push(...dagPb.encode({ Data: data.marshal(), Links: [] }));
  return store.put(Uint8Array.from(bytes), "dag-pb");
}

const directory = (...entries: readonly Entry[]): Promise<string> => node(new UnixFS({ type: "directory" }), entries);
const file = (sizes: readonly number[], ...cids: readonly string[]): Promise<string> =>
  node(
    new UnixFS({ type: "file", blockSizes: sizes.map(BigInt) }),
    cids.map((cid) => ({ cid })),
  );

async function bytesOf(cid: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readFile(cid, source)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe("F2: names", () => {
  it("that lead out, are none, disguise themselves or come twice are refused", async () => {
    const leaf = await store.put(text("x"));
    const wrong = ["..", ".", "", "a/b", "/etc", "a\\b", "a\0b", "a\nb", "\u202etxt.exe", "x".repeat(256)];
    for (const name of wrong) {
      const cid = await directory({ name, cid: leaf });
      await expect(listFiles(cid, source), JSON.stringify(name)).rejects.toMatchObject({ code: "corrupt" });
      const deep = await directory({ name: "deep", cid });
      await expect(listFiles(deep, source)).rejects.toMatchObject({ code: "corrupt" });
    }
    const twice = await directory({ name: "a", cid: leaf }, { name: "b", cid: leaf }, { name: "a", cid: leaf });
    await expect(listFiles(twice, source)).rejects.toMatchObject({ code: "corrupt" });
    await expect(resolvePath(twice, "a", source)).rejects.toMatchObject({ code: "corrupt" });
    await expect(resolvePath(await directory(), "../a", source)).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("F3: lengths", () => {
  it("that are not true are refused at every level", async () => {
    const leaf = await store.put(text("12345"));
    expect(await bytesOf(await file([5, 5], leaf, leaf))).toBe("1234512345");
    const inner = await file([5], leaf);
    expect(await bytesOf(await file([5], inner))).toBe("12345");
    for (const cid of [
      await file([4], leaf),
      await file([6], leaf),
      await file([5, 5], leaf),
      await file([5], leaf, leaf),
      await file([5], await file([4], leaf)),
      await file([10], inner),
      await file([5], await directory({ name: "a", cid: leaf })),
    ])
      await expect(bytesOf(cid), cid).rejects.toMatchObject({ code: "corrupt" });
  });

  it("that can't be are refused before anything is read", async () => {
    const huge = new UnixFS({ type: "file", blockSizes: [2n ** 63n - 1n, 2n ** 63n - 1n] });
    const leaf = await store.put(text("x"));
    const cid = await node(huge, [{ cid: leaf }, { cid: leaf }]);
    await expect(kindOf(cid, source)).rejects.toMatchObject({ code: "corrupt" });
    const large = await file([1e12], leaf);
    await expect(readWhole(large, source, 1000)).rejects.toMatchObject({ code: "exhausted" });
  });
});

describe("F4: bombs", () => {
  it("of nothing at all, a thousand times a thousand times a thousand, cost nothing", async () => {
    let cid = await store.put(new Uint8Array());
    for (let depth = 0; depth < 6; depth += 1)
      cid = await file(Array<number>(1000).fill(0), ...Array<string>(1000).fill(cid));
    expect(await bytesOf(cid)).toBe("");
    expect(asked).toBe(1);
  });

  it("of one block again and again, larger than any disk, are refused", async () => {
    let cid = await store.put(new Uint8Array(1_000_000));
    for (let size = 1e6; size < 1e12; size *= 100)
      cid = await file(Array<number>(100).fill(size), ...Array<string>(100).fill(cid));
    expect(await kindOf(cid, source)).toEqual({ kind: "file", size: 1e12 });
    await expect(listFiles(await directory({ name: "a", cid }), source)).rejects.toMatchObject({ code: "exhausted" });
  });

  it("of depth are refused, in files and in directories", async () => {
    let deep = await store.put(text("x"));
    for (let depth = 0; depth < 100; depth += 1) deep = await file([1], deep);
    await expect(bytesOf(deep)).rejects.toMatchObject({ code: "exhausted" });
    let folder = await directory();
    for (let depth = 0; depth < 100; depth += 1) folder = await directory({ name: "a", cid: folder });
    await expect(listFiles(folder, source)).rejects.toMatchObject({ code: "exhausted" });
  });

  it("of width, one directory under many names again and again, are refused", async () => {
    let cid = await directory();
    for (let depth = 0; depth < 8; depth += 1)
      cid = await directory(...Array.from({ length: 20 }, (_, index) => ({ name: `d${index}`, cid })));
    await expect(listFiles(cid, source)).rejects.toMatchObject({ code: "exhausted" });
  });

  it("of shards without an end are refused", async () => {
    const shard = (...entries: readonly Entry[]): Promise<string> =>
      node(new UnixFS({ type: "hamt-sharded-directory", fanout: 256n, hashType: 0x22n }), entries);
    let cid = await shard();
    for (let depth = 0; depth < 20; depth += 1)
      cid = await shard(...Array.from({ length: 10 }, (_, index) => ({ name: `0${index}`, cid })));
    const list = async (): Promise<void> => {
      for await (const _ of listDirectory(cid, source));
    };
    await expect(list()).rejects.toMatchObject({ code: "exhausted" });
    const strange = await node(new UnixFS({ type: "hamt-sharded-directory", fanout: 1n }), []);
    await expect(listFiles(strange, source)).rejects.toMatchObject({ code: "corrupt" });
  });
});

describe("F1: what others made", () => {
  /** Files as other settings lay them out. */
  async function imported(
    options: Parameters<typeof importer>[2],
    files: Parameters<typeof importer>[0],
  ): Promise<string> {
    let root = "";
    const writable = {
      put: async (cid: CID, bytes: unknown) => {
        await store.put(bytes as Uint8Array, codecOf(cid.toString()));
        return cid;
      },
    };
    for await (const entry of importer(files, writable, options)) root = entry.cid.toString();
    return root;
  }

  it("is read in Kubo's older layout, whose parts have bytes in dag-pb", async () => {
    const content = new Uint8Array(600_000).map((_, index) => (index * 31) >> 4);
    const cid = await imported({ profile: "unixfs-v0-2015", wrapWithDirectory: true }, [{ path: "a/b.bin", content }]);
    expect(cid.startsWith("Qm")).toBe(true);
    const [entry] = await listFiles(cid, source);
    expect(entry).toMatchObject({ path: "a/b.bin", size: content.length });
    expect(Buffer.compare(await readWhole(entry?.cid ?? "", source, 1e6), content)).toBe(0);
    for (const [offset, length] of [
      [0, 10],
      [262_140, 10],
      [599_995, 100],
      [600_000, 10],
    ] as const) {
      const pieces: Uint8Array[] = [];
      for await (const piece of readFile(entry?.cid ?? "", source, { offset, length })) pieces.push(piece);
      expect(Buffer.compare(Buffer.concat(pieces), content.subarray(offset, offset + length)), `${offset}`).toBe(0);
    }
  });

  it("is read a few blocks ahead of its reader, and no more, whatever becomes of those", async () => {
    const leaves = await Promise.all(Array.from({ length: 50 }, (_, index) => store.put(text(`leaf ${index + 10}`))));
    const cid = await file(Array<number>(50).fill(7), ...leaves);
    await store.remove(leaves[12] as string);
    let asks = 0;
    const lacking: BlockSource = {
      get(name) {
        asks += 1;
        return store.get(name);
      },
    };
    const reader = readFile(cid, lacking);
    let read = "";
    for (let index = 0; index < 5; index += 1) read += Buffer.from((await reader.next()).value ?? []).toString();
    expect(read).toBe("leaf 10leaf 11leaf 12leaf 13leaf 14");
    expect(asks).toBeLessThan(20);
    await expect(
      (async () => {
        for await (const _ of reader);
      })(),
    ).rejects.toMatchObject({ code: "missing" });
    expect(asks).toBeLessThan(30);
  });

  it("is read in sharded directories", async () => {
    const files = Array.from({ length: 500 }, (_, index) => ({ path: `file-${index}.txt`, content: text(`${index}`) }));
    const cid = await imported(
      { profile: "unixfs-v1-2025", wrapWithDirectory: true, shardSplitThresholdBytes: 1000 },
      files,
    );
    const listed = await listFiles(cid, source);
    expect(listed.map(({ path }) => path)).toEqual(files.map(({ path }) => path).sort());
    expect(await bytesOf((await resolvePath(cid, "file-77.txt", source)) ?? "")).toBe("77");
  });

  it("has the names that the same files have here", async () => {
    const files = [
      { path: "a.txt", content: text("a") },
      { path: "deep/er/b.bin", content: new Uint8Array(1_500_000).fill(3) },
      { path: "empty", content: new Uint8Array() },
    ];
    const theirs = await imported({ profile: "unixfs-v1-2025", wrapWithDirectory: true }, files);
    expect((await buildFiles([...files].reverse(), new MemoryBlockStore())).cid).toBe(theirs);
    expect((await buildFiles([], new MemoryBlockStore())).cid).toBe(
      "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
    );
  });
});
