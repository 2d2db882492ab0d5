/**
 * A Linux image as a CAR file (CARv1, https://ipld.io/specs/transport/car/carv1/): its folder as a UnixFS directory under
 * one CID, so that any gateway or IPFS node can hand it on. The layout is the profile "unixfs-v1-2025", so the same image
 * has the same CID everywhere. Blocks are streamed; what comes in is checked block by block.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CarBlockIterator, CarIndexedReader, CarWriter } from "@ipld/car";
import { exporter } from "ipfs-unixfs-exporter";
import { importer } from "ipfs-unixfs-importer";
import { CID } from "multiformats/cid";
import { identity } from "multiformats/hashes/identity";
import { sha256 } from "multiformats/hashes/sha2";
import { KromaError } from "#core/base/errors.ts";

/** Most bytes of one block; more is no block of ours. */
const BLOCK = 2 * 1024 * 1024;
/** As long as any root that is made here: the real one is known only when all blocks are written. */
const PLACEHOLDER = CID.parse("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi");

/** One after the other, so that the same image is the same file. */
const LAYOUT = {
  profile: "unixfs-v1-2025",
  wrapWithDirectory: true,
  fileImportConcurrency: 1,
  blockWriteConcurrency: 1,
} as const;

/** Writes the files `names` of a folder as one CAR file; resolves with the root's CID. */
export async function writeCar(folder: string, names: readonly string[], file: string): Promise<CID> {
  const { writer, out } = CarWriter.create([PLACEHOLDER]);
  const written = pipeline(Readable.from(out), createWriteStream(file));
  const seen = new Set<string>();
  const blocks = {
    put: async (cid: CID, bytes: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<CID> => {
      if (!seen.has(cid.toString())) {
        seen.add(cid.toString());
        await writer.put({ cid, bytes: bytes instanceof Uint8Array ? bytes : await whole(bytes) });
      }
      return cid;
    },
  };
  const files = [...names].sort().map((path) => ({ path, content: createReadStream(join(folder, path)) }));
  let root: CID | undefined;
  try {
    for await (const entry of importer(files, blocks, LAYOUT)) root = entry.cid;
  } finally {
    await writer.close();
    await written;
  }
  if (!root) throw new KromaError("invalid", "there are no files to export");
  const handle = await open(file, "r+");
  try {
    await CarWriter.updateRootsInFile(handle, [root]);
  } finally {
    await handle.close();
  }
  return root;
}

/** A CAR file on disk whose every block has been checked against its CID. */
export interface CheckedCar {
  readonly root: CID;
  /** Copies a file of the directory to `target`; false if there is none of that name. Refuses more than `limit` bytes. */
  extract(path: string, target: string, limit: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Opens a CAR file. `wanted` is the root it must have, where that is known. */
export async function openCar(file: string, wanted?: CID): Promise<CheckedCar> {
  const root = await checked(file, wanted);
  const reader = await CarIndexedReader.fromFile(file);
  const blocks = {
    get: async function* (cid: CID): AsyncGenerator<Uint8Array> {
      const block = await reader.get(cid);
      if (!block) throw new KromaError("corrupt", `${file} lacks the block ${cid.toString()}`);
      yield block.bytes;
    },
  };
  return {
    root,
    async extract(path, target, limit) {
      let entry: Awaited<ReturnType<typeof exporter>>;
      try {
        entry = await exporter(`${root.toString()}/${path}`, blocks);
      } catch (error) {
        if (error instanceof Error && error.name === "NotFoundError") return false;
        throw error;
      }
      if (entry.type !== "file" && entry.type !== "raw") return false;
      if (entry.size > BigInt(limit)) throw new KromaError("corrupt", `${path} is longer than it should be`);
      await mkdir(dirname(target), { recursive: true });
      await pipeline(Readable.from(entry.content()), createWriteStream(target));
      return true;
    },
    close: () => reader.close(),
  };
}

async function checked(file: string, wanted: CID | undefined): Promise<CID> {
  let blocks: CarBlockIterator;
  let roots: CID[];
  try {
    blocks = await CarBlockIterator.fromIterable(createReadStream(file));
    roots = await blocks.getRoots();
  } catch (error) {
    throw new KromaError("corrupt", `${file} is no CAR file`, { cause: error });
  }
  const [root] = roots;
  if (!root || roots.length > 1) throw new KromaError("corrupt", `${file} must have one root, not ${roots.length}`);
  if (wanted && root.toString() !== wanted.toString())
    throw new KromaError("corrupt", `${file} holds ${root.toString()}, not ${wanted.toString()}`);
  try {
    for await (const { cid, bytes } of blocks) {
      if (bytes.length > BLOCK) throw new KromaError("corrupt", `${file} has a block of ${bytes.length} bytes`);
      if (!(await isWhatItSays(cid, bytes)))
        throw new KromaError("corrupt", `${file} has a block that is not what its CID says`);
    }
  } catch (error) {
    if (error instanceof KromaError) throw error;
    throw new KromaError("corrupt", `${file} is damaged or cut off`, { cause: error });
  }
  return root;
}

async function isWhatItSays({ multihash }: CID, bytes: Uint8Array): Promise<boolean> {
  if (multihash.code !== sha256.code && multihash.code !== identity.code) return false;
  const digest = multihash.code === identity.code ? bytes : (await sha256.digest(bytes)).digest;
  return Buffer.compare(digest, multihash.digest) === 0;
}

async function whole(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
