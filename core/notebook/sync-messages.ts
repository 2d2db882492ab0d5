/**
 * What peers are to be told of one document. Most of the time all who are there stand alike: they have everything but the
 * last key. For them a message is made once, and with twenty of them a key costs little more than with one: Automerge
 * takes half a millisecond to make it, and the rest is to look it up.
 */
import * as Automerge from "@automerge/automerge/slim";

/** What comes of a sync state: the next one, and what is to be said, if anything. */
type Made = readonly [state: Automerge.SyncState, message: Uint8Array | null];

/** So many ways to stand are remembered. */
const MOST_KEPT = 64;
/** A peer to whom more is under way is catching up, and stands like nobody else. */
const MOST_UNDER_WAY = 32;

export class SyncMessages {
  readonly #made = new Map<string, Made>();
  #heads = "";

  /** What Automerge.generateSyncMessage gives. */
  next(document: Automerge.Doc<unknown>, state: Automerge.SyncState): Made {
    const key = keyOf(state);
    if (key === undefined) return Automerge.generateSyncMessage(document, state);
    const heads = Automerge.getHeads(document).join();
    if (heads !== this.#heads || this.#made.size >= MOST_KEPT) this.#made.clear();
    this.#heads = heads;
    const known = this.#made.get(key);
    if (known) return known;
    const made = Automerge.generateSyncMessage(document, state);
    this.#made.set(key, made);
    return made;
  }

  /** Changes have come, of which some may have to wait for others: what is lacking is asked for although no head is new. */
  clear(): void {
    this.#made.clear();
  }
}

/** All that the next message depends on besides the document; undefined for a peer that is catching up. */
function keyOf(state: Automerge.SyncState): string | undefined {
  const { sentHashes, theirHave } = state as {
    readonly sentHashes?: object;
    readonly theirHave?: readonly { readonly bloom: Uint8Array }[] | null;
  };
  if (Object.keys(sentHashes ?? {}).length > MOST_UNDER_WAY) return undefined;
  if ((theirHave ?? []).some(({ bloom }) => bloom.length > 0)) return undefined;
  return JSON.stringify(state);
}
