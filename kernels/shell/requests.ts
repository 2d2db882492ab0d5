/**
 * HTTP requests of the page to servers of the machine (K17 of core/kernel/messages.ts): each dials the port through the
 * agent, and the answer comes as fast as the page takes it. What goes wrong is told in words, as what is served is
 * often what the person is just writing.
 */
import { type FromMachine, HTTP_WINDOW, type ToMachine } from "#core/kernel/machine.ts";
import { type AnswerListener, AnswerReader, requestBytes } from "./http.ts";
import type { GuestStreamHandle, Mux } from "./mux.ts";
import type { Rest } from "./rest.ts";

/** Milliseconds without a byte of an answer. A server that computes may take its time; one that sleeps shall not stay. */
const SILENCE = 60_000;
/** Requests at once: a page with many pictures asks for all of them; the machine's agent has 128 channels for everything. */
const AT_ONCE = 12;
/** Connections and streams of events beside them: each stays for as long as its page does. */
const LASTING = 40;
/** Bytes that a server has not taken from a connection; one that leaves more is not listening. */
const UNSENT = 16 * 1024 * 1024;

type Request = Extract<ToMachine, { type: "http_request" }>;

/** The requests to one machine's servers. */
export class Requests {
  readonly #say: (message: FromMachine) => void;
  readonly #open = new Map<string, OpenRequest>();
  readonly #waiting: OpenRequest[] = [];
  #machine: { readonly mux: Mux; readonly rest: Rest } | undefined;
  #running = 0;
  #lasting = 0;

  constructor(say: (message: FromMachine) => void) {
    this.#say = say;
  }

  start(mux: Mux, rest: Rest): void {
    this.#machine = { mux, rest };
    this.#next();
  }

  take(message: Exclude<ToMachine, { type: "job_end" | "web_hosts" }>): void {
    if (message.type === "http_request") {
      if (this.#open.has(message.id)) return;
      const request = new OpenRequest(message, (answer) => {
        if (answer.type === "http_end") this.#open.delete(message.id);
        this.#say(answer);
      });
      this.#open.set(message.id, request);
      this.#waiting.push(request);
      return this.#next();
    }
    const request = this.#open.get(message.parent);
    if (message.type === "http_taken") request?.taken(message.bytes);
    else if (message.type === "http_send") request?.send(message.data);
    else request?.end("it was given up");
  }

  #next(): void {
    const machine = this.#machine;
    if (!machine) return;
    while (this.#running < AT_ONCE) {
      const request = this.#waiting.shift();
      if (!request) return;
      this.#running++;
      let lasts = false;
      const lasting = (): void => {
        if (this.#lasting >= LASTING)
          return request.end(`More than ${LASTING} connections and streams of events at once are not kept.`);
        lasts = true;
        this.#lasting++;
        this.#running--;
        this.#next();
      };
      void machine.rest
        .during(() => request.run(machine.mux, lasting))
        .catch((error: unknown) => request.end(error instanceof Error ? error.message : String(error)))
        .finally(() => {
          if (lasts) this.#lasting--;
          else this.#running--;
          this.#next();
        });
    }
  }
}

/** One request from the dial to its end. */
class OpenRequest {
  readonly #request: Request;
  readonly #say: (message: FromMachine) => void;
  #handle: GuestStreamHandle | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #onOver: () => void = () => undefined;
  #over = false;
  /** It has no end of its own: silence is nothing unusual. */
  #lasts = false;
  #isConnection = false;
  /** Bytes of the body that the page has not taken, and bytes of the stream that wait for that. */
  #untaken = 0;
  #unused = 0;

  constructor(request: Request, say: (message: FromMachine) => void) {
    this.#request = request;
    this.#say = say;
  }

  /** Resolves when it is over; `onLasting` hears that this one has no end of its own. */
  run(mux: Mux, onLasting: () => void): Promise<void> {
    if (this.#over) return Promise.resolve();
    const { id: parent, port, method, upgrade } = this.#request;
    const listener: AnswerListener = {
      onHead: (status, headers) => {
        this.#isConnection = status === 101 && upgrade !== undefined;
        this.#lasts = this.#isConnection || headers.some(isEventStream);
        if (this.#lasts) onLasting();
        if (this.#over) return;
        clearTimeout(this.#timer);
        this.#wait();
        this.#say({ type: "http_response", parent, status, headers });
      },
      onBody: (bytes) => {
        this.#untaken += bytes.length;
        this.#say({ type: "http_data", parent, data: bytes.slice() });
      },
      onEnd: () => this.end(undefined),
      onError: (sentence) => this.end(`Port ${port}: ${sentence}.`),
    };
    const reader = new AnswerReader(method, listener, upgrade !== undefined);
    return new Promise((resolve) => {
      this.#onOver = resolve;
      this.#wait();
      this.#handle = mux.dial(port, {
        onData: (_stream, bytes) => {
          this.#wait();
          reader.push(bytes);
          this.#unused += bytes.length;
          this.#giveBack();
        },
        onGone: () => reader.end(),
        onFail: (reason) =>
          this.end(
            reason === "Connection refused"
              ? `Nothing listens at port ${port} of the Linux machine.`
              : `Port ${port} of the Linux machine cannot be reached: ${reason}.`,
          ),
      });
      // The agent connects before it takes the next frame, so what is written now waits for the connection.
      this.#handle.write(requestBytes(this.#request));
    });
  }

  taken(bytes: number): void {
    this.#untaken = Math.max(0, this.#untaken - bytes);
    this.#giveBack();
  }

  send(data: Uint8Array): void {
    if (this.#over || !this.#isConnection || !this.#handle) return;
    if (this.#handle.queued + data.length > UNSENT)
      return this.end(`The server at port ${this.#request.port} does not take what is sent to it.`);
    this.#handle.write(data);
  }

  /** The last word, once. */
  end(error: string | undefined): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#handle?.close();
    this.#say({ type: "http_end", parent: this.#request.id, ...(error === undefined ? {} : { error }) });
    this.#onOver();
  }

  /** The guest may send more while the page has room. */
  #giveBack(): void {
    if (this.#unused === 0 || this.#untaken > HTTP_WINDOW / 2) return;
    this.#handle?.consumed(this.#unused);
    this.#unused = 0;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (this.#lasts) return;
    this.#timer = setTimeout(() => {
      // Silence while the page does not take what came is the page's.
      if (this.#untaken > 0) return this.#wait();
      this.end(`The server at port ${this.#request.port} has not answered for a minute.`);
    }, SILENCE);
  }
}

/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) come for as long as somebody listens. */
const isEventStream = ([name, value]: readonly [string, string]): boolean =>
  name === "content-type" && /^text\/event-stream\s*(?:;|$)/i.test(value);
