/**
 * A Plotly figure on a page without scripts. Plotly draws nothing without a page, so a picture beside the figure is shown, and
 * otherwise its numbers as tables.
 */
import type { ElementContent } from "hast";
import { h } from "hastscript";
import type { PageDrawing } from "#kit/page-drawing.ts";
import { type Figure, readFigure, titleOf, wordsOf } from "./figure.ts";

const PICTURES = ["image/png", "image/svg+xml", "image/jpeg"];
const MOST_ROWS = 200;
const MOST_TABLES = 20;
/** Where traces have their numbers, in the order in which people read them. */
const KEYS = ["labels", "values", "x", "y", "z", "a", "b", "c", "open", "high", "low", "close", "text"];

/** Plotly's figures. */
export const figure: PageDrawing = {
  draw(context) {
    const read = readFigure(context.data);
    if (typeof read === "string" && Object.keys(context.bundle).length > 1) return undefined;
    if (PICTURES.some((type) => Object.hasOwn(context.bundle, type))) return undefined;
    const tables = typeof read === "string" ? [] : tablesOf(read);
    if (typeof read === "string" || tables.length === 0)
      return [h("p.note", "A chart that can't be drawn here; it is in the notebook.")];
    return tables.slice(0, MOST_TABLES).map((table) => drawTable(table, titleOf(read)));
  },
};

interface Column {
  readonly name: string;
  readonly values: readonly unknown[];
}

/** A table for each trace; traces over one and the same column share one. */
function tablesOf({ data, layout }: Figure): readonly (readonly Column[])[] {
  const tables: Column[][] = [];
  for (const [index, trace] of data.entries()) {
    const [first, ...others] = KEYS.flatMap((key): readonly Column[] => {
      const values = valuesOf(trace[key]);
      const axis = layout[`${key}axis`] as { readonly title?: unknown } | undefined;
      return values ? [{ name: wordsOf(axis?.title) ?? key, values }] : [];
    });
    if (!first) continue;
    const last = tables.at(-1);
    const isShared = last !== undefined && others.length > 0 && isSame(last[0]!.values, first.values);
    const name = wordsOf(trace["name"]) ?? (isShared ? `trace ${index}` : undefined);
    const named = others.map(({ name: axis, values }, place) => ({
      name: name === undefined ? axis : place === 0 ? name : `${name}, ${axis}`,
      values,
    }));
    if (isShared) last.push(...named);
    else tables.push([first, ...named]);
  }
  return tables;
}

const isSame = (left: readonly unknown[], right: readonly unknown[]): boolean =>
  left.length === right.length && left.every((value, index) => Object.is(value, right[index]));

function drawTable(columns: readonly Column[], title: string): ElementContent {
  const rows = Math.max(...columns.map(({ values }) => values.length));
  const shown = Math.min(rows, MOST_ROWS);
  const more = rows > shown ? ` (the first ${shown} of ${rows} rows)` : "";
  const body = Array.from(
    { length: shown },
    (_, row) =>
    h("tr", columns.map(({ values }) => h("td", textOf(values[row])))), // prettier-ignore
  );
  const head = h("tr", columns.map(({ name }) => h("th", { scope: "col" }, name))); // prettier-ignore
  const table = h("table", [h("caption", `${title}${more}`), h("thead", [head]), h("tbody", body)]);
  return h("div.html", { tabIndex: 0, role: "group", ariaLabel: title }, [table]);
}

function textOf(value: unknown): string {
  if (typeof value === "number") return String(Number(value.toPrecision(12)));
  return typeof value === "string" || typeof value === "boolean" ? String(value) : "";
}

const TYPES = {
  f8: Float64Array, f4: Float32Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array,
} as const; // prettier-ignore

/** A list of plain values; plotly.py writes arrays of numbers as `{ bdata, dtype }`. */
function valuesOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value.length > 0 && !Array.isArray(value[0]) ? (value as unknown[]) : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  const { bdata, dtype, shape } = value as Readonly<Record<string, unknown>>;
  if (typeof bdata !== "string" || typeof dtype !== "string" || !Object.hasOwn(TYPES, dtype)) return undefined;
  if (typeof shape === "string" && shape.includes(",")) return undefined;
  const Type = TYPES[dtype as keyof typeof TYPES];
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.from(atob(bdata), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
  if (bytes.length === 0 || bytes.length % Type.BYTES_PER_ELEMENT !== 0) return undefined;
  return Array.from(new Type(bytes.buffer));
}
