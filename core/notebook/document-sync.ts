/**
 * One peer's view of one document: Automerge's sync protocol (Kleppmann and Howard, "Byzantine Eventual Consistency",
 * and automerge.org's sync description), with a look at what comes in before Automerge sees it. It knows no network:
 * bytes in, bytes out. A link that ended has lost messages, so each link has a new one, which goes on from what was sure.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import { checkChanges, checkDocument } from "./change-guard.ts";
import { CHUNK_LIMITS, inspectChunks, type ChunkLimits } from "./chunk-guard.ts";
import type { Contradiction, Contradictions, Settled } from "./contradictions.ts";
import { DUPLICATE } from "./decoded-change.ts";
import type { SyncMessages } from "./sync-messages.ts";

/** The document that is synced: runs work on it when nothing else does. */
export interface SyncedDocument {
  /** What all its peers are told. */
  readonly messages: SyncMessages;
  /** What was found to be in one place, and has moved. */
  readonly contradictions: Contradictions;
  /** Its first change, where it took the place of another document, and will again. */
  readonly seed?: string | undefined;
  /** Calls `work` with the document, in turn; what it gives back is the document from then on. */
  sync<T>(work: (document: Automerge.Doc<unknown>, apply: Apply) => T | Promise<T>): Promise<T>;
}

/** Puts another state of the document in its place, with what differs; without patches it is another document. */
export type Apply = (
  document: Automerge.Doc<unknown>,
  patches: readonly Automerge.Patch[] | undefined,
) => Promise<void>;

/** Of one peer over one link, as a multiple of what one message may bring. */
const MOST_MESSAGES_FULL = 4;
/** That one peer may bring to light over one link. */
const MOST_CONTRADICTIONS = 32;

export class DocumentSync {
  readonly #document: SyncedDocument;
  /** What the peer changes is taken in; else it is passed over, and everything still goes to it. */
  readonly mayWrite: boolean;
  /** Which document this is about: what is said of another must not get into it. */
  readonly #seed: string | undefined;
  readonly #limits: ChunkLimits;
  #operations = 0;
  #theirHeads: Automerge.Heads | undefined;
  #contradictions: readonly Contradiction[] | undefined;
  #contradicted = 0;
  #brought = 0;
  readonly #from: string | undefined;
  #state: Automerge.SyncState;

  /** `limits` of one message; `from` says who the peer is. */
  constructor(document: SyncedDocument, mayWrite: boolean, limits = CHUNK_LIMITS, from?: string) {
    this.#document = document;
    this.#seed = document.seed;
    this.#limits = limits;
    this.#from = from;
    this.mayWrite = mayWrite;
    this.#state = Automerge.initSyncState({ readOnly: !mayWrite });
  }

  /**
   * The view of the same peer on another document that has the same in it. Anew, both ends would have to find out first
   * what the other has, which takes a bit more than a byte for each change there is.
   */
  continueOn(document: SyncedDocument): DocumentSync {
    const next = new DocumentSync(document, this.mayWrite, this.#limits, this.#from);
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

  /** What the peer is to be told now; undefined when there is nothing, or another document has taken this one's place. */
  next(): Promise<Uint8Array | undefined> {
    return this.#document.sync((document) => {
      if (this.isOver) return undefined;
      const [state, message] = this.#document.messages.next(document, this.#state);
      this.#state = state;
      return message ?? undefined;
    });
  }

  /** Another document has taken the place of the one that this is about. */
  get isOver(): boolean {
    return this.#document.seed !== this.#seed;
  }

  /** True when the peer has said that it has all that is here. */
  hasAll(): Promise<boolean> {
    return this.#document.sync((document) => !this.isOver && Automerge.hasOurChanges(document, this.#state));
  }

