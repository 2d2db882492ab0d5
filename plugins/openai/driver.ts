/**
 * A ChatDriver that asks an endpoint of chat completions over HTTP, as Ollama, llama.cpp, LM Studio, vLLM and hosted
 * services offer it: one POST, whose answer streams as server-sent events. It is the same in a page and in Node.
 */
import { KromaError } from "#core/base/errors.ts";
import type { ChatDelta, ChatDriver, ChatEndpoint, ChatRequest } from "#core/chat/driver.ts";
import { readModels, readPiece, requestBody, untilFinished } from "#core/chat/wire.ts";
import { eventData } from "./event-stream.ts";
import { failureOf, withoutKey } from "./failures.ts";

/** How long silence is borne, in milliseconds. */
export interface Patience {
  /** Until the first byte of an answer: a model may have to be loaded first. */
  readonly first: number;
  /** Between two pieces. */
  readonly next: number;
}

const PATIENCE: Patience = { first: 300_000, next: 90_000 };
/** Bytes of a body that is no stream: a list of models, a refusal. */
const MAX_BODY = 4_000_000;
/** Bytes of a request. */
const MAX_REQUEST = 16_000_000;
const LONGEST_KEY = 4096;

/** A driver for this endpoint. Nothing is sent before it is asked. */
export function openAiDriver(endpoint: ChatEndpoint, patience: Patience = PATIENCE): ChatDriver {
  const base = checkAddress(endpoint);
  const { model, key } = endpoint;
  const asked = new Endpoint(base, key, patience);
  return {
    model,
    place: base.host,
    chat: (request, signal) => asked.chat(request, request.model ?? model, signal),
    models: (signal) => asked.models(signal),
  };
}

