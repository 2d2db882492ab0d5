/**
 * The part of a preview that runs in its frame, before the page's own scripts: brings what the page asks of its server
 * (pictures, fetch, XMLHttpRequest, forms, links, addresses that scripts set) through the panel, and gives it what a frame
 * without an origin lacks (storage, cookies, history). `shimProgram` travels as text, so it must not use anything
 * outside itself but its arguments. It protects nothing: the sandbox does. The page can replace all of it and gains nothing by that.
 */

import type { FromFrame, ShimConfig, ToFrame } from "./frame-messages.ts";

/** What the program shares with its parts (shim-request.ts, shim-streams.ts), which travel as text too. */
export interface ShimKit {
  send(message: FromFrame): void;
  /** The address on the machine, or undefined for one elsewhere. */
  served(url: unknown): string | undefined;
  /** The page's own address now. */
  here(): string;
  /** A number that no request or connection has. */
  next(): number;
  /** Hears of connections what the panel says. */
  onSocket(id: number, listener: ((message: ToFrame) => void) | undefined): void;
}

/** Runs in the frame, as the first script of the page. */
export function shimProgram(config: ShimConfig, parts: readonly ((kit: ShimKit) => void)[]): void {
  const { nonce } = config;
  let panel = window.parent;
  for (let depth = 0; depth < config.depth; depth++) panel = panel.parent;
  const send = (message: FromFrame): void => panel.postMessage({ nonce, message }, "*");
  interface Asked {
    readonly resolve: (response: Response) => void;
    readonly reject: (error: Error) => void;
    body?: ReadableStreamDefaultController<Uint8Array>;
    /** Bytes that have come and were not told to be taken. */
    untaken: number;
  }
  const waiting = new Map<number, Asked>();
  const nativeFetch = window.fetch.bind(window);
  const inside = /^http:\/\/localhost-\d+\.invalid(?:\/|$)/;
  const loopback = /^http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1\])(?::(\d+))?(?=[/?#]|$)/i;
  const origin = new URL(config.url).origin;
  let here = config.url;
  let cookies = config.cookies;
  let state: unknown = null;
  let last = 0;

  /** The address on the machine, or undefined for one elsewhere. In here `location` has no origin and no host. */
  const served = (url: unknown): string | undefined => {
    let text = String(url)
      .trim()
      .replace(/^ws(s?):/i, "http$1:");
    if (/^null(?:\/|$)/.test(text)) text = text.slice(4) || "/";
    if (text.startsWith("about:srcdoc")) text = here.replace(/#.*/, "") + text.slice(12);
    text = text.replace(/^(?:https?|about):\/\/:(\d+)/i, "http://localhost:$1");
    text = text.replace(/^(?:https?|about):\/\/\//i, `${new URL(here).origin}/`);
    let full: string;
    try {
      full = new URL(text, document.baseURI.startsWith("http") ? document.baseURI : here).href;
    } catch {
      return undefined;
    }
    full = full.replace(loopback, (_whole, port: string | undefined) => `http://localhost-${port ?? "80"}.invalid`);
    return inside.test(full) ? full : undefined;
  };

  // ---- requests

  /** Room in a body's queue; what is in it counts as not taken. */
  const ROOM = 256 * 1024;
  const beginAnswer = (message: Extract<ToFrame, { type: "head" }>): void => {
    const asked = waiting.get(message.id);
    if (!asked || asked.body) return;
    const { id } = message;
    cookies = message.cookies;
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (asked.body = controller),
        pull: (controller) => {
          const free = asked.untaken - (ROOM - (controller.desiredSize ?? 0));
          if (free <= 0) return;
          asked.untaken -= free;
          send({ type: "taken", id, bytes: free });
        },
        cancel: () => {
          if (waiting.delete(id)) send({ type: "cancel", id });
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: ROOM }),
    );
    const hasBody = ![101, 204, 205, 304].includes(message.status);
    const response = new Response(hasBody ? body : null, {
      status: message.status < 200 ? 200 : message.status,
      headers: message.headers.filter(([name]) => name !== "set-cookie") as [string, string][],
    });
    Object.defineProperty(response, "url", { value: message.url });
    asked.resolve(response);
  };

  const ask = (
    url: string,
    method: string,
    headers: [string, string][],
    body?: Uint8Array<ArrayBuffer>,
    signal?: AbortSignal | null,
  ): Promise<Response> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const id = ++last;
      const asked: Asked = { resolve, reject, untaken: 0 };
      waiting.set(id, asked);
      signal?.addEventListener("abort", () => {
        if (!waiting.delete(id)) return;
        send({ type: "cancel", id });
        asked.body?.error(signal.reason);
        reject(signal.reason as Error);
      });
      send({ type: "fetch", id, url, method, headers, ...(body ? { body } : {}) });
    });

  window.fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const url = served(input instanceof Request ? input.url : input);
    if (url === undefined) return nativeFetch(input, init);
    // A Request has parsed everything; its address may be one that only this program understands.
    const request = input instanceof Request ? new Request(input, init) : new Request("https://x.invalid/", init);
    const bytes =
      request.method === "GET" || request.method === "HEAD" ? undefined : new Uint8Array(await request.arrayBuffer());
    return ask(
      url,
      request.method,
      [...request.headers],
      bytes,
      init?.signal ?? (input instanceof Request ? input.signal : undefined),
    );
  };
  navigator.sendBeacon = (url, data) => {
    void window.fetch(url, { method: "POST", body: data ?? "" }).catch(() => undefined);
    return true;
  };

  const sockets = new Map<number, (message: ToFrame) => void>();
  const kit: ShimKit = {
    send,
    served,
    here: () => here,
    next: () => ++last,
    onSocket: (id, listener) => void (listener ? sockets.set(id, listener) : sockets.delete(id)),
  };
  for (const install of parts) install(kit);

  // ---- what a page loads by its elements

  const addresses = new WeakMap<Element, string>();
  const pending = new WeakMap<Element, Promise<void>>();
  const objects: string[] = [];
  /** Elements that show other pages of the machine, which the panel makes. */
  const frames = new Map<number, { readonly element: Element; wasThere: boolean }>();
  /** Fetches and gives the element an address of this frame's own. */
  const bring = async (element: Element, attribute: string, url: string): Promise<void> => {
    addresses.set(element, url);
    try {
      const response = await ask(url, "GET", [["Accept", "*/*"]]);
      const isWanted = response.ok && addresses.get(element) === url;
      if (!isWanted) await response.body?.cancel();
      if (!response.ok) throw new Error(`status ${response.status}`);
      if (!isWanted) return;
      const object = URL.createObjectURL(await response.blob());
      objects.push(object);
      if (objects.length > 1000) URL.revokeObjectURL(objects.shift() ?? "");
      const fragment = /#.*$/.exec(url)?.[0] ?? "";
      set.call(element, attribute, object + fragment);
      const parent = element.parentElement;
      if (element.localName === "source" && parent instanceof HTMLMediaElement) parent.load();
      if (element.localName === "source" && parent?.localName === "picture") {
        const image = parent.querySelector("img");
        if (image) set.call(image, "src", object);
      }
    } catch {
      element.dispatchEvent(new Event("error"));
    }
  };
  const set = Element.prototype.setAttribute;
  const loads: Readonly<Record<string, string>> = {
    img: "src", source: "src", video: "src", audio: "src", track: "src", embed: "src", input: "src", script: "src", iframe: "src", frame: "src", link: "href",
  }; // prettier-ignore
  const later = ["src", "poster", "data", "href"] as const;
  /** True when it was taken care of. */
  const take = (element: Element, attribute: string, value: unknown): boolean => {
    const name = element.localName;
    if (loads[name] !== attribute || (name === "link" && !/stylesheet/.test((element as HTMLLinkElement).rel)))
      return false;
    const url = served(value);
    if (url === undefined || String(value) === "" || String(value).startsWith("data:")) return false;
    if (name === "iframe" || name === "frame") {
      addresses.set(element, url);
      const known = [...frames].find(([, frame]) => frame.element === element)?.[0];
      const id = known ?? ++last;
      frames.set(id, { element, wasThere: element.isConnected });
      send({ type: "frame", id, url, name: element.getAttribute("name") ?? "" });
      return true;
    }
    const coming = bring(element, attribute, url).finally(() => {
      if (pending.get(element) === coming) pending.delete(element);
    });
    pending.set(element, coming);
    return true;
  };
  Element.prototype.setAttribute = function (name: string, value: string): void {
    if (!take(this, name.toLowerCase(), value)) set.call(this, name, value);
  };
  const watched: readonly (readonly [{ prototype: object }, string])[] = [
    [HTMLImageElement, "src"], [HTMLScriptElement, "src"], [HTMLSourceElement, "src"], [HTMLMediaElement, "src"],
    [HTMLIFrameElement, "src"], [HTMLEmbedElement, "src"], [HTMLInputElement, "src"], [HTMLTrackElement, "src"], [HTMLLinkElement, "href"],
  ]; // prettier-ignore
  for (const [{ prototype }, name] of watched) {
    const native = Object.getOwnPropertyDescriptor(prototype, name);
    if (!native) continue;
    Object.defineProperty(prototype, name, {
      ...native,
      get(this: Element) {
        return addresses.get(this) ?? (native.get?.call(this) as unknown);
      },
      set(this: Element, value: unknown) {
        if (!take(this, name, value)) native.set?.call(this, value);
      },
    });
  }
  const complete = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "complete");
  Object.defineProperty(HTMLImageElement.prototype, "complete", {
    configurable: true,
    get(this: HTMLImageElement) {
      return !pending.has(this) && (complete?.get?.call(this) as boolean);
    },
  });
  const decode = HTMLImageElement.prototype.decode;
  HTMLImageElement.prototype.decode = async function (): Promise<void> {
    await pending.get(this);
    return decode.call(this);
  };
  /** Elements that came as markup: those set aside by the panel, and those that scripts have written. */
  const look = (root: Element): void => {
    const marked = later.map((name) => `[data-kroma-${name}]`).join(",");
    for (const element of [root, ...root.querySelectorAll(marked)]) {
      for (const name of later) {
        const url = element.getAttribute(`data-kroma-${name}`);
        if (url === null) continue;
        element.removeAttribute(`data-kroma-${name}`);
        if (!take(element, name, url)) void bring(element, name, url);
      }
    }
    for (const element of [
      root,
      ...root.querySelectorAll("img[src],source[src],video[src],audio[src],iframe[src],frame[src],link[href]"),
    ]) {
      const name = loads[element.localName];
      const value = name && element.getAttribute(name);
      if (
        name &&
        value &&
        !value.startsWith("blob:") &&
        !value.startsWith("data:") &&
        addresses.get(element) === undefined
      )
        take(element, name, value);
    }
  };
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) if (node instanceof Element) look(node);
    for (const [id, frame] of frames) {
      const { element } = frame;
      if (element.isConnected) frame.wasThere = true;
      if (element.isConnected || !frame.wasThere) continue;
      frames.delete(id);
      // Put back, it is brought anew.
      set.call(element, "data-kroma-src", addresses.get(element) ?? "");
      element.removeAttribute("srcdoc");
      send({ type: "frame_gone", id });
    }
    titled();
  }).observe(document, { childList: true, subtree: true });

  // ---- going elsewhere

  const scroll = (fragment: string): void => {
    const name = decodeURIComponent(fragment.slice(1));
    const target = document.getElementById(name) ?? document.getElementsByName(name)[0];
    if (target) target.scrollIntoView();
    else if (name === "" || name === "top") window.scrollTo(0, 0);
  };
  const goTo = (to: string, target = ""): void => {
    const url = served(to);
    if (url === undefined) return send({ type: "outside", url: new URL(to, here).href });
    if (target !== "" && target !== "_self") return send({ type: "navigate", url, target });
    if (url.replace(/#.*/, "") !== here.replace(/#.*/, "") || !url.includes("#"))
      return send({ type: "navigate", url });
    here = url;
    send({ type: "state", url, state: null, replace: false });
    scroll(new URL(url).hash);
    window.dispatchEvent(new HashChangeEvent("hashchange", { newURL: url }));
  };
  const defaultTarget = document.querySelector("base[target]")?.getAttribute("target") ?? "";
  addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    const link = event
      .composedPath()
      .find((node): node is HTMLAnchorElement => node instanceof HTMLAnchorElement && node.hasAttribute("href"));
    const href = link?.getAttribute("href") ?? "";
    if (!link || /^\s*javascript:/i.test(href)) return;
    const url = served(href);
    if (url === undefined && /^https?:/i.test(link.href)) {
      link.target = "_blank";
      link.rel = "noopener noreferrer";
      return;
    }
    if (url === undefined) return;
    event.preventDefault();
    if (link.hasAttribute("download")) void save(url, link.download);
    else goTo(url, link.target || defaultTarget);
  });
  const save = async (url: string, name: string): Promise<void> => {
    const response = await ask(url, "GET", []);
    keep(await response.blob(), name || (new URL(url).pathname.split("/").pop() ?? ""));
  };
  const keep = (content: Blob, name: string): void => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content);
    link.download = name || "file";
    link.click();
    // The browser reads it for as long as it saves; a minute on, it has begun.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  const submit = async (form: HTMLFormElement, button?: HTMLElement | null): Promise<void> => {
    const given = (name: string): string | null => button?.getAttribute(`form${name}`) ?? form.getAttribute(name);
    const action = served(given("action") || here);
    if (action === undefined) return send({ type: "outside", url: new URL(given("action") ?? "", here).href });
    const data = new FormData(form, button ?? null);
    const pairs = [...data].map(([name, value]): [string, string] => [
      name,
      typeof value === "string" ? value : value.name,
    ]);
    const method = (given("method") ?? "get").toLowerCase();
    const target = given("target") || "_self";
    if (method === "dialog") return;
    if (method !== "post") {
      const url = new URL(action);
      url.search = String(new URLSearchParams(pairs));
      return send({ type: "navigate", url: url.href, target });
    }
    const isMultipart = (given("enctype") ?? "").toLowerCase() === "multipart/form-data";
    const request = new Request("https://x.invalid/", {
      method: "POST",
      body: isMultipart ? data : new URLSearchParams(pairs),
    });
    const contentType = request.headers.get("content-type") ?? "";
    send({ type: "navigate", url: action, target, contentType, body: new Uint8Array(await request.arrayBuffer()) });
  };
  addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    void submit(event.target as HTMLFormElement, event.submitter);
  });
  HTMLFormElement.prototype.submit = function (): void {
    void submit(this);
  };
  window.open = ((url?: string | URL, target?: string) => {
    if (url !== undefined) goTo(String(url), target);
    return null;
  }) as typeof window.open;
  if (config.refresh) {
    const { seconds, url } = config.refresh;
    setTimeout(() => send({ type: "navigate", url, replace: true }), seconds * 1000);
  }

  // ---- what a frame without an origin lacks

  const change =
    (replace: boolean) =>
    (next: unknown, _unused: string, url?: string | URL | null): void => {
      const target = url === undefined || url === null ? here : served(url);
      if (target === undefined || new URL(target).origin !== origin)
        throw new DOMException("The address is of another server.", "SecurityError");
      state = next;
      here = target;
      send({ type: "state", url: target, state: next, replace });
    };
  history.pushState = change(false);
  history.replaceState = change(true);
  history.back = () => send({ type: "go", by: -1 });
  history.forward = () => send({ type: "go", by: 1 });
  history.go = (by = 0) => send({ type: "go", by });
  Object.defineProperty(history, "state", { get: () => state });
  for (const name of ["localStorage", "sessionStorage"]) {
    const kept = new Map<string, string>();
    const methods: Readonly<Record<string, unknown>> = {
      getItem: (key: string) => kept.get(String(key)) ?? null,
      setItem: (key: string, value: string) => void kept.set(String(key), String(value)),
      removeItem: (key: string) => void kept.delete(String(key)),
      clear: () => kept.clear(),
      key: (index: number) => [...kept.keys()][index] ?? null,
    };
    const storage = new Proxy(methods, {
      get: (_target, key) => (key === "length" ? kept.size : (methods[String(key)] ?? kept.get(String(key)))),
      set: (_target, key, value) => Boolean(kept.set(String(key), String(value))),
      deleteProperty: (_target, key) => kept.delete(String(key)) || true,
      has: (_target, key) => key in methods || kept.has(String(key)),
      ownKeys: () => [...kept.keys()],
      getOwnPropertyDescriptor: (_target, key) =>
        kept.has(String(key)) ? { value: kept.get(String(key)), enumerable: true, configurable: true } : undefined,
    });
    Object.defineProperty(window, name, { configurable: true, get: () => storage });
  }
  Object.defineProperty(document, "cookie", {
    configurable: true,
    get: () => cookies,
    set: (text: string) => {
      const [pair = ""] = String(text).split(";");
      const name = pair.split("=")[0]?.trim() ?? "";
      const rest = cookies.split("; ").filter((other) => other !== "" && !other.startsWith(`${name}=`));
      cookies = (/max-age=0|expires=Thu, 01 Jan 1970/i.test(text) ? rest : [...rest, pair.trim()]).join("; ");
      send({ type: "cookie", text: String(text) });
    },
  });

  // ---- the panel

  let title = "";
  const titled = (): void => {
    if (document.title === title) return;
    title = document.title;
    send({ type: "title", title });
  };
  addEventListener("message", (event) => {
    if (event.source !== panel) return;
    const { message } = event.data as { message: ToFrame };
    event.stopImmediatePropagation();
    switch (message.type) {
      case "popstate":
        here = message.url;
        state = message.state;
        window.dispatchEvent(new PopStateEvent("popstate", { state }));
        return scroll(new URL(here).hash);
      case "framed": {
        const frame = frames.get(message.id);
        if (!frame) return;
        if (frame.element.localName === "iframe") return set.call(frame.element, "srcdoc", message.source);
        // A frame of a frameset knows no `srcdoc`.
        const page = URL.createObjectURL(new Blob([message.source], { type: "text/html" }));
        return set.call(frame.element, "src", page);
      }
      case "download":
        return keep(new Blob([message.bytes]), message.name);
      case "head":
        return beginAnswer(message);
      case "data": {
        const asked = waiting.get(message.id);
        if (asked) asked.untaken += message.bytes.length;
        return asked?.body?.enqueue(message.bytes);
      }
      case "end":
      case "failed": {
        const asked = waiting.get(message.id);
        if (!asked || !waiting.delete(message.id)) return;
        if (message.type === "end") return asked.body?.close();
        const error = new TypeError(message.message);
        asked.body?.error(error);
        return asked.reject(error);
      }
      default:
        return sockets.get(message.id)?.(message);
    }
  });
  addEventListener("DOMContentLoaded", () => {
    titled();
    send({ type: "ready", title: document.title });
    const { hash } = new URL(config.url);
    if (hash) scroll(hash);
  });
}
