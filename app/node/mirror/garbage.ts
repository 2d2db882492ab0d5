/**
 * Collects garbage when nobody adds blocks, for what is being added hangs under no pin yet. Whoever adds waits only while it runs;
 * it waits for a pause, however long that takes, so that a slow origin holds up nobody.
 */

export class GarbageTurns {
  readonly #collect: () => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #adding = 0;
  #isWanted = false;
  #collecting: Promise<void> | undefined;

  constructor(collect: () => Promise<void>, onFailure: (error: unknown) => void) {
    this.#collect = collect;
    this.#onFailure = onFailure;
  }

  /** Work that adds blocks; any number at once. */
  async adding<T>(work: () => Promise<T>): Promise<T> {
    while (this.#collecting) await this.#collecting;
    this.#adding += 1;
    try {
      return await work();
    } finally {
      this.#adding -= 1;
      this.#start();
    }
  }

  /** There is garbage: it is collected in the next pause. */
  want(): void {
    this.#isWanted = true;
    this.#start();
  }

  /** Resolves once a collection that runs is over. */
  async ended(): Promise<void> {
    await this.#collecting;
  }

  #start(): void {
    if (!this.#isWanted || this.#adding > 0 || this.#collecting) return;
    this.#isWanted = false;
    this.#collecting = this.#collect()
      .catch(this.#onFailure)
      .finally(() => {
        this.#collecting = undefined;
        this.#start();
      });
  }
}
