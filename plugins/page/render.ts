/**
 * A notebook as a page that needs no script: readable from any gateway, by any program. The same notebook gives the same
 * bytes in a browser and in Node, for they are published under their hash. It loads nothing from elsewhere, and what is
 * in it can do nothing (a policy in the page says so to the browser, too).
 */
import { UNSTATED_LICENCE } from "#core/artefact/licence.ts";
import type { Element, ElementContent, Root, RootContent } from "hast";
import { toHtml } from "hast-util-to-html";
import { h } from "hastscript";
import type { Notebook } from "#core/notebook/model.ts";
import type { Renderer } from "#kit/renderers.ts";
import { textOfNodes } from "#kit/page-markup.ts";
import { drawCells } from "./cells.ts";
import { MediaFiles } from "./media.ts";
import { nameHeadings, type PageHeading } from "./outline.ts";
import { PAGE_STYLES } from "./styles.ts";

export interface PageOptions {
  /** All renderers, best first; those that can draw for a page do. */
  readonly renderers: readonly Renderer[];
  readonly title: string;
  readonly authors?: readonly { readonly name: string }[];
  /** An SPDX expression. */
  readonly licence?: string;
  readonly version?: string;
  readonly description?: string;
  /** What the page shows, by its hash: `ipfs://…`. */
  readonly canonical?: string;
  /** Paths, from the notebook, of the files of the workspace that are published with it, under `workspace/`. */
  readonly files?: ReadonlySet<string>;
  /** The address of the notebook's own file beside the page. */
  readonly notebook?: string;
  /** The address, beside the page, of a copy of Kroma that runs it. */
  readonly run?: string;
}

export interface PageFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The page, and the files beside it that it shows: pictures, named by their content. */
export interface Page {
  readonly html: string;
  readonly files: readonly PageFile[];
}

const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data: 'self'; media-src data: 'self'; base-uri 'none'; form-action 'none'";
const DESCRIPTION = 200;
/** Shorter notebooks need no list of what is in them. */
const OUTLINE_FROM = 3;

/** Renders the page. */
export async function renderPage(notebook: Notebook, options: PageOptions): Promise<Page> {
  const media = new MediaFiles();
  const title = options.title.trim() === "" ? "Untitled" : options.title.trim();
  const cells = await drawCells(notebook, {
    renderers: options.renderers,
    media,
    file: (path) => workspaceAddress(path, options.files),
  });
  dropRepeatedTitle(cells, title);
  const outline = nameHeadings(cells);
  const description = options.description ?? firstWords(cells);
  const authors = (options.authors ?? []).map(({ name }) => name);
  const root: Root = {
    type: "root",
    children: [
      { type: "doctype" },
      h("html", { lang: languageOf(notebook) }, [
        h("head", headOf({ title, authors, description, options })),
        h("body", [
          h("a.skip", { href: "#content" }, "Skip to the notebook"),
          h("header", [
            h("h1", { dir: "auto" }, title),
            authors.length > 0 ? h("p.by", { dir: "auto" }, `By ${authors.join(", ")}`) : undefined,
            options.version === undefined || options.version === ""
              ? undefined
              : h("p.by", `Version ${options.version}`),
            options.run === undefined
              ? undefined
              : h("p.by", [h("a", { href: options.run }, "Run"), " it here, in the copy of Kroma that comes with it."]),
          ]),
          outline.length >= OUTLINE_FROM ? outlineOf(outline) : undefined,
          h("main", { id: "content", tabIndex: -1 }, cells),
          h("footer", footerOf(options)),
        ]),
      ]),
    ],
  };
  return { html: `${toHtml(root)}\n`, files: media.files };
}

