/**
 * Makes a served page into one document that a frame without an origin can show. Such a frame is not served by anybody
 * (a service worker never sees it), so what the page needs to begin is put into it: styles, scripts in their order, and
 * modules by an import map. Pictures and what scripts ask for later come through the frame's own program (shim.ts).
 * Nothing of the page runs here: it is parsed as an inert document.
 */
import { toBase64 } from "#core/workspace/values-json.ts";
import { type Address, addressOf, urlOf } from "./address.ts";
import { type Answer, type Client, GET, header, textOf } from "./client.ts";
import { moduleParts } from "./modules.ts";
import type { ShimConfig } from "./frame-messages.ts";
import { shimProgram } from "./shim.ts";
import { shimRequest } from "./shim-request.ts";
import { shimStreams } from "./shim-streams.ts";

/** What the page may do: show and compute, and load from the web over https as an output's HTML may. */
const POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'unsafe-eval' https: data: blob:",
  "style-src 'unsafe-inline' https: data: blob:",
  "img-src https: data: blob:",
  "font-src https: data: blob:",
  "media-src https: data: blob:",
  "connect-src https: data: blob:",
  "worker-src blob: data:",
  "frame-src https: data: blob:",
  "form-action 'none'",
].join("; ");

/** Most files that are put into a page before it is shown, and most modules of one. */
const MOST = 500;

/** The frame's program as it travels. */
const textOfProgram = (program: (...values: never[]) => void): string => program.toString().replaceAll("</", "<\\/");
const PROGRAM = textOfProgram(shimProgram);
const PARTS = [shimRequest, shimStreams].map(textOfProgram).join(",");

/** The attribute in which an address waits for the frame's program. */
const LATER = ["img", "source", "video", "audio", "track", "embed", "input"] as const;

/** Composes pages of one preview. */
export class Composer {
  readonly #client: Client;
  readonly #signal: AbortSignal;
  #left = MOST;

