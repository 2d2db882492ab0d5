/**
 * Where files are cut into blocks. Most are cut every mebibyte, as the profile of IPFS has it. Those that Kroma writes anew for each
 * version, the notebook and its page, are cut where their content says (content-defined chunking, as in FastCDC, Xia et al.,
 * USENIX ATC 2016, without its second mask): a cell that changes moves everything after it, but the cuts move along, so the
 * next version shares the blocks of all that stayed. Rules: SPEC.md, F6.
 */

/** The chunk size of the profile. */
export const FIXED_CHUNK = 1024 * 1024;
const LEAST = 1024;
const MOST = 16 * 1024;
/** A cut where the topmost 12 bits of the hash are zero: one in 4096 places. Smaller, and links would outweigh what is shared. */
const SHIFT = 32 - 12;

/** A number for each byte: xorshift32 (Marsaglia, 2003) from 1 on, so that everybody has the same. */
const GEAR = ((): Uint32Array => {
  const numbers = new Uint32Array(256);
  let state = 1;
  for (let index = 0; index < 256; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    numbers[index] = state;
  }
  return numbers;
})();

/** The same bytes in pieces of one length; the last may be shorter. */
export async function* fixedChunks(
  source: AsyncIterable<Uint8Array>,
  length: number = FIXED_CHUNK,
): AsyncGenerator<Uint8Array> {
  yield* cutAt(source, length);
}

/** The same bytes in pieces that end where the last bytes say so; the same wherever the same bytes stand. */
export async function* contentChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* cutAt(source, MOST, endOfChunk);
}

/** Where a chunk that starts at the beginning ends; undefined when that can't be said without more bytes. */
function endOfChunk(bytes: Uint8Array): number | undefined {
  let hash = 0;
  for (let at = LEAST; at < bytes.length; at += 1) {
    hash = ((hash << 1) + (GEAR[bytes[at] as number] as number)) >>> 0;
    if (hash >>> SHIFT === 0) return at + 1;
  }
  return undefined;
}

/** Cuts at `most` bytes, or before that where `find` says. What is held is at most that and a piece of the source. */
async function* cutAt(
  source: AsyncIterable<Uint8Array>,
  most: number,
  find?: (bytes: Uint8Array) => number | undefined,
): AsyncGenerator<Uint8Array> {
  let held = new Uint8Array(most);
  let length = 0;
  let isEmpty = true;
  for await (const piece of source) {
    let from = 0;
    isEmpty &&= piece.length === 0;
    while (from < piece.length) {
      if (!find && length === 0 && piece.length - from >= most) {
        // Nothing to put together: the piece itself is cut.
        yield piece.subarray(from, from + most);
        from += most;
        continue;
      }
      const taken = Math.min(most - length, piece.length - from);
      held.set(piece.subarray(from, from + taken), length);
      length += taken;
      from += taken;
      // A chunk is looked for only in a full window: so the cuts are the same however the bytes come.
      while (length === most) {
        const end = find?.(held) ?? most;
        const rest = held.slice(end);
        yield held.subarray(0, end);
        held = new Uint8Array(most);
        held.set(rest);
        length = rest.length;
      }
    }
  }
  // A file of nothing is one chunk of nothing.
  if (isEmpty) yield new Uint8Array();
  while (length > 0) {
    const end = find?.(held.subarray(0, length)) ?? length;
    yield held.slice(0, end);
    held.copyWithin(0, end, length);
    length -= end;
  }
}
