/** A table's columns as they are kept in the worker: numbers as numbers, text where it came from, read when it is wanted. */

/** A column. Rows count from 0; a cell that holds nothing is "" or NaN. */
export type Column = NumberColumn | TextColumn;

export interface NumberColumn {
  readonly name: string;
  readonly kind: "number" | "time" | "truth";
  readonly values: Float64Array;
  /** A cell as it is shown. */
  text(row: number): string;
}

export interface TextColumn {
  readonly name: string;
  readonly kind: "text";
  text(row: number): string;
}

/** Numbers, shown as they were written where `text` knows how. */
export function numberColumn(
  name: string,
  values: Float64Array,
  text: (row: number) => string = (row) => numberText(values[row] ?? NaN),
): NumberColumn {
  return { name, kind: "number", values, text };
}

/** Moments, in milliseconds since 1970; without the time where every one is midnight. */
export function timeColumn(name: string, values: Float64Array): NumberColumn {
  const DAY = 86_400_000;
  const isDates = values.every((value) => Number.isNaN(value) || value % DAY === 0);
  const text = (row: number): string => {
    const value = values[row] ?? NaN;
    if (Number.isNaN(value) || Math.abs(value) > 8.64e15) return "";
    const iso = new Date(value).toISOString();
    return isDates ? iso.slice(0, 10) : iso.replace("T", " ").replace(/(?:\.000)?Z$/, "");
  };
  return { name, kind: "time", values, text };
}

/** True and false, as 1 and 0. */
export function truthColumn(name: string, values: Float64Array): NumberColumn {
  const text = (row: number): string => ({ 0: "false", 1: "true" })[values[row] ?? NaN] ?? "";
  return { name, kind: "truth", values, text };
}

/** Values of any kind, as another library read them. */
export function columnOf(name: string, values: ArrayLike<unknown>): Column {
  const kinds = new Set<string>();
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === null || value === undefined) continue;
    kinds.add(value instanceof Date ? "time" : typeof value);
    if (kinds.size > 2) break;
  }
  const isOnly = (...wanted: readonly string[]): boolean =>
    kinds.size > 0 && [...kinds].every((kind) => wanted.includes(kind));
  const numbers = (): Float64Array =>
    Float64Array.from(values, (value) => (value === null || value === undefined ? NaN : Number(value)));
  if (isOnly("number", "bigint")) return numberColumn(name, numbers());
  if (isOnly("time")) return timeColumn(name, numbers());
  if (isOnly("boolean")) return truthColumn(name, numbers());
  return { name, kind: "text", text: (row) => textOf(values[row]) };
}

/** A number as people read it: all its digits, but not the noise of binary fractions. */
export function numberText(value: number): string {
  return Number.isNaN(value) ? "" : String(Number(value.toPrecision(15)));
}

/** Any value as one line. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "object") {
    return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));
  }
  return String(value as number);
}
