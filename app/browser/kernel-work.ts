/**
 * What the kernels of this page are doing, for work that must not stand in their way: a kernel that starts or runs a cell
 * needs the computer's cores, and somebody waits for it.
 */
import type { Session } from "#core/session/session.ts";

/** A pause between two cells, or between two kernels that start one after the other, is no rest; milliseconds. */
const QUIET = 3000;

/** What is looked at of a session. */
export type WorkingSession = Pick<Session, "state" | "onChange">;

/** Follows the notebooks that are open. */
export class KernelWork {
  readonly #started = new Set<string>();
  readonly #busy = new Set<WorkingSession>();
  readonly #waiting = new Set<() => void>();
  readonly #listeners = new Set<() => void>();
  #quiet = true;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The languages whose kernel was started in this page. */
  get started(): ReadonlySet<string> {
    return this.#started;
  }

  /** Counts in what a session's kernels do. Returns the way to stop. */
  follow(session: WorkingSession): () => void {
    const look = (): void => {
      const { kernels, queue } = session.state;
      let busy = queue.length > 0;
      for (const { language, status } of kernels.values()) {
        busy ||= status === "starting" || status === "busy";
        if (status !== "off") this.#start(language);
      }
      this.#note(session, busy);
    };
    const stop = session.onChange(look);
    look();
    return () => {
      stop();
      this.#note(session, false);
    };
  }

  /** Resolves when they have rested for some seconds, or after `patience` milliseconds: a cell may run for hours. */
  rest(patience: number): Promise<void> {
    if (this.#quiet) return Promise.resolve();
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, patience);
      this.#waiting.add(go);
    });
  }

  /** Calls `listener` whenever a kernel of another language than before is started. */
  onStarted(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #start(language: string): void {
    if (this.#started.has(language)) return;
    this.#started.add(language);
    for (const listener of this.#listeners) listener();
  }

  #note(session: WorkingSession, busy: boolean): void {
    if (busy === this.#busy.has(session)) return;
    if (busy) this.#busy.add(session);
    else this.#busy.delete(session);
    clearTimeout(this.#timer);
    if (this.#busy.size > 0) this.#quiet = false;
    else this.#timer = setTimeout(() => this.#settle(), QUIET);
  }

  #settle(): void {
    this.#quiet = true;
    for (const go of this.#waiting) go();
  }
}

/** Of this page. */
export const kernelWork: KernelWork = new KernelWork();