  constructor(client: Client, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /** The page as text for `srcdoc`. */
  async page(answer: Answer, config: Omit<ShimConfig, "refresh">): Promise<string> {
    const page = new DOMParser().parseFromString(textOf(answer), "text/html");
    const stated = page.querySelector("base[href]")?.getAttribute("href") ?? "";
    const here = urlOf(answer.address);
    const base = addressOf(stated, here) ? new URL(stated, here).href : here;
    const target = page.querySelector("base[target]")?.getAttribute("target") ?? "";
    for (const element of page.querySelectorAll("base, meta[http-equiv=content-security-policy i]")) element.remove();
    const refresh = takeRefresh(page, base);
    this.#setAside(page, base);
    await Promise.all([this.#styles(page, base), this.#scripts(page, base)]);
    const head = page.createElement("head");
    head.innerHTML = `<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><base><script></script>`;
    head.querySelector("base")?.setAttribute("href", base);
    if (target !== "") head.querySelector("base")?.setAttribute("target", target);
    const shim = JSON.stringify({ ...config, ...(refresh ? { refresh } : {}) }).replaceAll("<", "\\u003c");
    const script = head.querySelector("script");
    if (script) script.textContent = `(${PROGRAM})(${shim},[${PARTS}]);document.currentScript.remove();`;
    page.head.prepend(...head.childNodes);
    return `${page.doctype ? "<!DOCTYPE html>" : ""}${page.documentElement.outerHTML}`;
  }

  /** Addresses that would load at once and cannot: the frame's program brings them. */
  #setAside(page: Document, base: string): void {
    for (const element of page.querySelectorAll<HTMLElement>(LATER.map((name) => `${name}[src]`).join(","))) {
      move(element, "src", base);
    }
    for (const element of page.querySelectorAll("video[poster]")) move(element, "poster", base);
    for (const element of page.querySelectorAll("object[data]")) move(element, "data", base);
    for (const element of page.querySelectorAll("iframe[src], frame[src]")) move(element, "src", base);
    for (const element of page.querySelectorAll("image[href], use[href]")) move(element, "href", base);
    for (const element of page.querySelectorAll("[srcset]")) {
      // Of several sizes the frame's program would have to choose; the plain source does.
      const first = element.getAttribute("srcset")?.trim().split(/[\s,]/)[0] ?? "";
      if (!addressOf(first, base)) continue;
      element.removeAttribute("srcset");
      if (!element.hasAttribute("data-kroma-src")) element.setAttribute("data-kroma-src", new URL(first, base).href);
    }
    for (const link of page.querySelectorAll(
      "link[rel~=icon], link[rel~=preload], link[rel~=modulepreload], link[rel~=manifest], link[rel~=prefetch]",
    ))
      link.remove();
  }

  async #styles(page: Document, base: string): Promise<void> {
    const links = [...page.querySelectorAll<HTMLLinkElement>("link[rel~=stylesheet][href]")].map(async (link) => {
      const href = link.getAttribute("href") ?? "";
      if (!addressOf(href, base) || link.relList.contains("alternate")) return;
      const url = new URL(href, base).href;
      const style = page.createElement("style");
      for (const name of ["media", "id", "class", "title"]) {
        const value = link.getAttribute(name);
        if (value !== null) style.setAttribute(name, value);
      }
      style.textContent = await this.#css(await this.#text(url), url, 0);
      link.replaceWith(style);
    });
    const inline = [...page.querySelectorAll("style")].map(async (style) => {
      style.textContent = await this.#css(style.textContent, base, 0);
    });
    const attributes = [...page.querySelectorAll("[style*='url(']")].map(async (element) => {
      element.setAttribute("style", await this.#css(element.getAttribute("style") ?? "", base, 0));
    });
    await Promise.all([...links, ...inline, ...attributes]);
  }

  /** A style sheet with all it loads put into it. */
  async #css(text: string, base: string, depth: number): Promise<string> {
    if (depth > 8) return text;
    const imported = await replaced(
      text,
      /@import\s+(?:url\(\s*)?(?:"([^"]*)"|'([^']*)'|([^\s"')]+))\s*\)?\s*([^;]*);/g,
      async ([whole, double, single, bare, media]) => {
        const href = double ?? single ?? bare ?? "";
        if (!addressOf(href, base)) return whole;
        const url = new URL(href, base).href;
        const inner = await this.#css(await this.#text(url), url, depth + 1);
        return media ? `@media ${media} {\n${inner}\n}` : inner;
      },
    );
    return replaced(
      imported,
      /url\(\s*(?:"([^"]*)"|'([^']*)'|([^\s"')]+))\s*\)/g,
      async ([whole, double, single, bare]) => {
        const href = double ?? single ?? bare ?? "";
        if (href.startsWith("#") || !addressOf(href, base)) return whole;
        const data = await this.#dataUrl(new URL(href, base).href);
        return data === undefined ? whole : `url("${data}")`;
      },
    );
  }

  async #scripts(page: Document, base: string): Promise<void> {
    const modules = new Map<string, Promise<string | undefined>>();
    const importsOf = (code: string, url: string): Promise<string> => this.#module(code, url, modules);
    const work = [...page.querySelectorAll("script")].map(async (script) => {
      const type = script.type.trim().toLowerCase();
      const isModule = type === "module";
      if (type === "importmap" || (type !== "" && !isModule && !/javascript|ecmascript/.test(type))) return;
      const src = script.getAttribute("src");
      script.removeAttribute("integrity");
      if (src === null) {
        if (isModule) script.textContent = await importsOf(script.textContent, base);
        return;
      }
      if (!addressOf(src, base)) return;
      const url = new URL(src, base).href;
      const code = await this.#text(url);
      const text = isModule ? await importsOf(code, url) : `${code}\n//# sourceURL=${url}`;
      script.setAttribute("src", `data:text/javascript;base64,${toBase64(new TextEncoder().encode(text))}`);
    });
    await Promise.all(work);
    await settled(modules);
    if (modules.size === 0) return;
    const found = page.querySelector("script[type=importmap]");
    const imports: Record<string, string> = {};
    const own = parsedMap(found?.textContent);
    for (const [name, target] of Object.entries(own))
      imports[name] = URL.canParse(target, base) ? new URL(target, base).href : target;
    for (const [url, text] of modules) {
      const code = await text;
      if (code === undefined) continue;
      const data = `data:text/javascript;base64,${toBase64(new TextEncoder().encode(code))}`;
      imports[url] = data;
      for (const [name, target] of Object.entries(imports)) if (target === url) imports[name] = data;
    }
    const map = found ?? page.createElement("script");
    map.setAttribute("type", "importmap");
    map.textContent = JSON.stringify({ imports }).replaceAll("<", "\\u003c");
    if (!found) page.head.prepend(map);
  }

