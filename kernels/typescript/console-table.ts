/** console.table: data as a table in lines, as Node draws it. */
import { inspect } from "./inspect.ts";
import { textWidth } from "./inspect-text.ts";

const VALUES = "Values";

function show(value: unknown): string {
  const isWide =
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    Object.keys(value).length > 2;
  return inspect(value, { depth: isWide ? -1 : 0, items: 3, width: Number.POSITIVE_INFINITY });
}

interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function tableOf(data: object, wanted: readonly string[] | undefined): Table {
  if (data instanceof Map) {
    const rows = [...data].map(([key, value], index) => [String(index), show(key), show(value)]);
    return { head: ["(iteration index)", "Key", VALUES], rows };
  }
  if (data instanceof Set)
    return {
      head: ["(iteration index)", VALUES],
      rows: [...data].map((value, index) => [String(index), show(value)]),
    };
  const isRecord = (row: unknown): row is object =>
    (typeof row === "object" && row !== null) || typeof row === "function";
  const entries = Object.entries(data) as [string, unknown][];
  const names = wanted ?? [...new Set(entries.flatMap(([, row]) => (isRecord(row) ? Object.keys(row) : [])))];
  // Names that look like indices come first, as in any object.
  const columns = Object.keys(Object.fromEntries(names.map((name) => [name, true])));
  const hasValues = !wanted && entries.some(([, row]) => !isRecord(row));
  const has = wanted
    ? Object.hasOwn
    : (row: object, name: string) => Object.prototype.propertyIsEnumerable.call(row, name);
  const rows = entries.map(([index, row]) => {
    const cells = columns.map((name) =>
      isRecord(row) && has(row, name) ? show((row as Record<string, unknown>)[name]) : "",
    );
    return [index, ...cells, ...(hasValues ? [isRecord(row) ? "" : show(row)] : [])];
  });
  return { head: ["(index)", ...columns, ...(hasValues ? [VALUES] : [])], rows };
}

/** The table of an object's entries, each a row; `wanted` names the columns. */
export function tableText(data: object, wanted?: readonly string[]): string {
  const { head, rows } = tableOf(data, wanted);
  const widths = head.map((name, column) =>
    rows.reduce((widest, row) => Math.max(widest, textWidth(row[column]!)), textWidth(name)),
  );
  const line = (left: string, middle: string, right: string) =>
    left + widths.map((width) => "─".repeat(width + 2)).join(middle) + right;
  const text = (cells: readonly string[]) =>
    `│${cells.map((cell, column) => ` ${cell}${" ".repeat(widths[column]! - textWidth(cell))} `).join("│")}│`;
  return [line("┌", "┬", "┐"), text(head), line("├", "┼", "┤"), ...rows.map(text), line("└", "┴", "┘")].join("\n");
}
