/**
 * The workspace for those who may block: kernel workers and Node threads. Every call is one round trip over shared
 * memory (16 to 50 microseconds) or none, when the cache knows. Files are named by inode; the path methods at the
 * end stand on those. Failures are FsErrors. A server that is gone makes calls fail with EIO, never hang.
 */
import { NameCache } from "./cache.ts";
import { ERRNO, FsError } from "./errno.ts";
import {
  type AttributeChange,
  CHUNK_BYTES,
  claimSlot,
  type DirectoryEntry,
  type FileSystemUsage,
  FLAGS,
  freeSlot,
  HEADER,
  headerOf,
  isDirectory,
  isFile,
  isSymlink,
  MODE,
  newOwner,
  type RecordLock,
  ring,
  ROOT,
  SERVER,
  SLOT,
  SLOT_STATE,
  type SlotView,
  slotView,
  type Stat,
} from "./protocol.ts";
import * as requests from "./requests.ts";
import type { CreateOptions, Request } from "./requests.ts";

export interface SyncFsOptions {
  /** The number this worker was given by its outside part, for `releaseOwner`; a fresh one otherwise. */
  readonly owner?: number;
  /** How long a silent server is waited for, in milliseconds. */
  readonly timeout?: number;
}

const SPINS = 200;
const SLICE = 500;
const DEFAULT_TIMEOUT = 30_000;
/** Closing is put off for so many files: one that is opened again soon costs nothing. */
const MOST_LAZY_CLOSES = 32;
const FILE_MODE = MODE.file | 0o644;
const DIRECTORY_MODE = MODE.directory | 0o755;

export class SyncFs {
  readonly #shared: SharedArrayBuffer;
  readonly #header: Int32Array<SharedArrayBuffer>;
  readonly #index: number;
  readonly #slot: SlotView;
  readonly #timeout: number;
  readonly #cache: NameCache;
  readonly #lazy = new Map<number, number>();
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  #lazyCount = 0;
  #closed = false;
  /** Requests sent so far, for those who measure. */
  calls = 0;

