/**
 * EventSource and WebSocket in a preview's frame. The panel speaks the WebSocket protocol (socket.ts); events are read here, by
 * the rules of https://html.spec.whatwg.org/multipage/server-sent-events.html. It travels as text with shim.ts, so it uses
 * nothing outside itself.
 */
import type { ToFrame } from "./frame-messages.ts";
import type { ShimKit } from "./shim.ts";

/** Puts EventSource and WebSocket into the frame; for addresses elsewhere they are the browser's own. */
export function shimStreams(kit: ShimKit): void {
  const listened = (target: EventTarget, event: Event): void => {
    target.dispatchEvent(event);
    const listener = (target as unknown as Record<string, unknown>)[`on${event.type}`];
    if (typeof listener === "function") (listener as (event: Event) => void).call(target, event);
  };
  const originOf = (url: string): string => new URL(url).origin;

  const NativeSource = window.EventSource;
  class MachineSource extends EventTarget {
    static readonly CONNECTING = 0;
    static readonly OPEN = 1;
    static readonly CLOSED = 2;
    readonly CONNECTING = 0;
    readonly OPEN = 1;
    readonly CLOSED = 2;
    readonly url: string;
    readonly withCredentials = false;
    readyState = 0;
    #again = 3000;
    #lastId = "";
    #abort = new AbortController();

    constructor(url: string) {
      super();
      this.url = url;
      void this.#connect();
    }
    close(): void {
      this.readyState = 2;
      this.#abort.abort();
    }
    async #connect(): Promise<void> {
      this.#abort = new AbortController();
      const headers: Record<string, string> = { Accept: "text/event-stream", "Cache-Control": "no-store" };
      if (this.#lastId !== "") headers["Last-Event-ID"] = this.#lastId;
      try {
        const response = await window.fetch(this.url, { headers, signal: this.#abort.signal });
        if (
          response.status !== 200 ||
          !/^text\/event-stream\s*(?:;|$)/i.test(response.headers.get("content-type") ?? "")
        )
          return this.#fail();
        this.readyState = 1;
        listened(this, new Event("open"));
        await this.#read(response);
      } catch {
        // It is asked again, as when the server ends it.
      }
      if (this.readyState === 2) return;
      this.readyState = 0;
      listened(this, new Event("error"));
      setTimeout(() => this.readyState === 0 && void this.#connect(), this.#again);
    }
    #fail(): void {
      this.close();
      listened(this, new Event("error"));
    }
    async #read(response: Response): Promise<void> {
      const decoder = new TextDecoder();
      let [rest, data, type, id, hasData] = ["", "", "", this.#lastId, false];
      const take = (line: string): void => {
        if (line === "") {
          this.#lastId = id;
          const event = new MessageEvent(type || "message", {
            data,
            lastEventId: id,
            origin: originOf(response.url || this.url),
          });
          const isThere = hasData;
          [data, type, hasData] = ["", "", false];
          if (isThere && this.readyState !== 2) listened(this, event);
          return;
        }
        const [, name = "", value = ""] = /^([^:]*)(?:: ?([\s\S]*))?$/.exec(line) ?? [];
        if (name === "data") {
          data = hasData ? `${data}\n${value}` : value;
          hasData = true;
        } else if (name === "event") type = value;
        else if (name === "id" && !value.includes("\0")) id = value;
        else if (name === "retry" && /^\d+$/.test(value)) this.#again = Number(value);
      };
      for (const reader = response.body?.getReader(); reader;) {
        const { done, value } = await reader.read();
        // What has no blank line after it is not told.
        if (done) return;
        rest += decoder.decode(value, { stream: true });
        for (;;) {
          const end = /\r\n|\n|\r(?!$)/.exec(rest);
          if (!end) break;
          take(rest.slice(0, end.index));
          rest = rest.slice(end.index + end[0].length);
        }
      }
    }
  }
  window.EventSource = new Proxy(NativeSource, {
    construct(Native, [url, options]: [string | URL, EventSourceInit?], target) {
      const here = kit.served(url);
      return here === undefined
        ? Reflect.construct(Native, options ? [url, options] : [url], target)
        : new MachineSource(here);
    },
  });

  const NativeSocket = window.WebSocket;
  class MachineSocket extends EventTarget {
    readonly CONNECTING = 0;
    readonly OPEN = 1;
    readonly CLOSING = 2;
    readonly CLOSED = 3;
    readonly url: string;
    /** What is sent leaves the page at once. */
    readonly bufferedAmount = 0;
    readonly extensions = "";
    protocol = "";
    binaryType: BinaryType = "blob";
    readyState = 0;
    readonly #id = kit.next();
    /** A Blob's bytes come later; what is sent after it waits. */
    #last: Promise<unknown> | undefined;

    constructor(url: string, protocols: readonly string[]) {
      super();
      this.url = url.replace(/^http/, "ws").replace(/^ws:\/\/localhost-(\d+)\.invalid/, "ws://localhost:$1");
      kit.onSocket(this.#id, (message) => this.#hear(message));
      kit.send({ type: "socket", id: this.#id, url, protocols: [...protocols] });
    }
    send(data: string | Blob | BufferSource): void {
      if (this.readyState === 0) throw new DOMException("The connection is not open yet.", "InvalidStateError");
      if (this.readyState !== 1) return;
      const content =
        typeof data === "string" || data instanceof Blob
          ? data
          : ArrayBuffer.isView(data)
            ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength).slice()
            : new Uint8Array(data as ArrayBuffer).slice();
      if (!(content instanceof Blob) && !this.#last)
        return kit.send({ type: "socket_send", id: this.#id, data: content });
      const sent = (this.#last ?? Promise.resolve())
        .then(async () => (content instanceof Blob ? new Uint8Array(await content.arrayBuffer()) : content))
        .then((bytes) => kit.send({ type: "socket_send", id: this.#id, data: bytes }))
        .finally(() => {
          if (this.#last === sent) this.#last = undefined;
        });
      this.#last = sent;
    }
    close(code?: number, reason = ""): void {
      if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999))
        throw new DOMException("A page may close with 1000, or 3000 to 4999.", "InvalidAccessError");
      if (new TextEncoder().encode(reason).length > 123)
        throw new DOMException("A reason has at most 123 bytes.", "SyntaxError");
      if (this.readyState >= 2) return;
      this.readyState = 2;
      void (this.#last ?? Promise.resolve()).then(() =>
        kit.send({ type: "socket_close", id: this.#id, reason, ...(code === undefined ? {} : { code }) }),
      );
    }
    #hear(message: ToFrame): void {
      if (message.type === "socket_open" && this.readyState === 0) {
        this.protocol = message.protocol;
        this.readyState = 1;
        listened(this, new Event("open"));
      } else if (message.type === "socket_message" && this.readyState === 1) {
        const { data } = message;
        const given =
          typeof data === "string" ? data : this.binaryType === "blob" ? new Blob([data]) : data.slice().buffer;
        listened(this, new MessageEvent("message", { data: given, origin: originOf(this.url) }));
      } else if (message.type === "socket_closed") {
        const { code, reason, isClean: wasClean } = message;
        this.readyState = 3;
        kit.onSocket(this.#id, undefined);
        if (code === 1006) listened(this, new Event("error"));
        listened(this, new CloseEvent("close", { code, reason, wasClean }));
      }
    }
  }
  window.WebSocket = new Proxy(NativeSocket, {
    construct(Native, [url, protocols = []]: [string | URL, (string | string[])?], target) {
      const here = kit.served(url);
      if (here === undefined) return Reflect.construct(Native, [url, protocols], target);
      const names = typeof protocols === "string" ? [protocols] : protocols;
      if (!names.every((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name)) || new Set(names).size !== names.length)
        throw new DOMException("A protocol is named by a token, and once.", "SyntaxError");
      return new MachineSocket(here.replace(/#.*/, ""), names);
    },
  });
}
