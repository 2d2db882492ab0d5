/**
 * Answers requests for the built page. All that it gives is public; what it guards is the rest of the disk (only files
 * inside the site, followed through links) and the reader (a page of another name must not pass for this one).
 */
import { type Stats, createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { join, sep } from "node:path";
import { pipeline } from "node:stream";
import { IMAGE_LIST } from "#core/artefact/linux-note.ts";
import { imageList } from "./artefacts/linux-image.ts";
import { contentTypeOf, isOwnName, readRange } from "./http-facts.ts";

export interface SiteOptions {
  /** The built site's folder. */
  readonly site: string;
  /** Folder of the Linux image, which is served at /assets/vm/, or undefined while there is none. */
  readonly vmImage: () => Promise<string | undefined>;
  /** What is being done to make one, if one is being made. */
  readonly vmImageStage?: () => Promise<string | undefined>;
  /** False: only requests addressed to this machine's own names are answered. */
  readonly anyHost: boolean;
}

const VM_PREFIX = "/assets/vm/";

/**
 * Isolation gives the page shared memory. `credentialless` and not `require-corp`, so that a notebook may show pictures
 * from servers that never heard of CORP; they are fetched without cookies. Our own files say `cross-origin` because
 * foreign notebooks run in frames without an origin, to which even this site is another one.
 */
const alwaysHeaders: Readonly<Record<string, string>> = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "credentialless",
  "Cross-Origin-Resource-Policy": "cross-origin",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** A request handler for node:http. */
export function createSiteHandler(options: SiteOptions): RequestListener {
  return (request, response) => {
    for (const [name, value] of Object.entries(alwaysHeaders)) response.setHeader(name, value);
    answer(options, request, response).catch(() => {
      if (!response.headersSent) refuse(response, 500, "The file could not be read.");
      else response.destroy();
    });
  };
}

async function answer(options: SiteOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!options.anyHost && !isOwnName(request.headers.host)) {
    return refuse(response, 421, "This server answers to localhost only.");
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    return refuse(response, 405, "This server only gives files.");
  }
  // A page asks every host whether it is a mirror; this one is none, which is no error.
  if (request.url === "/.well-known/kroma-mirror.json") return void response.writeHead(204).end();
  const path = readPath(request.url ?? "/");
  if (path === undefined) return refuse(response, 400, "This is not a path.");
  if (path.startsWith(VM_PREFIX)) {
    const image = await options.vmImage();
    if (image && path === VM_PREFIX + IMAGE_LIST) await imageList(image).catch(() => undefined);
    const file = image && (await findFile(image, path.slice(VM_PREFIX.length - 1)));
    if (file) return sendFile(request, response, path, file);
    const stage = image ? undefined : await options.vmImageStage?.();
    const message = image
      ? "The Linux image has no such file."
      : "The Linux image is not built (yet): npm run vm-image builds it.";
    const headers = { "Content-Type": "application/json", "Cache-Control": "no-store" };
    response.writeHead(stage === undefined ? 404 : 503, headers);
    response.end(JSON.stringify(stage === undefined ? { code: "missing", message } : { code: "unavailable", stage }));
    return;
  }
  const file = await findFile(options.site, path.endsWith("/") ? `${path}index.html` : path);
  if (!file) return refuse(response, 404, "There is no such file.");
  return sendFile(request, response, path, file);
}

