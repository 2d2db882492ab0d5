/** What many unit tests need: bytes that repeat nowhere, and the sentence of a failure. */
import { KromaError } from "#core/base/errors.ts";

/** Bytes of which no two blocks are the same; the same ones for the same seed. */
export function variedBytes(size: number, seed = 7): Uint8Array {
  const bytes = new Uint8Array(size);
  let value = seed;
  for (let at = 0; at < size; at++) {
    value = (value * 1103515245 + 12345) & 0x7fffffff;
    bytes[at] = value >> 16;
  }
  return bytes;
}

/** How the work fails, as "code: sentence". Throws when it does not, or with what is no error of ours. */
export async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof KromaError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("it did not fail");
}
