/**
 * How a translated change carries the change that it is a translation of: in its message. So whoever has only the new
 * document can tell what of it was made in the old one, and take it on as it was.
 */
import * as Automerge from "@automerge/automerge/slim";
import { base64url } from "multiformats/bases/base64";
import type { DecodedChange } from "../decoded-change.ts";
import { decodeChange } from "./translate.ts";

/** The whole original follows, in base64url. */
const WHOLE = "kroma-original-1 ";
/** Its hash follows. */
const NAMED = "kroma-original-hash-1 ";
/** A larger change does not go into its translation: with it that would be more than a peer takes. */
const MOST_ORIGINAL = 4 << 20;

/** The message of a change's translation, and whether the change is in it. The same for everybody, however it was compressed. */
export function messageOf(change: DecodedChange): { readonly message: string; readonly isWhole: boolean } {
  const bytes = Automerge.encodeChange(change as unknown as Automerge.DecodedChange);
  // Automerge reads more spellings of a change than it writes.
  const isWhole = bytes.length <= MOST_ORIGINAL && decodeChange(bytes).hash === change.hash;
  return { message: isWhole ? WHOLE + base64url.baseEncode(bytes) : NAMED + change.hash, isWhole };
}

/** The change that one with this message says to be the translation of; it may lie, and anything may be in it. */
export function originalOf(message: string | null | undefined): Uint8Array | undefined {
  if (!message?.startsWith(WHOLE)) return undefined;
  try {
    return base64url.baseDecode(message.slice(WHOLE.length));
  } catch {
    return undefined;
  }
}

/** True when a change with this message was too big for its translation. */
export const namesOriginal = (message: string | null | undefined): boolean => message?.startsWith(NAMED) ?? false;
