/**
 * The graphics processor of the engine: found and loaded when a model is to run on it, used by one at a time, and given up for good
 * when it is lost.
 */
import { isFatal } from "#core/base/engine-failures.ts";
import { KromaError } from "#core/base/errors.ts";
import { FairQueue } from "#core/base/fair-queue.ts";
import type { Graphics, GraphicsRuntime } from "./runtime.ts";
import { readVerdict, type Verdict } from "./verdict.ts";

/** Short notes that outlive the engine, by key. What is read may be anything. */
export interface Notes {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<void>;
}

export interface GraphicsParts {
  /** Rejects with `unavailable`, in words for a person, where there is none. */
  readonly find: () => Promise<Graphics>;
  /** Keeps what was found of models on this device. */
  readonly notes: Notes | undefined;
  readonly now: () => number;
}

export class GraphicsPlace {
  readonly #parts: GraphicsParts;
  /** Onnxruntime's program for it stops in the middle of a run, while the browser works, and can't be called again until it goes on. */
  readonly #queue: FairQueue;
  readonly #breathe: () => Promise<void>;
  #finding: Promise<Graphics> | undefined;
  #loading: Promise<GraphicsRuntime> | undefined;
  #lost: string | undefined;
  /** Ends the turn that goes on when the device is lost: a run may wait for ever then. */
  #giveUp: ((error: KromaError) => void) | undefined;

  constructor(parts: GraphicsParts, breathe: () => Promise<void>) {
    this.#parts = parts;
    this.#breathe = breathe;
    this.#queue = new FairQueue(breathe);
  }

  /** The graphics processor. Rejects with `unavailable` when there is none, or it was lost. */
  find(): Promise<Graphics> {
    if (this.#lost !== undefined) return Promise.reject(lostFailure(this.#lost));
    this.#finding ??= this.#parts.find();
    // It may be there the next time: a driver starts again.
    this.#finding.catch(() => (this.#finding = undefined));
    return this.#finding;
  }

  /** Onnxruntime on it. Rejects with `unavailable` when its program does not come. */
  async load(): Promise<GraphicsRuntime> {
    const graphics = await this.find();
    this.#loading ??= graphics.load().then((runtime) => {
      void runtime.lost.then((why) => this.#lose(why));
      return runtime;
    });
    this.#loading.catch(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** Does something on it when nobody else does. Rejects with `unavailable` when it is lost meanwhile. */
  turn<T>(work: () => Promise<T>): Promise<T> {
    return this.#queue.run("", new AbortController().signal, async () => {
      if (this.#lost !== undefined) throw lostFailure(this.#lost);
      try {
        return await new Promise<T>((resolve, reject) => {
          this.#giveUp = reject;
          work().then(resolve, reject);
        });
      } catch (error) {
        if (isFatal(error)) this.#lose("its program ended");
        // The browser may tell of a lost device after the run that failed by it, and a further call would never return.
        await this.#breathe();
        throw this.#lost === undefined ? error : lostFailure(this.#lost);
      } finally {
        this.#giveUp = undefined;
      }
    });
  }

  /** The last word of it, once it is lost. */
  get lost(): string | undefined {
    return this.#lost;
  }

  get now(): () => number {
    return this.#parts.now;
  }

  /** What was found of a model on this device before. */
  async verdict(model: string): Promise<Verdict | undefined> {
    const { notes } = this.#parts;
    if (!notes) return undefined;
    const { key } = await this.find();
    // Without what was noted it is found out again.
    return readVerdict(await notes.get(noteKey(key, model)).catch(() => undefined));
  }

  /** Notes what was found. */
  async keepVerdict(model: string, verdict: Verdict): Promise<void> {
    const { key } = await this.find();
    await this.#parts.notes?.set(noteKey(key, model), verdict).catch(() => undefined);
  }

  #lose(why: string): void {
    this.#lost ??= why;
    this.#giveUp?.(lostFailure(this.#lost));
  }
}

const noteKey = (device: string, model: string): string => `${device}\n${model}`;

const lostFailure = (why: string): KromaError =>
  new KromaError("unavailable", `The graphics processor was lost (${why}): models run on the processor from now on.`);
