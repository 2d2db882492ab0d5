/** Blocks of kept models for others: of each only what is below it, so that nobody learns what else is here. */
import { KromaError } from "../base/errors.ts";
import { codecOf, storedName } from "../store/cid.ts";
import { linksOf } from "../store/links.ts";
import type { BlockStore } from "../store/stores.ts";
import { WALK_LIMITS } from "../store/walk.ts";

/** So many models are remembered with what is below them. */
const MOST_KNOWN = 32;

export class ModelBlocks {
  readonly #blocks: BlockStore;
  /** By CID, the one that was not asked for longest first. */
  readonly #below = new Map<string, Promise<ReadonlySet<string>>>();

  constructor(blocks: BlockStore) {
    this.#blocks = blocks;
  }

  /** The block, if it is here and below the root; undefined otherwise. */
  async get(root: string, cid: string): Promise<Uint8Array | undefined> {
    const below = this.#below.get(root) ?? this.#look(root);
    this.#below.delete(root);
    this.#below.set(root, below);
    for (const other of this.#below.keys()) if (this.#below.size > MOST_KNOWN) this.#below.delete(other);
    return (await below).has(storedName(cid)) ? this.#read(cid) : undefined;
  }

  async #look(root: string): Promise<ReadonlySet<string>> {
    const below = new Set<string>();
    const seen = new Set<string>();
    const ahead = [root];
    for (let cid = ahead.pop(); cid !== undefined && below.size < WALK_LIMITS.blocks; cid = ahead.pop()) {
      if (seen.has(cid)) continue;
      seen.add(cid);
      below.add(storedName(cid));
      // The bytes of files need not be looked at.
      const bytes = codecOf(cid) === "raw" ? undefined : await this.#read(cid);
      if (bytes) ahead.push(...linksOf(cid, bytes));
      // What is below a block that is not here may come: next time it is looked at again.
      else if (codecOf(cid) !== "raw") this.#below.delete(root);
    }
    return below;
  }

  async #read(cid: string): Promise<Uint8Array | undefined> {
    return this.#blocks.get(cid).catch((error: unknown) => {
      if (error instanceof KromaError && error.code === "corrupt") return undefined;
      throw error;
    });
  }
}
