/**
 * A real folder as the workspace: every operation goes to the disk at once, so other programs see it and are seen.
 * Inodes are numbers of our own for what was met; a path is made from parents and names when needed. Links are
 * never followed: they are files that say where they point, and resolvePath keeps inside. Devices, sockets and
 * pipes do not exist here. `.kroma` at the root is a private directory elsewhere: the user's folder stays clean.
 */
import { type BigIntStats, constants } from "node:fs";
import * as nodeFs from "node:fs";
import { join, sep } from "node:path";
import { ERRNO, FsError } from "#core/workspace/errno.ts";
import { checkName, type FileTree } from "#core/workspace/file-tree.ts";
import {
  type AttributeChange,
  type DirectoryEntry,
  type FileSystemUsage,
  isDirectory,
  isFile,
  isSymlink,
  MODE,
  ROOT,
  type Stat,
} from "#core/workspace/protocol.ts";

/** Kroma's own directory at the root. */
const OWN = ".kroma";

/** A file that was met. */
interface Known {
  readonly inode: number;
  /** Device and inode of the disk. */
  readonly key: string;
  parent: number;
  name: string;
  opens: number;
  descriptor: number | undefined;
}

export class FolderTree implements FileTree {
  readonly #root: string;
  readonly #own: string;
  readonly #known = new Map<number, Known>();
  readonly #inodes = new Map<string, number>();
  #changes = new Set<string>();
  #next = ROOT + 1;
  readonly uncommitted = false;
  readonly unsynced = false;
  readonly trouble = undefined;
  names = 0;
  data = 0;

