/**
 * The host's end of calls from the machine (vm-images/agent/CALLS.md has the rules, C1 ...): takes the frames of one
 * connection apart, gathers what a call asks, and answers. Callers are programs of the guest and may be hostile, so
 * whatever they send costs a bounded amount of memory and at most their own call. What the verbs do is services.ts.
 */
import type { GuestStreamHandle, StreamListener } from "./mux.ts";

/** Version of the calls (C2). */
const CALL_VERSION = 1;
/** Most bytes of a frame's payload (C1). */
export const CALL_PAYLOAD = 65_536;
/** Most bytes of all bodies that are being gathered (C3). */
export const ALL_BODIES = 64 * 1024 * 1024;
/** Most bytes of an answer that may wait for the caller to read (C6). */
const WAITING = 64 * 1024 * 1024;

/** Bytes of an answer beyond which a careful service waits. */
const ROOM = 1024 * 1024;

const MIB = 1024 * 1024;
/** What bodies the verbs take, in bytes (C3). */
const BODIES: Readonly<Record<string, number>> = {
  py: 4 * MIB,
  ts: 4 * MIB,
  display: 16 * MIB,
  open: 0,
  fetch: 0,
  service: 64 * MIB,
};

const GUEST = { call: 1, data: 2, end: 3 } as const;
const HOST = { out: 65, err: 66, exit: 69 } as const;

/** A call that has come whole. */
export interface Call {
  readonly verb: string;
  readonly words: readonly string[];
  readonly body: Uint8Array;
  /** The terminal on which it was typed; empty for a cell. */
  readonly terminal: string;
  /** Text or bytes for the caller's standard output. */
  out(data: string | Uint8Array): void;
  err(text: string): void;
  /** The last word. */
  exit(status: number): void;
  /** Resolves when the caller has read most of what it was told, or has gone. */
  hasRoom(): Promise<void>;
  /** Called once if the caller goes away before `exit`. */
  onGone(listener: () => void): void;
}

/** All calls of one machine. */
export class Calls {
  readonly #perform: (call: Call) => void;
  /** Bytes of the bodies that are held. */
  #held = 0;

  constructor(perform: (call: Call) => void) {
    this.#perform = perform;
  }

