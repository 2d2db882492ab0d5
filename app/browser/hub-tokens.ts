/**
 * Tokens with which this browser's person signs in to model hubs. They are kept in this browser's storage, which no cell and no output
 * can read, apart from the other settings, and never in a notebook, an artefact or a log.
 */
import { createRoot, createSignal } from "solid-js";
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";
import type { HubToken } from "#core/store/fetched.ts";

const KEY = "kroma-hub-tokens";
const MOST = 20;

const Tokens = v.pipe(
  v.array(v.object({ origin: v.pipe(v.string(), v.maxLength(300)), token: v.pipe(v.string(), v.maxLength(4096)) })),
  v.maxLength(MOST),
);

const [kept, setKept] = createRoot(() => createSignal<readonly HubToken[]>(read()));

/** The tokens as they stand. Tracks. */
export const hubTokens = kept;

/**
 * Keeps a token for the origin of an address, or forgets it when it is empty. Throws `invalid` for an address that is none, or to which
 * it would go in the clear.
 */
export function setHubToken(address: string, token: string): void {
  const url = URL.parse(address.includes("://") ? address : `https://${address}`);
  const isSafe = url?.protocol === "https:" || ["localhost", "127.0.0.1", "[::1]"].includes(url?.hostname ?? "");
  if (!url || !isSafe)
    throw new KromaError("invalid", `"${address.slice(0, 100)}" is no address of a hub: it begins with https://.`);
  const others = kept().filter(({ origin }) => origin !== url.origin);
  const written = token.trim();
  // A header can't have other characters, and no token does.
  if (!/^[\x21-\x7e]{0,4096}$/.test(written)) throw new KromaError("invalid", "This is no token: it has spaces in it.");
  const next = written === "" ? others : [{ origin: url.origin, token: written }, ...others].slice(0, MOST);
  setKept(next);
  try {
    if (next.length === 0) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Storage is denied or full: it lasts until the page closes.
  }
}

function read(): readonly HubToken[] {
  try {
    return v.parse(Tokens, JSON.parse(localStorage.getItem(KEY) ?? "[]"));
  } catch {
    // Storage denied, or something else: there are none.
    return [];
  }
}
