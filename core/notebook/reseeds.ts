/**
 * How an open notebook goes on as another document (core/notebook/reseed): which documents it was before, their blocks,
 * the move to a new one that is made here, and the move after a peer. A block that is not here a peer gives, as it gives
 * outputs. The document itself is the holder's.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import { blockCid } from "../store/cid.ts";
import type { DocumentId } from "../base/ids.ts";
import type { BlockStore } from "../store/stores.ts";
import type { DocumentLog } from "./document-log.ts";
import { loadPieces } from "./document-pieces.ts";
import type { NotebookDocument, NotebookRecord } from "./document.ts";
import type { NotebookBlocks } from "./notebook-blocks.ts";
import { carry, shorten, type Moved } from "./reseed/carry.ts";
import { canonicalSave } from "./reseed/canonical-save.ts";
import { blocksBetween, chainOf, compareChains, FIRST_CHAIN, type Chain } from "./reseed/chain.ts";

/** Whoever has the document. */
export interface ReseedHolder {
  readonly id: DocumentId;
  readonly blocks: BlockStore;
  readonly formerBlocks: NotebookBlocks;
  /** True: all former documents are fetched. */
  readonly keepsFormer: boolean;
  /** Calls `work` with the document, in turn. */
  read<T>(work: (document: NotebookDocument) => T | Promise<T>): Promise<T>;
  /** Puts another document in its place, on disk first; called within `work`. */
  move(moved: Moved): Promise<void>;
  /** Somebody waits for a block. */
  wants(): void;
}

/** A document that a peer has gone on with, and what is lacking to go there. */
interface Ahead {
  readonly chain: Chain;
  readonly reached: PromiseWithResolvers<void>;
  lacking: readonly string[];
}

/** Of those that peers have gone on with and that can't be reached yet, so many are known; a hostile one may make them up. */
const MOST_AHEAD = 8;

export class Reseeds {
  readonly #holder: ReseedHolder;
  readonly #waiting = new Map<string, PromiseWithResolvers<Uint8Array>>();
  #chain = FIRST_CHAIN;
  #ahead: readonly Ahead[] = [];
  #following: Promise<void> | undefined;
  #again = false;

  constructor(holder: ReseedHolder) {
    this.#holder = holder;
  }

  /** The present document and those before it. */
  get chain(): Chain {
    return this.#chain;
  }

