/**
 * One page in a frame of the preview, or in a frame inside such a page: what it asks its server for, its connections, and the
 * frames that are in it. Where it goes is the preview's to decide (preview.ts).
 */
import { type Address, addressOf, urlOf } from "./address.ts";
import type { Client, Exchange, Question } from "./client.ts";
import type { FromFrame, ToFrame } from "./frame-messages.ts";
import { Socket } from "./socket.ts";
import { CLOSE } from "./websocket-frames.ts";

/** Requests of a page that wait for an answer, and connections; more are refused. */
const MOST_REQUESTS = 256;
const MOST_SOCKETS = 32;

/** An element of a page that shows another one. */
export interface FrameSlot {
  readonly page: FramePage;
  readonly element: number;
  readonly name: string;
  /** What is being brought. */
  readonly abort: AbortController;
  readonly shown: FramePage | undefined;
}

type Of<Type extends FromFrame["type"]> = Extract<FromFrame, { type: Type }>;

/** A page that was composed and given to a frame. */
export class FramePage {
  /** Where it is now: scripts move it. */
  address: Address;
  readonly nonce: string;
  /** The page whose frame it is in; undefined for the one that the panel shows. */
  readonly parent: FramePage | undefined;
  readonly slots = new Map<number, FrameSlot>();
  /** Its window, once it has spoken. */
  window: Window | undefined;
  readonly #client: Client;
  readonly #requests = new Map<number, Exchange>();
  readonly #sockets = new Map<number, Socket>();

  constructor(client: Client, nonce: string, address: Address, parent?: FramePage) {
    this.#client = client;
    this.nonce = nonce;
    this.address = address;
    this.parent = parent;
  }

  /** Frames around it. */
  get depth(): number {
    return this.parent ? this.parent.depth + 1 : 0;
  }

  tell(message: ToFrame): void {
    this.window?.postMessage({ message }, "*");
  }

  /** Does what concerns nobody else; false for what the preview has to do. */
  take(message: FromFrame): boolean {
    switch (message.type) {
      case "fetch":
        this.#fetch(message);
        return true;
      case "taken":
        this.#requests.get(message.id)?.taken(message.bytes);
        return true;
      case "cancel":
        this.#requests.get(message.id)?.close();
        this.#requests.delete(message.id);
        return true;
      case "socket":
        this.#connect(message);
        return true;
      case "socket_send":
        this.#sockets.get(message.id)?.send(message.data);
        return true;
      case "socket_close":
        this.#sockets.get(message.id)?.close(message.code, message.reason);
        return true;
      case "cookie":
        this.#client.setCookie(this.address, message.text, true);
        return true;
      default:
        return false;
    }
  }

  /** A frame in this page, or in one of its frames, of that name. */
  slotNamed(name: string): FrameSlot | undefined {
    for (const slot of this.slots.values()) {
      const found = slot.name === name ? slot : slot.shown?.slotNamed(name);
      if (found) return found;
    }
    return undefined;
  }

  /** It and all pages in its frames. */
  *all(): Generator<FramePage> {
    yield this;
    for (const { shown } of this.slots.values()) if (shown) yield* shown.all();
  }

  /** Lets go of what is in a frame. */
  empty(element: number): void {
    const slot = this.slots.get(element);
    this.slots.delete(element);
    slot?.abort.abort();
    slot?.shown?.stop();
  }

  /** It is being left: what it has asked for is given up, and it hears no more of it. */
  stop(): void {
    for (const exchange of this.#requests.values()) exchange.close();
    for (const socket of this.#sockets.values()) socket.drop();
    this.#requests.clear();
    this.#sockets.clear();
    for (const element of this.slots.keys()) this.empty(element);
  }

  #fetch({ id, url, method, headers, body }: Of<"fetch">): void {
    const to = addressOf(url);
    const fail = (text: string): void => this.tell({ type: "failed", id, message: text });
    if (!to) return fail("This is not on the machine.");
    if (this.#requests.size >= MOST_REQUESTS || this.#requests.has(id)) return fail("Too many requests at once.");
    const question: Question = { method: method.toUpperCase(), headers, ...(body ? { body } : {}) };
    const exchange = this.#client.open(to, question, {
      onHead: ({ status, headers: given, address }) => {
        const cookies = this.#client.cookies(this.address);
        this.tell({ type: "head", id, url: urlOf(address), status, headers: given, cookies });
      },
      onData: (bytes) => this.tell({ type: "data", id, bytes }),
      onEnd: (error) => {
        this.#requests.delete(id);
        if (error) fail(error.message);
        else this.tell({ type: "end", id });
      },
    });
    this.#requests.set(id, exchange);
  }

  #connect({ id, url, protocols }: Of<"socket">): void {
    const to = addressOf(url);
    if (!to || this.#sockets.size >= MOST_SOCKETS || this.#sockets.has(id)) {
      const reason = to ? "Too many connections at once." : "This is not on the machine.";
      return this.tell({ type: "socket_closed", id, code: CLOSE.abnormal, reason, isClean: false });
    }
    const socket = new Socket(
      this.#client,
      to,
      { protocols, from: this.address },
      {
        onOpen: (protocol) => this.tell({ type: "socket_open", id, protocol }),
        onMessage: (data) => this.tell({ type: "socket_message", id, data }),
        onClosed: (code, reason, isClean) => {
          this.#sockets.delete(id);
          this.tell({ type: "socket_closed", id, code, reason, isClean });
        },
      },
    );
    this.#sockets.set(id, socket);
  }
}
