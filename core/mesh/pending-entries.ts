/** Entries that came before what they refer to. Few are kept, and the oldest goes first: peers send them again. */
import type { EntryHash, ReadEntry } from "./entry.ts";

/** At most so many wait. */
export const MOST_PENDING = 256;

export class PendingEntries {
  readonly #waiting = new Map<EntryHash, ReadEntry>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Takes all out: whoever does so looks which can be used now, and puts back the others. */
  takeAll(): readonly ReadEntry[] {
    const all = Array.from(this.#waiting.values());
    this.#waiting.clear();
    return all;
  }

  add(read: ReadEntry): void {
    this.#waiting.set(read.hash, read);
    if (this.#waiting.size <= MOST_PENDING) return;
    for (const oldest of this.#waiting.keys()) {
      this.#waiting.delete(oldest);
      break;
    }
  }
}
