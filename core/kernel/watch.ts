/**
 * Sees that a worker answers while it has nothing to run: at each beat it is asked, and when several beats have gone by
 * without an answer it is silent. A beat that comes late proves nothing, because what made it late (a sleeping computer,
 * a page in the background, a machine under load) may have held up the worker as well.
 */

/** The worker is asked; it answers with Pong as soon as its event loop comes to it. */
export interface Ping {
  readonly type: "ping";
}
export interface Pong {
  readonly type: "pong";
}

/** Milliseconds. */
const BEAT = 3000;
const MISSED_BEATS = 4;
/** A beat is late after so many times its interval. */
const LATE = 1.5;

export interface WatchOptions {
  ask(): void;
  /** Called with false when the worker has fallen silent, and with true when it answers again. */
  tell(responding: boolean): void;
  /** Milliseconds from beat to beat. */
  readonly beat?: number | undefined;
}

export class Watch {
  readonly #options: WatchOptions;
  readonly #every: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #last = 0;
  #asked = false;
  #missed = 0;
  #silent = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#every = options.beat ?? BEAT;
  }

  get silent(): boolean {
    return this.#silent;
  }

  /** Beats from now on, with nothing asked yet. */
  start(): void {
    this.stop();
    this.#asked = false;
    this.#last = performance.now();
    this.#timer = setInterval(() => this.beat(performance.now()), this.#every);
    // A thread of Node may end while it watches.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.pause();
  }

  /** The worker has something to do: until the next beat that is not paused, silence means nothing. */
  pause(): void {
    this.#missed = 0;
    this.#setSilent(false);
  }

  /** The worker has answered. */
  heard(): void {
    this.#asked = false;
    this.pause();
  }

  /** One beat, at `now` in milliseconds. */
  beat(now: number): void {
    const isLate = now - this.#last > this.#every * LATE;
    this.#last = now;
    if (!this.#asked) {
      this.#asked = true;
      this.#missed = 0;
      this.#options.ask();
    } else if (isLate) this.#missed = 0;
    else {
      this.#missed += 1;
      if (this.#missed >= MISSED_BEATS) this.#setSilent(true);
    }
  }

  #setSilent(silent: boolean): void {
    if (silent === this.#silent) return;
    this.#silent = silent;
    this.#options.tell(!silent);
  }
}
