/**
 * What a preview shows: where it is, where it was, and the one page that is in its frame. The page is untrusted: its frame
 * has no origin (never `allow-same-origin`), and what it says is checked here before anything is done for it.
 */
import { createSignal, type Accessor } from "solid-js";
import * as v from "valibot";
import { randomId } from "#core/base/ids.ts";
import { HTTP_REQUEST_BODY } from "#core/kernel/machine.ts";
import type { Session } from "#core/session/session.ts";
import { type Address, addressOf, shownAddress, urlOf } from "./address.ts";
import { type Answer, Client, GET, header, type Question, textOf } from "./client.ts";
import type { FromFrame, ToFrame } from "./shim.ts";

/** Requests of a page that wait for an answer; more are refused. */
const MOST_REQUESTS = 256;
const MOST_STATE = 64 * 1024;

const url = v.pipe(v.string(), v.maxLength(20_000));
const pair = v.tuple([v.pipe(v.string(), v.maxLength(128)), v.pipe(v.string(), v.maxLength(16_384))]);
const body = v.optional(v.pipe(v.instance(Uint8Array), v.maxLength(HTTP_REQUEST_BODY)));
const id = v.pipe(v.number(), v.integer());
const title = v.pipe(
  v.string(),
  v.transform((text) => text.slice(0, 200)),
);
const fromFrame = v.variant("type", [
  v.object({ type: v.literal("ready"), title }),
  v.object({ type: v.literal("title"), title }),
  v.object({
    type: v.literal("fetch"),
    id,
    url,
    method: v.pipe(v.string(), v.maxLength(32)),
    headers: v.pipe(v.array(pair), v.maxLength(60)),
    body,
  }),
  v.object({ type: v.literal("cancel"), id }),
  v.object({ type: v.literal("cookie"), text: v.pipe(v.string(), v.maxLength(4096)) }),
  v.object({
    type: v.literal("navigate"),
    url,
    replace: v.optional(v.boolean()),
    body,
    contentType: v.optional(v.pipe(v.string(), v.maxLength(300))),
  }),
  v.object({ type: v.literal("state"), url, state: v.unknown(), replace: v.boolean() }),
  v.object({ type: v.literal("go"), by: id }),
  v.object({ type: v.literal("outside"), url }),
]);

/** What is in the frame's place. */
export type Shown =
  | { readonly type: "nothing" }
  | { readonly type: "page"; readonly source: string; readonly nonce: string }
  | { readonly type: "file"; readonly name: string; readonly mime: string; readonly answer: Answer }
  | { readonly type: "error"; readonly title: string; readonly text: string };

interface Entry {
  readonly address: Address;
  /** Entries of one loaded page share its number: going between them loads nothing. */
  readonly load: number;
  readonly state: unknown;
}

/** The preview of one notebook. */
export class Preview {
  readonly address: Accessor<Address | undefined>;
  readonly shown: Accessor<Shown>;
  readonly title: Accessor<string>;
  readonly loading: Accessor<boolean>;
  /** A sentence on something that the page wanted and did not get. */
  readonly note: Accessor<string>;
  readonly #setAddress: (address: Address | undefined) => void;
  readonly #setShown: (shown: Shown) => void;
  readonly #setTitle: (title: string) => void;
  readonly #setLoading: (loading: boolean) => void;
  readonly #setNote: (note: string) => void;
  readonly #client: Client;
  #entries: readonly Entry[] = [];
  #at = -1;
  readonly #moved: Accessor<number>;
  readonly #move: () => void;
  #load = 0;
  #question: Question = GET;
  #abort = new AbortController();
  #frame: Window | undefined;
  #requests = new Map<number, AbortController>();

  constructor(session: Session) {
    const [address, setAddress] = createSignal<Address>();
    const [shown, setShown] = createSignal<Shown>({ type: "nothing" });
    const [name, setName] = createSignal("");
    const [loading, setLoading] = createSignal(false);
    const [note, setNote] = createSignal("");
    const [moved, setMoved] = createSignal(0);
    this.address = address;
    this.shown = shown;
    this.title = name;
    this.loading = loading;
    this.note = note;
    this.#setAddress = (value) => setAddress(() => value);
    this.#setShown = setShown;
    this.#setTitle = setName;
    this.#setLoading = setLoading;
    this.#setNote = setNote;
    this.#moved = moved;
    this.#move = () => setMoved((count) => count + 1);
    this.#client = new Client(session.machine);
  }

