/**
 * What running a model's file means, whichever llama.cpp does it: one model is in memory at a time, and one answer is given
 * at a time. A file is loaded again when it has changed; what a person waits for is told as it happens.
 */
import { KromaError } from "#core/base/errors.ts";
import type { ChatDelta, ChatDriver, ChatDrivers, ChatPlace, ChatRequest, ModelFile } from "#core/chat/driver.ts";
import { untilFinished } from "#core/chat/wire.ts";
import { noMemory, unusableSchema } from "./failures.ts";
import { type GgufHead, readGgufHead } from "./gguf.ts";
import { MODEL_ENDING } from "./names.ts";
import { Pieces } from "./pieces.ts";
import { schemaTrouble } from "./schema-trouble.ts";
import { Turns } from "./turns.ts";

/** Tokens that a conversation may have, if the model was trained for so many: more is memory that others want. */
export const MOST_TOKENS = 8192;

/** A file with its content. */
export type WholeModelFile = ModelFile & { readonly file: Blob };

/** A llama.cpp. */
export interface Backend<Model> {
  /** Bytes of the largest file that can be loaded. */
  readonly largest: number;
  /** Throws a KromaError. */
  load(file: WholeModelFile, head: GgufHead, signal: AbortSignal): Promise<Model>;
  /** The answer; it has left llama.cpp when the loop is left. Throws whatever llama.cpp does. */
  answer(model: Model, name: string, request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatDelta>;
  /** What was thrown in words, and whether the model is of no use any more. */
  explain(
    error: unknown,
    name: string,
    request: ChatRequest,
  ): { readonly error: KromaError; readonly isBroken: boolean };
  /** Frees the memory. Never rejects. */
  unload(model: Model): Promise<void>;
}

interface Loaded<Model> {
  readonly source: string;
  readonly name: string;
  readonly fingerprint: string | undefined;
  readonly model: Model;
}

/** Runs the files that a place has. */
export class Engine<Model> {
  readonly #place: ChatPlace;
  readonly #backend: Backend<Model>;
  readonly #turns = new Turns();
  readonly #closing = new AbortController();
  #loaded: Loaded<Model> | undefined;

  constructor(place: ChatPlace, backend: Backend<Model>) {
    this.#place = place;
    this.#backend = backend;
  }

  /** As ChatDriver.chat, of the model that the source names. */
  async *chat(source: string, request: ChatRequest, asked: AbortSignal): AsyncGenerator<ChatDelta, void, undefined> {
    const left = new AbortController();
    const signal = AbortSignal.any([asked, this.#closing.signal, left.signal]);
    const leave = await this.#turns.take(signal);
    const stages = new Pieces<ChatDelta>();
    const loading = this.#load(source, signal, (text) => stages.put({ type: "stage", text }));
    let loaded: Loaded<Model> | undefined;
    try {
      yield* stages.endWith(loading);
      loaded = await loading;
      const trouble = request.schema && schemaTrouble(request.schema.schema);
      if (trouble !== undefined) throw new KromaError("invalid", `${unusableSchema(loaded.name)} ${trouble}`);
      for await (const delta of untilFinished(this.#backend.answer(loaded.model, loaded.name, request, signal))) {
        // What llama.cpp said before it heard of the end is not wanted any more.
        if (signal.aborted) throw this.#aborted();
        yield delta;
      }
    } catch (error) {
      if (signal.aborted) throw this.#aborted();
      if (error instanceof KromaError || !loaded) throw error;
      const explained = this.#backend.explain(error, loaded.name, request);
      if (explained.isBroken) await this.#unload();
      throw explained.error;
    } finally {
      // Whoever is next finds nothing half done.
      left.abort();
      await loading.catch(() => undefined);
      if (this.#closing.signal.aborted) await this.#unload();
      leave();
    }
  }

  /** Ends the answer that is given and lets go of the model. */
  close(): void {
    this.#closing.abort();
    // Otherwise the answer that is given lets go of it.
    void this.#turns.take(new AbortController().signal).then(async (leave) => {
      await this.#unload();
      leave();
    });
  }

  #aborted(): KromaError {
    const isClosed = this.#closing.signal.aborted;
    return new KromaError("aborted", isClosed ? "The notebook was closed." : "The answer was stopped.");
  }

  async #unload(): Promise<void> {
    const model = this.#loaded?.model;
    this.#loaded = undefined;
    if (model !== undefined) await this.#backend.unload(model);
  }

  async #load(source: string, signal: AbortSignal, onStage: (sentence: string) => void): Promise<Loaded<Model>> {
    const before = this.#loaded?.source === source ? this.#loaded : undefined;
    // What only reading would tell is not read again for each question.
    if (before && before.fingerprint === undefined) return before;
    const found = await this.#place.openModel(source, { signal, onStage, unless: before?.fingerprint });
    const { name, fingerprint, file } = found;
    if (before && file === undefined) return before;
    await this.#unload();
    if (!file) throw new KromaError("unavailable", `${name} changed while it was opened. Try again.`);
    if (file.size > this.#backend.largest) throw noMemory(name);
    onStage(`Loading ${name}, ${Math.ceil(file.size / 1e6).toLocaleString("en")} MB`);
    const head = await readGgufHead(name, file);
    signal.throwIfAborted();
    const model = await this.#backend.load({ ...found, file }, head, signal);
    this.#loaded = { source, name, fingerprint, model };
    signal.throwIfAborted();
    return this.#loaded;
  }
}

/** The drivers on an engine that is made when the first of them is asked. */
export function driversOn<Model>(place: ChatPlace, where: string, make: () => Promise<Backend<Model>>): ChatDrivers {
  let engine: Promise<Engine<Model>> | undefined;
  let isClosed = false;
  const start = async (): Promise<Engine<Model>> => new Engine(place, await make());
  return {
    open({ model }): ChatDriver {
      return {
        model,
        place: where,
        async *chat(request, signal) {
          // What could not be started may be tried again.
          const running = await (engine ??= start().catch((error: unknown) => {
            engine = undefined;
            throw error;
          }));
          if (isClosed) running.close();
          yield* running.chat(request.model ?? model, request, signal);
        },
        models: () => place.files(MODEL_ENDING),
      };
    },
    close() {
      isClosed = true;
      void engine?.then(
        (running) => running.close(),
        () => undefined,
      );
    },
  };
}
