/** A typed list of listeners: the smallest thing that lets one part tell others. */
export class Emitter<T> {
  readonly #listeners = new Set<(value: T) => void>();

  /** Adds a listener; returns the way to remove it. */
  on(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls every listener in the order they were added. One that throws does not keep the others from hearing. */
  emit(value: T): void {
    // A copy: a listener may add or remove others, who are not to hear of this one.
    const listeners = Array.from(this.#listeners);
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
