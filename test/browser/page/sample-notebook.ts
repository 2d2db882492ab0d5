/** A notebook with one of everything, for pages: what cells put out in other tests, one after the other. */
import type { CellId, RunId } from "#core/base/ids.ts";
import type { Cell, Notebook, Output } from "#core/notebook/model.ts";
import { SAMPLES } from "../outputs/samples.ts";

/** SHA-256 of the page that every program makes of it. To be changed only with the page itself. */
export const PAGE_HASH = "0233ef76a23880164379272414bfd038488af2d1dc4443bcd4e517fdde5fb440";

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
