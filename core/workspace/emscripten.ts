/**
 * The workspace as an Emscripten file system, for Pyodide. Coherent with the other languages: Emscripten keeps nodes
 * by name for ever, so ours never enter its table; each lookup asks the client, whose cache knows when it is stale.
 * Typed by shape: Pyodide is not imported. Learnt from Emscripten's FS, MEMFS and NODEFS (src/lib/libfs.js).
 *
 * Use: const workspace = createWorkspaceFs(FS, fs); FS.mkdirTree("/workspace");
 *      FS.mount(workspace.type, {}, "/workspace"); and wrap the WebAssembly import `__syscall_fcntl64` with
 *      `workspace.fcntl(original, () => HEAPU8.buffer)` for record locks (sqlite3 shared with Linux needs them).
 */
import { ERRNO, FsError } from "./errno.ts";
import { isDirectory, isFile, type LockType, MODE, ROOT, type Stat } from "./protocol.ts";
import type { SyncFs } from "./sync-client.ts";

/** What is used of an Emscripten node. */
export interface EmscriptenNode {
  name: string;
  mode: number;
  parent: EmscriptenNode;
  node_ops?: object;
  stream_ops?: object;
}

/** What is used of an Emscripten stream. */
export interface EmscriptenStream {
  readonly node: EmscriptenNode;
  position: number;
  flags: number;
}

/** What is used of Emscripten's FS object. */
export interface EmscriptenFs {
  hashAddNode(node: EmscriptenNode): void;
  createNode(parent: EmscriptenNode | null, name: string, mode: number, device: number): EmscriptenNode;
  getStream(fd: number): EmscriptenStream | null | undefined;
  readonly ErrnoError: new (errno: number) => unknown;
  readonly filesystems: {
    readonly MEMFS: {
      readonly stream_ops: {
        mmap(stream: unknown, length: number, position: number, protection: number, flags: number): MappedMemory;
      };
    };
  };
}

interface MappedMemory {
  readonly ptr: number;
  readonly allocated: boolean;
}

interface Attributes {
  readonly size?: number;
  readonly mode?: number;
  readonly mtime?: number | Date;
}

/** The WebAssembly import `__syscall_fcntl64`. */
export type Fcntl = (fd: number, command: number, argument: number) => number;

export interface WorkspaceFsOptions {
  /** Asked while a program waits for a lock; true ends the wait with EINTR. */
  readonly interrupted?: () => boolean;
}

export interface WorkspaceFs {
  /** Give it to FS.mount. */
  readonly type: { mount(): EmscriptenNode };
  /** The import with record locks for files of the workspace; `memory` gives the buffer of the moment. */
  fcntl(original: Fcntl, memory: () => ArrayBufferLike): Fcntl;
}

/** Linux numbers to those of WASI, which Emscripten uses. */
const WASI: ReadonlyMap<number, number> = new Map([
  [ERRNO.EPERM, 63],
  [ERRNO.ENOENT, 44],
  [ERRNO.EIO, 29],
  [ERRNO.EBADF, 8],
  [ERRNO.EAGAIN, 6],
  [ERRNO.EACCES, 2],
  [ERRNO.EEXIST, 20],
  [ERRNO.EXDEV, 75],
  [ERRNO.ENOTDIR, 54],
  [ERRNO.EISDIR, 31],
  [ERRNO.EINVAL, 28],
  [ERRNO.EFBIG, 22],
  [ERRNO.ENOSPC, 51],
  [ERRNO.EROFS, 69],
  [ERRNO.ENAMETOOLONG, 37],
  [ERRNO.ENOSYS, 52],
  [ERRNO.ENOTEMPTY, 55],
  [ERRNO.ELOOP, 32],
  [ERRNO.EOPNOTSUPP, 138],
  [ERRNO.ESTALE, 44],
]);
const WASI_EINTR = 27;
const WASI_EIO = 29;
const WASI_EINVAL = 28;
const WASI_EAGAIN = 6;
const DEVICE = 77;
const BLOCK = 4096;
const F_GETLK = 12;
const F_SETLK = 13;
const F_SETLKW = 14;
const UNLOCK: LockType = 2;
const MAP_PRIVATE = 2;
const LOCK_POLL = 5;
/** The only process on Python's side. */
const PROCESS = 42;

type Inodes = EmscriptenNode & { inode: number };
type OpenStream = EmscriptenStream & { readonly node: Inodes; workspaceOpen?: boolean };

