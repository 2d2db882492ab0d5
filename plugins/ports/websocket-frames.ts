/**
 * Frames of the WebSocket protocol (RFC 6455, section 5) as a client writes and reads them, without extensions. The libraries
 * that are well kept are made of Node's streams and buffers; what a client needs of the protocol is this page. The server is
 * untrusted: what breaks the protocol ends the connection with the code that the RFC names for it.
 */
import { concatenate } from "#core/base/bytes.ts";

/** The kinds of frames (5.2). */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Reasons to end a connection (7.4.1). */
export const CLOSE = { normal: 1000, protocol: 1002, none: 1005, abnormal: 1006, notText: 1007, tooBig: 1009 } as const;

/** A frame as a client sends it: whole, and masked with four bytes that nobody can foresee (5.3). */
export function encodeFrame(opcode: number, payload: Uint8Array, mask: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = new Uint8Array(2 + extended + 4 + length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, 0x80 | opcode);
  view.setUint8(1, 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127));
  if (extended === 2) view.setUint16(2, length);
  if (extended === 8) view.setBigUint64(2, BigInt(length));
  frame.set(mask.subarray(0, 4), 2 + extended);
  const start = 6 + extended;
  for (let at = 0; at < length; at++) frame[start + at] = (payload[at] ?? 0) ^ (mask[at & 3] ?? 0);
  return frame;
}

export interface FrameListener {
  /** A whole message. */
  onMessage(data: string | Uint8Array<ArrayBuffer>): void;
  /** To be answered by a pong with the same bytes (5.5.2). */
  onPing(payload: Uint8Array<ArrayBuffer>): void;
  /** The server closes; without a code of its own it is CLOSE.none. */
  onClose(code: number, reason: string): void;
  /** The protocol was broken; nothing comes after it. */
  onBroken(code: number, sentence: string): void;
}

/** Reads what a server sends, cut anywhere, and puts its messages together. */
export class FrameReader {
  readonly #listener: FrameListener;
  readonly #largest: number;
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #size = 0;
  /** The kind and the parts of a message whose end has not come. */
  #opcode = 0;
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #length = 0;
  #isOver = false;

  /** `largest`: the most bytes of a message. */
  constructor(listener: FrameListener, largest: number) {
    this.#listener = listener;
    this.#largest = largest;
  }

  push(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#pieces.push(new Uint8Array(bytes));
    this.#size += bytes.length;
    while (this.#step());
  }

  /** True when a frame was used. */
  #step(): boolean {
    if (this.#isOver || this.#size < 2) return false;
    const head = this.#peek(10);
    const [first = 0, second = 0] = head;
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    const opcode = first & 15;
    const isControl = opcode >= 8;
    if ((first & 0x70) !== 0 || ![0, 1, 2, 8, 9, 10].includes(opcode))
      return this.#break(CLOSE.protocol, "a frame of a kind that nobody asked for");
    if ((second & 0x80) !== 0) return this.#break(CLOSE.protocol, "a masked frame, which only clients send");
    const short = second & 127;
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (isControl && (extended > 0 || (first & 0x80) === 0))
      return this.#break(CLOSE.protocol, "a control frame that is long or in pieces");
    if (this.#size < 2 + extended) return false;
    const long = extended === 2 ? view.getUint16(2) : extended === 8 ? Number(view.getBigUint64(2)) : short;
    if (!isControl && this.#length + long > this.#largest)
      return this.#break(CLOSE.tooBig, "a message that is too large");
    if (this.#size < 2 + extended + long) return false;
    const payload = this.#take(2 + extended + long).slice(2 + extended);
    if (isControl) this.#control(opcode, payload);
    else this.#data(opcode, payload, (first & 0x80) !== 0);
    return !this.#isOver;
  }

  #data(opcode: number, payload: Uint8Array<ArrayBuffer>, isLast: boolean): void {
    const continues = opcode === OPCODE.continuation;
    if (continues !== this.#opcode > 0)
      return void this.#break(CLOSE.protocol, "a piece of a message where none was due");
    if (!continues) this.#opcode = opcode;
    this.#parts.push(payload);
    this.#length += payload.length;
    if (!isLast) return;
    const bytes = concatenate(this.#parts);
    const isText = this.#opcode === OPCODE.text;
    this.#parts = [];
    this.#length = this.#opcode = 0;
    const data = isText ? textOf(bytes) : bytes;
    if (data === undefined) return void this.#break(CLOSE.notText, "a text that is not UTF-8");
    this.#listener.onMessage(data);
  }

  #control(opcode: number, payload: Uint8Array<ArrayBuffer>): void {
    if (opcode === OPCODE.ping) return this.#listener.onPing(payload);
    if (opcode === OPCODE.pong) return;
    if (payload.length === 1) return void this.#break(CLOSE.protocol, "half a reason to close");
    const code = payload.length === 0 ? CLOSE.none : new DataView(payload.buffer).getUint16(0);
    const reason = textOf(payload.subarray(2));
    if (reason === undefined) return void this.#break(CLOSE.notText, "a reason that is not UTF-8");
    if (payload.length > 0 && !mayBeSent(code)) return void this.#break(CLOSE.protocol, "a reason that there is not");
    this.#isOver = true;
    this.#listener.onClose(code, reason);
  }

  #break(code: number, what: string): false {
    this.#isOver = true;
    this.#pieces = [];
    this.#listener.onBroken(code, `The server sent ${what}.`);
    return false;
  }

  /** Up to so many bytes of what is there. */
  #peek(most: number): Uint8Array<ArrayBuffer> {
    const [first] = this.#pieces;
    if (first && (first.length >= most || this.#pieces.length === 1)) return first.subarray(0, most);
    return concatenate(this.#pieces.map((piece) => piece.subarray(0, most))).subarray(0, most);
  }

  #take(length: number): Uint8Array<ArrayBuffer> {
    const [first] = this.#pieces;
    const all = first && this.#pieces.length === 1 ? first : concatenate(this.#pieces);
    const rest = all.subarray(length);
    this.#pieces = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
    return all.subarray(0, length);
  }
}

/** Codes that may stand in a close frame (7.4). */
function mayBeSent(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
