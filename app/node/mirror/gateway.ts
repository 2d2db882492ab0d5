/**
 * The gateway of a mirror: gives what is in its store of published blocks, and only that, to programs (blocks and CAR files, which
 * they check themselves) and to readers (files, pages, directories). After https://specs.ipfs.tech/http-gateways/path-gateway/ and
 * trustless-gateway/. It has an origin of its own, and what it shows is in a sandbox: it may come from anybody.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { KromaError } from "#core/base/errors.ts";
import { sourceHash } from "#core/base/source-hash.ts";
import { decodeRoot } from "#core/artefact/manifest.ts";
import { RUNTIME_FOLDER } from "#core/artefact/places.ts";
import { listDirectory, readFile, type DirectoryEntry } from "#core/artefact/unixfs.ts";
import { carBytes } from "#core/store/car.ts";
import { checkedSource } from "#core/artefact/open.ts";
import { codecOf, parseCid, storedName } from "#core/store/cid.ts";
import type { BlockSource } from "#core/store/stores.ts";
import { contentTypeOf, isOwnName } from "../http-facts.ts";
import { attach, dispositionOf, isKnown, partOf, pipe, refuse, sendBytes, sendText } from "./gateway-answers.ts";
import { carBlocks, checkStretch, ReadBlocks } from "./gateway-car.ts";
import { gatewayPage, listingPage, MOST_LISTED, runPage } from "./gateway-pages.ts";
import { followPath, kindHere } from "./gateway-path.ts";
import { type GatewayRequest, HttpRefusal, readRequest } from "./gateway-request.ts";
import { sniffType } from "./gateway-types.ts";

export interface GatewayOptions {
  readonly blocks: BlockSource;
  /** CIDs of the envelopes that are known to sign a root. */
  readonly envelopes: (root: string) => Promise<readonly string[]>;
  /** What a name stands for here, with its record and how long that may be kept, in seconds. */
  readonly resolve?: (name: string) => Promise<ResolvedName | undefined>;
  /** True for what must not be given, though it is here. */
  readonly isDenied?: (storedName: string) => boolean;
  /** The address of a Kroma that opens what is published here. */
  readonly app?: string | undefined;
  /** False: only requests addressed to this machine's own names are answered. */
  readonly anyHost: boolean;
  /** More requests than this at once are asked to come again. */
  readonly most?: number;
}

export interface ResolvedName {
  /** `/ipfs/…` */
  readonly value: string;
  readonly record: Uint8Array;
  readonly seconds: number;
}

const MOST_AT_ONCE = 256;
const ENVELOPES = "/kroma/envelopes/";
const FOR_EVER = "public, max-age=29030400, immutable";
/** What this gateway makes of a directory may look otherwise one day. */
const MADE_HERE = "public, max-age=86400";

const alwaysHeaders: Readonly<Record<string, string>> = {
  // No script, no form, no origin: what is published can do nothing but show, and loads nothing from elsewhere.
  "Content-Security-Policy":
    "sandbox allow-downloads; default-src 'self' data:; style-src 'self' 'unsafe-inline' data:; script-src 'none'; object-src 'none'; form-action 'none'; base-uri 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  // Pages and programs of any origin may read it, without credentials, of which there are none.
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers":
    "Content-Length, Content-Range, Content-Location, ETag, X-Ipfs-Path, X-Ipfs-Roots, Link",
  "Cross-Origin-Resource-Policy": "cross-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
};

/** A request handler for node:http. */
export function createGateway(options: GatewayOptions): RequestListener {
  const checked = checkedSource(options.blocks);
  // Denied blocks are refused wherever a path or a walk comes upon them.
  const source: BlockSource = {
    get(cid, getOptions) {
      if (options.isDenied?.(storedName(cid))) throw new HttpRefusal(410, "This mirror does not give this any more.");
      return checked.get(cid, getOptions);
    },
  };
  let open = 0;
  return (request, response) => {
    for (const [name, value] of Object.entries(alwaysHeaders)) response.setHeader(name, value);
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    open += 1;
    response.on("close", () => (open -= 1));
    const work =
      open > (options.most ?? MOST_AT_ONCE)
        ? Promise.reject(new HttpRefusal(503, "There are too many requests just now."))
        : answer({ ...options, blocks: source }, request, response, gone.signal);
    work.catch((error: unknown) => refuse(request, response, error));
  };
}

