/** Whether something is all here, without reading what is long. */
import { KromaError } from "../base/errors.ts";
import { codecOf } from "./cid.ts";
import type { BlockSource, BlockStore } from "./stores.ts";
import { walkBlocks } from "./walk.ts";

/** True when every block under the roots is in the store. Leaves are not read. */
export async function isWhole(roots: readonly string[], store: BlockStore, signal?: AbortSignal): Promise<boolean> {
  const shallow: BlockSource = {
    async get(cid) {
      const codec = codecOf(cid);
      if (codec !== undefined && codec !== "raw") return store.get(cid);
      return (await store.has(cid)) ? new Uint8Array() : undefined;
    },
  };
  try {
    for await (const _ of walkBlocks(roots, shallow, signal ? { signal } : {}));
    return true;
  } catch (error) {
    if (error instanceof KromaError && (error.code === "missing" || error.code === "corrupt")) return false;
    throw error;
  }
}
