/**
 * How the parts of a value become lines. The rules are those of Node's util.inspect (v24, compact: 3), so that a script's
 * output is the same here and there: what is nested at most three deep and short stands on one line; arrays of more
 * than six parts stand in columns, about as wide as high; everything else has a line for each part.
 */
import { textWidth } from "./inspect-text.ts";

/** Nesting that may share a line, and what a column count depends on. */
const COMPACT = 3;
const MOST_COLUMNS = 15;

/** A value's parts and what stands around them. */
export interface Layout {
  /** Before the bracket: a function's or an error's own text. */
  readonly base: string;
  readonly open: string;
  readonly close: string;
  readonly parts: readonly string[];
  /** Columns that the place it stands in is indented by. */
  readonly indent: number;
  readonly width: number;
  /** Levels that the last nested value inside goes deeper. */
  readonly nested: number;
  /** The array, if it is one that may stand in columns; `isCut` if its last part says how many more there are. */
  readonly array?: { readonly values: ArrayLike<unknown>; readonly isCut: boolean };
}

/** The text of a value with parts. Lines after the first are not yet indented by the place it stands in. */
export function layOut(layout: Layout): string {
  const { base, open, close, parts, array, width } = layout;
  const rows = array && parts.length > 6 ? inColumns(parts, layout, array) : parts;
  const head = base === "" ? open : `${base} ${open}`;
  if (layout.nested < COMPACT && rows === parts) {
    const around = parts.length * 2 + layout.indent + open.length + base.length + 10;
    const total = parts.reduce((sum, part) => sum + part.length, around);
    if (
      around + parts.length <= width &&
      total <= width &&
      !base.includes("\n") &&
      !parts.some((part) => part.includes("\n"))
    )
      return `${head} ${parts.join(", ")} ${close}`;
  }
  return `${head}\n${rows.map((row) => `  ${row.replaceAll("\n", "\n  ")}`).join(",\n")}\n${close}`;
}

function inColumns(parts: readonly string[], layout: Layout, array: NonNullable<Layout["array"]>): readonly string[] {
  const count = array.isCut ? parts.length - 1 : parts.length;
  const body = parts.slice(0, count);
  const widths = body.map(textWidth);
  const widest = Math.max(...widths) + 2;
  const total = widths.reduce((sum, width) => sum + width + 2, 0);
  // Three must fit side by side, and one long entry must not tear holes between short ones.
  const fits = widest * 3 + layout.indent < layout.width && (total / widest > 5 || widest <= 8);
  if (!fits) return parts;
  const bias = Math.sqrt(widest - total / parts.length);
  const typical = Math.max(widest - 3 - bias, 1);
  const columns = Math.min(
    Math.round(Math.sqrt(2.5 * typical * count) / typical),
    Math.floor((layout.width - layout.indent) / widest),
    COMPACT * 4,
    MOST_COLUMNS,
  );
  if (columns <= 1) return parts;
  const columnWidths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...widths.filter((_width, index) => index % columns === column)),
  );
  const isNumeric = parts.every((_, index) => /^(?:number|bigint)$/.test(typeof array.values[index]));
  const rows: string[] = [];
  for (let first = 0; first < count; first += columns) {
    const row = body.slice(first, first + columns);
    const cells = row.map((part, column) => {
      const isLast = column === row.length - 1;
      const room = " ".repeat(columnWidths[column]! - widths[first + column]!);
      if (isNumeric) return room + part;
      return isLast ? part : `${part}, ${room}`;
    });
    rows.push(cells.join(isNumeric ? ", " : ""));
  }
  return array.isCut ? [...rows, parts.at(-1)!] : rows;
}
