/**
 * A document in the worker, so that Plot, d3 and TSX have something to draw into. It appears only when code names
 * `document` or a library that draws is imported: others look at `typeof document` to learn where they are, and are
 * better off without it.
 */
import type { DomDocument } from "./dom-types.ts";
import { makeCanvas } from "./canvas.ts";

interface Parsed {
  readonly document: DomDocument;
  readonly window: Readonly<Record<string, unknown>>;
}

/** Classes that code tests for or makes; the worker's own (Event, URL, Blob …) are kept. */
const CLASSES = [
  "Node",
  "Element",
  "HTMLElement",
  "SVGElement",
  "Text",
  "Comment",
  "Document",
  "DocumentFragment",
  "DOMParser",
  "XMLSerializer",
  "MutationObserver",
  "NodeList",
  "NodeFilter",
  "HTMLCanvasElement",
  "HTMLImageElement",
  "HTMLInputElement",
  "HTMLTemplateElement",
  "HTMLAnchorElement",
  "HTMLButtonElement",
  "HTMLDivElement",
  "HTMLTableElement",
  "ShadowRoot",
  "customElements",
  "CustomEvent",
] as const;

let made: Promise<void> | undefined;

/** Makes `document`, `window` and their classes exist. Resolves at once the second time. */
export function needDocument(): Promise<void> {
  made ??= make();
  return made;
}

async function make(): Promise<void> {
  const { parseHTML } = (await import("linkedom/worker")) as unknown as { parseHTML: (html: string) => Parsed };
  const { document, window } = parseHTML("<!doctype html><html><head></head><body></body></html>");
  const create = document.createElement.bind(document);
  const define = (target: object, name: string, value: unknown) =>
    Object.defineProperty(target, name, { value, writable: true, enumerable: false, configurable: true });
  define(document, "createElement", (name: string) => {
    const element = create(name);
    if (String(name).toLowerCase() === "canvas") makeCanvas(element);
    return element;
  });
  define(globalThis, "document", document);
  define(globalThis, "window", globalThis);
  for (const name of CLASSES) {
    if (name in globalThis) continue;
    const value = window[name];
    if (value !== undefined) define(globalThis, name, value);
  }
  if (!("XMLSerializer" in globalThis)) {
    define(
      globalThis,
      "XMLSerializer",
      class XMLSerializer {
        serializeToString(node: { toString(): string }): string {
          return String(node);
        }
      },
    );
  }
  if (!("getComputedStyle" in globalThis))
    define(globalThis, "getComputedStyle", (element: { readonly style?: unknown }) => element.style ?? {});
  if (!("requestAnimationFrame" in globalThis)) {
    define(globalThis, "requestAnimationFrame", (callback: (time: number) => void) =>
      setTimeout(() => callback(performance.now()), 16),
    );
    define(globalThis, "cancelAnimationFrame", (id: number) => clearTimeout(id));
  }
}
