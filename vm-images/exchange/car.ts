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
import { importer } from "ipfs-unixfs-importer";
import type { CID } from "multiformats/cid";
import { type FileEntry, listFiles, readFile } from "#core/artefact/unixfs.ts";
import { KromaError } from "#core/base/errors.ts";
import { carHeader, carSection, openCar as readCar } from "#core/store/car.ts";
import { checkForeignBlock, storedName } from "#core/store/cid.ts";
import type { BlockSource } from "#core/store/stores.ts";

/** As long as any root that is made here: the real one is known only when all blocks are written. */
const PLACEHOLDER = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";

/** One after the other, so that the same image is the same file. */
const LAYOUT = {
  profile: "unixfs-v1-2025",
  wrapWithDirectory: true,
  fileImportConcurrency: 1,
  blockWriteConcurrency: 1,
} as const;

/** Writes the files `names` of a folder as one CAR file; resolves with the root's CID. */
export async function writeCar(folder: string, names: readonly string[], file: string): Promise<CID> {
  const seen = new Set<string>();
  const files = [...names].sort().map((path) => ({ path, content: createReadStream(join(folder, path)) }));
  const handle = await open(file, "w");
  try {
    await handle.write(carHeader([PLACEHOLDER]));
    const blocks = {
      put: async (cid: CID, bytes: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<CID> => {
        if (seen.has(cid.toString())) return cid;
        seen.add(cid.toString());
        const whole = bytes instanceof Uint8Array ? bytes : await gathered(bytes);
        await handle.appendFile(carSection({ cid: cid.toString(), bytes: whole }));
        return cid;
      },
    };
    let root: CID | undefined;
    for await (const entry of importer(files, blocks, LAYOUT)) root = entry.cid;
    if (!root) throw new KromaError("invalid", "there are no files to export");
    await handle.write(carHeader([root.toString()]), 0, undefined, 0);
    return root;
  } finally {
    await handle.close();
  }
}

/** A CAR file on disk whose every block has been checked against its CID. */
export interface CheckedCar {
  readonly root: string;
  /** Copies a file of the directory to `target`; false if there is none of that name. Refuses more than `limit` bytes. */
  extract(path: string, target: string, limit: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Opens a CAR file. `wanted` is the root it must have, where that is known. */
export async function openCar(file: string, wanted?: CID): Promise<CheckedCar> {
  const { root, places } = await checked(file, wanted?.toString());
  const handle = await open(file);
  const source: BlockSource = {
    async get(cid) {
      const place = places.get(storedName(cid));
      if (!place) throw new KromaError("corrupt", `${file} lacks the block ${cid}`);
      const bytes = new Uint8Array(place.length);
      await handle.read(bytes, 0, place.length, place.at);
      // It was right when it was read first; it may be another file by now.
      return checkForeignBlock(cid, bytes);
    },
  };
  // A directory of thousands of files is many blocks, which are read once and not for each file.
  const listed = async (): Promise<ReadonlyMap<string, FileEntry>> =>
    new Map((await listFiles(root, source)).map((entry) => [entry.path, entry]));
  let files: ReturnType<typeof listed> | undefined;
  return {
    root,
    async extract(path, target, limit) {
      files ??= listed();
      const found = (await files).get(path);
      if (!found) return false;
      if (found.size > limit) throw new KromaError("corrupt", `${path} is longer than it should be`);
      await mkdir(dirname(target), { recursive: true });
      await pipeline(Readable.from(readFile(found.cid, source)), createWriteStream(target));
      return true;
    },
    close: () => handle.close(),
  };
}

interface Place {
  readonly at: number;
  readonly length: number;
}

/** Reads all of the file once. What it says is wrong is said of this file. */
async function checked(
  file: string,
  wanted: string | undefined,
): Promise<{ readonly root: string; readonly places: ReadonlyMap<string, Place> }> {
  const places = new Map<string, Place>();
  try {
    const car = await readCar(createReadStream(file, { highWaterMark: 2 ** 20 }));
    const [root] = car.roots;
    if (root === undefined || car.roots.length > 1)
      throw new KromaError("corrupt", `It must have one root, not ${car.roots.length}.`);
    if (wanted !== undefined && root !== wanted) throw new KromaError("corrupt", `It holds ${root}, not ${wanted}.`);
    for await (const { cid, bytes, at } of car.blocks) places.set(storedName(cid), { at, length: bytes.length });
    return { root, places };
  } catch (error) {
    if (!(error instanceof KromaError)) throw error;
    throw new KromaError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}

async function gathered(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
