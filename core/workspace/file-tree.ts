/**
 * What the file server serves: a tree of inodes. tree-store.ts keeps one in a block file; a plugin passes a real
 * folder through. All methods are synchronous and throw FsErrors. Locks and who has what open are the server's.
 */
import { WORKSPACE_DIRECTORY } from "../kernel/kernel.ts";
import { ERRNO, FsError } from "./errno.ts";
import {
  type AttributeChange,
  type DirectoryEntry,
  type FileSystemUsage,
  isDirectory,
  isSymlink,
  ROOT,
  type Stat,
} from "./protocol.ts";

export interface FileTree {
  /** ENOENT if there is no such name. "." and ".." are names. */
  lookup(parent: number, name: string): Stat;
  getattr(inode: number): Stat;
  setattr(inode: number, change: AttributeChange): Stat;
  /** An existing regular file is the answer for a regular file, unless `exclusive`. */
  create(parent: number, name: string, mode: number, target: string, exclusive: boolean): Stat;
  unlink(parent: number, name: string, directory: boolean): void;
  rename(from: number, name: string, to: number, newName: string): void;
  link(inode: number, parent: number, name: string): void;
  list(inode: number): readonly DirectoryEntry[];
  readlink(inode: number): string;
  /** Fills `into` as far as the file goes; answers how far. */
  read(inode: number, offset: number, into: Uint8Array): number;
  write(inode: number, offset: number, bytes: Uint8Array): Stat;
  /** An open file stays readable and writable when its last name goes. */
  open(inode: number): void;
  close(inode: number): void;
  statfs(): FileSystemUsage;
  /** Changes so far survive the end of this process (`commit`), of the machine's power (`sync`). */
  commit(): void;
  sync(inode: number): void;
  readonly uncommitted: boolean;
  readonly unsynced: boolean;
  /** Grow when names and modes, or sizes and times, change. */
  readonly names: number;
  readonly data: number;
  /** Paths changed since the last call. */
  takeChanges(): ReadonlySet<string>;
  /** What a person should be told about the storage, or undefined when all is well. */
  readonly trouble: string | undefined;
  /** Ends the tree: all is on disk, its handles are closed. */
  end(): void;
}

const MOST_LINKS = 32;

/**
 * The file at a path from the root. Links are followed inside the tree only: an absolute target counts if it is
 * below the directory where kernels mount the workspace; any other does not exist here.
 */
export function resolvePath(tree: FileTree, path: string, follow: boolean): Stat {
  let links = 0;
  let stat = tree.getattr(ROOT);
  const names = path.split("/").reverse();
  while (names.length > 0) {
    const name = names.pop();
    if (name === undefined || name === "" || name === ".") continue;
    if (!isDirectory(stat)) throw new FsError(ERRNO.ENOTDIR, path);
    const next = tree.lookup(stat.inode, name);
    const last = names.every((rest) => rest === "" || rest === ".");
    if (!isSymlink(next) || (last && !follow)) {
      stat = next;
      continue;
    }
    links += 1;
    if (links > MOST_LINKS) throw new FsError(ERRNO.ELOOP, path);
    let target = tree.readlink(next.inode);
    if (target.startsWith("/")) {
      if (target !== WORKSPACE_DIRECTORY && !target.startsWith(`${WORKSPACE_DIRECTORY}/`)) {
        throw new FsError(ERRNO.ENOENT, path);
      }
      target = target.slice(WORKSPACE_DIRECTORY.length);
      stat = tree.getattr(ROOT);
    }
    names.push(...target.split("/").reverse());
  }
  return stat;
}

const encoder = new TextEncoder();

/** Throws unless `name` may be given to a file. */
export function checkName(name: string): void {
  if (name === "" || name === "." || name === ".." || name.includes("/") || name.includes("\0")) {
    throw new FsError(ERRNO.EINVAL, name);
  }
  if (name.length > 63 && encoder.encode(name).length > 255) throw new FsError(ERRNO.ENAMETOOLONG, name);
}
