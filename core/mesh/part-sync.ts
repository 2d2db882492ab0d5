/** One part of a notebook between this end and one peer: what it has been told, and when it is told more. */
import { KromaError } from "../base/errors.ts";
import type { DocumentSync } from "../notebook/document-sync.ts";
import type { Clock } from "./clock.ts";

/** Typing is told at most so often; the first key after a pause at once. */
const TELL_EVERY = 50;
/** Who has nothing yet is told without having asked after so long. */
const ASKED_WITHIN = 10_000;

export class PartSync {
  readonly #clock: Clock;
  readonly #send: (bytes: Uint8Array) => void;
  #sync: DocumentSync | undefined;
  #told: number;
  #later: (() => void) | undefined;
  /** Calls off what would be told if the peer did not ask. */
  #unasked: (() => void) | undefined;
  #telling = false;
  #again = false;
  #stopped = false;

  /** `send` gives the peer a sync message of this part. */
  constructor(clock: Clock, send: (bytes: Uint8Array) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#told = clock.now() - TELL_EVERY;
  }

  /** The view of the peer; undefined while nothing goes to it or is taken from it. */
  get sync(): DocumentSync | undefined {
    return this.#sync;
  }

  /** Begins with this view of the peer, in the place of another if there was one. */
  begin(sync: DocumentSync | undefined): void {
    this.#sync = sync;
  }

  /** The peer has nothing yet, and will ask. What it is told before that, it would be told twice. */
  tellWhenAsked(): void {
    this.#unasked?.();
    this.#unasked = this.#clock.after(ASKED_WITHIN, () => this.tell());
  }

  /** The part has changed, or the peer has said something: it is told what it lacks. */
  tell(): void {
    this.#unasked?.();
    if (!this.#sync || this.#later || this.#stopped) return;
    const wait = this.#told + TELL_EVERY - this.#clock.now();
    if (wait <= 0) return void this.#tellNow();
    this.#later = this.#clock.after(wait, () => {
      this.#later = undefined;
      void this.#tellNow();
    });
  }

  /** The peer is gone. */
  stop(): void {
    this.#stopped = true;
    this.#later?.();
    this.#unasked?.();
    this.#sync = undefined;
  }

  async #tellNow(): Promise<void> {
    if (this.#telling) {
      this.#again = true;
      return;
    }
    this.#telling = true;
    this.#told = this.#clock.now();
    try {
      const bytes = await this.#sync?.next();
      if (bytes && !this.#stopped) this.#send(bytes);
    } catch (error) {
      // The document is closed, or could not be loaded: whoever asks for it hears why.
      if (!(error instanceof KromaError)) throw error;
    } finally {
      this.#telling = false;
    }
    if (!this.#again) return;
    this.#again = false;
    this.tell();
  }
}
