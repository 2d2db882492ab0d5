/**
 * What a request to the gateway asks for, after https://specs.ipfs.tech/http-gateways/path-gateway/ and trustless-gateway/. Pure:
 * a request that no honest client sends is refused here, before anything is looked up.
 */
import type { IncomingHttpHeaders } from "node:http";
import { KromaError } from "#core/base/errors.ts";
import { isFitName } from "#core/artefact/paths.ts";
import { parseCid } from "#core/store/cid.ts";

/** An answer other than what was asked for: a status, and a sentence for a person. */
export class HttpRefusal extends Error {
  override readonly name = "HttpRefusal";
  readonly status: number;

  constructor(status: number, sentence: string) {
    super(sentence);
    this.status = status;
  }
}

/** How the bytes are wanted; undefined: as a browser shows them. */
export type Format = "raw" | "car" | "dag-cbor" | "ipns-record" | undefined;

/** Which blocks below the end of the path a CAR has (IPIP-402). */
export interface CarScope {
  readonly scope: "block" | "entity" | "all";
  /** Bytes of a file, both ends counted; negative: from its end; undefined: to its end. */
  readonly from?: number;
  readonly to?: number | undefined;
}

export interface GatewayRequest {
  readonly namespace: "ipfs" | "ipns";
  /** A CID in its usual base; for a name, the name as it was sent. */
  readonly root: string;
  readonly parts: readonly string[];
  /** The path as it was sent, without parameters. */
  readonly path: string;
  readonly search: URLSearchParams;
  readonly format: Format;
  /** True: the address alone does not say the format. */
  readonly isNegotiated: boolean;
  readonly car: CarScope;
  readonly onlyIfCached: boolean;
  /** True for browsers: a page is understood. */
  readonly takesHtml: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  "application/vnd.ipld.raw": "raw",
  "application/vnd.ipld.car": "car",
  "application/vnd.ipld.dag-cbor": "dag-cbor",
  "application/vnd.ipld.dag-json": "dag-json",
  "application/vnd.ipfs.ipns-record": "ipns-record",
  "application/x-tar": "tar",
};
/** Formats of the specification that this gateway does not make. */
const UNMADE: readonly string[] = ["tar", "dag-json", "json", "cbor"];
const MADE: readonly string[] = ["raw", "car", "dag-cbor", "ipns-record"];
const MOST_TARGET = 8192;

/** Reads the target and the headers of a request. Throws `HttpRefusal`. */
export function readRequest(target: string, headers: IncomingHttpHeaders): GatewayRequest {
  if (target.length > MOST_TARGET) throw new HttpRefusal(414, "This address is too long.");
  const [path = "", query = ""] = target.split("#", 1)[0]!.split(/\?(.*)/s, 2);
  const search = new URLSearchParams(query);
  const [, namespace, name = "", ...rest] = path.split("/");
  if (namespace !== "ipfs" && namespace !== "ipns") throw new HttpRefusal(404, "There is nothing at this address.");
  if (headers["service-worker"] !== undefined)
    throw new HttpRefusal(400, "No service worker can be made from what is published here.");
  const root = namespace === "ipfs" ? readCid(name) : readName(name);
  if (rest.at(-1) === "") rest.pop();
  const { format, isNegotiated } = readFormat(search, headers.accept ?? "");
  return {
    namespace,
    root,
    parts: rest.map(readPart),
    path,
    search,
    format,
    isNegotiated,
    car: readScope(search, headers.accept ?? ""),
    onlyIfCached: /(^|[,\s])only-if-cached($|[,\s])/i.test(headers["cache-control"] ?? ""),
    takesHtml: /\btext\/html\b/i.test(headers.accept ?? ""),
  };
}

function readCid(text: string): string {
  try {
    // As it was asked for, version 0 too: who compares the root of a CAR with it finds it.
    return parseCid(text).toString();
  } catch (error) {
    if (!(error instanceof KromaError)) throw error;
    throw new HttpRefusal(400, error.message);
  }
}

function readName(text: string): string {
  if (/^[A-Za-z0-9]{1,128}$/.test(text)) return text;
  throw new HttpRefusal(400, "This is not an IPNS name. Names of the DNS are not looked up here.");
}

function readPart(part: string): string {
  let name: string;
  try {
    name = decodeURIComponent(part);
  } catch {
    throw new HttpRefusal(400, "This address is not in UTF-8.");
  }
  if (!isFitName(name)) throw new HttpRefusal(400, "This is not a path.");
  return name;
}

function readFormat(search: URLSearchParams, accept: string): { format: Format; isNegotiated: boolean } {
  const asked = search.get("format");
  const accepted = accept.split(",").map((entry) => entry.split(";", 1)[0]!.trim().toLowerCase());
  const negotiated = accepted.map((type) => (Object.hasOwn(TYPES, type) ? TYPES[type] : undefined));
  const name = asked ?? negotiated.find((one) => one !== undefined);
  if (name === undefined) return { format: undefined, isNegotiated: false };
  if (MADE.includes(name)) return { format: name as Format, isNegotiated: asked === null };
  if (UNMADE.includes(name)) {
    if (asked !== null)
      throw new HttpRefusal(501, `This gateway does not make ${name}; it gives raw blocks and CAR files.`);
    // Who takes something else, too, gets that.
    if (accepted.some((type) => type === "*/*" || type === "text/html"))
      return { format: undefined, isNegotiated: false };
    throw new HttpRefusal(406, `This gateway does not make ${name}; it gives raw blocks and CAR files.`);
  }
  throw new HttpRefusal(400, `There is no format "${name.slice(0, 40)}".`);
}

function readScope(search: URLSearchParams, accept: string): CarScope {
  const parameter = (name: string): string | undefined =>
    search.get(`car-${name}`) ?? new RegExp(`vnd\\.ipld\\.car[^,]*;\\s*${name}=(\\w+)`, "i").exec(accept)?.[1];
  const version = parameter("version");
  if (version !== undefined && version !== "1") throw new HttpRefusal(400, "CAR files have version 1 here.");
  const bytes = search.get("entity-bytes");
  const scope = search.get("dag-scope") ?? (bytes === null ? "all" : "entity");
  if (scope !== "block" && scope !== "entity" && scope !== "all")
    throw new HttpRefusal(400, `There is no dag-scope "${scope.slice(0, 40)}".`);
  if (bytes === null) return { scope };
  const found = /^(-?\d{1,15}):(\*|-?\d{1,15})$/.exec(bytes);
  if (!found) throw new HttpRefusal(400, "entity-bytes is two numbers, like 0:1023, or 0:* for all.");
  return { scope: "entity", from: Number(found[1]), to: found[2] === "*" ? undefined : Number(found[2]) };
}
