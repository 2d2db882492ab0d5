/** Stores that live in memory: for tests, for the command line, and for a browser that gives no storage. */
import { KromaError } from "../base/errors.ts";
import { blockCid, inlineBytes, storedName, type BlockCodec } from "./cid.ts";
import { compareKeys, hasPrefix, type BlockStore, type DocStore, type StoreKey } from "./stores.ts";

/** Mutable bytes in a map. Bytes are copied in and out, as a disk would. */
export class MemoryDocStore implements DocStore {
  readonly #entries = new Map<string, readonly [StoreKey, Uint8Array]>();
  #closed = false;

  async load(key: StoreKey): Promise<Uint8Array | undefined> {
    this.#check();
    return this.#entries.get(JSON.stringify(key))?.[1].slice();
  }

  async write(batch: Parameters<DocStore["write"]>[0]): Promise<void> {
    this.#check();
    // Copied first: a batch that can't be copied must not be half written.
    const put = (batch.put ?? []).map(([key, bytes]) => [[...key], bytes.slice()] as const);
    for (const key of batch.remove ?? []) this.#entries.delete(JSON.stringify(key));
    for (const entry of put) this.#entries.set(JSON.stringify(entry[0]), entry);
  }

  async loadRange(prefix: StoreKey): Promise<readonly (readonly [StoreKey, Uint8Array])[]> {
    this.#check();
    return [...this.#entries.values()]
      .filter(([key]) => hasPrefix(key, prefix))
      .sort(([left], [right]) => compareKeys(left, right))
      .map(([key, bytes]) => [key, bytes.slice()] as const);
  }

  close(): void {
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) throw new KromaError("unavailable", "This store is closed.");
  }
}

/** Immutable bytes in a map. */
export class MemoryBlockStore implements BlockStore {
  readonly #blocks = new Map<string, Uint8Array>();

  async put(bytes: Uint8Array, codec?: BlockCodec): Promise<string> {
    const copy = bytes.slice();
    const cid = await blockCid(copy, codec);
    this.#blocks.set(storedName(cid), copy);
    return cid;
  }

  async get(cid: string): Promise<Uint8Array | undefined> {
    return inlineBytes(cid) ?? this.#blocks.get(storedName(cid))?.slice();
  }

  async has(cid: string): Promise<boolean> {
    return inlineBytes(cid) !== undefined || this.#blocks.has(storedName(cid));
  }

  async remove(cid: string): Promise<void> {
    this.#blocks.delete(storedName(cid));
  }

  async *list(): AsyncGenerator<string> {
    yield* this.#blocks.keys();
  }
}
