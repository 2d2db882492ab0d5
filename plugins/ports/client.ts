/**
 * Asks servers of the machine over the session's machine channel, for whole answers with a size limit or for such that come
 * as they are made, with redirects and the cookies that the servers gave. Everything an answer holds is untrusted; it is data here.
 */
import type { Channel } from "#core/base/channel.ts";
import { concatenate } from "#core/base/bytes.ts";
import { KromaError } from "#core/base/errors.ts";
import { randomId } from "#core/base/ids.ts";
import { type FromMachine, HTTP_SEND, type ToMachine } from "#core/kernel/machine.ts";
import { type Address, addressOf, urlOf } from "./address.ts";

/** Most bytes of an answer's body. */
export const LARGEST = 64 * 1024 * 1024;
const REDIRECTS = 20;
const REDIRECTING: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const COOKIES = 100;

export interface Question {
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
  /** The protocol to go over to. */
  readonly upgrade?: "websocket";
}

export interface Answer {
  /** Where it came from, after redirects. */
  readonly address: Address;
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array<ArrayBuffer>;
}

export const GET: Question = { method: "GET", headers: [] };

/** The beginning of an answer. */
export type Head = Omit<Answer, "body">;

export interface AnswerListener {
  onHead(head: Head): void;
  onData(bytes: Uint8Array<ArrayBuffer>): void;
  /** The last word, with what failed. */
  onEnd(error: KromaError | undefined): void;
}

/** An answer that is under way. */
export interface Exchange {
  /** So many bytes of its body were used: without this no more than HTTP_WINDOW come. */
  taken(bytes: number): void;
  /** To a server that agreed to another protocol. */
  send(bytes: Uint8Array): void;
  /** Nothing more is heard of it. */
  close(): void;
}

interface Waiting {
  readonly address: Address;
  readonly listener: AnswerListener;
  hasHead: boolean;
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

