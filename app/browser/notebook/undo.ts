/**
 * Undo of what is done to cells (move, merge, split, delete, insert, language, paste), as a stack of inverse
 * operations that the document itself gave back. Typing has its own undo in each editor.
 */
import type { NotebookOperation } from "#core/notebook/model.ts";

/** Applies operations and gives back those that undo exactly them. */
export type Change = (operations: readonly NotebookOperation[]) => Promise<readonly NotebookOperation[]>;

interface Step {
  readonly label: string;
  readonly operations: readonly NotebookOperation[];
}

/** Longest memory, in steps. */
const LIMIT = 200;

export class UndoStack {
  readonly #change: Change;
  #done: Step[] = [];
  #undone: Step[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(change: Change) {
    this.#change = change;
  }

  /** Makes a change that `undo` can take back. */
  do(operations: readonly NotebookOperation[], label: string): Promise<void> {
    return this.#inOrder(async () => {
      const inverse = await this.#change(operations);
      this.#undone = [];
      this.#done = [...this.#done, { label, operations: inverse }].slice(-LIMIT);
    });
  }

  /** Takes back the last step; resolves with its label, or undefined when there is none. */
  undo(): Promise<string | undefined> {
    return this.#inOrder(async () => {
      const step = this.#done.pop();
      if (!step) return undefined;
      this.#undone.push({ label: step.label, operations: await this.#change(step.operations) });
      return step.label;
    });
  }

  /** Makes the last step that was taken back again. */
  redo(): Promise<string | undefined> {
    return this.#inOrder(async () => {
      const step = this.#undone.pop();
      if (!step) return undefined;
      this.#done.push({ label: step.label, operations: await this.#change(step.operations) });
      return step.label;
    });
  }

  /** Steps are made one after the other: an inverse is only right at the place it was made for. */
  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work);
    this.#last = next.catch(() => undefined);
    return next;
  }
}