  /** A module whose imports are absolute, so that the import map finds them; what it imports joins `modules`. */
  async #module(code: string, url: string, modules: Map<string, Promise<string | undefined>>): Promise<string> {
    const { text, imports } = await moduleParts(code, (specifier) => {
      if (!/^(?:\.{0,2}\/|https?:)/.test(specifier) || !addressOf(specifier, url)) return undefined;
      return new URL(specifier, url).href;
    });
    for (const target of imports) {
      if (modules.has(target)) continue;
      modules.set(
        target,
        this.#text(target).then((inner) => this.#module(inner, target, modules)),
      );
    }
    return text;
  }

  async #text(url: string): Promise<string> {
    const answer = await this.#get(url);
    return answer ? textOf(answer) : "";
  }

  async #dataUrl(url: string): Promise<string | undefined> {
    const answer = await this.#get(url);
    const type = answer && header(answer, "content-type").replace(/[^\w/+.;= -]/g, "");
    return answer && `data:${type};base64,${toBase64(answer.body)}`;
  }

  /** What cannot be had is missing from the page, as in a browser; it does not keep the page from being shown. */
  async #get(url: string): Promise<Answer | undefined> {
    const address: Address | undefined = addressOf(url);
    if (!address || this.#left-- <= 0) return undefined;
    const answer = await this.#client.ask(address, GET, this.#signal).catch(() => undefined);
    return answer && answer.status < 400 ? answer : undefined;
  }
}

function move(element: Element, attribute: string, base: string): void {
  const value = element.getAttribute(attribute) ?? "";
  if (value.startsWith("#") || !addressOf(value, base)) return;
  element.removeAttribute(attribute);
  element.setAttribute(`data-kroma-${attribute}`, new URL(value, base).href);
}

function takeRefresh(page: Document, base: string): ShimConfig["refresh"] | undefined {
  const meta = page.querySelector("meta[http-equiv=refresh i]");
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:[;,]\s*(?:url\s*=\s*)?['"]?([^'"]*)['"]?)?/i.exec(
    meta?.getAttribute("content") ?? "",
  );
  meta?.remove();
  const target = match?.[2] ?? "";
  if (!match || !URL.canParse(target, base)) return undefined;
  return { seconds: Number(match[1]), url: new URL(target, base).href };
}

function parsedMap(text: string | undefined | null): Readonly<Record<string, string>> {
  try {
    const map = JSON.parse(text ?? "{}") as { imports?: unknown };
    return typeof map.imports === "object" && map.imports !== null ? (map.imports as Record<string, string>) : {};
  } catch {
    return {};
  }
}

/** Waits until no module brings another one. */
async function settled(modules: ReadonlyMap<string, Promise<unknown>>): Promise<void> {
  for (let size = -1; size !== modules.size;) {
    size = modules.size;
    await Promise.allSettled(modules.values());
  }
}

/** `replaceAll` with an answer that takes its time. */
async function replaced(
  text: string,
  pattern: RegExp,
  by: (match: RegExpExecArray) => Promise<string>,
): Promise<string> {
  const matches = [...text.matchAll(pattern)];
  const parts = await Promise.all(matches.map(by));
  let result = "";
  let at = 0;
  for (const [index, match] of matches.entries()) {
    result += text.slice(at, match.index) + (parts[index] ?? "");
    at = match.index + match[0].length;
  }
  return result + text.slice(at);
}