/** The path of a request, decoded; undefined for one that no honest client sends. */
function readPath(target: string): string | undefined {
  const raw = target.split(/[?#]/, 1)[0] ?? "";
  if (!raw.startsWith("/")) return undefined;
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  if (path.includes("\0") || path.includes("\\")) return undefined;
  // No "..", no hidden files, no empty parts.
  return path
    .split("/")
    .slice(1, -1)
    .some((part) => part === "" || part.startsWith(".")) || /\/\.[^/]*$/.test(path)
    ? undefined
    : path;
}

interface FoundFile {
  readonly path: string;
  readonly stats: Stats;
}

/** The file, if it lies inside the folder also after following links. */
async function findFile(folder: string, path: string): Promise<FoundFile | undefined> {
  try {
    const base = await realpath(folder);
    const real = await realpath(join(base, path));
    if (!real.startsWith(base + sep)) return undefined;
    const stats = await stat(real);
    return stats.isFile() ? { path: real, stats } : undefined;
  } catch {
    return undefined;
  }
}

async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  original: FoundFile,
): Promise<void> {
  const wantsPart = request.headers.range !== undefined;
  const packed = wantsPart ? undefined : await findPacked(request, original);
  const file = packed?.file ?? original;
  const tag = `"${file.stats.size.toString(36)}-${Math.trunc(file.stats.mtimeMs).toString(36)}${packed ? `-${packed.encoding}` : ""}"`;
  response.setHeader("Content-Type", contentTypeOf(original.path) ?? "application/octet-stream");
  response.setHeader("ETag", tag);
  response.setHeader("Last-Modified", original.stats.mtime.toUTCString());
  response.setHeader("Accept-Ranges", "bytes");
  response.setHeader("Vary", "Accept-Encoding");
  // Names that hold a hash of the content never mean anything else.
  const immutable = /^\/app\/.*-[\w-]{8,}\.\w+$/.test(path);
  response.setHeader("Cache-Control", immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (packed) response.setHeader("Content-Encoding", packed.encoding);
  if (isKnown(request, tag, original.stats)) {
    response.writeHead(304).end();
    return;
  }
  const { size } = file.stats;
  const ifRange = request.headers["if-range"];
  const mayPart = wantsPart && (ifRange === undefined || ifRange === tag);
  const part = mayPart ? readRange(request.headers.range ?? "", size) : undefined;
  if (part === "unsatisfiable") {
    response.setHeader("Content-Range", `bytes */${size}`);
    return refuse(response, 416, "The file has no such part.");
  }
  const { start, end } = part ?? { start: 0, end: size - 1 };
  response.setHeader("Content-Length", end - start + 1);
  if (part) response.setHeader("Content-Range", `bytes ${start}-${end}/${size}`);
  response.writeHead(part ? 206 : 200);
  if (request.method === "HEAD" || size === 0) {
    response.end();
    return;
  }
  // A reader that goes away ends the stream; there is nobody left to tell.
  pipeline(createReadStream(file.path, { start, end }), response, () => undefined);
}

/** The file's compressed neighbour, if there is one that is not older and the reader takes it. */
async function findPacked(
  request: IncomingMessage,
  original: FoundFile,
): Promise<{ file: FoundFile; encoding: "br" | "gzip" } | undefined> {
  const accepted = new Set(
    String(request.headers["accept-encoding"] ?? "")
      .split(",")
      .filter((entry) => !/;\s*q=0(\.0*)?\s*$/.test(entry))
      .map((entry) => entry.split(";", 1)[0]?.trim()),
  );
  for (const [encoding, ending] of [
    ["br", ".br"],
    ["gzip", ".gz"],
  ] as const) {
    if (!accepted.has(encoding)) continue;
    const path = original.path + ending;
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isFile() && stats.mtimeMs >= original.stats.mtimeMs) return { file: { path, stats }, encoding };
  }
  return undefined;
}

function isKnown(request: IncomingMessage, tag: string, stats: Stats): boolean {
  const tags = request.headers["if-none-match"];
  if (tags !== undefined)
    return tags === "*" || tags.split(",").some((known) => known.trim().replace(/^W\//, "") === tag);
  const since = Date.parse(request.headers["if-modified-since"] ?? "");
  return Math.trunc(stats.mtimeMs / 1000) * 1000 <= since;
}

function refuse(response: ServerResponse, status: number, sentence: string): void {
  response.removeHeader("Content-Encoding");
  response.removeHeader("ETag");
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });
  response.end(`${sentence}\n`);
}
