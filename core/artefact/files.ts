/**
 * Makes the UnixFS directory of an artefact's files. The layout is the profile "unixfs-v1-2025" of IPFS
 * (https://github.com/ipfs/specs/pull/499): CIDv1, raw leaves, chunks of 1 MiB, 1024 links to a node; so the same files have
 * the same CID as in any other program that keeps to it. The notebook and its page alone are cut otherwise (chunks.ts).
 */
import { importer, type BufferImporter } from "ipfs-unixfs-importer";
import type { CID } from "multiformats/cid";
import { KromaError } from "../base/errors.ts";
import { blockCid, codecOf, parseCid } from "../store/cid.ts";
import type { BlockStore } from "../store/stores.ts";
import { throwIfAborted } from "../store/walk.ts";
import { contentChunks, FIXED_CHUNK, fixedChunks } from "./chunks.ts";
import type { LeafLog } from "./leaf-log.ts";
import { NOTEBOOK_PATH, PAGE_PATH } from "./manifest.ts";
import { checkPaths } from "./paths.ts";

/** A file that goes in. Its content is read once, when its turn comes. */
export interface SourceFile {
  /** Inside the artefact: "workspace/data.csv". */
  readonly path: string;
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
  /** Of a file that was begun before: the leaves that are there, after which `content` goes on. */
  readonly leaves?: LeafLog;
}

/** What is told meanwhile. */
export interface Progress {
  /** Of files, that went into blocks so far. */
  readonly bytes: number;
  /** The file that is being read. */
  readonly path: string;
}

export interface BuildOptions {
  readonly signal?: AbortSignal;
  readonly progress?: (progress: Progress) => void;
}

/** A directory that was made. */
export interface BuiltFiles {
  readonly cid: string;
  /** CID of each file by its path. */
  readonly entries: ReadonlyMap<string, string>;
  /** Of all files together. */
  readonly bytes: number;
}

/** One after the other, so that memory holds a few blocks whatever there is to publish. */
const LAYOUT = {
  profile: "unixfs-v1-2025",
  wrapWithDirectory: true,
  fileImportConcurrency: 1,
  blockWriteConcurrency: 8,
  // Files come in chunks already, each kind in its own way.
  chunker: (chunks: AsyncIterable<Uint8Array>) => chunks,
} as const;
/** Files that are written anew for each version of what is published. */
const CUT_BY_CONTENT: readonly string[] = [NOTEBOOK_PATH, PAGE_PATH];

/** Puts the files into the store. `invalid` when a path may not be, is there twice, or is a file's and a folder's. */
export async function buildFiles(
  files: readonly SourceFile[],
  store: Pick<BlockStore, "put">,
  options: BuildOptions = {},
): Promise<BuiltFiles> {
  checkPaths(files.map(({ path }) => path));
  let bytes = 0;
  const logs = new Map(files.flatMap(({ path, leaves }) => (leaves ? [[path, leaves] as const] : [])));
  const sources = [...files]
    .sort((left, right) => (left.path < right.path ? -1 : 1))
    .map(({ path, content }) => ({
      path,
      content: chunksOf(
        path,
        counted(content, (count) => {
          throwIfAborted(options.signal);
          bytes += count;
          options.progress?.({ bytes, path });
        }),
      ),
    }));
  const entries = new Map<string, string>();
  let root: CID | undefined;
  const writing = new WriteBehind(store);
  try {
    for await (const entry of importer(sources, writing, { ...LAYOUT, bufferImporter: leavesInto(writing, logs) })) {
      root = entry.cid;
      if (entry.path !== undefined && entry.path !== "") entries.set(entry.path, entry.cid.toString());
    }
  } finally {
    // Also when it failed, for the most that was done counts the next time.
    await writing.end().finally(() => Promise.all([...logs.values()].map((log) => log.flush())));
  }
  // Of no files the importer makes nothing; a directory with nothing in it is something.
  const cid = root?.toString() ?? (await store.put(EMPTY_DIRECTORY, "dag-pb"));
  const paths = new Set(files.map(({ path }) => path));
  return { cid, entries: new Map([...entries].filter(([path]) => paths.has(path))), bytes };
}

/** The UnixFS node of an empty directory. */
const EMPTY_DIRECTORY = Uint8Array.of(0x0a, 0x02, 0x08, 0x01);

/** In place of the bytes of a leaf that is there; of raw leaves nobody looks at them. */
const NOT_READ = new Uint8Array();

/** Makes the leaves of a file: those that are there already first, which are not read. */
function leavesInto(writing: WriteBehind, logs: ReadonlyMap<string, LeafLog>): BufferImporter {
  return async function* (file) {
    const log = file.path === undefined ? undefined : logs.get(file.path);
    let index = 0;
    for (const known of log?.known ?? []) {
      index += 1;
      yield async () => ({ cid: parseCid(known), size: BigInt(FIXED_CHUNK), block: NOT_READ });
    }
    for await (const block of file.content) {
      const at = index;
      index += 1;
      yield async () => {
        const cid = parseCid(await blockCid(block));
        // A shorter one is the last, and another one when the file has grown.
        const isNoted = log !== undefined && block.length === FIXED_CHUNK;
        await writing.write(cid, block, isNoted ? () => log.note(at, cid.toString()) : undefined);
        return { cid, size: BigInt(block.length), block };
      };
    }
  };
}

const chunksOf = (path: string, content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
  CUT_BY_CONTENT.includes(path) ? contentChunks(content) : fixedChunks(content);

async function* counted(content: SourceFile["content"], came: (count: number) => void): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) {
    // In pieces, so that it can be stopped and told of on the way.
    for (let at = 0; at < content.length; at += FIXED_CHUNK) {
      const piece = content.subarray(at, at + FIXED_CHUNK);
      came(piece.length);
      yield piece;
    }
    return;
  }
  for await (const piece of content) {
    came(piece.length);
    yield piece;
  }
}

/** So many blocks are on their way to the store at once: disks write several in the time of one. */
const MOST_WRITING = 8;

/** A store as the importer writes to it: the next blocks are made while those before are written. */
class WriteBehind {
  readonly #store: Pick<BlockStore, "put">;
  readonly #writing = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(store: Pick<BlockStore, "put">) {
    this.#store = store;
  }

  readonly put: Parameters<typeof importer>[1]["put"] = (cid, bytes) => {
    if (!(bytes instanceof Uint8Array)) throw new KromaError("invalid", "A block has to be whole.");
    return this.write(cid, bytes);
  };

  /** `written` is called when it is in the store. */
  async write(cid: CID, bytes: Uint8Array, written?: () => Promise<void>): Promise<CID> {
    while (this.#writing.size >= MOST_WRITING) await Promise.race(this.#writing);
    if (this.#failure) throw this.#failure.error;
    const write = this.#store
      .put(bytes, codecOf(cid.toString()))
      .then(() => written?.())
      .catch((error: unknown) => {
        this.#failure ??= { error };
      });
    this.#writing.add(write);
    void write.then(() => this.#writing.delete(write));
    return cid;
  }

  /** Resolves when everything is written; rejects when something could not be. */
  async end(): Promise<void> {
    await Promise.all(this.#writing);
    if (this.#failure) throw this.#failure.error;
  }
}
