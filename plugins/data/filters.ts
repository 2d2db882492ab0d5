/** What is typed above a column: ">5", "<= 3", "2..8", "= 7", "!= 0" for numbers; otherwise a part of the text. */
import type { Column } from "./columns.ts";

const COMPARISONS: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
  "=": (value, bound) => value === bound,
  "!=": (value, bound) => value !== bound,
};

/** Whether a row passes. A filter that is nothing passes all. */
export function filterOf(column: Column, typed: string): (row: number) => boolean {
  const text = typed.trim();
  if (text === "") return () => true;
  if (column.kind !== "text") {
    const { values } = column;
    const bound = (word: string): number => (column.kind === "time" ? Date.parse(word) : Number(word));
    const compared = /^(>=|<=|!=|>|<|=)\s*(.+)$/.exec(text);
    if (compared && !Number.isNaN(bound(compared[2]!))) {
      const compare = COMPARISONS[compared[1]!]!;
      const limit = bound(compared[2]!);
      return (row) => compare(values[row]!, limit);
    }
    const range = /^(.+?)\s*\.\.\s*(.+)$/.exec(text);
    if (range) {
      const [from, to] = [bound(range[1]!), bound(range[2]!)];
      return (row) => values[row]! >= from && values[row]! <= to;
    }
  } else if (text.startsWith("=")) {
    const wanted = text.slice(1).trim();
    return (row) => column.text(row) === wanted;
  }
  const part = text.toLowerCase();
  return (row) => column.text(row).toLowerCase().includes(part);
}
