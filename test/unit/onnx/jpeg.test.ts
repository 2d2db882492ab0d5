/** JPEG files outside of a browser: their pixels, which way up they are, and what becomes of broken ones. */
import fc from "fast-check";
import { encode } from "jpeg-js";
import { describe, expect, test } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import { decodeJpeg } from "#plugins/onnx/read-text/jpeg.ts";

const COLOURS = { red: [220, 20, 20], green: [20, 200, 20], blue: [20, 20, 220], white: [240, 240, 240] } as const;
const [WIDTH, HEIGHT] = [64, 32];

/** A quarter of it each: red, green above; blue, white below. */
function quarters(): Uint8Array {
  const data = new Uint8Array(WIDTH * HEIGHT * 4);
  for (let at = 0; at < WIDTH * HEIGHT; at++) {
    const isRight = at % WIDTH >= WIDTH / 2;
    const isLow = at >= (WIDTH * HEIGHT) / 2;
    const { red, green, blue, white } = COLOURS;
    data.set([...(isLow ? (isRight ? white : blue) : isRight ? green : red), 255], at * 4);
  }
  return new Uint8Array(encode({ width: WIDTH, height: HEIGHT, data }, 95).data);
}

/** The file with an Exif segment that says how it is held; `little` is the order of its bytes. */
function held(file: Uint8Array, orientation: number, little: boolean): Uint8Array {
  const segment = new DataView(new ArrayBuffer(4 + 6 + 8 + 2 + 12 + 4));
  segment.setUint16(0, 0xffe1);
  segment.setUint16(2, segment.byteLength - 2);
  segment.setUint32(4, 0x45_78_69_66);
  segment.setUint16(10, little ? 0x4949 : 0x4d4d);
  segment.setUint16(12, 42, little);
  segment.setUint32(14, 8, little);
  segment.setUint16(18, 1, little);
  segment.setUint16(20, 0x0112, little);
  segment.setUint16(22, 3, little);
  segment.setUint32(24, 1, little);
  segment.setUint16(28, orientation, little);
  return Uint8Array.from([...file.subarray(0, 2), ...new Uint8Array(segment.buffer), ...file.subarray(2)]);
}

/** The colours in the middle of the four quarters, row by row. */
function seen(file: Uint8Array): string {
  const { width, height, data } = decodeJpeg(file);
  const names = [0.25, 0.75].flatMap((down) =>
    [0.25, 0.75].map((across) => {
      const at = (Math.floor(down * height) * width + Math.floor(across * width)) * 4;
      const near = Object.entries(COLOURS).find(([, colour]) =>
        colour.every((value, channel) => Math.abs(value - (data[at + channel] ?? 0)) < 25),
      );
      expect(data[at + 3]).toBe(255);
      return near?.[0] ?? [...data.subarray(at, at + 3)].join();
    }),
  );
  return `${width} × ${height}: ${names.join(" ")}`;
}

describe("JPEG", () => {
  test("gives the colours of the picture", () => {
    expect(seen(quarters())).toBe("64 × 32: red green blue white");
  });

  test.each([
    [1, "64 × 32: red green blue white"],
    [2, "64 × 32: green red white blue"],
    [3, "64 × 32: white blue green red"],
    [4, "64 × 32: blue white red green"],
    [5, "32 × 64: red blue green white"],
    [6, "32 × 64: blue red white green"],
    [7, "32 × 64: white green blue red"],
    [8, "32 × 64: green white red blue"],
    [9, "64 × 32: red green blue white"],
  ])("held the way %i is turned upright", (orientation, expected) => {
    expect(seen(held(quarters(), orientation, true))).toBe(expected);
    expect(seen(held(quarters(), orientation, false))).toBe(expected);
  });

  test("of a size that memory has no room for is refused by its header", () => {
    const file = quarters();
    const frame = file.findIndex((byte, at) => byte === 0xff && file[at + 1] === 0xc0);
    file.set([0xff, 0xff, 0xff, 0xff], frame + 5);
    expect(() => decodeJpeg(file)).toThrow("The JPEG picture has more pixels than can be read here.");
  });

  test("whatever the bytes, it is a picture or a sentence", () => {
    const whole = held(quarters(), 6, true);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const bytes = whole.slice(0, length);
        // Its size stays as it is: a picture of any size is a picture, but takes long to make.
        const isSize =
          bytes[at - 5] === 0xff || bytes[at - 6] === 0xff || bytes[at - 7] === 0xff || bytes[at - 8] === 0xff;
        if (at < length && !isSize) bytes[at] = byte;
        try {
          expect(decodeJpeg(bytes).data.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(KromaError);
        }
      }),
      { numRuns: 200 },
    );
  });
});
