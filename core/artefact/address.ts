/** What people hand on to each other: links to artefacts, and what of them says where the blocks may be had. */
import { KromaError } from "../base/errors.ts";
import { parseCid } from "../store/cid.ts";
import { gatewayAddress } from "../store/gateway.ts";
import type { Hints } from "./messages.ts";

/** An artefact, by any of its names, and where it may be had. */
export interface ArtefactAddress extends Hints {
  readonly cid: string;
}

const ROUTE = "#/artefact/";
/** Longer than any link that somebody makes by hand or by a program of ours. */
const MOST_LENGTH = 8192;
const MOST_HINTS = 8;

/** True for the fragment of an address that asks for an artefact. */
export function isArtefactFragment(fragment: string): boolean {
  return fragment.startsWith(ROUTE);
}

/** The fragment that opens it in Kroma. */
export function artefactFragment({ cid, envelope, from }: ArtefactAddress): string {
  const query = new URLSearchParams([
    ...(envelope === undefined ? [] : [["envelope", envelope]]),
    ...from.map((address) => ["from", address]),
  ]);
  return `${ROUTE}${cid}${query.size === 0 ? "" : `?${query}`}`;
}

/**
 * The artefact that a text names: a CID, an ipfs: address, a link of a gateway, or a link of Kroma. `invalid`, with a sentence
 * for a person, when it names none.
 */
export function parseArtefactAddress(text: string): ArtefactAddress {
  const trimmed = text.trim();
  if (trimmed.length > MOST_LENGTH) throw none();
  const fragment = trimmed.indexOf(ROUTE);
  if (fragment >= 0) return ofFragment(trimmed.slice(fragment));
  const scheme = /^ipfs:(?:\/\/)?([^/?#]+)/i.exec(trimmed);
  if (scheme) return { cid: named(scheme[1]), from: [] };
  const url = /^https?:/i.test(trimmed) && URL.canParse(trimmed) ? new URL(trimmed) : undefined;
  if (!url) return { cid: named(trimmed), from: [] };
  const path = /^(.*)\/ipfs\/([^/]+)/.exec(url.pathname);
  if (path) return { cid: named(path[2]), from: [gatewayAddress(`${url.origin}${path[1]}`) ?? url.origin] };
  const host = /^([a-z0-9]{20,})\.ipfs\.(.+)$/i.exec(url.host);
  if (host) return { cid: named(host[1]), from: [`${url.protocol}//${host[2]}`] };
  throw none();
}

function ofFragment(fragment: string): ArtefactAddress {
  const [name = "", search = ""] = fragment.slice(ROUTE.length).split("?", 2);
  const query = new URLSearchParams(search);
  const envelope = query.get("envelope");
  const from = query.getAll("from").flatMap((address) => gatewayAddress(address) ?? []);
  return {
    cid: named(name),
    ...(envelope === null ? {} : { envelope: named(envelope) }),
    from: [...new Set(from)].slice(0, MOST_HINTS),
  };
}

function named(text = ""): string {
  try {
    return parseCid(text).toV1().toString();
  } catch (cause) {
    throw new KromaError("invalid", none().message, { cause });
  }
}

const none = (): KromaError =>
  new KromaError(
    "invalid",
    "This names no published notebook. What does is a CID (it begins with “baf”), a link to one, or a .car file.",
  );
