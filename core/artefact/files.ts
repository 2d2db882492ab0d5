/**
 * Makes the UnixFS directory of an artefact's files. The layout is the profile "unixfs-v1-2025" of IPFS
 * (https://github.com/ipfs/specs/pull/499): CIDv1, raw leaves, chunks of 1 MiB, 1024 links to a node; so the same files have
 * the same CID as in any other program that keeps to it.
 */
import { importer } from "ipfs-unixfs-importer";
import type { CID } from "multiformats/cid";
import { KromaError } from "../base/errors.ts";
import { codecOf } from "../store/cid.ts";
import type { BlockStore } from "../store/stores.ts";
import { throwIfAborted } from "../store/walk.ts";
import { checkPaths } from "./paths.ts";

/** A file that goes in. Its content is read once, when its turn comes. */
export interface SourceFile {
  /** Inside the artefact: "workspace/data.csv". */
  readonly path: string;
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
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
  blockWriteConcurrency: 4,
} as const;

/** Puts the files into the store. `invalid` when a path may not be, is there twice, or is a file's and a folder's. */
export async function buildFiles(
  files: readonly SourceFile[],
  store: BlockStore,
  options: BuildOptions = {},
): Promise<BuiltFiles> {
  checkPaths(files.map(({ path }) => path));
  let bytes = 0;
  const sources = [...files]
    .sort((left, right) => (left.path < right.path ? -1 : 1))
    .map(({ path, content }) => ({
      path,
      content: counted(content, (count) => {
        throwIfAborted(options.signal);
        bytes += count;
        options.progress?.({ bytes, path });
      }),
    }));
  const entries = new Map<string, string>();
  let root: CID | undefined;
  for await (const entry of importer(sources, writableStorage(store), { ...LAYOUT })) {
    root = entry.cid;
    if (entry.path !== undefined && entry.path !== "") entries.set(entry.path, entry.cid.toString());
  }
  // Of no files the importer makes nothing; a directory with nothing in it is something.
  const cid = root?.toString() ?? (await store.put(EMPTY_DIRECTORY, "dag-pb"));
  const paths = new Set(files.map(({ path }) => path));
  return { cid, entries: new Map([...entries].filter(([path]) => paths.has(path))), bytes };
}

/** The UnixFS node of an empty directory. */
const EMPTY_DIRECTORY = Uint8Array.of(0x0a, 0x02, 0x08, 0x01);

async function* counted(content: SourceFile["content"], came: (count: number) => void): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) {
    // In pieces, so that it can be stopped and told of on the way.
    for (let at = 0; at < content.length; at += PIECE) {
      const piece = content.subarray(at, at + PIECE);
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

const PIECE = 1024 * 1024;

/** A store as the importer writes to it. */
function writableStorage(store: BlockStore): Parameters<typeof importer>[1] {
  return {
    put: async (cid, bytes) => {
      if (!(bytes instanceof Uint8Array)) throw new KromaError("invalid", "A block has to be whole.");
      await store.put(bytes, codecOf(cid.toString()));
      return cid;
    },
  };
}
