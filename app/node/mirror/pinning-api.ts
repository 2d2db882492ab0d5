/**
 * The Pinning Service API (https://ipfs.github.io/pinning-services-api-spec/, 1.0.0) of a mirror, at /pinning/pins, and the way to
 * send blocks along, at /kroma/car, and to ask which are missing, at /kroma/missing. Whoever has a token sees and changes only what is theirs.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";
import { HttpRefusal } from "./gateway-request.ts";
import { pinSchema, type PinRequest } from "./pin-requests.ts";
import { chosenPins } from "./pin-filter.ts";
import type { Published } from "./published.ts";
import type { TokenHolder } from "./tokens.ts";

const PINS = "/pinning/pins";
const CAR = "/kroma/car";
const MISSING = "/kroma/missing";
const MOST_BODY = 64 * 1024;
/** So many blocks can be asked about at once. */
const MOST_ASKED = 5000;
const missingSchema = v.object({
  cids: v.pipe(v.array(v.pipe(v.string(), v.maxLength(512))), v.maxLength(MOST_ASKED)),
});
const METHODS = "GET, HEAD, POST, DELETE, OPTIONS";

/** Answers the API's own paths; false for all others. `delegates` are addresses of this mirror's peer. */
export function answerPinning(
  request: IncomingMessage,
  response: ServerResponse,
  published: Published,
  delegates: () => readonly string[],
): boolean {
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  if (path !== CAR && path !== MISSING && path !== PINS && !path.startsWith(`${PINS}/`)) return false;
  // Pages of any origin may use it; they have to have the token, for browsers send nothing of their own along.
  response.setHeader("Access-Control-Allow-Origin", "*");
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("X-Content-Type-Options", "nosniff");
  if (request.method === "OPTIONS") {
    response.setHeader("Access-Control-Allow-Methods", METHODS);
    response.setHeader("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept");
    response.setHeader("Access-Control-Max-Age", "600");
    response.writeHead(204).end();
    return true;
  }
  answer(request, response, published, { path, query, delegates }).catch((error: unknown) =>
    refuse(request, response, error),
  );
  return true;
}

interface Asked {
  readonly path: string;
  readonly query: string;
  readonly delegates: () => readonly string[];
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  published: Published,
  { path, query, delegates }: Asked,
): Promise<void> {
  const { requests } = published;
  const holder = await holderOf(request, published);
  const { method } = request;
  const said = (one: PinRequest) => statusOf(one, delegates());
  if (path === CAR) return answerCar(request, response, published, holder);
  if (path === MISSING) return answerMissing(request, response, published);
  if (path === PINS) {
    if (method === "GET") {
      const { count, results } = chosenPins(await requests.list(holder.name), new URLSearchParams(query));
      return send(response, 200, { count, results: results.map(said) });
    }
    if (method === "POST") return send(response, 202, said(await requests.add(holder.name, await readPin(request))));
    throw new HttpRefusal(405, "Pins can be listed and added here.");
  }
  const requestid = path.slice(PINS.length + 1);
  const known = await requests.get(holder.name, requestid);
  if (!known) throw new HttpRefusal(404, "There is no such request.");
  if (method === "GET") return send(response, 200, said(known));
  if (method === "DELETE") {
    await requests.remove(holder.name, requestid);
    return void response.writeHead(202).end();
  }
  if (method === "POST") {
    // The new one first: what both have in common stays here all the while.
    const next = await requests.add(holder.name, await readPin(request));
    await requests.remove(holder.name, requestid);
    return send(response, 202, said(next));
  }
  throw new HttpRefusal(405, "A request can be looked at, replaced and removed.");
}

async function answerCar(
  request: IncomingMessage,
  response: ServerResponse,
  published: Published,
  holder: TokenHolder,
): Promise<void> {
  // Whoever asks first learns that blocks can be sent, before sending many.
  if (request.method === "HEAD" || request.method === "GET") return void response.writeHead(204).end();
  if (request.method !== "POST") throw new HttpRefusal(405, "CAR files are posted here.");
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const { roots, blocks, bytes } = await published.take(request, holder, gone.signal);
  send(response, 200, { roots, blocks, bytes });
}

/** Which of some blocks are not here, for whoever was cut off while they sent them. */
async function answerMissing(request: IncomingMessage, response: ServerResponse, { blocks }: Published): Promise<void> {
  if (request.method !== "POST") throw new HttpRefusal(405, "A list of CIDs is posted here.");
  const { cids } = await readJson(request, missingSchema, { most: 512 * 1024, what: "a list of CIDs" });
  const missing: string[] = [];
  for (const cid of cids) if (!(await blocks.has(cid))) missing.push(cid);
  send(response, 200, { missing });
}

async function holderOf(request: IncomingMessage, { tokens }: Published): Promise<TokenHolder> {
  const token = /^Bearer ([\w~+/.=-]{1,200})$/.exec(request.headers.authorization ?? "")?.[1];
  const holder = token === undefined ? undefined : await tokens.holderOf(token);
  if (!holder)
    throw new HttpRefusal(401, "This needs a token that the owner of the mirror makes: kroma mirror token NAME.");
  return holder;
}

const readPin = (request: IncomingMessage): Promise<v.InferOutput<typeof pinSchema>> =>
  readJson(request, pinSchema, { most: MOST_BODY, what: "a request to pin" });

async function readJson<T extends v.GenericSchema>(
  request: IncomingMessage,
  schema: T,
  { most, what }: { readonly most: number; readonly what: string },
): Promise<v.InferOutput<T>> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > most) throw new HttpRefusal(413, `This is too much for ${what}.`);
    pieces.push(piece);
  }
  try {
    return v.parse(schema, JSON.parse(Buffer.concat(pieces).toString("utf8")));
  } catch (error) {
    const where = error instanceof v.ValiError ? ` (${v.getDotPath(error.issues[0]) ?? "body"})` : "";
    throw new HttpRefusal(400, `This is not ${what}${where}.`);
  }
}

/** A request in the words of the API. */
function statusOf(
  { requestid, status, created, pin, size, details }: PinRequest,
  delegates: readonly string[],
): object {
  const info = {
    ...(details === "" ? {} : { status_details: details }),
    ...(size === 0 ? {} : { dag_size: String(size) }),
  };
  return {
    requestid,
    status,
    created: new Date(created).toISOString(),
    pin: {
      cid: pin.cid,
      ...(pin.name === undefined ? {} : { name: pin.name }),
      origins: pin.origins ?? [],
      meta: pin.meta ?? {},
    },
    delegates: delegates.slice(0, 20),
    info,
  };
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(`${JSON.stringify(value)}\n`);
}

const REASONS: Readonly<Record<number, string>> = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  409: "INSUFFICIENT_FUNDS",
  413: "TOO_LARGE",
};
const STATUSES: Readonly<Record<string, number>> = { invalid: 400, corrupt: 400, missing: 400, exhausted: 409 };

function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const status =
    error instanceof HttpRefusal ? error.status : error instanceof KromaError ? (STATUSES[error.code] ?? 500) : 500;
  const details = error instanceof HttpRefusal || error instanceof KromaError ? error.message : "The mirror failed.";
  if (status === 401) response.setHeader("WWW-Authenticate", "Bearer");
  // What is left of a body that was not read would be taken for the next request.
  if (!request.complete) response.setHeader("Connection", "close");
  send(response, status, { error: { reason: REASONS[status] ?? "INTERNAL_SERVER_ERROR", details } });
}
