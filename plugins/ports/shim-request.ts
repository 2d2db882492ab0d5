/** XMLHttpRequest in a preview's frame, over its fetch. It travels as text with shim.ts, so it uses nothing outside itself. */
import type { ShimKit } from "./shim.ts";

/** Puts XMLHttpRequest into the frame. */
export function shimRequest(kit: ShimKit): void {
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
      this.response = this.responseText = "";
      this.responseXML = null;
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
          this.responseURL = response.url || (kit.served(this.#url) ?? this.#url);
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
    /** Text can be read while it comes. */
    async #read(response: Response): Promise<void> {
      const type = this.#type || (response.headers.get("content-type") ?? "");
      const total = Number(response.headers.get("content-length") ?? 0);
      const isText = this.responseType === "" || this.responseType === "text";
      const decoder = new TextDecoder(/charset="?([\w-]+)/i.exec(type)?.[1] ?? "utf-8");
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      let loaded = 0;
      for (const reader = response.body?.getReader(); reader;) {
        const { done, value } = await reader.read();
        if (done) break;
        loaded += value.length;
        if (isText) this.response = this.responseText += decoder.decode(value, { stream: true });
        else pieces.push(value);
        this.#step(3);
        this.#tell("progress", loaded, total);
      }
      const whole = new Blob(pieces, { type });
      if (isText) {
        this.response = this.responseText += decoder.decode();
        if (/xml/.test(type)) this.responseXML = new DOMParser().parseFromString(this.responseText, "text/xml");
      } else if (this.responseType === "arraybuffer") this.response = await whole.arrayBuffer();
      else if (this.responseType === "blob") this.response = whole;
      else {
        const text = decoder.decode(await whole.arrayBuffer());
        if (this.responseType === "document")
          this.response = new DOMParser().parseFromString(text, /xml/.test(type) ? "text/xml" : "text/html");
        else {
          try {
            this.response = JSON.parse(text);
          } catch {
            this.response = null;
          }
        }
      }
    }
    #step(readyState: number): void {
      this.readyState = readyState;
      this.#tell("readystatechange");
    }
    #tell(type: string, loaded = 0, total = 0): void {
      const event =
        type === "readystatechange"
          ? new Event(type)
          : new ProgressEvent(type, { loaded, total, lengthComputable: total > 0 });
      this.dispatchEvent(event);
      const listener = (this as unknown as Record<string, unknown>)[`on${type}`];
      if (typeof listener === "function") (listener as (event: Event) => void).call(this, event);
    }
  }
  window.XMLHttpRequest = MachineRequest as unknown as typeof XMLHttpRequest;
}
