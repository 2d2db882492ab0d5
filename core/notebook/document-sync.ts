/**
 * One peer's view of one document: Automerge's sync protocol (Kleppmann and Howard, "Byzantine Eventual Consistency",
 * and automerge.org's sync description), with a look at what comes in before Automerge sees it. It knows no network:
 * bytes in, bytes out. A link that ended has lost messages, so each link has a new one, which goes on from what was sure.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import { CHUNK_LIMITS, inspectChunks, type ChunkLimits } from "./chunk-guard.ts";
import type { SyncMessages } from "./sync-messages.ts";

/** The document that is synced: runs work on it when nothing else does. */
export interface SyncedDocument {
  /** What all its peers are told. */
  readonly messages: SyncMessages;
  /** Calls `work` with the document, in turn; what it gives back is the document from then on. */
  sync<T>(work: (document: Automerge.Doc<unknown>, apply: Apply) => T | Promise<T>): Promise<T>;
}

/** Puts another state of the document in its place, with what differs. */
export type Apply = (document: Automerge.Doc<unknown>, patches: readonly Automerge.Patch[]) => Promise<void>;

/** Of one peer over one link, as a multiple of what one message may bring. */
const MOST_MESSAGES_FULL = 4;

export class DocumentSync {
  readonly #document: SyncedDocument;
  /** What the peer changes is taken in; else it is passed over, and everything still goes to it. */
  readonly mayWrite: boolean;
  readonly #limits: ChunkLimits;
  #operations = 0;
  #theirHeads: Automerge.Heads | undefined;
  #state: Automerge.SyncState;

  /** `limits` of one message. */
  constructor(document: SyncedDocument, mayWrite: boolean, limits = CHUNK_LIMITS) {
    this.#document = document;
    this.#limits = limits;
    this.mayWrite = mayWrite;
    this.#state = Automerge.initSyncState({ readOnly: !mayWrite });
  }

  /**
   * The view of the same peer on another document that has the same in it. Anew, both ends would have to find out first
   * what the other has, which takes a bit more than a byte for each change there is.
   */
  continueOn(document: SyncedDocument): DocumentSync {
    const next = new DocumentSync(document, this.mayWrite, this.#limits);
    next.#operations = this.#operations;
    next.#theirHeads = this.#theirHeads;
    next.#state = this.#state;
    return next;
  }

  /** The latest changes that the peer and this end are known to have both. */
  get inCommon(): readonly string[] {
    return this.#state.sharedHeads;
  }

  /** They had these in common before: only what is new has to be looked for. Should a peer have lost them, it says so. */
  goOnFrom(inCommon: readonly string[]): void {
    this.#state = { ...this.#state, sharedHeads: [...inCommon] };
  }

  /** What the peer is to be told now; undefined when there is nothing. */
  next(): Promise<Uint8Array | undefined> {
    return this.#document.sync((document) => {
      const [state, message] = this.#document.messages.next(document, this.#state);
      this.#state = state;
      return message ?? undefined;
    });
  }

  /** True when the peer has said that it has all that is here. */
  hasAll(): Promise<boolean> {
    return this.#document.sync((document) => Automerge.hasOurChanges(document, this.#state));
  }

  /** True when all is here that the peer had when it last said something; false before it has. */
  hasAllOfPeer(): Promise<boolean> {
    return this.#document.sync(
      (document) => this.#theirHeads !== undefined && Automerge.hasHeads(document, this.#theirHeads),
    );
  }

  /**
   * Takes in what the peer said; false when it brought changes that it may not make, which were passed over. `corrupt` or
   * `exhausted` when it is not fit to be applied, and nothing of it has been.
   */
  async take(message: Uint8Array): Promise<boolean> {
    const { changes, heads } = decode(message);
    for (const change of changes) this.#operations += (await inspectChunks(change, this.#limits)).operations;
    if (this.#operations > MOST_MESSAGES_FULL * this.#limits.operations)
      throw new KromaError("exhausted", "This peer has sent more changes than a notebook can hold.");
    return await this.#document.sync(async (document, apply) => {
      let patches: readonly Automerge.Patch[] = [];
      try {
        const [next, state] = Automerge.receiveSyncMessage(document, this.#state, message, {
          patchCallback: (made) => {
            patches = made;
          },
        });
        this.#state = state;
        this.#theirHeads = heads;
        if (changes.length > 0) this.#document.messages.clear();
        await apply(next, patches);
      } catch (error) {
        if (error instanceof KromaError) throw error;
        throw new KromaError("corrupt", "A peer sent changes that can't be read.", { cause: error });
      }
      return changes.length === 0 || this.mayWrite;
    });
  }
}

/** What a sync message says: its changes, as chunks of Automerge's format, and what its sender has. */
function decode(message: Uint8Array): { readonly changes: readonly Uint8Array[]; readonly heads: Automerge.Heads } {
  try {
    return Automerge.decodeSyncMessage(message);
  } catch (error) {
    throw new KromaError("corrupt", "A peer sent a sync message that can't be read.", { cause: error });
  }
}
