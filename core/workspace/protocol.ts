/**
 * The shared memory between the file server and its clients. One SharedArrayBuffer for everybody who sees one
 * workspace: a header, and slots that clients claim. A client writes a request into its slot, rings the bell and
 * waits for the slot's state word; the server answers in place. Nobody needs a message to take part.
 *
 *   header   4096 bytes: Int32 words, see HEADER; slot owners from word OWNERS on
 *   slot     256 bytes of header (Int32 words 0-15, Float64 words from byte 64 on), then DATA_BYTES of data
 *
 * An owner is a number that a kernel's outside part gives its worker. When the worker is terminated, the outside
 * part calls `releaseOwner`: the server then closes its files, drops its locks and frees its slots.
 */
import { ERRNO, FsError } from "./errno.ts";

export const SLOT_COUNT = 16;
/** Most bytes one read or write moves; clients cut larger ones. */
export const CHUNK_BYTES = 1 << 20;
/** A chunk and some room for names. */
export const DATA_BYTES = CHUNK_BYTES + 4096;
const HEADER_BYTES = 4096;
const SLOT_HEADER_BYTES = 256;
const SLOT_BYTES = SLOT_HEADER_BYTES + DATA_BYTES;
/** "KWS" and the layout's version. */
const MAGIC = 0x4b575301;
const OWNERS = 64;

/** Int32 words of the header. */
export const HEADER = {
  magic: 0,
  /** Grows with every request; the server waits on it. */
  bell: 1,
  /** Grows when a name or a mode changes: what clients keep about names is valid while it stands still. */
  names: 2,
  /** Grows when a size or a time changes. */
  data: 3,
  /** See SERVER. */
  server: 4,
  /** See FLAGS. */
  flags: 5,
  /** Grows with every request served: tells a slow server from a dead one. */
  heartbeat: 6,
  /** Grows when an owner is released: the server then looks for slots to free. */
  released: 7,
} as const;

/** Values of HEADER.server. */
export const SERVER = { starting: 0, up: 1, closed: 2 } as const;

/** Bits of HEADER.flags. */
export const FLAGS = {
  /** Others than the server change this tree: clients keep nothing. */
  doNotCache: 1,
} as const;

/** Values of a slot's state word. */
export const SLOT_STATE = { idle: 0, request: 1, reply: 2 } as const;

/** Int32 words of a slot. Words from `argument` on belong to the operation. */
export const SLOT = {
  state: 0,
  operation: 1,
  errno: 2,
  /** Bytes in the slot's data. */
  length: 3,
  argument: 4,
  /** Generations this answer belongs to, and which of them this operation moved (1 names, 2 data). */
  names: 12,
  data: 13,
  moved: 14,
} as const;

export const OPERATION = {
  lookup: 2,
  resolve: 3,
  getattr: 4,
  setattr: 5,
  create: 6,
  unlink: 7,
  rename: 8,
  link: 9,
  readdir: 10,
  readlink: 11,
  read: 12,
  write: 13,
  open: 14,
  close: 15,
  sync: 16,
  statfs: 17,
  lock: 18,
  getlock: 19,
  release: 20,
} as const;

export const MODE = {
  format: 0o170000,
  directory: 0o040000,
  file: 0o100000,
  symlink: 0o120000,
  permissions: 0o7777,
} as const;

/** What is known about a file; times in milliseconds. */
export interface Stat {
  readonly inode: number;
  /** Type and permissions, as in POSIX. */
  readonly mode: number;
  readonly links: number;
  readonly size: number;
  readonly modified: number;
  readonly changed: number;
  /** Grows with every change of the content, where the store knows. */
  readonly version: number;
  readonly uid: number;
  readonly gid: number;
  /** The directory it was last seen in. */
  readonly parent: number;
}

/** One name in a directory, with all about its file: a listing answers the questions that follow it. */
export interface DirectoryEntry extends Stat {
  readonly name: string;
}

/** A POSIX record lock, or its absence ("unlocked"). `length` 0 is to the end of the file. */
export interface RecordLock {
  readonly type: LockType;
  readonly start: number;
  readonly length: number;
  readonly process: number;
}
/** As in 9P2000.L and fcntl: 0 read, 1 write, 2 unlocked. */
export type LockType = 0 | 1 | 2;

