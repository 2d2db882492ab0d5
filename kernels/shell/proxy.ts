/**
 * The machine's web proxy (127.0.0.1:3128 there, `http_proxy` in its environment): takes one request of a program in the
 * form that HTTP has for proxies (RFC 9112, 3.2.2), asks the web, and hands the answer on as it comes. https cannot go
 * this way: a program would encrypt it end to end through a tunnel, and a page has none to give. It is told so.
 * Programs that know no exceptions (`no_proxy`) also ask here for the machine's own servers, and get them.
 */
import { KromaError } from "#core/base/errors.ts";
import { requestBytes } from "./http.ts";
import type { GuestStreamHandle, StreamListener } from "./mux.ts";
import type { Web } from "./web.ts";

const HEAD = 64 * 1024;
const BODY = 16 * 1024 * 1024;
/** Bytes of an answer that wait for the program to read, at most about. */
const WAITING = 1024 * 1024;

/** Headers of an answer that told of a connection or coding that ended at the page. */
const NOT_PASSED =
  /^(?:connection|keep-alive|transfer-encoding|content-encoding|content-length|proxy-.*|trailer|upgrade|alt-svc)$/;

export interface ProxyParts {
  readonly web: Web;
  /** Connects to a port of the machine itself. */
  readonly dial: (port: number, listener: StreamListener) => GuestStreamHandle;
  /** A program wanted a tunnel to this host, for https. */
  readonly onTunnel: (host: string) => void;
}

/** The listener of a program that has connected to the proxy. */
export function proxyConnection(handle: GuestStreamHandle, parts: ProxyParts): StreamListener {
  const abort = new AbortController();
  let held = new Uint8Array(0);
  let isAsked = false;
  let onTaken: () => void = () => undefined;
  const hasRoom = (): Promise<void> =>
    handle.queued < WAITING || abort.signal.aborted
      ? Promise.resolve()
      : new Promise<void>((resolve) => (onTaken = resolve)).then(hasRoom);

  const answer = async (question: ProxyQuestion): Promise<void> => {
    const response = await parts.web.ask(question, abort.signal);
    const lines = [`HTTP/1.1 ${response.status} ${response.statusText}`, "Connection: close", "Via: 1.1 kroma"];
    for (const [name, value] of response.headers) if (!NOT_PASSED.test(name)) lines.push(`${name}: ${value}`);
    handle.write(encode(`${lines.join("\r\n")}\r\n\r\n`));
    if (question.method === "HEAD" || !response.body) return;
    for (const reader = response.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) return;
      handle.write(value);
      await hasRoom();
    }
  };

  /** The machine's own server, byte for byte. */
  const relay = (port: number, question: ProxyQuestion): void => {
    const { pathname, search } = new URL(question.url);
    const server = parts.dial(port, {
      onData: (_stream, bytes) => {
        handle.write(bytes);
        void hasRoom().then(() => server.consumed(bytes.length));
      },
      onGone: () => handle.end(),
      onFail: (reason) => refuse(handle, 502, new Error(`localhost:${port}: ${reason}`)),
    });
    abort.signal.addEventListener("abort", () => server.close());
    server.write(requestBytes({ ...question, port, path: `${pathname}${search}` }));
  };

  const take = (): void => {
    let question: ProxyQuestion | undefined;
    try {
      question = readQuestion(held);
    } catch (error) {
      isAsked = true;
      return refuse(handle, 400, error);
    }
    if (!question) return;
    isAsked = true;
    held = new Uint8Array(0);
    if (question.method === "CONNECT") {
      const [host = ""] = question.url.split(":");
      parts.onTunnel(host);
      return refuse(handle, 501, new KromaError("unavailable", tunnelSentence(host)));
    }
    const own = ownPort(question.url);
    if (own !== undefined && !parts.web.isAllowed(question.url)) return relay(own, question);
    answer(question).then(
      () => handle.end(),
      (error: unknown) => refuse(handle, error instanceof KromaError && error.code === "denied" ? 403 : 502, error),
    );
  };

  return {
    onData: (_stream, bytes) => {
      handle.consumed(bytes.length);
      if (isAsked) return;
      const joined = new Uint8Array(held.length + bytes.length);
      joined.set(held);
      joined.set(bytes, held.length);
      held = joined;
      take();
    },
    onTaken: () => onTaken(),
    onGone: () => {
      abort.abort();
      onTaken();
    },
  };
}

/** The port, if the address is the machine's own: in there, "localhost" never means the reader's computer. */
function ownPort(url: string): number | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port } = new URL(url);
  const isOwn = /^(?:localhost|kroma|127(?:\.\d{1,3}){3}|0\.0\.0\.0)$/.test(hostname);
  return protocol === "http:" && isOwn ? Number(port || "80") : undefined;
}

/** Why https does not go through the proxy, and what does. */
export function tunnelSentence(host: string): string {
  return `programs here cannot open https connections by themselves: a browser gives no tunnel to ${host}. To get a file: kroma fetch https://${host}/... ; or ask for the http:// address, which this proxy fetches.`;
}

interface ProxyQuestion {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A request that has come whole; undefined while more must come. Throws a sentence for what is none. */
export function readQuestion(bytes: Uint8Array): ProxyQuestion | undefined {
  let text = "";
  const head = bytes.subarray(0, HEAD + 4);
  for (let at = 0; at < head.length; at += 8192) text += String.fromCharCode(...head.subarray(at, at + 8192));
  const end = /\r?\n\r?\n/.exec(text);
  if (!end) {
    if (bytes.length > HEAD) throw new KromaError("invalid", "the request's head is too long");
    return undefined;
  }
  const [first = "", ...lines] = text.slice(0, end.index).split(/\r?\n/);
  const [, method, url] = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined || url === undefined)
    throw new KromaError("invalid", "this is a web proxy; it takes HTTP requests");
  if (url.startsWith("/"))
    throw new KromaError("invalid", "this is a web proxy, not a server: ask it for a whole address");
  const headers = lines.flatMap((line): [string, string][] => {
    const colon = line.indexOf(":");
    return colon > 0 ? [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()]] : [];
  });
  const value = (name: string): string | undefined => headers.find(([other]) => other.toLowerCase() === name)?.[1];
  if (value("transfer-encoding") !== undefined)
    throw new KromaError("invalid", "a body in chunks cannot be sent on; give its length");
  const size = Number(value("content-length") ?? 0);
  if (!Number.isInteger(size) || size < 0 || size > BODY) throw new KromaError("invalid", "a body has at most 16 MiB");
  const start = end.index + end[0].length;
  if (bytes.length < start + size) return undefined;
  return { method, url, headers, body: bytes.slice(start, start + size) };
}

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  501: "Not Implemented",
  502: "Bad Gateway",
};

function refuse(handle: GuestStreamHandle, status: number, error: unknown): void {
  const body = encode(`kroma: ${error instanceof Error ? error.message : String(error)}\n`);
  const head = `HTTP/1.1 ${status} ${REASONS[status]}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  handle.write(encode(head));
  handle.write(body);
  handle.end();
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
