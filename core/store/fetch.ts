/** Bringing an artefact here: every block goes into the store as it comes, so what was cut off goes on where it was. */
import { KromaError } from "../base/errors.ts";
import { checkForeignBlock, codecOf, inlineBytes, storedName } from "./cid.ts";
import { linksOf } from "./links.ts";
import type { BlockSource, BlockStore } from "./stores.ts";
import { throwIfAborted, WALK_LIMITS, type WalkLimits } from "./walk.ts";

/** The store, and for what it has not got the other source: what comes from there is checked and kept. */
export function keepingSource(store: BlockStore, source: BlockSource): BlockSource {
  const underWay = new Map<string, Promise<Uint8Array | undefined>>();
  const fetchBlock = async (cid: string, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> => {
    const bytes = await source.get(cid, signal && { signal });
    if (!bytes) return undefined;
    await checkForeignBlock(cid, bytes);
    await store.put(bytes, codecOf(cid));
    return bytes;
  };
  return {
    async get(cid, { signal } = {}) {
      const here = await ownBlock(store, cid);
      if (here) return here;
      const known = underWay.get(cid);
      if (known) return known;
      const fetching = fetchBlock(cid, signal).finally(() => underWay.delete(cid));
      underWay.set(cid, fetching);
      return fetching;
    },
  };
}

/** A block of the store; undefined also when it is damaged there, for then it can be fetched again. */
async function ownBlock(store: BlockStore, cid: string): Promise<Uint8Array | undefined> {
  try {
    return await store.get(cid);
  } catch (error) {
    if (error instanceof KromaError && error.code === "corrupt") return undefined;
    throw error;
  }
}

export interface FetchOptions {
  readonly signal?: AbortSignal;
  readonly limits?: WalkLimits;
  /** How many blocks are asked for at once. */
  readonly parallel?: number;
  /** Called with what is here so far. */
  readonly progress?: (got: Reached) => void;
}

/** How much is under a root. */
export interface Reached {
  readonly blocks: number;
  readonly bytes: number;
}

const PARALLEL = 6;

/** Gets every block under the roots. `missing`, with the `cid` in its details, when one is not to be had. */
export async function fetchBlocks(
  roots: readonly string[],
  source: BlockSource,
  options: FetchOptions = {},
): Promise<Reached> {
  const { limits = WALK_LIMITS, parallel = PARALLEL, signal, progress } = options;
  const seen = new Set<string>();
  const sizes = new Set<string>();
  const ahead: { readonly cid: string; readonly depth: number }[] = [];
  const running = new Set<Promise<void>>();
  let [blocks, bytes] = [0, 0];
  let failure: { readonly error: unknown } | undefined;
  const add = (cid: string, depth: number): void => {
    if (inlineBytes(cid) || seen.has(cid)) return;
    seen.add(cid);
    if (depth > limits.depth) throw tooMuch(`goes deeper than ${limits.depth} levels`);
    // Those that come last are the leaves below what is being read: they go first, so that little waits.
    ahead.push({ cid, depth });
  };
  const get = async ({ cid, depth }: { readonly cid: string; readonly depth: number }): Promise<void> => {
    const block = await source.get(cid, signal && { signal });
    if (!block) throw new KromaError("missing", `Nobody who was asked has the block ${cid}.`, { details: { cid } });
    const name = storedName(cid);
    if (!sizes.has(name)) {
      sizes.add(name);
      blocks += 1;
      bytes += block.byteLength;
    }
    if (blocks > limits.blocks) throw tooMuch(`has more than ${limits.blocks} blocks`);
    if (bytes > limits.bytes) throw tooMuch(`has more than ${limits.bytes} bytes`);
    for (const link of linksOf(cid, block)) add(link, depth + 1);
    progress?.({ blocks, bytes });
  };
  for (const root of roots) add(root, 0);
  while (failure === undefined && (ahead.length > 0 || running.size > 0)) {
    throwIfAborted(signal);
    for (
      let next = running.size < parallel ? ahead.pop() : undefined;
      next;
      next = running.size < parallel ? ahead.pop() : undefined
    ) {
      const started: Promise<void> = get(next)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => running.delete(started));
      running.add(started);
    }
    await Promise.race(running);
  }
  await Promise.allSettled(running);
  if (failure) throw failure.error;
  return { blocks, bytes };
}

/** True when every block under the roots is in the store. Leaves are not read. */
export async function isWhole(roots: readonly string[], store: BlockStore, signal?: AbortSignal): Promise<boolean> {
  const seen = new Set<string>();
  const ahead = [...roots];
  for (let cid = ahead.pop(); cid !== undefined; cid = ahead.pop()) {
    throwIfAborted(signal);
    if (seen.has(cid) || inlineBytes(cid)) continue;
    if (seen.size >= WALK_LIMITS.blocks) return false;
    seen.add(cid);
    const codec = codecOf(cid);
    if (codec === "raw" || codec === undefined) {
      if (!(await store.has(cid))) return false;
      continue;
    }
    const bytes = await ownBlock(store, cid);
    if (!bytes) return false;
    ahead.push(...linksOf(cid, bytes));
  }
  return true;
}

function tooMuch(what: string): KromaError {
  return new KromaError("exhausted", `This ${what}, which is more than Kroma takes.`);
}
