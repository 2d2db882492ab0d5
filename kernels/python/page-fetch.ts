/**
 * Fetches for Python code that can't wait for a promise: the worker blocks on the answer while this side, outside of it,
 * fetches. What a page may not read (CORS) it may not read for Python either, and cookies are never sent.
 */
import type { FetchRequest } from "./wire.ts";

/** What Python gets: a response, or why there is none. */
export type FetchAnswer =
  | {
      readonly url: string;
      readonly status: number;
      readonly reason: string;
      readonly headers: readonly (readonly [string, string])[];
      /** base64 */
      readonly body: string;
    }
  | { readonly error: string };

/** More bytes than this would not fit beside their copies in the interpreter's memory. */
const LARGEST = 256 * 1024 * 1024;

/** Fetches. Never rejects; an abort is an answer too. */
export async function fetchForPython(request: FetchRequest, signal: AbortSignal): Promise<FetchAnswer> {
  const { url, method, headers, body, timeout } = request;
  const limit = timeout === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeout * 1000)]);
  try {
    const response = await fetch(url, {
      method,
      headers: sendable(headers),
      credentials: "omit",
      signal: limit,
      ...(body === undefined ? {} : { body: fromBase64(body) }),
    });
    const size = Number(response.headers.get("content-length") ?? 0);
    if (size > LARGEST) return { error: `${url} has ${size} bytes; at most ${LARGEST} can be read` };
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length > LARGEST) return { error: `${url} has ${bytes.length} bytes; at most ${LARGEST} can be read` };
    return {
      url: response.url || url,
      status: response.status,
      reason: response.statusText,
      headers: [...response.headers],
      body: toBase64(bytes),
    };
  } catch (error) {
    return { error: reasonOf(error, url) };
  }
}

/** Headers of the connection are fetch's to set, and another browser's name makes servers ask for permission first. */
function sendable(headers: FetchRequest["headers"]): [string, string][] {
  const own = ["host", "connection", "content-length", "accept-encoding", "transfer-encoding"];
  if ("document" in globalThis) own.push("user-agent");
  return headers.filter(([name]) => !own.includes(name.toLowerCase())).map(([name, value]) => [name, value]);
}

function reasonOf(error: unknown, url: string): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "timed out";
  const cause = (error.cause as { code?: string; message?: string } | undefined) ?? {};
  const why = cause.code ?? cause.message;
  if (why !== undefined) return `${url} could not be reached (${why})`;
  return "document" in globalThis
    ? `${url} could not be read: the network is down, there is no such server, or it does not let pages of other sites read it (CORS)`
    : `${url} could not be reached (${error.message})`;
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
