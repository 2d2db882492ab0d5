/**
 * Markup from anywhere made fit for a page without scripts: parsed as a browser does (parse5), held to a list of what
 * only shows (hast-util-sanitize), and kept apart from all else on the page. Nothing in it loads anything from
 * elsewhere. The same in a browser and in Node. Heavy: import it only from what is loaded when used.
 */
import type { Element, ElementContent, Properties, Root, RootContent } from "hast";
import { fromHtml } from "hast-util-from-html";
import { sanitize, type Schema } from "hast-util-sanitize";
import { toHtml } from "hast-util-to-html";
import { loadsSomething } from "./css-reach.ts";
import { SHADOW_STYLES } from "./page-styles.ts";
import { MATH_ATTRIBUTES, MATH_TAGS, SHARED_ATTRIBUTES, SHOWING_TAGS, SVG_ATTRIBUTES, SVG_TAGS } from "./page-tags.ts";

export interface CleanOptions {
  /** What ids begin with. */
  readonly prefix: string;
  /** Turns a relative address of a picture into one that goes with the page; undefined: there is none. */
  readonly resolve?: (address: string) => string | undefined;
  /** The same for relative links. */
  readonly resolveLink?: (address: string) => string | undefined;
}

const PICTURE = /^data:(?:image\/(?:png|jpeg|gif|webp|bmp|avif|svg\+xml)|audio\/|video\/)/i;
const LINK = /^(?:https?:\/\/|mailto:|tel:)/i;
const REFERENCE = /url\(\s*(["']?)#/gi;
const VOID = /^(?:area|base|br|col|embed|hr|img|input|link|meta|p|li|td|th|tr|source|track|wbr)$/i;
const MOST_DEPTH = 400;
/** So often is the result read again; markup that still changes then is a trick, or hopeless. */
const PASSES = 3;
/** Classes mean something to the page's own styles; these are wanted by them. */
const KNOWN_CLASSES: ReadonlySet<unknown> = new Set(["dataframe", "kroma-math"]);

const schema: Schema = {
  tagNames: [...SHOWING_TAGS, ...SVG_TAGS, ...MATH_TAGS],
  attributes: { "*": [...SHARED_ATTRIBUTES, ...SVG_ATTRIBUTES, ...MATH_ATTRIBUTES] },
  protocols: {},
  ancestors: {},
  clobber: [],
  required: {},
  strip: (
    "script template noscript iframe object embed textarea select button head annotation annotation-xml " +
    "foreignObject xmp plaintext noembed noframes"
  ).split(" "),
};

/**
 * The markup as nodes that only show; none when there is nothing that can be trusted to. Markup with styles of its own
 * stands in a shadow root, which is written as markup, too.
 */
export function cleanMarkup(markup: string, options: CleanOptions): readonly ElementContent[] {
  const { nodes, hasStyles } = cleanNodes(markup, options);
  return hasStyles ? [inShadow(nodes)] : nodes;
}

/** The same without the shadow root, for what will stand in a file of its own. */
export function cleanNodes(
  markup: string,
  options: CleanOptions,
): { readonly nodes: readonly ElementContent[]; readonly hasStyles: boolean } {
  if (isTooDeep(markup)) return { nodes: [], hasStyles: false };
  let root = pass(markup, options);
  const hasStyles = contains(root, "style");
  // What a browser reads from the result must be the result.
  for (let count = 0; ; count += 1) {
    const text = toHtml(root);
    const again = reread(text);
    if (again && toHtml(again) === text) break;
    if (!again || count === PASSES) return { nodes: [], hasStyles: false };
    root = again;
  }
  return { nodes: root.children as readonly ElementContent[], hasStyles };
}

/** The whole text of nodes. */
export function textOfNodes(nodes: readonly RootContent[]): string {
  return nodes
    .map((node) => (node.type === "text" ? node.value : "children" in node ? textOfNodes(node.children) : ""))
    .join("");
}

/** True for markup that may nest deeper than trees are walked; told the same everywhere, unlike the end of a stack. */
function isTooDeep(markup: string): boolean {
  let [depth, deepest] = [0, 0];
  for (const [, end, name = "", closed] of markup.matchAll(
    /<(\/?)([a-z][\w-]*)(?:"[^"]*"|'[^']*'|[^<>"'])*?(\/?)>/gi,
  )) {
    if (closed !== "" || VOID.test(name)) continue;
    depth = Math.max(0, depth + (end === "" ? 1 : -1));
    deepest = Math.max(deepest, depth);
  }
  return deepest > MOST_DEPTH;
}

function pass(markup: string, options: CleanOptions): Root {
  const parsed = fromHtml(markup, { fragment: true });
  dropScoped(parsed);
  const root = sanitize(parsed, schema);
  const clean: Root = root.type === "root" ? root : { type: "root", children: [root as RootContent] };
  const hasStyles = contains(clean, "style");
  settle(clean, { ...options, prefix: hasStyles ? "" : options.prefix, keepsClasses: hasStyles, isDrawing: false });
  return clean;
}

/** The nodes that are read from the text where it will stand: inside an element. */
function reread(text: string): Root | undefined {
  const { children } = pass(`<div>${text}</div>`, {
    prefix: "",
    resolve: (address) => address,
    resolveLink: (address) => address,
  });
  const [box, ...others] = children;
  if (box?.type !== "element" || box.tagName !== "div" || others.length > 0) return undefined;
  return { type: "root", children: box.children };
}

interface Settling extends CleanOptions {
  readonly keepsClasses: boolean;
  /** Inside an SVG drawing. */
  readonly isDrawing: boolean;
}

function settle(parent: Root | Element, options: Settling): void {
  const kept: RootContent[] = [];
  for (const child of parent.children) {
    if (child.type === "text") kept.push(child);
    if (child.type !== "element") continue;
    const settled = settleElement(child, { ...options, isDrawing: options.isDrawing || child.tagName === "svg" });
    if (settled) kept.push(settled);
  }
  parent.children = kept as ElementContent[];
}

function settleElement(element: Element, options: Settling): ElementContent | undefined {
  const { tagName, properties } = element;
  if (tagName === "style" || tagName === "title" || tagName === "desc") {
    // Raw text in one reading can be markup in another, so it holds nothing that could begin an element or a reference.
    if (tagName !== "style" && !options.isDrawing) return undefined;
    const text = textOfNodes(element.children);
    if (tagName === "style" && (loadsSomething(text) || /[<&]/.test(text))) return undefined;
    element.children = [{ type: "text", value: tagName === "style" ? text : text.replaceAll("<", "‹") }];
    element.properties = {};
    return element;
  }
  settleProperties(properties, options);
  const source = settleAddresses(element, options);
  settle(element, options);
  if (source !== undefined) return instead(element, source);
  if (tagName === "img") properties["alt"] ??= "";
  if (tagName === "audio" || tagName === "video") properties["controls"] = true;
  return element;
}

function settleProperties(properties: Properties, { prefix, keepsClasses }: Settling): void {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value !== "string") continue;
    // What could begin an element, were the quotes around it not read as quotes, stands nowhere.
    if (value.includes("<")) properties[name] = value.replaceAll("<", "‹");
    if (/url\s*\(/i.test(value) || name === "style") {
      if (loadsSomething(value)) delete properties[name];
      else properties[name] = value.replace(REFERENCE, (_all, quote: string) => `url(${quote}#${prefix}`);
    }
  }
  const { id, name, className } = properties;
  if (typeof id === "string") properties["id"] = `${prefix}${id}`;
  if (typeof name === "string") properties["name"] = `${prefix}${name}`;
  for (const relation of ["ariaLabelledBy", "ariaDescribedBy", "headers"]) {
    const ids = properties[relation];
    if (Array.isArray(ids)) properties[relation] = ids.map((one) => `${prefix}${one}`);
  }
  if (!keepsClasses && className !== undefined) {
    const known = (Array.isArray(className) ? className : []).filter((one) => KNOWN_CLASSES.has(one));
    if (known.length > 0) properties["className"] = known;
    else delete properties["className"];
  }
}

/** Holds addresses to what goes with the page; gives the address of a picture that has to stay where it is. */
function settleAddresses(element: Element, options: Settling): string | undefined {
  const { tagName, properties } = element;
  let elsewhere: string | undefined;
  for (const name of ["src", "poster"]) {
    const address = properties[name];
    if (address === undefined) continue;
    const text = String(address).trim();
    const kept = PICTURE.test(text) ? text : isRelative(text) ? options.resolve?.(text) : undefined;
    if (kept !== undefined) properties[name] = kept;
    else {
      delete properties[name];
      if (name === "src" && tagName !== "source") elsewhere = text;
    }
  }
  for (const name of ["href", "xLinkHref"]) {
    const address = properties[name];
    if (address === undefined) continue;
    // Blanks and control characters in a scheme are ignored by browsers, so they are by us.
    // oxlint-disable-next-line no-control-regex -- see above
    const text = String(address).replaceAll(/[\u0000-\u0020]/g, "");
    const kept = linkOf(tagName, text, options);
    if (kept === undefined) delete properties[name];
    else {
      properties[name] = kept;
      if (tagName === "a" && LINK.test(kept)) properties["rel"] = ["noopener", "noreferrer"];
    }
  }
  return elsewhere;
}

function linkOf(tagName: string, address: string, options: Settling): string | undefined {
  if (address.startsWith("#")) return `#${options.prefix}${address.slice(1)}`;
  if (tagName === "image") return PICTURE.test(address) ? address : undefined;
  if (tagName !== "a") return undefined;
  if (LINK.test(address)) return address;
  return isRelative(address) ? options.resolveLink?.(address) : undefined;
}

/** A link to a picture that does not go with the page: to load it would tell its server who reads. */
function instead(element: Element, address: string): ElementContent {
  const alt = element.properties["alt"];
  const words = typeof alt === "string" && alt !== "" ? alt : "A picture, sound or film elsewhere";
  const text: ElementContent = { type: "text", value: words };
  if (!/^https?:\/\//i.test(address)) return { type: "element", tagName: "em", properties: {}, children: [text] };
  const properties: Properties = { href: address, rel: ["noopener", "noreferrer"] };
  return { type: "element", tagName: "a", properties, children: [text] };
}

function isRelative(address: string): boolean {
  return !/^[a-z][a-z0-9+.-]*:|^\/|^\\/i.test(address);
}

/** pandas says with `scoped` that its style is for the table only; the page has its own for tables. */
function dropScoped(parent: Root | Element): void {
  parent.children = parent.children.filter(
    (child) => !(child.type === "element" && child.tagName === "style" && "scoped" in child.properties),
  ) as ElementContent[];
  for (const child of parent.children) if (child.type === "element") dropScoped(child);
}

function contains(parent: Root | Element, tagName: string): boolean {
  return parent.children.some(
    (child) => child.type === "element" && (child.tagName === tagName || contains(child, tagName)),
  );
}

/** Nodes in a shadow root that is written as markup, so that their styles meet nothing else. */
export function inShadow(children: readonly ElementContent[]): Element {
  const style: Element = {
    type: "element",
    tagName: "style",
    properties: {},
    children: [{ type: "text", value: SHADOW_STYLES }],
  };
  const template: Element = {
    type: "element",
    tagName: "template",
    properties: { shadowrootmode: "open" },
    children: [],
    content: { type: "root", children: [style, ...children] },
  };
  return { type: "element", tagName: "div", properties: { className: ["shadow"] }, children: [template] };
}
