/** Cuts a disk into chunks and packs them, on the threads that Node has for it: the emulator needs this one. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { constants, deflateRaw, zstdCompress } from "node:zlib";
import { createHash } from "node:crypto";
import type { ImagePart } from "#kernels/shell/image.ts";
import { CHUNK } from "./recipe.ts";

const AT_ONCE = 3;
const deflate = promisify(deflateRaw);
const zstd = promisify(zstdCompress);

/** SHA-256 in hexadecimal. */
export function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Writes what is fetched deflated; the hash is of its content. */
export async function writeDeflated(folder: string, file: string, content: Uint8Array): Promise<ImagePart> {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), await deflate(content, { level: 7 }));
  return { file, size: content.length, sha256: hash(content) };
}

/** Writes the disk's chunks to `folder`/disk, each deflated and named by the hash of its content. */
export async function writeChunks(folder: string, disk: Uint8Array): Promise<ImagePart[]> {
  const chunks: ImagePart[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index * CHUNK < disk.length; index = next++) {
      const content = disk.subarray(index * CHUNK, (index + 1) * CHUNK);
      chunks[index] = await writeDeflated(folder, `disk/${hash(content)}`, content);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return chunks;
}

/** A machine's state as the emulator takes it. */
export async function packState(state: Uint8Array): Promise<Uint8Array> {
  const params = { [constants.ZSTD_c_compressionLevel]: 17, [constants.ZSTD_c_enableLongDistanceMatching]: 1 };
  return zstd(state, { params });
}
