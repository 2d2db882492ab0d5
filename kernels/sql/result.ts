/** A statement's rows as outputs and as a value: an Arrow stream in, MIME bundles and plain rows out. */
import { DataType, type Table, tableFromIPC, TimeUnit } from "apache-arrow";
import type { MimeBundle } from "#core/kernel/mime.ts";
import { toBase64 } from "#core/workspace/values-json.ts";

/** Rows in the text and the HTML, which stand for the table where there is no viewer. */
const SHOWN_ROWS = 20;
const MOST_CHARACTERS = 200;
/** Bytes of a stream that an output holds; a larger one is a file. */
export const INLINE_BYTES = 2 * 1024 * 1024;

/** Rows that came back. */
export interface QueryResult {
  /** An Arrow stream, whole. */
  readonly bytes: Uint8Array;
  readonly table: Table;
}

/** Reads the stream. */
export function readResult(bytes: Uint8Array): QueryResult {
  return { bytes, table: tableFromIPC(bytes) };
}

/** The table for a person. `path`: the file of the workspace that holds it, if it is too large for an output. */
export function bundleOf({ bytes, table }: QueryResult, path: string | undefined): MimeBundle {
  const names = table.schema.fields.map(({ name }) => name);
  const rows = cellsOf(table, SHOWN_ROWS);
  const rest = table.numRows - rows.length;
  const more = rest > 0 ? `… ${rest.toLocaleString("en")} more rows` : "";
  const viewer =
    path === undefined
      ? { "application/vnd.apache.arrow.stream": toBase64(bytes) }
      : { [TABLE_MIME]: { path, format: "arrow" } };
  return { ...viewer, "text/html": htmlOf(names, rows, more), "text/plain": plainOf(names, rows, more) };
}

const TABLE_MIME = "application/vnd.kroma.table+json";

/** What a statement that gives no rows says, or one whose rows are a text; undefined for a table. */
export function textOfResult({ table }: QueryResult, statement: string): string | undefined {
  const names = table.schema.fields.map(({ name }) => name);
  if (names.length === 0) return "";
  if (names.join() === "explain_key,explain_value") {
    return cellsOf(table, table.numRows)
      .map(([, text]) => `${text}\n`)
      .join("");
  }
  const verb = /^(CREATE|INSERT|UPDATE|DELETE|COPY|MERGE)\b/i.exec(statement)?.[1]?.toUpperCase();
  if (verb === undefined || names.join() !== "Count" || table.numRows > 1) return undefined;
  if (table.numRows === 0) return "";
  const count = Number(table.get(0)?.["Count"] ?? 0);
  return `${verb} ${count.toLocaleString("en")} ${count === 1 ? "row" : "rows"}\n`;
}

/** The rows as objects of plain values, for other languages. */
export function rowsOf(table: Table): readonly Readonly<Record<string, unknown>>[] {
  const columns = table.schema.fields.map(({ name, type }, index) => [name, valuesOf(table, index, type)] as const);
  return Array.from({ length: table.numRows }, (_, row) =>
    Object.fromEntries(columns.map(([name, value]) => [name, value(row)])),
  );
}

function cellsOf(table: Table, most: number): readonly (readonly string[])[] {
  const columns = table.schema.fields.map(({ type }, index) => valuesOf(table, index, type));
  return Array.from({ length: Math.min(most, table.numRows) }, (_, row) =>
    columns.map((value, index) => textOfCell(value(row), table.schema.fields[index]?.type)),
  );
}

/** A column's values as every language has them. */
function valuesOf(table: Table, index: number, type: DataType): (row: number) => unknown {
  const vector = table.getChildAt(index);
  return (row) => plain(vector?.get(row), type);
}

function plain(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint" && !DataType.isTime(type)) {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }
  if ((DataType.isTimestamp(type) || DataType.isDate(type)) && typeof value === "number") return new Date(value);
  if (DataType.isTime(type)) return timeText(value as number | bigint, type.unit);
  if (DataType.isDictionary(type)) return plain(value, type.dictionary);
  if (DataType.isInterval(type)) return intervalText(value as Int32Array);
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) {
    const inner = type.children[0]?.type;
    return Array.from(value as Iterable<unknown>, (item) => (inner ? plain(item, inner) : item));
  }
  if (DataType.isStruct(type)) {
    const fields = value as Readonly<Record<string, unknown>>;
    return Object.fromEntries(
      type.children.map(({ name, type: inner }) => [name, plain(fields[name], inner as DataType)]),
    );
  }
  if (DataType.isMap(type)) {
    const inner = type.valueType as DataType;
    const entries = Array.from(value as Iterable<readonly [unknown, unknown]>);
    return Object.fromEntries(entries.map(([key, item]) => [String(key), plain(item, inner)]));
  }
  return value;
}

function timeText(value: number | bigint, unit: TimeUnit): string {
  const perSecond = {
    [TimeUnit.SECOND]: 1,
    [TimeUnit.MILLISECOND]: 1e3,
    [TimeUnit.MICROSECOND]: 1e6,
    [TimeUnit.NANOSECOND]: 1e9,
  };
  const milliseconds = (Number(value) / perSecond[unit]) * 1000;
  return new Date(milliseconds)
    .toISOString()
    .slice(11, 23)
    .replace(/\.000$/, "");
}

/** Months, days, and nanoseconds as two words. */
function intervalText(value: Int32Array): string {
  const [months = 0, days = 0, low = 0, high = 0] = value;
  const seconds = (high * 2 ** 32 + (low >>> 0)) / 1e9;
  const parts = [months !== 0 && `${months} months`, days !== 0 && `${days} days`, seconds !== 0 && `${seconds} s`];
  return parts.filter((part) => part !== false).join(" ") || "0 s";
}

function textOfCell(value: unknown, type: DataType | undefined): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (value instanceof Date) {
    const iso = Number.isNaN(value.getTime()) ? "" : value.toISOString();
    return DataType.isDate(type) ? iso.slice(0, 10) : iso.replace("T", " ").replace(/(?:\.000)?Z$/, "");
  }
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "object") {
    return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));
  }
  return String(value as number);
}

/** In characters, not in UTF-16. */
const lengthOf = (text: string): number => Array.from(text).length;

const shortened = (text: string): string =>
  text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…`.toWellFormed() : text;

function plainOf(names: readonly string[], rows: readonly (readonly string[])[], more: string): string {
  const lines = [names, ...rows].map((cells) => cells.map((cell) => shortened(cell.replaceAll(/\s*\n\s*/g, " "))));
  const widths = names.map((_, index) => Math.max(...lines.map((cells) => lengthOf(cells[index] ?? ""))));
  const padded = lines.map((cells) =>
    cells
      .map((cell, index) => cell + " ".repeat((widths[index] ?? 0) - lengthOf(cell)))
      .join("  ")
      .trimEnd(),
  );
  const head = padded[0] ?? "";
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [
    head,
    rule,
    ...padded.slice(1),
    ...(rows.length === 0 ? ["(no rows)"] : []),
    ...(more === "" ? [] : [more]),
  ].join("\n");
}

function htmlOf(names: readonly string[], rows: readonly (readonly string[])[], more: string): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(shortened(cell))}</${tag}>`).join("")}</tr>`;
  const body = rows.map((cells) => row(cells, "td")).join("");
  const table = `<table><thead>${row(names, "th")}</thead><tbody>${body}</tbody></table>`;
  return more === "" ? table : `${table}<p>${more}</p>`;
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
