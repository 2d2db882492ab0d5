/** What comes by callback as something to loop over. */

/** A queue with one reader. What is put after the end is not read. */
export class Pieces<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = [];
  #end: { readonly error: unknown } | "well" | undefined;
  #wake: (() => void) | undefined;

  readonly put = (piece: T): void => {
    this.#waiting.push(piece);
    this.#wake?.();
  };

  /** Ends it as the promise does: its value is of no account, its rejection is thrown to the reader. */
  endWith(promise: Promise<unknown>): this {
    promise.then(
      () => this.#finish("well"),
      (error: unknown) => this.#finish({ error }),
    );
    return this;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      for (let piece = this.#waiting.shift(); piece !== undefined; piece = this.#waiting.shift()) yield piece;
      if (this.#end === "well") return;
      if (this.#end) throw this.#end.error;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #finish(end: { readonly error: unknown } | "well"): void {
    this.#end ??= end;
    this.#wake?.();
  }
}
