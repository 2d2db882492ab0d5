/**
 * A WebSocket of a previewed page: the handshake over the machine's HTTP (RFC 6455, section 4), then frames over the
 * connection that it becomes. The page around the frame speaks the protocol, because a frame without an origin reaches nothing.
 */
import { toBase64 } from "#core/workspace/values-json.ts";
import { type Address, shownAddress } from "./address.ts";
import { type Client, type Exchange, type Head, header, LARGEST } from "./client.ts";
import { CLOSE, encodeFrame, FrameReader, OPCODE } from "./websocket-frames.ts";

export interface SocketListener {
  onOpen(protocol: string): void;
  onMessage(data: string | Uint8Array<ArrayBuffer>): void;
  /** The last word, once. */
  onClosed(code: number, reason: string, isClean: boolean): void;
}

export interface SocketOptions {
  readonly protocols: readonly string[];
  /** The page that connects, as its server knows it. */
  readonly from: Address;
}

/** What a server appends to the key before it hashes it (RFC 6455, 1.3). */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** How long a server that was told of the end may take to say so itself, in milliseconds. */
const FAREWELL = 10_000;

/** What a server has to answer to this key; undefined where the page may not compute it (an origin that is not secure). */
export async function acceptOf(key: string): Promise<string | undefined> {
  if (!globalThis.crypto.subtle) return undefined;
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + KEY_SUFFIX));
  return toBase64(new Uint8Array(digest));
}

/** One connection from its handshake to its end. */
export class Socket {
  readonly #listener: SocketListener;
  readonly #exchange: Exchange;
  readonly #reader: FrameReader;
  readonly #key = toBase64(crypto.getRandomValues(new Uint8Array(16)));
  readonly #protocols: readonly string[];
  /** What came while the handshake was looked at. */
  #early: Uint8Array<ArrayBuffer>[] = [];
  #state: "connecting" | "open" | "closing" | "closed" = "connecting";
  #farewell: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client, address: Address, { protocols, from }: SocketOptions, listener: SocketListener) {
    this.#listener = listener;
    this.#protocols = protocols;
    this.#reader = new FrameReader(
      {
        onMessage: (data) => {
          if (this.#state === "open") listener.onMessage(data);
        },
        onPing: (payload) => this.#send(OPCODE.pong, payload),
        onClose: (code, reason) => {
          if (this.#state === "open") this.#sendClose(code === CLOSE.none ? undefined : code, "");
          this.#end(code, reason, true);
        },
        onBroken: (code, sentence) => {
          this.#sendClose(code, "");
          this.#end(CLOSE.abnormal, sentence, false);
        },
      },
      LARGEST,
    );
    const headers: [string, string][] = [
      ["Origin", `http://${shownAddress({ ...from, path: "", fragment: "" })}`],
      ["Sec-WebSocket-Version", "13"],
      ["Sec-WebSocket-Key", this.#key],
      ...(protocols.length > 0 ? [["Sec-WebSocket-Protocol", protocols.join(", ")] as [string, string]] : []),
    ];
    this.#exchange = client.open(
      address,
      { method: "GET", headers, upgrade: "websocket" },
      {
        onHead: (head) => void this.#meet(head),
        onData: (bytes) => {
          if (this.#state === "connecting") this.#early.push(bytes);
          else this.#take(bytes);
        },
        onEnd: (error) => this.#end(CLOSE.abnormal, error?.message ?? "", false),
      },
    );
  }

  /** Sends a message; nothing before the connection is open and after it was closed. */
  send(data: string | Uint8Array): void {
    if (this.#state !== "open") return;
    if (typeof data === "string") this.#send(OPCODE.text, new TextEncoder().encode(data));
    else this.#send(OPCODE.binary, data);
  }

  /** Begins to close; `onClosed` tells when it is done. */
  close(code?: number, reason = ""): void {
    if (this.#state === "connecting") return this.#end(CLOSE.abnormal, "", false);
    if (this.#state !== "open") return;
    this.#sendClose(code, reason);
    this.#state = "closing";
    this.#farewell = setTimeout(() => this.#end(CLOSE.abnormal, "", false), FAREWELL);
  }

  /** Hangs up; nothing is heard of it any more. */
  drop(): void {
    if (this.#state === "open") this.#sendClose(1001, "");
    this.#state = "closed";
    clearTimeout(this.#farewell);
    this.#exchange.close();
  }

  async #meet(head: Head): Promise<void> {
    const accept = await acceptOf(this.#key);
    if (this.#state !== "connecting") return;
    const protocol = header(head, "sec-websocket-protocol");
    const isAgreed =
      head.status === 101 &&
      header(head, "upgrade").toLowerCase() === "websocket" &&
      (accept === undefined || header(head, "sec-websocket-accept") === accept) &&
      header(head, "sec-websocket-extensions") === "" &&
      (protocol === "" || this.#protocols.includes(protocol));
    if (!isAgreed) return this.#end(CLOSE.abnormal, "The server does not agree to a WebSocket.", false);
    this.#state = "open";
    this.#listener.onOpen(protocol);
    for (const bytes of this.#early.splice(0)) this.#take(bytes);
  }

  #take(bytes: Uint8Array<ArrayBuffer>): void {
    this.#reader.push(bytes);
    this.#exchange.taken(bytes.length);
  }

  #send(opcode: number, payload: Uint8Array): void {
    this.#exchange.send(encodeFrame(opcode, payload, crypto.getRandomValues(new Uint8Array(4))));
  }

  #sendClose(code: number | undefined, reason: string): void {
    const text = new TextEncoder().encode(reason);
    const payload = new Uint8Array(code === undefined ? 0 : 2 + text.length);
    if (code !== undefined) {
      new DataView(payload.buffer).setUint16(0, code);
      payload.set(text, 2);
    }
    this.#send(OPCODE.close, payload);
  }

  #end(code: number, reason: string, isClean: boolean): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#farewell);
    this.#exchange.close();
    this.#listener.onClosed(code, reason, isClean);
  }
}
