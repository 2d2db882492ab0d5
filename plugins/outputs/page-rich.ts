/** HTML, SVG, pictures, sound, tables and JSON on a page without scripts. */
import type { Element, ElementContent } from "hast";
import { h } from "hastscript";
import { cleanMarkup, textOfNodes } from "#kit/page-markup.ts";
import type { PageContext, PageDrawing } from "#kit/page-drawing.ts";
import { showSvg } from "#kit/page-svg.ts";
import { areNumbers } from "./columns.ts";
import { decodeBase64 } from "./files.ts";
import { isStaticHtml } from "./html-kind.ts";
import { describe, groundOf, sizeOf } from "./image-facts.ts";
import { parseSeparated } from "./separated.ts";

const TABLE_ROWS = 200;
const TABLE_COLUMNS = 60;
const MOST_HTML = 1_500_000;
const MOST_JSON = 50_000;
const SMALL_JSON_LINES = 24;

/** `text/html`, as far as it shows something by itself. */
export const html: PageDrawing = {
  draw(context) {
    const markup = typeof context.data === "string" ? context.data : "";
    const hasOthers = Object.keys(context.bundle).length > 1;
    if (markup.length > MOST_HTML || (hasOthers && !isStaticHtml(markup))) return undefined;
    const nodes = cleanMarkup(markup, { prefix: context.prefix, resolve: context.file, resolveLink: context.file });
    if (!saysSomething(nodes)) return undefined;
    for (const table of elementsNamed("table", nodes)) setTable(table);
    return [h("div.html", { tabIndex: 0, role: "group", ariaLabel: "HTML output" }, [...nodes])];
  },
};

/** `image/svg+xml`. */
export const svg: PageDrawing = {
  draw: (context) =>
    showSvg(typeof context.data === "string" ? context.data : "", context, {
      label: describe(context, "Drawing"),
      ...sizeOf(context),
    }),
};

/** Pictures as base64. */
export const image: PageDrawing = {
  async draw(context) {
    const bytes = typeof context.data === "string" ? decodeBase64(context.data) : undefined;
    if (!bytes || bytes.length === 0) return undefined;
    const { width, height } = sizeOf(context);
    const src = await context.media(bytes, context.mimeType);
    const ground = groundOf(context);
    const alt = describe(context, "Picture made by this cell");
    return [
      h("img", {
        src,
        alt,
        ...(width ? { width } : {}),
        ...(height ? { height } : {}),
        ...(ground ? { className: [`on-${ground}`] } : {}),
      }),
    ];
  },
};

/** Sound, film and PDF files. */
export const media: PageDrawing = {
  async draw(context) {
    const bytes = typeof context.data === "string" ? decodeBase64(context.data) : undefined;
    if (!bytes || bytes.length === 0) return undefined;
    const address = await context.media(bytes, context.mimeType);
    if (context.mimeType === "application/pdf") return [h("p", [h("a", { href: address }, "PDF made by this cell")])];
    const isVideo = context.mimeType.startsWith("video/");
    const label = describe(context, isVideo ? "Video" : "Sound");
    return [h(isVideo ? "video" : "audio", { src: address, controls: true, preload: "metadata", ariaLabel: label })];
  },
};

/** Comma- and tab-separated text as a table. */
export const table: PageDrawing = {
  draw({ data, mimeType }) {
    const separator = mimeType === "text/csv" ? "," : "\t";
    const { rows, isCut } = parseSeparated(typeof data === "string" ? data : "", separator, TABLE_ROWS + 1);
    const [head = [], ...body] = rows;
    const made = h("table", [
      ...(isCut || head.length > TABLE_COLUMNS ? [h("caption", `The first ${body.length} rows`)] : []),
      h("thead", h("tr", head.slice(0, TABLE_COLUMNS).map((word) => h("th", { scope: "col" }, word)))),
      h("tbody", body.map((row) => h("tr", row.slice(0, TABLE_COLUMNS).map((word) => h("td", word))))),
    ]); // prettier-ignore
    setTable(made);
    return [h("div.html", { tabIndex: 0, role: "group", ariaLabel: "Table" }, made)];
  },
};

/** JSON, set out over lines; folded when there are many. */
export const json: PageDrawing = {
  draw({ data }) {
    const text = JSON.stringify(parse(data), undefined, 2) ?? "";
    if (text.length > MOST_JSON) {
      const size = Math.round(text.length / 1024);
      return [h("p.note", `JSON of ${size} kB, which is in the notebook.`)];
    }
    const lines = text.split("\n").length;
    const block = h("pre.plain", text);
    if (lines <= SMALL_JSON_LINES) return [block];
    return [h("details", [h("summary", `JSON, ${lines} lines`), block])];
  },
};

/** What nobody draws: JSON types as JSON, others are named. */
export const unknown: PageDrawing = {
  draw(context: PageContext) {
    if (context.mimeType.endsWith("+json")) return undefined;
    return [h("p.note", `An output of the type ${context.mimeType}, which is in the notebook.`)];
  },
};

function saysSomething(nodes: readonly ElementContent[]): boolean {
  const shows = ["img", "svg", "video", "audio", "hr", "progress", "meter"];
  const inside = nodes.flatMap((node) =>
    node.type === "element" && node.children[0]?.type === "element" && node.children[0].content
      ? (node.children[0].content.children as readonly ElementContent[])
      : [node],
  );
  return textOfNodes(inside).trim() !== "" || shows.some((name) => [...elementsNamed(name, inside)].length > 0);
}

function* elementsNamed(tagName: string, nodes: readonly { readonly type: string }[]): Generator<Element> {
  for (const node of nodes as readonly ElementContent[]) {
    if (node.type !== "element") continue;
    if (node.tagName === tagName) yield node;
    yield* elementsNamed(tagName, node.content ? node.content.children : node.children);
  }
}

/** Columns of numbers flush right; a header that says nothing (pandas leaves the corner empty) is no header. */
function setTable(element: Element): void {
  const rows = [...elementsNamed("tr", [element])];
  const cells = rows.map((row) =>
    row.children.filter((one): one is Element => one.type === "element" && /^t[hd]$/.test(one.tagName)),
  );
  for (const cell of cells.flat()) {
    if (cell.tagName === "th" && cell.children.length === 0) cell.tagName = "td";
  }
  const body = cells.filter((row) => row.some((cell) => cell.tagName === "td") && row[0]?.children.length !== 0);
  const isRegular = cells
    .flat()
    .every((cell) => cell.properties["colSpan"] === undefined && cell.properties["rowSpan"] === undefined);
  if (!isRegular || body.length === 0 || cells.length * (cells[0]?.length ?? 0) > 5000) return;
  for (let column = 0; column < (cells[0]?.length ?? 0); column += 1) {
    const words = body.map((row) => textOfNodes(row[column]?.children ?? []).trim());
    if (!areNumbers(words)) continue;
    for (const row of cells) {
      const cell = row[column];
      if (cell) cell.properties["className"] = ["number"];
    }
  }
}

function parse(data: unknown): unknown {
  if (typeof data !== "string") return data;
  try {
    return JSON.parse(data) as unknown;
  } catch {
    return data;
  }
}
