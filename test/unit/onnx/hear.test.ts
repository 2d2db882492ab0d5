/** Speech is found in the recording that ships, by the model that ships, from every language's side. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import { buildModelAssets } from "#app/node/setup/model-assets.ts";
import { pythonKernel } from "#kernels/python/kernel.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { resampled } from "#core/workspace/resample.ts";
import { decodeWav } from "#core/workspace/wav.ts";
import { KernelDriver } from "../typescript/kernel-driver.ts";
import { makeWav } from "./sounds.ts";

const root = join(import.meta.dirname, "../../..");
/** Where the sentence and the two halves of the next stand, in seconds, as one hears it. */
const SENTENCES = [
  [0.35, 6.9],
  [7.35, 9.95],
  [10.35, 15.25],
] as const;
const PATIENCE = 120_000;

let folder: string;
let host: NodeHost;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-hear-"));
  buildModelAssets(join(root, "node_modules"), join(folder, "assets"));
  await writeFile(join(folder, "read.wav"), await readFile(join(root, "notebooks/data/sense-and-sensibility.wav")));
  host = await createNodeHost({ folder, assets: join(folder, "assets") });
}, PATIENCE);
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true });
});

interface Found {
  readonly duration: number;
  readonly stretches: readonly { readonly start: number; readonly end: number; readonly score: number }[];
  readonly probabilities: Float32Array;
}

async function find(sound: string | Uint8Array, signal = new AbortController().signal): Promise<Found> {
  const value = typeof sound === "string" ? { source: sound } : {};
  const buffers = typeof sound === "string" ? [] : [sound.slice().buffer];
  const answer = await host.services!.call("ml", { client: "t", method: "findSpeech", value, buffers, signal });
  const { duration, stretches } = answer.value as Found;
  return { duration, stretches, probabilities: new Float32Array(answer.buffers![0]!) };
}

function expectSentences({ stretches }: Pick<Found, "stretches">): void {
  expect(stretches).toHaveLength(SENTENCES.length);
  for (const [index, [start, end]] of SENTENCES.entries()) {
    expect(Math.abs(stretches[index]!.start - start)).toBeLessThan(0.2);
    expect(Math.abs(stretches[index]!.end - end)).toBeLessThan(0.2);
    expect(stretches[index]!.score).toBeGreaterThan(0.8);
  }
}

describe("speech", () => {
  test(
    "is found where the sentences are",
    async () => {
      const found = await find("read.wav");
      expect(found.duration).toBeCloseTo(15.39, 2);
      expectSentences(found);
    },
    PATIENCE,
  );

  test(
    "is found in the same places when the recording has two channels at another rate",
    async () => {
      const { samples } = decodeWav(await readFile(join(folder, "read.wav")));
      const both = resampled(samples, 16_000, 44_100);
      const stereo = Float32Array.from({ length: both.length * 2 }, (_, index) => both[index >> 1]!);
      expectSentences(await find(makeWav(stereo, 44_100, { bits: 32, isFloat: true, channels: 2 })));
    },
    PATIENCE,
  );

  test(
    "is not found in silence, in noise, in nothing; and each sound begins without a memory of the last",
    async () => {
      const silence = makeWav(new Float32Array(32_000), 16_000, { bits: 16 });
      let seed = 1;
      const noise = Float32Array.from({ length: 32_000 }, () => {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        return (seed / 2 ** 32 - 0.5) / 5;
      });
      const first = await find(silence);
      expect(first.stretches).toEqual([]);
      await find("read.wav");
      const again = await find(silence);
      expect(again).toEqual(first);
      expect((await find(makeWav(noise, 16_000, { bits: 16 }))).stretches).toEqual([]);
      expect(await find(makeWav([], 16_000, { bits: 16 }))).toMatchObject({ duration: 0, stretches: [] });
    },
    PATIENCE,
  );

  test(
    "is no more looked for when nobody wants it",
    async () => {
      const abort = new AbortController();
      const long = makeWav(new Float32Array(16_000 * 600), 16_000, { bits: 16 });
      const going = find(long, abort.signal);
      abort.abort();
      await expect(going).rejects.toMatchObject({ name: "AbortError" });
      expectSentences(await find("read.wav"));
    },
    PATIENCE,
  );

  test(
    "is a table for the shell, and what is no sound a sentence",
    async () => {
      const type = async (word: string) => {
        const value = { words: ["hear", word], directory: "/workspace" };
        const signal = new AbortController().signal;
        const answer = await host.services!.call("ml", { client: "t", method: "command", value, buffers: [], signal });
        return { ...(answer.value as object), text: new TextDecoder().decode(answer.buffers![0]) };
      };
      const { text } = await type("read.wav");
      expectSentences({
        stretches: text
          .trimEnd()
          .split("\n")
          .map((line) => line.split("\t").map(Number))
          .map(([start = 0, end = 0, score = 0]) => ({ start, end, score })),
      });
      await writeFile(join(folder, "no.wav"), "not a sound");
      expect(await type("no.wav")).toEqual({
        status: 1,
        complaint: "kroma ml: This is no WAV sound, the only kind that is read here.\n",
        text: "",
      });
      expect(await type("none.wav")).toMatchObject({ complaint: "kroma ml: there is no file none.wav\n" });
    },
    PATIENCE,
  );
});

