/** Makes the directory of a Linux image out of its files, to name it by its CID or to have it along in an artefact. */
import { KromaError } from "../base/errors.ts";
import type { BlockStore } from "../store/stores.ts";
import type { MountedFolder } from "./directory.ts";
import { buildFiles, type BuildOptions } from "./files.ts";
import type { LinuxImage } from "./linux-note.ts";
import { LINUX_FOLDER } from "./places.ts";

/** Reads a file of the image by its path; rejects when it is not to be had. */
export type ReadImageFile = (path: string) => AsyncIterable<Uint8Array>;

/** Puts the image into the store, as the folder of an artefact. `unavailable` when it is another by now. */
export async function linuxFolder(
  image: LinuxImage,
  read: ReadImageFile,
  store: BlockStore,
  options: BuildOptions = {},
): Promise<MountedFolder> {
  const content = image.files.map(({ path }) => ({ path, content: read(path) }));
  const { cid, bytes } = await buildFiles(content, store, options);
  if (cid !== image.cid)
    throw new KromaError("unavailable", "The Linux image is another by now: reload the page, and try again.");
  return { name: LINUX_FOLDER, cid, bytes };
}

/** Reads files of an image from the host that serves it at this address, which ends with a slash. */
export function fetchImage(base: string, signal?: AbortSignal): ReadImageFile {
  return async function* (path) {
    const address = new URL(path.split("/").map(encodeURIComponent).join("/"), base);
    const response = await fetch(address, signal ? { signal } : {});
    if (!response.ok || !response.body)
      throw new KromaError("unavailable", `The host of this Kroma does not give the file ${path} of its Linux image.`);
    for (const reader = response.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  };
}
