/**
 * A model beside its session on the processor: whether it runs on the graphics processor too, and why or why not. Its first run is
 * made on both, and only when the answers agree are the next ones made there; the processor's session stays, so that what fails
 * there goes on here. Who asked for WebGPU waits for that; of those who did not, nobody does.
 */
import type { InferenceSession } from "onnxruntime-web";
import { type Agreement, compareAnswers } from "./agreement.ts";
import type { GraphicsPlace } from "./graphics-place.ts";
import { runSession, type Tensors } from "./run-session.ts";
import type { ExternalData, GraphicsRuntime } from "./runtime.ts";

/** A model's file, for a second session of it. */
export interface Copy {
  /** The hash by which it is known. */
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly external: readonly ExternalData[];
}

type State =
  | { readonly type: "waiting"; readonly copy: Copy }
  | { readonly type: "ready"; readonly session: InferenceSession; readonly runtime: GraphicsRuntime }
  | { readonly type: "refused"; readonly isFinal: boolean };

export class GraphicsModel {
  readonly #place: GraphicsPlace;
  readonly #key: string;
  readonly #size: number;
  #state: State;
  #reason: string;
  /** The answers agreed. */
  #agreed = false;
  /** Somebody asked for WebGPU by its name: then it is not given up for being slower. */
  #isAsked = false;
  #opening: Promise<void> | undefined;
  #trying: Promise<void> | undefined;

  private constructor(place: GraphicsPlace, key: string, size: number, state: State, reason: string) {
    this.#place = place;
    this.#key = key;
    this.#size = size;
    this.#state = state;
    this.#reason = reason;
  }

  /** One that may run there. */
  static waiting(place: GraphicsPlace, copy: Copy, size: number): GraphicsModel {
    const reason = "WebGPU is tried after the first run";
    return new GraphicsModel(place, copy.key, size, { type: "waiting", copy }, reason);
  }

  /** One that runs on the processor unless somebody asks for WebGPU by its name. */
  static refused(place: GraphicsPlace, key: string, reason: string): GraphicsModel {
    return new GraphicsModel(place, key, 0, { type: "refused", isFinal: false }, reason);
  }

  /** Bytes that it takes beside the processor's session, by estimate. */
  get cost(): number {
    return this.#state.type === "refused" ? 0 : this.#size;
  }

  /** Nothing changes by giving it the model's file again. */
  get isSettled(): boolean {
    return this.#state.type !== "refused" || this.#state.isFinal;
  }

  /** What runs it there; undefined while the processor does. */
  get runtime(): GraphicsRuntime | undefined {
    const isThere = this.#agreed && this.#place.lost === undefined;
    return this.#state.type === "ready" && isThere ? this.#state.runtime : undefined;
  }

  /** Why it runs where it does: a clause for people. */
  get reason(): string {
    return this.#reason;
  }

  /** Loads it there, for somebody who asked for it. Rejects with `unavailable` when there is no WebGPU. */
  async prepare(): Promise<void> {
    this.#isAsked = true;
    await this.#open();
  }

