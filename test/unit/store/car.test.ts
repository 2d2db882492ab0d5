import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as dagCbor from "@ipld/dag-cbor";
import fc from "fast-check";
import { CID } from "multiformats/cid";
import { identity } from "multiformats/hashes/identity";
import { sha256 } from "multiformats/hashes/sha2";
import { describe, expect, it } from "vitest";
import { carBytes, exportCar, importCar, openCar } from "#core/store/car.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import type { WalkedBlock } from "#core/store/walk.ts";

const folder = join(import.meta.dirname, "../../fixtures/car");
const stream = (name: string): AsyncIterable<Uint8Array> => createReadStream(join(folder, `${name}.car`));
const bytesOf = (name: string): Promise<Buffer> => readFile(join(folder, `${name}.car`));

/** Fixtures of the specifications of IPFS. */
const BY_KUBO = [
  "nested-directories",
  "utf8-names",
  "dir-with-files",
  "percent-encoded-name",
  "dag-cbor-traversal",
  "dag-cbor-with-links",
  "symlink",
];

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

/** The same bytes in pieces of so many. */
async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<readonly WalkedBlock[]> {
  const blocks: WalkedBlock[] = [];
  for await (const block of (await openCar(pieces)).blocks) blocks.push(block);
  return blocks;
}

const car = (roots: readonly string[], ...blocks: readonly WalkedBlock[]): Promise<Buffer> =>
  joined(
    carBytes(
      roots,
      (async function* () {
        yield* blocks;
      })(),
    ),
  );

describe("CAR files of other programs", () => {
  it("are written again as they were read", async () => {
    for (const name of ["carv1-basic", "hamt", "simple-unixfs", "simple-unixfs-missing-blocks", ...BY_KUBO]) {
      const read = await openCar(stream(name));
      expect(read.version).toBe(1);
      expect(Buffer.compare(await joined(carBytes(read.roots, read.blocks)), await bytesOf(name)), name).toBe(0);
    }
  });

  it("are the same bytes when they were imported and are exported", async () => {
    for (const name of ["carv1-basic", "hamt", "simple-unixfs", ...BY_KUBO]) {
      const store = new MemoryBlockStore();
      const { roots } = await importCar(stream(name), store);
      expect(Buffer.compare(await joined(exportCar(roots, store)), await bytesOf(name)), name).toBe(0);
    }
  });

  it("are read in version 2 too, which has one of version 1 in it", async () => {
    for (const name of ["carv2-basic", "sample-unixfs-v2", "sample-rw-bs-v2", "selector-fixtures-adl"]) {
      const read = await openCar(stream(name));
      expect(read.version).toBe(2);
      const inner = await joined(carBytes(read.roots, read.blocks));
      expect((await bytesOf(name)).indexOf(inner), name).toBeGreaterThan(0);
    }
  });

  it("are refused when they are damaged or none, with a reason", async () => {
    const wrong = ["badheaderlength", "badsectionlength", "sample-corrupt-pragma", "sample-rootless-v42"];
    for (const name of wrong) await expect(readAll(stream(name)), name).rejects.toMatchObject({ code: "corrupt" });
    // Blocks named by BLAKE2b, which can't be checked here.
    await expect(readAll(stream("sample-v1-with-zero-len-section2"))).rejects.toMatchObject({ code: "invalid" });
    const lacking = new MemoryBlockStore();
    const { roots } = await importCar(stream("simple-unixfs-missing-blocks"), lacking);
    await expect(joined(exportCar(roots, lacking))).rejects.toMatchObject({ code: "missing" });
  });
});

