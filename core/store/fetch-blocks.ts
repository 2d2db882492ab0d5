/**
 * Brings blocks from others into a store: everything under some roots, several at once. What is in the store already is not
 * asked for, so a fetch that was broken off goes on where it was.
 */
import { KromaError } from "../base/errors.ts";
import { checkForeignBlock, codecOf, inlineBytes, parseCid } from "./cid.ts";
import type { NamedSource } from "./gateway.ts";
import { linksOf } from "./links.ts";
import type { BlockSource, BlockStore } from "./stores.ts";
import { throwIfAborted, WALK_LIMITS, type WalkLimits } from "./walk.ts";

/** How far a fetch is. */
export interface FetchProgress {
  /** That came, and those known of that are still to come. */
  readonly blocks: number;
  readonly waiting: number;
  readonly bytes: number;
}

export interface FetchOptions {
  readonly signal?: AbortSignal;
  readonly progress?: (progress: FetchProgress) => void;
  readonly limits?: WalkLimits;
}

/** So many are asked for at once. */
const MOST_AT_ONCE = 8;

/**
 * Everything under the roots is in the store when this resolves. `missing` when nobody has a block, `unavailable` when somebody
 * who may have it can't be asked; what came before is kept either way.
 */
export async function fetchBlocks(
  roots: readonly string[],
  store: BlockStore,
  source: BlockSource,
  options: FetchOptions = {},
): Promise<FetchProgress> {
  const { signal, progress, limits = WALK_LIMITS } = options;
  const failed = new AbortController();
  const both = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const fetching = new KeptSource(store, source);
  const seen = new Set<string>();
  const ahead: { readonly cid: string; readonly depth: number }[] = [];
  const running = new Set<Promise<void>>();
  let [blocks, bytes] = [0, 0];
  const state = (): FetchProgress => ({ blocks, waiting: ahead.length + running.size, bytes });

  const add = (cid: string, depth: number): void => {
    const key = parseCid(cid).toV1().toString();
    if (seen.has(key)) return;
    seen.add(key);
    if (depth > limits.depth || seen.size > limits.blocks)
      throw new KromaError("exhausted", "This has more blocks, or goes deeper, than Kroma takes.");
    const inline = inlineBytes(cid);
    // It is here with the block that names it; what it names need not be. One in another is always shorter.
    if (inline) for (const link of linksOf(cid, inline)) add(link, depth + 1);
    else ahead.push({ cid, depth });
  };
  const bring = async ({ cid, depth }: { readonly cid: string; readonly depth: number }): Promise<void> => {
    // The bytes of files that are here need not be looked at.
    if (codecOf(cid) === "raw" && (await store.has(cid))) return;
    const found = await fetching.get(cid, { signal: both });
    if (!found) throw new KromaError("missing", `Nobody has the block ${cid}.`, { details: { cid } });
    blocks += 1;
    bytes += found.length;
    if (bytes > limits.bytes) throw new KromaError("exhausted", "This has more bytes than Kroma takes.");
    for (const link of [...linksOf(cid, found)].reverse()) add(link, depth + 1);
    progress?.(state());
  };

  try {
    for (const root of [...roots].reverse()) add(root, 0);
    while (ahead.length > 0 || running.size > 0) {
      throwIfAborted(signal);
      while (running.size < MOST_AT_ONCE) {
        const next = ahead.pop();
        if (!next) break;
        const work = bring(next).finally(() => running.delete(work));
        running.add(work);
      }
      await Promise.race(running);
    }
  } catch (error) {
    failed.abort();
    // Those under way end by the signal; what they say then is of no interest.
    await Promise.allSettled(running);
    throwIfAborted(signal);
    throw error;
  }
  return state();
}

/** A store that asks another source for what it lacks, and keeps what comes. A damaged block is asked for anew. */
export class KeptSource implements BlockSource {
  readonly #store: BlockStore;
  readonly #source: BlockSource;

  constructor(store: BlockStore, source: BlockSource) {
    this.#store = store;
    this.#source = source;
  }

  async get(cid: string, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array | undefined> {
    const kept = await this.#store.get(cid).catch((error: unknown) => {
      if (error instanceof KromaError && error.code === "corrupt") return undefined;
      throw error;
    });
    if (kept) return kept;
    const found = await this.#source.get(cid, options);
    if (!found) return undefined;
    await checkForeignBlock(cid, found);
    await this.#store.put(found);
    return found;
  }
}

/**
 * Several sources as one: each is asked until one has the block. Who sends something else than was asked for is not asked any
 * more; who can't be reached is asked after the others.
 */
export class SeveralSources implements NamedSource {
  readonly name: string;
  #sources: readonly { readonly source: NamedSource; readonly failures: number }[];

  constructor(sources: readonly NamedSource[]) {
    this.name = sources.map(({ name }) => name).join(", ");
    this.#sources = sources.map((source) => ({ source, failures: 0 }));
  }

  /** Undefined when none has it; the last failure when one that may have it failed. */
  async get(cid: string, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array | undefined> {
    let failure: KromaError | undefined;
    for (const { source } of this.#sources) {
      try {
        const bytes = await source.get(cid, options);
        if (!bytes) continue;
        await checkForeignBlock(cid, bytes);
        this.#rate(source, 0);
        return bytes;
      } catch (error) {
        if (!(error instanceof KromaError) || error.code === "aborted") throw error;
        failure = error;
        if (error.code === "corrupt") this.#sources = this.#sources.filter((entry) => entry.source !== source);
        else this.#rate(source, 1);
      }
    }
    if (failure) throw failure;
    return undefined;
  }

  async envelopes(root: string, options?: { readonly signal?: AbortSignal }): Promise<readonly string[]> {
    const lists = await Promise.all(
      this.#sources.map(({ source }) => source.envelopes?.(root, options) ?? Promise.resolve([])),
    );
    return [...new Set(lists.flat())];
  }

  #rate(which: NamedSource, failed: 0 | 1): void {
    const rated = this.#sources.map(({ source, failures }) =>
      source === which ? { source, failures: failed * (failures + 1) } : { source, failures },
    );
    // The order they were given in decides among equals: sorting keeps it.
    this.#sources = rated.sort((left, right) => left.failures - right.failures);
  }
}