  /** Asks, follows where the answer sends to on the machine, and waits for all of it. Rejects with a sentence for a person. */
  ask(address: Address, question: Question, signal?: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new KromaError("aborted", "The request was given up."));
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      let head: Head | undefined;
      let size = 0;
      const stop = (): void => fail(new KromaError("aborted", "The request was given up."));
      const fail = (error: KromaError): void => {
        exchange.close();
        signal?.removeEventListener("abort", stop);
        reject(error);
      };
      const exchange = this.open(address, question, {
        onHead: (found) => (head = found),
        onData: (bytes) => {
          size += bytes.length;
          if (size > LARGEST)
            return fail(
              new KromaError("exhausted", "The answer is larger than 64 MiB, which is more than a preview takes."),
            );
          pieces.push(bytes);
          exchange.taken(bytes.length);
        },
        onEnd: (error) => {
          signal?.removeEventListener("abort", stop);
          if (head && !error) resolve({ ...head, body: concatenate(pieces) });
          else reject(error ?? new KromaError("unavailable", "There was no answer."));
        },
      });
      signal?.addEventListener("abort", stop);
    });
  }

  /** Asks, and follows where the answer sends to on the machine; the answer is heard as it comes. */
  open(address: Address, question: Question, listener: AnswerListener): Exchange {
    let [to, asked, steps] = [address, question, 0];
    let isOver = false;
    let id = "";
    const end = (error: KromaError): void => {
      if (isOver) return;
      close();
      listener.onEnd(error);
    };
    const close = (): void => {
      isOver = true;
      this.#give(id);
    };
    const askOnce = (): void => {
      id = this.#send(to, asked, {
        onHead: (head) => {
          const location = header(head, "location");
          if (location === "" || !REDIRECTING.has(head.status)) return listener.onHead(head);
          const next = addressOf(location, urlOf(to));
          if (!next)
            return end(
              new KromaError(
                "unavailable",
                `The server sends on to ${location.slice(0, 200)}, which is not on this machine.`,
              ),
            );
          if (++steps > REDIRECTS)
            return end(
              new KromaError("unavailable", `The server sends from page to page without end (${REDIRECTS} times).`),
            );
          this.#give(id);
          to = { ...next, fragment: next.fragment || to.fragment };
          const keeps = head.status >= 307 || asked.method === "GET" || asked.method === "HEAD";
          if (!keeps) asked = { method: "GET", headers: asked.headers.filter(([name]) => !/^content-/i.test(name)) };
          askOnce();
        },
        onData: (bytes) => listener.onData(bytes),
        onEnd: (error) => {
          isOver = true;
          listener.onEnd(error);
        },
      });
    };
    askOnce();
    return {
      taken: (bytes) => {
        if (!isOver) this.#machine.send({ type: "http_taken", parent: id, bytes });
      },
      send: (bytes) => {
        for (let at = 0; at < bytes.length && !isOver; at += HTTP_SEND)
          this.#machine.send({ type: "http_send", parent: id, data: bytes.slice(at, at + HTTP_SEND) });
      },
      close: () => {
        if (!isOver) close();
      },
    };
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
    const waiting = [...this.#waiting];
    for (const [parent, { listener }] of waiting) {
      this.#give(parent);
      listener.onEnd(new KromaError("aborted", "The preview was closed."));
    }
  }

  #send(address: Address, { method, headers, body, upgrade }: Question, listener: AnswerListener): string {
    const id = randomId();
    const { port, path } = address;
    const cookies = this.#cookieText(port, path, false);
    const all: [string, string][] = headers.map(([name, value]) => [name, value]);
    const lacks = (name: string): boolean => !all.some(([other]) => other.toLowerCase() === name);
    if (lacks("accept")) all.push(["Accept", "*/*"]);
    if (lacks("accept-encoding")) all.push(["Accept-Encoding", "identity"]);
    if (cookies !== "") all.push(["Cookie", cookies]);
    this.#waiting.set(id, { address, listener, hasHead: false });
    this.#machine.send({
      type: "http_request",
      id,
      port,
      method,
      path,
      headers: all,
      ...(body ? { body } : {}),
      ...(upgrade ? { upgrade } : {}),
    });
    return id;
  }

  #give(parent: string): void {
    if (this.#waiting.delete(parent)) this.#machine.send({ type: "http_cancel", parent });
  }

  #hear(message: FromMachine): void {
    if (!("parent" in message)) return;
    const waiting = this.#waiting.get(message.parent);
    if (!waiting) return;
    const { listener, address } = waiting;
    if (message.type === "http_response") {
      const { status, headers } = message;
      waiting.hasHead = true;
      for (const [name, value] of headers) if (name === "set-cookie") this.setCookie(address, value, false);
      listener.onHead({ address, status, headers });
    } else if (message.type === "http_data") {
      listener.onData(message.data as Uint8Array<ArrayBuffer>);
    } else {
      this.#waiting.delete(message.parent);
      const isWhole = message.error === undefined && waiting.hasHead;
      listener.onEnd(isWhole ? undefined : new KromaError("unavailable", message.error ?? "There was no answer."));
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
export function header(answer: Head, name: string): string {
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

/** The type of what came, without parameters, in small letters. */
export function mimeOf(answer: Head): string {
  return header(answer, "content-type").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** True for a file that the server wants to be kept and not shown. */
export function isAttachment(answer: Head): boolean {
  return /^attachment/i.test(header(answer, "content-disposition"));
}

/** True for what a frame shows as a page. */
export function isPage(answer: Answer): boolean {
  const type = mimeOf(answer);
  if (isAttachment(answer)) return false;
  return /html/.test(type) || (type === "" && /^\s*<(?:!doctype|html)/i.test(textOf(answer).slice(0, 200)));
}

/** What a file is called when it is kept: as the server says (RFC 6266), or as the path ends. */
export function fileName(answer: Head): string {
  const said = header(answer, "content-disposition");
  const encoded = /filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(said)?.[1];
  const quoted = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(said);
  const plain = quoted?.[1]?.replace(/\\(.)/g, "$1") ?? quoted?.[2];
  const last = answer.address.path.split("?", 1)[0]?.split("/").pop();
  const name = (encoded === undefined ? plain : decoded(encoded)) ?? decoded(last ?? "");
  return name.replace(/[/\\]/g, "_").slice(0, 200) || "file";
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
