/**
 * Markdown and LaTeX on a page without scripts. Formulas become MathML, which browsers set by themselves and screen
 * readers read; headings keep `data-heading`, their name, for the page to make ids of.
 */
import type { Element, ElementContent } from "hast";
import { h } from "hastscript";
import { colourCode } from "#kit/code-colours.ts";
import type { PageContext, PageDrawing } from "#kit/page-drawing.ts";
import { cleanMarkup, textOfNodes } from "#kit/page-markup.ts";
import { splitLatex } from "./latex-parts.ts";
import { styleLetters } from "./math-letters.ts";
import { mathOptions, withoutLabels } from "./math-options.ts";
import { MATH_CLASS } from "./math-syntax.ts";
import { toHtml } from "./parser.ts";

const ALERTS = ["note", "tip", "important", "warning", "caution"];
const DIRECTED = /^(?:p|h[1-6]|ul|ol|dl|blockquote|table)$/;

/** `text/markdown`; `metadata.attachments` holds the cell's pictures. */
export const markdown: PageDrawing = {
  async draw(context) {
    const source = typeof context.data === "string" ? context.data : "";
    const attached = await attachedPictures(context);
    const nodes = cleanMarkup(toHtml(withAttachments(source, attached)), {
      prefix: context.prefix,
      resolve: context.file,
      resolveLink: context.file,
    });
    const root = h("div.markdown", [...nodes]);
    for (const node of root.children)
      if (node.type === "element" && DIRECTED.test(node.tagName)) node.properties["dir"] ??= "auto";
    await finish(root);
    return [root];
  },
};

/** `text/latex`: formulas, or text with formulas in it. */
export const latex: PageDrawing = {
  async draw({ data }) {
    const parts = splitLatex(typeof data === "string" ? data.trim() : "");
    const nodes: ElementContent[] = [];
    for (const part of parts)
      nodes.push(typeof part === "string" ? { type: "text", value: part } : await formula(part.tex, part.display));
    return [h("div.latex", nodes)];
  },
};

/** Addresses of the cell's attachments, by their names. */
async function attachedPictures({ metadata, media }: PageContext): Promise<ReadonlyMap<string, string>> {
  const attachments = metadata["attachments"] as
    | Readonly<Record<string, Readonly<Record<string, unknown>>>>
    | undefined;
  const addresses = new Map<string, string>();
  for (const [name, bundle] of Object.entries(attachments ?? {})) {
    const type = Object.keys(bundle).find((one) => one.startsWith("image/"));
    const data = type === undefined ? undefined : bundle[type];
    if (type === undefined || typeof data !== "string") continue;
    const bytes = type === "image/svg+xml" ? new TextEncoder().encode(data) : fromBase64(data);
    if (bytes) addresses.set(name, await media(bytes, type));
  }
  return addresses;
}

/** `attachment:name` replaced by the address of that picture. */
function withAttachments(markdown: string, addresses: ReadonlyMap<string, string>): string {
  if (addresses.size === 0) return markdown;
  return markdown.replaceAll(/attachment:([^\s"')>\]]+)/g, (all, name: string) => addresses.get(decode(name)) ?? all);
}

async function finish(parent: Element): Promise<void> {
  const children: ElementContent[] = [];
  for (const child of parent.children) children.push(child.type === "element" ? await finishElement(child) : child);
  parent.children = children;
}

async function finishElement(element: Element): Promise<Element> {
  const { tagName, properties } = element;
  if (Array.isArray(properties["className"]) && properties["className"].includes(MATH_CLASS))
    return formula(textOfNodes(element.children), properties["dataDisplay"] === "true");
  if (tagName === "pre") return code(element);
  if (tagName === "li") markTask(element);
  if (tagName === "blockquote") markAlert(element);
  await finish(element);
  if (tagName === "table") return h("div.table", { tabIndex: 0, role: "group", ariaLabel: "Table" }, element);
  return element;
}

async function code(element: Element): Promise<Element> {
  const language = element.properties["dataLanguage"];
  delete element.properties["dataLanguage"];
  const inner = element.children.find((one): one is Element => one.type === "element" && one.tagName === "code");
  if (!inner || typeof language !== "string") return element;
  const pieces = await colourCode(textOfNodes(inner.children), language);
  if (pieces)
    inner.children = pieces.map(({ text, classes }) =>
      classes === "" ? { type: "text", value: text } : h("span", { class: classes }, text),
    );
  return element;
}

/** A formula as MathML; one that can't be set stays as its source, with the reason as its title. */
async function formula(tex: string, isDisplay: boolean): Promise<Element> {
  const { default: katex } = await import("katex");
  try {
    const markup = katex.renderToString(withoutLabels(tex), { ...mathOptions(isDisplay), output: "mathml" });
    const made = h(isDisplay ? "div.formula" : "span.formula", [...cleanMarkup(markup, { prefix: "" })]);
    styleLetters(made);
    return made;
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).replace(/^KaTeX parse error: /, "");
    return h(isDisplay ? "div.formula" : "span.formula", h("code", { title: reason }, tex));
  }
}

/** `- [x] done` as GitHub shows it. */
function markTask(item: Element): void {
  const [first] = item.children.filter(
    (one) => one.type === "element" || (one.type === "text" && one.value.trim() !== ""),
  );
  const place = first?.type === "element" && first.tagName === "p" ? first : item;
  const text = place.children[0];
  const mark = text?.type === "text" ? /^\s*\[([ xX])\]\s/.exec(text.value) : undefined;
  if (!mark || text?.type !== "text") return;
  text.value = text.value.slice(mark[0].length);
  const isDone = mark[1] !== " ";
  place.children.unshift(h("span.task", { role: "img", ariaLabel: isDone ? "done:" : "to do:" }, isDone ? "☑ " : "☐ "));
}

/** `> [!NOTE]` as GitHub shows it. */
function markAlert(quote: Element): void {
  const first = quote.children.find((one): one is Element => one.type === "element");
  const text = first?.tagName === "p" ? first.children[0] : undefined;
  const kind = text?.type === "text" ? /^\[!(\w+)\][ \t]*(?:\n|$)/.exec(text.value) : undefined;
  const name = kind?.[1]?.toLowerCase() ?? "";
  if (!kind || text?.type !== "text" || !ALERTS.includes(name)) return;
  text.value = text.value.slice(kind[0].length);
  quote.properties["className"] = ["alert"];
  quote.children.unshift(h("p.alert-title", name.slice(0, 1).toUpperCase() + name.slice(1)));
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text.replace(/\s+/g, "")), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
