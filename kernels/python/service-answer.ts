/**
 * The answer of a service as one piece of bytes, for a worker that can only be given bytes while it waits: the length of
 * the head (four bytes, little endian), the head as JSON, then each buffer at the next multiple of eight.
 */
import type { WireError } from "#core/base/errors.ts";

/** What the head says beside the buffers' sizes. */
export type Told = { readonly value: unknown } | { readonly error: WireError };

const aligned = (at: number): number => Math.ceil(at / 8) * 8;

/** Puts an answer together. `_kroma/bridge.py` takes it apart. */
export function encodeAnswer(told: Told, buffers: readonly ArrayBuffer[]): Uint8Array<ArrayBuffer> {
  const sizes = buffers.map(({ byteLength }) => byteLength);
  const head = new TextEncoder().encode(JSON.stringify({ ...told, sizes }));
  const total = sizes.reduce((at, size) => aligned(at) + size, 4 + head.length);
  const bytes = new Uint8Array(total);
  new DataView(bytes.buffer).setUint32(0, head.length, true);
  bytes.set(head, 4);
  let at = 4 + head.length;
  for (const buffer of buffers) {
    at = aligned(at);
    bytes.set(new Uint8Array(buffer), at);
    at += buffer.byteLength;
  }
  return bytes;
}
