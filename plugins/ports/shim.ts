/**
 * The part of a preview that runs in its frame, before the page's own scripts: brings what the page asks of its server
 * (pictures, fetch, XMLHttpRequest, forms, links, addresses that scripts set) through the panel, and gives it what a frame
 * without an origin lacks (storage, cookies, history). `shimProgram` travels as text, so it must not use anything
 * outside itself. It protects nothing: the sandbox does. The page can replace all of it and gains nothing by that.
 */

/** What the panel tells a page's program at its start. */
export interface ShimConfig {
  /** Marks messages of this page. */
  readonly nonce: string;
  /** The page's address, as the frame knows it. */
  readonly url: string;
  readonly cookies: string;
  readonly refresh?: { readonly seconds: number; readonly url: string };
}

/** A request of the page. */
export interface FrameFetch {
  readonly type: "fetch";
  readonly id: number;
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** What the frame says. */
export type FromFrame =
  | { readonly type: "ready"; readonly title: string }
  | { readonly type: "title"; readonly title: string }
  | FrameFetch
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "cookie"; readonly text: string }
  | {
      readonly type: "navigate";
      readonly url: string;
      readonly replace?: boolean;
      readonly body?: Uint8Array<ArrayBuffer>;
      readonly contentType?: string;
    }
  | { readonly type: "state"; readonly url: string; readonly state: unknown; readonly replace: boolean }
  | { readonly type: "go"; readonly by: number }
  | { readonly type: "outside"; readonly url: string };

/** What the panel says. */
export type ToFrame =
  | {
      readonly type: "answer";
      readonly id: number;
      readonly url: string;
      readonly status: number;
      readonly headers: readonly (readonly [string, string])[];
      readonly body: Uint8Array;
      readonly cookies: string;
    }
  | { readonly type: "failed"; readonly id: number; readonly message: string }
  | { readonly type: "popstate"; readonly url: string; readonly state: unknown };

