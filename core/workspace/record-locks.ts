/** POSIX record locks of all clients: who holds which bytes of which file. Never waits; a client asks again. */
import { ERRNO, FsError } from "./errno.ts";
import type { LockType, RecordLock } from "./protocol.ts";

/** A slot, and a process behind it. */
interface Holder {
  readonly slot: number;
  readonly owner: number;
}

interface Held extends Holder {
  readonly type: LockType;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly process: number;
}

const UNLOCKED = 2;
const WRITE = 1;
const endOf = (lock: RecordLock): number => (lock.length === 0 ? Infinity : lock.start + lock.length);
const isSame = (a: Holder, b: Holder): boolean => a.slot === b.slot && a.owner === b.owner;

export class RecordLocks {
  readonly #held = new Map<number, readonly Held[]>();

  /** Takes, changes or drops a lock. EAGAIN if another holder's stands in the way. */
  set(inode: number, holder: Holder, lock: RecordLock): void {
    const end = endOf(lock);
    if (lock.type !== UNLOCKED && this.#conflict(inode, holder, lock)) throw new FsError(ERRNO.EAGAIN);
    const next: Held[] = [];
    for (const held of this.#held.get(inode) ?? []) {
      if (!isSame(held, holder) || held.end <= lock.start || held.start >= end) {
        next.push(held);
        continue;
      }
      if (held.start < lock.start) next.push({ ...held, end: lock.start });
      if (held.end > end) next.push({ ...held, start: end });
    }
    if (lock.type !== UNLOCKED) {
      next.push({ ...holder, type: lock.type, start: lock.start, end, process: lock.process });
    }
    this.#keep(inode, next);
  }

  /** The lock that stands in the way of this one, or one of type 2. */
  get(inode: number, holder: Holder, lock: RecordLock): RecordLock {
    const held = this.#conflict(inode, holder, lock);
    if (!held) return { ...lock, type: UNLOCKED };
    const length = held.end === Infinity ? 0 : held.end - held.start;
    return { type: held.type, start: held.start, length, process: held.process };
  }

  /** Drops all that a slot holds, of one file or of all. */
  drop(slot: number, inode?: number): void {
    for (const key of inode === undefined ? [...this.#held.keys()] : [inode]) {
      const held = this.#held.get(key);
      if (held?.some((one) => one.slot === slot)) {
        this.#keep(
          key,
          held.filter((one) => one.slot !== slot),
        );
      }
    }
  }

  #conflict(inode: number, holder: Holder, lock: RecordLock): Held | undefined {
    const end = endOf(lock);
    return this.#held
      .get(inode)
      ?.find(
        (held) =>
          !isSame(held, holder) &&
          (lock.type === WRITE || held.type === WRITE) &&
          held.start < end &&
          lock.start < held.end,
      );
  }

  #keep(inode: number, held: readonly Held[]): void {
    if (held.length > 0) this.#held.set(inode, held);
    else this.#held.delete(inode);
  }
}
