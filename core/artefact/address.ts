/** What people write when they mean an artefact: its CID, an address with it in, or a link that somebody shared. */
import { KromaError } from "../base/errors.ts";
import { parseCid } from "../store/cid.ts";

/** What an address says. */
export interface ArtefactAddress {
  /** Of a root, an envelope or a published directory. */
  readonly cid: string;
  /** An envelope that the link names. */
  readonly envelope?: string;
  /** Gateways and peers that the link names, to be asked for the blocks: its own, and hints. */
  readonly from: readonly string[];
}

const PATH = /\/ipfs\/([A-Za-z0-9]{1,512})(?=[/?#]|$)/;
const MOST_LENGTH = 4096;
const MOST_HINTS = 8;

/**
 * The artefact that a text names: a CID, "ipfs://CID", "/ipfs/CID", a gateway's address with the CID in its path or its host, or
 * a link to Kroma ("…#/artefact/CID?envelope=CID&from=URL"). Undefined when it names none.
 */
export function readAddress(text: string): ArtefactAddress | undefined {
  const written = text.trim();
  if (written.length > MOST_LENGTH) return undefined;
  if (isCid(written)) return { cid: written, from: [] };
  const path = written.startsWith("/ipfs/") ? PATH.exec(written) : /^ipfs:\/\/([A-Za-z0-9]+)(?=[/?#]|$)/.exec(written);
  if (path?.[1] !== undefined) return isCid(path[1]) ? { cid: path[1], from: [] } : undefined;
  const url = URL.parse(written);
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  return readKromaLink(url) ?? readGatewayLink(url);
}

/** The CID that a text names, wherever it stands in it; `invalid` when there is none. */
export function needAddress(text: string): ArtefactAddress {
  const address = readAddress(text);
  if (!address)
    throw new KromaError("invalid", `"${text.slice(0, 100)}" names no artefact: give its CID, or a link to it.`);
  return address;
}

/** True for the address of a peer (https://github.com/multiformats/multiaddr), false for a gateway's. */
export function isPeerAddress(text: string): boolean {
  return text.length <= 512 && /^\/[\x21-\x7e]+$/.test(text) && !text.startsWith("//") && text.includes("/p2p/");
}

/** The part of a link to Kroma after its address: which artefact, and what helps to find it. */
export function artefactFragment(address: ArtefactAddress): string {
  const query = new URLSearchParams();
  if (address.envelope !== undefined) query.set("envelope", address.envelope);
  for (const hint of address.from.slice(0, MOST_HINTS)) query.append("from", hint);
  const said = query.toString();
  return `#/artefact/${address.cid}${said === "" ? "" : `?${said}`}`;
}

function readKromaLink(url: URL): ArtefactAddress | undefined {
  const [, cid, said] = /^#\/artefact\/([A-Za-z0-9]+)(?:\?(.*))?$/.exec(url.hash) ?? [];
  if (cid === undefined || !isCid(cid)) return undefined;
  const query = new URLSearchParams(said ?? "");
  const envelope = query.get("envelope") ?? undefined;
  const from = query
    .getAll("from")
    .slice(0, MOST_HINTS)
    .filter((hint) => isPeerAddress(hint) || /^https?:$/.test(URL.parse(hint)?.protocol ?? ""));
  return envelope !== undefined && isCid(envelope) ? { cid, envelope, from } : { cid, from };
}

function readGatewayLink(url: URL): ArtefactAddress | undefined {
  const inPath = PATH.exec(url.pathname);
  if (inPath?.[1] !== undefined && isCid(inPath[1]))
    return { cid: inPath[1], from: [`${url.origin}${url.pathname.slice(0, inPath.index)}/`] };
  const [label = "", kind, ...rest] = url.host.split(".");
  if (kind !== "ipfs" || rest.length === 0 || !isCid(label)) return undefined;
  return { cid: label, from: [`${url.protocol}//${rest.join(".")}/`] };
}

function isCid(text: string): boolean {
  try {
    parseCid(text);
    return true;
  } catch {
    return false;
  }
}
