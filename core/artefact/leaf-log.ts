/**
 * Which leaves of a long file are in the store already, so that a publishing that was cut off reads and hashes none of them again.
 * What is noted is noted in order: a leaf counts once it and all before it are kept.
 */
import type { BlockStore } from "../store/stores.ts";

/** Told of after so many more. */
const TELL_EVERY = 16;

export class LeafLog {
  /** CIDs from the beginning of the file on. */
  readonly known: readonly string[];
  readonly #later = new Map<number, string>();
  readonly #kept: string[];
  readonly #tell: (cids: readonly string[]) => Promise<void>;
  #told: number;

  /** `tell` keeps the list for the next time. */
  constructor(known: readonly string[], tell: (cids: readonly string[]) => Promise<void>) {
    this.known = known;
    this.#kept = [...known];
    this.#told = known.length;
    this.#tell = tell;
  }

  /** That leaf of the file is in the store. */
  async note(index: number, cid: string): Promise<void> {
    this.#later.set(index, cid);
    for (let next = this.#take(); next !== undefined; next = this.#take()) this.#kept.push(next);
    if (this.#kept.length - this.#told >= TELL_EVERY) await this.flush();
  }

  /** Keeps what was noted since. */
  async flush(): Promise<void> {
    if (this.#told === this.#kept.length) return;
    this.#told = this.#kept.length;
    await this.#tell([...this.#kept]);
  }

  #take(): string | undefined {
    const cid = this.#later.get(this.#kept.length);
    this.#later.delete(this.#kept.length);
    return cid;
  }
}

/** Those of the leaves that are still there, up to the first that is not. */
export async function presentLeaves(leaves: readonly string[], store: BlockStore): Promise<readonly string[]> {
  for (const [index, cid] of leaves.entries()) if (!(await store.has(cid))) return leaves.slice(0, index);
  return leaves;
}
