/** The Linux image of this machine, as it is named in artefacts and goes into them. */
import { createReadStream } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MountedFolder } from "#core/artefact/directory.ts";
import { buildFiles } from "#core/artefact/files.ts";
import { linuxFolder, type ReadImageFile } from "#core/artefact/linux-folder.ts";
import { IMAGE_LIST, imageListText, type LinuxImage, readImageList } from "#core/artefact/linux-note.ts";
import { blockCid } from "#core/store/cid.ts";
import type { BlockStore } from "#core/store/stores.ts";
import { partsOf, readManifest } from "#kernels/shell/image.ts";

const MANIFEST = "manifest.json";

/** The files of an image and their CID. Found once, which reads all of it, and noted beside them. */
export async function imageList(folder: string): Promise<LinuxImage> {
  const known = await readFile(join(folder, IMAGE_LIST), "utf8").catch(() => undefined);
  if (known !== undefined) {
    try {
      return readImageList(known);
    } catch {
      // Damaged: it is made again.
    }
  }
  const manifest = readManifest(await readFile(join(folder, MANIFEST), "utf8"));
  const paths = [MANIFEST, ...partsOf(manifest).map(({ file }) => file)];
  const files = await Promise.all(paths.map(async (path) => ({ path, size: (await stat(join(folder, path))).size })));
  const content = paths.map((path) => ({ path, content: readFrom(folder)(path) }));
  const { cid } = await buildFiles(content, { put: (bytes, codec) => blockCid(bytes, codec) });
  const list = { cid, files };
  const beside = join(folder, `${IMAGE_LIST}.${process.pid}`);
  try {
    await writeFile(beside, imageListText(list));
    await rename(beside, join(folder, IMAGE_LIST));
  } catch {
    // In a folder where nothing can be written it is found each time.
    await rm(beside, { force: true }).catch(() => undefined);
  }
  return list;
}

/** The image in that folder, as blocks in the store. */
export function takeImage(folder: string, image: LinuxImage, store: BlockStore): Promise<MountedFolder> {
  return linuxFolder(image, readFrom(folder), store);
}

/** Opened when its turn comes: an image has more files than a process may have open. */
const readFrom = (folder: string): ReadImageFile =>
  async function* (path) {
    yield* createReadStream(join(folder, path), { highWaterMark: 2 ** 20 }) as AsyncIterable<Uint8Array>;
  };
