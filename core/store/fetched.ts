/** Files that were fetched once from the web and are kept: models above all. Adapters are plugins. */

import { KromaError } from "../base/errors.ts";

/** How far a download is. `total` is unknown when the server does not tell. */
export interface FetchProgress {
  readonly url: string;
  readonly bytes: number;
  readonly total: number | undefined;
}

export interface FetchOptions {
  readonly signal: AbortSignal;
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
}

export interface FetchedFiles {
  /**
   * The bytes behind an address: those that are kept, or fetched now and kept. What was fetched of it before is not
   * fetched again. Throws `missing`, `denied`, `unavailable` (try again), `exhausted` (no room) or `corrupt`.
   */
  get(url: string, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** What is kept, the last used first. */
  list(): Promise<readonly FetchedFile[]>;
  /** Notes of a file that is kept that another belongs to it. They are pinned and forgotten together. */
  addPart(url: string, part: string): Promise<void>;
  /** Forgets what is kept of an address, and its parts. */
  remove(url: string): Promise<void>;
  /** What is pinned is not given up when room is wanted. `missing` when it is not kept. */
  setPinned(url: string, isPinned: boolean): Promise<void>;
}

/** Why a server did not give a file, in words. `retryAfter` is what it says of when to ask again (RFC 9110, 10.2.3). */
export function fetchRefusal(
  name: string,
  status: number,
  statusText: string,
  retryAfter: string | null = null,
): KromaError {
  if (status === 401 || status === 403)
    return new KromaError("denied", `${name} may not be fetched: its server wants you to sign in (${status}).`);
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
