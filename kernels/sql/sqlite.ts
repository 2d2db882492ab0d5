/**
 * SQLite files of the workspace as Arrow tables for DuckDB, whose own reader of them is an extension. SQLite itself reads
 * them, in WebAssembly; it is loaded with the first such file.
 */
import { Binary, type Data, Float64, Int64, makeData, Table, Utf8, Vector, vectorFromArray } from "apache-arrow";
import { KromaError } from "#core/base/errors.ts";
import {
  bytesOf,
  SQLITE_BLOB,
  SQLITE_FLOAT,
  SQLITE_INTEGER,
  SQLITE_NULL,
  SQLITE_TEXT,
  type SqliteColumn,
} from "#core/tables/sqlite-columns.ts";
import {
  isSqlite,
  MOST_SQLITE_BYTES,
  SqliteFile,
  type SqliteLibrary,
  type SqliteTable,
  startSqlite,
} from "#core/tables/sqlite.ts";
import { isDirectory } from "#core/workspace/protocol.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { Interrupted } from "./failures.ts";
import { withNetwork } from "./network.ts";

const ROWS_AT_ONCE = 50_000;

let loading: Promise<SqliteLibrary> | undefined;

/** True when the workspace has an SQLite file at that path. */
export function hasSqlite(files: SyncFs, path: string): boolean {
  const stat = files.resolve(path);
  if (!stat || isDirectory(stat)) return false;
  const start = new Uint8Array(16);
  return isSqlite(start.subarray(0, files.read(stat.inode, 0, start)));
}

/** The tables and views of a file. */
export async function listSqlite(files: SyncFs, path: string): Promise<readonly SqliteTable[]> {
  return withFile(files, path, (file) => Promise.resolve(file.tables()));
}

/** The tables of a file as a table. */
export async function sqliteTables(files: SyncFs, path: string): Promise<Table> {
  const tables = await listSqlite(files, path);
  return new Table({
    name: vectorFromArray(
      tables.map(({ name }) => name),
      new Utf8(),
    ),
    rows: vectorFromArray(
      tables.map(({ rows }) => (rows === undefined ? null : BigInt(rows))),
      new Int64(),
    ),
    columns: vectorFromArray(
      tables.map(({ columns }) => BigInt(columns)),
      new Int64(),
    ),
  });
}

/** All rows of one of its tables, by its name without regard to case. Throws `Interrupted` soon after `isStopped` says so. */
export async function readSqlite(
  files: SyncFs,
  path: string,
  wanted: string,
  isStopped: () => boolean,
): Promise<Table> {
  return withFile(files, path, async (file) => {
    const names = file.tables().map(({ name }) => name);
    const table =
      names.find((name) => name === wanted) ?? names.find((name) => name.toLowerCase() === wanted.toLowerCase());
    if (table === undefined) {
      const some = names.length === 0 ? "It has none." : `It has ${names.slice(0, 10).join(", ")}.`;
      throw new KromaError("missing", `The file ${path} has no table ${wanted}. ${some}`);
    }
    for (const { columns, rows, isWhole } of file.read(table, ROWS_AT_ONCE, ROWS_AT_ONCE)) {
      if (isWhole) return new Table(Object.fromEntries(columns.map((column) => [column.name, vectorOf(column, rows)])));
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (isStopped()) throw new Interrupted("The query was interrupted.");
    }
    throw new KromaError("corrupt", "The table has no end.");
  });
}

async function withFile<T>(files: SyncFs, path: string, work: (file: SqliteFile) => Promise<T>): Promise<T> {
  loading ??= withNetwork(async () => {
    const { default: start } = await import("@sqlite.org/sqlite-wasm");
    return startSqlite(start);
  });
  loading.catch(() => (loading = undefined));
  const library = await loading;
  const read = (name: string): Uint8Array | undefined => {
    const stat = files.resolve(name);
    if (!stat || isDirectory(stat)) return undefined;
    if (stat.size > MOST_SQLITE_BYTES) throw new KromaError("exhausted", `${name} is larger than 512 MB.`);
    return files.readFile(name);
  };
  const bytes = read(path);
  if (!bytes) throw new KromaError("missing", `There is no file ${path} in the workspace.`);
  const file = SqliteFile.open(library, { bytes, wal: read(`${path}-wal`), journal: read(`${path}-journal`) });
  try {
    return await work(file);
  } finally {
    file.close();
  }
}

/** With the type that all of its values have; values of several types are text, as DuckDB has them with `sqlite_all_varchar`. */
function vectorOf(column: SqliteColumn, rows: number): Vector {
  const kinds = [SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB].filter((type) => column.has(type));
  const { numbers, large, types } = column;
  const [kind = SQLITE_TEXT, other] = kinds;
  const nulls = nullsOf(types, rows);
  if (other === undefined && kind === SQLITE_INTEGER) {
    const data = BigInt64Array.from(
      numbers,
      (value, row) => large.get(row) ?? (Number.isNaN(value) ? 0n : BigInt(value)),
    );
    return new Vector([makeData({ type: new Int64(), length: rows, data, ...nulls })]);
  }
  if (kinds.every((type) => type === SQLITE_INTEGER || type === SQLITE_FLOAT) && kinds.length > 0)
    return new Vector([makeData({ type: new Float64(), length: rows, data: numbers.slice(), ...nulls })]);
  if (other === undefined && (kind === SQLITE_BLOB || isText(column))) {
    const valueOffsets = new Int32Array(rows + 1);
    valueOffsets.set(column.ends, 1);
    const parts = { length: rows, valueOffsets, data: column.bytes, ...nulls };
    return new Vector<Binary | Utf8>([
      kind === SQLITE_BLOB ? makeData({ type: new Binary(), ...parts }) : makeData({ type: new Utf8(), ...parts }),
    ] as readonly Data[] as readonly Data<Binary | Utf8>[]);
  }
  const texts = Array.from({ length: rows }, (_, row) => textOf(column, row));
  return vectorFromArray(texts, new Utf8());
}

const decoder = new TextDecoder();

function textOf(column: SqliteColumn, row: number): string | null {
  switch (column.types[row]) {
    case SQLITE_TEXT:
      return decoder.decode(bytesOf(column, row));
    case SQLITE_BLOB:
      return `x'${Array.from(bytesOf(column, row), (byte) => byte.toString(16).padStart(2, "0")).join("")}'`;
    case SQLITE_NULL:
      return null;
    default:
      return String(column.large.get(row) ?? column.numbers[row]);
  }
}

/** True when each cell is UTF-8, which DuckDB takes for granted. */
function isText({ bytes, ends }: SqliteColumn): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return false;
  }
  // No cell begins within a letter.
  return ends.every((end) => end === bytes.length || (bytes[end]! & 0xc0) !== 0x80);
}

function nullsOf(types: Uint8Array, rows: number): { readonly nullCount: number; readonly nullBitmap: Uint8Array } {
  const nullBitmap = new Uint8Array((rows + 7) >> 3);
  let nullCount = 0;
  for (let row = 0; row < rows; row += 1) {
    if (types[row] === SQLITE_NULL) nullCount += 1;
    else nullBitmap[row >> 3]! |= 1 << (row & 7);
  }
  return { nullCount, nullBitmap };
}
