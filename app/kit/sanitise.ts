/**
 * Markup from anywhere made safe to put in the page: no scripts, no handlers, no addresses that do more than link or
 * show a picture (DOMPurify, with a stricter word on addresses). Heavy: import it only from what is loaded when used.
 */
import createPurifier, { type Config } from "dompurify";
import { loadsSomething } from "./css-reach.ts";

export interface SanitiseOptions {
  /** "html": HTML, SVG and MathML; "svg": one drawing. */
  readonly kind: "html" | "svg";
  /** True: style elements stay (the result goes into a shadow root, and its styles load nothing). */
  readonly styles?: boolean;
  /** Turns an address that is neither https nor data, such as a relative one, into one; undefined drops it. */
  readonly resolve?: (address: string) => string | undefined;
  /** True: nothing is loaded from the web. For words whose writer could tell something by the addresses that are asked for. */
  readonly isLocal?: boolean;
}

const DRAWING_REFERENCE = /^#/;
const PICTURE = /^data:(image\/(png|jpeg|gif|webp|bmp|avif|svg\+xml)|audio\/|video\/)/i;
const LINK = /^(https?:|mailto:|tel:|#)/i;
const SOURCES = new Set(["src", "poster", "background", "srcset"]);

/** The markup as nodes that are safe to insert. */
export function sanitise(markup: string, options: SanitiseOptions): DocumentFragment {
  const key = `${options.kind}${options.styles ?? false}`;
  let made = purifiers.get(key);
  if (!made) {
    made = makePurifier(options);
    purifiers.set(key, made);
  }
  return made(markup, options);
}

type Sources = Pick<SanitiseOptions, "resolve" | "isLocal">;
type Purify = (markup: string, sources: Sources) => DocumentFragment;
/** Making one costs more than using it. */
const purifiers = new Map<string, Purify>();

function makePurifier(options: SanitiseOptions): Purify {
  const purifier = createPurifier(window);
  let sources: Sources = {};
  purifier.addHook("uponSanitizeAttribute", (node, event) => {
    const name = event.attrName;
    const value = event.attrValue.trim();
    if (SOURCES.has(name)) {
      const kept = name === "srcset" ? undefined : sourceOf(value, sources);
      if (kept === undefined) event.keepAttr = false;
      else event.attrValue = kept;
    } else if (name === "href" || name === "xlink:href") {
      const tag = node.nodeName.toLowerCase();
      if (tag === "a") {
        // Control characters and blanks inside a scheme are ignored by browsers, so they are by us.
        // oxlint-disable-next-line no-control-regex -- see above
        const bare = value.replace(/[\u0000-\u0020]/g, "");
        const isRelative = !/^[a-z][a-z0-9+.-]*:/i.test(bare) && !bare.startsWith("//");
        if (!LINK.test(bare) && !isRelative) event.keepAttr = false;
      } else if (tag === "image") {
        const kept = sourceOf(value, sources);
        if (kept === undefined) event.keepAttr = false;
        else event.attrValue = kept;
      } else if (!DRAWING_REFERENCE.test(value)) event.keepAttr = false;
    } else if (name === "style" && loadsSomething(value)) event.keepAttr = false;
  });
  purifier.addHook("afterSanitizeAttributes", (node) => {
    if (
      node.nodeName.toLowerCase() === "a" &&
      node.hasAttribute("href") &&
      !node.getAttribute("href")?.startsWith("#")
    ) {
      node.setAttribute("target", "_blank");
      node.setAttribute("rel", "noopener noreferrer");
    }
    if (node.nodeName === "IMG") node.setAttribute("decoding", "async");
    if (node.nodeName === "IMG" && !node.hasAttribute("alt")) node.setAttribute("alt", "");
  });
  purifier.setConfig({
    USE_PROFILES:
      options.kind === "svg"
        ? { svg: true, svgFilters: true }
        : { html: true, svg: true, svgFilters: true, mathMl: true },
    // matplotlib draws its letters with <use>; the hook above keeps them inside the drawing.
    ADD_TAGS: ["use"],
    // Attributes like data-cell mean something to the page; the three are the Markdown renderer's own.
    ALLOW_DATA_ATTR: false,
    ADD_ATTR: ["target", "xlink:href", "data-display", "data-heading", "data-language"],
    FORBID_TAGS: [
      "form",
      "input",
      "textarea",
      "select",
      "option",
      "button",
      "dialog",
      ...(options.styles ? [] : ["style"]),
    ],
    FORBID_ATTR: ["srcset", "autofocus", "popover", "popovertarget", "contenteditable", "slot", "part"],
    ALLOW_UNKNOWN_PROTOCOLS: false,
    ALLOWED_URI_REGEXP: /^(?:[^:]*$|https?:|mailto:|tel:|data:|attachment:|#|[^a-z]|[a-z+.-]+(?:[^a-z+.\-:]|$))/i,
    ADD_DATA_URI_TAGS: ["image", "audio", "video", "source"],
    // An id could shadow a name that a script of the page reads.
    SANITIZE_NAMED_PROPS: options.kind === "html" && !options.styles,
    FORCE_BODY: true,
    RETURN_DOM_FRAGMENT: true,
  } satisfies Config);
  return (markup, given) => {
    sources = given;
    const fragment = purifier.sanitize(markup) as unknown as DocumentFragment;
    for (const style of fragment.querySelectorAll("style")) if (loadsSomething(style.textContent)) style.remove();
    return fragment;
  };
}

function sourceOf(address: string, { resolve, isLocal }: Sources): string | undefined {
  if (/^https:\/\//i.test(address)) return isLocal ? undefined : address;
  if (PICTURE.test(address)) return address;
  return resolve?.(address);
}
