/**
 * Every operation of the file server as data: how its arguments are written into a slot and its answer is read
 * from it. The blocking and the asynchronous client share them. server.ts is the other side and must agree.
 */
import { ERRNO, FsError } from "./errno.ts";
import {
  type AttributeChange,
  type DirectoryEntry,
  type FileSystemUsage,
  type LockType,
  OPERATION,
  type RecordLock,
  SLOT,
  type SlotView,
  type Stat,
} from "./protocol.ts";

/** One operation: its number, its arguments, its answer. */
export interface Request<Answer> {
  readonly operation: number;
  /** For the error message. */
  readonly what: string;
  put(slot: SlotView): void;
  take(slot: SlotView): Answer;
}

/** Longest name, path or link in bytes. */
const MOST_TEXT = 65_536;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const A = SLOT.argument;

/** Writes text into the slot's data; returns its length in bytes. */
export function putText(slot: SlotView, text: string, at = 0): number {
  const bytes = encoder.encode(text);
  if (bytes.length > MOST_TEXT) throw new FsError(ERRNO.ENAMETOOLONG);
  slot.data.set(bytes, at);
  return bytes.length;
}

/** Reads text from the slot's data (copied: TextDecoder refuses shared memory). */
export function takeText(slot: SlotView, at: number, length: number): string {
  return decoder.decode(slot.data.slice(at, at + length));
}

/** The stat that an answer carries in its numbers. */
export function takeStat({ numbers }: SlotView): Stat {
  return {
    inode: numbers[0] ?? 0,
    mode: numbers[1] ?? 0,
    links: numbers[2] ?? 0,
    size: numbers[3] ?? 0,
    modified: numbers[4] ?? 0,
    changed: numbers[5] ?? 0,
    version: numbers[6] ?? 0,
    uid: numbers[7] ?? 0,
    gid: numbers[8] ?? 0,
    parent: numbers[9] ?? 0,
  };
}

/** The server's side of `takeStat`. */
export function putStat({ numbers }: SlotView, stat: Stat): void {
  numbers[0] = stat.inode;
  numbers[1] = stat.mode;
  numbers[2] = stat.links;
  numbers[3] = stat.size;
  numbers[4] = stat.modified;
  numbers[5] = stat.changed;
  numbers[6] = stat.version;
  numbers[7] = stat.uid;
  numbers[8] = stat.gid;
  numbers[9] = stat.parent;
}

const nothing = (): void => undefined;

const inodeAndName = (operation: number, inode: number, name: string, flag: number): Request<Stat> => ({
  operation,
  what: name,
  put(slot) {
    slot.numbers[0] = inode;
    slot.words[A] = putText(slot, name);
    slot.words[A + 1] = flag;
  },
  take: takeStat,
});

const inodeOnly = <Answer>(operation: number, inode: number, take: (slot: SlotView) => Answer): Request<Answer> => ({
  operation,
  what: "",
  put(slot) {
    slot.numbers[0] = inode;
  },
  take,
});

export const lookupRequest = (parent: number, name: string): Request<Stat> =>
  inodeAndName(OPERATION.lookup, parent, name, 0);

/** Walks a path from the root, through symbolic links; `follow` tells whether the last part is followed too. */
export const resolveRequest = (path: string, follow: boolean): Request<Stat> =>
  inodeAndName(OPERATION.resolve, 0, path, follow ? 1 : 0);

export const getattrRequest = (inode: number): Request<Stat> => inodeOnly(OPERATION.getattr, inode, takeStat);

/** Bits of the setattr request's mask. */
export const ATTRIBUTE = { mode: 1, uid: 2, gid: 4, size: 8, modified: 16 } as const;

export const setattrRequest = (inode: number, change: AttributeChange): Request<Stat> => ({
  operation: OPERATION.setattr,
  what: "",
  put({ words, numbers }) {
    numbers[0] = inode;
    numbers[1] = change.mode ?? 0;
    numbers[2] = change.uid ?? 0;
    numbers[3] = change.gid ?? 0;
    numbers[4] = change.size ?? 0;
    numbers[5] = change.modified ?? 0;
    words[A] =
      (change.mode === undefined ? 0 : ATTRIBUTE.mode) |
      (change.uid === undefined ? 0 : ATTRIBUTE.uid) |
      (change.gid === undefined ? 0 : ATTRIBUTE.gid) |
      (change.size === undefined ? 0 : ATTRIBUTE.size) |
      (change.modified === undefined ? 0 : ATTRIBUTE.modified);
  },
  take: takeStat,
});

