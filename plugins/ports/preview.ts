/**
 * What a preview shows: where it is, where it was, and the one page that is in its frame. The page is untrusted: its frame
 * has no origin (never `allow-same-origin`), and what it says is checked here before anything is done for it.
 */
import { createSignal, type Accessor } from "solid-js";
import { randomId } from "#core/base/ids.ts";
import type { Session } from "#core/session/session.ts";
import { type Address, addressOf, shownAddress, urlOf } from "./address.ts";
import { type Answer, Client, fileName, GET, isAttachment, isPage, mimeOf, type Question } from "./client.ts";
import { type FromFrame, readFromFrame } from "./frame-messages.ts";
import { FramePage, type FrameSlot } from "./frame-page.ts";

const MOST_STATE = 64 * 1024;
/** Frames inside frames, and in one page with all that is in it. */
const DEEPEST = 6;
const MOST_FRAMES = 64;

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
  /** The page that is shown. */
  #page: FramePage | undefined;

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

  /** Goes there; `replace` leaves no way back to where it was. The page that is shown is left at once. */
  go(address: Address, how: { readonly replace?: boolean; readonly question?: Question } = {}): void {
    this.#leavePage();
    this.#follow(address, how);
  }

  /** Goes to a port's path as a program or a person gives it; what is no such address is passed over. */
  goTo(port: number, path: string): void {
    const address = addressOf(path, urlOf({ port, path: "/", fragment: "" }));
    if (address) this.go(address);
  }

  reload(): void {
    const entry = this.#entries[this.#at];
    this.#leavePage();
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
      if (this.#page) this.#page.address = to.address;
      this.#page?.tell({ type: "popstate", url: urlOf(to.address), state: to.state });
    } else {
      this.#leavePage();
      void this.#show(to, GET);
    }
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

  /** The frame's window: who says something from there, or from a frame inside, and has its page's nonce is that page. */
  hear(event: MessageEvent, frame: Window | null): void {
    const said = event.data as { nonce?: unknown; message?: unknown } | undefined;
    if (typeof said !== "object" || said === null || typeof said.nonce !== "string" || frame === null) return;
    const page = this.#pageOf(said.nonce);
    if (!page || !isInside(event.source, frame, page.depth)) return;
    page.window = event.source;
    const message = readFromFrame(said.message);
    if (message && !page.take(message)) this.#take(page, message);
  }

  close(): void {
    this.#stop();
    this.#client.close();
  }

  #pageOf(nonce: string): FramePage | undefined {
    for (const page of this.#page?.all() ?? []) if (page.nonce === nonce) return page;
    return undefined;
  }

  #take(page: FramePage, message: FromFrame): void {
    const isTop = page.parent === undefined;
    switch (message.type) {
      case "ready":
      case "title":
        return isTop ? this.#setTitle(message.title) : undefined;
      case "navigate":
        return this.#navigate(page, message);
      case "frame": {
        const to = addressOf(message.url);
        const { id: element, name } = message;
        if (to) void this.#fill({ page, element, name }, to, GET);
        return;
      }
      case "frame_gone":
        return page.empty(message.id);
      case "state": {
        const to = addressOf(message.url);
        if (!to || to.port !== page.address.port) return;
        page.address = to;
        const current = this.#entries[this.#at];
        if (!isTop || !current) return;
        const text = JSON.stringify(message.state) ?? "";
        const state: unknown = text === "" || text.length > MOST_STATE ? undefined : JSON.parse(text);
        return this.#enter({ address: to, load: current.load, state }, message.replace);
      }
      case "go":
        return message.by === 0 ? this.#reload(page) : this.step(Math.sign(message.by));
      case "outside":
        return this.#setNote(`The page wanted to go to ${message.url.slice(0, 200)}, which is not on this machine.`);
      default:
    }
  }

  #navigate(page: FramePage, message: Extract<FromFrame, { type: "navigate" }>): void {
    const to = addressOf(message.url);
    if (!to) return;
    const headers: [string, string][] = message.contentType ? [["Content-Type", message.contentType]] : [];
    const question: Question = message.body ? { method: "POST", headers, body: message.body } : GET;
    const slot = this.#slotFor(page, message.target ?? "_self");
    if (slot) void this.#fill(slot, to, question);
    else this.#follow(to, { replace: message.replace ?? false, question });
  }

  /** The frame that a link's target names; undefined is the one that the panel shows. */
  #slotFor(page: FramePage, target: string): Pick<FrameSlot, "page" | "element" | "name"> | undefined {
    if (target === "_top" || target === "_blank") return undefined;
    if (target === "_parent") return page.parent && this.#slotOf(page.parent);
    return (target === "_self" ? undefined : this.#page?.slotNamed(target)) ?? this.#slotOf(page);
  }

  #slotOf(page: FramePage): FrameSlot | undefined {
    return [...(page.parent?.slots.values() ?? [])].find(({ shown }) => shown === page);
  }

  #reload(page: FramePage): void {
    const slot = this.#slotOf(page);
    if (slot) void this.#fill(slot, page.address, GET);
    else this.reload();
  }

  /** Brings a page, or another file, into a frame of a page. */
  async #fill(
    { page, element, name }: Pick<FrameSlot, "page" | "element" | "name">,
    to: Address,
    question: Question,
  ): Promise<void> {
    page.empty(element);
    const abort = new AbortController();
    page.slots.set(element, { page, element, name, abort, shown: undefined });
    const { composeInner, errorPage } = await import("./inner-page.ts");
    const inner = new FramePage(this.#client, randomId(24), to, page);
    let source: string;
    if (inner.depth > DEEPEST || isInItself(inner) || [...(this.#page?.all() ?? [])].length > MOST_FRAMES)
      source = errorPage(shownAddress(to), "There are too many frames inside frames.");
    else {
      try {
        const answer = await this.#client.ask(to, withAccept(question), abort.signal);
        inner.address = answer.address;
        if (isAttachment(answer)) page.tell({ type: "download", name: fileName(answer), bytes: answer.body });
        const cookies = this.#client.cookies(answer.address);
        const config = { nonce: inner.nonce, url: urlOf(answer.address), cookies, depth: inner.depth };
        source = await composeInner(this.#client, abort.signal, answer, config);
      } catch (error) {
        source = errorPage(shownAddress(to), error instanceof Error ? error.message : String(error));
      }
    }
    if (abort.signal.aborted) return;
    page.slots.set(element, { page, element, name, abort, shown: inner });
    page.tell({ type: "framed", id: element, source });
  }

  /** Goes where the page leads; it stays until what is there has come, and altogether if that is a file to be kept. */
  #follow(address: Address, how: { readonly replace?: boolean; readonly question?: Question }): void {
    const before = { entries: this.#entries, at: this.#at };
    const entry: Entry = { address, load: ++this.#load, state: undefined };
    this.#enter(entry, how.replace ?? false);
    void this.#show(entry, how.question ?? GET, before);
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
    this.#leavePage();
  }

  /** Nothing that the page says is heard any more; it stays in sight until the next one has come. */
  #leavePage(): void {
    this.#page?.stop();
    this.#page = undefined;
  }

  async #show(
    entry: Entry,
    question: Question,
    before?: { readonly entries: readonly Entry[]; readonly at: number },
  ): Promise<void> {
    this.#abort.abort();
    const abort = (this.#abort = new AbortController());
    this.#setNote("");
    this.#setLoading(true);
    let next: Shown;
    let page: FramePage | undefined;
    let final = entry.address;
    try {
      const answer = await this.#client.ask(entry.address, withAccept(question), abort.signal);
      final = answer.address;
      if (isAttachment(answer) && before && this.#page?.window && !abort.signal.aborted)
        return this.#download(this.#page, answer, before);
      page = new FramePage(this.#client, randomId(24), final);
      next = await this.#shownOf(answer, page, abort.signal);
    } catch (error) {
      next = {
        type: "error",
        title: `${shownAddress(entry.address)} cannot be shown`,
        text: error instanceof Error ? error.message : String(error),
      };
    }
    if (abort.signal.aborted) return;
    this.#page?.stop();
    this.#page = next.type === "page" ? page : undefined;
    this.#question = question;
    // A redirect has led elsewhere: that is where it is.
    if (this.#entries[this.#at] === entry && final !== entry.address) this.#enter({ ...entry, address: final }, true);
    this.#setTitle("");
    this.#setLoading(false);
    this.#setShown(next);
  }

  /** As in a browser: the page stays, and its frame saves the file. */
  #download(
    page: FramePage,
    answer: Answer,
    before: { readonly entries: readonly Entry[]; readonly at: number },
  ): void {
    this.#entries = before.entries;
    this.#at = before.at;
    this.#move();
    this.#setAddress(page.address);
    this.#setLoading(false);
    page.tell({ type: "download", name: fileName(answer), bytes: answer.body });
  }

  async #shownOf(answer: Answer, page: FramePage, signal: AbortSignal): Promise<Shown> {
    if (answer.body.length === 0) {
      return {
        type: "error",
        title: shownAddress(answer.address),
        text: `The server answered with status ${answer.status} and nothing else.`,
      };
    }
    if (!isPage(answer)) {
      const mime = isAttachment(answer) ? "application/octet-stream" : mimeOf(answer) || "text/plain";
      return { type: "file", name: fileName(answer), mime, answer };
    }
    const { Composer } = await import("./compose.ts");
    const { nonce } = page;
    const config = { nonce, url: urlOf(answer.address), cookies: this.#client.cookies(answer.address), depth: 0 };
    return { type: "page", nonce, source: await new Composer(this.#client, signal).page(answer, config) };
  }
}

/** True for the window of the frame, or one so many frames inside it. */
function isInside(source: MessageEventSource | null, frame: Window, depth: number): source is Window {
  if (source === null || !("parent" in source)) return false;
  let window: Window = source;
  for (let step = 0; step < depth; step++) window = window.parent;
  return window === frame;
}

/** A page that has itself in a frame would never end. */
function isInItself({ address, parent }: FramePage): boolean {
  for (let page = parent; page; page = page.parent)
    if (page.address.port === address.port && page.address.path === address.path) return true;
  return false;
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
