/** What the recorder writes is what the models read. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeWav } from "#core/workspace/wav.ts";
import { wavFile } from "#plugins/sound/wav-file.ts";

test("a recording is read as it was written, to 16 bits, and what is too loud is cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ min: -2, max: 2, noNaN: true }), { maxLength: 50 }),
      fc.integer({ min: 8000, max: 48_000 }),
      (values, rate) => {
        const { samples, sampleRate, channels } = decodeWav(wavFile(Float32Array.from(values), rate));
        expect([samples.length, sampleRate, channels]).toEqual([values.length, rate, 1]);
        for (const [index, value] of values.entries())
          expect(samples[index]).toBeCloseTo(Math.max(-1, Math.min(1, value)), 3);
      },
    ),
  );
});