  /** True when all is here that the peer had when it last said something; false before it has. */
  hasAllOfPeer(): Promise<boolean> {
    return this.#document.sync(
      (document) => !this.isOver && this.#theirHeads !== undefined && Automerge.hasHeads(document, this.#theirHeads),
    );
  }

  /**
   * Takes in what the peer said; false when it brought changes that it may not make, which were passed over. `corrupt` or
   * `exhausted` when it is not fit to be applied, and nothing of it has been.
   */
  async take(message: Uint8Array): Promise<boolean> {
    const { changes, heads } = decode(message);
    const actors = new Set<string>();
    let isWhole = false;
    let operations = 0;
    for (const change of changes) {
      const counted = await inspectChunks(change, this.#limits);
      operations += counted.operations;
      for (const actor of counted.actors) actors.add(actor);
      isWhole ||= counted.isWhole;
    }
    this.#operations += operations;
    if (this.#operations > MOST_MESSAGES_FULL * this.#limits.operations)
      throw new KromaError("exhausted", "This peer has sent more changes than a notebook can hold.");
    return await this.#document.sync(async (document, apply) => {
      // It was on its way when the document's place was taken; whoever sent it brings it along when they follow.
      if (this.isOver) return true;
      const { contradictions } = this.#document;
      const before = changes.length > 0 ? Automerge.getHeads(document) : [];
      const bring = async (next: Automerge.Doc<unknown>, patches: readonly Automerge.Patch[] | undefined) => {
        if (changes.length > 0 && Automerge.getHeads(next).join() !== before.join())
          this.#brought += changes.reduce((sum, { length }) => sum + length, 0);
        // Where nothing was here before, what comes is of many, and nobody can say whom this peer has it from.
        if (isWhole && before.length > 0 && patches)
          for (const { actor } of Automerge.getChangesMetaSince(next, before)) actors.add(actor);
        await apply(next, patches);
      };
      try {
        if (this.mayWrite) checkChanges(document, changes, operations);
        let settled: Settled | undefined;
        if (this.mayWrite && contradictions.concern(changes)) settled = await contradictions.settle(document, changes);
        else if (!(await this.#receive(document, message, changes.length > 0, bring)))
          settled = await contradictions.settle(document, changes);
        if (settled) await this.#takeSettled(document, settled, message, bring);
        if (this.mayWrite) contradictions.brings(this.#from, actors);
      } catch (error) {
        if (error instanceof KromaError) throw error;
        throw new KromaError("corrupt", "A peer sent changes that can't be read.", { cause: error });
      }
      this.#theirHeads = heads;
      return changes.length === 0 || this.mayWrite;
    });
  }

  /** How many bytes of changes that were not here before the peer has brought since this was asked before. */
  takeBrought(): number {
    const brought = this.#brought;
    this.#brought = 0;
    return brought;
  }

  /**
   * What contradicted other changes, of what the peer said since this was asked before, as far as it is new; undefined when
   * nothing did. If something did, both ends have to begin anew: they may have different changes for what each takes for one.
   */
  takeContradictions(): readonly Contradiction[] | undefined {
    const found = this.#contradictions;
    this.#contradictions = undefined;
    return found;
  }

  /** False when a change of it contradicts one that is here: Automerge takes only one of an actor with each number. */
  async #receive(
    document: Automerge.Doc<unknown>,
    message: Uint8Array,
    brings: boolean,
    apply: Apply,
  ): Promise<boolean> {
    let patches: readonly Automerge.Patch[] = [];
    let received: readonly [Automerge.Doc<unknown>, Automerge.SyncState, unknown];
    try {
      received = Automerge.receiveSyncMessage(document, this.#state, message, {
        patchCallback: (made) => {
          patches = made;
        },
      });
    } catch (error) {
      if (String(error).includes(DUPLICATE)) return false;
      throw error;
    }
    this.#state = received[1];
    if (brings) this.#document.messages.clear();
    await apply(received[0], patches);
    return true;
  }

  /** The changes are in the document already: what else the peer said is all that is left. */
  async #takeSettled(
    document: Automerge.Doc<unknown>,
    settled: Settled,
    message: Uint8Array,
    apply: Apply,
  ): Promise<void> {
    this.#judge(document, settled.contradictions);
    checkDocument(settled.document);
    const rest = Automerge.encodeSyncMessage({ ...Automerge.decodeSyncMessage(message), changes: [] });
    const anew = Automerge.initSyncState({ readOnly: !this.mayWrite });
    const [next, state] = Automerge.receiveSyncMessage(settled.document, anew, rest);
    this.#state = state;
    this.#contradictions = [...(this.#contradictions ?? []), ...settled.contradictions];
    this.#document.messages.clear();
    await apply(next, undefined);
  }

  /** Who hands on one of two may be honest. Who has the one that stays, and brings the other, is not: no program keeps both. */
  #judge(document: Automerge.Doc<unknown>, contradictions: readonly Contradiction[]): void {
    this.#contradicted += 1;
    if (this.#contradicted > MOST_CONTRADICTIONS)
      throw new KromaError("exhausted", "This peer contradicts what others wrote again and again.");
    const brought = contradictions.filter(({ came, moved }) => came === moved);
    if (brought.length === 0 || this.#state.sharedHeads.length === 0) return;
    const lacking = Automerge.getBackend(document).getChangesMeta(this.#state.sharedHeads);
    const lacks = new Set(lacking.map(({ hash }) => hash));
    if (brought.some(({ kept }) => !lacks.has(kept)))
      throw new KromaError("corrupt", "This peer wrote in the place of a change that it has: nobody honest does that.");
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
