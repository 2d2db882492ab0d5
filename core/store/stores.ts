/** The two kinds of storage: mutable bytes by key, immutable bytes by CID. Adapters are plugins. */
import type { BlockCodec } from "./cid.ts";

/** A key is a path of strings; a range is all keys that start with the given parts. */
export type StoreKey = readonly string[];

/** Mutable bytes by key. Every write is durable when its promise resolves (after `complete`, not before). */
export interface DocStore {
  load(key: StoreKey): Promise<Uint8Array | undefined>;
  /** All writes and removals of one call become durable together or not at all. */
  write(batch: {
    readonly put?: readonly (readonly [StoreKey, Uint8Array])[];
    readonly remove?: readonly StoreKey[];
  }): Promise<void>;
  /** In key order. */
  loadRange(prefix: StoreKey): Promise<readonly (readonly [StoreKey, Uint8Array])[]>;
  close(): void;
}

/** Immutable bytes by CID. Pins, which say what is to be kept, stand in pins.ts. */
export interface BlockStore extends BlockSource {
  /** The name of the bytes (CIDv1, sha2-256, base32), which are kept when the promise resolves. */
  put(bytes: Uint8Array, codec?: BlockCodec): Promise<string>;
  /** Checked against the CID: a block that does not match is `corrupt`. Any codec's CID of the bytes gives them. */
  get(cid: string): Promise<Uint8Array | undefined>;
  has(cid: string): Promise<boolean>;
  remove(cid: string): Promise<void>;
  /** The raw names (cid.ts, `storedName`) of all blocks, in no order. What comes or goes meanwhile may be among them. */
  list(): AsyncIterable<string>;
}

/** Whoever may have a block. Whoever asks one outside checks what it gets (`checkForeignBlock`). */
export interface BlockSource {
  /** Undefined when it has not got the block; a KromaError when it can't be asked now. */
  get(cid: string, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array | undefined>;
}

/** The order of keys: part by part by code units; a key before those it is the start of. */
export function compareKeys(left: StoreKey, right: StoreKey): number {
  for (let index = 0; index < left.length && index < right.length; index += 1) {
    const [mine, theirs] = [left[index] as string, right[index] as string];
    if (mine !== theirs) return mine < theirs ? -1 : 1;
  }
  return left.length - right.length;
}

/** True when the key starts with all parts of `prefix`. */
export function hasPrefix(key: StoreKey, prefix: StoreKey): boolean {
  return prefix.every((part, index) => key[index] === part);
}
