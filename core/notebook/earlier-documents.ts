/**
 * The documents that a notebook was in before its history was shortened. Each is one block, named by the seed of the one
 * after it. They are loaded when somebody looks into them, which takes about a second for a hundred thousand changes, and
 * let go of when nobody has for a while.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import type { BlockStore } from "../store/stores.ts";
import { CHUNK_LIMITS, inspectChunks, type ChunkLimits } from "./chunk-guard.ts";
import type { NotebookDocument, NotebookRecord } from "./document.ts";
import type { SyncedDocument } from "./document-sync.ts";
import { claimedOriginals, lateChanges, type LateChange } from "./late-changes.ts";
import type { Chain } from "./reseed/chain.ts";
import type { Epoch } from "./reseed/seed.ts";

/** A document that can be read in turn with other work, and says which documents it was before. */
export type ReadableDocument = Pick<SyncedDocument, "sync"> & { readonly reseeds: { readonly chain: Chain } };

/** One of the documents that a notebook's history is in. */
export interface HistoryDocument {
  /** Calls `work` with the document and the chain of those before it. It changes nothing. */
  read<T>(work: (document: NotebookDocument, chain: Chain) => T): Promise<T>;
  /** What had not come yet when it was closed; nothing for the present one. */
  late(): Promise<readonly LateChange[]>;
}

/** Gives the bytes of a block, from here or from whoever has it; `unavailable` in words when nobody does. */
export type FetchEarlier = (cid: string) => Promise<Uint8Array>;

/** Nobody has looked into it for so long. */
const LET_GO_AFTER = 2 * 60_000;
/** As much as one peer may bring into a notebook, message by message. */
const LIMITS: ChunkLimits = {
  operations: 4 * CHUNK_LIMITS.operations,
  inflated: 4 * CHUNK_LIMITS.inflated,
  chunks: CHUNK_LIMITS.chunks,
  actors: 4 * CHUNK_LIMITS.actors,
};

/** Somebody who is here answers sooner. */
const ANSWERED_WITHIN = 20_000;

/** Gets an earlier document from here or, in a while, from the notebook's other people. */
export function earlierFrom(blocks: BlockStore, wanted: FetchEarlier): FetchEarlier {
  return async (cid) => {
    // One that is damaged here may be whole elsewhere.
    const bytes = await blocks.get(cid).catch(() => undefined);
    if (bytes) return bytes;
    const { promise, reject } = Promise.withResolvers<never>();
    const patience = setTimeout(() => reject(new KromaError("unavailable", NOT_HERE)), ANSWERED_WITHIN);
    try {
      return await Promise.race([wanted(cid), promise]);
    } finally {
      clearTimeout(patience);
    }
  };
}

const NOT_HERE =
  "The earlier history is not on this machine, and nobody who is here now has it. It can be read once somebody is here who has.";

export class EarlierDocuments {
  readonly #fetch: FetchEarlier;
  readonly #loaded = new Map<string, Promise<NotebookDocument>>();
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(fetch: FetchEarlier) {
    this.#fetch = fetch;
  }

  /** The documents of a notebook, the present one first; an earlier one is loaded when it is read. */
  async *of(present: ReadableDocument): AsyncGenerator<HistoryDocument, void, undefined> {
    let began: Chain | undefined;
    let next: HistoryDocument = {
      read: (work) =>
        present.sync((document) => {
          const { chain } = present.reseeds;
          began ??= chain;
          if (began.seed === chain.seed) return work(document as NotebookDocument, chain);
          throw new KromaError("unavailable", "The history was shortened in this moment. Please look again.");
        }),
      late: () => Promise.resolve([]),
    };
    yield next;
    const { epochs } = await next.read((_, chain) => chain);
    for (const [at, epoch] of [...epochs.entries()].reverse()) {
      next = this.#former(epoch, { seed: epoch.seed, epochs: epochs.slice(0, at) }, next);
      yield next;
    }
  }

  /**
   * Calls `work` with a state of which a part was still to come when its document was closed, and so is in the next one as
   * translations only: the document as it would be with all of it, and the state's heads there. Undefined for no such state.
   */
  async late<T>(
    present: ReadableDocument,
    heads: readonly string[],
    work: (document: NotebookDocument, heads: readonly string[]) => T,
  ): Promise<T | undefined> {
    for await (const one of this.of(present)) {
      const late = await one.late();
      if (late.length === 0) continue;
      const originals = new Map(late.map(({ translation, facts }) => [translation, facts.hash]));
      const names = heads.map((hash) => originals.get(hash) ?? hash);
      const found = await one.read((document) => {
        const [whole] = Automerge.applyChanges(
          Automerge.clone(document),
          late.map(({ bytes }) => bytes),
        );
        const answer = Automerge.hasHeads(whole, names) ? { value: work(whole, names) } : undefined;
        Automerge.free(whole);
        return answer;
      });
      if (found) return found.value;
    }
    return undefined;
  }

  /** The bytes of the one with that name. */
  bytes(cid: string): Promise<Uint8Array> {
    return this.#fetch(cid);
  }

  /** Lets go of all that is loaded. */
  close(): void {
    clearTimeout(this.#idle);
    for (const loading of this.#loaded.values()) loading.then(Automerge.free, () => undefined);
    this.#loaded.clear();
  }

  #former(epoch: Epoch, chain: Chain, next: HistoryDocument): HistoryDocument {
    let late: Promise<readonly LateChange[]> | undefined;
    const read: HistoryDocument["read"] = async (work) => work(await this.#get(epoch), chain);
    const isThere = (hashes: readonly string[]) => read((document) => Automerge.hasHeads(document, [...hashes]));
    return {
      read,
      late: () => (late ??= next.read(claimedOriginals).then((claims) => lateChanges(claims, LIMITS, isThere))),
    };
  }

  #get(former: Epoch): Promise<NotebookDocument> {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.close(), LET_GO_AFTER);
    const known = this.#loaded.get(former.cid);
    if (known) return known;
    const loading = this.#load(former);
    this.#loaded.set(former.cid, loading);
    // Whoever asks next tries again.
    loading.catch(() => this.#loaded.delete(former.cid));
    return loading;
  }

  async #load({ cid, heads }: Epoch): Promise<NotebookDocument> {
    const bytes = await this.#fetch(cid);
    await inspectChunks(bytes, LIMITS);
    const document = Automerge.load<NotebookRecord>(bytes);
    if (Automerge.getHeads(document).toSorted().join() === heads.toSorted().join()) return document;
    Automerge.free(document);
    throw new KromaError("corrupt", "The earlier history of this notebook is not what it should be.");
  }
}
