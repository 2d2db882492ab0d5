/**
 * `text/markdown`: a Markdown cell or output as a well-set page. Everything is sanitised after parsing; formulas and
 * colours come in when their code is loaded. `metadata.attachments` holds the cell's pictures, as nbformat has them;
 * with `metadata.kroma.loads` false no picture comes from the web.
 *
 * Events, bubbling, for the page: `kroma:goto-heading` {id} for links to places that are not in this text, and
 * `kroma:open-file` {path} for links to files of the workspace. `kroma:update` {detail: text} draws anew.
 */
import "./markdown.css";
import type { RenderContext, Drawing } from "#kit/renderers.ts";
import { sanitise } from "#kit/sanitise.ts";
import { highlightCode } from "./highlight.ts";
import { setMath } from "./math.ts";
import { toHtml } from "./parser.ts";
import { keepReachable } from "./reach.ts";

/** Stands for a picture of the workspace until its file has been read. */
const FILE_MARK = "data:image/x-kroma-file,";

const DIRECTED: ReadonlySet<string> = new Set([
  "p",
  "h1",
  "h2",
  "h3",
  "h4",
  "h5",
  "h6",
  "ul",
  "ol",
  "dl",
  "blockquote",
  "table",
]);

/** Draws Markdown. */
export const drawing: Drawing = {
  async render(element, context) {
    const root = document.createElement("div");
    root.className = "kroma-markdown";
    // Nothing in it can leave its box, whatever styles it brings.
    root.style.contain = "layout paint";
    element.append(root);
    const urls: string[] = [];
    const draw = async (source: unknown) => {
      const content = sanitise(toHtml(typeof source === "string" ? source : ""), {
        kind: "html",
        resolve: (address) => resolvePicture(address, context),
        isLocal: isLocal(context),
      });
      finish(content);
      const ready = setMath(content);
      root.replaceChildren(content);
      await Promise.all([ready, highlightCode(root), showFiles(root, context, urls)]);
    };
    const stopReach = keepReachable(root);
    const onUpdate = (event: Event) => void draw((event as CustomEvent<unknown>).detail);
    element.addEventListener("kroma:update", onUpdate);
    root.addEventListener("click", followLink);
    await draw(context.data);
    return () => {
      element.removeEventListener("kroma:update", onUpdate);
      stopReach();
      for (const url of urls) URL.revokeObjectURL(url);
    };
  },
};

/** An answer of a language model says so: it could be made to tell what it saw by the address of a picture. */
function isLocal({ metadata }: RenderContext): boolean {
  const kroma = metadata["kroma"];
  return typeof kroma === "object" && kroma !== null && "loads" in kroma && kroma.loads === false;
}

function resolvePicture(address: string, context: RenderContext): string | undefined {
  if (address.startsWith("attachment:")) {
    const attachments = context.metadata["attachments"] as
      | Readonly<Record<string, Readonly<Record<string, unknown>>>>
      | undefined;
    const bundle = attachments?.[decode(address.slice("attachment:".length))] ?? {};
    const type = Object.keys(bundle).find((name) => name.startsWith("image/"));
    const data = type === undefined ? undefined : bundle[type];
    if (type === undefined || typeof data !== "string") return undefined;
    if (type === "image/svg+xml") return `data:${type},${encodeURIComponent(data)}`;
    return `data:${type};base64,${data.replace(/\s+/g, "")}`;
  }
  if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(address) || !context.file) return undefined;
  return FILE_MARK + encodeURIComponent(decode(address));
}

