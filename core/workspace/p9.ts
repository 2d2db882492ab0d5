/**
 * A 9P2000.L server over the workspace, for the Linux machine: v86 hands each message to `handle` and passes the
 * answer on. Synchronous: it runs in the machine's worker, which may block.
 * Facts of the protocol: https://github.com/chaos/diod/blob/master/protocol.md and the Linux kernel's fs/9p, net/9p.
 *
 * Mount with `-o trans=virtio,version=9p2000.L,msize=524288,cache=mmap,locktimeout=1`: with cache=loose the guest
 * would not see what others write.
 */
import { ERRNO, FsError } from "./errno.ts";
import { P9Reader, P9Writer } from "./p9-codec.ts";
import { isSpecial, SpecialNodes } from "./p9-special.ts";
import {
  type AttributeChange,
  type DirectoryEntry,
  isDirectory,
  isFile,
  isSymlink,
  type LockType,
  MODE,
  ROOT,
  type Stat,
} from "./protocol.ts";
import type { SyncFs } from "./sync-client.ts";

/** What a fid of the guest stands for. */
interface Fid {
  inode: number;
  open: boolean;
  listing: readonly Listed[] | undefined;
}
type Listed = Pick<DirectoryEntry, "name" | "inode" | "mode">;

export interface NinePOptions {
  /** Largest message in bytes that is agreed to. */
  readonly messageSize?: number;
  /** Told of failures that are our own mistakes; the guest gets EIO. */
  readonly failed?: (error: unknown) => void;
}

/** Requests by number; an answer is one more. */
const T = {
  statfs: 8,
  lopen: 12,
  lcreate: 14,
  symlink: 16,
  mknod: 18,
  rename: 20,
  readlink: 22,
  getattr: 24,
  setattr: 26,
  xattrwalk: 30,
  xattrcreate: 32,
  readdir: 40,
  fsync: 50,
  lock: 52,
  getlock: 54,
  link: 70,
  mkdir: 72,
  renameat: 74,
  unlinkat: 76,
  version: 100,
  auth: 102,
  attach: 104,
  flush: 108,
  walk: 110,
  read: 116,
  write: 118,
  clunk: 120,
  remove: 122,
} as const;
const RLERROR = 7;
const VERSION = "9P2000.L";
const O_EXCL = 0o200;
const O_TRUNC = 0o1000;
const AT_REMOVEDIR = 0x200;
const V9FS_MAGIC = 0x01021997;
const QID = { directory: 0x80, symlink: 0x02, file: 0 } as const;
const SETATTR = { mode: 1, uid: 2, gid: 4, size: 8, mtime: 32, mtimeSet: 256 } as const;
const LOCK = { success: 0, blocked: 1 } as const;
const GETATTR_BASIC = 0x7ff;
const READ_HEADER = 11;
/**
 * What programs are told to read and write at once (`st_blksize`): each piece is a message. The C library's files take up
 * to 8 KiB of it. Of more than this, a program that reads a small file would clear memory that it has no use of.
 */
const PIECE = 32 * 1024;

export class NineP {
  readonly #fs: SyncFs;
  readonly #largest: number;
  readonly #failed: (error: unknown) => void;
  readonly #fids = new Map<number, Fid>();
  readonly #special = new SpecialNodes();
  #messageSize = 8192;

  constructor(fs: SyncFs, options: NinePOptions = {}) {
    this.#fs = fs;
    this.#largest = options.messageSize ?? 1 << 20;
    this.#failed = options.failed ?? (() => undefined);
  }

  /** Answers one message. The answer's memory is its own. */
  handle(request: Uint8Array): Uint8Array {
    const reader = new P9Reader(request);
    reader.u32();
    const type = reader.u8();
    const tag = reader.u16();
    const writer = new P9Writer();
    try {
      this.#perform(type, reader, writer);
      return writer.finish(type + 1, tag);
    } catch (error) {
      if (!(error instanceof FsError)) this.#failed(error);
      const failure = new P9Writer();
      failure.u32(error instanceof FsError ? error.errno : ERRNO.EIO);
      return failure.finish(RLERROR, tag);
    }
  }

