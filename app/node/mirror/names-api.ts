/** Records of names at /routing/v1/ipns/NAME (https://specs.ipfs.tech/routing/http-routing-v1/): anybody's, each proves itself. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { KromaError } from "#core/base/errors.ts";
import type { NameBook } from "#plugins/names/book.ts";
import { MOST_RECORD_BYTES, parseName } from "#plugins/names/record.ts";
import { RECORD_TYPE } from "#plugins/names/routing.ts";
import { HttpRefusal } from "./gateway-request.ts";

const PATH = "/routing/v1/ipns/";
const STATUSES: Readonly<Record<string, number>> = { invalid: 400, corrupt: 400, unavailable: 400, exhausted: 507 };

/** Answers requests about names; false for all others. */
export function answerNames(
  request: IncomingMessage,
  response: ServerResponse,
  book: NameBook,
  now: () => number,
): boolean {
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  if (!path.startsWith(PATH)) return false;
  response.setHeader("Access-Control-Allow-Origin", "*");
  response.setHeader("Access-Control-Allow-Methods", "GET, PUT, OPTIONS");
  response.setHeader("Access-Control-Allow-Headers", "Content-Type, Accept");
  response.setHeader("X-Content-Type-Options", "nosniff");
  answer(request, response, book, path.slice(PATH.length), now()).catch((error: unknown) => {
    if (response.headersSent || response.destroyed) return void response.destroy();
    const status =
      error instanceof HttpRefusal ? error.status : error instanceof KromaError ? (STATUSES[error.code] ?? 500) : 500;
    if (!request.complete) response.setHeader("Connection", "close");
    response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });
    response.end(
      `${error instanceof HttpRefusal || error instanceof KromaError ? error.message : "The mirror failed."}\n`,
    );
  });
  return true;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  book: NameBook,
  text: string,
  now: number,
): Promise<void> {
  const name = parseName(text);
  if (request.method === "OPTIONS") return void response.writeHead(204).end();
  if (request.method === "PUT") {
    await book.offer(name, await bodyOf(request), now);
    return void response.writeHead(200).end();
  }
  if (request.method !== "GET" && request.method !== "HEAD")
    throw new HttpRefusal(405, "Records are got and put here.");
  const record = await book.newest(name, now);
  if (!record) throw new HttpRefusal(404, "Nothing is known here of this name.");
  response.writeHead(200, {
    "Content-Type": RECORD_TYPE,
    "Content-Length": record.bytes.length,
    "Cache-Control": `public, max-age=${record.seconds}`,
    ETag: `"${record.sequence}-${record.validUntil}"`,
  });
  response.end(request.method === "HEAD" ? undefined : record.bytes);
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > MOST_RECORD_BYTES) throw new HttpRefusal(413, "This is too large for a record of a name.");
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}