  /** CIDs of blocks that somebody waits for, and that are not here. */
  async missing(): Promise<readonly string[]> {
    const wanted = new Set([...this.#waiting.keys(), ...this.#ahead.flatMap(({ lacking }) => lacking)]);
    if (!this.#holder.keepsFormer) return [...wanted];
    for (const { cid } of this.#chain.epochs) if (!(await this.#holder.blocks.has(cid))) wanted.add(cid);
    return [...wanted];
  }

  /** True when it is the block of a document that the notebook was, or was for a while: whoever may read this one may have it. */
  async isFormer(cid: string): Promise<boolean> {
    const { id, formerBlocks } = this.#holder;
    return this.#chain.epochs.some((epoch) => epoch.cid === cid) || (await formerBlocks.has(id, cid));
  }

  /** This is the document from now on. */
  present(document: NotebookDocument): void {
    this.#chain = chainOf(document);
  }

  /**
   * Brings in what is left on the disk of former documents: another worker may have gone on to write into one. What can't be
   * brought in stays there.
   */
  async gather(document: NotebookDocument, log: DocumentLog): Promise<NotebookDocument> {
    const { blocks } = this.#holder;
    let gathered = document;
    for (const left of log.left) {
      try {
        const former = this.#chain.epochs.find(({ seed }) => seed === left.seed);
        const begin = former && (await blocks.get(former.cid));
        if (former && !begin) continue;
        const pieces = begin ? [begin, ...left.pieces] : left.pieces;
        const other = loadPieces<NotebookRecord>(pieces, ({ cells }) => cells !== undefined);
        if (Automerge.getMissingDeps(other, []).length > 0) continue;
        const carried = await carry(other, chainOf(other), this.#chain, (cid) => blocks.get(cid));
        gathered = Automerge.merge(gathered, carried.document);
        log.takeLeft(left);
        for (const one of [other, carried.document]) Automerge.free(one);
      } catch (error) {
        if (!(error instanceof KromaError)) throw error;
      }
    }
    return gathered;
  }

  /** A block of a former document; waits until a peer has given it. `aborted` when the notebook is closed before. */
  async wanted(cid: string): Promise<Uint8Array> {
    const here = await this.#holder.blocks.get(cid);
    if (here) return here;
    const waiting = this.#waiting.get(cid) ?? Promise.withResolvers<Uint8Array>();
    this.#waiting.set(cid, waiting);
    this.#holder.wants();
    return await waiting.promise;
  }

  /** Blocks have come. */
  async came(cids: Iterable<string>): Promise<void> {
    const { id, blocks, formerBlocks } = this.#holder;
    for (const cid of cids) {
      if (this.#chain.epochs.some((epoch) => epoch.cid === cid)) await formerBlocks.keep(id, [cid]);
      const waiting = this.#waiting.get(cid);
      const bytes = waiting && (await blocks.get(cid));
      if (!bytes) continue;
      this.#waiting.delete(cid);
      waiting.resolve(bytes);
    }
    await this.#followAny();
  }

  /** The blocks of former documents that are here are kept for this notebook, a copy, as well. */
  async keep(): Promise<void> {
    const { id, formerBlocks } = this.#holder;
    const cids = this.#chain.epochs.map(({ cid }) => cid);
    if (cids.length > 0) await formerBlocks.keep(id, cids);
  }

  /**
   * Goes on as a new document with the present state and none of the history, which is kept as a block. When it can't,
   * nothing has changed: `exhausted` when the history is too big for a block.
   */
  begin(): Promise<void> {
    const { id, formerBlocks, move } = this.#holder;
    return this.#holder.read(async (document) => move(await shorten(document, (bytes) => formerBlocks.put(id, bytes))));
  }

  /**
   * A peer has gone on as that document: so does this one, with all that was made here, as soon as the blocks are here.
   * Resolves when it has, or has gone further; fails when it can't be done, `aborted` when the notebook is closed before.
   */
  async follow(chain: Chain): Promise<void> {
    if (compareChains(this.#chain, chain).order !== "behind") return;
    const known = this.#ahead.find((one) => one.chain.seed === chain.seed);
    if (known) return await known.reached.promise;
    const ahead = { chain, reached: Promise.withResolvers<void>(), lacking: [] };
    ahead.reached.promise.catch(() => undefined);
    this.#ahead = [ahead, ...this.#ahead].slice(0, MOST_AHEAD);
    await this.#followAny();
    await ahead.reached.promise;
  }

  close(): void {
    const closed = new KromaError("aborted", "This notebook was closed before its earlier history had come.");
    for (const { promise, reject } of [...this.#waiting.values(), ...this.#ahead.map(({ reached }) => reached)]) {
      promise.catch(() => undefined);
      reject(closed);
    }
    this.#waiting.clear();
    this.#ahead = [];
  }

  /** Goes as far as it can at present. */
  #followAny(): Promise<void> {
    this.#again = true;
    this.#following ??= this.#followAll().finally(() => {
      this.#following = undefined;
    });
    return this.#following;
  }

  async #followAll(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      for (const ahead of this.#ahead.toSorted((one, other) => (isBehind(one.chain, other.chain) ? 1 : -1))) {
        if (await this.#tryToFollow(ahead)) break;
      }
    }
  }

  /** True when the document is another one now. */
  async #tryToFollow(ahead: Ahead): Promise<boolean> {
    const { id, blocks, formerBlocks, read, move } = this.#holder;
    const { chain, reached } = ahead;
    try {
      const lacking: string[] = [];
      const between = blocksBetween(this.#chain, chain);
      for (const cid of between) if (!(await this.#find(chain, cid))) lacking.push(cid);
      ahead.lacking = lacking;
      if (lacking.length > 0) {
        this.#holder.wants();
        return false;
      }
      await read(async (document) => {
        if (isBehind(this.#chain, chain))
          await move(await carry(document, this.#chain, chain, (cid) => blocks.get(cid)));
      });
      // Also those that lead nowhere any more: others may have to come back from there.
      await formerBlocks.keep(id, between);
      for (const one of this.#ahead) if (!isBehind(this.#chain, one.chain)) one.reached.resolve();
      this.#ahead = this.#ahead.filter((one) => isBehind(this.#chain, one.chain));
      // What was lacking is another thing from here.
      this.#again = this.#ahead.length > 0;
      return true;
    } catch (error) {
      this.#ahead = this.#ahead.filter((one) => one !== ahead);
      reached.reject(error);
      return false;
    }
  }

  /** True when a former document is here; where it can be made out of the present one, it is. */
  async #find({ epochs }: Chain, cid: string): Promise<boolean> {
    const { id, blocks, formerBlocks, read } = this.#holder;
    if (await blocks.has(cid)) return true;
    const heads = epochs.find((epoch) => epoch.cid === cid)?.heads ?? [];
    const made = await read((document) =>
      heads.length > 0 && Automerge.hasHeads(document, [...heads]) ? canonicalSave(document, heads) : undefined,
    );
    if (!made || (await blockCid(made)) !== cid) return false;
    await formerBlocks.put(id, made);
    return true;
  }
}

const isBehind = (one: Chain, other: Chain): boolean => compareChains(one, other).order === "behind";
