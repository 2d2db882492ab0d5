/**
 * Blocks that are kept for notebooks and go when no notebook has them any more. Those of shared files: without that a file
 * that a cell writes anew each time would fill the disk. They have a block store of their own, so that nobody can have an
 * output deleted by naming it as a file. And those of former documents (core/notebook/reseed), which are beside the
 * outputs, and known to be documents. Who has which block is in a DocStore: [kind, CID, notebook].
 */
import type { DocumentId } from "../base/ids.ts";
import { blockCid } from "../store/cid.ts";
import type { BlockStore, DocStore, StoreKey } from "../store/stores.ts";

const NOTHING = new Uint8Array();

export class NotebookBlocks {
  readonly #store: DocStore;
  readonly #blocks: BlockStore;
  readonly #kind: "file-block" | "former-block";
  /** One change after the other: a block that one notebook lets go of may be just what another one keeps. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(store: DocStore, blocks: BlockStore, kind: "file-block" | "former-block") {
    this.#store = store;
    this.#blocks = blocks;
    this.#kind = kind;
  }

  /** True when it is kept for that notebook. */
  async has(id: DocumentId, cid: string): Promise<boolean> {
    return (await this.#store.load(this.#keyOf(cid, id))) !== undefined;
  }

  get(cid: string): Promise<Uint8Array | undefined> {
    return this.#blocks.get(cid);
  }

  /** Keeps a block for a notebook; gives its CID. */
  put(id: DocumentId, bytes: Uint8Array): Promise<string> {
    return this.#inTurn(async () => {
      const cid = await blockCid(bytes);
      await this.#store.write({ put: [[this.#keyOf(cid, id), NOTHING]] });
      return await this.#blocks.put(bytes);
    });
  }

  /** Those of these blocks that are here, which are kept for the notebook from now on. */
  keep(id: DocumentId, cids: readonly string[]): Promise<readonly string[]> {
    return this.#inTurn(async () => {
      const here: string[] = [];
      const unknown: StoreKey[] = [];
      for (const cid of cids) {
        if (!(await this.#blocks.has(cid))) continue;
        here.push(cid);
        if ((await this.#store.load(this.#keyOf(cid, id))) === undefined) unknown.push(this.#keyOf(cid, id));
      }
      if (unknown.length > 0) await this.#store.write({ put: unknown.map((key) => [key, NOTHING]) });
      return here;
    });
  }

  /** The notebook has no use for these blocks any more. */
  letGo(id: DocumentId, cids: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      if (cids.length === 0) return;
      await this.#store.write({ remove: cids.map((cid) => this.#keyOf(cid, id)) });
      for (const cid of cids) {
        if ((await this.#store.loadRange([this.#kind, cid])).length === 0) await this.#blocks.remove(cid);
      }
    });
  }

  /** The notebook is gone for good. */
  async letGoAll(id: DocumentId): Promise<void> {
    const keys = (await this.#store.loadRange([this.#kind])).map(([key]) => key);
    await this.letGo(
      id,
      keys.flatMap(([, cid, owner]) => (owner === id && cid !== undefined ? [cid] : [])),
    );
  }

  #keyOf(cid: string, id: DocumentId): StoreKey {
    return [this.#kind, cid, id];
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}
