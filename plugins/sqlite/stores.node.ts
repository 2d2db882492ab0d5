/**
 * DocStore and BlockStore in one SQLite file, for a Node process that keeps notebooks: node:sqlite is part of Node, a
 * batch is a transaction, and with `synchronous = FULL` a commit is on the disk when it returns (sqlite.org/pragma).
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { KromaError } from "#core/base/errors.ts";
import { blockCid, checkBlock, inlineBytes, storedName } from "#core/store/cid.ts";
import type { BlockStore, DocStore, StoreKey } from "#core/store/stores.ts";

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS documents (key BLOB PRIMARY KEY, path TEXT NOT NULL, bytes BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS blocks (cid TEXT PRIMARY KEY, bytes BLOB NOT NULL);
`;
/** Another process that writes to the same file is waited for so long, in milliseconds. */
const PATIENCE = 10_000;
/** SQLite's result code for a full disk (sqlite.org/rescode). */
const SQLITE_FULL = 13;
/** And for a file that is something else. */
const SQLITE_NOTADB = 26;

/** One open file; both stores of it. */
export class SqliteStores {
  readonly documents: DocStore;
  readonly blocks: BlockStore;
  #database: DatabaseSync | undefined;

  /** Opens the file, or makes it. `unavailable` when that can't be done, `corrupt` when it is no such file. */
  constructor(path: string) {
    const database = guard(() => {
      const opened = new DatabaseSync(path, { timeout: PATIENCE });
      opened.exec(SCHEMA);
      return opened;
    });
    this.#database = database;
    const statement = (sql: string): StatementSync => database.prepare(sql);
    const use = <T>(work: () => T): Promise<T> => {
      if (!this.#database) return Promise.reject(new KromaError("unavailable", "The store is closed."));
      try {
        return Promise.resolve(guard(work));
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const get = statement("SELECT bytes FROM documents WHERE key = ?");
    const range = statement("SELECT path, bytes FROM documents WHERE key >= ? AND key < ? ORDER BY key");
    const put = statement("INSERT OR REPLACE INTO documents (key, path, bytes) VALUES (?, ?, ?)");
    const remove = statement("DELETE FROM documents WHERE key = ?");
    this.documents = {
      load: (key) => use(() => bytesOf(get.get(keyBytes(key)))),
      write: (batch) =>
        use(() => {
          database.exec("BEGIN IMMEDIATE");
          try {
            for (const key of batch.remove ?? []) remove.run(keyBytes(key));
            for (const [key, bytes] of batch.put ?? []) put.run(keyBytes(key), JSON.stringify(key), bytes);
            database.exec("COMMIT");
          } catch (error) {
            // After some errors SQLite has rolled back by itself.
            if (database.isTransaction) database.exec("ROLLBACK");
            throw error;
          }
        }),
      loadRange: (prefix) =>
        use(() => {
          const from = keyBytes(prefix);
          const rows = range.all(from, Uint8Array.of(...from, 0xff)) as unknown as readonly Row[];
          return rows.map((row) => [JSON.parse(row.path) as StoreKey, row.bytes.slice()] as const);
        }),
      close: () => this.close(),
    };
    const getBlock = statement("SELECT bytes FROM blocks WHERE cid = ?");
    const hasBlock = statement("SELECT 1 FROM blocks WHERE cid = ?");
    const putBlock = statement("INSERT OR REPLACE INTO blocks (cid, bytes) VALUES (?, ?)");
    const removeBlock = statement("DELETE FROM blocks WHERE cid = ?");
    const listBlocks = statement("SELECT cid FROM blocks");
    this.blocks = {
      async put(bytes, codec) {
        const copy = bytes.slice();
        const cid = await blockCid(copy, codec);
        await use(() => putBlock.run(storedName(cid), copy));
        return cid;
      },
      async get(cid) {
        const inline = inlineBytes(cid);
        if (inline) return inline;
        const bytes = await use(() => bytesOf(getBlock.get(storedName(cid))));
        return bytes && checkBlock(cid, bytes);
      },
      has: async (cid) => inlineBytes(cid) !== undefined || use(() => hasBlock.get(storedName(cid)) !== undefined),
      remove: async (cid) => {
        await use(() => removeBlock.run(storedName(cid)));
      },
      async *list() {
        for (const row of await use(() => listBlocks.all())) yield (row as { cid: string }).cid;
      },
    };
  }

  /** Idempotent. */
  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}

interface Row {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const bytesOf = (row: unknown): Uint8Array | undefined => (row as Row | undefined)?.bytes.slice();

/**
 * A key as bytes in the order of keys: each UTF-16 unit as 1 and two bytes, each part ended by 0. So a key comes right
 * before those that it begins, and after 0xff nothing of its range comes.
 */
function keyBytes(key: StoreKey): Uint8Array {
  const bytes = new Uint8Array(key.reduce((length, part) => length + 3 * part.length + 1, 0));
  let at = 0;
  for (const part of key) {
    for (let unit = 0; unit < part.length; unit += 1) {
      const code = part.charCodeAt(unit);
      bytes[at] = 1;
      bytes[at + 1] = code >> 8;
      bytes[at + 2] = code & 0xff;
      at += 3;
    }
    at += 1;
  }
  return bytes;
}

function guard<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { errcode } = error as { errcode?: number };
    const reason = error instanceof Error ? error.message : String(error);
    const code = errcode === SQLITE_FULL ? "exhausted" : errcode === SQLITE_NOTADB ? "corrupt" : "unavailable";
    throw new KromaError(code, `The notebooks can't be stored: ${reason}.`, { cause: error });
  }
}
