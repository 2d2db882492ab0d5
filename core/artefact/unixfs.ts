/**
 * Reads files and directories out of UnixFS blocks (https://specs.ipfs.tech/unixfs/), for anyone may have made them: names are
 * checked, sizes have to be true, depth and width are limited, and work is in proportion to the bytes that come out. The
 * exporter of the same makers is not used: it reads ahead of a slow reader without limit, and what goes wrong below the first
 * level is an unhandled rejection, which ends a process.
 */
import * as dagPb from "@ipld/dag-pb";
import { UnixFS } from "ipfs-unixfs";
import { KromaError } from "../base/errors.ts";
import { codecOf, inlineBytes } from "../store/cid.ts";
import type { BlockSource } from "../store/stores.ts";
import { throwIfAborted, WALK_LIMITS } from "../store/walk.ts";
import { isFitName, pathParts, quoted } from "./paths.ts";

/** What a directory names. */
export interface DirectoryEntry {
  readonly name: string;
  readonly cid: string;
  /** Bytes of all blocks there, as the directory has it; it need not be true. */
  readonly size: number;
}

/** A file somewhere below a directory. */
export interface FileEntry {
  readonly path: string;
  readonly cid: string;
  /** In bytes, as the directory or the file's first block has it; reading says `corrupt` when it isn't true. */
  readonly size: number;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
}

export interface RangeOptions extends ReadOptions {
  /** From this byte on. */
  readonly offset?: number;
  /** At most so many bytes. */
  readonly length?: number;
}

/** What a CID is in UnixFS. A link in a directory to plain data (dag-cbor) is `other`. */
export type UnixFsKind =
  | { readonly kind: "file"; readonly size: number }
  | { readonly kind: "directory" }
  | { readonly kind: "other" };

const MOST_DEPTH = 64;
/** Blocks of a file that are asked for before their turn: a file may be many small ones. */
const READ_AHEAD = 8;
/** Of one directory and of a whole tree. */
const MOST_ENTRIES = 100_000;

/** What that name stands for. */
export async function kindOf(cid: string, source: BlockSource, options: ReadOptions = {}): Promise<UnixFsKind> {
  const codec = codecOf(cid);
  if (codec !== "raw" && codec !== "dag-pb") return { kind: "other" };
  const bytes = await blockOf(cid, source, options.signal);
  if (codec === "raw") return { kind: "file", size: bytes.length };
  const { unixfs } = nodeOf(cid, bytes);
  if (unixfs.isDirectory()) return { kind: "directory" };
  if (unixfs.type !== "file" && unixfs.type !== "raw") return { kind: "other" };
  return { kind: "file", size: sizeOf(cid, unixfs) };
}

/** The entries of a directory, sharded or not, as they come. `corrupt` when a name may not be or is there twice. */
export async function* listDirectory(
  cid: string,
  source: BlockSource,
  options: ReadOptions = {},
): AsyncGenerator<DirectoryEntry> {
  const names = new Set<string>();
  for await (const entry of linksOfDirectory(cid, source, options.signal)) {
    const { name } = entry;
    if (!isFitName(name)) throw new KromaError("corrupt", `A file in it has a name that may not be: ${quoted(name)}.`);
    if (names.has(name)) throw new KromaError("corrupt", `The name ${quoted(name)} is there twice.`);
    names.add(name);
    yield entry;
  }
}

/** All files below a directory, in the order of their paths; but for those below entries of it that are called as in `except`. */
export async function listFiles(
  cid: string,
  source: BlockSource,
  options: ReadOptions & { readonly except?: readonly string[] } = {},
): Promise<readonly FileEntry[]> {
  const files: FileEntry[] = [];
  // One directory may stand in another a thousand times: it is read once.
  const kinds = new Map<string, UnixFsKind>();
  const directories = new Map<string, readonly DirectoryEntry[]>();
  let [entries, bytes] = [0, 0];
  const ahead = [{ cid, path: "", depth: 0 }];
  for (let next = ahead.pop(); next; next = ahead.pop()) {
    throwIfAborted(options.signal);
    const listed = directories.get(next.cid) ?? (await wholeDirectory(next.cid, source, options));
    directories.set(next.cid, listed);
    for (const { name, cid: entry, size } of listed) {
      entries += 1;
      if (entries > MOST_ENTRIES || next.depth > MOST_DEPTH)
        throw new KromaError("exhausted", "It has more files or folders than Kroma takes.");
      const path = `${next.path}${name}`;
      if (options.except?.includes(path)) continue;
      // A raw block is a file as long as its link says; so that a list does not need the bytes of files.
      const isRaw = codecOf(entry) === "raw";
      const what = isRaw
        ? ({ kind: "file", size } as const)
        : (kinds.get(entry) ?? (await kindOf(entry, source, options)));
      if (!isRaw) kinds.set(entry, what);
      if (what.kind === "file") {
        bytes += what.size;
        // A block may stand in a file, and a file in a directory, again and again: a little of it can be endless files.
        if (bytes > WALK_LIMITS.bytes) throw new KromaError("exhausted", "Its files are larger than Kroma takes.");
        files.push({ path, cid: entry, size: what.size });
      }
      if (what.kind === "directory") ahead.push({ cid: entry, path: `${path}/`, depth: next.depth + 1 });
    }
  }
  return files.sort((left, right) => (left.path < right.path ? -1 : 1));
}