/** What setattr can change. */
export interface AttributeChange {
  readonly mode?: number | undefined;
  readonly size?: number | undefined;
  readonly modified?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface FileSystemUsage {
  readonly blockSize: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly files: number;
  /** False: `blocks` is a guess. */
  readonly limited: boolean;
}

/** The inode of the root. */
export const ROOT = 1;
export const isDirectory = (stat: { readonly mode: number }): boolean => (stat.mode & MODE.format) === MODE.directory;
export const isFile = (stat: { readonly mode: number }): boolean => (stat.mode & MODE.format) === MODE.file;
export const isSymlink = (stat: { readonly mode: number }): boolean => (stat.mode & MODE.format) === MODE.symlink;

/** Memory for one workspace; its pages cost nothing until a slot is used. */
export function createWorkspaceMemory(flags = 0): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(HEADER_BYTES + SLOT_COUNT * SLOT_BYTES);
  const header = headerOf(shared);
  header[HEADER.flags] = flags;
  header[HEADER.magic] = MAGIC;
  return shared;
}

/** The header's words. Throws if this is not a workspace's memory. */
export function headerOf(shared: SharedArrayBuffer): Int32Array<SharedArrayBuffer> {
  if (shared.byteLength !== HEADER_BYTES + SLOT_COUNT * SLOT_BYTES) throw new Error("Not a workspace's memory.");
  return new Int32Array(shared, 0, HEADER_BYTES / 4);
}

/** A slot's parts. */
export interface SlotView {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly numbers: Float64Array<SharedArrayBuffer>;
  readonly data: Uint8Array<SharedArrayBuffer>;
}

export function slotView(shared: SharedArrayBuffer, slot: number): SlotView {
  const at = HEADER_BYTES + slot * SLOT_BYTES;
  return {
    words: new Int32Array(shared, at, 16),
    numbers: new Float64Array(shared, at + 64, 16),
    data: new Uint8Array(shared, at + SLOT_HEADER_BYTES, DATA_BYTES),
  };
}

/** A number for a new kernel worker: pass it to the worker, and to `releaseOwner` when the worker has ended. */
export function newOwner(): number {
  return 1 + ((crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) >>> 2);
}

/** Takes a free slot for `owner`. Throws EAGAIN if all are taken. */
export function claimSlot(shared: SharedArrayBuffer, owner: number): number {
  const header = headerOf(shared);
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    if (Atomics.compareExchange(header, OWNERS + slot, 0, owner) === 0) return slot;
  }
  throw new FsError(ERRNO.EAGAIN, "all slots of the workspace are taken");
}

/**
 * Says that the worker with this number has ended: what it held is closed, unlocked and freed by the server.
 * Never blocks; any thread may call it. Call it after `terminate()`.
 */
export function releaseOwner(shared: SharedArrayBuffer, owner: number): void {
  const header = headerOf(shared);
  let found = false;
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    if (Atomics.compareExchange(header, OWNERS + slot, owner, -owner) === owner) found = true;
  }
  if (!found) return;
  Atomics.add(header, HEADER.released, 1);
  ring(header);
}

/** Who holds the slot: 0 nobody, negative an owner that was released. */
export const slotOwner = (header: Int32Array<SharedArrayBuffer>, slot: number): number =>
  Atomics.load(header, OWNERS + slot);

/** Gives a slot back. Only the server (for a released owner) and the owner itself may. */
export function freeSlot(shared: SharedArrayBuffer, slot: number): void {
  Atomics.store(slotView(shared, slot).words, SLOT.state, SLOT_STATE.idle);
  Atomics.store(headerOf(shared), OWNERS + slot, 0);
}

/** Wakes the server. */
export function ring(header: Int32Array<SharedArrayBuffer>): void {
  Atomics.add(header, HEADER.bell, 1);
  Atomics.notify(header, HEADER.bell);
}

/**
 * Says that the server has ended (it was terminated, or its tab is closing): every waiting client fails with EIO
 * at once, and later calls too.
 */
export function markServerClosed(shared: SharedArrayBuffer): void {
  const header = headerOf(shared);
  Atomics.store(header, HEADER.server, SERVER.closed);
  ring(header);
  for (let slot = 0; slot < SLOT_COUNT; slot++) Atomics.notify(slotView(shared, slot).words, SLOT.state);
}