  /** Goes there; `replace` leaves no way back to where it was. */
  go(address: Address, how: { readonly replace?: boolean; readonly question?: Question } = {}): void {
    const entry: Entry = { address, load: ++this.#load, state: undefined };
    this.#enter(entry, how.replace ?? false);
    void this.#show(entry, how.question ?? GET);
  }

  /** Goes to a port's path as a program or a person gives it; what is no such address is passed over. */
  goTo(port: number, path: string): void {
    const address = addressOf(path, urlOf({ port, path: "/", fragment: "" }));
    if (address) this.go(address);
  }

  reload(): void {
    const entry = this.#entries[this.#at];
    if (entry) void this.#show(entry, this.#question);
  }

  /** Back (-1) or forward (1); nothing when there is nothing. */
  step(by: number): void {
    const from = this.#entries[this.#at];
    const to = this.#entries[this.#at + by];
    if (!to || by === 0) return;
    this.#at += by;
    this.#move();
    this.#setAddress(to.address);
    if (to.load === from?.load && this.shown().type === "page") {
      this.#tell({ type: "popstate", url: urlOf(to.address), state: to.state });
    } else void this.#show(to, GET);
  }

  canStep(by: number): boolean {
    this.#moved();
    return this.#entries[this.#at + by] !== undefined;
  }

  /** Back to nothing. */
  leave(): void {
    this.#stop();
    this.#entries = [];
    this.#at = -1;
    this.#move();
    this.#setAddress(undefined);
    this.#setTitle("");
    this.#setLoading(false);
    this.#setShown({ type: "nothing" });
  }

  /** The frame's window: who says something and has the page's nonce is the page. */
  hear(event: MessageEvent, frame: Window | null): void {
    const page = this.shown();
    if (page.type !== "page" || frame === null || event.source !== frame) return;
    const said = event.data as { nonce?: unknown; message?: unknown } | undefined;
    if (typeof said !== "object" || said === null || said.nonce !== page.nonce) return;
    this.#frame = frame;
    const read = v.safeParse(fromFrame, said.message);
    if (read.success) this.#take(read.output as FromFrame);
  }

  close(): void {
    this.#stop();
    this.#client.close();
  }

  #take(message: FromFrame): void {
    switch (message.type) {
      case "ready":
      case "title":
        return this.#setTitle(message.title);
      case "fetch":
        return void this.#fetch(message);
      case "cancel":
        return this.#requests.get(message.id)?.abort();
      case "cookie": {
        const here = this.address();
        if (here) this.#client.setCookie(here, message.text, true);
        return;
      }
      case "navigate": {
        const to = addressOf(message.url);
        if (!to) return;
        const headers: [string, string][] = message.contentType ? [["Content-Type", message.contentType]] : [];
        const question = message.body ? { method: "POST", headers, body: message.body } : GET;
        return this.go(to, { replace: message.replace ?? false, question });
      }
      case "state": {
        const to = addressOf(message.url);
        const current = this.#entries[this.#at];
        if (!to || !current || to.port !== current.address.port) return;
        const text = JSON.stringify(message.state) ?? "";
        const state: unknown = text === "" || text.length > MOST_STATE ? undefined : JSON.parse(text);
        return this.#enter({ address: to, load: current.load, state }, message.replace);
      }
      case "go":
        return message.by === 0 ? this.reload() : this.step(Math.sign(message.by));
      case "outside":
        return this.#setNote(`The page wanted to go to ${message.url.slice(0, 200)}, which is not on this machine.`);
    }
  }

