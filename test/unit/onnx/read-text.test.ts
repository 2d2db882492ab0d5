/** Text is read in Node: the two models that ship, on the picture that ships, and pictures of every kind of PNG. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { zlibSync } from "fflate";
import { encode } from "jpeg-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import { buildModelAssets } from "#app/node/setup/model-assets.ts";
import { KromaError } from "#core/base/errors.ts";
import { boxesOf, inReadingOrder } from "#plugins/onnx/read-text/boxes.ts";
import { decodePng } from "#plugins/onnx/read-text/png.ts";
import { shareRight } from "./edit-distance.ts";

const root = join(import.meta.dirname, "../../..");
const picture = join(root, "notebooks/data/harbour-cafe.png");

describe("the picture that ships", () => {
  let folder: string;
  let host: NodeHost;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kroma-read-"));
    buildModelAssets(join(root, "node_modules"), join(folder, "assets"));
    await writeFile(join(folder, "sign.png"), await readFile(picture));
    const { width, height, data } = decodePng(await readFile(picture));
    await writeFile(join(folder, "sign.jpg"), encode({ width, height, data }, 85).data);
    host = await createNodeHost({ folder, assets: join(folder, "assets") });
  });
  afterAll(async () => {
    await host.close();
    await rm(folder, { recursive: true });
  });
  const ask = (method: string, value: unknown) =>
    host.services!.call("ml", { client: "t", method, value, buffers: [], signal: new AbortController().signal });

  const WRITTEN = [
    "Harbour Café",
    "Flat white",
    "3.40",
    "Cinnamon bun",
    "2.90",
    "Lentil soup",
    "6.75",
    "Rye toast, 2 eggs",
    "7.20",
    "Rhubarb cake",
    "4.15",
    "Everything is baked at five.",
    "Table 12",
    "Opened 08:45",
    "Guests 3",
    "Order no. 70416",
    "Total 24.40 EUR",
    "OPEN 7-18",
  ];

  test("is read with at least 95 % of its characters right, each line where it stands", async () => {
    const answer = await ask("readText", { source: "sign.png" });
    const { width, height, lines } = answer.value as {
      readonly width: number;
      readonly height: number;
      readonly lines: readonly { readonly text: string; readonly box: readonly (readonly [number, number])[] }[];
    };
    expect([width, height]).toEqual([900, 640]);
    const found = WRITTEN.map((line) => {
      const best = lines.map(({ text }) => ({ text, share: shareRight([line], [text]) }));
      return best.sort((a, b) => b.share - a.share)[0]!.text;
    });
    expect(shareRight(WRITTEN, found)).toBeGreaterThanOrEqual(0.95);
    expect(lines).toHaveLength(WRITTEN.length);
    const open = lines.find(({ text }) => text.startsWith("OPEN"))!;
    expect(open.box[0]![0]).toBeGreaterThan(570);
    expect(open.box[0]![1]).toBeGreaterThan(500);
  });

  test("is read from a JPEG file: the same letters, though what that loses are narrow spaces", async () => {
    const { value } = await ask("readText", { source: "sign.jpg" });
    const { lines } = value as { readonly lines: readonly { readonly text: string }[] };
    const together = (text: string): string => text.replaceAll(" ", "");
    const read = lines.map(({ text }) => together(text));
    const wanted = WRITTEN.map(together);
    const found = wanted.map((line) => {
      const best = read.map((text) => ({ text, share: shareRight([line], [text]) }));
      return best.sort((a, b) => b.share - a.share)[0]!.text;
    });
    expect(shareRight(wanted, found)).toBeGreaterThanOrEqual(0.95);
    expect(lines).toHaveLength(WRITTEN.length);
  });

  test("is read by the shell's command too, and what is no picture is refused", async () => {
    const typed = (words: readonly string[]) => ask("command", { words, directory: "/workspace" });
    const read = await typed(["read", "sign.png"]);
    expect(read.value).toEqual({ status: 0, complaint: "" });
    expect(new TextDecoder().decode(read.buffers![0])).toMatch(/^Harbour Café\n/);
    await writeFile(join(folder, "no.png"), "not a picture");
    expect((await typed(["read", "no.png"])).value).toEqual({
      status: 1,
      complaint:
        "kroma ml: This is no picture that can be read here: outside of a browser those are PNG and JPEG files.\n",
    });
  });
});

describe("PNG", () => {
  const chunk = (kind: string, content: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(12 + content.length);
    new DataView(bytes.buffer).setUint32(0, content.length);
    bytes.set(new TextEncoder().encode(kind), 4);
    bytes.set(content, 8);
    return bytes;
  };
  const header = (width: number, height: number, depth: number, colour: number): Uint8Array => {
    const bytes = new Uint8Array(13);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, width);
    view.setUint32(4, height);
    bytes.set([depth, colour], 8);
    return bytes;
  };
  const png = (...chunks: readonly Uint8Array[]): Uint8Array =>
    new Uint8Array(Buffer.concat([Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10), ...chunks]));
  const file = (
    size: readonly [number, number],
    depth: number,
    colour: number,
    rows: readonly number[],
    more: readonly Uint8Array[] = [],
  ) => png(chunk("IHDR", header(...size, depth, colour)), ...more, chunk("IDAT", zlibSync(Uint8Array.from(rows))));

  test.each([
    ["grey", file([2, 1], 8, 0, [0, 10, 200]), [10, 10, 10, 255, 200, 200, 200, 255]],
    ["grey of one bit", file([3, 1], 1, 0, [0, 0b10100000]), [255, 255, 255, 255, 0, 0, 0, 255, 255, 255, 255, 255]],
    ["grey of 16 bits", file([1, 1], 16, 0, [0, 77, 9]), [77, 77, 77, 255]],
    ["grey with opacity", file([1, 1], 8, 4, [0, 5, 6]), [5, 5, 5, 6]],
    ["colour", file([1, 1], 8, 2, [0, 1, 2, 3]), [1, 2, 3, 255]],
    ["colour with opacity", file([1, 1], 8, 6, [0, 1, 2, 3, 4]), [1, 2, 3, 4]],
    [
      "a palette",
      file([2, 1], 4, 3, [0, 0x10], [chunk("PLTE", Uint8Array.of(9, 8, 7, 6, 5, 4)), chunk("tRNS", Uint8Array.of(3))]),
      [6, 5, 4, 255, 9, 8, 7, 3],
    ],
    [
      "all filters",
      file([2, 5], 8, 0, [0, 10, 20, 1, 10, 10, 2, 1, 1, 3, 4, 4, 4, 1, 1]),
      [10, 20, 10, 20, 11, 21, 9, 19, 10, 20].flatMap((grey) => [grey, grey, grey, 255]),
    ],
  ])("%s", (_, bytes, pixels) => {
    expect([...decodePng(bytes).data]).toEqual(pixels);
  });

  test("whatever the bytes, it is a picture or a sentence", () => {
    const whole = file(
      [3, 3],
      8,
      2,
      Array.from({ length: 30 }, (_, index) => (index % 10 === 0 ? 4 : index)),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(120), (noise, at) => {
        const bytes = whole.slice();
        bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length));
        try {
          const { width, height, data } = decodePng(bytes);
          expect(data).toHaveLength(width * height * 4);
        } catch (error) {
          expect(error).toBeInstanceOf(KromaError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("boxes", () => {
  const map = (width: number, height: number, inside: (x: number, y: number) => boolean): Float32Array =>
    Float32Array.from({ length: width * height }, (_, at) => (inside(at % width, Math.floor(at / width)) ? 0.9 : 0.1));

  test("a level line gives a level box, larger than what was found", () => {
    const [box, ...others] = boxesOf(
      map(100, 60, (x, y) => x >= 20 && x < 80 && y >= 25 && y < 35),
      100,
      60,
    );
    expect(others).toEqual([]);
    const [a, b, c, d] = box!.quad;
    expect(a.y).toBeCloseTo(b.y);
    expect(b.x - a.x).toBeCloseTo(60 + (2 * (600 * 1.5)) / 140);
    expect([d.x, c.y]).toEqual([expect.closeTo(a.x), expect.closeTo(d.y)]);
  });

  test("a turned line gives a box turned like it, that begins where the line does", () => {
    const turned = (x: number, y: number): boolean => {
      const u = (x - 60) * Math.cos(0.3) + (y - 60) * Math.sin(0.3);
      const v = (y - 60) * Math.cos(0.3) - (x - 60) * Math.sin(0.3);
      return Math.abs(u) < 40 && Math.abs(v) < 6;
    };
    const [a, b] = boxesOf(map(120, 120, turned), 120, 120)[0]!.quad;
    expect(Math.atan2(b.y - a.y, b.x - a.x)).toBeCloseTo(0.3, 1);
    expect(a.x).toBeLessThan(b.x);
  });

  test("specks and faint regions are none", () => {
    expect(
      boxesOf(
        map(50, 50, (x, y) => x === 5 && y === 5),
        50,
        50,
      ),
    ).toEqual([]);
    expect(boxesOf(new Float32Array(2500).fill(0.4), 50, 50)).toEqual([]);
    expect(boxesOf(new Float32Array(2500), 50, 50)).toEqual([]);
  });

  test("reading goes from top to bottom and from left to right", () => {
    const box = (name: string, x: number, y: number) => ({
      name,
      quad: [
        { x, y },
        { x: x + 30, y },
        { x: x + 30, y: y + 10 },
        { x, y: y + 10 },
      ] as const,
    });
    const order = inReadingOrder([box("d", 50, 33), box("a", 0, 0), box("c", 0, 30), box("b", 60, 3)]);
    expect(order.map(({ name }) => name).join("")).toBe("abcd");
  });
});
