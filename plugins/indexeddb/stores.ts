/**
 * DocStore and BlockStore in IndexedDB. A write is done when its transaction is complete. Durability is "relaxed":
 * measured, what was complete survived the kill of the whole browser just as with "strict", at half the time; only a
 * power cut could tell them apart.
 */
import { blockCid, checkBlock, inlineBytes, storedName, type BlockCodec } from "#core/store/cid.ts";
import { hasPrefix, type BlockStore, type DocStore, type StoreKey } from "#core/store/stores.ts";
import { Database } from "./database.ts";

const OPTIONS = { durability: "relaxed" } as const;

/** Mutable bytes by key, in the database of that name. */
export class IndexedDbDocStore implements DocStore {
  readonly #database: Database;

  constructor(name: string | Promise<string>) {
    this.#database = new Database(name);
  }

  load(key: StoreKey): Promise<Uint8Array | undefined> {
    return this.#database.use((database) => database.get("documents", [...key]));
  }

  write(batch: Parameters<DocStore["write"]>[0]): Promise<void> {
    return this.#database.use(async (database) => {
      const transaction = database.transaction("documents", "readwrite", OPTIONS);
      const requests: Promise<unknown>[] = [transaction.done];
      try {
        for (const key of batch.remove ?? []) requests.push(transaction.store.delete([...key]));
        for (const [key, bytes] of batch.put ?? []) requests.push(transaction.store.put(whole(bytes), [...key]));
        transaction.commit();
      } catch (error) {
        // What can't be cloned is refused at once, but what was asked for before would still be done.
        transaction.abort();
        await Promise.allSettled(requests);
        throw error;
      }
      // Awaited together, so that a refused request does not go unheard while the transaction's end is waited for.
      await Promise.all(requests);
    });
  }

  loadRange(prefix: StoreKey): Promise<readonly (readonly [StoreKey, Uint8Array])[]> {
    return this.#database.use(async (database) => {
      // In IndexedDB's order every array that starts with the prefix lies between it and it with an empty array added.
      const range = IDBKeyRange.bound([...prefix], [...prefix, []]);
      const transaction = database.transaction("documents", "readonly");
      const [keys, values] = await Promise.all([transaction.store.getAllKeys(range), transaction.store.getAll(range)]);
      return keys.flatMap((key, index) =>
        hasPrefix(key, prefix) ? [[key, values[index] as Uint8Array] as const] : [],
      );
    });
  }

  close(): void {
    this.#database.close();
  }
}

/** Immutable bytes by CID, in the database of that name. */
export class IndexedDbBlockStore implements BlockStore {
  readonly #database: Database;

  constructor(name: string | Promise<string>) {
    this.#database = new Database(name);
  }

  async put(bytes: Uint8Array, codec?: BlockCodec): Promise<string> {
    const cid = await blockCid(bytes, codec);
    await this.#database.use(async (database) => {
      const transaction = database.transaction("blocks", "readwrite", OPTIONS);
      const request = transaction.store.put(whole(bytes), storedName(cid));
      transaction.commit();
      await Promise.all([request, transaction.done]);
    });
    return cid;
  }

  async get(cid: string): Promise<Uint8Array | undefined> {
    const inline = inlineBytes(cid);
    if (inline) return inline;
    const bytes = await this.#database.use((database) => database.get("blocks", storedName(cid)));
    return bytes && checkBlock(cid, bytes);
  }

  async has(cid: string): Promise<boolean> {
    if (inlineBytes(cid)) return true;
    return this.#database.use(async (database) => (await database.getKey("blocks", storedName(cid))) !== undefined);
  }

  async remove(cid: string): Promise<void> {
    await this.#database.use((database) => database.delete("blocks", storedName(cid)));
  }

  async *list(): AsyncGenerator<string> {
    yield* await this.#database.use((database) => database.getAllKeys("blocks"));
  }

  close(): void {
    this.#database.close();
  }
}

/** A view of a larger buffer would be stored with all of the buffer. */
function whole(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
