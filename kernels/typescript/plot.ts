/**
 * `kroma.plot(table, { x, y })`: a Vega-Lite chart of a table's columns in one line, the same as Python's (_kroma/plot.py). The
 * chart holds the columns that it shows and no others.
 */

/** What may be said of a chart; `x` is enough, which gives a histogram. */
export interface PlotOptions {
  readonly x: string;
  readonly y?: string;
  /** The column that colours tell apart. */
  readonly color?: string;
  /** Vega-Lite's: "bar", "line", "point", "area" … By default what fits the columns. */
  readonly mark?: string;
  readonly title?: string;
  readonly width?: number;
  readonly height?: number;
}

type Kind = "quantitative" | "temporal" | "nominal";
type Rows = readonly Readonly<Record<string, unknown>>[];

/** Charts are for looking at, and a notebook holds them: more rows are grouped first. */
const MOST_ROWS = 20_000;
const MOMENT = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?$/;

/** The chart. Throws a sentence for what is no table, for a column that is not there, and for too many rows. */
export function chartOf(table: unknown, options: PlotOptions): Readonly<Record<string, unknown>> {
  if (typeof options?.x !== "string")
    throw new TypeError('plot needs the name of a column: kroma.plot(table, { x: "name" })');
  const rows = rowsOf(table);
  if (rows.length > MOST_ROWS) {
    throw new RangeError(
      `plot shows at most ${MOST_ROWS} rows, and these are ${rows.length}: group or sample them first`,
    );
  }
  const { x, y, color, title } = options;
  const channels = { x, ...(y === undefined ? {} : { y }), ...(color === undefined ? {} : { color }) };
  const columns = Object.entries(channels).map(([channel, name]) => [channel, name, columnOf(rows, name)] as const);
  const kinds: Readonly<Record<string, Kind>> = Object.fromEntries(
    columns.map(([channel, , values]) => [channel, kindOf(values)]),
  );
  const values = rows.map((_, row) => Object.fromEntries(columns.map(([channel, , cells]) => [channel, cells[row]])));
  const encoding: Record<string, object> = Object.fromEntries(
    columns.map(([channel, name]) => [channel, { field: channel, type: kinds[channel], title: name }]),
  );
  if (kinds["x"] === "nominal") encoding["x"] = { ...encoding["x"], sort: null };
  if (y === undefined) {
    if (kinds["x"] === "quantitative") encoding["x"] = { ...encoding["x"], bin: true };
    encoding["y"] = { aggregate: "count", type: "quantitative", title: "count" };
  }
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    ...(title === undefined ? {} : { title }),
    width: options.width ?? "container",
    height: options.height ?? 240,
    data: { values },
    mark: { type: options.mark ?? markFor(kinds["x"] ?? "nominal", y), tooltip: true },
    encoding,
  };
}

function markFor(x: Kind, y: string | undefined): string {
  if (y === undefined || x === "nominal") return "bar";
  return x === "temporal" ? "line" : "point";
}

function rowsOf(table: unknown): Rows {
  if (Array.isArray(table)) return table as Rows;
  if (typeof table === "object" && table !== null) {
    // Arrow's tables.
    if ("toArray" in table && typeof table.toArray === "function") return (table.toArray as () => Rows)();
    const columns = Object.entries(table as Readonly<Record<string, ArrayLike<unknown>>>);
    const length = Math.max(0, ...columns.map(([, values]) => values?.length ?? NaN));
    if (columns.length > 0 && !Number.isNaN(length)) {
      return Array.from({ length }, (_, row) =>
        Object.fromEntries(columns.map(([name, values]) => [name, values[row]])),
      );
    }
  }
  throw new TypeError("plot takes a list of objects, an object of lists, an Arrow table, or the name of such a value");
}

function columnOf(rows: Rows, name: string): readonly unknown[] {
  const values = rows.map((row) => plain(row?.[name]));
  if (rows.length > 0 && values.every((value) => value === undefined)) {
    const names = Object.keys(rows[0] ?? {})
      .slice(0, 20)
      .join(", ");
    throw new RangeError(`The table has no column ${name}. It has ${names}.`);
  }
  return values;
}

/** As JSON has it; what it lacks is nothing. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (value === null || typeof value === "string" || typeof value === "boolean") return value ?? undefined;
  return value === undefined ? undefined : String(value as object);
}

function kindOf(values: readonly unknown[]): Kind {
  const there = values.filter((value) => value !== undefined);
  if (there.length > 0 && there.every((value) => typeof value === "number")) return "quantitative";
  const areMoments = there.length > 0 && there.every((value) => typeof value === "string" && MOMENT.test(value));
  return areMoments ? "temporal" : "nominal";
}
