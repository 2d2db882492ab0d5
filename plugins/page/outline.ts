/** The headings of a page: one level below its title, each with an id of its own, and the links that lead to them. */
import type { Element } from "hast";
import { textOfNodes } from "#kit/page-markup.ts";

export interface PageHeading {
  /** 2 to 6. */
  readonly level: number;
  readonly id: string;
  readonly text: string;
}

/** Gives the headings of Markdown cells their ids and levels, and lets links find them. */
export function nameHeadings(cells: readonly Element[]): readonly PageHeading[] {
  const found: PageHeading[] = [];
  const ids = new Set<string>();
  const links: Element[] = [];
  const visit = (element: Element): void => {
    const { properties } = element;
    const level = /^h([1-6])$/.exec(element.tagName)?.[1];
    const name = properties["dataHeading"];
    delete properties["dataHeading"];
    if (level !== undefined) {
      const lower = Math.min(6, Number(level) + 1);
      element.tagName = `h${lower}`;
      if (typeof name === "string" && name !== "") {
        let id = name;
        for (let count = 1; ids.has(id); count += 1) id = `${name}-${count}`;
        properties["id"] = id;
        found.push({ level: lower, id, text: textOfNodes(element.children).trim() });
      }
    }
    if (typeof properties["id"] === "string") ids.add(properties["id"]);
    if (element.tagName === "a") links.push(element);
    for (const child of element.children) if (child.type === "element") visit(child);
  };
  for (const cell of cells) visit(cell);
  for (const { properties } of links) {
    const { href } = properties;
    if (typeof href !== "string" || !href.startsWith("#")) continue;
    // Jupyter's links name a heading by its words; ours stand behind a prefix.
    const name = decode(href.slice(1));
    const heading = `heading-${name.replace(/^cell-\d+-/, "")}`;
    if (ids.has(heading)) properties["href"] = `#${encodeURIComponent(heading)}`;
    else if (!ids.has(name)) delete properties["href"];
  }
  return found.filter(({ text }) => text !== "");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
