/** Where files are cut: core/artefact/SPEC.md, F1 and F6. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentChunks, fixedChunks } from "#core/artefact/chunks.ts";
import { buildFiles } from "#core/artefact/files.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { text } from "./kit.ts";

async function* inPieces(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const length = lengths[index % lengths.length] as number;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of chunks) pieces.push(piece);
  return pieces;
}

/** Cells of a notebook, as its file has them. */
const cells = (count: number, changed?: number): Uint8Array =>
  text(
    Array.from({ length: count }, (_, index) => {
      const source = index === changed ? "print('changed, and longer than before')" : `print(${index * 7919})`;
      return `{"id": "cell-${index}", "source": ${JSON.stringify(source)}, "outputs": ["${`${index * 31} is shown; `.repeat(40)}"]},\n`;
    }).join(""),
  );

describe("F6: chunks by content", () => {
  it("are the same bytes, between 1 and 16 KiB, however the bytes come", async () => {
    const bytes = Uint8Array.from(Buffer.concat([cells(200), new Uint8Array(200_000)]));
    const whole = await all(contentChunks(inPieces(bytes, [bytes.length])));
    expect(Buffer.compare(Buffer.concat(whole), bytes)).toBe(0);
    expect(whole.length).toBeGreaterThan(10);
    for (const { length } of whole.slice(0, -1)) {
      expect(length).toBeGreaterThan(1024);
      expect(length).toBeLessThanOrEqual(16_384);
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 5 }),
        async (lengths) => {
          const pieces = await all(contentChunks(inPieces(bytes, [...lengths, 3000])));
          expect(pieces.map(({ length }) => length)).toEqual(whole.map(({ length }) => length));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("are cut as rule F6 says, byte by byte", async () => {
    const bytes = cells(60);
    const gear: number[] = [];
    for (let index = 0, state = 1; index < 256; index += 1) {
      state = (state ^ (state << 13)) >>> 0;
      state = (state ^ (state >>> 17)) >>> 0;
      state = (state ^ (state << 5)) >>> 0;
      gear.push(state);
    }
    const ends: number[] = [];
    for (let start = 0; start < bytes.length; start = ends.at(-1) as number) {
      let [hash, at] = [0n, start];
      while (at < bytes.length && at - start < 16_384) {
        if (at - start >= 1024) hash = (2n * hash + BigInt(gear[bytes[at] as number] as number)) % 2n ** 32n;
        at += 1;
        if (at - start > 1024 && hash >> 20n === 0n) break;
      }
      ends.push(at);
    }
    let at = 0;
    const made = (await all(contentChunks(inPieces(bytes, [777])))).map(({ length }) => (at += length));
    expect(made).toEqual(ends);
  });

  it("of a version that changed one cell are those of the version before, but for a few", async () => {
    const [one, two] = [new MemoryBlockStore(), new MemoryBlockStore()];
    const size = async (content: Uint8Array, store: MemoryBlockStore): Promise<string> =>
      (await buildFiles([{ path: "notebook.ipynb", content }], store)).cid;
    await size(cells(1000), one);
    await size(cells(1000, 500), two);
    let [bytes, added] = [0, 0];
    for await (const cid of two.list()) {
      const { length } = (await two.get(cid)) ?? [];
      bytes += length as number;
      if (!(await one.has(cid))) added += length as number;
    }
    expect(bytes).toBeGreaterThan(500_000);
    expect(added / bytes).toBeLessThan(0.04);
  });

  it("are of the notebook and its page alone", async () => {
    const content = cells(300);
    const { entries } = await buildFiles(
      ["notebook.ipynb", "index.html", "workspace/notebook.ipynb", "data.txt"].map((path) => ({ path, content })),
      new MemoryBlockStore(),
    );
    expect(entries.get("notebook.ipynb")).toBe(entries.get("index.html"));
    expect(entries.get("data.txt")).toBe(entries.get("workspace/notebook.ipynb"));
    expect(entries.get("data.txt")?.startsWith("bafkrei")).toBe(true);
    expect(entries.get("notebook.ipynb")?.startsWith("bafybei")).toBe(true);
  });
});

describe("F1: chunks of one length", () => {
  it("are all full but the last", async () => {
    for (const [length, expected] of [
      [0, [0]],
      [1, [1]],
      [10, [10]],
      [25, [10, 10, 5]],
    ] as const) {
      const pieces = await all(fixedChunks(inPieces(new Uint8Array(length), [3, 7, 1]), 10));
      expect(pieces.map((piece) => piece.length)).toEqual(expected);
    }
  });
});
