/** Who may use what only one can use at a time, in the order of asking. */
import { KromaError } from "#core/base/errors.ts";

/** A line of those who wait. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is one's turn, with the way to end it. Throws `aborted` when the signal says so before. */
  async take(signal: AbortSignal): Promise<() => void> {
    const before = this.#last;
    let leave = (): void => undefined;
    this.#last = new Promise((resolve) => (leave = resolve));
    let stop = (): void => undefined;
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(new KromaError("aborted", "The answer was stopped."));
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
    });
    try {
      await Promise.race([before, aborted]);
    } catch (error) {
      // Whoever is behind still waits for those before.
      void before.then(leave);
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
    return leave;
  }
}