/** Runs in the frame, as the first script of the page. */
export function shimProgram(config: ShimConfig): void {
  const { nonce } = config;
  const top = window.parent;
  const send = (message: FromFrame): void => top.postMessage({ nonce, message }, "*");
  const waiting = new Map<number, { resolve: (response: Response) => void; reject: (error: Error) => void }>();
  const nativeFetch = window.fetch.bind(window);
  const inside = /^http:\/\/localhost-\d+\.invalid(?:\/|$)/;
  const loopback = /^http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1\])(?::(\d+))?(?=[/?#]|$)/i;
  const origin = new URL(config.url).origin;
  let here = config.url;
  let cookies = config.cookies;
  let state: unknown = null;
  let last = 0;

  /** The address on the machine, or undefined for one elsewhere. `location.origin` reads "null" in here. */
  const served = (url: unknown): string | undefined => {
    let text = String(url).trim();
    if (/^null(?:\/|$)/.test(text)) text = text.slice(4) || "/";
    if (text.startsWith("about:srcdoc")) text = here.replace(/#.*/, "") + text.slice(12);
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
      waiting.set(id, { resolve, reject });
      signal?.addEventListener("abort", () => {
        if (!waiting.delete(id)) return;
        send({ type: "cancel", id });
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

  /** XMLHttpRequest over fetch, for the machine's addresses; others use the browser's own. */
  const NativeRequest = window.XMLHttpRequest;
  class MachineRequest extends EventTarget {
    static readonly UNSENT = 0;
    static readonly OPENED = 1;
    static readonly HEADERS_RECEIVED = 2;
    static readonly LOADING = 3;
    static readonly DONE = 4;
    readonly UNSENT = 0;
    readonly OPENED = 1;
    readonly HEADERS_RECEIVED = 2;
    readonly LOADING = 3;
    readonly DONE = 4;
    readonly upload = new EventTarget();
    readyState = 0;
    status = 0;
    statusText = "";
    responseURL = "";
    responseType: XMLHttpRequestResponseType = "";
    response: unknown = "";
    responseText = "";
    responseXML: Document | null = null;
    timeout = 0;
    withCredentials = false;
    #method = "GET";
    #url = "";
    #headers: [string, string][] = [];
    #answer = new Headers();
    #type = "";
    #abort = new AbortController();

    open(method: string, url: string | URL, isAsync = true): void {
      if (!isAsync)
        throw new DOMException(
          "A preview answers later, never at once: use an asynchronous request.",
          "InvalidAccessError",
        );
      this.#method = method.toUpperCase();
      this.#url = String(url);
      this.#headers = [];
      this.#abort = new AbortController();
      this.#step(1);
    }
    setRequestHeader(name: string, value: string): void {
      this.#headers.push([name, value]);
    }
    overrideMimeType(type: string): void {
      this.#type = type;
    }
    getResponseHeader(name: string): string | null {
      return this.#answer.get(name);
    }
    getAllResponseHeaders(): string {
      return [...this.#answer].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    }
    abort(): void {
      this.#abort.abort();
    }
    send(body?: XMLHttpRequestBodyInit | Document | null): void {
      const content = body instanceof Document ? new XMLSerializer().serializeToString(body) : body;
      const timer = this.timeout > 0 ? setTimeout(() => this.#abort.abort("timeout"), this.timeout) : undefined;
      const hasBody = this.#method !== "GET" && this.#method !== "HEAD";
      this.#tell("loadstart");
      window
        .fetch(this.#url, {
          method: this.#method,
          headers: this.#headers,
          signal: this.#abort.signal,
          ...(hasBody ? { body: content ?? null } : {}),
        })
        .then(async (response) => {
          this.status = response.status;
          this.statusText = response.statusText;
          this.responseURL = response.url || (served(this.#url) ?? this.#url);
          this.#answer = response.headers;
          this.#step(2);
          await this.#read(response);
          this.#step(4);
          this.#tell("load");
        })
        .catch(() => {
          this.status = 0;
          this.#step(4);
          const why = this.#abort.signal;
          this.#tell(why.aborted ? (why.reason === "timeout" ? "timeout" : "abort") : "error");
        })
        .finally(() => {
          clearTimeout(timer);
          this.#tell("loadend");
        });
    }
    async #read(response: Response): Promise<void> {
      const buffer = await response.arrayBuffer();
      const type = this.#type || (response.headers.get("content-type") ?? "");
      this.#step(3);
      this.#tell("progress", buffer.byteLength);
      if (this.responseType === "arraybuffer") this.response = buffer;
      else if (this.responseType === "blob") this.response = new Blob([buffer], { type });
      else {
        const text = new TextDecoder().decode(buffer);
        if (this.responseType === "json") {
          try {
            this.response = JSON.parse(text);
          } catch {
            this.response = null;
          }
        } else if (this.responseType === "document") {
          this.response = new DOMParser().parseFromString(text, /xml/.test(type) ? "text/xml" : "text/html");
        } else this.response = this.responseText = text;
        if (/xml/.test(type)) this.responseXML = new DOMParser().parseFromString(text, "text/xml");
      }
    }
    #step(readyState: number): void {
      this.readyState = readyState;
      this.#tell("readystatechange");
    }
    #tell(type: string, loaded = 0): void {
      const event =
        type === "readystatechange"
          ? new Event(type)
          : new ProgressEvent(type, { loaded, total: loaded, lengthComputable: loaded > 0 });
      this.dispatchEvent(event);
      const listener = (this as unknown as Record<string, unknown>)[`on${type}`];
      if (typeof listener === "function") (listener as (event: Event) => void).call(this, event);
    }
  }
  window.XMLHttpRequest = MachineRequest as unknown as typeof NativeRequest;

  // ---- what a page loads by its elements

  const addresses = new WeakMap<Element, string>();
  const pending = new WeakMap<Element, Promise<void>>();
  const objects: string[] = [];
  /** Fetches and gives the element an address of this frame's own. */
  const bring = async (element: Element, attribute: string, url: string): Promise<void> => {
    addresses.set(element, url);
    try {
      const response = await ask(url, "GET", [["Accept", "*/*"]]);
      if (!response.ok) throw new Error(`status ${response.status}`);
      if (addresses.get(element) !== url) return;
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
      set.call(element, "srcdoc", "<p style='font:14px system-ui'>A frame inside a previewed page is not shown.</p>");
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
    for (const element of [root, ...root.querySelectorAll("img[src],source[src],video[src],audio[src],link[href]")]) {
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
    titled();
  }).observe(document, { childList: true, subtree: true });

  // ---- going elsewhere

  const scroll = (fragment: string): void => {
    const name = decodeURIComponent(fragment.slice(1));
    const target = document.getElementById(name) ?? document.getElementsByName(name)[0];
    if (target) target.scrollIntoView();
    else if (name === "" || name === "top") window.scrollTo(0, 0);
  };
  const goTo = (target: string, replace = false): void => {
    const url = served(target);
    if (url === undefined) return send({ type: "outside", url: new URL(target, here).href });
    if (url.replace(/#.*/, "") !== here.replace(/#.*/, "") || !url.includes("#"))
      return send({ type: "navigate", url, replace });
    here = url;
    send({ type: "state", url, state: null, replace });
    scroll(new URL(url).hash);
    window.dispatchEvent(new HashChangeEvent("hashchange", { newURL: url }));
  };
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
    else goTo(url);
  });
  const save = async (url: string, name: string): Promise<void> => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await (await ask(url, "GET", [])).blob());
    link.download = name || (url.split("/").pop() ?? "file");
    link.click();
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
    if (method === "dialog") return;
    if (method !== "post") {
      const url = new URL(action);
      url.search = String(new URLSearchParams(pairs));
      return send({ type: "navigate", url: url.href });
    }
    const isMultipart = (given("enctype") ?? "").toLowerCase() === "multipart/form-data";
    const request = new Request("https://x.invalid/", {
      method: "POST",
      body: isMultipart ? data : new URLSearchParams(pairs),
    });
    const contentType = request.headers.get("content-type") ?? "";
    send({ type: "navigate", url: action, contentType, body: new Uint8Array(await request.arrayBuffer()) });
  };
  addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    void submit(event.target as HTMLFormElement, event.submitter);
  });
  HTMLFormElement.prototype.submit = function (): void {
    void submit(this);
  };
  window.open = ((target?: string | URL) => {
    if (target !== undefined) goTo(String(target));
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
    if (event.source !== top) return;
    const { message } = event.data as { message: ToFrame };
    event.stopImmediatePropagation();
    if (message.type === "popstate") {
      here = message.url;
      state = message.state;
      window.dispatchEvent(new PopStateEvent("popstate", { state }));
      scroll(new URL(here).hash);
      return;
    }
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.type === "failed") return asked?.reject(new TypeError(message.message));
    cookies = message.cookies;
    const hasBody = ![101, 204, 205, 304].includes(message.status);
    const response = new Response(hasBody ? (message.body as Uint8Array<ArrayBuffer>) : null, {
      status: message.status < 200 ? 200 : message.status,
      headers: message.headers.filter(([name]) => name !== "set-cookie") as [string, string][],
    });
    Object.defineProperty(response, "url", { value: message.url });
    asked?.resolve(response);
  });
  addEventListener("DOMContentLoaded", () => {
    titled();
    send({ type: "ready", title: document.title });
    const { hash } = new URL(config.url);
    if (hash) scroll(hash);
  });
}
