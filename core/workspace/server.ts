/**
 * The file server: answers the slots of one workspace's memory from a FileTree, in one worker or thread. Busy, it
 * blocks in Atomics.wait (the cheapest wake-up); idle, it parks on Atomics.waitAsync, so that messages come through.
 * In Node something else must keep the thread's event loop alive.
 */
import { ERRNO, FsError } from "./errno.ts";
import { type FileTree, resolvePath } from "./file-tree.ts";
import {
  DATA_BYTES,
  type DirectoryEntry,
  freeSlot,
  HEADER,
  headerOf,
  isFile,
  type LockType,
  markServerClosed,
  OPERATION,
  type RecordLock,
  SERVER,
  SLOT,
  SLOT_COUNT,
  SLOT_STATE,
  slotOwner,
  type SlotView,
  slotView,
} from "./protocol.ts";
import { RecordLocks } from "./record-locks.ts";
import { ATTRIBUTE, putEntry, putStat, putText, takeText } from "./requests.ts";

export interface ServeOptions {
  /** Told which paths changed, by anybody, at most every 50 ms; "" when there were too many to say. */
  readonly changed?: (paths: readonly string[]) => void;
  /** Told when the storage gets into trouble, and (undefined) out of it. */
  readonly trouble?: (message: string | undefined) => void;
  /** Told of failures that are our own mistakes; the client gets EIO. */
  readonly failed?: (error: unknown) => void;
  /** Ends the server: the tree is written to disk and closed, clients get EIO. */
  readonly signal: AbortSignal;
}

interface Session extends SlotView {
  readonly slot: number;
  /** How often it has each inode open. */
  readonly opens: Map<number, number>;
  /** The rest of a listing that did not fit. */
  listing: readonly DirectoryEntry[];
  /** When a released slot may be claimed again: its worker may still twitch for a moment. */
  freeAt: number;
}

/** Milliseconds. */
const COMMIT_EVERY = 5;
const SYNC_EVERY = 1000;
const CHANGES_EVERY = 50;
const PARK_AFTER = 30;
const YIELD_EVERY = 200;
const GRACE = 500;
const MOST_CHANGES = 2000;
const A = SLOT.argument;

/** Serves until the signal; resolves when the tree is closed. */
export async function serve(shared: SharedArrayBuffer, tree: FileTree, options: ServeOptions): Promise<void> {
  const server = new Server(shared, tree, options);
  const header = headerOf(shared);
  const wake = () => {
    Atomics.add(header, HEADER.bell, 1);
    Atomics.notify(header, HEADER.bell);
  };
  options.signal.addEventListener("abort", wake, { once: true });
  try {
    await server.run();
  } finally {
    options.signal.removeEventListener("abort", wake);
    markServerClosed(shared);
    tree.end();
  }
}

class Server {
  readonly #shared: SharedArrayBuffer;
  readonly #header: Int32Array<SharedArrayBuffer>;
  readonly #tree: FileTree;
  readonly #options: ServeOptions;
  readonly #sessions: readonly Session[];
  readonly #locks = new RecordLocks();
  readonly #scratch = new Uint8Array(DATA_BYTES);
  readonly #changes = new Set<string>();
  #served = 0;
  #releases = 0;
  #committed = 0;
  #synced = 0;
  #told = 0;
  #names: number;
  #data: number;
  #trouble: string | undefined;

