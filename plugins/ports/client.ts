/**
 * Asks servers of the machine: whole answers over the session's machine channel, with a size limit, redirects and the
 * cookies that the servers gave. Everything an answer holds is untrusted; it is data here.
 */
import type { Channel } from "#core/base/channel.ts";
import { KromaError } from "#core/base/errors.ts";
import { randomId } from "#core/base/ids.ts";
import type { FromMachine, ToMachine } from "#core/kernel/machine.ts";
import { type Address, addressOf, urlOf } from "./address.ts";

/** Most bytes of an answer's body. */
export const LARGEST = 64 * 1024 * 1024;
const REDIRECTS = 20;
const COOKIES = 100;

export interface Question {
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
}

export interface Answer {
  /** Where it came from, after redirects. */
  readonly address: Address;
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array<ArrayBuffer>;
}

export const GET: Question = { method: "GET", headers: [] };

interface Waiting {
  readonly address: Address;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: KromaError) => void;
  head: { readonly status: number; readonly headers: Answer["headers"] } | undefined;
  pieces: Uint8Array[];
  size: number;
}

/** One page's requests. */
export class Client {
  readonly #machine: Channel<FromMachine, ToMachine>;
  readonly #waiting = new Map<string, Waiting>();
  /** By port, then by name. */
  readonly #cookies = new Map<
    number,
    Map<string, { readonly value: string; readonly path: string; readonly hidden: boolean }>
  >();
  readonly #stop: () => void;

  constructor(machine: Channel<FromMachine, ToMachine>) {
    this.#machine = machine;
    this.#stop = machine.receive((message) => this.#hear(message));
  }

  /** Asks, and follows where the answer sends to on the machine. Rejects with a sentence for a person. */
  async ask(address: Address, question: Question, signal?: AbortSignal): Promise<Answer> {
    let [to, asked] = [address, question];
    for (let step = 0; step <= REDIRECTS; step++) {
      const answer = await this.#askOnce(to, asked, signal);
      const location = answer.headers.find(([name]) => name === "location")?.[1];
      if (location === undefined || ![301, 302, 303, 307, 308].includes(answer.status)) return answer;
      const next = addressOf(location, urlOf(to));
      if (!next)
        throw new KromaError(
          "unavailable",
          `The server sends on to ${location.slice(0, 200)}, which is not on this machine.`,
        );
      to = { ...next, fragment: next.fragment || to.fragment };
      const keeps = answer.status >= 307 || asked.method === "GET" || asked.method === "HEAD";
      if (!keeps) asked = { method: "GET", headers: asked.headers.filter(([name]) => !/^content-/i.test(name)) };
    }
    throw new KromaError("unavailable", `The server sends from page to page without end (${REDIRECTS} times).`);
  }

  /** What a script of the page may see of its cookies. */
  cookies({ port, path }: Address): string {
    return this.#cookieText(port, path, true);
  }

  /** A cookie as a header or a script sets it. */
  setCookie({ port, path }: Address, text: string, fromScript: boolean): void {
    const [first = "", ...attributes] = text.slice(0, 4096).split(";");
    const equals = first.indexOf("=");
    if (equals < 1) return;
    const name = first.slice(0, equals).trim();
    const facts = new Map(
      attributes.map((part) => part.trim().split("=")).map(([key = "", value = ""]) => [key.toLowerCase(), value]),
    );
    const jar = this.#cookies.get(port) ?? new Map<string, { value: string; path: string; hidden: boolean }>();
    this.#cookies.set(port, jar);
    if (fromScript && jar.get(name)?.hidden) return;
    jar.delete(name);
    const age = facts.get("max-age");
    const over = age === undefined ? Date.parse(facts.get("expires") ?? "") < Date.now() : !(Number(age) > 0);
    if (over || jar.size >= COOKIES) return;
    const place = facts.get("path");
    const own = path.replace(/[?#].*/, "").replace(/\/[^/]*$/, "") || "/";
    jar.set(name, {
      value: first.slice(equals + 1).trim(),
      path: place?.startsWith("/") ? place : own,
      hidden: !fromScript && facts.has("httponly"),
    });
  }

  close(): void {
    this.#stop();
    for (const parent of this.#waiting.keys()) this.#give(parent, "The preview was closed.");
  }

  #askOnce(address: Address, { method, headers, body }: Question, signal?: AbortSignal): Promise<Answer> {
    const id = randomId();
    const { port, path } = address;
    const cookies = this.#cookieText(port, path, false);
    const all: [string, string][] = headers.map(([name, value]) => [name, value]);
    const lacks = (name: string): boolean => !all.some(([other]) => other.toLowerCase() === name);
    if (lacks("accept")) all.push(["Accept", "*/*"]);
    if (lacks("accept-encoding")) all.push(["Accept-Encoding", "identity"]);
    if (cookies !== "") all.push(["Cookie", cookies]);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new KromaError("aborted", "The request was given up."));
      this.#waiting.set(id, { address, resolve, reject, head: undefined, pieces: [], size: 0 });
      signal?.addEventListener("abort", () => this.#give(id, "The request was given up."), { once: true });
      this.#machine.send({ type: "http_request", id, port, method, path, headers: all, ...(body ? { body } : {}) });
    });
  }

  #give(parent: string, sentence: string): void {
    const waiting = this.#waiting.get(parent);
    if (!waiting) return;
    this.#waiting.delete(parent);
    this.#machine.send({ type: "http_cancel", parent });
    waiting.reject(new KromaError("aborted", sentence));
  }

  #hear(message: FromMachine): void {
    if (!("parent" in message)) return;
    const waiting = this.#waiting.get(message.parent);
    if (!waiting) return;
    if (message.type === "http_response") {
      waiting.head = { status: message.status, headers: message.headers };
      for (const [name, value] of message.headers) {
        if (name === "set-cookie") this.setCookie(waiting.address, value, false);
      }
    } else if (message.type === "http_data") {
      waiting.size += message.data.length;
      if (waiting.size > LARGEST)
        return this.#give(message.parent, "The answer is larger than 64 MiB, which is more than a preview takes.");
      waiting.pieces.push(message.data);
      this.#machine.send({ type: "http_taken", parent: message.parent, bytes: message.data.length });
    } else {
      this.#waiting.delete(message.parent);
      const { head, size, pieces, address } = waiting;
      if (message.error !== undefined || !head) {
        return waiting.reject(new KromaError("unavailable", message.error ?? "There was no answer."));
      }
      const body = new Uint8Array(size);
      let at = 0;
      for (const piece of pieces) {
        body.set(piece, at);
        at += piece.length;
      }
      waiting.resolve({ address, ...head, body });
    }
  }

  #cookieText(port: number, path: string, forScript: boolean): string {
    const here = path.replace(/[?#].*/, "");
    return [...(this.#cookies.get(port) ?? [])]
      .filter(([, cookie]) => !(forScript && cookie.hidden))
      .filter(([, { path: place }]) => here === place || here.startsWith(place.endsWith("/") ? place : `${place}/`))
      .map(([name, { value }]) => `${name}=${value}`)
      .join("; ");
  }
}

/** The value of an answer's header. */
export function header(answer: Answer, name: string): string {
  return answer.headers.find(([other]) => other === name)?.[1] ?? "";
}

/** An answer's body as text, by the character set it names. */
export function textOf(answer: Answer): string {
  const label = /charset="?([\w-]+)/i.exec(header(answer, "content-type"))?.[1] ?? "utf-8";
  try {
    return new TextDecoder(label).decode(answer.body);
  } catch {
    return new TextDecoder().decode(answer.body);
  }
}
