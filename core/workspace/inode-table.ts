/**
 * The inodes of a TreeStore, and what a journal record does to them: the same code makes a change and replays it.
 * It knows nothing of blocks being free or of what is on disk.
 */
import { BLOCK, BlockMap, type BlockRun } from "./block-file.ts";
import { ERRNO, FsError } from "./errno.ts";
import { isDirectory, isFile, ROOT, type Stat } from "./protocol.ts";

/** An inode; a Stat that changes. */
export interface Inode {
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

/** What the record `attributes` changes. */
export type Attributes = Partial<Record<"mode" | "uid" | "gid" | "modified" | "changed", number>>;
export type NodeRecord = readonly [
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
export type StoreRecord =
  | NodeRecord
  | readonly ["create", parent: number, name: string, inode: number, mode: number, time: number, target: string]
  | readonly ["unlink", parent: number, name: string, time: number]
  | readonly ["link", inode: number, parent: number, name: string, time: number]
  | readonly ["rename", from: number, name: string, to: number, newName: string, time: number]
  | readonly ["write", inode: number, size: number, time: number, runs: readonly BlockRun[]]
  | readonly ["truncate", inode: number, size: number, time: number]
  | readonly ["attributes", inode: number, changes: Attributes];

export type DirectoryInode = Inode & { readonly children: Map<string, number> };
export type FileInode = Inode & { readonly map: BlockMap };

export class InodeTable {
  readonly #inodes = new Map<number, Inode>();
  #next = ROOT + 1;

  get size(): number {
    return this.#inodes.size;
  }

  /** The number that the next new inode gets. */
  get next(): number {
    return this.#next;
  }

  values(): Iterable<Inode> {
    return this.#inodes.values();
  }

  /** ESTALE if it is gone. */
  get(inode: number): Inode {
    const node = this.#inodes.get(inode);
    if (!node) throw new FsError(ERRNO.ESTALE);
    return node;
  }

  directory(inode: number): DirectoryInode {
    const node = this.get(inode);
    if (!node.children) throw new FsError(ERRNO.ENOTDIR);
    return node as DirectoryInode;
  }

  file(inode: number): FileInode {
    const node = this.get(inode);
    if (!node.map) throw new FsError(node.children ? ERRNO.EISDIR : ERRNO.EINVAL);
    return node as FileInode;
  }

  child(directory: Inode, name: string): Inode {
    const inode = directory.children?.get(name);
    if (inode === undefined) throw new FsError(ERRNO.ENOENT, name);
    return this.get(inode);
  }

  add(inode: number, mode: number, time: number): Inode {
    const node: Inode = {
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
    this.#inodes.set(inode, node);
    this.#next = Math.max(this.#next, inode + 1);
    return node;
  }

  /** What a record does to the tree, when it is made and when it is replayed. */
  apply(record: StoreRecord): void {
    switch (record[0]) {
      case "node":
        return this.#applyNode(record);
      case "create": {
        const [, parent, name, inode, mode, time, target] = record;
        const node = this.add(inode, mode, time);
        node.parent = parent;
        node.name = name;
        node.target = target;
        node.size = new TextEncoder().encode(target).length;
        return this.#put(parent, name, inode, time);
      }
      case "unlink": {
        const [, parent, name, time] = record;
        const directory = this.directory(parent);
        const node = this.child(directory, name);
        directory.children.delete(name);
        directory.modified = directory.changed = time;
        directory.version += 1;
        return this.#loseLink(node, directory, name, time);
      }
      case "link": {
        const [, inode, parent, name, time] = record;
        const node = this.get(inode);
        node.links += 1;
        node.changed = time;
        node.parent = parent;
        node.name = name;
        return this.#put(parent, name, inode, time);
      }
      case "rename": {
        const [, from, name, to, newName, time] = record;
        const source = this.directory(from);
        const target = this.directory(to);
        const node = this.child(source, name);
        const there = target.children.get(newName);
        if (there !== undefined) this.#loseLink(this.get(there), target, newName, time);
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
        const node = this.#inodes.get(inode);
        if (!node?.map) return;
        setRuns(node.map, runs);
        node.size = size;
        node.modified = node.changed = time;
        return;
      }
      case "truncate": {
        const [, inode, size, time] = record;
        const node = this.#inodes.get(inode);
        if (!node?.map) return;
        node.map.cut(Math.ceil(size / BLOCK));
        node.size = size;
        node.modified = node.changed = time;
        return;
      }
      case "attributes": {
        const node = this.#inodes.get(record[1]);
        if (node) Object.assign(node, record[2]);
      }
    }
  }

  #applyNode(record: NodeRecord): void {
    const [, inode, mode, size, modified, changed, links, uid, gid, content] = record;
    const node = this.add(inode, mode, modified);
    Object.assign(node, { size, changed, links, uid, gid });
    if (node.children) {
      for (const [name, child] of content as readonly (readonly [string, number])[]) node.children.set(name, child);
    } else if (node.map) setRuns(node.map, content as readonly BlockRun[]);
    else node.target = content as string;
  }

  #put(parent: number, name: string, inode: number, time: number): void {
    const directory = this.directory(parent);
    directory.children.set(name, inode);
    directory.modified = directory.changed = time;
    directory.version += 1;
  }

  #loseLink(node: Inode, directory: Inode, name: string, time: number): void {
    node.links -= 1;
    node.changed = time;
    if (node.links === 0 || node.parent !== directory.inode || node.name !== name) return;
    // It goes on under another name: the first that is found.
    for (const other of this.#inodes.values()) {
      for (const [otherName, inode] of other.children ?? []) {
        if (inode !== node.inode || (other === directory && otherName === name)) continue;
        node.parent = other.inode;
        node.name = otherName;
        return;
      }
    }
  }

  /** After replaying: parents from names; what had lost its last name is gone. */
  settle(): void {
    for (const node of this.#inodes.values()) {
      if (node.links <= 0) this.#inodes.delete(node.inode);
      for (const [name, inode] of node.children ?? []) {
        const child = this.#inodes.get(inode);
        if (!child) continue;
        child.parent = node.inode;
        child.name = name;
      }
    }
  }

  /** Records that make this tree from nothing. */
  snapshot(): readonly NodeRecord[] {
    const records: NodeRecord[] = [];
    for (const node of this.#inodes.values()) {
      if (node.links === 0) continue;
      const { inode, mode, size, modified, changed, links, uid, gid } = node;
      const content = node.children ? [...node.children] : node.map ? node.map.runs() : node.target;
      records.push(["node", inode, mode, size, modified, changed, links, uid, gid, content]);
    }
    return records;
  }

  delete(inode: number): void {
    this.#inodes.delete(inode);
  }

  find(inode: number): Inode | undefined {
    return this.#inodes.get(inode);
  }

  /** The path of a name in a directory. */
  pathIn(directory: Inode, name: string): string {
    const names = [name];
    for (let node = directory; node.inode !== ROOT;) {
      names.push(node.name);
      const above = this.#inodes.get(node.parent);
      if (!above) break;
      node = above;
    }
    return names.reverse().join("/");
  }
}

function setRuns(map: BlockMap, runs: readonly BlockRun[]): void {
  for (const [index, block, count] of runs) for (let i = 0; i < count; i++) map.set(index + i, block + i);
}

/** What others may know of an inode. */
export function statOf(node: Inode): Stat {
  const { inode, mode, links, size, modified, changed, version, uid, gid, parent } = node;
  return { inode, mode, links, size: node.children ? BLOCK : size, modified, changed, version, uid, gid, parent };
}
