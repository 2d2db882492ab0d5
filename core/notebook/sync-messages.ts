/**
 * What peers are to be told of one document. Most of the time all who are there stand alike: they have everything but the
 * last key. For them a message is made once, and with twenty of them a key costs little more than with one: Automerge
 * takes half a millisecond to make it, and the rest is to look it up. Automerge's own search for what the other end lacks (a
 * Bloom filter of all changes, each of which is looked up in it) is left out where it is known without one.
 */
import * as Automerge from "@automerge/automerge/slim";

/** What comes of a sync state: the next one, and what is to be said, if anything. */
type Made = readonly [state: Automerge.SyncState, message: Uint8Array | null];

/** So many ways to stand are remembered. */
const MOST_KEPT = 64;
/** A peer to whom more is under way is catching up, and stands like nobody else. */
const MOST_UNDER_WAY = 32;
const NO_FILTER = new Uint8Array(0);

export class SyncMessages {
  readonly #made = new Map<string, Made>();
  #heads = "";

  /** What Automerge.generateSyncMessage gives for what is known of the peer. */
  next(document: Automerge.Doc<unknown>, peer: Automerge.SyncState): Made {
    const [state, message] = this.#next(document, knownOf(document, peer));
    return [{ ...state, sharedHeads: peer.sharedHeads }, message];
  }

  #next(document: Automerge.Doc<unknown>, state: Automerge.SyncState): Made {
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

/** A peer's state without searches whose result is certain; the same where there is none. */
export function knownOf(document: Automerge.Doc<unknown>, state: Automerge.SyncState): Automerge.SyncState {
  const { theirHeads, theirHave, peerReadOnly } = state as StateInside;
  // It gets everything with this message, and needs no description of that: a bit more than a byte for each change.
  if (theirHeads?.length === 0 && peerReadOnly !== true) return { ...state, sharedHeads: Automerge.getHeads(document) };
  const isFiltered = theirHave?.some(({ bloom }) => bloom.length > 0) ?? false;
  if (!theirHeads || !isFiltered || !Automerge.hasHeads(document, theirHeads)) return state;
  // Whoever has these has all that they build on, and nothing else.
  return { ...state, theirHave: [{ lastSync: theirHeads, bloom: NO_FILTER }] } as Automerge.SyncState;
}

/** What a sync state holds beside that of which its type tells. */
interface StateInside {
  readonly sentHashes?: object;
  readonly theirHeads?: Automerge.Heads | null;
  readonly theirHave?: readonly { readonly bloom: Uint8Array }[] | null;
  readonly peerReadOnly?: boolean;
}

/** All that the next message depends on besides the document; undefined for a peer that is catching up. */
function keyOf(state: Automerge.SyncState): string | undefined {
  const { sentHashes, theirHave } = state as StateInside;
  if (Object.keys(sentHashes ?? {}).length > MOST_UNDER_WAY) return undefined;
  if ((theirHave ?? []).some(({ bloom }) => bloom.length > 0)) return undefined;
  return JSON.stringify(state);
}
