/** Tasks that are done one after another. What a task does is its caller's affair, and so is its failure. */

export class TaskQueue {
  readonly #hasBegun: () => boolean;
  #last: Promise<unknown>;
  #tasks = 0;

  /**
   * Tasks are done when `begin` is. Should it fail, so does every task, unless `hasBegun` says that the work can go on
   * all the same: then only the task that waited for it does.
   */
  constructor(begin: Promise<unknown> = Promise.resolve(), hasBegun: () => boolean = () => true) {
    this.#hasBegun = hasBegun;
    this.#last = begin;
    this.#last.catch(() => undefined);
  }

  /** True when nothing waits or is under way. */
  get isEmpty(): boolean {
    return this.#tasks === 0;
  }

  /** Does a task when those before it are done; gives what it gives, or fails as it does. */
  run<T>(task: () => T | Promise<T>): Promise<T> {
    const done = this.count(() => this.#last.then(task));
    this.#last = done.then(
      () => undefined,
      (error: unknown) => {
        if (!this.#hasBegun()) throw error;
      },
    );
    this.#last.catch(() => undefined);
    return done;
  }

  /** Does work that need not wait, which counts as under way. */
  async count<T>(work: () => Promise<T>): Promise<T> {
    this.#tasks += 1;
    try {
      return await work();
    } finally {
      this.#tasks -= 1;
    }
  }

  /** Resolves when the tasks so far are done, well or not. */
  async settled(): Promise<void> {
    await this.#last.catch(() => undefined);
  }
}
