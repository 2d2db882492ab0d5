/** A notebook with one of everything, for pages: what cells put out in other tests, one after the other. */
import type { CellId, RunId } from "#core/base/ids.ts";
import type { Cell, Notebook, Output } from "#core/notebook/model.ts";
import type { Page } from "#plugins/page/render.ts";
import { PICTURE, SAMPLES } from "../outputs/samples.ts";

/** SHA-256 of the page, and the names of its pictures (of their content), that every program makes of it. To be changed only with the page itself. */
export const PAGE_HASH = "c0872e10fbd35ed5c46b1fa17b22a24d5f463d59a2f0afaffbc91988ee70445a";

/** All that the hash is of: the page, and the names of its pictures. */
export const pageText = ({ html, files }: Page): string => [html, ...files.map(({ path }) => path)].join("\n");

/** A cell with one output, as a file has it. */
export function cellWith(output: Output | undefined, index: number, source = `value_${index} = ${index}`): Cell {
  return {
    id: `cell${index}` as CellId,
    kind: "code",
    language: "python",
    source,
    textVersion: 0,
    metadata: {},
    run: {
      id: `run${index}` as RunId,
      status: "imported",
      count: index,
      started: undefined,
      ms: undefined,
      sourceHash: "",
      outputs: output ? [output] : [],
    },
  };
}

/** A Markdown cell. */
export function markdownCell(source: string, index: number, metadata: Cell["metadata"] = {}): Cell {
  return {
    id: `text${index}` as CellId,
    kind: "markdown",
    language: "markdown",
    source,
    textVersion: 0,
    metadata,
    run: undefined,
  };
}

/** A notebook of cells. */
export function notebookOf(cells: readonly Cell[]): Notebook {
  return { title: "Air in the city", language: "python", metadata: {}, cells };
}

/** A drawing of very many parts, as plotting libraries write them; it goes into a file of its own. */
const SCATTER = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="400pt" height="300pt"><defs><style>*{stroke-linejoin:round}</style><path id="m" d="M0 3C1 3 3 1 3 0"/></defs>${Array.from(
  { length: 1500 },
  (_none, at) => `<use xlink:href="#m" x="${(at * 37) % 400}" y="${(at * 101) % 300}" style="fill: #1f77b4"/>`,
).join("")}<text>a &amp; b &lt; c</text></svg>`;

const LINES = {
  data: { values: Array.from({ length: 40 }, (_none, at) => ({ day: `2026-01-${String((at % 28) + 1).padStart(2, "0")}`, y: 1.7 ** (at / 3), kind: at % 2 === 0 ? "a" : "b" })) },
  layer: [
    { mark: { type: "line", clip: true }, encoding: { x: { field: "day", type: "temporal", scale: { type: "utc" } }, y: { field: "y", type: "quantitative", scale: { type: "log" } }, color: { field: "kind" } } },
    { mark: { type: "point", filled: true }, transform: [{ calculate: "sin(datum.y) * random()", as: "z" }, { sample: 10 }], encoding: { x: { field: "z", type: "quantitative", bin: true }, y: { aggregate: "count" } } },
  ],
  resolve: { scale: { x: "independent", y: "independent" } },
}; // prettier-ignore

const shown = (data: Readonly<Record<string, unknown>>): Output => ({
  output_type: "display_data",
  data,
  metadata: {},
});

/** What the samples of other tests have not: formulas in all styles, pictures of a cell, styles, large drawings. */
const MORE: readonly Cell[] = [
  {
    ...markdownCell("$\\mathbb{R}^n \\to \\mathcal{L} \\cdot \\mathfrak{g} + \\mathbf{x}_{i}$, \\(\\ce{x}\\)\n\n![dot](attachment:dot.png)\n\n# In code\n\n<b>bold<i>both</b>italic", 90),
    attachments: { "dot.png": { "image/png": PICTURE } },
  },
  cellWith(shown({ "text/html": "<style>p.x { border: 1px solid teal } #a::after { content: 'é' }</style><p class=x id=a>styled <a href='#a'>self</a>" }), 91),
  cellWith(shown({ "image/svg+xml": SCATTER, "text/plain": "<Figure size 400x300>" }), 92),
  cellWith(shown({ "application/vnd.vegalite.v6+json": LINES }), 93),
  cellWith(shown({ "text/html": "<table><tr><td>unclosed<table><tr><td>nested<p>para<div>block</table>" }), 94),
]; // prettier-ignore

/** One of everything. */
export const sampleNotebook: Notebook = notebookOf([
  markdownCell(
    "# Air in the city\n\nWhat three stations measured, by [the data](data/air.csv) and [a place below](#In-code).",
    0,
  ),
  ...SAMPLES.map(({ name, bundle, metadata = {} }, index): Cell => {
    const text = bundle["text/markdown"];
    if (name === "Markdown") return markdownCell(String(text), index + 1);
    const stream = bundle["application/vnd.kroma.stream"] as { name: "stdout" | "stderr"; text: string } | undefined;
    const error = bundle["application/vnd.kroma.error"] as Extract<Output, { output_type: "error" }> | undefined;
    const output: Output = stream
      ? { ...stream, output_type: "stream" }
      : error
        ? { ...error, output_type: "error" }
        : { output_type: "display_data", data: bundle, metadata };
    return cellWith(output, index + 1, `# ${name}\nshow(values[${index}], "text")`);
  }),
  ...MORE,
]);

/** How the sample is rendered in every test. */
export const SAMPLE_OPTIONS = {
  title: "Air in the city",
  authors: [{ name: "Ana Example" }, { name: "Ben" }],
  licence: "CC-BY-4.0",
  version: "1.2.0",
  canonical: "ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
  notebook: "notebook.ipynb",
  files: new Set(["data/air.csv"]),
} as const;