async function wholeDirectory(
  cid: string,
  source: BlockSource,
  options: ReadOptions,
): Promise<readonly DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  for await (const entry of listDirectory(cid, source, options)) entries.push(entry);
  return entries;
}

/** The CID of what is at a path below a directory; undefined when nothing is. */
export async function resolvePath(
  cid: string,
  path: string,
  source: BlockSource,
  options: ReadOptions = {},
): Promise<string | undefined> {
  let at: string = cid;
  for (const part of pathParts(path)) {
    if ((await kindOf(at, source, options)).kind !== "directory") return undefined;
    let found: string | undefined;
    for await (const { name, cid: entry } of listDirectory(at, source, options)) {
      if (name === part) found = entry;
    }
    if (found === undefined) return undefined;
    at = found;
  }
  return at;
}

/** The bytes of a file, or of a stretch of it, in pieces of at most a block. A few blocks are asked for ahead of the reader. */
export async function* readFile(
  cid: string,
  source: BlockSource,
  options: RangeOptions = {},
): AsyncGenerator<Uint8Array> {
  const { offset = 0, length = Number.POSITIVE_INFINITY, signal } = options;
  const end = offset + length;
  const ahead: Piece[] = [{ cid, start: 0, size: undefined, depth: 0 }];
  const asked = new Map<Piece, Promise<Uint8Array>>();
  for (let next = ahead.pop(); next; next = ahead.pop()) {
    throwIfAborted(signal);
    for (const piece of [next, ...ahead.slice(-READ_AHEAD).reverse()]) {
      if (asked.has(piece)) continue;
      const asking = blockOf(piece.cid, source, signal);
      // Whether it fails is of interest when its turn comes, which may be never.
      asking.catch(() => undefined);
      asked.set(piece, asking);
    }
    const bytes = await (asked.get(next) as Promise<Uint8Array>);
    asked.delete(next);
    const { data, below, size } = pieceOf(next, bytes);
    // What is above said how long this is; else a file could be made to look small and be endless.
    if (next.size !== undefined && next.size !== size)
      throw new KromaError("corrupt", `A part of the file ${cid} is not as long as it should be.`);
    if (next.depth > MOST_DEPTH) throw new KromaError("exhausted", `The file ${cid} goes deeper than Kroma reads.`);
    const [from, to] = [Math.max(0, offset - next.start), Math.min(data.length, end - next.start)];
    if (from < to) yield data.subarray(from, to);
    for (const child of below.reverse()) {
      // A part of no bytes is never looked at, so that many of them cost nothing.
      const childEnd = child.start + (child.size as number);
      if (childEnd > Math.max(offset, child.start) && child.start < end) ahead.push(child);
    }
  }
}

