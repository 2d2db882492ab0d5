/**
 * What a link writes on a pipe that carries bytes: a stream of libp2p, a WebRTC data channel. Each frame has a header of
 * four bytes (its kind, then the length of its body, big-endian) and a body. The reader takes the bytes in any pieces and
 * refuses a frame that is too long by its header, before a byte of its body is kept.
 */
import { KromaError } from "../base/errors.ts";
import { MOST_MESSAGE_BYTES } from "./link.ts";

/** What a frame is for. `goodbye` says why the link ends; `ping` is answered by a `pong` with the same body. */
export type FrameKind = "message" | "goodbye" | "ping" | "pong";

export interface Frame {
  readonly kind: FrameKind;
  readonly body: Uint8Array;
}

const HEADER_BYTES = 4;
const kinds: readonly FrameKind[] = ["message", "goodbye", "ping", "pong"];
const mostBytes: Readonly<Record<FrameKind, number>> = {
  message: MOST_MESSAGE_BYTES,
  goodbye: 1024,
  ping: 8,
  pong: 8,
};

/** The bytes that go before a frame's body. */
export function frameHeader(kind: FrameKind, length: number): Uint8Array {
  return Uint8Array.of(kinds.indexOf(kind), (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff);
}

/** Frames out of bytes that come in pieces of any size. */
export class FrameReader {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #kind: FrameKind = "message";
  #body: Uint8Array | undefined;
  #bodyBytes = 0;

  /** The frames that these bytes complete. Throws `invalid` for a kind that is not known or a length that is not allowed. */
  read(bytes: Uint8Array): readonly Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (at < bytes.byteLength || this.#body?.byteLength === this.#bodyBytes) {
      if (this.#body === undefined) {
        const part = bytes.subarray(at, at + HEADER_BYTES - this.#headerBytes);
        this.#header.set(part, this.#headerBytes);
        this.#headerBytes += part.byteLength;
        at += part.byteLength;
        if (this.#headerBytes === HEADER_BYTES) this.#begin();
        continue;
      }
      const part = bytes.subarray(at, at + this.#body.byteLength - this.#bodyBytes);
      this.#body.set(part, this.#bodyBytes);
      this.#bodyBytes += part.byteLength;
      at += part.byteLength;
      if (this.#bodyBytes < this.#body.byteLength) continue;
      frames.push({ kind: this.#kind, body: this.#body });
      this.#body = undefined;
      this.#headerBytes = 0;
    }
    return frames;
  }

  #begin(): void {
    const [code = 0, high = 0, middle = 0, low = 0] = this.#header;
    const kind = kinds[code];
    if (kind === undefined) throw new KromaError("invalid", "The other side does not speak Kroma's protocol.");
    const length = (high << 16) | (middle << 8) | low;
    if (length > mostBytes[kind]) {
      throw new KromaError("invalid", `The other side sent a message of ${length} bytes, which is too long.`);
    }
    this.#kind = kind;
    this.#body = new Uint8Array(length);
    this.#bodyBytes = 0;
  }
}
