/** `text/html`: what only shows goes into a shadow root, sanitised; what has scripts runs in a sandboxed frame. */
import "./lines.css";
import { openFrame, type SandboxFrame } from "#kit/frame.ts";
import type { Drawing, RenderContext } from "#kit/renderers.ts";
import { sanitise } from "#kit/sanitise.ts";
import frameStyles from "./rich.css?inline";
import { alignColumns } from "./columns.ts";
import { isStaticHtml } from "./html-kind.ts";
import { beginningOf, MOST_DRAWN, sayCut } from "./large.ts";
import { showInShadow } from "./shadow.ts";

/** Draws HTML. */
export const drawing: Drawing = {
  render(element, context) {
    const markup = typeof context.data === "string" ? context.data : "";
    if (!isStaticHtml(markup)) {
      const frame = frameOf(element, markup, context);
      return () => frame.close();
    }
    if (markup.length <= MOST_DRAWN) {
      showStatic(element, markup);
      return undefined;
    }
    let frame: SandboxFrame | undefined;
    showStatic(element, beginningOf(markup));
    sayCut(element, markup, { name: "output.html", type: "text/html" }, () => {
      element.replaceChildren();
      // A frame reads it piece by piece, and has a process of its own where the browser gives it one.
      frame = frameOf(element, markup, context);
      // It says how high it is when it has read all; until then there must be something to see.
      frame.element.style.blockSize = "800px";
    });
    return () => frame?.close();
  },
};

function showStatic(element: HTMLElement, markup: string): void {
  const content = sanitise(markup, { kind: "html", styles: true });
  nameCorners(content);
  for (const table of content.querySelectorAll("table")) alignColumns(table);
  const { root } = showInShadow(element, content, "kroma-html");
  followPlaces(root);
}

function frameOf(element: HTMLElement, markup: string, context: RenderContext): SandboxFrame {
  return openFrame(element, {
    title: "HTML output",
    body: `<style>${frameStyles.replace(/:host > svg/g, "body > svg")}</style>${withIsolatedFrames(markup)}`,
    dark: context.dark,
    onTheme: context.onTheme,
  });
}

/** pandas leaves the corner of a table an empty header, which a screen reader would announce as one. */
function nameCorners(content: DocumentFragment): void {
  for (const head of content.querySelectorAll("th")) {
    if (head.textContent.trim() !== "" || head.children.length > 0) continue;
    const cell = document.createElement("td");
    for (const { name, value } of head.attributes) cell.setAttribute(name, value);
    head.replaceWith(cell);
  }
}

/** Links to places inside the same output: the page's own address must not change. */
function followPlaces(root: ShadowRoot): void {
  root.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href^='#']") : undefined;
    if (!link) return;
    event.preventDefault();
    const id = (link.getAttribute("href") ?? "").slice(1);
    root.getElementById(id)?.scrollIntoView({ block: "nearest" });
  });
}

/**
 * Frames in the output (a video, a map) load without the reader's cookies: a page with shared memory may only hold
 * frames that are marked so.
 */
function withIsolatedFrames(markup: string): string {
  return markup.replace(/<iframe\b(?![^>]*\scredentialless\b)/gi, "<iframe credentialless");
}
