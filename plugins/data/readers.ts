/** Files of tables as columns: separated values, Parquet (hyparquet), Arrow (apache-arrow), SQLite. The libraries load when used. */
import { gunzipSync } from "fflate";
import { KromaError } from "#core/base/errors.ts";
import { isSqlite } from "#core/tables/sqlite.ts";
import { type Column, columnOf, numberColumn, textOf, timeColumn, truthColumn } from "./columns.ts";
import { CsvReader } from "./csv.ts";
import type { TableFormat, TableInfo, TableSource } from "./messages.ts";

/** A table as far as it is read. */
export interface ReadSoFar {
  readonly columns: readonly Column[];
  readonly rows: number;
  /** Part that is read, 0 to 1; 1 is the last. */
  readonly progress: number;
  /** What a person should know of the file, each a sentence. */
  readonly notes?: readonly string[];
  /** All tables of the file, and which one this is, where it can have several. */
  readonly tables?: readonly TableInfo[];
  readonly table?: string;
}

const FIRST_ROWS = 1000;
const ROWS_AT_ONCE = 100_000;

/** Reads a file; the first of what it gives comes soon, the last is all. Throws `corrupt` for what is not of its kind. */
export async function* readTable(source: TableSource): AsyncGenerator<ReadSoFar> {
  const { file, format } = source;
  const kind = kindOf(new Uint8Array(await file.slice(0, 16).arrayBuffer()), format);
  if (kind === "sqlite") return yield* (await import("./sqlite.ts")).readSqlite(source);
  const bytes = await file.arrayBuffer();
  if (kind === "parquet") yield* readParquet(bytes);
  else if (kind === "arrow") yield await readArrow(bytes);
  else yield* readSeparated(new Uint8Array(bytes), kind);
}

/** The first bytes know better than the name. */
function kindOf(start: Uint8Array, format: TableFormat): TableFormat {
  const text = String.fromCharCode(...start);
  if (isSqlite(start)) return "sqlite";
  if (text.startsWith("PAR1")) return "parquet";
  if (text.startsWith("ARROW1")) return "arrow";
  if (format === "parquet") throw new KromaError("corrupt", "This is not a Parquet file.");
  return format;
}

function* readSeparated(bytes: Uint8Array, format: "csv" | "tsv"): Generator<ReadSoFar> {
  const reader = new CsvReader(bytes, format === "tsv" ? "\t" : undefined);
  reader.read(FIRST_ROWS);
  while (!reader.isDone) {
    yield { columns: reader.columns(), rows: reader.rows, progress: Math.min(reader.progress, 0.999) };
    reader.read(ROWS_AT_ONCE);
  }
  const wrong = firstNotUtf8(bytes);
  const letters =
    wrong === undefined ? [] : [`The file is not UTF-8 from byte ${wrong + 1} on: some letters stand as \ufffd.`];
  yield { columns: reader.columns(), rows: reader.rows, progress: 1, notes: [...reader.notes(), ...letters] };
}

/** The place before which all bytes are UTF-8, to a piece's length; undefined: all are. */
function firstNotUtf8(bytes: Uint8Array): number | undefined {
  const PIECE = 65_536;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let at = 0; at < bytes.length; at += PIECE) {
    try {
      decoder.decode(bytes.subarray(at, at + PIECE), { stream: at + PIECE < bytes.length });
    } catch {
      return at + firstIn(bytes.subarray(at, at + PIECE));
    }
  }
  return undefined;
}

/** The longest beginning of a piece that is UTF-8, by halving; it may begin in the middle of a letter. */
function firstIn(piece: Uint8Array): number {
  let start = 0;
  while (start < 3 && ((piece[start] ?? 0) & 0xc0) === 0x80) start += 1;
  let [good, bad] = [start, piece.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(piece.subarray(start, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return good;
}

async function* readParquet(bytes: ArrayBuffer): AsyncGenerator<ReadSoFar> {
  const { parquetMetadataAsync, parquetRead } = await import("hyparquet");
  const file = { byteLength: bytes.byteLength, slice: (start: number, end?: number) => bytes.slice(start, end) };
  const compressors = { GZIP: (input: Uint8Array, size: number) => gunzipSync(input, { out: new Uint8Array(size) }) };
  const read = async (rows: number): Promise<readonly Column[]> => {
    const columns = new Map<string, unknown[]>();
    await parquetRead({
      file,
      metadata,
      compressors,
      rowStart: 0,
      rowEnd: rows,
      onChunk({ columnName, columnData, rowStart }) {
        let values = columns.get(columnName);
        if (!values) columns.set(columnName, (values = Array.from({ length: rows })));
        for (let at = 0; at < columnData.length && rowStart + at < rows; at++) values[rowStart + at] = columnData[at];
      },
    });
    return [...columns].map(([name, values]) => columnOf(name, values));
  };
  let metadata: Awaited<ReturnType<typeof parquetMetadataAsync>>;
  try {
    metadata = await parquetMetadataAsync(file);
  } catch (error) {
    throw new KromaError("corrupt", "The Parquet file is damaged or cut off.", { cause: error });
  }
  const rows = Number(metadata.num_rows);
  try {
    if (rows > 10 * FIRST_ROWS) yield { columns: await read(FIRST_ROWS), rows: FIRST_ROWS, progress: 0.1 };
    yield { columns: await read(rows), rows, progress: 1 };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KromaError("corrupt", `The Parquet file can't be read: ${why}.`, { cause: error });
  }
}

async function readArrow(bytes: ArrayBuffer): Promise<ReadSoFar> {
  const { DataType, tableFromIPC } = await import("apache-arrow");
  let table: ReturnType<typeof tableFromIPC>;
  try {
    table = tableFromIPC(new Uint8Array(bytes));
  } catch (error) {
    throw new KromaError("corrupt", "This is not an Arrow file, or it is damaged.", { cause: error });
  }
  const rows = table.numRows;
  const columns = table.schema.fields.map(({ name, type }, index): Column => {
    const vector = table.getChildAt(index);
    const value = (row: number): unknown => vector?.get(row);
    const numbers = (): Float64Array =>
      Float64Array.from({ length: rows }, (_, row) => {
        const cell = value(row);
        return cell === null || cell === undefined ? NaN : Number(cell);
      });
    if (DataType.isInt(type) || DataType.isFloat(type)) return numberColumn(name, numbers());
    if (DataType.isTimestamp(type) || DataType.isDate(type)) return timeColumn(name, numbers());
    if (DataType.isBool(type)) return truthColumn(name, numbers());
    return { name, kind: "text", text: (row) => textOf(value(row)) };
  });
  return { columns, rows, progress: 1 };
}
