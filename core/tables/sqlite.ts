/**
 * Reads the tables of an SQLite file (https://sqlite.org/fileformat2.html) with SQLite itself, in WebAssembly, which the caller
 * loads and hands in. The file is a copy in its memory, together with its write-ahead log or its rollback journal, so that SQLite
 * recovers what had not come into the file yet; nothing is ever written back. A schema from elsewhere is not trusted.
 */
import { KromaError } from "../base/errors.ts";
import { GrowingColumn, type SqliteColumn } from "./sqlite-columns.ts";

/** The part of `@sqlite.org/sqlite-wasm` that is used. */
export interface SqliteLibrary {
  readonly capi: {
    sqlite3_js_posix_create_file(name: string, bytes: Uint8Array): void;
    sqlite3_errmsg(database: unknown): string;
  };
  readonly oo1: { readonly DB: new (options: { readonly filename: string; readonly flags: string }) => Connection };
  readonly wasm: {
    heap8u(): Uint8Array;
    allocCString(text: string): number;
    dealloc(at: number): void;
    readonly exports: {
      sqlite3_step(statement: unknown): number;
      sqlite3_column_type(statement: unknown, column: number): number;
      sqlite3_column_int64(statement: unknown, column: number): bigint;
      sqlite3_column_double(statement: unknown, column: number): number;
      sqlite3_column_blob(statement: unknown, column: number): number;
      sqlite3_column_text(statement: unknown, column: number): number;
      sqlite3_column_bytes(statement: unknown, column: number): number;
      sqlite3__wasm_vfs_unlink(vfs: number, name: number): number;
    };
  };
}

interface Connection {
  readonly pointer: unknown;
  exec(text: string): unknown;
  selectArrays(text: string): readonly (readonly unknown[])[];
  selectValue(text: string): unknown;
  prepare(text: string): Prepared;
  close(): void;
}

interface Prepared {
  readonly pointer: unknown;
  getColumnNames(): readonly string[];
  finalize(): unknown;
}

/** Where SQLite would keep files of its own; it reads copies in its memory only. */
const OTHER_FILE_SYSTEMS = ["kvvfs", "opfs", "opfs-vfs", "opfs-wl", "opfs-sahpool"];

/** Starts the library's program, which the caller gives as its package has it. */
export async function startSqlite(start: () => Promise<unknown>): Promise<SqliteLibrary> {
  const vfs = Object.fromEntries(OTHER_FILE_SYSTEMS.map((name) => [name, true]));
  // The library looks here for its settings as it starts, and takes them away.
  Reflect.set(globalThis, "sqlite3ApiConfig", { disable: { vfs } });
  return (await start()) as SqliteLibrary;
}

/** A file, and what SQLite may have left beside it (`name-wal`, `name-journal`). */
export interface SqliteSource {
  readonly bytes: Uint8Array;
  readonly wal?: Uint8Array | undefined;
  readonly journal?: Uint8Array | undefined;
}

export interface SqliteTable {
  readonly name: string;
  /** undefined for a view, whose rows nobody has counted. */
  readonly rows: number | undefined;
  readonly columns: number;
}

/** A table as far as it is read. */
export interface SqliteRows {
  readonly columns: readonly SqliteColumn[];
  readonly rows: number;
  readonly isWhole: boolean;
}

/** Bytes of a file: it is in memory twice for a moment. */
export const MOST_SQLITE_BYTES: number = 512 * 1024 * 1024;
const MOST_TABLES = 10_000;
const MAGIC = new TextEncoder().encode("SQLite format 3\0");
const PATH = "/kroma.db";
const [ROW, DONE] = [100, 101];
const NOT_A_DATABASE = 26;

/** What SQLite leaves beside a file whose changes are not all in it. */
export const SQLITE_COMPANIONS = ["wal", "journal"] as const;

/** True when the bytes begin as an SQLite file does. */
export function isSqlite(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((sign, at) => bytes[at] === sign);
}

export class SqliteFile {
  readonly #library: SqliteLibrary;
  readonly #connection: Connection;

  private constructor(library: SqliteLibrary, connection: Connection) {
    this.#library = library;
    this.#connection = connection;
  }

