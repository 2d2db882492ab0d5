/**
 * HTTP/1.1 as a client, over one connection into the machine (RFC 9112): one request, one answer, then the connection is
 * closed. Takes bodies by length, in chunks or up to the end, and what follows when a server goes over to another protocol. The server is untrusted: heads have a size limit, and what
 * is not HTTP is said to be so. Nothing here knows what an answer is for.
 */

/** Most bytes of an answer's head. */
const HEAD = 64 * 1024;
const HEADERS = 200;

export interface HttpRequestParts {
  readonly port: number;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array | undefined;
  /** The protocol to go over to. */
  readonly upgrade?: string | undefined;
}

/** What a request says of itself and its connection. */
const OURS = new Set([
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "upgrade",
  "expect",
  "te",
  "trailer",
]);

/** The bytes of a request. Host, length and connection are ours to say. */
export function requestBytes({ port, method, path, headers, body, upgrade }: HttpRequestParts): Uint8Array {
  const connection = upgrade === undefined ? ["Connection: close"] : ["Connection: Upgrade", `Upgrade: ${upgrade}`];
  const lines = [`${method} ${path} HTTP/1.1`, `Host: localhost:${port}`, ...connection];
  for (const [name, value] of headers) if (!OURS.has(name.toLowerCase())) lines.push(`${name}: ${value}`);
  if (body ?? !/^(?:GET|HEAD|OPTIONS|TRACE)$/.test(method)) lines.push(`Content-Length: ${body?.length ?? 0}`);
  const head = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  const bytes = new Uint8Array(head.length + (body?.length ?? 0));
  bytes.set(head);
  if (body) bytes.set(body, head.length);
  return bytes;
}

export interface AnswerListener {
  onHead(status: number, headers: readonly (readonly [name: string, value: string])[]): void;
  onBody(bytes: Uint8Array): void;
  /** The answer is whole. */
  onEnd(): void;
  /** It is not HTTP, or was cut off; a sentence. Nothing comes after it. */
  onError(sentence: string): void;
}

type Body = { readonly kind: "none" | "chunked" | "until the end" } | { readonly kind: "length"; left: number };

/** Reads one answer out of a stream of bytes. */
export class AnswerReader {
  readonly #listener: AnswerListener;
  readonly #isHead: boolean;
  readonly #upgrades: boolean;
  #held = new Uint8Array(0);
  #stage: "head" | "body" | "chunk size" | "chunk" | "chunk end" | "trailer" | "over" = "head";
  #body: Body = { kind: "none" };
  #chunk = 0;
  #trailer = 0;

  /** `upgrades`: the request asked for another protocol, so that an answer of 101 has what the server sends as its body. */
  constructor(method: string, listener: AnswerListener, upgrades = false) {
    this.#listener = listener;
    this.#isHead = method === "HEAD";
    this.#upgrades = upgrades;
  }