  /** Forgets all fids and closes what they held: the machine is gone, or starts again from a saved state. */
  reset(): void {
    for (const fid of this.#fids.values()) this.#close(fid);
    this.#fids.clear();
    this.#special.clear();
  }

  #perform(type: number, reader: P9Reader, writer: P9Writer): void {
    const fs = this.#fs;
    switch (type) {
      case T.version: {
        this.reset();
        this.#messageSize = Math.min(reader.u32(), this.#largest);
        const version = reader.text();
        writer.u32(this.#messageSize);
        return writer.text(version === VERSION ? VERSION : "unknown");
      }
      case T.attach: {
        this.#fids.set(reader.u32(), { inode: ROOT, open: false, listing: undefined });
        return putQid(writer, fs.getattr(ROOT));
      }
      case T.flush:
        return;
      case T.walk:
        return this.#walk(reader, writer);
      case T.clunk: {
        const number = reader.u32();
        this.#close(this.#fid(number));
        this.#fids.delete(number);
        return;
      }
      case T.remove:
        this.#fids.delete(reader.u32());
        throw new FsError(ERRNO.EOPNOTSUPP);
      case T.lopen: {
        const fid = this.#fid(reader.u32());
        const flags = reader.u32();
        const stat = this.#stat(fid.inode);
        if (isFile(stat)) {
          this.#open(fid);
          if (flags & O_TRUNC) fs.setattr(fid.inode, { size: 0 });
        }
        fid.listing = undefined;
        putQid(writer, stat);
        return writer.u32(0);
      }
      case T.lcreate: {
        const fid = this.#fid(reader.u32());
        const name = reader.text();
        const flags = reader.u32();
        const mode = MODE.file | (reader.u32() & MODE.permissions);
        const stat = fs.create(fid.inode, name, mode, { exclusive: (flags & O_EXCL) !== 0, open: true });
        if (flags & O_TRUNC && stat.size > 0) fs.setattr(stat.inode, { size: 0 });
        this.#close(fid);
        fid.inode = stat.inode;
        fid.open = true;
        putQid(writer, stat);
        return writer.u32(0);
      }
      case T.symlink: {
        const fid = this.#fid(reader.u32());
        const name = reader.text();
        const target = reader.text();
        return putQid(writer, fs.create(fid.inode, name, MODE.symlink | 0o777, { exclusive: true, target }));
      }
      case T.mknod: {
        const fid = this.#fid(reader.u32());
        const name = reader.text();
        const mode = reader.u32();
        if (isSpecial(mode)) {
          if (fs.lookup(fid.inode, name)) throw new FsError(ERRNO.EEXIST, name);
          return putQid(writer, this.#special.make(fid.inode, name, mode));
        }
        if (!isFile({ mode })) throw new FsError(ERRNO.EPERM, name);
        return putQid(writer, fs.create(fid.inode, name, mode, { exclusive: true }));
      }
      case T.mkdir: {
        const fid = this.#fid(reader.u32());
        const name = reader.text();
        const mode = MODE.directory | (reader.u32() & MODE.permissions);
        return putQid(writer, fs.create(fid.inode, name, mode, { exclusive: true }));
      }
      case T.readlink:
        return writer.text(fs.readlink(this.#fid(reader.u32()).inode));
      case T.getattr:
        return putAttributes(writer, this.#stat(this.#fid(reader.u32()).inode));
      case T.setattr:
        return this.#setattr(reader);
      case T.readdir:
        return this.#readdir(reader, writer);
      case T.fsync: {
        const { inode } = this.#fid(reader.u32());
        if (!this.#special.get(inode)) fs.sync(inode);
        return;
      }
      case T.lock:
        return this.#lock(reader, writer);
      case T.getlock:
        return this.#getlock(reader, writer);
      case T.link: {
        const directory = this.#fid(reader.u32());
        const fid = this.#fid(reader.u32());
        if (this.#special.get(fid.inode)) throw new FsError(ERRNO.EPERM);
        return fs.link(fid.inode, directory.inode, reader.text());
      }
      case T.renameat: {
        const from = this.#fid(reader.u32());
        const name = reader.text();
        const to = this.#fid(reader.u32());
        return this.#rename(from.inode, name, to.inode, reader.text());
      }
      case T.unlinkat: {
        const fid = this.#fid(reader.u32());
        const name = reader.text();
        return this.#unlink(fid.inode, name, (reader.u32() & AT_REMOVEDIR) !== 0);
      }
      case T.statfs: {
        this.#fid(reader.u32());
        const usage = fs.statfs();
        writer.u32(V9FS_MAGIC);
        writer.u32(usage.blockSize);
        for (const number of [usage.blocks, usage.freeBlocks, usage.freeBlocks, usage.files, 1e9, 0])
          writer.u64(number);
        return writer.u32(255);
      }
      case T.read: {
        const fid = this.#fid(reader.u32());
        const offset = reader.u64();
        const wanted = Math.min(reader.u32(), this.#messageSize - READ_HEADER);
        const into = writer.reserve(4 + wanted).subarray(4);
        const got = fs.read(fid.inode, offset, into);
        writer.u32(got);
        return writer.skip(got);
      }
      case T.write: {
        const fid = this.#fid(reader.u32());
        const offset = reader.u64();
        const bytes = reader.bytes(reader.u32());
        return writer.u32(fs.write(fid.inode, offset, bytes));
      }
      default:
        // Extended attributes, authentication and the old rename: the guest does without.
        throw new FsError(ERRNO.EOPNOTSUPP);
    }
  }

  #walk(reader: P9Reader, writer: P9Writer): void {
    const from = this.#fid(reader.u32());
    const number = reader.u32();
    const count = reader.u16();
    const found: Stat[] = [];
    let inode = from.inode;
    for (let i = 0; i < count; i++) {
      const name = reader.text();
      const stat =
        name === ".." ? this.#parent(inode) : (this.#special.find(inode, name) ?? this.#fs.lookup(inode, name));
      if (!stat) {
        if (i === 0) throw new FsError(ERRNO.ENOENT, name);
        break;
      }
      found.push(stat);
      inode = stat.inode;
    }
    if (found.length === count) {
      const there = this.#fids.get(number);
      if (there) this.#close(there);
      this.#fids.set(number, { inode, open: false, listing: undefined });
    }
    writer.u16(found.length);
    for (const stat of found) putQid(writer, stat);
  }

  #setattr(reader: P9Reader): void {
    const fid = this.#fid(reader.u32());
    const mask = reader.u32();
    const [mode, uid, gid, size] = [reader.u32(), reader.u32(), reader.u32(), reader.u64()];
    reader.u64();
    reader.u64();
    const modified = reader.u64() * 1000 + reader.u64() / 1e6;
    const change: AttributeChange = {
      mode: mask & SETATTR.mode ? mode : undefined,
      uid: mask & SETATTR.uid ? uid : undefined,
      gid: mask & SETATTR.gid ? gid : undefined,
      size: mask & SETATTR.size ? size : undefined,
      modified: mask & SETATTR.mtime ? (mask & SETATTR.mtimeSet ? modified : Date.now()) : undefined,
    };
    if (this.#special.get(fid.inode)) return this.#special.change(fid.inode, change);
    if (Object.values(change).some((value) => value !== undefined)) this.#fs.setattr(fid.inode, change);
  }

  /** The listing is taken once, at its start: what changes meanwhile cannot make the guest miss a name. */
  #readdir(reader: P9Reader, writer: P9Writer): void {
    const fid = this.#fid(reader.u32());
    const offset = reader.u64();
    const room = Math.min(reader.u32(), this.#messageSize - READ_HEADER);
    if (offset === 0 || !fid.listing) {
      const self = this.#fs.getattr(fid.inode);
      const parent = this.#parent(fid.inode);
      fid.listing = [
        { ...self, name: "." },
        { ...parent, name: ".." },
        ...this.#fs.readdir(fid.inode),
        ...this.#special.in(fid.inode),
      ];
    }
    const start = writer.length;
    writer.u32(0);
    for (let index = offset; index < fid.listing.length; index++) {
      const entry = fid.listing[index] as Listed;
      const name = P9Writer.encode(entry.name);
      if (writer.length - start - 4 + 24 + name.length > room) break;
      putQid(writer, { ...entry, modified: 0, version: 0 });
      writer.u64(index + 1);
      writer.u8((entry.mode & MODE.format) >> 12);
      writer.u16(name.length);
      writer.append(name);
    }
    writer.patch32(start, writer.length - start - 4);
  }

  #lock(reader: P9Reader, writer: P9Writer): void {
    const fid = this.#fid(reader.u32());
    const type = reader.u8() as LockType;
    reader.u32();
    const [start, length, process] = [reader.u64(), reader.u64(), reader.u32()];
    const got = this.#fs.lock(fid.inode, { type, start, length, process }, process);
    writer.u8(got ? LOCK.success : LOCK.blocked);
  }

  #getlock(reader: P9Reader, writer: P9Writer): void {
    const fid = this.#fid(reader.u32());
    const type = reader.u8() as LockType;
    const [start, length, process] = [reader.u64(), reader.u64(), reader.u32()];
    const client = reader.text();
    const held = this.#fs.getlock(fid.inode, { type, start, length, process }, process);
    writer.u8(held.type);
    writer.u64(held.start);
    writer.u64(held.length);
    writer.u32(held.process);
    writer.text(client);
  }

  #fid(number: number): Fid {
    const fid = this.#fids.get(number);
    if (!fid) throw new FsError(ERRNO.EBADF);
    return fid;
  }

  #stat(inode: number): Stat {
    return this.#special.get(inode) ?? this.#fs.getattr(inode);
  }

  #rename(from: number, name: string, to: number, as: string): void {
    const target = this.#special.find(from, name) && this.#fs.lookup(to, as);
    // A pipe takes the place of a file as a file does.
    if (target && isDirectory(target)) throw new FsError(ERRNO.EISDIR, as);
    if (target) this.#fs.unlink(to, as);
    if (this.#special.rename(from, name, to, as)) return;
    this.#fs.rename(from, name, to, as);
    this.#special.remove(to, as);
  }

  #unlink(parent: number, name: string, isDirectoryWanted: boolean): void {
    if (!isDirectoryWanted && this.#special.remove(parent, name)) return;
    const directory = isDirectoryWanted ? this.#fs.lookup(parent, name) : undefined;
    if (directory && this.#special.in(directory.inode).length > 0) throw new FsError(ERRNO.ENOTEMPTY, name);
    this.#fs.unlink(parent, name, isDirectoryWanted);
  }

  #parent(inode: number): Stat {
    return this.#fs.getattr(inode === ROOT ? ROOT : this.#stat(inode).parent);
  }

  #open(fid: Fid): void {
    if (fid.open) return;
    this.#fs.open(fid.inode);
    fid.open = true;
  }

  #close(fid: Fid): void {
    if (!fid.open) return;
    fid.open = false;
    this.#fs.close(fid.inode);
  }
}

function putQid(writer: P9Writer, stat: Pick<Stat, "inode" | "mode" | "modified" | "version">): void {
  writer.u8(isDirectory(stat) ? QID.directory : isSymlink(stat) ? QID.symlink : QID.file);
  writer.u32((Math.floor(stat.modified / 1000) ^ stat.version) >>> 0);
  writer.u64(stat.inode);
}

function putAttributes(writer: P9Writer, stat: Stat): void {
  writer.u64(GETATTR_BASIC);
  putQid(writer, stat);
  for (const number of [stat.mode, stat.uid, stat.gid]) writer.u32(number);
  for (const number of [stat.links, 0, stat.size, PIECE, Math.ceil(stat.size / 512)]) writer.u64(number);
  for (const time of [stat.modified, stat.modified, stat.changed, 0]) {
    writer.u64(Math.floor(time / 1000));
    writer.u64(Math.floor((time % 1000) * 1e6));
  }
  writer.u64(0);
  writer.u64(stat.version);
}
