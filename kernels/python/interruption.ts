/**
 * The stages of an interrupt, by the clock: ask the worker to cancel what is awaited; if it gets no messages, because it
 * computes, raise KeyboardInterrupt through shared memory; ask again; at last give the worker up. It is given up sooner
 * when the cell has caught every KeyboardInterrupt so far, or when the person asks once more.
 */

/** Milliseconds from the asking to the raising. */
const RAISE_AFTER = 100;
const ASK_AGAIN_EVERY = 700;
const GIVE_UP_AFTER = 3000;
/** So often a cell may catch it: then it will do so for ever. */
const CAUGHT_TIMES = 3;
/** A second press that comes sooner is a double click. */
const SECOND_WISH_AFTER = 500;

/** What the stages do. */
export interface InterruptActions {
  /** Asks the worker's event loop to cancel what is awaited. */
  ask(): void;
  /** Makes computing Python raise KeyboardInterrupt; absent where there is no shared memory. */
  raise?(): void;
  /** True once Python has raised it. */
  wasRaised?(): boolean;
  /** The cell does not end; `why` is the beginning of a sentence. */
  giveUp(why: string): void;
}

/** One interrupt under way. `close` it when the cell has ended. */
export class Interruption {
  readonly #actions: InterruptActions;
  readonly #began = performance.now();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #seen = false;
  #raised = false;
  #caught = 0;

  constructor(actions: InterruptActions, giveUpAfter: number = GIVE_UP_AFTER) {
    this.#actions = actions;
    this.#later(giveUpAfter, () =>
      actions.giveUp(`The cell did not stop within ${giveUpAfter / 1000} s of the interrupt`),
    );
    this.#askToStop();
  }

  /** The worker's event loop is alive and has cancelled what was awaited. */
  seen(): void {
    this.#seen = true;
  }

  /** The person asks once more. */
  again(): void {
    if (performance.now() - this.#began < SECOND_WISH_AFTER) return;
    this.#actions.giveUp("The cell did not stop before the second interrupt");
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #askToStop(): void {
    if (this.#seen || (this.#raised && this.#actions.wasRaised?.())) this.#caught += 1;
    if (this.#caught === CAUGHT_TIMES) {
      this.#actions.giveUp(`The cell caught the interrupt ${CAUGHT_TIMES} times and went on`);
      return;
    }
    this.#seen = false;
    this.#raised = false;
    this.#actions.ask();
    this.#later(RAISE_AFTER, () => {
      if (this.#seen || !this.#actions.raise) return;
      this.#actions.raise();
      this.#raised = true;
    });
    this.#later(ASK_AGAIN_EVERY, () => this.#askToStop());
  }

  #later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
  }
}