  /** Claims a slot of the workspace. Does not wait for the server: the first call does. */
  constructor(shared: SharedArrayBuffer, options: SyncFsOptions = {}) {
    this.#shared = shared;
    this.#header = headerOf(shared);
    this.#index = claimSlot(shared, options.owner ?? newOwner());
    this.#slot = slotView(shared, this.#index);
    this.#timeout = options.timeout ?? DEFAULT_TIMEOUT;
    const cached = ((this.#header[HEADER.flags] ?? 0) & FLAGS.doNotCache) === 0;
    this.#cache = new NameCache(this.#header, this.#slot.words, cached);
  }

  // ---- by inode

  /** The file of this name, or undefined. */
  lookup(parent: number, name: string): Stat | undefined {
    const cache = this.#cache;
    cache.revalidate();
    let known = cache.name(parent, name);
    if (known === "list") {
      const entries = this.#listing(parent);
      if (cache.settle()) cache.keepListing(parent, entries);
      known = cache.name(parent, name);
    }
    if (known === "absent") return undefined;
    if (typeof known === "number") {
      const stat = this.#statIfThere(known);
      if (stat) return stat;
    }
    const stat = this.#ifThere(requests.lookupRequest(parent, name));
    if (cache.settle()) {
      cache.keepName(parent, name, stat?.inode);
      if (stat) cache.keep(stat);
    }
    return stat;
  }

  getattr(inode: number): Stat {
    this.#cache.revalidate();
    const known = this.#cache.stat(inode);
    if (known) return known;
    const stat = this.#call(requests.getattrRequest(inode));
    if (this.#cache.settle()) this.#cache.keep(stat);
    return stat;
  }

  setattr(inode: number, change: AttributeChange): Stat {
    this.#cache.revalidate();
    const stat = this.#call(requests.setattrRequest(inode, change));
    if (this.#cache.settle()) this.#cache.keep(stat);
    return stat;
  }

  /** Makes a file, directory or symbolic link, by the type in `mode`. See CreateOptions. */
  create(parent: number, name: string, mode: number, options: CreateOptions = {}): Stat {
    const cache = this.#cache;
    cache.revalidate();
    const stat = this.#call(requests.createRequest(parent, name, mode, options));
    if (cache.settle()) {
      cache.keepName(parent, name, stat.inode);
      cache.keep(stat);
      if (cache.movedNames) cache.touch(parent, stat.changed);
      if (isDirectory(stat)) cache.keepListing(stat.inode, []);
    }
    return stat;
  }

  /** Removes a file, or (`directory`) an empty directory. */
  unlink(parent: number, name: string, directory = false): void {
    const cache = this.#cache;
    cache.revalidate();
    const known = cache.name(parent, name);
    if (typeof known === "number" && this.#lazy.has(known)) this.#closeLazy();
    this.#call(requests.unlinkRequest(parent, name, directory));
    if (!cache.settle()) return;
    cache.keepName(parent, name, undefined);
    cache.forgetStat(parent);
    if (typeof known !== "number") return;
    cache.forgetStat(known);
    cache.forgetDirectory(known);
  }

  rename(from: number, name: string, to: number, newName: string): void {
    const cache = this.#cache;
    cache.revalidate();
    const moved = cache.name(from, name);
    const replaced = cache.name(to, newName);
    this.#call(requests.renameRequest(from, name, to, newName));
    if (!cache.settle() || (from === to && name === newName)) return;
    if (typeof moved !== "number" || moved === replaced) {
      // A rename onto another link of the same file does nothing: then both names stay.
      cache.forgetName(from, name);
      cache.forgetName(to, newName);
    } else {
      cache.keepName(from, name, undefined);
      cache.keepName(to, newName, moved);
      cache.forgetStat(moved);
    }
    if (typeof replaced === "number") {
      cache.forgetStat(replaced);
      cache.forgetDirectory(replaced);
    }
    cache.forgetStat(from);
    cache.forgetStat(to);
  }

  /** Gives a file another name. */
  link(inode: number, parent: number, name: string): void {
    const cache = this.#cache;
    cache.revalidate();
    this.#call(requests.linkRequest(inode, parent, name));
    if (!cache.settle()) return;
    cache.keepName(parent, name, inode);
    cache.forgetStat(inode);
    cache.forgetStat(parent);
  }

  /** All names in a directory, without "." and "..". */
  readdir(inode: number): readonly DirectoryEntry[] {
    this.#cache.revalidate();
    const entries = this.#listing(inode);
    if (this.#cache.settle()) this.#cache.keepListing(inode, entries);
    return entries;
  }

  readlink(inode: number): string {
    return this.#ask(requests.readlinkRequest(inode));
  }

  /** Reads up to `length` bytes into `into` from `at` on; answers how many there were. */
  read(inode: number, offset: number, into: Uint8Array, at = 0, length = into.length - at): number {
    this.#cache.revalidate();
    const known = this.#cache.stat(inode);
    if (known && offset >= known.size) return 0;
    let got = 0;
    while (got < length) {
      const wanted = Math.min(CHUNK_BYTES, length - got);
      const count = this.#call(requests.readRequest(inode, offset + got, into, at + got, wanted));
      got += count;
      if (count < wanted) break;
    }
    return got;
  }

  /** Writes all of `bytes`. On a full disk throws ENOSPC; what came before it is written. */
  write(inode: number, offset: number, bytes: Uint8Array): number {
    for (let put = 0; put < bytes.length; put += CHUNK_BYTES) {
      this.#cache.revalidate();
      const part = bytes.subarray(put, put + CHUNK_BYTES);
      const stat = this.#call(requests.writeRequest(inode, offset + put, part));
      if (this.#cache.settle()) this.#cache.keep(stat);
    }
    return bytes.length;
  }

  /** Keeps a file readable while it is open, even if it is removed. Each `open` needs a `close`. */
  open(inode: number): void {
    const waiting = this.#lazy.get(inode);
    if (waiting === undefined) {
      this.#ask(requests.openRequest(inode));
      return;
    }
    if (waiting > 1) this.#lazy.set(inode, waiting - 1);
    else this.#lazy.delete(inode);
    this.#lazyCount -= 1;
  }

  close(inode: number): void {
    this.#lazy.set(inode, (this.#lazy.get(inode) ?? 0) + 1);
    this.#lazyCount += 1;
    if (!this.#cache.enabled || this.#lazyCount >= MOST_LAZY_CLOSES) this.#closeLazy();
  }

  /** All that was written to this inode (or to any) is on disk when it returns. */
  sync(inode = 0): void {
    this.#ask(requests.syncRequest(inode));
  }

  statfs(): FileSystemUsage {
    return this.#ask(requests.statfsRequest());
  }

  /** Takes or drops a record lock; false if somebody else's stands in the way. `owner` tells processes apart. */
  lock(inode: number, lock: RecordLock, owner = 0): boolean {
    try {
      this.#ask(requests.lockRequest(inode, lock, owner));
      return true;
    } catch (error) {
      if (error instanceof FsError && error.errno === ERRNO.EAGAIN) return false;
      throw error;
    }
  }

  /** The lock that stands in the way of this one; type 2 if none. */
  getlock(inode: number, lock: RecordLock, owner = 0): RecordLock {
    return this.#ask(requests.getlockRequest(inode, lock, owner));
  }

  // ---- by path: relative to the root, a leading "/" is allowed, symbolic links are followed

  /** The file at a path, or undefined. */
  resolve(path: string, follow = true): Stat | undefined {
    if (!this.#cache.enabled) return this.#ifThere(requests.resolveRequest(path, follow));
    let stat = this.getattr(ROOT);
    for (const name of parts(path)) {
      if (!isDirectory(stat) || name === "..") return this.#ifThere(requests.resolveRequest(path, follow));
      const next = this.lookup(stat.inode, name);
      if (!next) return undefined;
      stat = next;
    }
    return isSymlink(stat) && follow ? this.#ifThere(requests.resolveRequest(path, true)) : stat;
  }

  exists(path: string): boolean {
    return this.resolve(path) !== undefined;
  }

  /** The names in a directory. */
  list(path: string): readonly DirectoryEntry[] {
    return this.readdir(this.#at(path).inode);
  }

  readFile(path: string): Uint8Array<ArrayBuffer> {
    const stat = this.#at(path);
    if (isDirectory(stat)) throw new FsError(ERRNO.EISDIR, path);
    const bytes = new Uint8Array(stat.size);
    const got = this.read(stat.inode, 0, bytes);
    return got === bytes.length ? bytes : bytes.slice(0, got);
  }

  readText(path: string): string {
    return this.#decoder.decode(this.readFile(path));
  }

  /** Replaces a file's content; makes missing parent directories. Answers its inode. */
  writeFile(path: string, content: Uint8Array | string, mode = FILE_MODE): number {
    const there = this.resolve(path);
    if (there && isDirectory(there)) throw new FsError(ERRNO.EISDIR, path);
    let stat = there;
    if (!stat) {
      const [directory, name] = splitPath(path);
      stat = this.create(this.makeDirectories(directory), name, mode);
      if (isSymlink(stat)) throw new FsError(ERRNO.ENOENT, path);
    }
    if (stat.size > 0) this.setattr(stat.inode, { size: 0 });
    this.write(stat.inode, 0, typeof content === "string" ? this.#encoder.encode(content) : content);
    return stat.inode;
  }

  appendFile(path: string, content: Uint8Array | string): void {
    const stat = this.resolve(path);
    if (!stat) {
      this.writeFile(path, content);
      return;
    }
    if (!isFile(stat)) throw new FsError(ERRNO.EISDIR, path);
    this.write(stat.inode, stat.size, typeof content === "string" ? this.#encoder.encode(content) : content);
  }

  /** Makes a directory and its missing parents; one that is there is fine. Answers its inode. */
  makeDirectories(path: string): number {
    const there = this.resolve(path);
    if (there) {
      if (!isDirectory(there)) throw new FsError(ERRNO.ENOTDIR, path);
      return there.inode;
    }
    const [directory, name] = splitPath(path);
    const parent = this.makeDirectories(directory);
    try {
      return this.create(parent, name, DIRECTORY_MODE, { exclusive: true }).inode;
    } catch (error) {
      // Somebody else made it just now.
      const now = error instanceof FsError && error.errno === ERRNO.EEXIST ? this.lookup(parent, name) : undefined;
      if (!now || !isDirectory(now)) throw error;
      return now.inode;
    }
  }

  /** Renames; a file there is replaced. Parent directories must exist. */
  move(from: string, to: string): void {
    const [fromDirectory, name] = splitPath(from);
    const [toDirectory, newName] = splitPath(to);
    this.rename(this.#at(fromDirectory).inode, name, this.#at(toDirectory).inode, newName);
  }

  /** Removes a file, a link, or a directory with all in it. */
  remove(path: string): void {
    const [directory, name] = splitPath(path);
    const parent = this.#at(directory).inode;
    const stat = this.lookup(parent, name);
    if (!stat) throw new FsError(ERRNO.ENOENT, path);
    this.#removeEntry(parent, name, stat);
  }

  /** Closes and unlocks everything and gives the slot back. Idempotent. */
  release(): void {
    if (this.#closed) return;
    try {
      this.#ask(requests.releaseRequest());
    } finally {
      this.#closed = true;
      freeSlot(this.#shared, this.#index);
    }
  }

  // ---- inside

  #removeEntry(parent: number, name: string, stat: { readonly inode: number; readonly mode: number }): void {
    if (isDirectory(stat)) {
      for (const entry of this.readdir(stat.inode)) this.#removeEntry(stat.inode, entry.name, entry);
    }
    this.unlink(parent, name, isDirectory(stat));
  }

  #at(path: string): Stat {
    const stat = this.resolve(path);
    if (!stat) throw new FsError(ERRNO.ENOENT, path);
    return stat;
  }

  #statIfThere(inode: number): Stat | undefined {
    try {
      return this.getattr(inode);
    } catch (error) {
      if (error instanceof FsError && error.errno === ERRNO.ESTALE) return undefined;
      throw error;
    }
  }

  #listing(inode: number): readonly DirectoryEntry[] {
    let part = this.#call(requests.readdirRequest(inode, false));
    if (part.done) return part.entries;
    const entries = [...part.entries];
    while (!part.done) {
      part = this.#call(requests.readdirRequest(inode, true));
      for (const entry of part.entries) entries.push(entry);
    }
    return entries;
  }

  #closeLazy(): void {
    if (this.#lazyCount === 0) return;
    const inodes: number[] = [];
    for (const [inode, count] of this.#lazy) for (let i = 0; i < count; i++) inodes.push(inode);
    this.#lazy.clear();
    this.#lazyCount = 0;
    this.#ask(requests.closeRequest(inodes));
  }

  /** A request that tells the cache nothing: what others changed meanwhile is noticed before the next question. */
  #ask<Answer>(request: Request<Answer>): Answer {
    return this.#call(request);
  }

  #ifThere(request: Request<Stat>): Stat | undefined {
    try {
      return this.#call(request);
    } catch (error) {
      if (error instanceof FsError && error.errno === ERRNO.ENOENT) return undefined;
      throw error;
    }
  }

  #call<Answer>(request: Request<Answer>): Answer {
    if (this.#closed) throw new FsError(ERRNO.EBADF, request.what);
    const { words } = this.#slot;
    // An answer that came after we gave up on it, or is still to come.
    if (Atomics.load(words, SLOT.state) === SLOT_STATE.request) this.#wait(request.what);
    request.put(this.#slot);
    this.calls += 1;
    words[SLOT.operation] = request.operation;
    words[SLOT.errno] = 0;
    Atomics.store(words, SLOT.state, SLOT_STATE.request);
    ring(this.#header);
    this.#wait(request.what);
    Atomics.store(words, SLOT.state, SLOT_STATE.idle);
    const errno = words[SLOT.errno] ?? 0;
    if (errno !== 0) throw new FsError(errno, request.what);
    return request.take(this.#slot);
  }

  #wait(what: string): void {
    const { words } = this.#slot;
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(words, SLOT.state) !== SLOT_STATE.request) return;
    }
    let beat = Atomics.load(this.#header, HEADER.heartbeat);
    let silence = 0;
    while (Atomics.load(words, SLOT.state) === SLOT_STATE.request) {
      if (Atomics.load(this.#header, HEADER.server) === SERVER.closed) throw new FsError(ERRNO.EIO, what);
      const slice = Math.min(SLICE, this.#timeout);
      if (Atomics.wait(words, SLOT.state, SLOT_STATE.request, slice) !== "timed-out") continue;
      const now = Atomics.load(this.#header, HEADER.heartbeat);
      silence = now === beat ? silence + slice : 0;
      beat = now;
      if (silence >= this.#timeout) throw new FsError(ERRNO.EIO, what);
      ring(this.#header);
    }
  }
}

/** The parts of a path, without empty ones and ".". */
export function parts(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** Directory and last name of a path. Throws EINVAL for the root and for a path that ends in "..". */
export function splitPath(path: string): [directory: string, name: string] {
  const names = [...parts(path)];
  const name = names.pop();
  if (name === undefined || name === "..") throw new FsError(ERRNO.EINVAL, path);
  return [names.join("/"), name];
}
