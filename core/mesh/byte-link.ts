/**
 * A Link over a pipe that carries bytes in order. What every such link needs is here, once: frames, the queue of what waits
 * to be sent, what came before anyone listened, pings, and an end that is told to the other side. Memory is bounded on both
 * sides: who sends more than the other takes loses the link and is told why, and who is sent more than it reads lets the
 * pipe stop the other.
 */
import { KromaError } from "../base/errors.ts";
import { Emitter } from "../base/events.ts";
import { type Frame, FrameReader } from "./frames.ts";
import { type Link, type LinkPath, MOST_MESSAGE_BYTES } from "./link.ts";
import { SendQueue } from "./send-queue.ts";

/** More than this may not wait to be sent. */
export const MOST_QUEUED_BYTES: number = 8 * MOST_MESSAGE_BYTES;
/** When more than this came that nobody has read, the pipe is asked to stop for a while. */
export const MOST_UNREAD_BYTES: number = 2 * MOST_MESSAGE_BYTES;
/** Those who wait for the queue go on when less than this is in it. */
const LITTLE_QUEUED_BYTES = MOST_MESSAGE_BYTES;
/** What is still to be sent when a link is closed gets so long. */
const GOODBYE_MS = 3000;
/** A reason is for a person, and no way to fill the other's memory. */
const MOST_REASON_CHARACTERS = 200;

/** What carries the bytes. It may split and join pieces, but keeps their order and loses none. */
export interface BytePipe {
  /** Takes these bytes. Only called while `isReady`. */
  write(bytes: Uint8Array): void;
  /** False while it has enough to do; it then calls `ready` of the link once it can take more. */
  isReady(): boolean;
  /** Asks the other side to send nothing for a while, if the pipe can. */
  pause(): void;
  resume(): void;
  /** Ends it after all that was written; resolves when the other side has that, or will not have it. */
  end(): Promise<void>;
  /** Ends it now. */
  abort(reason: string): void;
}

/** Who ended a link: this end, the other one by saying so, or neither (a broken rule, the network). */
export type LinkEndedBy = "here" | "there" | "fault";

export interface ByteLinkOptions {
  readonly pipe: BytePipe;
  readonly path: LinkPath;
  readonly local: string;
  readonly remote: string;
  readonly dialled: boolean;
  /** The longest piece that the pipe takes at once; absent when any is welcome. */
  readonly mostPieceBytes?: number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
  /** The other side was heard, or took something. */
  readonly onAlive?: () => void;
  readonly onPong?: (ping: number) => void;
  readonly onEnd?: (by: LinkEndedBy, reason: string | undefined) => void;
}

/** A link, and what its pipe has to tell it. */
export class ByteLink {
  readonly link: Link;
  /** Resolves when the pipe is done with, the goodbye included. */
  readonly gone: Promise<void>;
  readonly #gone: () => void;
  readonly #options: ByteLinkOptions;
  readonly #pipe: BytePipe;
  readonly #reader = new FrameReader();
  readonly #queue: SendQueue;
  readonly #messages = new Emitter<Uint8Array>();
  readonly #ends = new Emitter<string | undefined>();
  readonly #drains = new Set<() => void>();
  #ping: { readonly id: number; readonly at: number } | undefined;
  #roundTrip: number | undefined;
  #sentBytes = 0;
  #receivedBytes = 0;
  /** Messages that came before anyone listened; undefined once someone does. */
  #unread: Uint8Array[] | undefined = [];
  #unreadBytes = 0;
  #paused = false;
  #pumping = false;
  /** Set when the link has ended; the pipe may still be writing what was sent before. */
  #end: { readonly reason: string | undefined } | undefined;
  #leaving: ReturnType<typeof setTimeout> | undefined;
  #pipeEnded = false;