describe("a CAR file", () => {
  it("is read the same in pieces of any size", async () => {
    const whole = await bytesOf("carv1-basic");
    const blocks = await readAll(inPieces(whole, whole.length));
    for (const length of [1, 2, 7, 100]) expect(await readAll(inPieces(whole, length))).toEqual(blocks);
  });

  it("keeps no roots, roots that are not in it, inline blocks and codecs that are not looked into", async () => {
    const inline = CID.createV1(0x55, identity.digest(Uint8Array.of(1, 2))).toString();
    // dag-json.
    const json = new TextEncoder().encode('{"a":{"/":"bafkqaaa"}}');
    const other = CID.createV1(0x0129, await sha256.digest(json)).toString();
    const odd = await car(
      [],
      { cid: inline, bytes: Uint8Array.of(1, 2) },
      { cid: other, bytes: json },
      { cid: other, bytes: json },
    );
    const read = await openCar(inPieces(odd, 10));
    expect(read.roots).toEqual([]);
    expect(Buffer.compare(await joined(carBytes(read.roots, read.blocks)), odd)).toBe(0);
    const store = new MemoryBlockStore();
    expect(await importCar(inPieces(odd, 10), store)).toMatchObject({ roots: [], blocks: 3 });
    expect(await store.get(other)).toEqual(json);
    expect((await openCar(inPieces(await car([other, "bafkqaaa", other]), 5))).roots).toEqual([
      other,
      "bafkqaaa",
      other,
    ]);
  });

  it("cut off anywhere but between two blocks is refused", async () => {
    const whole = await bytesOf("carv1-basic");
    const ends = new Set([100]);
    let at = 100;
    for (const { cid, bytes } of await readAll(inPieces(whole, 1000))) {
      const length = CID.parse(cid).bytes.length + bytes.length;
      at += length + (length > 127 ? 2 : 1);
      ends.add(at);
    }
    expect(at).toBe(whole.length);
    for (let length = 0; length < whole.length; length += 1) {
      const reading = readAll(inPieces(whole.subarray(0, length), 1000));
      if (ends.has(length)) expect((await reading).length).toBeLessThan(ends.size - 1);
      else await expect(reading, `${length}`).rejects.toMatchObject({ code: "corrupt" });
    }
  });

  it("with any byte changed is refused, or has other names, but never other bytes under a name", async () => {
    const whole = await bytesOf("carv1-basic");
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Uint8Array.from(whole);
        changed[at] = (changed[at] as number) ^ change;
        const blocks = await readAll(inPieces(changed, 300)).catch((error: unknown) => {
          expect(error).toMatchObject({ name: "KromaError" });
          return [];
        });
        for (const { cid, bytes } of blocks) {
          const { multihash } = CID.parse(cid);
          if (multihash.code !== identity.code) expect((await sha256.digest(bytes)).digest).toEqual(multihash.digest);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("that promises endless lengths is not waited for, and its stream is let go", async () => {
    let isLetGo = false;
    async function* endless(start: Uint8Array): AsyncGenerator<Uint8Array> {
      try {
        yield start;
        for (;;) yield new Uint8Array(65_536);
      } finally {
        isLetGo = true;
      }
    }
    const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
    for (const start of [huge, Buffer.concat([await car([]), huge]), Uint8Array.of(0xff, 0xff), new Uint8Array(1)]) {
      isLetGo = false;
      await expect(readAll(endless(start))).rejects.toMatchObject({ code: "corrupt" });
      expect(isLetGo).toBe(true);
    }
  });

  it("with a block of more than 2 MiB, or more in it than the limits, is refused", async () => {
    const bytes = new Uint8Array(2 * 1024 * 1024 + 1);
    const cid = CID.createV1(0x55, await sha256.digest(bytes)).toString();
    await expect(readAll(inPieces(await car([cid], { cid, bytes }), 65_536))).rejects.toMatchObject({
      code: "corrupt",
    });
    const small = await car([], ...(await readAll(stream("hamt"))));
    const importing = importCar(inPieces(small, 1000), new MemoryBlockStore(), { limits: { blocks: 35, bytes: 1e6 } });
    await expect(importing).rejects.toMatchObject({ code: "exhausted" });
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const importing = importCar(stream("hamt"), new MemoryBlockStore(), {
      signal: stop.signal,
      came: () => stop.abort(),
    });
    // The file is one piece, so the whole of it may be read before anybody looks; a second one is not asked for.
    await expect(
      importing.then(() => importCar(stream("hamt"), new MemoryBlockStore(), { signal: stop.signal })),
    ).rejects.toMatchObject({ code: "aborted" });
  });

  it("whose header has another shape is none", async () => {
    for (const header of [{ version: 1 }, { version: 3, roots: [] }, { version: 1, roots: ["x"] }, [], 1]) {
      const bytes = dagCbor.encode(header);
      await expect(readAll(inPieces(Buffer.concat([Uint8Array.of(bytes.length), bytes]), 9))).rejects.toMatchObject({
        code: "corrupt",
      });
    }
  });
});