  /** A run, there or by `onProcessor`, whose failure is the model's. */
  async run(
    feeds: Tensors,
    shapes: readonly (readonly number[])[],
    onProcessor: () => Promise<Tensors>,
  ): Promise<Tensors> {
    const state = this.#state;
    if (state.type === "ready" && this.#agreed) {
      try {
        return await this.#perform(state, feeds, shapes);
      } catch (error) {
        const outputs = await onProcessor();
        this.#refuse(this.#place.lost === undefined ? `a run failed on WebGPU: ${brief(error)}` : brief(error));
        return outputs;
      }
    }
    const started = this.#place.now();
    const outputs = await onProcessor();
    const took = this.#place.now() - started;
    if (state.type === "refused") return outputs;
    // Outputs are handed on, and their buffers with them.
    const kept = { ...outputs, buffers: outputs.buffers.map((buffer) => buffer.slice()) };
    this.#trying ??= this.#try(feeds, shapes, kept, took).finally(() => (this.#trying = undefined));
    if (this.#isAsked) await this.#trying;
    return outputs;
  }

  /** Gives back what it takes. */
  release(): void {
    this.#refuse("it was let go");
  }

  #open(): Promise<void> {
    this.#opening ??= this.#openOnce().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #openOnce(): Promise<void> {
    if (this.#state.type !== "waiting") return;
    const { copy } = this.#state;
    const verdict = await this.#place.verdict(this.#key);
    if (verdict && !verdict.isSame) return this.#refuse(differenceWords(verdict.words));
    const runtime = await this.#place.load();
    let session: InferenceSession;
    try {
      session = await this.#place.turn(() => runtime.create(copy.bytes, copy.external));
    } catch (error) {
      return this.#refuse(this.#place.lost === undefined ? `WebGPU could not load it: ${brief(error)}` : brief(error));
    }
    // It may have been let go meanwhile.
    const isWanted = this.#state.type === "waiting";
    this.#state = { type: "ready", session, runtime };
    if (!isWanted) return this.#refuse(this.#reason);
    void runtime.lost.then((why) => this.#refuse(`the graphics processor was lost: ${why}`));
    if (verdict) this.#agree(verdict.words);
    else this.#reason = "the first run is made on both";
  }

  /** Compares the processor's answer with the one there. */
  async #try(feeds: Tensors, shapes: readonly (readonly number[])[], outputs: Tensors, took: number): Promise<void> {
    try {
      await this.#open();
      const state = this.#state;
      if (state.type !== "ready") return;
      if (!this.#agreed) await this.#judge(compareAnswers(outputs, await this.#perform(state, feeds, shapes)));
      if (!this.#isAsked && this.#agreed) await this.#race(state, feeds, shapes, took);
    } catch (error) {
      this.#refuse(this.#place.lost === undefined ? `WebGPU could not run it: ${brief(error)}` : brief(error));
    }
  }

  async #judge({ kind, words }: Agreement): Promise<void> {
    if (kind === "nothing") {
      this.#reason = `the next run is made on both: ${words}`;
      return;
    }
    await this.#place.keepVerdict(this.#key, { isSame: kind === "same", words });
    if (kind === "same") this.#agree(words);
    else this.#refuse(differenceWords(words));
  }

  /** A second run there, with its programs made, has to be no slower than the processor's. */
  async #race(
    state: Extract<State, { type: "ready" }>,
    feeds: Tensors,
    shapes: readonly (readonly number[])[],
    took: number,
  ): Promise<void> {
    const started = this.#place.now();
    await this.#perform(state, feeds, shapes);
    const tookThere = this.#place.now() - started;
    if (tookThere <= took || this.#isAsked) return;
    const times = `${Math.ceil(tookThere)} ms, and ${Math.ceil(took)} ms on the processor`;
    this.#refuse(`WebGPU gave the same answer, but took ${times}`, false);
  }

  #agree(words: string): void {
    this.#agreed = true;
    this.#reason = `WebGPU gave the same answer as the processor: ${words}`;
  }

  #perform(
    { session, runtime }: Extract<State, { type: "ready" }>,
    feeds: Tensors,
    shapes: readonly (readonly number[])[],
  ): Promise<Tensors> {
    return this.#place.turn(() => runSession(runtime, session, feeds, shapes));
  }

  #refuse(reason: string, isFinal = true): void {
    const state = this.#state;
    if (state.type === "refused") return;
    this.#state = { type: "refused", isFinal };
    this.#reason = reason;
    if (state.type !== "ready" || this.#place.lost !== undefined) return;
    // In its turn, for which nobody waits. What can't be let go of any more goes with the worker.
    this.#place.turn(() => state.session.release()).catch(() => undefined);
  }
}

const differenceWords = (words: string): string => `WebGPU gave another answer than the processor: ${words}`;

/** Onnxruntime's words without the places in its source. */
const brief = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .replace(/^.*?ERROR_MESSAGE:\s*"?/s, "")
    .replace(/\s+/g, " ")
    .slice(0, 300)
    .trim();