  /** The listener of a new connection. */
  accept(handle: GuestStreamHandle): StreamListener {
    const connection = new Connection(handle, {
      hold: (bytes) => {
        if (this.#held + bytes > ALL_BODIES) return false;
        this.#held += bytes;
        return true;
      },
      release: (bytes) => (this.#held -= bytes),
      perform: this.#perform,
    });
    return {
      onData: (_stream, bytes) => {
        connection.take(bytes);
        handle.consumed(bytes.length);
      },
      onTaken: () => connection.taken(),
      onGone: () => connection.gone(),
    };
  }
}

interface Owner {
  /** False when all bodies together would be too much. */
  hold(bytes: number): boolean;
  release(bytes: number): void;
  readonly perform: (call: Call) => void;
}

/** One connection: at first it listens, then it answers. */
class Connection {
  readonly #handle: GuestStreamHandle;
  readonly #owner: Owner;
  readonly #frames = new FrameReader();
  #stage: "new" | "gathering" | "answering" | "over" = "new";
  #terminal = "";
  #verb = "";
  #words: readonly string[] = [];
  #pieces: Uint8Array[] = [];
  #size = 0;
  #onGone: () => void = () => undefined;
  #onTaken: () => void = () => undefined;

  constructor(handle: GuestStreamHandle, owner: Owner) {
    this.#handle = handle;
    this.#owner = owner;
  }

  take(bytes: Uint8Array): void {
    if (this.#stage === "answering" || this.#stage === "over") return;
    const isWhole = this.#frames.push(bytes, (type, payload) => this.#frame(type, payload));
    if (!isWhole) this.#refuse("this is not a call: its frame is too long");
  }

  gone(): void {
    const answered = this.#stage === "over";
    this.#stage = "over";
    this.#onTaken();
    this.#forget();
    if (!answered) this.#onGone();
  }

  taken(): void {
    this.#onTaken();
  }

  async #hasRoom(): Promise<void> {
    while (this.#stage === "answering" && this.#handle.queued > ROOM) {
      await new Promise<void>((resolve) => (this.#onTaken = resolve));
    }
  }

  /** False: nothing more is wanted. */
  #frame(type: number, payload: Uint8Array): boolean {
    if (type === GUEST.call && this.#stage === "new") this.#begin(payload);
    else if (type === GUEST.data && this.#stage === "gathering") this.#gather(payload);
    else if (type === GUEST.end && this.#stage === "gathering") this.#perform();
    else this.#refuse(`this is not a call: a frame of type ${type} does not belong here`);
    return this.#stage === "gathering";
  }

  #begin(payload: Uint8Array): void {
    const version = payload[0] ?? 0;
    if (version !== CALL_VERSION) {
      return this.#refuse(`calls of version ${version} are unknown; this Kroma speaks version ${CALL_VERSION}`);
    }
    const [terminal = "", verb = "", ...words] = new TextDecoder().decode(payload.subarray(1)).split("\0").slice(0, -1);
    if (!Object.hasOwn(BODIES, verb)) return this.#refuse(`this notebook does not know "${printable(verb)}"`, 2);
    this.#terminal = terminal;
    this.#verb = verb;
    this.#words = words;
    this.#stage = "gathering";
  }

  #gather(payload: Uint8Array): void {
    const most = BODIES[this.#verb] ?? 0;
    if (this.#size + payload.length > most) {
      const text = most === 0 ? "takes no input" : `takes at most ${most / MIB} MiB`;
      return this.#refuse(`${this.#verb} ${text}`);
    }
    if (!this.#owner.hold(payload.length))
      return this.#refuse("too much is being handed over at once; try again later");
    this.#pieces.push(payload);
    this.#size += payload.length;
  }

  #perform(): void {
    const body = new Uint8Array(this.#size);
    let at = 0;
    for (const piece of this.#pieces) {
      body.set(piece, at);
      at += piece.length;
    }
    this.#forget();
    this.#stage = "answering";
    this.#owner.perform({
      verb: this.#verb,
      words: this.#words,
      terminal: this.#terminal,
      body,
      out: (data) => this.#say(HOST.out, typeof data === "string" ? encode(data) : data),
      err: (text) => this.#say(HOST.err, encode(text)),
      exit: (status) => this.#exit(status),
      hasRoom: () => this.#hasRoom(),
      onGone: (listener) => (this.#onGone = listener),
    });
  }

  /** A sentence and the end. */
  #refuse(sentence: string, status = 1): void {
    if (this.#stage === "over") return;
    this.#forget();
    this.#stage = "answering";
    this.#say(HOST.err, encode(`kroma: ${sentence}\n`));
    this.#exit(status);
  }

  #say(type: number, data: Uint8Array): void {
    if (this.#stage !== "answering") return;
    if (this.#handle.queued > WAITING) {
      // Nobody reads: a sentence would not be read either.
      this.#stage = "over";
      this.#handle.close();
      return this.#onGone();
    }
    for (let at = 0; at < data.length; at += CALL_PAYLOAD) this.#send(type, data.subarray(at, at + CALL_PAYLOAD));
  }

  #exit(status: number): void {
    if (this.#stage !== "answering") return;
    this.#stage = "over";
    this.#send(HOST.exit, Uint8Array.of(status));
    this.#handle.end();
  }

  #send(type: number, payload: Uint8Array): void {
    const frame = new Uint8Array(5 + payload.length);
    new DataView(frame.buffer).setUint32(0, payload.length, true);
    frame[4] = type;
    frame.set(payload, 5);
    this.#handle.write(frame);
  }

  #forget(): void {
    this.#owner.release(this.#size);
    this.#pieces = [];
    this.#size = 0;
  }
}

/** Cuts a stream into frames (C1), holding one at most. */
class FrameReader {
  readonly #head = new Uint8Array(5);
  #payload: Uint8Array | undefined;
  #filled = 0;

  /** Calls `onFrame` for each whole frame until it says no; false when a frame is too long. */
  push(bytes: Uint8Array, onFrame: (type: number, payload: Uint8Array) => boolean): boolean {
    let at = 0;
    for (;;) {
      const into: Uint8Array = this.#payload ?? this.#head;
      const part = bytes.subarray(at, at + into.length - this.#filled);
      into.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < into.length) return true;
      this.#filled = 0;
      if (!this.#payload) {
        const size = new DataView(this.#head.buffer).getUint32(0, true);
        if (size > CALL_PAYLOAD) return false;
        this.#payload = new Uint8Array(size);
        continue;
      }
      this.#payload = undefined;
      if (!onFrame(this.#head[4] ?? 0, into)) return true;
    }
  }
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Text of the guest's in a sentence of ours: not long, and without what a terminal would obey. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what must not be printed
  return text.slice(0, 300).replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}