/** A whole small file; `exhausted` when it has more than `most` bytes. */
export async function readWhole(
  cid: string,
  source: BlockSource,
  most: number,
  options: ReadOptions = {},
): Promise<Uint8Array> {
  const what = await kindOf(cid, source, options);
  if (what.kind !== "file") throw new KromaError("invalid", `${cid} is no file.`);
  if (what.size > most)
    throw new KromaError("exhausted", `A file of ${what.size} bytes is more than the ${most} that are read here.`);
  const whole = new Uint8Array(what.size);
  let at = 0;
  for await (const piece of readFile(cid, source, options)) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** A part of a file that is still to be read: where it starts, and how long it was said to be. */
interface Piece {
  readonly cid: string;
  readonly start: number;
  readonly size: number | undefined;
  readonly depth: number;
}

function pieceOf(piece: Piece, bytes: Uint8Array): { data: Uint8Array; below: Piece[]; size: number } {
  if (codecOf(piece.cid) === "raw") return { data: bytes, below: [], size: bytes.length };
  const { node, unixfs } = nodeOf(piece.cid, bytes);
  if (unixfs.type !== "file" && unixfs.type !== "raw")
    throw new KromaError("corrupt", `${piece.cid} is no part of a file.`);
  const data = unixfs.data ?? new Uint8Array();
  if (node.Links.length !== unixfs.blockSizes.length)
    throw new KromaError("corrupt", `${piece.cid} does not say how long its parts are.`);
  let start = piece.start + data.length;
  const below = node.Links.map(({ Hash }, index): Piece => {
    const size = Number(unixfs.blockSizes[index]);
    const child = { cid: Hash.toString(), start, size, depth: piece.depth + 1 };
    start += size;
    return child;
  });
  return { data, below, size: sizeOf(piece.cid, unixfs) };
}

async function* linksOfDirectory(
  cid: string,
  source: BlockSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<DirectoryEntry> {
  // A directory of many entries is a tree of shards; names of those below start with a prefix of hexadecimal digits.
  const shards = new Map<string, Shard>();
  let entries = 0;
  const ahead = [{ cid, depth: 0 }];
  for (let next = ahead.pop(); next; next = ahead.pop()) {
    throwIfAborted(signal);
    const shard = shards.get(next.cid) ?? (await readShard(next.cid, source, signal));
    shards.set(next.cid, shard);
    if (next.depth > 0 && shard.prefix === 0) throw new KromaError("corrupt", `${next.cid} is no part of a directory.`);
    for (const { name, cid: entry, size } of shard.entries) {
      entries += 1;
      if (entries > MOST_ENTRIES || next.depth > MOST_DEPTH)
        throw new KromaError("exhausted", "A directory in it is larger than Kroma reads.");
      if (shard.prefix > 0 && name.length === shard.prefix) ahead.push({ cid: entry, depth: next.depth + 1 });
      else yield { name: name.slice(shard.prefix), cid: entry, size };
    }
  }
}

/** A node of a directory; of one that is not sharded, names have no prefix. */
interface Shard {
  readonly prefix: number;
  readonly entries: readonly DirectoryEntry[];
}

async function readShard(cid: string, source: BlockSource, signal: AbortSignal | undefined): Promise<Shard> {
  const { node, unixfs } = nodeOf(cid, await blockOf(cid, source, signal));
  if (!unixfs.isDirectory()) throw new KromaError("corrupt", `${cid} is no directory.`);
  const entries = node.Links.map(({ Name = "", Hash, Tsize = 0 }) => ({
    name: Name,
    cid: Hash.toString(),
    size: Tsize,
  }));
  return { prefix: unixfs.type === "hamt-sharded-directory" ? prefixLength(cid, unixfs) : 0, entries };
}

function prefixLength(cid: string, { fanout }: UnixFS): number {
  if (fanout === undefined || fanout < 2n || fanout > 65_536n)
    throw new KromaError("corrupt", `The directory ${cid} is not sharded as it should be.`);
  return (fanout - 1n).toString(16).length;
}

async function blockOf(cid: string, source: BlockSource, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const bytes = inlineBytes(cid) ?? (await source.get(cid, signal && { signal }));
  if (!bytes) throw new KromaError("missing", `The block ${cid} is not here.`, { details: { cid } });
  return bytes;
}

function nodeOf(cid: string, bytes: Uint8Array): { node: dagPb.PBNode; unixfs: UnixFS } {
  try {
    if (codecOf(cid) !== "dag-pb") throw new Error("another codec");
    const node = dagPb.decode(bytes);
    if (!node.Data) throw new Error("no data");
    return { node, unixfs: UnixFS.unmarshal(node.Data) };
  } catch (error) {
    throw new KromaError("corrupt", `The block ${cid} is no file and no directory.`, { cause: error });
  }
}

/** From the sizes of its parts, for what a file says of its whole size need not be true. */
function sizeOf(cid: string, unixfs: UnixFS): number {
  const size = unixfs.blockSizes.reduce((sum, part) => sum + part, BigInt(unixfs.data?.length ?? 0));
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new KromaError("corrupt", `The file ${cid} is longer than can be.`);
  return Number(size);
}