async function showFiles(root: ParentNode, context: RenderContext, urls: string[]): Promise<void> {
  const pictures = [...root.querySelectorAll<HTMLImageElement>(`img[src^="${FILE_MARK}"]`)];
  await Promise.all(
    pictures.map(async (picture) => {
      const path = decode((picture.getAttribute("src") ?? "").slice(FILE_MARK.length));
      picture.removeAttribute("src");
      const blob = await context.file?.(path).catch(() => undefined);
      if (!blob) {
        picture.title = `There is no file ${path}`;
        return;
      }
      // A Blob from a file has no type, and an SVG picture needs one.
      const typed = /\.svg$/i.test(path) ? new Blob([blob], { type: "image/svg+xml" }) : blob;
      const url = URL.createObjectURL(typed);
      urls.push(url);
      picture.src = url;
    }),
  );
}

function finish(content: DocumentFragment): void {
  for (const heading of content.querySelectorAll<HTMLElement>("[data-heading^='heading-']")) {
    heading.id = heading.dataset["heading"] ?? "";
    delete heading.dataset["heading"];
  }
  // Each block reads in the direction of its own words; what is nested follows.
  for (const block of content.children) {
    if (DIRECTED.has(block.localName) && !block.hasAttribute("dir")) block.setAttribute("dir", "auto");
  }
  for (const item of content.querySelectorAll("li")) drawTask(item);
  for (const quote of content.querySelectorAll("blockquote")) drawAlert(quote);
  for (const table of content.querySelectorAll("table")) {
    const box = document.createElement("div");
    box.className = "kroma-markdown-table";
    table.replaceWith(box);
    box.append(table);
  }
}

/** `- [x] done` as GitHub shows it. */
function drawTask(item: HTMLElement): void {
  const place =
    item.firstElementChild?.localName === "p" && !item.firstChild?.nodeValue?.trim() ? item.firstElementChild : item;
  const text = place.firstChild;
  const mark = text?.nodeType === Node.TEXT_NODE ? /^\s*\[([ xX])\]\s/.exec(text.nodeValue ?? "") : undefined;
  if (!mark || !text) return;
  const isDone = mark[1] !== " ";
  text.nodeValue = (text.nodeValue ?? "").slice(mark[0].length);
  const box = document.createElement("span");
  box.className = "kroma-task";
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", isDone ? "done:" : "to do:");
  if (isDone) box.dataset["done"] = "";
  place.prepend(box, " ");
  item.dataset["task"] = "";
}

const ALERTS = ["note", "tip", "important", "warning", "caution"];

/** `> [!NOTE]` as GitHub shows it. */
function drawAlert(quote: HTMLElement): void {
  const first = quote.querySelector(":scope > p:first-child");
  const text = first?.firstChild;
  const kind = text?.nodeType === Node.TEXT_NODE ? /^\[!(\w+)\][ \t]*(?:\n|$)/.exec(text.nodeValue ?? "") : undefined;
  const name = kind?.[1]?.toLowerCase() ?? "";
  if (!first || !text || !kind || !ALERTS.includes(name)) return;
  text.nodeValue = (text.nodeValue ?? "").slice(kind[0].length);
  quote.dataset["alert"] = name;
  const title = document.createElement("p");
  title.className = "kroma-alert-title";
  title.textContent = name.slice(0, 1).toUpperCase() + name.slice(1);
  quote.prepend(title);
  if (first.textContent.trim() === "" && first.children.length === 0) first.remove();
}

function followLink(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest("a") : undefined;
  const address = link?.getAttribute("href");
  if (!link || !address) return;
  const tell = (type: string, detail: unknown) =>
    link.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, detail }));
  if (address.startsWith("#")) {
    event.preventDefault();
    const name = decode(address.slice(1));
    const root = link.closest(".kroma-markdown");
    const ids = [`heading-${name}`, `user-content-${name}`];
    const place = ids
      .map((id) => root?.querySelector(`[id="${CSS.escape(id)}"], [name="${CSS.escape(id)}"]`))
      .find(Boolean);
    if (place) place.scrollIntoView({ block: "start" });
    else tell("kroma:goto-heading", { id: `heading-${name}` });
    return;
  }
  if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(address)) return;
  event.preventDefault();
  tell("kroma:open-file", { path: decode(address.replace(/[?#].*$/s, "")) });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
