/** The type of a file without a telling name, by its first bytes. Never one that a browser would run. */
import { readFile } from "#core/artefact/unixfs.ts";
import type { BlockSource } from "#core/store/stores.ts";

const SIGNS: readonly (readonly [number, readonly number[], string])[] = [
  [0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], "image/png"],
  [0, [0xff, 0xd8, 0xff], "image/jpeg"],
  [0, [0x47, 0x49, 0x46, 0x38], "image/gif"],
  [8, [0x57, 0x45, 0x42, 0x50], "image/webp"],
  [0, [0x25, 0x50, 0x44, 0x46, 0x2d], "application/pdf"],
  [0, [0x50, 0x4b, 0x03, 0x04], "application/zip"],
  [0, [0x1f, 0x8b], "application/gzip"],
  [4, [0x66, 0x74, 0x79, 0x70], "video/mp4"],
  [0, [0x00, 0x61, 0x73, 0x6d], "application/wasm"],
];
const LOOKED_AT = 512;

/** What the file most likely is. */
export async function sniffType(cid: string, source: BlockSource, signal: AbortSignal): Promise<string> {
  for await (const bytes of readFile(cid, source, { length: LOOKED_AT, signal })) return typeOf(bytes);
  return "text/plain; charset=utf-8";
}

function typeOf(bytes: Uint8Array): string {
  for (const [at, sign, type] of SIGNS) if (sign.every((byte, index) => bytes[at + index] === byte)) return type;
  const isText = bytes.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
  return isText ? "text/plain; charset=utf-8" : "application/octet-stream";
}
