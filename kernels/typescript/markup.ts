/**
 * Text that is markup: what html``, svg`` and md`` make. Values put into a template are escaped, markup and elements are
 * taken as they are, lists are joined. Also the one place that turns elements of the worker's DOM into text.
 */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** HTML, SVG or Markdown as a value. */
export class Markup {
  readonly mimeType: "text/html" | "image/svg+xml" | "text/markdown";
  readonly text: string;
  constructor(mimeType: Markup["mimeType"], text: string) {
    this.mimeType = mimeType;
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

/** An element (or document fragment) of whatever DOM. */
export interface ElementLike {
  readonly nodeType: number;
  readonly outerHTML?: string;
  readonly textContent: string | null;
  readonly namespaceURI?: string | null;
  readonly localName?: string;
  readonly childNodes?: Iterable<ElementLike>;
}

export function isElementLike(value: unknown): value is ElementLike {
  if (typeof value !== "object" || value === null) return false;
  const type = (value as { nodeType?: unknown }).nodeType;
  return typeof type === "number" && "textContent" in value;
}

/** Escapes text for HTML's content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** A node as HTML. */
export function nodeHtml(node: ElementLike): string {
  if (typeof node.outerHTML === "string") return node.outerHTML;
  if (node.nodeType === 11 || node.nodeType === 9) return [...(node.childNodes ?? [])].map(nodeHtml).join("");
  return escapeHtml(node.textContent ?? "");
}

export function isSvgElement(node: ElementLike): boolean {
  return node.nodeType === 1 && node.localName === "svg";
}

/** An <svg> as a document of its own: with its namespaces, and without HTML's entities. */
export function svgDocument(markup: string): string {
  const text = markup.trim().replaceAll("&nbsp;", "&#160;");
  const head = /^<svg\b[^>]*>/.exec(text)?.[0];
  if (head === undefined) return text;
  let attributes = "";
  if (!/\sxmlns=/.test(head)) attributes += ` xmlns="${SVG_NAMESPACE}"`;
  if (!/\sxmlns:xlink=/.test(head) && text.includes("xlink:"))
    attributes += ` xmlns:xlink="http://www.w3.org/1999/xlink"`;
  return `<svg${attributes}${text.slice(4)}`;
}

/** A value inside markup. */
export function htmlOf(value: unknown): string {
  if (value === undefined || value === null || value === false || value === true) return "";
  if (value instanceof Markup) return value.mimeType === "text/markdown" ? escapeHtml(value.text) : value.text;
  if (isElementLike(value)) return nodeHtml(value);
  if (Array.isArray(value)) return value.map(htmlOf).join("");
  return escapeHtml(String(value));
}

function fill(strings: TemplateStringsArray, values: readonly unknown[], show: (value: unknown) => string): string {
  return String.raw({ raw: strings }, ...values.map(show));
}

/** html`<b>${text}</b>`: HTML whose values are escaped. */
export function html(strings: TemplateStringsArray, ...values: readonly unknown[]): Markup {
  return new Markup("text/html", fill(strings, values, htmlOf));
}

/** svg`<svg>…</svg>`: SVG; with another root (a part to be put into an <svg>) it stays as it is. */
export function svg(strings: TemplateStringsArray, ...values: readonly unknown[]): Markup {
  return new Markup("image/svg+xml", fill(strings, values, htmlOf));
}

/** md`# ${title}`: Markdown; values stand as text, with what Markdown would read as marks escaped. */
export function md(strings: TemplateStringsArray, ...values: readonly unknown[]): Markup {
  const show = (value: unknown): string => {
    if (value instanceof Markup || isElementLike(value)) return value instanceof Markup ? value.text : nodeHtml(value);
    if (Array.isArray(value)) return value.map(show).join(", ");
    return String(value ?? "").replace(/[\\`*_{}[\]<>#|~$&]/g, "\\$&");
  };
  return new Markup("text/markdown", fill(strings, values, show));
}
