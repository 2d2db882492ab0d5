/** Sounds before a model hears them: WAV files of every coding, another rate, and where stretches begin and end. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import { resampled } from "#core/workspace/resample.ts";
import { stretchesOf } from "#plugins/onnx/hear/stretches.ts";
import { decodeWav } from "#core/workspace/wav.ts";
import { makeWav, type Coding } from "./sounds.ts";

const SAMPLES = [0, 0.5, -0.5, 0.25, -1, 0.75];

describe("WAV", () => {
  test.each<[string, Coding]>([
    ["8 bits", { bits: 8 }],
    ["16 bits", { bits: 16 }],
    ["24 bits", { bits: 24 }],
    ["32 bits", { bits: 32 }],
    ["floats", { bits: 32, isFloat: true }],
    ["floats of 64 bits", { bits: 64, isFloat: true }],
    ["an extended format", { bits: 16, isExtensible: true }],
    ["an extended format of floats", { bits: 32, isFloat: true, isExtensible: true }],
  ])("of %s", (_, coding) => {
    const { samples, sampleRate, channels } = decodeWav(makeWav(SAMPLES, 22_050, coding));
    expect([[...samples], sampleRate, channels]).toEqual([SAMPLES, 22_050, 1]);
  });

  test("its channels are mixed into one", () => {
    const { samples, channels } = decodeWav(makeWav(SAMPLES, 8000, { bits: 16, channels: 2 }));
    expect([[...samples], channels]).toEqual([[0.25, -0.125, -0.125], 2]);
  });

  test("of floats that are no numbers is silent there", () => {
    const file = makeWav([NaN, Infinity, 0.5], 8000, { bits: 32, isFloat: true });
    expect([...decodeWav(file).samples]).toEqual([0, 0, 0.5]);
  });

  test("that was cut off, or says that it is endless, is read as far as it goes", () => {
    const file = makeWav(SAMPLES, 8000, { bits: 16 });
    new DataView(file.buffer).setUint32(40, 0xffff_ffff, true);
    expect([...decodeWav(file).samples]).toEqual(SAMPLES);
    expect([...decodeWav(file.subarray(0, file.length - 3)).samples]).toEqual(SAMPLES.slice(0, 4));
  });

  test("with parts that are not known is read", () => {
    const file = makeWav(SAMPLES, 8000, { bits: 16 });
    // An odd length: the next part begins one byte later.
    const note = Uint8Array.from([...new TextEncoder().encode("LIST"), 3, 0, 0, 0, 1, 2, 3, 0]);
    const bytes = Uint8Array.from([...file.subarray(0, 36), ...note, ...file.subarray(36)]);
    expect([...decodeWav(bytes).samples]).toEqual(SAMPLES);
  });

  test.each([
    [
      "no sound",
      new TextEncoder().encode("not a sound at all"),
      "This is no WAV sound, the only kind that is read here.",
    ],
    ["nothing", new Uint8Array(), "This is no WAV sound, the only kind that is read here."],
    ["a head only", makeWav(SAMPLES, 8000, { bits: 16 }).subarray(0, 36), "The WAV sound is damaged: it has no data."],
    [
      "no channels",
      makeWav(SAMPLES, 8000, { bits: 16, channels: 0 }),
      "The WAV sound is damaged: 0 channels of 8000 samples a second make no sense.",
    ],
    [
      "another coding",
      Uint8Array.from(makeWav(SAMPLES, 8000, { bits: 16 }), (byte, at) => (at === 20 ? 0x55 : byte)),
      "This WAV sound is coded in a way that is not read here (format 85, 16 bits): plain samples are.",
    ],
  ])("%s is a sentence", (_, bytes, sentence) => {
    expect(() => decodeWav(bytes)).toThrow(sentence);
  });

  test("whatever the bytes, it is a sound or a sentence", () => {
    const whole = makeWav(SAMPLES, 8000, { bits: 24, isExtensible: true });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const bytes = whole.slice(0, length);
        if (at < length) bytes[at] = byte;
        try {
          expect(decodeWav(bytes).samples.every(Number.isFinite)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(KromaError);
        }
      }),
    );
  });
});

describe("another rate", () => {
  const tone = (hertz: number, rate: number, seconds: number): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length: rate * seconds }, (_, index) => Math.sin((2 * Math.PI * hertz * index) / rate));
  /** The largest difference away from the ends, where the sound begins and stops at once. */
  const apart = (a: Float32Array, b: Float32Array): number => {
    expect(Math.abs(a.length - b.length)).toBeLessThanOrEqual(1);
    let most = 0;
    for (let index = 200; index < a.length - 200; index++) most = Math.max(most, Math.abs(a[index]! - b[index]!));
    return most;
  };

  test.each([
    [48_000, 16_000],
    [44_100, 16_000],
    [8000, 16_000],
    [11_025, 16_000],
    [22_050, 16_000],
  ])("from %i to %i a tone stays what it is", (from, to) => {
    expect(apart(resampled(tone(440, from, 0.5), from, to), tone(440, to, 0.5))).toBeLessThan(0.01);
  });

  test("a tone that the new rate can't hold is gone and not another tone", () => {
    const heard = resampled(tone(10_000, 48_000, 0.5), 48_000, 16_000).subarray(200, -200);
    expect(Math.max(...heard.map(Math.abs))).toBeLessThan(0.02);
  });

  test("the same rate is the same sound, and nothing is nothing", () => {
    const sound = tone(440, 16_000, 0.1);
    expect(resampled(sound, 16_000, 16_000)).toBe(sound);
    expect(resampled(new Float32Array(), 48_000, 16_000)).toHaveLength(0);
  });
});

describe("stretches", () => {
  const FRAME = 0.1;
  const found = (text: string, threshold = 0.5, pause = 0.3) => {
    const probabilities = Array.from(text, (digit) => Number(digit) / 10);
    return stretchesOf(probabilities, FRAME, text.length * FRAME, { threshold, pause }).map(
      ({ start, end }) => `${start} to ${end}`,
    );
  };

  test.each([
    ["silence has none", "0000000", []],
    ["it ends where it stays low as long as a pause", "0099990000", ["0.17 to 0.63"]],
    ["a shorter silence is part of it", "0999009990000", ["0.07 to 0.93"]],
    ["it is kept while it is only a little less likely", "0994444440000", ["0.07 to 0.93"]],
    ["what is too short is none", "00990000", []],
    ["it may last to the end", "000999", ["0.27 to 0.6"]],
    ["there may be several", "99900009990000", ["0 to 0.33", "0.67 to 1.03"]],
  ])("%s", (_, text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  test("a higher threshold and a shorter pause find less and more", () => {
    expect(found("0777000999000", 0.8)).toEqual(["0.67 to 1.03"]);
    expect(found("0999099900", 0.5, 0)).toEqual(["0.07 to 0.43", "0.47 to 0.83"]);
  });

  test("whatever is likely when, they are in order, apart and inside of the sound", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (probabilities, threshold, pause) => {
          const duration = Math.max(0, probabilities.length * FRAME - 0.04);
          let last = 0;
          for (const { start, end, score } of stretchesOf(probabilities, FRAME, duration, { threshold, pause })) {
            expect(start).toBeGreaterThanOrEqual(last);
            expect(end).toBeGreaterThan(start);
            expect(score).toBeGreaterThanOrEqual(0);
            last = end;
          }
          expect(last).toBeLessThanOrEqual(duration + 0.0005);
        },
      ),
    );
  });
});
