/** A figure as it comes with an output: traces and a layout (https://plotly.com/javascript/reference/). */
import {
  array,
  type InferOutput,
  maxLength,
  object,
  optional,
  pipe,
  record,
  safeParse,
  string,
  unknown,
} from "valibot";

const anything = record(string(), unknown());
const schema = object({
  data: optional(pipe(array(anything), maxLength(5000)), []),
  layout: optional(anything, {}),
  frames: optional(pipe(array(anything), maxLength(5000))),
  config: optional(anything, {}),
});

/** A figure, checked to be one as far as Kroma reads it. */
export type Figure = InferOutput<typeof schema>;

/** Traces that Kroma's copy of Plotly draws: those of its cartesian bundle. */
const KNOWN: ReadonlySet<unknown> = new Set([
  "bar", "box", "contour", "heatmap", "histogram", "histogram2d", "histogram2dcontour", "image", "pie", "scatter",
  "scatterternary", "violin",
]); // prettier-ignore
/** The same chart, drawn by WebGL in larger bundles. */
const PLAIN: Readonly<Record<string, string>> = { scattergl: "scatter", heatmapgl: "heatmap" };

/** The figure; a sentence when there is none. */
export function readFigure(data: unknown): Figure | string {
  let value = data;
  try {
    if (typeof data === "string") value = JSON.parse(data) as unknown;
  } catch {
    return "It is no JSON.";
  }
  const read = safeParse(schema, value);
  if (!read.success) return "It is not what Plotly calls a figure: traces as `data`, and a `layout`.";
  const traces = read.output.data.map((trace) =>
    typeof trace["type"] === "string" && Object.hasOwn(PLAIN, trace["type"])
      ? { ...trace, type: PLAIN[trace["type"]] }
      : trace,
  );
  const strange = traces.find(({ type }) => type !== undefined && !KNOWN.has(type));
  if (strange) return `It has a trace of the type ${String(strange["type"])}, which Kroma's Plotly does not draw.`;
  return { ...read.output, data: traces };
}

/** The words of a title, an axis or a name, which may have markup of Plotly's. */
export function wordsOf(value: unknown): string | undefined {
  const text = typeof value === "object" && value !== null ? (value as { readonly text?: unknown }).text : value;
  if (typeof text !== "string") return undefined;
  const words = text.replaceAll(/<br\s*\/?>/gi, " ").replaceAll(/<[^>]*>/g, "").trim(); // prettier-ignore
  return words === "" ? undefined : words;
}

/** What a figure is about, for those who don't see it. */
export const titleOf = ({ layout }: Figure): string => wordsOf(layout["title"]) ?? "Chart";
