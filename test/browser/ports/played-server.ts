/**
 * A machine whose servers the test plays, and a preview of them in a real frame. Pages report what they found by asking for
 * /report, as the test cannot look into a frame without an origin.
 */
import { expect } from "vitest";
import { channelPair } from "#core/base/channel.ts";
import type { FromMachine, ToMachine } from "#core/kernel/machine.ts";
import type { Session } from "#core/session/session.ts";
import { addressOf } from "#plugins/ports/address.ts";
import { Preview } from "#plugins/ports/preview.ts";

export interface Asked {
  readonly method: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly upgrade: string | undefined;
}
export type Reply =
  | string
  | {
      readonly status?: number;
      readonly type?: string;
      readonly headers?: readonly [string, string][];
      readonly body?: string | Uint8Array<ArrayBuffer>;
    };
/** An answer that the test makes bit by bit. */
export interface Live {
  head(status: number, headers: readonly [string, string][]): void;
  data(bytes: string | Uint8Array): void;
  end(error?: string): void;
  /** Hears what the page sends over a connection. */
  onSend: (bytes: Uint8Array) => void;
  /** Bytes that the page has said to have taken. */
  taken: number;
  isGivenUp: boolean;
}
export type Site = Readonly<
  Record<string, Reply | ((asked: Asked) => Reply) | { readonly live: (live: Live, asked: Asked) => void }>
>;

/** A machine that many share may take its time. */
export const PATIENCE = { timeout: 120_000 };

/** What pages begin with that report. */
export const REPORT = "const tell = (facts) => fetch('/report', { method: 'POST', body: JSON.stringify(facts) });";

export class PlayedServer {
  site: Site = {};
  readonly asked: Asked[] = [];
  readonly preview: Preview;
  frame: HTMLIFrameElement | undefined;
  readonly #reports: ((facts: Record<string, unknown>) => void)[] = [];
  readonly #live = new Map<string, Live>();
  readonly #hear = (event: MessageEvent): void => this.preview.hear(event, this.frame?.contentWindow ?? null);

  constructor() {
    const [page, machine] = channelPair<FromMachine, ToMachine>();
    machine.receive((message) => {
      if (message.type === "http_request") return this.#answer(message, (answer) => machine.send(answer));
      if (!("parent" in message)) return;
      const live = this.#live.get(message.parent);
      if (message.type === "http_send") live?.onSend(message.data);
      else if (live && message.type === "http_taken") live.taken += message.bytes;
      else if (live && message.type === "http_cancel") live.isGivenUp = true;
    });
    this.preview = new Preview({ machine: page } as unknown as Session);
    addEventListener("message", this.#hear);
  }

  /** What the panel does with what is to be shown. */
  async show(path: string, port = 8000): Promise<void> {
    this.preview.go(addressOf(`http://localhost:${port}${path}`) ?? { port, path: "/", fragment: "" });
    await this.shown();
  }

  async shown(): Promise<void> {
    await expect.poll(() => this.preview.loading(), PATIENCE).toBe(false);
    const now = this.preview.shown();
    this.frame?.remove();
    this.frame = undefined;
    if (now.type !== "page") return;
    this.frame = document.createElement("iframe");
    this.frame.setAttribute(
      "sandbox",
      "allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads",
    );
    this.frame.srcdoc = now.source;
    document.body.append(this.frame);
  }

  /** What the next page reports that does. */
  report(): Promise<Record<string, unknown>> {
    return new Promise((resolve) => this.#reports.push(resolve));
  }

  close(): void {
    removeEventListener("message", this.#hear);
    this.preview.close();
    this.frame?.remove();
  }

  #answer(request: Extract<ToMachine, { type: "http_request" }>, say: (message: FromMachine) => void): void {
    const { id: parent, port, path, method, headers, body, upgrade } = request;
    const asked: Asked = {
      method,
      port,
      path,
      headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
      body: new TextDecoder().decode(body),
      upgrade,
    };
    this.asked.push(asked);
    const encode = (text: string | Uint8Array): Uint8Array =>
      typeof text === "string" ? new TextEncoder().encode(text) : text;
    const live: Live = {
      head: (status, given) => say({ type: "http_response", parent, status, headers: given }),
      data: (bytes) => say({ type: "http_data", parent, data: encode(bytes) }),
      end: (error) => say({ type: "http_end", parent, ...(error === undefined ? {} : { error }) }),
      onSend: () => undefined,
      taken: 0,
      isGivenUp: false,
    };
    this.#live.set(parent, live);
    if (path === "/report") this.#reports.shift()?.(JSON.parse(asked.body) as Record<string, unknown>);
    const found = this.site[path.split("?")[0] ?? ""] ?? (path === "/report" ? "ok" : undefined);
    if (found === "never") return;
    if (found === "broken") return live.end("It broke.");
    if (typeof found === "object" && "live" in found) return found.live(live, asked);
    const reply = typeof found === "function" ? found(asked) : (found ?? { status: 404, body: "none" });
    const {
      status = 200,
      type = "text/html",
      headers: given = [],
      body: content = "",
    } = typeof reply === "string" ? { body: reply } : reply;
    live.head(status, [["content-type", type], ...given]);
    if (content.length > 0) live.data(content);
    live.end();
  }
}