  push(bytes: Uint8Array): void {
    let data = bytes;
    if (this.#held.length > 0) {
      data = new Uint8Array(this.#held.length + bytes.length);
      data.set(this.#held);
      data.set(bytes, this.#held.length);
      this.#held = new Uint8Array(0);
    }
    while (data.length > 0 && this.#stage !== "over") {
      const used = this.#step(data);
      if (used === 0) {
        this.#held = data.slice();
        return;
      }
      data = data.subarray(used);
    }
  }

  /** The server has closed the connection. */
  end(): void {
    if (this.#stage === "over") return;
    if (this.#stage === "body" && this.#body.kind === "until the end") return this.#finish();
    if (this.#stage === "head" && this.#held.length === 0) return this.#fail("it hung up without an answer");
    this.#fail("the answer was cut off");
  }

  /** Bytes used of what is there; 0 waits for more. */
  #step(data: Uint8Array): number {
    switch (this.#stage) {
      case "head":
        return this.#readHead(data);
      case "body":
        return this.#readBody(data);
      case "chunk": {
        const part = data.subarray(0, this.#chunk);
        this.#chunk -= part.length;
        if (this.#chunk === 0) this.#stage = "chunk end";
        this.#listener.onBody(part);
        return part.length;
      }
      default:
        return this.#readLine(data);
    }
  }

  #readHead(data: Uint8Array): number {
    // Up to the blank line; some small servers end lines with a bare line feed.
    const text = latin1(data.subarray(0, HEAD + 4));
    const end = /\r?\n\r?\n/.exec(text);
    if (!/^H(?:$|T(?:$|T(?:$|P(?:$|\/))))/.test(text)) {
      this.#fail("what answers there does not speak HTTP");
      return data.length;
    }
    if (!end || end.index > HEAD) {
      if (data.length > HEAD) this.#fail("the answer's head is too long");
      return this.#stage === "over" ? data.length : 0;
    }
    const [first = "", ...lines] = text.slice(0, end.index).split(/\r?\n/);
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1] ?? 0);
    const headers = lines.slice(0, HEADERS).flatMap((line): [string, string][] => {
      const colon = line.indexOf(":");
      return colon > 0 ? [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]] : [];
    });
    const used = end.index + end[0].length;
    if (status < 100) {
      this.#fail("what answers there does not speak HTTP/1.1");
      return used;
    }
    // An interim answer (100, 103): the real one follows.
    if (status < 200 && status !== 101) return used;
    this.#begin(status, headers);
    return used;
  }

  #begin(status: number, headers: readonly (readonly [string, string])[]): void {
    const value = (name: string): string | undefined => headers.find(([other]) => other === name)?.[1];
    const length = value("content-length");
    if (status === 101 && this.#upgrades) this.#body = { kind: "until the end" };
    else if (this.#isHead || status === 204 || status === 304 || status === 101) this.#body = { kind: "none" };
    else if (/(?:^|,)\s*chunked\s*$/i.test(value("transfer-encoding") ?? "")) this.#body = { kind: "chunked" };
    else if (length !== undefined && /^\d{1,15}$/.test(length)) this.#body = { kind: "length", left: Number(length) };
    else this.#body = { kind: "until the end" };
    this.#stage = this.#body.kind === "chunked" ? "chunk size" : "body";
    this.#listener.onHead(status, headers);
    if (this.#body.kind === "none" || (this.#body.kind === "length" && this.#body.left === 0)) this.#finish();
  }

  #readBody(data: Uint8Array): number {
    const body = this.#body;
    if (body.kind !== "length") {
      this.#listener.onBody(data);
      return data.length;
    }
    const part = data.subarray(0, body.left);
    body.left -= part.length;
    this.#listener.onBody(part);
    if (body.left === 0) this.#finish();
    return part.length;
  }

  /** A line of the chunked coding: a size, the end of a chunk, or a trailer. */
  #readLine(data: Uint8Array): number {
    const end = data.indexOf(10);
    if (end < 0) {
      if (data.length > 4096) this.#fail("the answer's chunks are malformed");
      return this.#stage === "over" ? data.length : 0;
    }
    const line = latin1(data.subarray(0, end)).replace(/\r$/, "");
    if (this.#stage === "chunk end") {
      if (line !== "") this.#fail("the answer's chunks are malformed");
      else this.#stage = "chunk size";
    } else if (this.#stage === "chunk size") {
      const size = /^([\da-f]{1,8})\s*(?:;.*)?$/i.exec(line)?.[1];
      if (size === undefined) this.#fail("the answer's chunks are malformed");
      else {
        this.#chunk = Number.parseInt(size, 16);
        this.#stage = this.#chunk === 0 ? "trailer" : "chunk";
      }
    } else if (line === "") this.#finish();
    else if ((this.#trailer += line.length) > HEAD) this.#fail("the answer's trailer is too long");
    return end + 1;
  }

  #finish(): void {
    this.#stage = "over";
    this.#listener.onEnd();
  }

  #fail(sentence: string): void {
    this.#stage = "over";
    this.#listener.onError(sentence);
  }
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