  /** Opens it; one at a time with one library. Throws `corrupt` for what is no SQLite file, `exhausted` for one that is too large. */
  static open(library: SqliteLibrary, { bytes, wal, journal }: SqliteSource): SqliteFile {
    if (!isSqlite(bytes)) throw new KromaError("corrupt", "This is not an SQLite file, or it is encrypted.");
    if (bytes.length + (wal?.length ?? 0) > MOST_SQLITE_BYTES)
      throw new KromaError("exhausted", "It is larger than 512 MB.");
    forget(library);
    let connection: Connection | undefined;
    try {
      library.capi.sqlite3_js_posix_create_file(PATH, bytes);
      if (wal && wal.length > 0) library.capi.sqlite3_js_posix_create_file(`${PATH}-wal`, wal);
      if (journal && journal.length > 0) library.capi.sqlite3_js_posix_create_file(`${PATH}-journal`, journal);
      connection = new library.oo1.DB({ filename: PATH, flags: "w" });
      // Alone with the file, a log needs no shared memory. The rest is what SQLite advises for files from elsewhere
      // (https://sqlite.org/security.html).
      connection.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
      connection.selectValue("SELECT count(*) FROM sqlite_schema");
      connection.exec("PRAGMA query_only = ON");
      return new SqliteFile(library, connection);
    } catch (error) {
      connection?.close();
      forget(library);
      throw damaged(error);
    }
  }

  /** Its tables and views, by name; those in which SQLite keeps house are left out. */
  tables(): readonly SqliteTable[] {
    try {
      const found = this.#connection.selectArrays(
        `SELECT name, type = 'view', ncol FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'view', 'virtual')
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name LIMIT ${MOST_TABLES}`,
      );
      return found.map(([name, isView, columns]) => ({
        name: String(name),
        rows: isView === 1 ? undefined : this.#count(String(name)),
        columns: Number(columns),
      }));
    } catch (error) {
      throw damaged(error);
    }
  }

  /**
   * Reads a table: the first of what it gives has `first` rows, each other `more` rows in addition. What was given stays valid
   * until the next is asked for.
   */
  *read(name: string, first: number, more: number): Generator<SqliteRows> {
    const { exports } = this.#library.wasm;
    let statement: Prepared | undefined;
    try {
      statement = this.#connection.prepare(`SELECT * FROM ${quoted(name)}`);
      const at = statement.pointer;
      const columns = statement.getColumnNames().map((column) => new GrowingColumn(column));
      const made = (): readonly SqliteColumn[] => columns.map((column) => column.made(rows));
      let rows = 0;
      let goal = first;
      for (;;) {
        const answer = exports.sqlite3_step(at);
        if (answer === DONE) break;
        if (answer !== ROW) throw new Error(this.#library.capi.sqlite3_errmsg(this.#connection.pointer));
        for (let index = 0; index < columns.length; index += 1) columns[index]!.take(this.#library, at, index, rows);
        rows += 1;
        if (rows < goal) continue;
        yield { columns: made(), rows, isWhole: false };
        goal += more;
      }
      yield { columns: made(), rows, isWhole: true };
    } catch (error) {
      throw damaged(error);
    } finally {
      statement?.finalize();
    }
  }

  /** Gives the memory back. */
  close(): void {
    this.#connection.close();
    forget(this.#library);
  }

  #count(name: string): number | undefined {
    try {
      return Number(this.#connection.selectValue(`SELECT count(*) FROM ${quoted(name)}`));
    } catch {
      // A virtual table whose module is not here, or a damaged page: reading it says so.
      return undefined;
    }
  }
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function forget({ wasm }: SqliteLibrary): void {
  for (const path of [PATH, ...SQLITE_COMPANIONS.map((companion) => `${PATH}-${companion}`)]) {
    const name = wasm.allocCString(path);
    wasm.exports.sqlite3__wasm_vfs_unlink(0, name);
    wasm.dealloc(name);
  }
}

/** SQLite's failures as sentences; its own words for what is not about the file as a whole. */
function damaged(error: unknown): KromaError {
  if (error instanceof KromaError) return error;
  const why = (error instanceof Error ? error.message : String(error)).replace(
    /^SQLITE_\w+: sqlite3 result code \d+: /,
    "",
  );
  if (
    (error as { readonly resultCode?: unknown }).resultCode === NOT_A_DATABASE ||
    why.includes("file is not a database")
  )
    return new KromaError("corrupt", "This is not an SQLite file, or it is encrypted.", { cause: error });
  if (/malformed|disk I\/O/.test(why))
    return new KromaError("corrupt", "The SQLite file is damaged or cut off.", { cause: error });
  return new KromaError("corrupt", `SQLite can't read it: ${why}.`, { cause: error });
}
