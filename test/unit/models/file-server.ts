/** A server of files on loopback that knows ranges, and misbehaves when it is told to; it counts what it sends. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FileServer {
  readonly url: string;
  /** Path to content. */
  readonly files: Map<string, Uint8Array>;
  /** Bytes of bodies that were sent since the start. */
  sent: number;
  /** The ranges that were asked for, "" for none. */
  readonly asked: string[];
  /** Ends the next answer after so many bytes. */
  cutAfter: number | undefined;
  /** Answers with this status instead. */
  status: number | undefined;
  /** Names the version of all files; undefined: it tells none. */
  etag: string | undefined;
  close(): Promise<void>;
}

export async function startFileServer(): Promise<FileServer> {
  const server = createServer((request, response) => answer(request, response));
  const state: FileServer = {
    url: "",
    files: new Map(),
    sent: 0,
    asked: [],
    cutAfter: undefined,
    status: undefined,
    etag: '"v1"',
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
  function answer(request: IncomingMessage, response: ServerResponse): void {
    const range = request.headers.range;
    state.asked.push(range ?? "");
    const content = state.files.get(request.url ?? "");
    if (state.status !== undefined || !content) {
      response.writeHead(state.status ?? 404).end();
      return;
    }
    const same = state.etag !== undefined && request.headers["if-range"] === state.etag;
    const start = range !== undefined && same ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0;
    const body = content.subarray(start);
    const length = { "content-length": String(body.length), ...(state.etag === undefined ? {} : { etag: state.etag }) };
    if (start > 0)
      response.writeHead(206, { ...length, "content-range": `bytes ${start}-${content.length - 1}/${content.length}` });
    else response.writeHead(200, length);
    const part = state.cutAfter === undefined ? body : body.subarray(0, state.cutAfter);
    state.cutAfter = undefined;
    state.sent += part.length;
    if (part.length < body.length) response.write(part, () => response.destroy());
    else response.end(part);
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
