/** A server of files on loopback that knows ranges, and misbehaves when it is told to; it counts what it sends. */
import { readdir, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface FileServer {
  readonly url: string;
  /** Path to content. */
  readonly files: Map<string, Uint8Array>;
  /** Bytes of bodies that were sent since the start. */
  sent: number;
  /** What was sent to sign in. */
  readonly signedIn: Set<string | undefined>;
  /** The ranges that were asked for, "" for none. */
  readonly asked: string[];
  /** Ends the next longer answer after so many bytes, once they have arrived: `keptIn` says where they are kept. */
  cutAfter: number | undefined;
  /** A folder; without one an answer is cut off as soon as it was sent, and what was on its way may be lost. */
  keptIn: string | undefined;
  /** Answers with this status instead. */
  status: number | undefined;
  /** Names the version of all files; undefined: it tells none. */
  etag: string | undefined;
  close(): Promise<void>;
}

/** Resolves when a file of the folder is so long, or nobody listens any more. */
async function arrived(folder: string | undefined, size: number, response: ServerResponse): Promise<void> {
  while (folder !== undefined && !response.destroyed) {
    const names = await readdir(folder).catch(() => []);
    const sizes = await Promise.all(
      names.map((name) =>
        stat(join(folder, name)).then(
          (found) => found.size,
          () => 0,
        ),
      ),
    );
    if (sizes.includes(size)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function startFileServer(): Promise<FileServer> {
  const server = createServer((request, response) => answer(request, response));
  const state: FileServer = {
    url: "",
    files: new Map(),
    sent: 0,
    asked: [],
    signedIn: new Set(),
    cutAfter: undefined,
    keptIn: undefined,
    status: undefined,
    etag: '"v1"',
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
  function answer(request: IncomingMessage, response: ServerResponse): void {
    const range = request.headers.range;
    response.setHeader("Access-Control-Allow-Origin", "*");
    state.signedIn.add(request.headers.authorization);
    state.asked.push(range ?? "");
    const content = state.files.get(request.url ?? "");
    if (state.status !== undefined || !content) {
      response.writeHead(state.status ?? 404).end();
      return;
    }
    const condition = request.headers["if-range"];
    const same = condition === undefined || condition === state.etag;
    const start = range !== undefined && same ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0;
    const body = content.subarray(start);
    const length = { "content-length": String(body.length), ...(state.etag === undefined ? {} : { etag: state.etag }) };
    if (start > 0)
      response.writeHead(206, { ...length, "content-range": `bytes ${start}-${content.length - 1}/${content.length}` });
    else response.writeHead(200, length);
    const isCut = state.cutAfter !== undefined && body.length > state.cutAfter;
    const part = isCut ? body.subarray(0, state.cutAfter) : body;
    if (isCut) state.cutAfter = undefined;
    state.sent += part.length;
    if (part.length === body.length) return void response.end(part);
    response.write(
      part,
      () => void arrived(state.keptIn, start + part.length, response).then(() => response.destroy()),
    );
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