  /** Serves `folder`, with `own` (an existing directory) in the place of its `.kroma`. */
  constructor(folder: string, own: string) {
    this.#root = nodeFs.realpathSync(folder);
    this.#own = nodeFs.realpathSync(own);
    const key = keyOf(nodeFs.lstatSync(this.#root, { bigint: true }));
    this.#known.set(ROOT, { inode: ROOT, key, parent: ROOT, name: "", opens: 0, descriptor: undefined });
    this.#inodes.set(key, ROOT);
  }

  lookup(parent: number, name: string): Stat {
    if (name === "." || name === "") return this.getattr(parent);
    if (name === "..") return this.getattr(this.#get(parent).parent);
    if (name.includes("/") || name.includes("\0")) throw new FsError(ERRNO.EINVAL, name);
    const directory = this.#directoryPath(parent);
    return attempt(name, () => this.#meet(parent, name, this.#statChild(directory, parent, name)));
  }

  getattr(inode: number): Stat {
    const known = this.#get(inode);
    return attempt(known.name, () => this.#stat(known));
  }

  setattr(inode: number, change: AttributeChange): Stat {
    const known = this.#get(inode);
    const stat = this.getattr(inode);
    attempt(known.name, () => {
      if (change.size !== undefined) {
        if (!isFile(stat)) throw new FsError(isDirectory(stat) ? ERRNO.EISDIR : ERRNO.EINVAL);
        this.#withDescriptor(known, true, (descriptor) => nodeFs.ftruncateSync(descriptor, change.size));
        this.data += 1;
      }
      if (isSymlink(stat)) return;
      // By descriptor where it is a file: a path could have become a link meanwhile.
      const { mode, modified } = change;
      if (mode !== undefined && (mode & MODE.permissions) !== (stat.mode & MODE.permissions)) {
        if (isFile(stat)) this.#withDescriptor(known, false, (file) => nodeFs.fchmodSync(file, mode & 0o777));
        else nodeFs.chmodSync(this.#checkedPath(known), mode & 0o777);
        this.names += 1;
      }
      if (modified !== undefined) {
        const seconds = modified / 1000;
        if (isFile(stat)) this.#withDescriptor(known, false, (file) => nodeFs.futimesSync(file, seconds, seconds));
        else nodeFs.lutimesSync(this.#checkedPath(known), seconds, seconds);
        this.data += 1;
      }
      // Owners are not changed: nobody but root may, and guests see root everywhere.
    });
    this.#tell(known.parent, known.name);
    return this.getattr(inode);
  }

  create(parent: number, name: string, mode: number, target: string, exclusive: boolean): Stat {
    checkName(name);
    if (this.#isOwn(parent, name)) throw new FsError(ERRNO.EEXIST, name);
    const path = join(this.#directoryPath(parent), name);
    const there = nodeFs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (there && (exclusive || !isFile({ mode }) || !there.isFile())) throw new FsError(ERRNO.EEXIST, name);
    if (there) return this.#meet(parent, name, there);
    attempt(name, () => {
      if (isDirectory({ mode })) nodeFs.mkdirSync(path, mode & 0o777);
      else if (isSymlink({ mode })) nodeFs.symlinkSync(target, path);
      else {
        const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | NO_FOLLOW;
        nodeFs.closeSync(nodeFs.openSync(path, flags, mode & 0o777));
      }
    });
    this.names += 1;
    this.#tell(parent, name);
    return this.lookup(parent, name);
  }

  unlink(parent: number, name: string, directory: boolean): void {
    checkName(name);
    if (this.#isOwn(parent, name)) throw new FsError(ERRNO.EPERM, name);
    const stat = this.lookup(parent, name);
    if (directory && !isDirectory(stat)) throw new FsError(ERRNO.ENOTDIR, name);
    if (!directory && isDirectory(stat)) throw new FsError(ERRNO.EISDIR, name);
    const path = join(this.#directoryPath(parent), name);
    attempt(name, () => (directory ? nodeFs.rmdirSync(path) : nodeFs.unlinkSync(path)));
    if (stat.links <= 1 || directory) this.#forgetIfClosed(stat.inode);
    this.names += 1;
    this.#tell(parent, name);
  }

  rename(from: number, name: string, to: number, newName: string): void {
    checkName(name);
    checkName(newName);
    if (this.#isOwn(from, name) || this.#isOwn(to, newName)) throw new FsError(ERRNO.EPERM, name);
    const moved = this.lookup(from, name);
    const source = join(this.#directoryPath(from), name);
    const target = join(this.#directoryPath(to), newName);
    const there = nodeFs.lstatSync(target, { bigint: true, throwIfNoEntry: false });
    if (there && keyOf(there) === this.#get(moved.inode).key) return;
    if (there?.isDirectory() && !isDirectory(moved)) throw new FsError(ERRNO.EISDIR, newName);
    attempt(newName, () => nodeFs.renameSync(source, target));
    const known = this.#get(moved.inode);
    known.parent = to;
    known.name = newName;
    if (there) this.#forgetIfClosed(this.#inodes.get(keyOf(there)));
    this.names += 1;
    this.#tell(from, name);
    this.#tell(to, newName);
  }

  link(inode: number, parent: number, name: string): void {
    checkName(name);
    if (this.#isOwn(parent, name)) throw new FsError(ERRNO.EEXIST, name);
    const known = this.#get(inode);
    const stat = this.getattr(inode);
    if (isDirectory(stat)) throw new FsError(ERRNO.EPERM, name);
    const directory = this.#directoryPath(parent);
    attempt(name, () => nodeFs.linkSync(this.#checkedPath(known), join(directory, name)));
    known.parent = parent;
    known.name = name;
    this.names += 1;
    this.#tell(parent, name);
  }

  list(inode: number): readonly DirectoryEntry[] {
    const directory = this.#directoryPath(inode);
    const names = attempt(this.#get(inode).name, () => nodeFs.readdirSync(directory));
    if (inode === ROOT && !names.includes(OWN)) names.push(OWN);
    const entries: DirectoryEntry[] = [];
    for (const name of names) {
      try {
        entries.push({ ...this.#meet(inode, name, this.#statChild(directory, inode, name)), name });
      } catch {
        // Gone since, or nothing that exists here.
      }
    }
    return entries;
  }

  readlink(inode: number): string {
    const known = this.#get(inode);
    return attempt(known.name, () => nodeFs.readlinkSync(this.#checkedPath(known)));
  }

  read(inode: number, offset: number, into: Uint8Array): number {
    const known = this.#get(inode);
    return attempt(known.name, () =>
      this.#withDescriptor(known, false, (descriptor) => {
        let got = 0;
        while (got < into.length) {
          const count = nodeFs.readSync(descriptor, into, got, into.length - got, offset + got);
          if (count === 0) break;
          got += count;
        }
        return got;
      }),
    );
  }

  write(inode: number, offset: number, bytes: Uint8Array): Stat {
    const known = this.#get(inode);
    attempt(known.name, () =>
      this.#withDescriptor(known, true, (descriptor) => {
        for (let put = 0; put < bytes.length;) {
          put += nodeFs.writeSync(descriptor, bytes, put, bytes.length - put, offset + put);
        }
      }),
    );
    this.data += 1;
    this.#tell(known.parent, known.name);
    return this.getattr(inode);
  }

  open(inode: number): void {
    const known = this.#get(inode);
    if (known.opens === 0) {
      attempt(known.name, () => {
        try {
          known.descriptor = this.#openFile(known, true);
        } catch (error) {
          if (!isDenied(error)) throw error;
          known.descriptor = this.#openFile(known, false);
        }
      });
    }
    known.opens += 1;
  }

  close(inode: number): void {
    const known = this.#known.get(inode);
    if (!known || known.opens === 0) return;
    known.opens -= 1;
    if (known.opens > 0 || known.descriptor === undefined) return;
    const gone = nodeFs.fstatSync(known.descriptor).nlink === 0;
    nodeFs.closeSync(known.descriptor);
    known.descriptor = undefined;
    if (gone) this.#forgetIfClosed(inode);
  }

  /** Of the disk that the folder is on. */
  statfs(): FileSystemUsage {
    const { bsize, blocks, bavail, files } = nodeFs.statfsSync(this.#root);
    return { blockSize: bsize, blocks, freeBlocks: bavail, files, limited: true };
  }

  commit(): void {}

  sync(inode: number): void {
    for (const known of inode === 0 ? this.#known.values() : [this.#get(inode)]) {
      const { descriptor } = known;
      if (descriptor !== undefined) attempt(known.name, () => nodeFs.fsyncSync(descriptor));
    }
  }

  takeChanges(): ReadonlySet<string> {
    const changes = this.#changes;
    if (changes.size > 0) this.#changes = new Set();
    return changes;
  }

  end(): void {
    for (const known of this.#known.values()) {
      if (known.descriptor !== undefined) nodeFs.closeSync(known.descriptor);
      known.descriptor = undefined;
      known.opens = 0;
    }
  }

  // ---- inside

  #get(inode: number): Known {
    const known = this.#known.get(inode);
    if (!known) throw new FsError(ERRNO.ESTALE);
    return known;
  }

  #isOwn(parent: number, name: string): boolean {
    return parent === ROOT && name === OWN;
  }

  #pathOf(inode: number): string {
    const names: string[] = [];
    let known = this.#get(inode);
    while (known.inode !== ROOT) {
      if (this.#isOwn(known.parent, known.name)) return join(this.#own, ...names.reverse());
      names.push(known.name);
      known = this.#get(known.parent);
    }
    return join(this.#root, ...names.reverse());
  }

  /** The path of a directory, after a look that no link has taken its place or its parents'. */
  #directoryPath(inode: number): string {
    const path = this.#pathOf(inode);
    const real = attempt(this.#get(inode).name, () => nodeFs.realpathSync.native(path));
    if (!isInside(real, this.#root) && !isInside(real, this.#own)) throw new FsError(ERRNO.EACCES);
    if (!attempt(path, () => nodeFs.lstatSync(path)).isDirectory()) throw new FsError(ERRNO.ENOTDIR);
    return path;
  }

  /** The path of a file, after a look that it is still the one that was met. */
  #checkedPath(known: Known): string {
    if (known.inode === ROOT || this.#isOwn(known.parent, known.name)) return this.#directoryPath(known.inode);
    const path = join(this.#directoryPath(known.parent), known.name);
    if (keyOf(nodeFs.lstatSync(path, { bigint: true })) !== known.key) throw new FsError(ERRNO.ESTALE, known.name);
    return path;
  }

  #statChild(directory: string, parent: number, name: string): BigIntStats {
    const path = this.#isOwn(parent, name) ? this.#own : join(directory, name);
    return nodeFs.lstatSync(path, { bigint: true });
  }

  #stat(known: Known): Stat {
    const stats =
      known.descriptor === undefined
        ? nodeFs.lstatSync(this.#pathOf(known.inode), { bigint: true })
        : nodeFs.fstatSync(known.descriptor, { bigint: true });
    if (keyOf(stats) !== known.key && known.inode !== ROOT) throw new FsError(ERRNO.ESTALE, known.name);
    return toStat(known, stats);
  }

  /** Remembers a file under where it was seen last. */
  #meet(parent: number, name: string, stats: BigIntStats): Stat {
    if (!stats.isFile() && !stats.isDirectory() && !stats.isSymbolicLink()) throw new FsError(ERRNO.ENOENT, name);
    const key = keyOf(stats);
    const inode = this.#inodes.get(key) ?? this.#next++;
    let known = this.#known.get(inode);
    if (!known) {
      known = { inode, key, parent, name, opens: 0, descriptor: undefined };
      this.#known.set(inode, known);
      this.#inodes.set(key, inode);
    } else if (inode !== ROOT) {
      known.parent = parent;
      known.name = name;
    }
    return toStat(known, stats);
  }

  #forgetIfClosed(inode: number | undefined): void {
    const known = inode === undefined ? undefined : this.#known.get(inode);
    if (!known || known.opens > 0) return;
    this.#known.delete(known.inode);
    if (this.#inodes.get(known.key) === known.inode) this.#inodes.delete(known.key);
  }

  #openFile(known: Known, writing: boolean): number {
    const path = join(this.#directoryPath(known.parent), known.name);
    const flags = (writing ? constants.O_RDWR : constants.O_RDONLY) | NO_FOLLOW | constants.O_NONBLOCK;
    const descriptor = nodeFs.openSync(path, flags);
    const stats = nodeFs.fstatSync(descriptor, { bigint: true });
    if (stats.isFile() && keyOf(stats) === known.key) return descriptor;
    nodeFs.closeSync(descriptor);
    throw new FsError(stats.isDirectory() ? ERRNO.EISDIR : ERRNO.ESTALE, known.name);
  }

  #withDescriptor<T>(known: Known, writing: boolean, work: (descriptor: number) => T): T {
    if (known.descriptor !== undefined) return work(known.descriptor);
    const descriptor = this.#openFile(known, writing);
    try {
      return work(descriptor);
    } finally {
      nodeFs.closeSync(descriptor);
    }
  }

  #tell(parent: number, name: string): void {
    const names = [name];
    for (let known = this.#known.get(parent); known && known.inode !== ROOT; known = this.#known.get(known.parent)) {
      names.push(known.name);
    }
    this.#changes.add(names.reverse().join("/"));
  }
}

/** Absent on Windows. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

const keyOf = (stats: BigIntStats): string => `${stats.dev}:${stats.ino}`;

const isInside = (path: string, root: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

function toStat(known: Known, stats: BigIntStats): Stat {
  return {
    inode: known.inode,
    mode: Number(stats.mode),
    links: Number(stats.nlink),
    size: Number(stats.size),
    modified: Number(stats.mtimeNs / 1000n) / 1000,
    changed: Number(stats.ctimeNs / 1000n) / 1000,
    version: 0,
    uid: 0,
    gid: 0,
    parent: known.parent,
  };
}

const DENIED = new Set(["EACCES", "EPERM", "EROFS", "ETXTBSY"]);
const isDenied = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string" && DENIED.has(error.code);

/** Runs file calls; what Node throws becomes the FsError of the same number. */
function attempt<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FsError || !(error instanceof Error) || !("code" in error)) throw error;
    const code = String(error.code);
    throw new FsError(code in ERRNO ? ERRNO[code as keyof typeof ERRNO] : ERRNO.EIO, what);
  }
}