/** The base URL, ending in "/". Throws `invalid`, or `denied` where the key would travel in the clear. */
function checkAddress({ address, key }: ChatEndpoint): URL {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new KromaError("invalid", `“${address}” is not an address. It looks like http://127.0.0.1:11434/v1.`);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new KromaError(
      "invalid",
      `The address of a language model begins with http:// or https://, not ${url.protocol}`,
    );
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new KromaError(
      "invalid",
      "The address of a language model holds no name, password, ? or #. The key has its own field.",
    );
  }
  if (key.length > LONGEST_KEY || /[^\x21-\x7e]/.test(key)) {
    throw new KromaError("invalid", "The key of the language model holds characters that no key has.");
  }
  const isHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (key !== "" && url.protocol === "http:" && !isHere) {
    throw new KromaError(
      "denied",
      `The key is not sent to ${url.host} over http, where others could read it. Use https.`,
    );
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

class Endpoint {
  readonly #base: URL;
  readonly #key: string;
  readonly #patience: Patience;

  constructor(base: URL, key: string, patience: Patience) {
    this.#base = base;
    this.#key = key;
    this.#patience = patience;
  }

  async models(signal: AbortSignal): Promise<readonly string[]> {
    const clock = new Clock(signal, this.#patience);
    try {
      const response = await this.#fetch("models", undefined, clock);
      await this.#checkStatus(response, "", clock);
      return readModels(await this.#body(response, clock));
    } catch (error) {
      throw this.#explain(error, clock);
    } finally {
      clock.stop();
    }
  }

  async *chat(request: ChatRequest, model: string, signal: AbortSignal): AsyncGenerator<ChatDelta, void, undefined> {
    const body = JSON.stringify(requestBody(request, model));
    if (body.length > MAX_REQUEST)
      throw new KromaError("exhausted", "This is more than a language model is sent at once.");
    const clock = new Clock(signal, this.#patience);
    const clean = (said: string): string => withoutKey(said, this.#key);
    try {
      const response = await this.#fetch("chat/completions", body, clock);
      await this.#checkStatus(response, model, clock);
      const type = response.headers.get("content-type")?.toLowerCase() ?? "";
      if (type.startsWith("text/html")) throw this.#isPage();
      // Some endpoints answer whole, whatever they were asked for.
      if (type.startsWith("application/json"))
        yield* untilFinished(readPiece(await this.#body(response, clock), clean));
      else if (type === "" || type.startsWith("text/event-stream"))
        yield* untilFinished(pieces(this.#chunks(response, clock), clean));
      else
        throw new KromaError(
          "corrupt",
          `${this.#base.host} answered with ${type.slice(0, 100)}, which is not a chat completion.`,
        );
    } catch (error) {
      throw this.#explain(error, clock);
    } finally {
      clock.stop();
    }
  }

  #fetch(path: string, body: string | undefined, clock: Clock): Promise<Response> {
    return fetch(new URL(path, this.#base), {
      ...(body === undefined ? {} : { method: "POST", body }),
      headers: {
        ...(body === undefined ? {} : { "Content-Type": "application/json", Accept: "text/event-stream" }),
        ...(this.#key === "" ? {} : { Authorization: `Bearer ${this.#key}` }),
      },
      signal: clock.signal,
      // Whoever answers is who was set, and learns nothing but what it was sent.
      redirect: "error",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      cache: "no-store",
    });
  }

  async #checkStatus(response: Response, model: string, clock: Clock): Promise<void> {
    if (response.ok) return;
    const isPage = response.headers.get("content-type")?.toLowerCase().startsWith("text/html") ?? false;
    const body = isPage ? "" : await this.#body(response, clock).catch(() => "");
    throw failureOf(response, body, { place: this.#base.host, key: this.#key, model, now: Date.now() });
  }

  async #body(response: Response, clock: Clock): Promise<string> {
    if (response.headers.get("content-type")?.toLowerCase().startsWith("text/html")) throw this.#isPage();
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#chunks(response, clock)) {
      size += chunk.length;
      if (size > MAX_BODY) throw new KromaError("exhausted", `${this.#base.host} sent more than an answer can be.`);
      parts.push(chunk);
    }
    return new TextDecoder().decode(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  }

  async *#chunks(response: Response, clock: Clock): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = response.body?.getReader();
    if (!reader) return;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clock.heard();
        yield value;
      }
    } finally {
      // Also when nobody wants the rest: the endpoint stops computing it.
      void reader.cancel().catch(() => undefined);
    }
  }

  #isPage(): KromaError {
    return new KromaError(
      "corrupt",
      `${this.#base.host} answered with a web page, not as a language model. Is the address right? It often ends in /v1.`,
    );
  }

  /** What was thrown, as an error of ours. */
  #explain(error: unknown, clock: Clock): unknown {
    if (error instanceof KromaError) return error;
    const { host } = this.#base;
    if (clock.isOver)
      return new KromaError("exhausted", `${host} said nothing for ${clock.waited / 1000} s, so it was given up.`);
    if (clock.signal.aborted) return new KromaError("aborted", "The answer was stopped.");
    if (clock.hasHeard)
      return new KromaError("unavailable", `The connection to ${host} broke in the middle of the answer.`);
    return new KromaError(
      "unavailable",
      `${host} can't be reached. Does it run? And a page may ask it only if it allows that (CORS; Ollama: OLLAMA_ORIGINS).`,
    );
  }
}

/** The pieces of a stream, to its "[DONE]". */
async function* pieces(
  chunks: AsyncIterable<Uint8Array>,
  clean: (said: string) => string,
): AsyncGenerator<ChatDelta, void, undefined> {
  for await (const data of eventData(chunks)) {
    if (data.trim() === "[DONE]") return;
    yield* readPiece(data, clean);
  }
}

/** Ends a request that is silent for too long. */
class Clock {
  readonly signal: AbortSignal;
  readonly #patience: Patience;
  readonly #own = new AbortController();
  #timer: ReturnType<typeof setTimeout>;
  waited: number;
  isOver = false;
  hasHeard = false;

  constructor(signal: AbortSignal, patience: Patience) {
    this.#patience = patience;
    this.signal = AbortSignal.any([signal, this.#own.signal]);
    this.waited = patience.first;
    this.#timer = this.#start();
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.hasHeard = true;
    this.waited = this.#patience.next;
    this.#timer = this.#start();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      this.isOver = true;
      this.#own.abort();
    }, this.waited);
  }
}
