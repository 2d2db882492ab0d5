/**
 * The store under the workspace where there is no folder: inodes in memory, bytes in a block file, changes of
 * metadata in a journal. Bytes go to their handle at once, metadata with the next `commit`; `sync` makes both
 * outlast a power cut. After a crash the tree is as it was at some commit: a prefix of what was done.
 */
import { KromaError } from "../base/errors.ts";
import { BLOCK, BlockFile, isFull } from "./block-file.ts";
import { ERRNO, FsError } from "./errno.ts";
import { checkName, type FileTree } from "./file-tree.ts";
import { type Attributes, type FileInode, type Inode, InodeTable, statOf, type StoreRecord } from "./inode-table.ts";
import { Journal, type JournalRecord } from "./journal.ts";
import {
  type AttributeChange,
  type DirectoryEntry,
  type FileSystemUsage,
  isFile,
  MODE,
  ROOT,
  type Stat,
} from "./protocol.ts";
import type { StorageHandle } from "./storage-handle.ts";

export interface TreeStoreOptions {
  readonly blocks: StorageHandle;
  readonly journal: readonly [StorageHandle, StorageHandle];
  /** Most bytes of file content. */
  readonly quota?: number;
  /** Bytes of journal at which it is compacted. */
  readonly compactAt?: number;
  readonly now?: () => number;
}

const GUESSED_CAPACITY = 10 * 2 ** 30;
const FULL = "The storage for files is full: the latest changes are kept in memory only. Delete files to go on.";
const FAILED = "The storage for files does not answer: the latest changes are kept in memory only.";

export class TreeStore implements FileTree {
  readonly #inodes = new InodeTable();
  readonly #blocks: BlockFile;
  readonly #journal: Journal;
  readonly #now: () => number;
  readonly #dirty = new Set<Inode>();
  #records: StoreRecord[] = [];
  #changes = new Set<string>();
  #unsynced = false;
  #trouble: string | undefined;
  names = 0;
  data = 0;
  /** Blocks that two files claimed when the store was opened; 0 unless the storage below lost writes. */
  readonly damagedBlocks: number;

  /** Opens what the handles hold, or starts an empty tree in empty handles. `corrupt` if they hold something else. */
  constructor(options: TreeStoreOptions) {
    this.#now = options.now ?? Date.now;
    this.#blocks = new BlockFile(options.blocks, options.quota ?? Infinity);
    this.#journal = new Journal(options.journal, options.compactAt);
    const state = this.#journal.recover((record) => this.#inodes.apply(record as unknown as StoreRecord));
    if (state === "damaged" && this.#blocks.size > 0) {
      throw new KromaError("corrupt", "The notebook's files cannot be read: their index is damaged.");
    }
    if (state !== "recovered") this.#inodes.add(ROOT, MODE.directory | 0o755, this.#now());
    this.damagedBlocks = this.#adoptAll();
    if (state !== "recovered") this.#compact();
  }

  // ---- reading