  async #fetch({
    id: number,
    url: target,
    method,
    headers,
    body: sent,
  }: Extract<FromFrame, { type: "fetch" }>): Promise<void> {
    const frame = this.#frame;
    const to = addressOf(target);
    const fail = (text: string): void => this.#tell({ type: "failed", id: number, message: text }, frame);
    if (!to || this.#requests.size >= MOST_REQUESTS)
      return fail(to ? "Too many requests at once." : "This is not on the machine.");
    const abort = new AbortController();
    this.#requests.set(number, abort);
    try {
      const question: Question = { method: method.toUpperCase(), headers, ...(sent ? { body: sent } : {}) };
      const answer = await this.#client.ask(to, question, abort.signal);
      const { status, headers: given, body: content, address } = answer;
      const cookies = this.#client.cookies(this.address() ?? address);
      this.#tell(
        { type: "answer", id: number, url: urlOf(address), status, headers: given, body: content, cookies },
        frame,
      );
    } catch (error) {
      // A page that is being left hears of its open requests no more than it does in a browser.
      if (this.#requests.get(number) === abort) fail(error instanceof Error ? error.message : String(error));
    } finally {
      if (this.#requests.get(number) === abort) this.#requests.delete(number);
    }
  }

  #tell(message: ToFrame, frame = this.#frame): void {
    frame?.postMessage({ message }, "*");
  }

  #enter(entry: Entry, replace: boolean): void {
    const at = replace ? Math.max(0, this.#at) : this.#at + 1;
    this.#entries = [...this.#entries.slice(0, at), entry].slice(-200);
    this.#at = this.#entries.length - 1;
    this.#move();
    this.#setAddress(entry.address);
  }

  #stop(): void {
    this.#abort.abort();
    for (const request of this.#requests.values()) request.abort();
    this.#requests = new Map();
    this.#frame = undefined;
  }

  async #show(entry: Entry, question: Question): Promise<void> {
    this.#stop();
    const abort = (this.#abort = new AbortController());
    this.#question = question;
    this.#setNote("");
    this.#setLoading(true);
    let next: Shown;
    let final = entry.address;
    try {
      const answer = await this.#client.ask(entry.address, withAccept(question), abort.signal);
      final = answer.address;
      next = await this.#shownOf(answer, abort.signal);
    } catch (error) {
      next = {
        type: "error",
        title: `${shownAddress(entry.address)} cannot be shown`,
        text: error instanceof Error ? error.message : String(error),
      };
    }
    if (abort.signal.aborted) return;
    // A redirect has led elsewhere: that is where it is.
    if (this.#entries[this.#at] === entry && final !== entry.address) this.#enter({ ...entry, address: final }, true);
    this.#setTitle("");
    this.#setLoading(false);
    this.#setShown(next);
  }

  async #shownOf(answer: Answer, signal: AbortSignal): Promise<Shown> {
    const type = header(answer, "content-type").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    const name = nameOf(answer.address);
    const isAttachment = /^attachment/i.test(header(answer, "content-disposition"));
    const isPage =
      !isAttachment &&
      (/html/.test(type) || (type === "" && /^\s*<(?:!doctype|html)/i.test(textOf(answer).slice(0, 200))));
    if (answer.body.length === 0) {
      return {
        type: "error",
        title: shownAddress(answer.address),
        text: `The server answered with status ${answer.status} and nothing else.`,
      };
    }
    if (!isPage)
      return { type: "file", name, mime: isAttachment ? "application/octet-stream" : type || "text/plain", answer };
    const { Composer } = await import("./compose.ts");
    const nonce = randomId(24);
    const config = { nonce, url: urlOf(answer.address), cookies: this.#client.cookies(answer.address) };
    return { type: "page", nonce, source: await new Composer(this.#client, signal).page(answer, config) };
  }
}

/** The last part of the path, which becomes the name of what is downloaded. */
function nameOf({ path }: Address): string {
  const last = path.split("?", 1)[0]?.split("/").pop() || "file";
  try {
    return decodeURIComponent(last).replaceAll("/", "_");
  } catch {
    return last;
  }
}

function withAccept(question: Question): Question {
  const accept = ["Accept", "text/html,application/xhtml+xml,*/*;q=0.8"] as const;
  return { ...question, headers: [...question.headers, accept] };
}

const known = new WeakMap<Session, Preview>();

/** The preview of the notebook that this session runs. */
export function previewOf(session: Session): Preview {
  let preview = known.get(session);
  if (!preview) {
    const made = new Preview(session);
    known.set(session, (preview = made));
    session.machine.onClose(() => made.close());
  }
  return preview;
}