/** How `create` treats what is there, and whether the new file is opened by the same request. */
export interface CreateOptions {
  /** EEXIST if the name is taken; otherwise an existing regular file is the answer. */
  readonly exclusive?: boolean;
  readonly open?: boolean;
  /** Of a symbolic link. */
  readonly target?: string;
}

export const createRequest = (
  parent: number,
  name: string,
  mode: number,
  { exclusive = false, open = false, target = "" }: CreateOptions = {},
): Request<Stat> => ({
  operation: OPERATION.create,
  what: name,
  put(slot) {
    slot.numbers[0] = parent;
    slot.numbers[1] = mode;
    const length = putText(slot, name);
    slot.words[A] = length;
    slot.words[A + 1] = putText(slot, target, length);
    slot.words[A + 2] = exclusive ? 1 : 0;
    slot.words[A + 3] = open ? 1 : 0;
  },
  take: takeStat,
});

export const unlinkRequest = (parent: number, name: string, directory: boolean): Request<void> => ({
  ...inodeAndName(OPERATION.unlink, parent, name, directory ? 1 : 0),
  take: nothing,
});

export const renameRequest = (from: number, name: string, to: number, newName: string): Request<void> => ({
  operation: OPERATION.rename,
  what: name,
  put(slot) {
    slot.numbers[0] = from;
    slot.numbers[1] = to;
    const length = putText(slot, name);
    slot.words[A] = length;
    slot.words[A + 1] = putText(slot, newName, length);
  },
  take: nothing,
});

export const linkRequest = (inode: number, parent: number, name: string): Request<void> => ({
  operation: OPERATION.link,
  what: name,
  put(slot) {
    slot.numbers[0] = inode;
    slot.numbers[1] = parent;
    slot.words[A] = putText(slot, name);
  },
  take: nothing,
});

/** Numbers of an entry: those of its stat. Then the name's length as Uint16, and the name. */
const STAT_NUMBERS = 10;
export const ENTRY_HEADER = STAT_NUMBERS * 8 + 2;

/** Writes an entry at `at`; answers where the next one goes, or undefined if it does not fit. */
export function putEntry(bytes: Uint8Array, view: DataView, at: number, entry: DirectoryEntry): number | undefined {
  const name = encoder.encode(entry.name);
  const end = at + ENTRY_HEADER + name.length;
  if (end > bytes.length) return undefined;
  view.setFloat64(at, entry.inode, true);
  view.setFloat64(at + 8, entry.mode, true);
  view.setFloat64(at + 16, entry.links, true);
  view.setFloat64(at + 24, entry.size, true);
  view.setFloat64(at + 32, entry.modified, true);
  view.setFloat64(at + 40, entry.changed, true);
  view.setFloat64(at + 48, entry.version, true);
  view.setFloat64(at + 56, entry.uid, true);
  view.setFloat64(at + 64, entry.gid, true);
  view.setFloat64(at + 72, entry.parent, true);
  view.setUint16(at + 80, name.length, true);
  bytes.set(name, at + ENTRY_HEADER);
  return end;
}

/** A part of a listing; the server remembers the rest for the next request with `more`. */
export const readdirRequest = (
  inode: number,
  more: boolean,
): Request<{ readonly entries: readonly DirectoryEntry[]; readonly done: boolean }> => ({
  operation: OPERATION.readdir,
  what: "",
  put({ words, numbers }) {
    numbers[0] = inode;
    words[A] = more ? 1 : 0;
  },
  take(slot) {
    const bytes = slot.data.slice(0, slot.words[SLOT.length]);
    const view = new DataView(bytes.buffer);
    const entries: DirectoryEntry[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = view.getUint16(at + 80, true);
      entries.push({
        inode: view.getFloat64(at, true),
        mode: view.getFloat64(at + 8, true),
        links: view.getFloat64(at + 16, true),
        size: view.getFloat64(at + 24, true),
        modified: view.getFloat64(at + 32, true),
        changed: view.getFloat64(at + 40, true),
        version: view.getFloat64(at + 48, true),
        uid: view.getFloat64(at + 56, true),
        gid: view.getFloat64(at + 64, true),
        parent: view.getFloat64(at + 72, true),
        name: decoder.decode(bytes.subarray(at + ENTRY_HEADER, at + ENTRY_HEADER + length)),
      });
      at += ENTRY_HEADER + length;
    }
    return { entries, done: slot.words[A] === 1 };
  },
});

