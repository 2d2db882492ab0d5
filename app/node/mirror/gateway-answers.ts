/** How the gateway answers: parts and tags (RFC 9110), names for saving, bodies, refusals. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { KromaError } from "#core/base/errors.ts";
import { readRange } from "../http-facts.ts";
import { type GatewayRequest, HttpRefusal } from "./gateway-request.ts";

/** The part of a body that was asked for. Throws `HttpRefusal` where there is no such part. */
export function partOf(
  request: IncomingMessage,
  response: ServerResponse,
  size: number,
  tag?: string,
): { readonly start: number; readonly end: number; readonly isPart: boolean } {
  response.setHeader("Accept-Ranges", "bytes");
  const { range, "if-range": ifRange } = request.headers;
  const part = range === undefined || (ifRange !== undefined && ifRange !== tag) ? undefined : readRange(range, size);
  if (part === "unsatisfiable") {
    response.setHeader("Content-Range", `bytes */${size}`);
    throw new HttpRefusal(416, "There is no such part.");
  }
  if (!part) return { start: 0, end: size - 1, isPart: false };
  response.setHeader("Content-Range", `bytes ${part.start}-${part.end}/${size}`);
  return { ...part, isPart: true };
}

/** Sets the tag of what would be sent; true when the reader has it already, which was said. */
export function isKnown(request: IncomingMessage, response: ServerResponse, tag: string): boolean {
  response.setHeader("ETag", tag);
  const known = request.headers["if-none-match"]?.split(",").map((one) => one.trim().replace(/^W\//, ""));
  if (!known || !(known.includes(tag) || known.includes("*"))) return false;
  response.writeHead(304).end();
  return true;
}

/** Says that the body is to be saved, under this name if none was asked for. */
export function attach(asked: GatewayRequest, response: ServerResponse, name: string): void {
  response.setHeader("Content-Disposition", dispositionOf("attachment", asked.search.get("filename") ?? name));
}

/** The header, with the name in ASCII and, where that is not all of it, in UTF-8 (RFC 6266). */
export function dispositionOf(kind: "inline" | "attachment", name: string): string {
  const plain = name.replaceAll(/[^\u0020-\u007e]|["\\%]/g, "_").slice(0, 255);
  const encoded = encodeURIComponent(name.toWellFormed().slice(0, 255)).replaceAll(/['()*]/g, escape);
  return `${kind}; filename="${plain}"${plain === name ? "" : `; filename*=UTF-8''${encoded}`}`;
}

const escape = (sign: string): string => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;

/** Sends text. */
export function sendText(request: IncomingMessage, response: ServerResponse, type: string, text: string): void {
  response.setHeader("Content-Type", type);
  sendBytes(request, response, Buffer.from(text));
}

/** Sends a body that is all there. */
export function sendBytes(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array, status = 200): void {
  response.setHeader("Content-Length", bytes.length);
  response.writeHead(status);
  response.end(request.method === "HEAD" ? undefined : bytes);
}

/** Sends a body as it comes. Rejects when either side breaks off. */
export async function pipe(pieces: AsyncIterable<Uint8Array>, response: ServerResponse): Promise<void> {
  await pipeline(Readable.from(pieces, { objectMode: false, highWaterMark: 1024 * 1024 }), response);
}

const STATUSES: Readonly<Record<string, number>> = {
  missing: 404,
  invalid: 400,
  exhausted: 500,
  corrupt: 500,
  unavailable: 503,
  denied: 403,
};

/** Says why something is not to be had, if that can still be said; else breaks off. */
export function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  // A status is already out: breaking off is the only way to say that what came is not all.
  if (response.headersSent || response.destroyed) return void response.destroy();
  const status =
    error instanceof HttpRefusal ? error.status : error instanceof KromaError ? (STATUSES[error.code] ?? 500) : 500;
  for (const name of ["ETag", "Content-Length", "Content-Location", "Content-Disposition", "X-Ipfs-Roots", "Link"])
    response.removeHeader(name);
  if (status === 503) response.setHeader("Retry-After", "10");
  const words = error instanceof HttpRefusal || error instanceof KromaError ? error.message : "The gateway failed.";
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });
  response.end(request.method === "HEAD" || status === 412 ? undefined : `${words}\n`);
}
