/**
 * llama.cpp in the workers that wllama starts, so that the page's own thread only hears of the words. wllama speaks chat
 * completions as llama.cpp's server does: the template is the model's own, a JSON Schema becomes a grammar that the words
 * must follow.
 */
import { Wllama } from "@wllama/wllama";
import { KromaError } from "#core/base/errors.ts";
import type { ChatDelta, ChatPlace, ChatRequest } from "#core/chat/driver.ts";
import { readPieceValue, requestBody } from "#core/chat/wire.ts";
import { type Backend, MOST_TOKENS, type WholeModelFile } from "./engine.ts";
import { answerFailure, loadFailure } from "./failures.ts";
import { Pieces } from "./pieces.ts";

/** More threads than this gain little. */
const MOST_THREADS = 8;
/** WebAssembly has 4 GB for the weights and all that is computed with them. */
const LARGEST = 3_500_000_000;
/** Lines of llama.cpp's log that are looked at when something fails. */
const KEPT_LINES = 40;

/** One core is the page's. Threads need shared memory; and where a thread has no core, the others wait for it. */
const threads = (): number =>
  globalThis.crossOriginIsolated ? Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency - 1)) : 1;

/** The backend of a page, with its WebAssembly from the place's assets. */
export function pageBackend(place: ChatPlace): Backend<Wllama> {
  const wasm = place.asset("llama/wllama.wasm");
  return {
    largest: LARGEST,
    load: (file, _, signal) => load(file, wasm, signal),
    answer,
    explain(error, name, request) {
      const message = error instanceof Error ? error.message : String(error);
      // Anything but a refusal has left WebAssembly in a state of which nothing can be said.
      const isRefusal = (error as { readonly type?: unknown }).type === "inference_error";
      return { error: answerFailure(name, message, request.schema !== undefined), isBroken: !isRefusal };
    },
    unload: (wllama) => wllama.exit().catch(() => undefined),
  };
}

async function load({ name, file }: WholeModelFile, wasm: string, signal: AbortSignal): Promise<Wllama> {
  const lines: string[] = [];
  const wllama = new Wllama({ default: wasm }, { logger: loggerTo(lines) });
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
    // A model that llama.cpp refused is none, though nothing was thrown.
    if (!(wllama.getLoadedContextInfo().n_ctx > 0)) throw loadFailure(name, lines);
    return wllama;
  } catch (error) {
    void wllama.exit();
    if (error instanceof KromaError) throw error;
    throw loadFailure(name, [...lines, error instanceof Error ? error.message : String(error)]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function* answer(
  wllama: Wllama,
  name: string,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatDelta, void, undefined> {
  const left = new AbortController();
  const body = requestBody(request, name);
  const chunks = new Pieces<unknown>();
  const answering = wllama.createChatCompletion({
    ...(body as unknown as Parameters<Wllama["createChatCompletion"]>[0]),
    stream: true,
    onData: chunks.put,
    abortSignal: AbortSignal.any([signal, left.signal]),
  });
  try {
    for await (const chunk of chunks.endWith(answering)) yield* readPieceValue(chunk);
  } finally {
    left.abort();
    // The next answer begins when this one has left llama.cpp, which is within a token.
    await answering.catch(() => undefined);
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