/** The mount type and the lock call for one Emscripten FS. Call it once for each FS object. */
export function createWorkspaceFs(FS: EmscriptenFs, fs: SyncFs, options: WorkspaceFsOptions = {}): WorkspaceFs {
  const fail = (error: unknown): never => {
    if (error instanceof FsError) throw new FS.ErrnoError(WASI.get(error.errno) ?? WASI_EIO);
    throw error;
  };
  const wrap =
    <Arguments extends readonly unknown[], Result>(work: (...args: Arguments) => Result) =>
    (...args: Arguments): Result => {
      try {
        return work(...args);
      } catch (error) {
        return fail(error);
      }
    };
  const makeNode = (parent: EmscriptenNode | null, name: string, stat: Stat): Inodes => {
    const node = FS.createNode(parent, name, stat.mode, 0) as Inodes;
    node.node_ops = nodeOperations;
    node.stream_ops = streamOperations;
    node.inode = stat.inode;
    return node;
  };
  /** Files that this side holds locks of. */
  const locked = new Set<number>();

  const nodeOperations = {
    getattr: wrap((node: Inodes) => {
      const stat = fs.getattr(node.inode);
      const modified = new Date(stat.modified);
      return {
        dev: DEVICE,
        ino: stat.inode,
        mode: stat.mode,
        nlink: stat.links,
        uid: 0,
        gid: 0,
        rdev: 0,
        size: stat.size,
        atime: modified,
        mtime: modified,
        ctime: new Date(stat.changed),
        blksize: BLOCK,
        blocks: Math.ceil(stat.size / 512),
      };
    }),
    setattr: wrap((node: Inodes, attributes: Attributes) => {
      if (attributes.size !== undefined) fs.setattr(node.inode, { size: attributes.size });
      if (attributes.mode !== undefined) {
        const mode = attributes.mode & MODE.permissions;
        node.mode = (node.mode & MODE.format) | mode;
        // Emscripten sets the mode of each file it has just made.
        if ((fs.getattr(node.inode).mode & MODE.permissions) !== mode) fs.setattr(node.inode, { mode });
      }
      if (attributes.mtime !== undefined) fs.setattr(node.inode, { modified: Number(attributes.mtime) });
    }),
    lookup: wrap((parent: Inodes, name: string) => {
      const stat = fs.lookup(parent.inode, name);
      if (!stat) throw new FsError(ERRNO.ENOENT);
      return makeNode(parent, name, stat);
    }),
    mknod: wrap((parent: Inodes, name: string, mode: number) => {
      if (!isFile({ mode }) && !isDirectory({ mode })) throw new FsError(ERRNO.EPERM);
      // open() asks for 0777 and sets the right mode at once; the usual one is guessed, to save that step.
      const wanted = isFile({ mode }) && (mode & 0o777) === 0o777 ? MODE.file | 0o666 : mode;
      return makeNode(parent, name, fs.create(parent.inode, name, wanted, { exclusive: true }));
    }),
    rename: wrap((node: Inodes, parent: Inodes, name: string) => {
      fs.rename((node.parent as Inodes).inode, node.name, parent.inode, name);
      node.name = name;
    }),
    unlink: wrap((parent: Inodes, name: string) => fs.unlink(parent.inode, name)),
    rmdir: wrap((parent: Inodes, name: string) => fs.unlink(parent.inode, name, true)),
    readdir: wrap((node: Inodes) => [".", "..", ...fs.readdir(node.inode).map((entry) => entry.name)]),
    symlink: wrap((parent: Inodes, name: string, target: string) =>
      makeNode(parent, name, fs.create(parent.inode, name, MODE.symlink | 0o777, { exclusive: true, target })),
    ),
    readlink: wrap((node: Inodes) => fs.readlink(node.inode)),
    statfs: wrap(() => {
      const { blockSize, blocks, freeBlocks, files } = fs.statfs();
      return {
        bsize: blockSize,
        frsize: blockSize,
        blocks,
        bfree: freeBlocks,
        bavail: freeBlocks,
        files,
        ffree: 1e6,
        fsid: DEVICE,
        flags: 0,
        namelen: 255,
      };
    }),
  };

  const streamOperations = {
    open: wrap((stream: OpenStream) => {
      if (!isFile(stream.node)) return;
      fs.open(stream.node.inode);
      stream.workspaceOpen = true;
    }),
    dup: wrap((stream: OpenStream) => {
      if (stream.workspaceOpen) fs.open(stream.node.inode);
    }),
    close: wrap((stream: OpenStream) => {
      if (!stream.workspaceOpen) return;
      const { inode } = stream.node;
      // POSIX: closing any descriptor of a file drops the process's locks of it.
      if (locked.delete(inode)) fs.lock(inode, { type: UNLOCK, start: 0, length: 0, process: PROCESS });
      fs.close(inode);
    }),
    read: wrap((stream: OpenStream, memory: ArrayBufferView, offset: number, length: number, position: number) =>
      fs.read(stream.node.inode, position, bytesOf(memory, offset, length)),
    ),
    write: wrap((stream: OpenStream, memory: ArrayBufferView, offset: number, length: number, position: number) =>
      length === 0 ? 0 : fs.write(stream.node.inode, position, bytesOf(memory, offset, length)),
    ),
    llseek: wrap((stream: OpenStream, offset: number, whence: number) => {
      let position = offset;
      if (whence === 1) position += stream.position;
      else if (whence === 2) position += fs.getattr(stream.node.inode).size;
      if (position < 0) throw new FsError(ERRNO.EINVAL);
      return position;
    }),
    fsync: wrap((stream: OpenStream) => {
      fs.sync(stream.node.inode);
      return 0;
    }),
    // A copy: what others write later is not seen; what is written comes back with msync, munmap.
    mmap: wrap((stream: OpenStream, length: number, position: number, protection: number, flags: number) => {
      const contents = new Uint8Array(length);
      fs.read(stream.node.inode, position, contents);
      return FS.filesystems.MEMFS.stream_ops.mmap(
        { node: { mode: MODE.file, contents } },
        length,
        0,
        protection,
        flags | MAP_PRIVATE,
      );
    }),
    msync: wrap((stream: OpenStream, bytes: Uint8Array, offset: number, length: number, flags: number) => {
      if (flags & MAP_PRIVATE) return 0;
      const inside = Math.min(length, fs.getattr(stream.node.inode).size - offset);
      if (inside > 0) fs.write(stream.node.inode, offset, bytes.subarray(0, inside));
      return 0;
    }),
  };

  const addToTable = FS.hashAddNode;
  FS.hashAddNode = (node) => {
    if (node.parent?.node_ops !== nodeOperations) addToTable.call(FS, node);
  };

  return {
    type: { mount: wrap(() => makeNode(null, "/", fs.getattr(ROOT))) },
    fcntl: (original, memory) => (fd, command, argument) => {
      const stream = command >= F_GETLK && command <= F_SETLKW ? FS.getStream(fd) : undefined;
      if (stream?.node.node_ops !== nodeOperations) return original(fd, command, argument);
      try {
        return lockCall(stream as OpenStream, command, memory, argument);
      } catch (error) {
        if (error instanceof FsError) return -(WASI.get(error.errno) ?? WASI_EIO);
        throw error;
      }
    },
  };

  /** F_GETLK, F_SETLK and F_SETLKW with a `struct flock`: type i16, whence i16, start i64 at 8, length i64, pid i32. */
  function lockCall(stream: OpenStream, command: number, memory: () => ArrayBufferLike, argument: number): number {
    const { inode } = stream.node;
    const view = new DataView(memory());
    // The variable arguments: the first is the pointer.
    const at = view.getUint32(argument >>> 0, true);
    const type = view.getInt16(at, true);
    const whence = view.getInt16(at + 2, true);
    let start = Number(view.getBigInt64(at + 8, true));
    let length = Number(view.getBigInt64(at + 16, true));
    if (whence === 1) start += stream.position;
    else if (whence === 2) start += fs.getattr(inode).size;
    if (length < 0) [start, length] = [start + length, -length];
    if (start < 0 || type < 0 || type > UNLOCK) return -WASI_EINVAL;
    const lock = { type: type as LockType, start, length, process: PROCESS };
    if (command === F_GETLK) {
      const held = fs.getlock(inode, lock);
      view.setInt16(at, held.type, true);
      if (held.type === UNLOCK) return 0;
      view.setInt16(at + 2, 0, true);
      view.setBigInt64(at + 8, BigInt(held.start), true);
      view.setBigInt64(at + 16, BigInt(held.length), true);
      view.setInt32(at + 24, held.process, true);
      return 0;
    }
    while (!fs.lock(inode, lock)) {
      if (command === F_SETLK) return -WASI_EAGAIN;
      if (options.interrupted?.()) return -WASI_EINTR;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL);
    }
    if (lock.type !== UNLOCK) locked.add(inode);
    return 0;
  }
}

function bytesOf(memory: ArrayBufferView, offset: number, length: number): Uint8Array {
  return new Uint8Array(memory.buffer, memory.byteOffset + offset, length);
}
