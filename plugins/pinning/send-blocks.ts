/** What of something has still to be sent to a mirror: all of it the first time, and after a break only what did not arrive. */
import { carBytes, exportCar } from "#core/store/car.ts";
import { codecOf } from "#core/store/cid.ts";
import { KromaError } from "#core/base/errors.ts";
import type { BlockSource, BlockStore } from "#core/store/stores.ts";
import { throwIfAborted, walkBlocks, type WalkedBlock } from "#core/store/walk.ts";
import type { PinService } from "./service.ts";

/** As many names as are asked for at once. */
const MOST_ASKED = 4000;

/** A CAR file of the blocks below `cid` that the service does not have; undefined when it has them all. */
export async function missingBlocks(
  service: Pick<PinService, "missing">,
  cid: string,
  blocks: BlockStore,
  signal?: AbortSignal,
): Promise<AsyncGenerator<Uint8Array> | undefined> {
  const options = signal ? { signal } : {};
  const all: string[] = [];
  for await (const block of walkBlocks([cid], withoutLeaves(blocks), options)) all.push(block.cid);
  const missing: string[] = [];
  for (let at = 0; at < all.length; at += MOST_ASKED) {
    const said = await service.missing(all.slice(at, at + MOST_ASKED), signal);
    if (!said) return exportCar([cid], blocks, options);
    missing.push(...said);
  }
  return missing.length === 0 ? undefined : carBytes([cid], blocksOf(missing, blocks, signal));
}

/** The names of leaves are all that is needed of them. */
const withoutLeaves = (blocks: BlockStore): BlockSource => ({
  async get(cid) {
    const codec = codecOf(cid);
    if (codec !== undefined && codec !== "raw") return blocks.get(cid);
    return (await blocks.has(cid)) ? new Uint8Array() : undefined;
  },
});

async function* blocksOf(
  cids: readonly string[],
  blocks: BlockStore,
  signal: AbortSignal | undefined,
): AsyncGenerator<WalkedBlock> {
  for (const cid of cids) {
    throwIfAborted(signal);
    const bytes = await blocks.get(cid);
    if (!bytes) throw new KromaError("missing", `The block ${cid} is not here.`, { details: { cid } });
    yield { cid, bytes };
  }
}
