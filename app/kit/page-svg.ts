/** An SVG drawing on a page without scripts: small ones stand in the page, others in a file beside it, as a picture. */
import type { Element, ElementContent } from "hast";
import { toHtml } from "hast-util-to-html";
import type { PageContext } from "./page-drawing.ts";
import { cleanNodes, inShadow } from "./page-markup.ts";

export interface SvgFacts {
  /** Words for someone who can't see it. */
  readonly label: string;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** Characters of markup that may stand in the page itself. */
const MOST_INLINE = 40_000;

/** The drawing's nodes; undefined when the markup holds no drawing that can be shown. */
export async function showSvg(
  markup: string,
  context: Pick<PageContext, "prefix" | "media">,
  { label, width, height }: SvgFacts,
): Promise<readonly ElementContent[] | undefined> {
  const start = markup.search(/<svg[\s>]/i);
  if (start < 0) return undefined;
  const isFile = markup.length > MOST_INLINE;
  const { nodes, hasStyles } = cleanNodes(markup.slice(start), { prefix: isFile ? "" : context.prefix });
  const svg = nodes.find((node): node is Element => node.type === "element" && node.tagName === "svg");
  if (!svg || svg.children.length === 0) return undefined;
  const { properties } = svg;
  const own = [properties["width"], properties["height"]].map((value) => Number.parseFloat(String(value ?? "")));
  if (properties["viewBox"] === undefined && own[0] && own[1]) properties["viewBox"] = `0 0 ${own[0]} ${own[1]}`;
  if (width) properties["width"] = width;
  if (height) properties["height"] = height;
  if (isFile) {
    const image: Element = { type: "element", tagName: "img", properties: { alt: label }, children: [] };
    image.properties["src"] = await context.media(new TextEncoder().encode(asXml(svg)), "image/svg+xml");
    if (width ?? own[0]) image.properties["width"] = Math.round(width ?? own[0]!);
    return [image];
  }
  // As a picture it has one name, and nothing in it has another.
  dropRoles(svg);
  properties["ariaLabel"] ??= label;
  properties["role"] = "img";
  return hasStyles ? [inShadow([svg])] : [svg];
}

function dropRoles({ children }: Element): void {
  for (const child of children) {
    if (child.type !== "element") continue;
    for (const name of Object.keys(child.properties))
      if (name === "role" || name.startsWith("aria")) delete child.properties[name];
    dropRoles(child);
  }
}

function asXml(svg: Element): string {
  svg.properties["xmlns"] = "http://www.w3.org/2000/svg";
  if (JSON.stringify(svg).includes('"xLink')) svg.properties["xmlnsXLink"] = "http://www.w3.org/1999/xlink";
  return toHtml(svg, {
    space: "svg",
    closeEmptyElements: true,
    characterReferences: { useNamedReferences: false },
  });
}