export const readlinkRequest = (inode: number): Request<string> =>
  inodeOnly(OPERATION.readlink, inode, (slot) => takeText(slot, 0, slot.words[SLOT.length] ?? 0));

/** At most CHUNK_BYTES, written to `into` from `at` on. Answers how many there were. */
export const readRequest = (
  inode: number,
  offset: number,
  into: Uint8Array,
  at: number,
  length: number,
): Request<number> => ({
  operation: OPERATION.read,
  what: "",
  put({ words, numbers }) {
    numbers[0] = inode;
    numbers[1] = offset;
    words[A] = length;
  },
  take(slot) {
    const got = slot.words[SLOT.length] ?? 0;
    into.set(slot.data.subarray(0, got), at);
    return got;
  },
});

/** At most CHUNK_BYTES. Answers the file's new stat. */
export const writeRequest = (inode: number, offset: number, bytes: Uint8Array): Request<Stat> => ({
  operation: OPERATION.write,
  what: "",
  put(slot) {
    slot.numbers[0] = inode;
    slot.numbers[1] = offset;
    slot.data.set(bytes);
    slot.words[A] = bytes.length;
  },
  take: takeStat,
});

export const openRequest = (inode: number): Request<void> => inodeOnly(OPERATION.open, inode, nothing);

/** Closes each of these once. */
export const closeRequest = (inodes: readonly number[]): Request<void> => ({
  operation: OPERATION.close,
  what: "",
  put(slot) {
    const list = new Float64Array(inodes);
    slot.data.set(new Uint8Array(list.buffer));
    slot.words[A] = list.length;
  },
  take: nothing,
});

/** All that was written, to this inode or (0) to any, is on disk when it answers. */
export const syncRequest = (inode: number): Request<void> => inodeOnly(OPERATION.sync, inode, nothing);

export const statfsRequest = (): Request<FileSystemUsage> =>
  inodeOnly(OPERATION.statfs, 0, ({ numbers }) => ({
    blockSize: numbers[0] ?? 0,
    blocks: numbers[1] ?? 0,
    freeBlocks: numbers[2] ?? 0,
    files: numbers[3] ?? 0,
    limited: numbers[4] === 1,
  }));

/** Locks are POSIX record locks; `owner` tells the processes behind one client apart. */
const lockArguments = (inode: number, lock: RecordLock, owner: number) => (slot: SlotView) => {
  const { words, numbers } = slot;
  numbers[0] = inode;
  numbers[1] = lock.start;
  numbers[2] = lock.length;
  numbers[3] = owner;
  numbers[4] = lock.process;
  words[A] = lock.type;
};

/** EAGAIN if somebody else holds a conflicting lock; never waits. */
export const lockRequest = (inode: number, lock: RecordLock, owner: number): Request<void> => ({
  operation: OPERATION.lock,
  what: "",
  put: lockArguments(inode, lock, owner),
  take: nothing,
});

/** The lock that stands in the way of this one; type 2 if none. */
export const getlockRequest = (inode: number, lock: RecordLock, owner: number): Request<RecordLock> => ({
  operation: OPERATION.getlock,
  what: "",
  put: lockArguments(inode, lock, owner),
  take: ({ words, numbers }) => ({
    type: (words[A] ?? 2) as LockType,
    start: numbers[1] ?? 0,
    length: numbers[2] ?? 0,
    process: numbers[4] ?? 0,
  }),
});

/** Closes and unlocks all that this slot holds. */
export const releaseRequest = (): Request<void> => inodeOnly(OPERATION.release, 0, nothing);
