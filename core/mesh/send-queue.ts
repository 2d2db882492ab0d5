/**
 * What a link has still to write: frames in order, given out in pieces that the pipe can take. A frame that was begun is
 * finished before another; what is urgent (a ping, the goodbye of a link that failed) goes before all that was not begun.
 */
import { type FrameKind, frameHeader } from "./frames.ts";

/** A header is joined with so much of its body that a small message is one piece. */
const JOINED_BYTES = 16_384;

interface Waiting {
  readonly head: Uint8Array;
  readonly rest: Uint8Array;
}

/** Frames that wait to be written. */
export class SendQueue {
  readonly #mostPieceBytes: number;
  /** At most one of a kind: an older ping or pong says nothing that the newer one doesn't. */
  readonly #urgent = new Map<FrameKind, Waiting>();
  #frames: Waiting[] = [];
  /** Frames before this one were taken; moving an index is cheaper than moving the others. */
  #next = 0;
  #begun: Uint8Array | undefined;
  #bytes = 0;

  /** `mostPieceBytes` is the longest piece that the pipe takes at once. */
  constructor(mostPieceBytes: number) {
    this.#mostPieceBytes = mostPieceBytes;
  }

  /** Bytes that wait, headers included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a frame; the body's bytes are not copied before they are given out, nor may they change. */
  add(kind: FrameKind, body: Uint8Array): void {
    this.#frames.push(this.#waiting(kind, body));
  }

  /** Adds a frame that goes before all that was not begun, in place of one of its kind that waits still. */
  addUrgent(kind: FrameKind, body: Uint8Array): void {
    const before = this.#urgent.get(kind);
    if (before) this.#bytes -= before.head.byteLength + before.rest.byteLength;
    this.#urgent.set(kind, this.#waiting(kind, body));
  }

  #waiting(kind: FrameKind, body: Uint8Array): Waiting {
    const header = frameHeader(kind, body.byteLength);
    const joined = Math.min(body.byteLength, Math.min(JOINED_BYTES, this.#mostPieceBytes) - header.byteLength);
    const head = new Uint8Array(header.byteLength + joined);
    head.set(header);
    head.set(body.subarray(0, joined), header.byteLength);
    this.#bytes += header.byteLength + body.byteLength;
    return { head, rest: body.subarray(joined) };
  }

  /** Takes the next piece out, or undefined when nothing waits. */
  take(): Uint8Array | undefined {
    let piece: Uint8Array;
    if (this.#begun) {
      piece = this.#begun.subarray(0, this.#mostPieceBytes);
      const rest = this.#begun.subarray(piece.byteLength);
      this.#begun = rest.byteLength === 0 ? undefined : rest;
    } else {
      const frame = this.#shiftUrgent() ?? this.#shift();
      if (!frame) return undefined;
      piece = frame.head;
      this.#begun = frame.rest.byteLength === 0 ? undefined : frame.rest;
    }
    this.#bytes -= piece.byteLength;
    return piece;
  }

  /** Drops the frames that were not begun: the pipe stays readable for the other side. */
  drop(): void {
    this.#urgent.clear();
    this.#frames = [];
    this.#next = 0;
    this.#bytes = this.#begun?.byteLength ?? 0;
  }

  #shiftUrgent(): Waiting | undefined {
    for (const [kind, frame] of this.#urgent) {
      this.#urgent.delete(kind);
      return frame;
    }
    return undefined;
  }

  #shift(): Waiting | undefined {
    const frame = this.#frames[this.#next];
    if (!frame) return undefined;
    this.#next += 1;
    if (this.#next > 64 && this.#next * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#next);
      this.#next = 0;
    } else if (this.#next === this.#frames.length) {
      this.#frames = [];
      this.#next = 0;
    }
    return frame;
  }
}
