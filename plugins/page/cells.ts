/** The cells of a notebook as parts of a page: code that can be folded, and outputs by the renderers that can draw them. */
import type { Element, ElementContent } from "hast";
import { h } from "hastscript";
import type { MimeBundle } from "#core/kernel/mime.ts";
import type { Cell, Notebook, Output } from "#core/notebook/model.ts";
import { colourCode } from "#kit/code-colours.ts";
import type { PageContext, PageDrawing } from "#kit/page-drawing.ts";
import { choices, type Renderer } from "#kit/renderers.ts";
import type { MediaFiles } from "./media.ts";

export interface CellOptions {
  readonly renderers: readonly Renderer[];
  readonly media: MediaFiles;
  readonly file: (path: string) => string | undefined;
}

const LANGUAGES: Readonly<Record<string, string>> = { python: "Python", typescript: "TypeScript", shell: "Shell" };
/** nbformat's and the common extensions' ways to say that code is not to be seen at once. */
const HIDING_TAGS: readonly unknown[] = ["hide-input", "hide_input", "remove-input"];

/** Every cell that shows something, in order. */
export async function drawCells(notebook: Notebook, options: CellOptions): Promise<Element[]> {
  const drawings = new Map<Renderer, Promise<PageDrawing>>();
  const cells: Element[] = [];
  for (const [index, cell] of notebook.cells.entries()) {
    const place = { options, drawings, prefix: `cell-${index + 1}-` };
    const content = await drawCell(cell, place);
    if (content.length === 0) continue;
    const label = cell.kind === "code" ? `Cell ${index + 1}, ${languageName(cell.language)}` : undefined;
    cells.push(
      h(
        cell.kind === "code" ? "section.cell" : "div.cell",
        { id: `cell-${index + 1}`, ariaLabel: label, dataKind: cell.kind },
        content,
      ),
    );
  }
  return cells;
}

interface Place {
  readonly options: CellOptions;
  readonly drawings: Map<Renderer, Promise<PageDrawing>>;
  /** What the ids of this cell begin with. */
  readonly prefix: string;
}

async function drawCell(cell: Cell, place: Place): Promise<ElementContent[]> {
  if (cell.kind === "raw") return cell.source.trim() === "" ? [] : [h("div.raw", h("pre", cell.source))];
  if (cell.kind === "markdown") {
    if (cell.source.trim() === "") return [];
    const metadata = cell.attachments ? { ...cell.metadata, attachments: cell.attachments } : cell.metadata;
    const drawn = await drawBundle({ "text/markdown": cell.source }, metadata, place);
    return drawn ?? [h("pre", cell.source)];
  }
  const parts: ElementContent[] = [];
  if (cell.source.trim() !== "") parts.push(await drawCode(cell));
  const outputs = await drawOutputs(cell, place);
  if (outputs.length > 0) parts.push(h("div.outputs", outputs));
  return parts;
}

async function drawCode(cell: Cell): Promise<Element> {
  const pieces = await colourCode(cell.source, cell.language);
  const code: ElementContent[] = pieces
    ? pieces.map(({ text, classes }) =>
        classes === "" ? { type: "text", value: text } : h("span", { class: classes }, text),
      )
    : [{ type: "text", value: cell.source }];
  const count = cell.run?.count;
  const words = `${languageName(cell.language)}${count === undefined ? "" : ` [${count}]`}`;
  const isHidden = hidesCode(cell.metadata);
  return h("details.code", { open: !isHidden }, [h("summary", words), h("pre", h("code", code))]);
}

async function drawOutputs(cell: Cell, place: Place): Promise<Element[]> {
  const { run } = cell;
  if (!run || isFlagSet(cell.metadata, "outputs_hidden")) return [];
  if (run.missing !== undefined)
    return [h("p.note", "The outputs of this cell are not on the machine that published it.")];
  const drawn: Element[] = [];
  for (const [index, output] of run.outputs.entries()) {
    const { bundle, metadata } = bundleOf(output);
    const prefix = `${place.prefix}${index + 1}-`;
    const content = await drawBundle(bundle, metadata, { ...place, prefix });
    if (content?.length === 0) continue;
    drawn.push(
      h("div.output", content ?? [h("p.note", `An output (${Object.keys(bundle).join(", ")}) that shows in Kroma.`)]),
    );
  }
  return drawn;
}

/** The best representation that says something without a script. */
async function drawBundle(
  bundle: MimeBundle,
  metadata: Readonly<Record<string, unknown>>,
  { options, drawings, prefix }: Place,
): Promise<ElementContent[] | undefined> {
  for (const { renderer, mimeType } of choices(options.renderers, bundle)) {
    if (!renderer.loadPage) continue;
    let loading = drawings.get(renderer);
    if (!loading) {
      loading = renderer.loadPage();
      drawings.set(renderer, loading);
    }
    const context: PageContext = {
      mimeType,
      data: bundle[mimeType],
      bundle,
      metadata,
      prefix,
      media: (bytes, type) => options.media.add(bytes, type),
      file: options.file,
    };
    const content = await drawOrNot(await loading, context);
    if (content) return [...content];
  }
  return undefined;
}

/** One output that can't be drawn must not keep a notebook from being read: its next representation is tried. */
async function drawOrNot(drawing: PageDrawing, context: PageContext): Promise<readonly ElementContent[] | undefined> {
  try {
    return await drawing.draw(context);
  } catch {
    return undefined;
  }
}

function bundleOf(output: Output): { bundle: MimeBundle; metadata: Readonly<Record<string, unknown>> } {
  switch (output.output_type) {
    case "stream":
      return { bundle: { "application/vnd.kroma.stream": { name: output.name, text: output.text } }, metadata: {} };
    case "error": {
      const { ename, evalue, traceback, line } = output;
      return { bundle: { "application/vnd.kroma.error": { ename, evalue, traceback, line } }, metadata: {} };
    }
    default:
      return { bundle: output.data, metadata: output.metadata };
  }
}

function languageName(language: string): string {
  return LANGUAGES[language] ?? language;
}

function hidesCode(metadata: Readonly<Record<string, unknown>>): boolean {
  const { tags } = metadata;
  return isFlagSet(metadata, "source_hidden") || (Array.isArray(tags) && tags.some((tag) => HIDING_TAGS.includes(tag)));
}

function isFlagSet(metadata: Readonly<Record<string, unknown>>, name: string): boolean {
  const jupyter = metadata["jupyter"] as Readonly<Record<string, unknown>> | undefined;
  return typeof jupyter === "object" && jupyter !== null && jupyter[name] === true;
}