async function answer(
  options: GatewayOptions,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  if (!options.anyHost && !isOwnName(request.headers.host))
    throw new HttpRefusal(421, "This gateway answers to localhost only.");
  if (request.method === "OPTIONS") {
    response.setHeader("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
    response.setHeader("Access-Control-Allow-Headers", "Accept, Cache-Control, If-None-Match, Range, X-Requested-With");
    response.writeHead(204).end();
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD, OPTIONS");
    throw new HttpRefusal(405, "This gateway only gives.");
  }
  const target = request.url ?? "/";
  if (target === "/") return sendText(request, response, "text/html; charset=utf-8", gatewayPage());
  if (target.startsWith(ENVELOPES)) return sendEnvelopes(options, target.slice(ENVELOPES.length), request, response);
  const asked = readRequest(target, request.headers);
  const at = asked.namespace === "ipfs" ? asked : await resolveName(asked, options, request, response);
  if (at) await sendContent(at, { options, request, response, signal });
}

/** What is asked for; behind a name also how long the answer is good, in seconds. */
type Asked = GatewayRequest & { readonly seconds?: number };

interface Exchange {
  readonly options: GatewayOptions;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

/** The request as it is behind a name; undefined when the record itself was asked for, and sent. */
async function resolveName(
  asked: GatewayRequest,
  options: GatewayOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Asked | undefined> {
  const found = await options.resolve?.(asked.root);
  if (!found) throw new HttpRefusal(404, "Nothing is known here of this name.");
  if (asked.format === "ipns-record") {
    if (asked.parts.length > 0) throw new HttpRefusal(400, "A record has no path.");
    response.setHeader("Content-Type", "application/vnd.ipfs.ipns-record");
    response.setHeader("Content-Disposition", `attachment; filename="${asked.root}.ipns-record"`);
    response.setHeader("Cache-Control", `public, max-age=${found.seconds}`);
    sendBytes(request, response, found.record);
    return undefined;
  }
  const [, , cid = "", ...below] = found.value.split("/");
  return { ...asked, root: parseCid(cid).toV1().toString(), parts: [...below, ...asked.parts], seconds: found.seconds };
}

async function sendContent(asked: Asked, exchange: Exchange): Promise<void> {
  const { options, response, signal } = exchange;
  if (asked.format === "ipns-record") throw new HttpRefusal(400, "A record belongs to a name, under /ipns/.");
  const reading = new ReadBlocks(options.blocks);
  // The root is looked for first: its absence is what programs ask about.
  if (!(await reading.get(asked.root, { signal }))) {
    const status = asked.onlyIfCached ? 412 : 404;
    throw new HttpRefusal(status, `The block ${asked.root} is not on this mirror.`);
  }
  const { cid, roots } = await followPath(asked.root, asked.parts, reading, signal);
  response.setHeader("X-Ipfs-Path", asked.path);
  response.setHeader("X-Ipfs-Roots", roots.join(","));
  response.setHeader("Cache-Control", asked.seconds === undefined ? FOR_EVER : `public, max-age=${asked.seconds}`);
  response.setHeader("Vary", "Accept");
  if (asked.isNegotiated) response.setHeader("Content-Location", `${asked.path}?format=${asked.format}`);
  if (asked.format === "car") return sendCar(asked, cid, reading, exchange);
  if (asked.format === "raw" || asked.format === "dag-cbor") return sendBlock(asked, cid, exchange);
  const what = await kindHere(cid, options.blocks, signal);
  if (what.kind === "directory") return sendDirectory(asked, cid, exchange);
  if (isRun(asked)) {
    response.setHeader("Cache-Control", "no-cache");
    return sendText(exchange.request, response, "text/html; charset=utf-8", runPage(asked.root, options.app));
  }
  if (what.kind === "file") return sendFile(asked, cid, what.size, exchange);
  return sendData(asked, cid, exchange);
}

/** True for a reader who presses *Run* in the page of an artefact that has a copy of Kroma in it. */
const isRun = ({ path, search, takesHtml }: Asked): boolean =>
  takesHtml && search.has("published") && path.endsWith(`/${RUNTIME_FOLDER}/index.html`);

async function sendBlock(
  asked: GatewayRequest,
  cid: string,
  { options, request, response, signal }: Exchange,
): Promise<void> {
  if (asked.format === "dag-cbor" && codecOf(cid) !== "dag-cbor")
    throw new HttpRefusal(406, "This block is not dag-cbor, and is not made into it.");
  const bytes = (await options.blocks.get(cid, { signal }))!;
  response.setHeader("Content-Type", `application/vnd.ipld.${asked.format}`);
  attach(asked, response, `${cid}.${asked.format === "raw" ? "bin" : "cbor"}`);
  if (isKnown(request, response, `"${cid}.${asked.format}"`)) return;
  const part = partOf(request, response, bytes.length);
  sendBytes(request, response, bytes.subarray(part.start, part.end + 1), part.isPart ? 206 : 200);
}

async function sendCar(asked: GatewayRequest, cid: string, path: ReadBlocks, exchange: Exchange): Promise<void> {
  const { options, request, response, signal } = exchange;
  const { scope, from, to } = asked.car;
  await checkStretch(cid, options.blocks, asked.car, signal);
  response.setHeader("Content-Type", "application/vnd.ipld.car; version=1; order=dfs; dups=n");
  response.setHeader("Accept-Ranges", "none");
  attach(asked, response, `${cid}.car`);
  const what = sourceHash(`${asked.root}/${asked.parts.join("/")} ${scope} ${from ?? ""}:${to ?? ""}`);
  if (isKnown(request, response, `"${cid}.car.${scope}.${what}"`)) return;
  if (request.method === "HEAD") return void response.writeHead(200).end();
  const blocks = carBlocks(cid, path.take(), options.blocks, asked.car, signal);
  response.writeHead(200);
  await pipe(carBytes([cid], blocks), response);
}

async function sendDirectory(asked: Asked, cid: string, exchange: Exchange): Promise<void> {
  const { options, request, response, signal } = exchange;
  if (!asked.path.endsWith("/")) {
    const search = asked.search.size > 0 ? `?${asked.search}` : "";
    response.setHeader("Location", `${asked.path}/${search}`);
    return void response.writeHead(301).end();
  }
  const entries: DirectoryEntry[] = [];
  let index: string | undefined;
  let count = 0;
  for await (const entry of listDirectory(cid, options.blocks, { signal })) {
    count += 1;
    if (entry.name === "index.html") index = entry.cid;
    if (count <= MOST_LISTED) entries.push(entry);
  }
  if (index !== undefined) {
    response.setHeader(
      "Link",
      `<ipfs://${parseCid(asked.root).toV1()}${asked.parts.map((part) => `/${encodeURIComponent(part)}`).join("")}>; rel="canonical"`,
    );
    const what = await kindHere(index, options.blocks, signal);
    if (what.kind !== "file") throw new HttpRefusal(404, "The page of this directory is no file.");
    return sendFile({ ...asked, parts: [...asked.parts, "index.html"] }, index, what.size, exchange);
  }
  if (asked.seconds === undefined) response.setHeader("Cache-Control", MADE_HERE);
  entries.sort((left, right) => (left.name < right.name ? -1 : 1));
  const page = listingPage(asked.path, cid, entries, count > MOST_LISTED);
  if (isKnown(request, response, `"DirIndex-${sourceHash(page)}_CID-${cid}"`)) return;
  sendText(request, response, "text/html; charset=utf-8", page);
}

async function sendFile(asked: GatewayRequest, cid: string, size: number, exchange: Exchange): Promise<void> {
  const { options, request, response, signal } = exchange;
  const name = asked.search.get("filename") ?? asked.parts.at(-1) ?? "";
  response.setHeader("Content-Type", contentTypeOf(name) ?? (await sniffType(cid, options.blocks, signal)));
  if (asked.search.has("filename") || asked.search.get("download") === "true") {
    const disposition = asked.search.get("download") === "true" ? "attachment" : "inline";
    response.setHeader("Content-Disposition", dispositionOf(disposition, name || cid));
  }
  if (isKnown(request, response, `"${cid}"`)) return;
  const part = partOf(request, response, size, `"${cid}"`);
  response.setHeader("Content-Length", part.end - part.start + 1);
  const status = part.isPart ? 206 : 200;
  if (request.method === "HEAD" || size === 0) return void response.writeHead(status).end();
  const pieces = readFile(cid, options.blocks, { offset: part.start, length: part.end - part.start + 1, signal });
  // The first piece before the status: what is missing or damaged there can still be said.
  const first = await pieces.next();
  response.writeHead(status);
  await pipe(
    (async function* () {
      if (!first.done) yield first.value;
      yield* pieces;
    })(),
    response,
  );
}

/** Types of plain data that is given as it is, by the number of its codec (multiformats.io, table of multicodecs). */
const PLAIN_TYPES: ReadonlyMap<number, string> = new Map([
  [0x71, "application/vnd.ipld.dag-cbor"],
  [0x129, "application/vnd.ipld.dag-json"],
  [0x51, "application/cbor"],
  [0x200, "application/json"],
]);

/** Plain data: the root of an artefact leads a reader to its files; else the block as it is. */
async function sendData(asked: Asked, cid: string, exchange: Exchange): Promise<void> {
  const { options, request, response, signal } = exchange;
  const type = PLAIN_TYPES.get(parseCid(cid).code);
  if (type === undefined)
    throw new HttpRefusal(400, "This gateway does not show data of this kind; ask for format=raw.");
  const bytes = (await options.blocks.get(cid, { signal }))!;
  if (asked.takesHtml && codecOf(cid) === "dag-cbor" && isRoot(bytes)) {
    response.setHeader("Location", `${asked.path.replace(/\/$/, "")}/files/`);
    response.setHeader("Cache-Control", MADE_HERE);
    return void response.writeHead(302).end();
  }
  response.setHeader("Content-Type", type);
  if (type !== "application/json") attach(asked, response, `${cid}.${type.endsWith("json") ? "json" : "cbor"}`);
  if (isKnown(request, response, `"${cid}"`)) return;
  const part = partOf(request, response, bytes.length, `"${cid}"`);
  sendBytes(request, response, bytes.subarray(part.start, part.end + 1), part.isPart ? 206 : 200);
}

function isRoot(bytes: Uint8Array): boolean {
  try {
    decodeRoot(bytes);
    return true;
  } catch (error) {
    if (error instanceof KromaError) return false;
    throw error;
  }
}

async function sendEnvelopes(
  options: GatewayOptions,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let root: string;
  try {
    root = parseCid(name.split("?", 1)[0] ?? "")
      .toV1()
      .toString();
  } catch {
    throw new HttpRefusal(400, "This is not a CID.");
  }
  response.setHeader("Cache-Control", "no-cache");
  sendText(request, response, "application/json", `${JSON.stringify(await options.envelopes(root))}\n`);
}
