/**
 * Another Kroma whose identity is proved, over one link: messages in and out, checked on the way in. Whatever it does
 * that nobody does ends the link, with a reason that a person can read.
 */
import type { Channel } from "../base/channel.ts";
import { KromaError } from "../base/errors.ts";
import { Emitter } from "../base/events.ts";
import type { MemberId, PublicIdentity } from "./identity.ts";
import type { LinkPath } from "./link.ts";
import { Decoder, encode, type PeerMessage } from "./wire.ts";

export interface PeerOptions {
  readonly id: MemberId;
  readonly identity: PublicIdentity;
  readonly path: LinkPath;
  /** The other end as the link's transport names it (link.ts). */
  readonly remote: string;
  /** Milliseconds of the last ping, as far as it is known. */
  readonly roundTrip?: () => number | undefined;
  readonly channel: Channel<Uint8Array, Uint8Array>;
  /** One message after the other: the next comes when this has been dealt with. */
  readonly hear: (peer: Peer, message: PeerMessage) => Promise<void>;
  /** So many bytes have come. */
  readonly received?: (peer: Peer, bytes: number) => void;
}

export class Peer {
  readonly id: MemberId;
  readonly identity: PublicIdentity;
  readonly path: LinkPath;
  readonly remote: string;
  readonly #channel: Channel<Uint8Array, Uint8Array>;
  readonly #ended = new Emitter<string | undefined>();
  #queue: Promise<void> = Promise.resolve();
  #waiting = 0;
  #over = false;
  /** Milliseconds of the last ping, as far as it is known. */
  readonly roundTrip: () => number | undefined;
  /** Bytes that have gone to it and come from it. */
  readonly bytes = { sent: 0, received: 0 };

  constructor(options: PeerOptions) {
    this.id = options.id;
    this.identity = options.identity;
    this.path = options.path;
    this.remote = options.remote;
    this.roundTrip = options.roundTrip ?? (() => undefined);
    this.#channel = options.channel;
    const decoder = new Decoder();
    options.channel.onClose((reason) => this.#end(reason));
    options.channel.receive((piece) => {
      if (this.#over) return;
      this.bytes.received += piece.length;
      options.received?.(this, piece.length);
      if (this.isOver) return;
      this.#waiting += piece.length;
      // What it sends faster than it can be dealt with is kept here; there is an end to that.
      if (this.#waiting > MOST_WAITING_BYTES) return this.close("It sends faster than this notebook can follow.");
      this.#queue = this.#queue.then(async () => {
        this.#waiting -= piece.length;
        if (this.#over) return;
        try {
          const message = decoder.take(piece);
          if (message?.type === "bye") this.#end(message.reason);
          else if (message) await options.hear(this, message);
        } catch (error) {
          if (!(error instanceof KromaError)) throw error;
          this.close(error.message);
        }
      });
    });
  }

  get isOver(): boolean {
    return this.#over;
  }

  send(message: PeerMessage): void {
    if (this.#over) return;
    for (const piece of encode(message)) {
      this.bytes.sent += piece.length;
      this.#channel.send(piece);
    }
  }

  /** Says why, and ends the link. */
  close(reason: string): void {
    this.send({ type: "bye", reason: reason.slice(0, 500) });
    this.#end(reason);
  }

  onEnd(listener: (reason: string | undefined) => void): () => void {
    return this.#ended.on(listener);
  }

  #end(reason: string | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#channel.close();
    this.#ended.emit(reason);
  }
}

const MOST_WAITING_BYTES = 64 << 20;
