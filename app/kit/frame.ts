/**
 * A sandboxed frame for code that came with an output. It has an origin of its own (never `allow-same-origin`), so it
 * can't reach the page, its storage or its workers; it may show, compute, and load scripts, styles and pictures over
 * https. The frame says how high it wants to be; a number that only this frame knows marks its messages.
 */
import { randomId } from "#core/base/ids.ts";

export interface FrameOptions {
  /** How a screen reader calls the frame. */
  readonly title: string;
  /** Markup of the frame's body. */
  readonly body: string;
  readonly dark: () => boolean;
  readonly onTheme: (listener: () => void) => () => void;
  /** Pixels after which the frame scrolls inside. */
  readonly highest?: number;
  /** Called with every message other than the frame's own about its height. */
  readonly onMessage?: (message: unknown) => void;
}

export interface SandboxFrame {
  readonly element: HTMLIFrameElement;
  /** Sends a message to `window.kroma.receive` in the frame. */
  send(message: unknown, transfer?: readonly Transferable[]): void;
  close(): void;
}

const HIGHEST = 800;

const POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'unsafe-eval' https: data: blob:",
  "style-src 'unsafe-inline' https: data: blob:",
  "img-src https: data: blob:",
  "font-src https: data:",
  "media-src https: data: blob:",
  "connect-src https: data: blob:",
  "worker-src blob: data:",
  "frame-src https: data: blob:",
  "form-action 'none'",
  "base-uri 'none'",
].join("; ");

const TOKENS = [
  "ground", "ground-raised", "ground-sunk", "ground-pressed", "hairline", "edge", "text", "text-quiet", "accent",
  "accent-ground", "on-accent", "red", "amber", "green", "radius", "font-text", "font-code",
] as const; // prettier-ignore

/** What every frame's page looks like before its own styles: as the page around it. */
export const FRAME_STYLE = `
html { color-scheme: var(--kroma-scheme, light); background: transparent; }
body { margin: 0; display: flow-root; font: 15px / 24px var(--font-text, system-ui, sans-serif); color: var(--text, CanvasText); overflow-wrap: break-word; }
a { color: var(--accent, LinkText); }
pre, code, kbd, samp { font-family: var(--font-code, monospace); font-size: 13.5px; }
.kroma-note { margin: 0 0 4px; font: 13.5px / 20px var(--font-text, system-ui, sans-serif); color: var(--text-quiet, GrayText); overflow-wrap: anywhere; }
`;

/** Makes a frame in `parent`. */
export function openFrame(parent: HTMLElement, options: FrameOptions): SandboxFrame {
  const nonce = randomId(24);
  const highest = options.highest ?? HIGHEST;
  const element = document.createElement("iframe");
  element.className = "kroma-frame";
  element.title = options.title;
  element.setAttribute("sandbox", "allow-scripts allow-popups allow-popups-to-escape-sandbox allow-downloads");
  element.referrerPolicy = "no-referrer";
  element.allow = "fullscreen";
  element.style.cssText = "display:block;inline-size:100%;block-size:0;border:0;background:transparent";
  element.style.colorScheme = options.dark() ? "dark" : "light";
  element.srcdoc = pageOf(nonce, themeOf(parent, options.dark()), options.body);
  const onMessage = (event: MessageEvent) => {
    if (event.source !== element.contentWindow) return;
    const data = event.data as { nonce?: unknown; height?: unknown; message?: unknown } | undefined;
    if (typeof data !== "object" || data === null || data.nonce !== nonce) return;
    if (typeof data.height === "number" && Number.isFinite(data.height)) {
      element.style.blockSize = `${Math.min(highest, Math.max(0, Math.ceil(data.height)))}px`;
    } else if ("message" in data) options.onMessage?.(data.message);
  };
  const post = (message: unknown, transfer: readonly Transferable[] = []) => {
    element.contentWindow?.postMessage({ nonce, ...(message as object) }, "*", [...transfer]);
  };
  const stopTheme = options.onTheme(() => {
    element.style.colorScheme = options.dark() ? "dark" : "light";
    post({ theme: themeOf(parent, options.dark()) });
  });
  window.addEventListener("message", onMessage);
  parent.append(element);
  return {
    element,
    send: (message, transfer) => post({ message }, transfer),
    close() {
      window.removeEventListener("message", onMessage);
      stopTheme();
      element.remove();
    },
  };
}

/** The theme's properties as they are where `element` stands, as declarations. */
function themeOf(element: HTMLElement, dark: boolean): string {
  const styles = getComputedStyle(element);
  const lines = TOKENS.map((name) => {
    const value = styles.getPropertyValue(`--${name}`).trim();
    return value === "" || /[<>{};]/.test(value) ? "" : `--${name}:${value};`;
  });
  return `:root{--kroma-scheme:${dark ? "dark" : "light"};${lines.join("")}}`;
}

function pageOf(nonce: string, theme: string, body: string): string {
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">` +
    `<base target="_blank"><style id="kroma-theme">${theme}</style><style>${FRAME_STYLE}</style>` +
    `<script>(${frameProgram.toString()})(${JSON.stringify(nonce)});document.currentScript.remove()</script></head><body>${body}`
  );
}

/** Runs in the frame before anything else; must not use anything from outside itself. */
function frameProgram(nonce: string): void {
  const post = window.parent.postMessage.bind(window.parent);
  const listeners: ((message: unknown) => void)[] = [];
  const early: unknown[] = [];
  Object.defineProperty(window, "kroma", {
    value: Object.freeze({
      send: (message: unknown, transfer: Transferable[] = []) => post({ nonce, message }, "*", transfer),
      receive: (listener: (message: unknown) => void) => {
        listeners.push(listener);
        for (const message of early.splice(0)) listener(message);
      },
    }),
  });
  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || event.data?.nonce !== nonce) return;
    event.stopImmediatePropagation();
    if (typeof event.data.theme === "string") {
      const style = document.getElementById("kroma-theme");
      if (style) style.textContent = event.data.theme;
      window.dispatchEvent(new Event("kroma:theme"));
    }
    if (!("message" in event.data)) return;
    if (listeners.length === 0) early.push(event.data.message);
    for (const listener of listeners) listener(event.data.message);
  });
  let told = -1;
  const measure = () => {
    const root = document.documentElement;
    // What sticks out of the page's own height counts too, but must not keep the frame from shrinking.
    const natural = root.getBoundingClientRect().height;
    const height = root.scrollHeight > window.innerHeight + 1 ? root.scrollHeight : natural;
    if (Math.ceil(height) === told) return;
    told = Math.ceil(height);
    post({ nonce, height: told }, "*");
  };
  const start = () => {
    const observer = new ResizeObserver(measure);
    observer.observe(document.documentElement);
    observer.observe(document.body);
    measure();
  };
  document.addEventListener("DOMContentLoaded", start);
  // Many outputs fetch their library; without a network they would be blank without a word.
  const missing = new Set<string>();
  const noteMissing = (event: Event) => {
    const script = event.target;
    if (!(script instanceof HTMLScriptElement) || script.src === "" || missing.has(script.src)) return;
    missing.add(script.src);
    const note = document.createElement("p");
    note.className = "kroma-note";
    note.textContent = `This output needs ${script.src}, which could not be loaded.`;
    document.body.prepend(note);
  };
  window.addEventListener("error", noteMissing, true);
  window.addEventListener("load", measure);
  // A link to a place in the page must not open a tab.
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href^='#']") : undefined;
    if (!link) return;
    event.preventDefault();
    const id = decodeURIComponent((link.getAttribute("href") ?? "").slice(1));
    document.getElementById(id)?.scrollIntoView();
  });
}
