/**
 * The database behind both stores. It is opened when first used, so that a browser that denies storage gives a refused
 * call and not a broken start; and opened anew after it was closed under us (a deleted profile, a newer version).
 */
import { KromaError } from "#core/base/errors.ts";
import { openDB, type DBSchema, type IDBPDatabase } from "idb";

/** One object store of bytes each, under keys that are paths, and under CIDs. */
export interface Schema extends DBSchema {
  documents: { key: string[]; value: Uint8Array };
  blocks: { key: string; value: Uint8Array };
}

export type StoreName = "documents" | "blocks";

const VERSION = 1;

/** A named database, opened on demand. */
export class Database {
  readonly #name: string | Promise<string>;
  #opening: Promise<IDBPDatabase<Schema>> | undefined;
  #closed = false;

  constructor(name: string | Promise<string>) {
    this.#name = name;
  }

  /** Does `work` in the open database. A refusal is a KromaError: `exhausted` when the disk or quota is full. */
  async use<T>(work: (database: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
    if (this.#closed) throw new KromaError("unavailable", "This store is closed.");
    try {
      return await work(await this.#open());
    } catch (error) {
      throw refusal(error);
    }
  }

  close(): void {
    this.#closed = true;
    // A database that never opened has nothing to close.
    this.#opening?.then((database) => database.close()).catch(() => undefined);
  }

  #open(): Promise<IDBPDatabase<Schema>> {
    if (this.#opening) return this.#opening;
    const forget = () => {
      this.#opening = undefined;
    };
    if (typeof indexedDB === "undefined") throw new KromaError("denied", "This browser gives no IndexedDB.");
    const openNamed = (name: string) =>
      openDB<Schema>(name, VERSION, {
        upgrade(database) {
          database.createObjectStore("documents");
          database.createObjectStore("blocks");
        },
        blocking(_current, _blocked, event) {
          // A newer Kroma wants to upgrade: make room for it.
          forget();
          (event.target as IDBDatabase).close();
        },
        terminated: forget,
      });
    const opening = typeof this.#name === "string" ? openNamed(this.#name) : this.#name.then(openNamed);
    this.#opening = opening;
    opening.catch(forget);
    return opening;
  }
}

function refusal(error: unknown): unknown {
  if (error instanceof KromaError) return error;
  const name = error instanceof DOMException ? error.name : "";
  if (name === "QuotaExceededError")
    return new KromaError("exhausted", "The browser's storage is full.", { cause: error });
  if (name === "SecurityError" || name === "NotAllowedError") {
    return new KromaError("denied", "The browser does not let this page store anything.", { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new KromaError("unavailable", `The browser's storage does not work: ${reason}`, { cause: error });
}
