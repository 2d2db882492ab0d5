/**
 * Lets the emulator rest while nothing happens in the machine. Debian's 32-bit kernel ticks 250 times a second for ever,
 * which costs an emulator real work; so when nobody uses the machine and no program of the user's is left in it, it is
 * stopped, and goes on at the next use. Background jobs and servers keep it awake.
 */

const AFTER = 1500;
const AGAIN = 5000;

export interface RestOptions {
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** True if nothing runs in the machine that the user started. It is asked of the running machine. */
  isQuiet(): Promise<boolean>;
}

/** Counts the uses of a machine, and stops it between them. */
export class Rest {
  readonly #options: RestOptions;
  #uses = 0;
  /** Uses since the start: one that began and ended while the machine was asked may have left a program in it. */
  #begun = 0;
  #paused = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Pauses and resumptions, one after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: RestOptions) {
    this.#options = options;
    this.#wait(AFTER);
  }

  /** True while the machine is stopped. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Runs `work` on the awake machine. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#uses++;
    this.#begun++;
    clearTimeout(this.#timer);
    try {
      await this.#then(async () => {
        if (!this.#paused) return;
        await this.#options.resume();
        this.#paused = false;
      });
      return await work();
    } finally {
      this.#uses--;
      if (this.#uses === 0) this.#wait(AFTER);
    }
  }

  #wait(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look().catch(() => undefined), milliseconds);
  }

  async #look(): Promise<void> {
    if (this.#uses > 0 || this.#paused) return;
    const begun = this.#begun;
    const quiet = await this.#options.isQuiet();
    // Whoever uses it looks again afterwards.
    if (this.#begun !== begun) return;
    if (!quiet) return this.#wait(AGAIN);
    await this.#then(async () => {
      if (this.#begun !== begun) return;
      await this.#options.pause();
      this.#paused = true;
    });
  }

  #then(step: () => Promise<void>): Promise<void> {
    const next = this.#last.then(step);
    this.#last = next.catch(() => undefined);
    return next;
  }
}