describe("cells", () => {
  test(
    "of TypeScript have the samples, the stretches, and the model itself, which gives the same numbers",
    async () => {
      const kernel = await KernelDriver.start(typescriptKernel, host);
      try {
        await kernel.run(`const { samples, sampleRate, channels } = await kroma.ml.readSound("read.wav");
        const speech = await kroma.ml.findSpeech("read.wav");`);
        expect(await kernel.show("[samples.length / sampleRate, channels, speech.stretches.length]")).toBe(
          `[ ${246_240 / 16_000}, 1, 3 ]`,
        );
        expect(await kernel.show("(await kroma.ml.findSpeech('read.wav', { pause: 0.05 })).stretches.length > 3")).toBe(
          "true",
        );
        expect(await kernel.show("await kroma.ml.findSpeech('read.wav', { threshold: 2 }).catch((e) => e.code)")).toBe(
          "'invalid'",
        );
        await kernel.run(`const vad = await kroma.ml.load("silero-vad");
        let state = new Float32Array(256), before = new Float32Array(64), most = 0;
        for (let index = 0; index < 60; index++) {
          const input = new Float32Array(576);
          input.set(before);
          input.set(samples.subarray(index * 512, index * 512 + 512), 64);
          before = input.slice(512);
          const { output, stateN } = await vad.run({ input: { data: input, shape: [1, 576] }, state: { data: state, shape: [2, 1, 128] }, sr: 16000n });
          state = stateN.data;
          most = Math.max(most, Math.abs(output.data[0] - speech.probabilities[index]));
        }`);
        expect(await kernel.show("most < 1e-6")).toBe("true");
      } finally {
        kernel.close();
      }
    },
    PATIENCE,
  );

  test(
    "of Python have them too",
    async () => {
      // Python itself is among the files that were built.
      const whole = await createNodeHost({ folder });
      const kernel = await KernelDriver.start(pythonKernel, whole);
      try {
        const { error } = await kernel.run(`import kroma
sound = kroma.ml.read_sound("read.wav")
speech = kroma.ml.find_speech("read.wav")
with open("read.wav", "rb") as file:
    same = kroma.ml.find_speech(file.read())`);
        expect(error).toBeUndefined();
        expect(await kernel.show("len(sound.samples), sound.sample_rate, sound")).toBe(
          "(246240, 16000, <Sound of 15.39 s at 16000 Hz>)",
        );
        expect(
          await kernel.show(
            "len(speech), [s.start for s in same] == [s.start for s in speech], len(speech.probabilities)",
          ),
        ).toBe("(3, True, 481)");
        expect(await kernel.show("len(kroma.ml.find_speech('read.wav', pause=0.05)) > 3, repr(speech[0])[:9]")).toBe(
          "(True, '<Stretch ')",
        );
      } finally {
        kernel.close();
        await whole.close();
      }
    },
    PATIENCE,
  );
});
