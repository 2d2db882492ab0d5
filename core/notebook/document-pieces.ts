/** A stored document, put together from the pieces that a DocumentLog keeps. */
import { concatenate } from "../base/bytes.ts";
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";

/** All pieces as one document; pieces that are broken are left out when the rest can be read. `corrupt` when it can't. */
export function loadPieces<D extends object>(
  pieces: readonly Uint8Array[],
  isWhole: (record: Automerge.Doc<D>) => boolean,
): Automerge.Doc<D> {
  try {
    return Automerge.load<D>(concatenate(pieces));
  } catch (whole) {
    let document = Automerge.init<D>();
    for (const piece of pieces) {
      try {
        document = Automerge.loadIncremental(document, piece);
      } catch {
        // The other pieces may still hold nearly everything.
      }
    }
    if (isWhole(document)) return document;
    throw new KromaError("corrupt", "The stored notebook is damaged and can't be read.", { cause: whole });
  }
}