  constructor(options: ByteLinkOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    this.#gone = resolve;
    this.#options = options;
    this.#pipe = options.pipe;
    this.#queue = new SendQueue(options.mostPieceBytes ?? Number.POSITIVE_INFINITY);
    this.link = {
      channel: {
        send: (message) => this.#send(message),
        receive: (listener) => this.#receive(listener),
        close: (reason) => {
          if (this.#finish("here", reason)) this.#leave(reason);
        },
        onClose: (listener) => this.#onClose(listener),
      },
      path: options.path,
      local: options.local,
      remote: options.remote,
      dialled: options.dialled,
      drained: () => this.#drained(),
      facts: () => ({
        sentBytes: this.#sentBytes,
        receivedBytes: this.#receivedBytes,
        queuedBytes: this.#queue.bytes,
        ...(this.#roundTrip === undefined ? {} : { roundTrip: this.#roundTrip }),
      }),
    };
  }

  /** Bytes have come. */
  received(bytes: Uint8Array): void {
    if (this.#end) return;
    this.#receivedBytes += bytes.byteLength;
    this.#options.onAlive?.();
    let frames: readonly Frame[];
    try {
      frames = this.#reader.read(bytes);
    } catch (error) {
      if (!(error instanceof KromaError)) throw error;
      this.#fail(error.message);
      return;
    }
    for (const frame of frames) {
      if (!this.#end) this.#take(frame);
    }
  }

  /** The pipe can take more: what it had was taken by the other side, which is a sign of life. */
  ready(): void {
    this.#options.onAlive?.();
    this.#pump();
  }

  /** The pipe has ended. */
  ended(reason?: string): void {
    clearTimeout(this.#leaving);
    this.#pipeEnded = true;
    this.#gone();
    this.#finish("fault", reason ?? "The connection was lost.");
  }

  /** Asks the other side for a sign of life; goes before all that waits. The id is a whole number. */
  ping(id: number): void {
    if (this.#end) return;
    this.#ping = { id, at: this.#options.now() };
    const body = new Uint8Array(8);
    new DataView(body.buffer).setFloat64(0, id);
    this.#addUrgent("ping", body);
  }

  /** Ends the link for a fault of the other side or of the network, and tells it. */
  fail(reason: string): void {
    this.#fail(reason);
  }

  #send(message: Uint8Array): void {
    if (this.#end) return;
    if (message.byteLength > MOST_MESSAGE_BYTES) {
      this.#fail(`A message of ${message.byteLength} bytes is too long to be sent.`);
      return;
    }
    if (this.#queue.bytes + message.byteLength > MOST_QUEUED_BYTES) {
      this.#fail("The other side does not take what is sent to it.");
      return;
    }
    this.#queue.add("message", message);
    this.#pump();
  }

  #receive(listener: (message: Uint8Array) => void): () => void {
    const stop = this.#messages.on(listener);
    const unread = this.#unread;
    this.#unread = undefined;
    for (const message of unread ?? []) {
      if (!this.#end) this.#messages.emit(message);
    }
    if (this.#paused && !this.#pipeEnded) this.#pipe.resume();
    this.#paused = false;
    return stop;
  }

  #onClose(listener: (reason?: string) => void): () => void {
    const end = this.#end;
    if (!end) return this.#ends.on(listener);
    let wanted = true;
    queueMicrotask(() => {
      if (wanted) listener(end.reason);
    });
    return () => {
      wanted = false;
    };
  }

  #drained(): Promise<void> {
    if (this.#end || this.#queue.bytes < LITTLE_QUEUED_BYTES) return Promise.resolve();
    return new Promise((resolve) => this.#drains.add(resolve));
  }

  #take({ kind, body }: Frame): void {
    switch (kind) {
      case "message":
        if (this.#unread) this.#keep(body);
        else this.#messages.emit(body);
        return;
      case "ping":
        this.#addUrgent("pong", body);
        return;
      case "pong": {
        const ping = this.#ping;
        if (!ping || body.byteLength !== 8 || new DataView(body.buffer).getFloat64(0) !== ping.id) return;
        this.#ping = undefined;
        this.#roundTrip = this.#options.now() - ping.at;
        this.#options.onPong?.(ping.id);
        return;
      }
      case "goodbye": {
        const reason = readable(new TextDecoder().decode(body));
        this.#finish("there", reason === "" ? undefined : reason);
        this.#endPipe();
      }
    }
  }

  #keep(message: Uint8Array): void {
    this.#unread?.push(message);
    this.#unreadBytes += message.byteLength;
    if (this.#unreadBytes > 2 * MOST_UNREAD_BYTES) {
      this.#fail("More was sent than was read.");
      return;
    }
    if (this.#paused || this.#unreadBytes <= MOST_UNREAD_BYTES) return;
    this.#paused = true;
    this.#pipe.pause();
  }

  #addUrgent(kind: "ping" | "pong", body: Uint8Array): void {
    this.#queue.addUrgent(kind, body);
    this.#pump();
  }

  #pump(): void {
    // A pipe may say within `write` that it is ready for more: this loop goes on then anyway.
    if (this.#pumping) return;
    this.#pumping = true;
    let wrote = 0;
    while (!this.#pipeEnded && this.#pipe.isReady()) {
      const piece = this.#queue.take();
      if (!piece) break;
      wrote += piece.byteLength;
      this.#pipe.write(piece);
    }
    this.#pumping = false;
    this.#sentBytes += wrote;
    if (this.#queue.bytes < LITTLE_QUEUED_BYTES) this.#release();
    if (this.#leaving !== undefined && this.#queue.bytes === 0) this.#endPipe();
  }

  #release(): void {
    for (const resolve of this.#drains) resolve();
    this.#drains.clear();
  }

  #fail(reason: string): void {
    if (!this.#finish("fault", reason)) return;
    // What waits is not worth sending any more; why it ended is.
    this.#queue.drop();
    this.#leave(reason);
  }

  /** Says goodbye after what was sent before, then ends the pipe. */
  #leave(reason: string | undefined): void {
    if (this.#pipeEnded) return;
    this.#queue.add("goodbye", new TextEncoder().encode(readable(reason ?? "")));
    this.#leaving = setTimeout(() => {
      if (this.#pipeEnded) return;
      this.#pipeEnded = true;
      this.#gone();
      this.#pipe.abort(reason ?? "The link was closed.");
    }, GOODBYE_MS);
    this.#pump();
  }

  /** From here on nothing goes out or is given. False when it had ended before. */
  #finish(by: LinkEndedBy, reason: string | undefined): boolean {
    if (this.#end) return false;
    this.#end = { reason };
    this.#unread = undefined;
    this.#release();
    this.#ends.emit(reason);
    this.#options.onEnd?.(by, reason);
    return true;
  }

  #endPipe(): void {
    clearTimeout(this.#leaving);
    this.#leaving = undefined;
    if (this.#pipeEnded) return;
    this.#pipeEnded = true;
    void this.#pipe.end().then(this.#gone);
  }
}

/** The text as it may be shown: short, and in one line. */
function readable(text: string): string {
  return text
    .replaceAll(/\p{C}+/gu, " ")
    .trim()
    .slice(0, MOST_REASON_CHARACTERS);
}
