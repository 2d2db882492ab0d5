/**
 * Keeps a relay's memory bounded. libp2p's relay joins two streams by a queue without an end: a fast sender and a reader
 * that reads nothing would fill the machine. What comes in on one stream goes out on the other as the very same object,
 * which tells what still waits, and whose it is; a stream with much that waits is paused until the other side took it.
 */
import type { Stream, StreamMessageEvent } from "@libp2p/interface";

/** The streams that a relayed connection is made of (circuit relay v2). */
const HOP = "/libp2p/circuit/relay/0.2.0/hop";
const STOP = "/libp2p/circuit/relay/0.2.0/stop";

/** One direction of a relayed connection is paused when so much waits, and goes on when less than this does. */
const MOST_WAITING_BYTES = 512 * 1024;
const LITTLE_WAITING_BYTES = 128 * 1024;

interface Source {
  readonly stream: Stream;
  waiting: number;
}

/** Watches the streams of one relay. */
export class RelayBacklog {
  readonly #sources = new WeakMap<object, Source>();
  readonly #came: (stream: Stream, bytes: number) => void;
  #waiting = 0;

  /** `came` hears of all bytes that come in on a stream to be passed on, and may end it. */
  constructor(came: (stream: Stream, bytes: number) => void) {
    this.#came = came;
  }

  /** Bytes that were received and not yet passed on, of all relayed connections. */
  get bytes(): number {
    return this.#waiting;
  }

  /** Watches this stream if it is part of a relayed connection. */
  watch(stream: Stream): void {
    if (stream.protocol !== HOP && stream.protocol !== STOP) return;
    const source: Source = { stream, waiting: 0 };
    let isAgreed = false;
    // A listener would not do: libp2p keeps what comes before anybody listens, and this is before the relay does.
    const dispatch = stream.dispatchEvent.bind(stream);
    stream.dispatchEvent = (event) => {
      if (event.type === "message") {
        const { data } = event as StreamMessageEvent;
        this.#sources.set(data, source);
        this.#add(source, data.byteLength);
        // The first message agrees on the connection, or is answered with the reason why there is none.
        if (isAgreed) this.#came(stream, data.byteLength);
        isAgreed = true;
      }
      return dispatch(event);
    };
    stream.addEventListener("close", () => this.#add(source, -source.waiting));
    const send = stream.send.bind(stream);
    stream.send = (data) => {
      const from = this.#sources.get(data);
      // What is not known was written by the relay itself: a few bytes to agree on the connection.
      if (from) {
        this.#sources.delete(data);
        this.#add(from, -Math.min(from.waiting, data.byteLength));
      }
      return send(data);
    };
  }

  #add(source: Source, bytes: number): void {
    source.waiting += bytes;
    this.#waiting += bytes;
    const { stream } = source;
    if (stream.status !== "open") return;
    if (source.waiting > MOST_WAITING_BYTES && stream.readStatus === "readable") stream.pause();
    else if (source.waiting < LITTLE_WAITING_BYTES && stream.readStatus === "paused") stream.resume();
  }
}
