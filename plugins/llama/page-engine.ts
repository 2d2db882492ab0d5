/**
 * Language models in a page: llama.cpp in the workers that wllama starts, so that the page's own thread only hears of the
 * words. One model is in memory at a time, and one answer is given at a time. wllama speaks chat completions as
 * llama.cpp's server does: the template is the model's own, a JSON Schema becomes a grammar that the words must follow.
 */
import { Wllama } from "@wllama/wllama";
import { KromaError } from "#core/base/errors.ts";
import type { ChatDelta, ChatPlace, ChatRequest, ModelFile } from "#core/chat/driver.ts";
import { readPieceValue, requestBody, untilFinished } from "#core/chat/wire.ts";
import { answerFailure, loadFailure, noMemory } from "./failures.ts";
import { Pieces } from "./pieces.ts";
import { Turns } from "./turns.ts";

/** Tokens that a conversation may have, if the model was trained for so many: more is memory that others want. */
const MOST_TOKENS = 8192;
/** More threads than this gain little. */
const MOST_THREADS = 8;
/** WebAssembly has 4 GB for the weights and all that is computed with them. */
const LARGEST = 3_500_000_000;
/** Lines of llama.cpp's log that are looked at when something fails. */
const KEPT_LINES = 40;

/** One core is the page's. Threads need shared memory; and where a thread has no core, the others wait for it. */
const threads = (): number =>
  globalThis.crossOriginIsolated ? Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency - 1)) : 1;

interface Loaded {
  readonly source: string;
  readonly name: string;
  readonly fingerprint: string | undefined;
  readonly wllama: Wllama;
}

export class PageEngine {
  readonly #place: ChatPlace;
  readonly #turns = new Turns();
  #loaded: Loaded | undefined;
  #isClosed = false;

  constructor(place: ChatPlace) {
    this.#place = place;
  }

  /** As ChatDriver.chat, of the model that the source names. */
  async *chat(source: string, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatDelta, void, undefined> {
    const leave = await this.#turns.take(signal);
    try {
      const stages = new Pieces<ChatDelta>();
      const loading = this.#load(source, signal, (text) => stages.put({ type: "stage", text }));
      yield* stages.endWith(loading);
      yield* untilFinished(this.#answer(await loading, request, signal));
    } finally {
      leave();
    }
  }

  /** Lets go of the model and its workers; whoever waits is told. */
  close(): void {
    this.#isClosed = true;
    this.#unload();
  }

  #unload(): void {
    void this.#loaded?.wllama.exit();
    this.#loaded = undefined;
  }

  async #load(source: string, signal: AbortSignal, onStage: (sentence: string) => void): Promise<Loaded> {
    if (this.#isClosed) throw new KromaError("aborted", "The notebook was closed.");
    const before = this.#loaded?.source === source ? this.#loaded : undefined;
    // What only reading would tell is not read again for each question.
    if (before && before.fingerprint === undefined) return before;
    const found = await this.#place.openModel(source, { signal, onStage, unless: before?.fingerprint });
    if (before && found.file === undefined) return before;
    this.#unload();
    const { file } = found;
    if (!file) throw new KromaError("unavailable", `${found.name} was changed while it was opened. Try again.`);
    if (file.size > LARGEST) throw noMemory(found.name);
    onStage(`Loading ${found.name}, ${Math.ceil(file.size / 1e6).toLocaleString("en")} MB`);
    const loaded = await this.#start(source, found, file, signal);
    if (this.#isClosed) {
      await loaded.wllama.exit();
      throw new KromaError("aborted", "The notebook was closed.");
    }
    return (this.#loaded = loaded);
  }

  async #start(source: string, { name, fingerprint }: ModelFile, file: Blob, signal: AbortSignal): Promise<Loaded> {
    const lines: string[] = [];
    const wllama = new Wllama({ default: this.#place.asset("llama/wllama.wasm") }, { logger: loggerTo(lines) });
    // Otherwise a browser without suspended calls would be sent to another host for another build.
    wllama.setCompat(null);
    const stop = (): void => void wllama.exit();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await wllama.loadModel([file], {
        n_ctx: MOST_TOKENS,
        n_threads: threads(),
        n_parallel: 1,
        n_gpu_layers: 0,
        warmup: false,
      });
      signal.throwIfAborted();
      // A model that llama.cpp refused is none, though nothing was thrown.
      if (!(wllama.getLoadedContextInfo().n_ctx > 0)) throw loadFailure(name, lines);
      return { source, name, fingerprint, wllama };
    } catch (error) {
      void wllama.exit();
      if (signal.aborted) throw new KromaError("aborted", "The answer was stopped.");
      if (error instanceof KromaError) throw error;
      throw loadFailure(name, [...lines, error instanceof Error ? error.message : String(error)]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async *#answer(
    loaded: Loaded,
    request: ChatRequest,
    signal: AbortSignal,
  ): AsyncGenerator<ChatDelta, void, undefined> {
    const left = new AbortController();
    const body = requestBody(request, loaded.name);
    const chunks = new Pieces<unknown>();
    const answering = loaded.wllama.createChatCompletion({
      ...(body as unknown as Parameters<Wllama["createChatCompletion"]>[0]),
      stream: true,
      onData: chunks.put,
      abortSignal: AbortSignal.any([signal, left.signal]),
    });
    try {
      for await (const chunk of chunks.endWith(answering)) yield* readPieceValue(chunk);
    } catch (error) {
      throw this.#explain(error, loaded, request, signal);
    } finally {
      left.abort();
      // The next answer begins when this one has left llama.cpp, which is within a token.
      await answering.catch(() => undefined);
    }
  }

  #explain(error: unknown, loaded: Loaded, request: ChatRequest, signal: AbortSignal): unknown {
    if (error instanceof KromaError) return error;
    if (signal.aborted) return new KromaError("aborted", "The answer was stopped.");
    if (this.#isClosed) return new KromaError("aborted", "The notebook was closed.");
    const message = error instanceof Error ? error.message : String(error);
    const isRefusal = (error as { readonly type?: unknown }).type === "inference_error";
    // Anything but a refusal has left WebAssembly in a state that nothing can be said of.
    if (!isRefusal && this.#loaded === loaded) this.#unload();
    return answerFailure(loaded.name, message, request.schema !== undefined);
  }
}

function loggerTo(lines: string[]): NonNullable<ConstructorParameters<typeof Wllama>[1]>["logger"] & object {
  const keep = (...said: unknown[]): void => {
    lines.push(said.map(String).join(" "));
    if (lines.length > KEPT_LINES) lines.shift();
  };
  const ignore = (): void => undefined;
  return { debug: ignore, log: ignore, warn: keep, error: keep };
}