  constructor(shared: SharedArrayBuffer, tree: FileTree, options: ServeOptions) {
    this.#shared = shared;
    this.#header = headerOf(shared);
    this.#tree = tree;
    this.#options = options;
    this.#names = tree.names;
    this.#data = tree.data;
    this.#sessions = Array.from({ length: SLOT_COUNT }, (_, slot) => ({
      ...slotView(shared, slot),
      slot,
      opens: new Map<number, number>(),
      listing: [],
      freeAt: 0,
    }));
  }

  async run(): Promise<void> {
    const header = this.#header;
    Atomics.store(header, HEADER.server, SERVER.up);
    let lastRequest = performance.now();
    let lastYield = lastRequest;
    while (!this.#options.signal.aborted) {
      const bell = Atomics.load(header, HEADER.bell);
      if (this.#answerAll()) {
        // Looking at the clock costs as much as a lookup: not after every answer.
        if ((this.#served & 15) !== 0) continue;
        lastRequest = performance.now();
        this.#upkeep(lastRequest, false);
        if (lastRequest - lastYield < YIELD_EVERY) continue;
        await new Promise((resolve) => setTimeout(resolve, 0));
        lastYield = performance.now();
        continue;
      }
      if (Atomics.wait(header, HEADER.bell, bell, 1) !== "timed-out") {
        lastRequest = performance.now();
        if (lastRequest - lastYield < YIELD_EVERY) continue;
      }
      const now = performance.now();
      const due = this.#upkeep(now, true);
      if (now - lastRequest < PARK_AFTER && now - lastYield < YIELD_EVERY) {
        Atomics.wait(header, HEADER.bell, bell, Math.min(5, due));
        continue;
      }
      const parked = Atomics.waitAsync(header, HEADER.bell, bell, due);
      if (parked.async) await parked.value;
      else await new Promise((resolve) => setTimeout(resolve, 0));
      lastRequest = lastYield = performance.now();
    }
    this.#tellChanges();
  }

  /** Answers every request there is; false if there was none. */
  #answerAll(): boolean {
    const released = Atomics.load(this.#header, HEADER.released);
    if (released !== this.#releases) {
      this.#releases = released;
      this.#releaseOwners();
    }
    let found = false;
    for (const session of this.#sessions) {
      const { words } = session;
      if (Atomics.load(words, SLOT.state) !== SLOT_STATE.request || session.freeAt > 0) continue;
      found = true;
      this.#served += 1;
      words[SLOT.errno] = this.#answer(session);
      const { names, data } = this.#tree;
      let moved = 0;
      if (names !== this.#names) {
        this.#names = names;
        Atomics.add(this.#header, HEADER.names, 1);
        moved |= 1;
      }
      if (data !== this.#data) {
        this.#data = data;
        Atomics.add(this.#header, HEADER.data, 1);
        moved |= 2;
      }
      words[SLOT.names] = Atomics.load(this.#header, HEADER.names);
      words[SLOT.data] = Atomics.load(this.#header, HEADER.data);
      words[SLOT.moved] = moved;
      Atomics.add(this.#header, HEADER.heartbeat, 1);
      Atomics.store(words, SLOT.state, SLOT_STATE.reply);
      Atomics.notify(words, SLOT.state);
    }
    return found;
  }

  #answer(session: Session): number {
    try {
      this.#perform(session, session.words[SLOT.operation] ?? 0);
      return 0;
    } catch (error) {
      if (error instanceof FsError) return error.errno;
      this.#options.failed?.(error);
      return ERRNO.EIO;
    }
  }

  #perform(session: Session, operation: number): void {
    const { words, numbers } = session;
    const tree = this.#tree;
    const inode = numbers[0] ?? 0;
    const first = words[A] ?? 0;
    switch (operation) {
      case OPERATION.lookup:
        return putStat(session, tree.lookup(inode, takeText(session, 0, first)));
      case OPERATION.resolve:
        return putStat(session, resolvePath(tree, takeText(session, 0, first), words[A + 1] === 1));
      case OPERATION.getattr:
        return putStat(session, tree.getattr(inode));
      case OPERATION.setattr:
        return putStat(
          session,
          tree.setattr(inode, {
            mode: first & ATTRIBUTE.mode ? numbers[1] : undefined,
            uid: first & ATTRIBUTE.uid ? numbers[2] : undefined,
            gid: first & ATTRIBUTE.gid ? numbers[3] : undefined,
            size: first & ATTRIBUTE.size ? numbers[4] : undefined,
            modified: first & ATTRIBUTE.modified ? numbers[5] : undefined,
          }),
        );
      case OPERATION.create: {
        const target = takeText(session, first, words[A + 1] ?? 0);
        const open = words[A + 3] === 1;
        const name = takeText(session, 0, first);
        const stat = tree.create(inode, name, numbers[1] ?? 0, target, words[A + 2] === 1);
        if (open && isFile(stat)) this.#open(session, stat.inode);
        return putStat(session, stat);
      }
      case OPERATION.unlink:
        return tree.unlink(inode, takeText(session, 0, first), words[A + 1] === 1);
      case OPERATION.rename: {
        const newName = takeText(session, first, words[A + 1] ?? 0);
        return tree.rename(inode, takeText(session, 0, first), numbers[1] ?? 0, newName);
      }
      case OPERATION.link:
        return tree.link(inode, numbers[1] ?? 0, takeText(session, 0, first));
      case OPERATION.readdir:
        return this.#list(session, inode, first === 1);
      case OPERATION.readlink:
        words[SLOT.length] = putText(session, tree.readlink(inode));
        return;
      case OPERATION.read:
        words[SLOT.length] = tree.read(inode, numbers[1] ?? 0, session.data.subarray(0, first));
        return;
      case OPERATION.write:
        return putStat(session, tree.write(inode, numbers[1] ?? 0, session.data.subarray(0, first)));
      case OPERATION.open:
        return this.#open(session, inode);
      case OPERATION.close:
        for (const one of new Float64Array(session.data.slice(0, first * 8).buffer)) this.#close(session, one);
        return;
      case OPERATION.sync:
        return tree.sync(inode);
      case OPERATION.statfs: {
        const usage = tree.statfs();
        numbers[0] = usage.blockSize;
        numbers[1] = usage.blocks;
        numbers[2] = usage.freeBlocks;
        numbers[3] = usage.files;
        numbers[4] = usage.limited ? 1 : 0;
        return;
      }
      case OPERATION.lock:
        return this.#locks.set(inode, { slot: session.slot, owner: numbers[3] ?? 0 }, lockOf(session));
      case OPERATION.getlock: {
        const held = this.#locks.get(inode, { slot: session.slot, owner: numbers[3] ?? 0 }, lockOf(session));
        words[A] = held.type;
        numbers[1] = held.start;
        numbers[2] = held.length;
        numbers[4] = held.process;
        return;
      }
      case OPERATION.release:
        return this.#release(session);
      default:
        throw new FsError(ERRNO.ENOSYS);
    }
  }

  #list(session: Session, inode: number, more: boolean): void {
    const entries = more ? session.listing : this.#tree.list(inode);
    const scratch = this.#scratch;
    const view = new DataView(scratch.buffer);
    let at = 0;
    let count = 0;
    for (const entry of entries) {
      const next = putEntry(scratch, view, at, entry);
      if (next === undefined) break;
      at = next;
      count += 1;
    }
    session.data.set(scratch.subarray(0, at));
    session.words[SLOT.length] = at;
    session.words[A] = count === entries.length ? 1 : 0;
    session.listing = count === entries.length ? [] : entries.slice(count);
  }

  #open(session: Session, inode: number): void {
    this.#tree.open(inode);
    session.opens.set(inode, (session.opens.get(inode) ?? 0) + 1);
  }

  #close(session: Session, inode: number): void {
    const count = session.opens.get(inode) ?? 0;
    if (count === 0) return;
    if (count > 1) session.opens.set(inode, count - 1);
    else {
      session.opens.delete(inode);
      this.#locks.drop(session.slot, inode);
    }
    this.#tree.close(inode);
  }

  #release(session: Session): void {
    for (const [inode, count] of session.opens) for (let i = 0; i < count; i++) this.#tree.close(inode);
    session.opens.clear();
    session.listing = [];
    this.#locks.drop(session.slot);
  }

  #releaseOwners(): void {
    for (const session of this.#sessions) {
      if (slotOwner(this.#header, session.slot) >= 0 || session.freeAt > 0) continue;
      this.#release(session);
      session.freeAt = performance.now() + GRACE;
    }
  }

  /** What is due gets done; answers in how many milliseconds something will be. */
  #upkeep(now: number, idle: boolean): number {
    const tree = this.#tree;
    let due = 60_000;
    if (tree.uncommitted) {
      if (idle || now - this.#committed > COMMIT_EVERY) {
        this.#quietly(() => tree.commit());
        this.#committed = now;
      } else due = COMMIT_EVERY;
    }
    if (tree.unsynced) {
      if (now - this.#synced > SYNC_EVERY) {
        this.#quietly(() => tree.sync(0));
        this.#synced = performance.now();
      } else due = Math.min(due, SYNC_EVERY - (now - this.#synced) + 1);
    }
    if (tree.uncommitted) due = Math.min(due, SYNC_EVERY);
    for (const path of tree.takeChanges()) this.#changes.add(path);
    if (this.#changes.size > 0) {
      if (now - this.#told >= CHANGES_EVERY) {
        this.#tellChanges();
        this.#told = now;
      } else due = Math.min(due, CHANGES_EVERY - (now - this.#told) + 1);
    }
    for (const session of this.#sessions) {
      if (session.freeAt === 0) continue;
      if (now >= session.freeAt) {
        session.freeAt = 0;
        freeSlot(this.#shared, session.slot);
      } else due = Math.min(due, session.freeAt - now + 1);
    }
    if (tree.trouble !== this.#trouble) {
      this.#trouble = tree.trouble;
      this.#options.trouble?.(this.#trouble);
    }
    return due;
  }

  #tellChanges(): void {
    for (const path of this.#tree.takeChanges()) this.#changes.add(path);
    if (this.#changes.size === 0) return;
    this.#options.changed?.(this.#changes.size > MOST_CHANGES ? [""] : [...this.#changes]);
    this.#changes.clear();
  }

  #quietly(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof FsError)) this.#options.failed?.(error);
    }
  }
}

const lockOf = ({ words, numbers }: Session): RecordLock => ({
  type: (words[A] ?? 2) as LockType,
  start: numbers[1] ?? 0,
  length: numbers[2] ?? 0,
  process: numbers[4] ?? 0,
});
