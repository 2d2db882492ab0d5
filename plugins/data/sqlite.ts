/** Tables of an SQLite file as columns. SQLite is loaded with the first such file (400 kB), in the worker that reads it. */
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
import { SqliteFile, startSqlite } from "#core/tables/sqlite.ts";
import { type Column, numberColumn, numberText } from "./columns.ts";
import type { TableSource } from "./messages.ts";
import type { ReadSoFar } from "./readers.ts";

const FIRST_ROWS = 1000;
const ROWS_AT_ONCE = 50_000;

/** Reads the table that is asked for, or the first one. Throws `corrupt` for what is no SQLite file, `missing` for no such table. */
export async function* readSqlite({ file, wal, journal, table: wanted }: TableSource): AsyncGenerator<ReadSoFar> {
  const { default: start } = await import("@sqlite.org/sqlite-wasm");
  const library = await startSqlite(start);
  const read = async (blob: Blob | undefined) => blob && new Uint8Array(await blob.arrayBuffer());
  const source = {
    bytes: new Uint8Array(await file.arrayBuffer()),
    wal: await read(wal),
    journal: await read(journal),
  };
  const sqlite = SqliteFile.open(library, source);
  try {
    const tables = sqlite.tables();
    const table = tables.find(({ name }) => wanted === undefined || name === wanted);
    if (!table && wanted !== undefined) throw new KromaError("missing", `There is no table ${wanted} in it.`);
    const notes = notesOf(source, tables.length);
    if (!table) {
      yield { columns: [], rows: 0, progress: 1, notes };
      return;
    }
    for (const { columns, rows, isWhole } of sqlite.read(table.name, FIRST_ROWS, ROWS_AT_ONCE)) {
      yield {
        columns: columns.map(columnOf),
        rows,
        progress: isWhole ? 1 : Math.min(rows / (table.rows ?? Infinity), 0.999),
        notes,
        tables,
        table: table.name,
      };
    }
  } finally {
    sqlite.close();
  }
}

function notesOf(
  { wal, journal }: { readonly wal: Uint8Array | undefined; readonly journal: Uint8Array | undefined },
  tables: number,
): readonly string[] {
  const notes: string[] = [];
  if (tables === 0) notes.push("The file has no tables.");
  if (wal && wal.length > 0) notes.push("What the write-ahead log beside it holds is included.");
  if (journal && journal.length > 0)
    notes.push("A change that was not finished, by the journal beside it, is left out.");
  return notes;
}

const decoder = new TextDecoder();

/** Numbers where all cells are numbers or nothing; otherwise text. */
function columnOf(column: SqliteColumn): Column {
  const { name, types, numbers, large } = column;
  const numberAt = (row: number): string => String(large.get(row) ?? numberText(numbers[row] ?? NaN));
  const hasNumbers = column.has(SQLITE_INTEGER) || column.has(SQLITE_FLOAT);
  if (hasNumbers && !column.has(SQLITE_TEXT) && !column.has(SQLITE_BLOB)) return numberColumn(name, numbers, numberAt);
  const text = (row: number): string => {
    const type = types[row];
    if (type === undefined || type === SQLITE_NULL) return "";
    if (type === SQLITE_TEXT) return decoder.decode(bytesOf(column, row));
    return type === SQLITE_BLOB ? `${bytesOf(column, row).length} bytes` : numberAt(row);
  };
  return { name, kind: "text", text };
}