function headOf(page: {
  readonly title: string;
  readonly authors: readonly string[];
  readonly description: string;
  readonly options: PageOptions;
}): ElementContent[] {
  const { title, authors, description, options } = page;
  const meta = (name: string, content: string): Element => h("meta", { name, content });
  const card = (property: string, content: string): Element => h("meta", { property, content });
  return [
    h("meta", { charSet: "utf-8" }),
    h("meta", { httpEquiv: "Content-Security-Policy", content: POLICY }),
    meta("viewport", "width=device-width, initial-scale=1"),
    meta("color-scheme", "light dark"),
    meta("referrer", "no-referrer"),
    h("title", title),
    ...(description === "" ? [] : [meta("description", description)]),
    ...authors.map((name) => meta("author", name)),
    meta("generator", "Kroma"),
    card("og:type", "article"),
    card("og:title", title),
    ...(description === "" ? [] : [card("og:description", description)]),
    meta("twitter:card", "summary"),
    ...(options.canonical === undefined ? [] : [h("link", { rel: "canonical", href: options.canonical })]),
    h("style", PAGE_STYLES),
  ];
}

function footerOf({ licence, notebook, canonical }: PageOptions): ElementContent[] {
  const lines: ElementContent[] = [];
  if (licence !== undefined && licence !== "")
    lines.push(h("p", licence === UNSTATED_LICENCE ? "No licence is stated." : `Licence: ${licence}`));
  if (notebook !== undefined) {
    const link = h("a", { href: notebook, download: true }, "The notebook as a file");
    lines.push(h("p", [link, ", with all its code, outputs and data."]));
  }
  lines.push(
    h("p", [
      "Made with Kroma. To verify who signed it, to run it or to build on it, give the address of this page to ",
      h("em", "Open"),
      " in Kroma.",
    ]),
  );
  if (canonical !== undefined) lines.push(h("p", [h("code", canonical)]));
  return lines;
}

function outlineOf(headings: readonly PageHeading[]): Element {
  const top = Math.min(...headings.map(({ level }) => level));
  const items = headings.map(({ level, id, text }) =>
    h(
      "li",
      { style: level > top ? `margin-inline-start:${level - top}rem` : undefined },
      h("a", { href: `#${id}` }, text),
    ),
  );
  return h("nav", { ariaLabel: "Contents" }, h("details", { open: true }, [h("summary", "Contents"), h("ol", items)]));
}

/** The page has its title already when the notebook begins with it. */
function dropRepeatedTitle(cells: readonly Element[], title: string): void {
  const box = cells[0]?.children[0];
  if (box?.type !== "element") return;
  const at = box.children.findIndex((child) => child.type === "element");
  const first = box.children[at];
  if (first?.type !== "element" || first.tagName !== "h1") return;
  if (textOfNodes(first.children).trim() === title) box.children.splice(at, 1);
}

function firstWords(cells: readonly Element[]): string {
  for (const cell of cells) {
    const paragraph = find(cell, (element) => element.tagName === "p" && cell.properties["dataKind"] === "markdown");
    const words = paragraph === undefined ? "" : textOfNodes(paragraph.children).replaceAll(/\s+/g, " ").trim();
    if (words === "") continue;
    if (words.length <= DESCRIPTION) return words;
    const cut = words.slice(0, DESCRIPTION);
    return `${cut.slice(0, Math.max(cut.lastIndexOf(" "), DESCRIPTION / 2)).toWellFormed()}…`;
  }
  return "";
}

function find(element: Element, fits: (element: Element) => boolean): Element | undefined {
  for (const child of element.children as readonly RootContent[]) {
    if (child.type !== "element") continue;
    const found = fits(child) ? child : find(child, fits);
    if (found) return found;
  }
  return undefined;
}

function workspaceAddress(path: string, files: ReadonlySet<string> | undefined): string | undefined {
  let plain: string;
  try {
    plain = decodeURIComponent(path.replace(/[?#].*$/s, "").replace(/^(?:\.\/)+/, ""));
  } catch {
    return undefined;
  }
  if (!files?.has(plain)) return undefined;
  return `workspace/${plain.split("/").map(encodeURIComponent).join("/")}`;
}

/** The language that people read it in, where the notebook says it (BCP 47). */
function languageOf(notebook: Notebook): string {
  const said = notebook.metadata["lang"];
  return typeof said === "string" && /^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/.test(said) ? said : "en";
}
