/**
 * All blocks under some roots, depth first, each once (the order of a CAR file: https://ipld.io/specs/transport/car/carv1/).
 * Whoever made the blocks decides their shape, so how many, how much and how deep is limited. A DAG that names a block again
 * and again costs nothing more; a circle can't be made, for nobody can name a block before it is there.
 */
import { KromaError } from "../base/errors.ts";
import { inlineBytes, parseCid, storedName } from "./cid.ts";
import { linksOf } from "./links.ts";
import type { BlockSource } from "./stores.ts";

/** How far a walk goes before it gives up as `exhausted`. */
export interface WalkLimits {
  readonly blocks: number;
  readonly bytes: number;
  readonly depth: number;
}

/** Enough for some gigabytes of files in blocks of 1 MiB; the tree of a file that long has a depth of 3. */
export const WALK_LIMITS: WalkLimits = { blocks: 100_000, bytes: 16 * 2 ** 30, depth: 64 };

/** Most links that wait to be followed; a directory of ten thousand files is far below. */
const MOST_AHEAD = 1_000_000;

export interface WalkOptions {
  readonly limits?: WalkLimits;
  readonly signal?: AbortSignal;
  /** Blocks that are not gone into, those that a walk before went through. Added to as the walk goes. */
  readonly seen?: Set<string>;
}

export interface WalkedBlock {
  /** As the block above it spells it. */
  readonly cid: string;
  readonly bytes: Uint8Array;
}

/** The blocks as they are reached. `missing` when one is not to be had: `details` has its `cid`. */
export async function* walkBlocks(
  roots: readonly string[],
  source: BlockSource,
  options: WalkOptions = {},
): AsyncGenerator<WalkedBlock> {
  const { limits = WALK_LIMITS, signal, seen = new Set<string>() } = options;
  let blocks = 0;
  let size = 0;
  const ahead = roots.map((cid) => ({ cid, depth: 0 })).reverse();
  for (let next = ahead.pop(); next; next = ahead.pop()) {
    throwIfAborted(signal);
    const { cid, depth } = next;
    // Under two codecs a block is kept once, but may have links under one of them only.
    const [name, key] = [storedName(cid), parseCid(cid).toV1().toString()];
    if (seen.has(key)) continue;
    if (depth > limits.depth) throw tooMuch(`goes deeper than ${limits.depth} levels`);
    // The bytes of an inline CID are in the block above: it is no block of its own, but may have links.
    const inline = inlineBytes(cid);
    const bytes = inline ?? (await source.get(cid, signal && { signal }));
    if (!bytes) throw new KromaError("missing", `The block ${cid} is not here.`, { details: { cid } });
    const links = linksOf(cid, bytes);
    const isNew = !inline && !seen.has(name);
    seen.add(key).add(name);
    if (!inline) {
      blocks += 1;
      size += bytes.byteLength;
      if (blocks > limits.blocks) throw tooMuch(`has more than ${limits.blocks} blocks`);
      if (size > limits.bytes) throw tooMuch(`has more than ${limits.bytes} bytes`);
    }
    if (isNew) yield { cid, bytes };
    for (let index = links.length - 1; index >= 0; index -= 1)
      ahead.push({ cid: links[index] as string, depth: depth + 1 });
    if (ahead.length > MOST_AHEAD) throw tooMuch("names too many blocks at once");
  }
}

/** Throws `aborted` once the signal is. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new KromaError("aborted", "This was stopped.", { cause: signal.reason });
}

function tooMuch(what: string): KromaError {
  return new KromaError("exhausted", `This ${what}, which is more than Kroma takes.`);
}