  lookup(parent: number, name: string): Stat {
    const directory = this.#inodes.directory(parent);
    if (name === "." || name === "") return statOf(directory);
    if (name === "..") return statOf(this.#inodes.get(directory.parent));
    return statOf(this.#inodes.child(directory, name));
  }

  getattr(inode: number): Stat {
    return statOf(this.#inodes.get(inode));
  }

  list(inode: number): readonly DirectoryEntry[] {
    const entries: DirectoryEntry[] = [];
    for (const [name, child] of this.#inodes.directory(inode).children) {
      entries.push({ ...statOf(this.#inodes.get(child)), name });
    }
    return entries;
  }

  readlink(inode: number): string {
    const node = this.#inodes.get(inode);
    if ((node.mode & MODE.format) !== MODE.symlink) throw new FsError(ERRNO.EINVAL);
    return node.target;
  }

  read(inode: number, offset: number, into: Uint8Array): number {
    const node = this.#inodes.file(inode);
    const length = Math.max(0, Math.min(into.length, node.size - offset));
    if (length > 0) this.#blocks.read(node.map, offset, into.subarray(0, length));
    return length;
  }

  statfs(): FileSystemUsage {
    const limited = Number.isFinite(this.#blocks.most);
    const blocks = limited ? this.#blocks.most : Math.floor(GUESSED_CAPACITY / BLOCK) + this.#blocks.used;
    const freeBlocks = Math.max(0, blocks - this.#blocks.used);
    return { blockSize: BLOCK, blocks, freeBlocks, files: this.#inodes.size, limited };
  }

  // ---- changing

  create(parent: number, name: string, mode: number, target: string, exclusive: boolean): Stat {
    const directory = this.#inodes.directory(parent);
    if (directory.links === 0) throw new FsError(ERRNO.ENOENT, name);
    checkName(name);
    const there = directory.children.get(name);
    if (there !== undefined) {
      const node = this.#inodes.get(there);
      if (exclusive || !isFile({ mode }) || !isFile(node)) throw new FsError(ERRNO.EEXIST, name);
      return statOf(node);
    }
    if (this.#trouble !== undefined) throw new FsError(ERRNO.ENOSPC, name);
    const time = this.#now();
    const record = ["create", parent, name, this.#inodes.next, mode, time, target] as const;
    this.#inodes.apply(record);
    this.#records.push(record);
    this.names += 1;
    const node = this.#inodes.get(record[3]);
    this.#tell(node);
    return statOf(node);
  }

  unlink(parent: number, name: string, directory: boolean): void {
    const from = this.#inodes.directory(parent);
    const node = this.#inodes.child(from, name);
    if (directory && !node.children) throw new FsError(ERRNO.ENOTDIR, name);
    if (!directory && node.children) throw new FsError(ERRNO.EISDIR, name);
    if (node.children && node.children.size > 0) throw new FsError(ERRNO.ENOTEMPTY, name);
    const record = ["unlink", parent, name, this.#now()] as const;
    this.#changes.add(this.#inodes.pathIn(from, name));
    this.#inodes.apply(record);
    this.#records.push(record);
    this.#dropIfGone(node);
    this.names += 1;
  }

  rename(from: number, name: string, to: number, newName: string): void {
    const source = this.#inodes.directory(from);
    const target = this.#inodes.directory(to);
    const node = this.#inodes.child(source, name);
    checkName(newName);
    if (target.links === 0) throw new FsError(ERRNO.ENOENT, newName);
    const there = target.children.get(newName);
    if (there === node.inode) return;
    for (let above: Inode = target; node.children; above = this.#inodes.get(above.parent)) {
      if (above === node) throw new FsError(ERRNO.EINVAL, newName);
      if (above.inode === ROOT) break;
    }
    const replaced = there === undefined ? undefined : this.#inodes.get(there);
    if (replaced?.children && !node.children) throw new FsError(ERRNO.EISDIR, newName);
    if (replaced && !replaced.children && node.children) throw new FsError(ERRNO.ENOTDIR, newName);
    if (replaced?.children && replaced.children.size > 0) throw new FsError(ERRNO.ENOTEMPTY, newName);
    // What was written before the rename must not be journalled after it: a save by rename is whole or absent.
    this.#record(node);
    const record = ["rename", from, name, to, newName, this.#now()] as const;
    this.#changes.add(this.#inodes.pathIn(source, name));
    this.#inodes.apply(record);
    this.#records.push(record);
    if (replaced) this.#dropIfGone(replaced);
    this.names += 1;
    this.#tell(node);
  }

  link(inode: number, parent: number, name: string): void {
    const node = this.#inodes.get(inode);
    const directory = this.#inodes.directory(parent);
    checkName(name);
    if (node.children) throw new FsError(ERRNO.EPERM, name);
    if (node.links === 0 || directory.links === 0) throw new FsError(ERRNO.ENOENT, name);
    if (directory.children.has(name)) throw new FsError(ERRNO.EEXIST, name);
    this.#record(node);
    const record = ["link", inode, parent, name, this.#now()] as const;
    this.#inodes.apply(record);
    this.#records.push(record);
    this.names += 1;
    this.#tell(node);
  }

  setattr(inode: number, change: AttributeChange): Stat {
    const node = this.#inodes.get(inode);
    if (change.size !== undefined) this.#truncate(this.#inodes.file(inode), change.size);
    const attributes: Attributes = {};
    if (change.mode !== undefined) {
      const mode = (node.mode & MODE.format) | (change.mode & MODE.permissions);
      if (mode !== node.mode) attributes.mode = mode;
    }
    if (change.uid !== undefined && change.uid !== node.uid) attributes.uid = change.uid;
    if (change.gid !== undefined && change.gid !== node.gid) attributes.gid = change.gid;
    if (change.modified !== undefined) attributes.modified = change.modified;
    if (Object.keys(attributes).length > 0) {
      this.#record(node);
      const record = ["attributes", inode, { ...attributes, changed: this.#now() }] as const;
      this.#inodes.apply(record);
      this.#records.push(record);
      if (attributes.mode !== undefined || attributes.uid !== undefined || attributes.gid !== undefined)
        this.names += 1;
      this.data += 1;
      this.#tell(node);
    }
    return statOf(node);
  }

  write(inode: number, offset: number, bytes: Uint8Array): Stat {
    const node = this.#inodes.file(inode);
    if (bytes.length === 0) return statOf(node);
    if (this.#trouble !== undefined) throw new FsError(ERRNO.ENOSPC, node.name);
    const end = offset + bytes.length;
    const missing: number[] = [];
    const lastIndex = Math.ceil(end / BLOCK) - 1;
    for (let index = Math.floor(offset / BLOCK); index <= lastIndex; index++) {
      if (node.map.get(index) === undefined) missing.push(index);
    }
    const before = node.map.length;
    const blocks = this.#blocks.allocate(missing.length);
    missing.forEach((index, i) => node.map.set(index, blocks[i]));
    try {
      if (offset > node.size) this.#clearTail(node, offset);
      const [first] = missing;
      const last = missing.at(-1);
      if (first !== undefined && first * BLOCK < offset) this.#blocks.clear(node.map, first * BLOCK, offset);
      if (last !== undefined && (last + 1) * BLOCK > end && node.size > end) {
        this.#blocks.clear(node.map, end, (last + 1) * BLOCK);
      }
      this.#blocks.write(node.map, offset, bytes);
    } catch (error) {
      for (const index of missing) node.map.set(index, undefined);
      node.map.cut(before);
      this.#blocks.unallocate(blocks);
      throw error;
    }
    for (const index of missing) node.fresh.push(index);
    node.size = Math.max(node.size, end);
    node.modified = node.changed = this.#now();
    node.version += 1;
    this.#dirty.add(node);
    this.#unsynced = true;
    this.data += 1;
    this.#tell(node);
    return statOf(node);
  }

  open(inode: number): void {
    this.#inodes.get(inode).opens += 1;
  }

  close(inode: number): void {
    const node = this.#inodes.find(inode);
    if (!node || node.opens === 0) return;
    node.opens -= 1;
    this.#dropIfGone(node);
  }

  // ---- keeping

  get uncommitted(): boolean {
    return this.#records.length > 0 || this.#dirty.size > 0;
  }

  get unsynced(): boolean {
    return this.#unsynced || this.uncommitted;
  }

  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Bytes of the journal and of the block file, for those who measure. */
  get sizes(): { readonly journal: number; readonly blocks: number; readonly used: number } {
    return { journal: this.#journal.size, blocks: this.#blocks.size, used: this.#blocks.used * BLOCK };
  }

  commit(): void {
    if (!this.uncommitted) return;
    for (const node of this.#dirty) this.#record(node);
    try {
      if (this.#records.length > 0) this.#journal.append(this.#records as unknown as readonly JournalRecord[]);
      this.#records = [];
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = isFull(error) ? FULL : FAILED;
      throw new FsError(isFull(error) ? ERRNO.ENOSPC : ERRNO.EIO);
    }
    this.#unsynced = true;
    if (this.#journal.wantsCompaction) this.#compact();
  }

  sync(): void {
    this.commit();
    if (!this.#unsynced) return;
    this.#blocks.flush();
    this.#journal.flush();
    this.#unsynced = false;
    this.#blocks.reuseFreed();
  }

  takeChanges(): ReadonlySet<string> {
    const changes = this.#changes;
    if (changes.size > 0) this.#changes = new Set();
    return changes;
  }

  end(): void {
    try {
      this.sync();
    } finally {
      this.#blocks.close();
      this.#journal.close();
    }
  }

  // ---- inside

  #truncate(node: FileInode, size: number): void {
    if (size === node.size) return;
    if (!(size >= 0)) throw new FsError(ERRNO.EINVAL);
    this.#record(node);
    if (size > node.size) this.#clearTail(node, size);
    const record = ["truncate", node.inode, size, this.#now()] as const;
    this.#blocks.free(node.map, Math.ceil(size / BLOCK));
    this.#inodes.apply(record);
    this.#records.push(record);
    node.version += 1;
    this.data += 1;
    this.#tell(node);
  }

  /** Clears what the last block holds beyond the size, before the file grows to `end`. */
  #clearTail(node: FileInode, end: number): void {
    const blockEnd = Math.ceil(node.size / BLOCK) * BLOCK;
    if (node.size < blockEnd) this.#blocks.clear(node.map, node.size, Math.min(end, blockEnd));
  }

  #dropIfGone(node: Inode): void {
    if (node.links > 0 || node.opens > 0) return;
    if (node.map) this.#blocks.free(node.map, 0);
    this.#dirty.delete(node);
    this.#inodes.delete(node.inode);
    this.#unsynced = true;
  }

  /** Puts what was written to a file since the last time into the records. */
  #record(node: Inode): void {
    if (!this.#dirty.delete(node) || !node.map) return;
    const runs = node.map.runs(node.fresh.sort((a, b) => a - b));
    node.fresh = [];
    this.#records.push(["write", node.inode, node.size, node.modified, runs]);
  }

  /** After replaying: says whose the blocks are. Answers how many had two owners. */
  #adoptAll(): number {
    let damaged = 0;
    this.#inodes.settle();
    for (const { map } of this.#inodes.values()) {
      for (const [index, block, count] of map?.runs() ?? []) {
        for (let i = 0; i < count; i++) {
          if (this.#blocks.adopt(block + i)) continue;
          map?.set(index + i, undefined);
          damaged += 1;
        }
      }
    }
    this.#blocks.finishAdoption();
    return damaged;
  }

  #compact(): void {
    try {
      // The bytes first: the snapshot says that they are there.
      this.#blocks.flush();
      this.#journal.compact(this.#inodes.snapshot() as unknown as readonly JournalRecord[]);
    } catch (error) {
      if (isFull(error)) return;
      throw error;
    }
    this.#unsynced = false;
    this.#blocks.reuseFreed();
  }

  #tell(node: Inode): void {
    if (node.links > 0) this.#changes.add(this.#inodes.pathIn(this.#inodes.get(node.parent), node.name));
  }
}
