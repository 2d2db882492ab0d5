/**
 * A disk of the store as a gzipped image, for `gunzip` and `mount -o loop`. A gzip file may be several one after the
 * other: each mebibyte that holds something is one, and those of zeros, which most are, share one that is packed once.
 */
import { KromaError } from "#core/base/errors.ts";
import type { Workspace } from "#core/workspace/workspace.ts";

const PART = 1 << 20;
const TRIES = 3;

/** Packs a file as it is at one moment. `unavailable` if it is written to all the time. */
export async function packImage(files: Workspace, path: string): Promise<Blob> {
  const zeros = await gzip(new Uint8Array(PART));
  for (let tried = 0; tried < TRIES; tried++) {
    const before = await files.stat(path);
    if (!before) throw new KromaError("missing", "there is no such disk");
    const parts: Blob[] = [];
    for (let at = 0; at < before.size; at += PART) {
      const bytes = await files.read(path, { offset: at, length: PART });
      parts.push(bytes.length === PART && isZero(bytes) ? zeros : await gzip(bytes as Uint8Array<ArrayBuffer>));
    }
    const after = await files.stat(path);
    if (after?.modified === before.modified) return new Blob(parts, { type: "application/gzip" });
  }
  throw new KromaError("unavailable", "Linux writes to its disk all the time; stop what writes and try again");
}

function isZero(bytes: Uint8Array): boolean {
  return new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length >> 3).every((word) => word === 0n);
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Blob> {
  return new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))).blob();
}
