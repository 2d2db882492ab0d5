/**
 * The store under the workspace where there is no folder: inodes in memory, bytes in a block file, changes of
 * metadata in a journal. Bytes go to their handle at once, metadata with the next `commit`; `sync` makes both
 * outlast a power cut. After a crash the tree is as it was at some commit: a prefix of what was done.
 */
import { BLOCK, BlockFile, BlockMap, type BlockRun, isFull } from "./block-file.ts";
import { KromaError } from "../base/errors.ts";
import { ERRNO, FsError } from "./errno.ts";
import { checkName, type FileTree } from "./file-tree.ts";
import { Journal, type JournalRecord } from "./journal.ts";
import {
  type AttributeChange,
  type DirectoryEntry,
  type FileSystemUsage,
  isDirectory,
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

/** An inode; a Stat that changes. */
interface Node {
  readonly inode: number;
  mode: number;
  links: number;
  size: number;
  modified: number;
  changed: number;
  version: number;
  uid: number;
  gid: number;
  parent: number;
  /** Under which name its parent has it; the newest, if it has several. */
  name: string;
  opens: number;
  /** Of a directory. */
  readonly children: Map<string, number> | undefined;
  /** Of a regular file. */
  readonly map: BlockMap | undefined;
  /** Of a symbolic link. */
  target: string;
  /** Indices whose blocks the journal has not seen. */
  fresh: number[];
}

type Attributes = Partial<Record<"mode" | "uid" | "gid" | "modified" | "changed", number>>;
type NodeRecord = readonly [
  kind: "node",
  inode: number,
  mode: number,
  size: number,
  modified: number,
  changed: number,
  links: number,
  uid: number,
  gid: number,
  content: readonly (readonly [string, number])[] | readonly BlockRun[] | string,
];
/** What the journal holds. The first is a snapshot's. */
type StoreRecord =
  | NodeRecord
  | readonly ["create", parent: number, name: string, inode: number, mode: number, time: number, target: string]
  | readonly ["unlink", parent: number, name: string, time: number]
  | readonly ["link", inode: number, parent: number, name: string, time: number]
  | readonly ["rename", from: number, name: string, to: number, newName: string, time: number]
  | readonly ["write", inode: number, size: number, time: number, runs: readonly BlockRun[]]
  | readonly ["truncate", inode: number, size: number, time: number]
  | readonly ["attributes", inode: number, changes: Attributes];

const GUESSED_CAPACITY = 10 * 2 ** 30;
const FULL = "The storage for files is full: the latest changes are kept in memory only. Delete files to go on.";
const FAILED = "The storage for files does not answer: the latest changes are kept in memory only.";

export class TreeStore implements FileTree {
  readonly #nodes = new Map<number, Node>();
  readonly #blocks: BlockFile;
  readonly #journal: Journal;
  readonly #now: () => number;
  readonly #dirty = new Set<Node>();
  #records: StoreRecord[] = [];
  #changes = new Set<string>();
  #next = ROOT + 1;
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
    const state = this.#journal.recover((record) => this.#apply(record as unknown as StoreRecord));
    if (state === "damaged" && this.#blocks.size > 0) {
      throw new KromaError("corrupt", "The notebook's files cannot be read: their index is damaged.");
    }
    if (state !== "recovered") this.#add(ROOT, MODE.directory | 0o755, this.#now());
    this.damagedBlocks = this.#adoptAll();
    if (state !== "recovered") this.#compact();
  }

  // ---- reading

  lookup(parent: number, name: string): Stat {
    const directory = this.#directory(parent);
    if (name === "." || name === "") return stat(directory);
    if (name === "..") return stat(this.#node(directory.parent));
    return stat(this.#child(directory, name));
  }

  getattr(inode: number): Stat {
    return stat(this.#node(inode));
  }

  list(inode: number): readonly DirectoryEntry[] {
    const entries: DirectoryEntry[] = [];
    for (const [name, child] of this.#directory(inode).children) {
      entries.push({ ...stat(this.#node(child)), name });
    }
    return entries;
  }

  readlink(inode: number): string {
    const node = this.#node(inode);
    if ((node.mode & MODE.format) !== MODE.symlink) throw new FsError(ERRNO.EINVAL);
    return node.target;
  }

  read(inode: number, offset: number, into: Uint8Array): number {
    const node = this.#file(inode);
    const length = Math.max(0, Math.min(into.length, node.size - offset));
    if (length > 0) this.#blocks.read(node.map, offset, into.subarray(0, length));
    return length;
  }

  statfs(): FileSystemUsage {
    const limited = Number.isFinite(this.#blocks.most);
    const blocks = limited ? this.#blocks.most : Math.floor(GUESSED_CAPACITY / BLOCK) + this.#blocks.used;
    const freeBlocks = Math.max(0, blocks - this.#blocks.used);
    return { blockSize: BLOCK, blocks, freeBlocks, files: this.#nodes.size, limited };
  }

  // ---- changing

  create(parent: number, name: string, mode: number, target: string, exclusive: boolean): Stat {
    const directory = this.#directory(parent);
    if (directory.links === 0) throw new FsError(ERRNO.ENOENT, name);
    checkName(name);
    const there = directory.children.get(name);
    if (there !== undefined) {
      const node = this.#node(there);
      if (exclusive || !isFile({ mode }) || !isFile(node)) throw new FsError(ERRNO.EEXIST, name);
      return stat(node);
    }
    if (this.#trouble !== undefined) throw new FsError(ERRNO.ENOSPC, name);
    const time = this.#now();
    const record = ["create", parent, name, this.#next, mode, time, target] as const;
    this.#apply(record);
    this.#records.push(record);
    this.names += 1;
    const node = this.#node(record[3]);
    this.#tell(node);
    return stat(node);
  }

  unlink(parent: number, name: string, directory: boolean): void {
    const from = this.#directory(parent);
    const node = this.#child(from, name);
    if (directory && !node.children) throw new FsError(ERRNO.ENOTDIR, name);
    if (!directory && node.children) throw new FsError(ERRNO.EISDIR, name);
    if (node.children && node.children.size > 0) throw new FsError(ERRNO.ENOTEMPTY, name);
    const record = ["unlink", parent, name, this.#now()] as const;
    this.#changes.add(this.#pathIn(from, name));
    this.#apply(record);
    this.#records.push(record);
    this.#dropIfGone(node);
    this.names += 1;
  }

  rename(from: number, name: string, to: number, newName: string): void {
    const source = this.#directory(from);
    const target = this.#directory(to);
    const node = this.#child(source, name);
    checkName(newName);
    if (target.links === 0) throw new FsError(ERRNO.ENOENT, newName);
    const there = target.children.get(newName);
    if (there === node.inode) return;
    for (let above: Node = target; node.children; above = this.#node(above.parent)) {
      if (above === node) throw new FsError(ERRNO.EINVAL, newName);
      if (above.inode === ROOT) break;
    }
    const replaced = there === undefined ? undefined : this.#node(there);
    if (replaced?.children && !node.children) throw new FsError(ERRNO.EISDIR, newName);
    if (replaced && !replaced.children && node.children) throw new FsError(ERRNO.ENOTDIR, newName);
    if (replaced?.children && replaced.children.size > 0) throw new FsError(ERRNO.ENOTEMPTY, newName);
    // What was written before the rename must not be journalled after it: a save by rename is whole or absent.
    this.#record(node);
    const record = ["rename", from, name, to, newName, this.#now()] as const;
    this.#changes.add(this.#pathIn(source, name));
    this.#apply(record);
    this.#records.push(record);
    if (replaced) this.#dropIfGone(replaced);
    this.names += 1;
    this.#tell(node);
  }

  link(inode: number, parent: number, name: string): void {
    const node = this.#node(inode);
    const directory = this.#directory(parent);
    checkName(name);
    if (node.children) throw new FsError(ERRNO.EPERM, name);
    if (node.links === 0 || directory.links === 0) throw new FsError(ERRNO.ENOENT, name);
    if (directory.children.has(name)) throw new FsError(ERRNO.EEXIST, name);
    this.#record(node);
    const record = ["link", inode, parent, name, this.#now()] as const;
    this.#apply(record);
    this.#records.push(record);
    this.names += 1;
    this.#tell(node);
  }

  setattr(inode: number, change: AttributeChange): Stat {
    const node = this.#node(inode);
    if (change.size !== undefined) this.#truncate(this.#file(inode), change.size);
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
      this.#apply(record);
      this.#records.push(record);
      if (attributes.mode !== undefined || attributes.uid !== undefined || attributes.gid !== undefined)
        this.names += 1;
      this.data += 1;
      this.#tell(node);
    }
    return stat(node);
  }

  write(inode: number, offset: number, bytes: Uint8Array): Stat {
    const node = this.#file(inode);
    if (bytes.length === 0) return stat(node);
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
    return stat(node);
  }

  open(inode: number): void {
    this.#node(inode).opens += 1;
  }

  close(inode: number): void {
    const node = this.#nodes.get(inode);
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

  #node(inode: number): Node {
    const node = this.#nodes.get(inode);
    if (!node) throw new FsError(ERRNO.ESTALE);
    return node;
  }

  #directory(inode: number): Node & { readonly children: Map<string, number> } {
    const node = this.#node(inode);
    if (!node.children) throw new FsError(ERRNO.ENOTDIR);
    return node as Node & { readonly children: Map<string, number> };
  }

  #file(inode: number): Node & { readonly map: BlockMap } {
    const node = this.#node(inode);
    if (!node.map) throw new FsError(node.children ? ERRNO.EISDIR : ERRNO.EINVAL);
    return node as Node & { readonly map: BlockMap };
  }

  #child(directory: Node, name: string): Node {
    const inode = directory.children?.get(name);
    if (inode === undefined) throw new FsError(ERRNO.ENOENT, name);
    return this.#node(inode);
  }

  #add(inode: number, mode: number, time: number): Node {
    const node: Node = {
      inode,
      mode,
      links: 1,
      size: 0,
      modified: time,
      changed: time,
      version: 0,
      uid: 0,
      gid: 0,
      parent: ROOT,
      name: "",
      opens: 0,
      children: isDirectory({ mode }) ? new Map() : undefined,
      map: isFile({ mode }) ? new BlockMap() : undefined,
      target: "",
      fresh: [],
    };
    this.#nodes.set(inode, node);
    this.#next = Math.max(this.#next, inode + 1);
    return node;
  }

  #truncate(node: Node & { readonly map: BlockMap }, size: number): void {
    if (size === node.size) return;
    if (!(size >= 0)) throw new FsError(ERRNO.EINVAL);
    this.#record(node);
    if (size > node.size) this.#clearTail(node, size);
    const record = ["truncate", node.inode, size, this.#now()] as const;
    this.#blocks.free(node.map, Math.ceil(size / BLOCK));
    this.#apply(record);
    this.#records.push(record);
    node.version += 1;
    this.data += 1;
    this.#tell(node);
  }

  /** Clears what the last block holds beyond the size, before the file grows to `end`. */
  #clearTail(node: Node & { readonly map: BlockMap }, end: number): void {
    const blockEnd = Math.ceil(node.size / BLOCK) * BLOCK;
    if (node.size < blockEnd) this.#blocks.clear(node.map, node.size, Math.min(end, blockEnd));
  }

  #dropIfGone(node: Node): void {
    if (node.links > 0 || node.opens > 0) return;
    if (node.map) this.#blocks.free(node.map, 0);
    this.#dirty.delete(node);
    this.#nodes.delete(node.inode);
    this.#unsynced = true;
  }

  /** Puts what was written to a file since the last time into the records. */
  #record(node: Node): void {
    if (!this.#dirty.delete(node) || !node.map) return;
    const runs = node.map.runs(node.fresh.sort((a, b) => a - b));
    node.fresh = [];
    this.#records.push(["write", node.inode, node.size, node.modified, runs]);
  }

  /** What a record does to the tree, when it is made and when it is replayed. */
  #apply(record: StoreRecord): void {
    switch (record[0]) {
      case "node":
        return this.#applyNode(record);
      case "create": {
        const [, parent, name, inode, mode, time, target] = record;
        const node = this.#add(inode, mode, time);
        node.parent = parent;
        node.name = name;
        node.target = target;
        node.size = new TextEncoder().encode(target).length;
        return this.#put(parent, name, inode, time);
      }
      case "unlink": {
        const [, parent, name, time] = record;
        const directory = this.#directory(parent);
        const node = this.#child(directory, name);
        directory.children.delete(name);
        directory.modified = directory.changed = time;
        directory.version += 1;
        return this.#loseLink(node, directory, name, time);
      }
      case "link": {
        const [, inode, parent, name, time] = record;
        const node = this.#node(inode);
        node.links += 1;
        node.changed = time;
        node.parent = parent;
        node.name = name;
        return this.#put(parent, name, inode, time);
      }
      case "rename": {
        const [, from, name, to, newName, time] = record;
        const source = this.#directory(from);
        const target = this.#directory(to);
        const node = this.#child(source, name);
        const there = target.children.get(newName);
        if (there !== undefined) this.#loseLink(this.#node(there), target, newName, time);
        source.children.delete(name);
        source.modified = source.changed = time;
        source.version += 1;
        node.parent = to;
        node.name = newName;
        node.changed = time;
        return this.#put(to, newName, node.inode, time);
      }
      case "write": {
        const [, inode, size, time, runs] = record;
        const node = this.#nodes.get(inode);
        if (!node?.map) return;
        setRuns(node.map, runs);
        node.size = size;
        node.modified = node.changed = time;
        return;
      }
      case "truncate": {
        const [, inode, size, time] = record;
        const node = this.#nodes.get(inode);
        if (!node?.map) return;
        node.map.cut(Math.ceil(size / BLOCK));
        node.size = size;
        node.modified = node.changed = time;
        return;
      }
      case "attributes": {
        const node = this.#nodes.get(record[1]);
        if (node) Object.assign(node, record[2]);
      }
    }
  }

  #applyNode(record: NodeRecord): void {
    const [, inode, mode, size, modified, changed, links, uid, gid, content] = record;
    const node = this.#add(inode, mode, modified);
    Object.assign(node, { size, changed, links, uid, gid });
    if (node.children) {
      for (const [name, child] of content as readonly (readonly [string, number])[]) node.children.set(name, child);
    } else if (node.map) setRuns(node.map, content as readonly BlockRun[]);
    else node.target = content as string;
  }

  #put(parent: number, name: string, inode: number, time: number): void {
    const directory = this.#directory(parent);
    directory.children.set(name, inode);
    directory.modified = directory.changed = time;
    directory.version += 1;
  }

  #loseLink(node: Node, directory: Node, name: string, time: number): void {
    node.links -= 1;
    node.changed = time;
    if (node.links === 0 || node.parent !== directory.inode || node.name !== name) return;
    // It goes on under another name: the first that is found.
    for (const other of this.#nodes.values()) {
      for (const [otherName, inode] of other.children ?? []) {
        if (inode !== node.inode || (other === directory && otherName === name)) continue;
        node.parent = other.inode;
        node.name = otherName;
        return;
      }
    }
  }

  /** After replaying: parents from names, blocks from maps; what had lost its last name is gone. */
  #adoptAll(): number {
    let damaged = 0;
    for (const node of this.#nodes.values()) {
      if (node.links <= 0) this.#nodes.delete(node.inode);
      for (const [name, inode] of node.children ?? []) {
        const child = this.#nodes.get(inode);
        if (!child) continue;
        child.parent = node.inode;
        child.name = name;
      }
    }
    for (const node of this.#nodes.values()) {
      for (const [index, block, count] of node.map?.runs() ?? []) {
        for (let i = 0; i < count; i++) {
          if (this.#blocks.adopt(block + i)) continue;
          node.map?.set(index + i, undefined);
          damaged += 1;
        }
      }
    }
    this.#blocks.finishAdoption();
    return damaged;
  }

  #compact(): void {
    const records: NodeRecord[] = [];
    for (const node of this.#nodes.values()) {
      if (node.links === 0) continue;
      const { inode, mode, size, modified, changed, links, uid, gid } = node;
      const content = node.children ? [...node.children] : node.map ? node.map.runs() : node.target;
      records.push(["node", inode, mode, size, modified, changed, links, uid, gid, content]);
    }
    try {
      // The bytes first: the snapshot says that they are there.
      this.#blocks.flush();
      this.#journal.compact(records as unknown as readonly JournalRecord[]);
    } catch (error) {
      if (isFull(error)) return;
      throw error;
    }
    this.#unsynced = false;
    this.#blocks.reuseFreed();
  }

  #tell(node: Node): void {
    if (node.links > 0) this.#changes.add(this.#pathIn(this.#node(node.parent), node.name));
  }

  #pathIn(directory: Node, name: string): string {
    const names = [name];
    for (let node = directory; node.inode !== ROOT;) {
      names.push(node.name);
      const above = this.#nodes.get(node.parent);
      if (!above) break;
      node = above;
    }
    return names.reverse().join("/");
  }
}

function setRuns(map: BlockMap, runs: readonly BlockRun[]): void {
  for (const [index, block, count] of runs) for (let i = 0; i < count; i++) map.set(index + i, block + i);
}

function stat(node: Node): Stat {
  const { inode, mode, links, size, modified, changed, version, uid, gid, parent } = node;
  return { inode, mode, links, size: node.children ? BLOCK : size, modified, changed, version, uid, gid, parent };
}
