/**
 * Pins: which blocks are to be kept, each with all blocks below it. They stand in a document store beside the blocks, so every
 * program keeps them as it keeps everything else. What no pin reaches is garbage, and goes when it is collected.
 */
import * as v from "valibot";
import { KromaError } from "../base/errors.ts";
import { codecOf, parseCid, storedName } from "./cid.ts";
import { linksOf } from "./links.ts";
import type { BlockStore, DocStore } from "./stores.ts";
import { throwIfAborted } from "./walk.ts";

/** Something that is to be kept. */
export interface Pin {
  /** As it was spelled when it was pinned. */
  readonly cid: string;
  /** What it is, for a person. */
  readonly name?: string;
}

const KEY = "pins";
const schema = v.strictObject({ cid: v.string(), name: v.exactOptional(v.string()) });

/** The pins in a document store. */
export class Pins {
  readonly #documents: DocStore;
  readonly #settle: () => Promise<void>;

  /** `settle` brings the blocks written so far where a power cut does not reach them; a pin is kept after that. */
  constructor(documents: DocStore, settle: () => Promise<void> = async () => undefined) {
    this.#documents = documents;
    this.#settle = settle;
  }

  /** Pins it, or gives its pin this name. Kept when the promise resolves; the blocks need not be here yet. */
  async add(cid: string, name?: string): Promise<void> {
    const pin: Pin = name === undefined ? { cid } : { cid, name };
    const bytes = new TextEncoder().encode(JSON.stringify(pin));
    await this.#settle();
    await this.#documents.write({ put: [[[KEY, pinKey(cid)], bytes]] });
  }

  /** False when there was no such pin. */
  async remove(cid: string): Promise<boolean> {
    const had = await this.has(cid);
    await this.#documents.write({ remove: [[KEY, pinKey(cid)]] });
    return had;
  }

  async has(cid: string): Promise<boolean> {
    return (await this.#documents.load([KEY, pinKey(cid)])) !== undefined;
  }

  /** In the order of their CIDs. */
  async list(): Promise<readonly Pin[]> {
    return (await this.#documents.loadRange([KEY])).map(([, bytes]) => readPin(bytes));
  }
}

/** What a collection did. */
export interface Collected {
  readonly kept: number;
  readonly removed: number;
}

/**
 * Removes every block that is under no pin and under none of `roots` (those of open notebooks, say). The caller sees to it that
 * nothing is written meanwhile that is under none of them yet. Blocks that are not here are no obstacle. One that is damaged is:
 * nobody can say what is below it, so it is `corrupt` and nothing is removed.
 */
export async function collectGarbage(
  blocks: BlockStore,
  pins: Pins,
  roots: readonly string[] = [],
  signal?: AbortSignal,
): Promise<Collected> {
  const reached = await reachedFrom([...(await pins.list()).map(({ cid }) => cid), ...roots], blocks, signal);
  let [kept, removed] = [0, 0];
  for await (const name of blocks.list()) {
    throwIfAborted(signal);
    if (reached.has(name)) kept += 1;
    else {
      await blocks.remove(name);
      removed += 1;
    }
  }
  return { kept, removed };
}

/** Stored names of all that is here under the roots. */
async function reachedFrom(
  roots: readonly string[],
  blocks: BlockStore,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const reached = new Set<string>();
  // Spelled with their codec, for under another codec a block has other links.
  const read = new Set<string>();
  const ahead = [...roots];
  for (let cid = ahead.pop(); cid !== undefined; cid = ahead.pop()) {
    throwIfAborted(signal);
    const key = pinKey(cid);
    if (read.has(key)) continue;
    read.add(key);
    reached.add(storedName(cid));
    const codec = codecOf(cid);
    // Nothing is below these, so that the bytes of files need not be read.
    if (codec === "raw" || codec === undefined) continue;
    const bytes = await blocks.get(cid);
    if (bytes) ahead.push(...linksOf(cid, bytes));
  }
  return reached;
}

/** One spelling for a block under one codec. */
const pinKey = (cid: string): string => parseCid(cid).toV1().toString();

function readPin(bytes: Uint8Array): Pin {
  try {
    return v.parse(schema, JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw new KromaError("corrupt", "The list of pins is damaged.", { cause: error });
  }
}
