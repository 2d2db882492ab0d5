/** Columns of JavaScript values as an Arrow table, which DuckDB takes in. */
import {
  Binary,
  Bool,
  type DataType,
  Float64,
  Int64,
  Table,
  TimestampMillisecond,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { KromaError } from "#core/base/errors.ts";
import { toJson } from "#core/workspace/values-json.ts";

/** Columns by name, each as long as the others. */
export type Columns = ReadonlyMap<string, ArrayLike<unknown>>;

/** More columns than this are a mistake, or an attack. */
const MOST_COLUMNS = 10_000;
const LEAST_INT64 = -(2n ** 63n);
const MOST_INT64 = 2n ** 63n - 1n;

/** The columns with the type that all of their values have; values of several types are text. */
export function arrowTable(columns: Columns): Table {
  if (columns.size > MOST_COLUMNS) {
    throw new KromaError("invalid", `It has ${columns.size} columns; ${MOST_COLUMNS} is the most.`);
  }
  if (columns.size === 0) throw new KromaError("invalid", "It has no columns.");
  return new Table(Object.fromEntries([...columns].map(([name, values]) => [name, vectorOf(values)])));
}

/** Data as columns: a list of objects, an object of lists, or a list of plain values (one column, "value"). */
export function columnsOf(data: unknown): Columns {
  if (isNumbers(data)) return new Map([["value", data]]);
  if (Array.isArray(data)) {
    const rows = data as readonly unknown[];
    return rows.length > 0 && rows.every(isRecord) ? byName(rows) : new Map([["value", rows]]);
  }
  if (isRecord(data)) {
    const entries = Object.entries(data);
    const isTable = entries.length > 0 && entries.every(([, column]) => Array.isArray(column) || isNumbers(column));
    if (!isTable) return byName([data]);
    const columns = new Map(entries as [string, ArrayLike<unknown>][]);
    const lengths = new Set([...columns.values()].map(({ length }) => length));
    if (lengths.size > 1) throw new KromaError("invalid", "Its columns are not of one length.");
    return columns;
  }
  throw new KromaError("invalid", `It is no table: it is a ${typeof data}.`);
}

function byName(rows: readonly Readonly<Record<string, unknown>>[]): Columns {
  const columns = new Map<string, unknown[]>();
  for (const [index, row] of rows.entries()) {
    for (const [name, value] of Object.entries(row)) {
      let column = columns.get(name);
      if (!column) {
        if (columns.size >= MOST_COLUMNS) throw new KromaError("invalid", `It has over ${MOST_COLUMNS} columns.`);
        columns.set(name, (column = Array.from({ length: rows.length })));
      }
      column[index] = value;
    }
  }
  return columns;
}

type Kind = "integer" | "number" | "truth" | "time" | "text" | "bytes" | "other";

function vectorOf(values: ArrayLike<unknown>): Vector {
  const kinds = new Set<Kind>();
  for (let row = 0; row < values.length; row += 1) {
    const kind = kindOf(values[row]);
    if (kind) kinds.add(kind);
  }
  if (kinds.has("number")) kinds.delete("integer");
  const [kind = "text", other] = kinds;
  if (other !== undefined) return made(values, new Utf8(), textOf);
  switch (kind) {
    case "integer":
      return made(values, new Int64(), (value) => BigInt(value as number | bigint));
    case "number":
      return made(values, new Float64(), Number);
    case "truth":
      return made(values, new Bool(), (value) => value);
    case "time":
      return made(values, new TimestampMillisecond(), (value) => (value as Date).getTime());
    case "bytes":
      return made(values, new Binary(), (value) => value);
    case "text":
    case "other":
      return made(values, new Utf8(), textOf);
  }
}

function made(values: ArrayLike<unknown>, type: DataType, convert: (value: unknown) => unknown): Vector {
  const cells = Array.from(values, (value) => (value === undefined || value === null ? null : convert(value)));
  return vectorFromArray(cells, type) as Vector;
}

function kindOf(value: unknown): Kind | undefined {
  switch (typeof value) {
    case "undefined":
      return undefined;
    case "number":
      return Number.isSafeInteger(value) ? "integer" : "number";
    case "bigint":
      return value >= LEAST_INT64 && value <= MOST_INT64 ? "integer" : "number";
    case "boolean":
      return "truth";
    case "string":
      return "text";
    default:
      if (value === null) return undefined;
      if (value instanceof Date) return "time";
      return value instanceof Uint8Array ? "bytes" : "other";
  }
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Date) return value.toISOString();
  return typeof value === "bigint" ? String(value) : JSON.stringify(toJson(value));
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Date) &&
  !ArrayBuffer.isView(value);

const isNumbers = (value: unknown): value is ArrayLike<number | bigint> =>
  ArrayBuffer.isView(value) && !(value instanceof DataView) && !(value instanceof Uint8Array);
