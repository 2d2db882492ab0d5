/** Files that were fetched once from the web and are kept: models above all. Adapters are plugins. */

import { KromaError } from "../base/errors.ts";

/** How far a download is. `total` is unknown when the server does not tell. */
export interface FetchProgress {
  readonly url: string;
  readonly bytes: number;
  readonly total: number | undefined;
}

/** What a person signs in with at a model hub. It is kept per device, and goes to that origin and to no other. */
export interface HubToken {
  /** As RFC 6454 writes it: "https://hub.example". */
  readonly origin: string;
  readonly token: string;
}

/** The people of a shared notebook, of whom some may have files of the web. */
export interface FilePeers {
  /** CIDs (UnixFS) under which they offer the file of an address. */
  offered(url: string): Promise<readonly string[]>;
  /** A block of something that they offer, checked; undefined when none of them gave it. */
  block(cid: string, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array | undefined>;
  /** The file of an address is here now, and may be given to them under its CID. */
  keeps(url: string, cid: string, size: number): void;
}

export interface FetchOptions {
  readonly signal: AbortSignal;
  /** Who is asked before the address, if its server says which bytes the file has (core/mesh/SPEC.md, D5). */
  readonly peers?: FilePeers | undefined;
  readonly onProgress?: (progress: FetchProgress) => void;
}

/** A file that is kept, whole or in part. */
export interface FetchedFile {
  readonly url: string;
  readonly bytes: number;
  readonly total: number | undefined;
  /** Its content as IPFS names it; undefined while it is not whole. */
  readonly cid: string | undefined;
  /** When it was last wanted, in milliseconds since 1970. */
  readonly used: number;
  /** It is not given up when room is wanted. */
  readonly isPinned: boolean;
  /** Its terms, as its hub says them: an SPDX identifier or other words. */
  readonly licence: string | undefined;
  /** Addresses of files without which it is of no use: a model's weights in files of their own. */
  readonly parts: readonly string[];
  /** People of a shared notebook gave it, or some of it. */
  readonly isFromPeople: boolean;
}

export interface FetchedFiles {
  /**
   * The bytes behind an address: those that are kept, or fetched now and kept. What was fetched of it before is not
   * fetched again. Throws `missing`, `denied`, `unavailable` (try again), `exhausted` (no room) or `corrupt`.
   */
  get(url: string, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** A block of a file that is kept whole, for others; undefined when it is no block of it. */
  block(url: string, cid: string): Promise<Uint8Array | undefined>;
  /** What is kept, the last used first. */
  list(): Promise<readonly FetchedFile[]>;
  /** Notes of a file that is kept that another belongs to it. They are pinned and forgotten together. */
  addPart(url: string, part: string): Promise<void>;
  /** Forgets what is kept of an address, and its parts. */
  remove(url: string): Promise<void>;
  /** What is pinned is not given up when room is wanted. `missing` when it is not kept. */
  setPinned(url: string, isPinned: boolean): Promise<void>;
}

/**
 * Why a server did not give a file, in words. `retryAfter` is what it says of when to ask again (RFC 9110, 10.2.3). `site` is what a
 * token is for, and whether there was one: who wants to sign in is told where, and `details` have the `origin`.
 */
export function fetchRefusal(
  name: string,
  status: number,
  statusText: string,
  retryAfter: string | null = null,
  site?: { readonly origin: string; readonly hasToken: boolean },
): KromaError {
  if (status === 401 || status === 403) return signInFirst(name, status, site);
  if (status === 404 || status === 410) return new KromaError("missing", `${name} is not there (${status}).`);
  if (status === 429) {
    const when = /^\d{1,6}$/.test(retryAfter ?? "") ? `in ${retryAfter} seconds` : "later";
    return new KromaError(
      "unavailable",
      `${name} is not given now: its server wants fewer requests (429). Try ${when}.`,
    );
  }
  return new KromaError("unavailable", `${name} could not be fetched: ${`${status} ${statusText}`.trim()}.`);
}

function signInFirst(
  name: string,
  status: number,
  site: { readonly origin: string; readonly hasToken: boolean } | undefined,
): KromaError {
  if (!site)
    return new KromaError("denied", `${name} may not be fetched: its server wants you to sign in (${status}).`);
  const { origin, hasToken } = site;
  const host = URL.parse(origin)?.host ?? origin;
  const why = hasToken
    ? `${host} does not give it for your token (${status}). With some models you first agree to terms on their page there.`
    : `its server wants you to sign in (${status}). Give Kroma your token for ${host}: in the Models panel or the settings, or as KROMA_MODEL_TOKEN on the command line.`;
  return new KromaError("denied", `${name} may not be fetched: ${why}`, { details: { origin } });
}
