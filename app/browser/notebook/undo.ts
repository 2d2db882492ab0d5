/**
 * Undo of what is done to cells (move, merge, split, delete, insert, language, paste), as a stack of inverse
 * operations that the document itself gave back. Typing has its own undo in each editor.
 */
import type { CellId } from "#core/base/ids.ts";
import type { NotebookOperation } from "#core/notebook/model.ts";

/** Applies operations and gives back those that undo exactly them. */
export type Change = (operations: readonly NotebookOperation[]) => Promise<readonly NotebookOperation[]>;

/** The text of a cell as the document has it, and its version. */
export type KnownText = (cell: CellId) => { readonly text: string; readonly version: number } | undefined;

interface Step {
  readonly label: string;
  readonly operations: readonly NotebookOperation[];
  /** Texts that the operations' offsets mean. */
  readonly texts: ReadonlyMap<CellId, string>;
}

/** Longest memory, in steps. */
const LIMIT = 200;

export class UndoStack {
  readonly #change: Change;
  readonly #text: KnownText;
  #done: Step[] = [];
  #undone: Step[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(change: Change, text: KnownText = () => undefined) {
    this.#change = change;
    this.#text = text;
  }

  /** Makes a change that `undo` can take back. */
  do(operations: readonly NotebookOperation[], label: string): Promise<void> {
    return this.#inOrder(async () => {
      const step = await this.#make(label, operations);
      this.#undone = [];
      this.#done = [...this.#done, step].slice(-LIMIT);
    });
  }

  /** Takes back the last step; resolves with its label, or undefined when there is none. */
  undo(): Promise<string | undefined> {
    return this.#inOrder(async () => {
      const step = this.#done.pop();
      if (!step) return undefined;
      this.#undone.push(await this.#make(step.label, this.#fitted(step)));
      return step.label;
    });
  }

  /** Makes the last step that was taken back again. */
  redo(): Promise<string | undefined> {
    return this.#inOrder(async () => {
      const step = this.#undone.pop();
      if (!step) return undefined;
      this.#done.push(await this.#make(step.label, this.#fitted(step)));
      return step.label;
    });
  }

  async #make(label: string, operations: readonly NotebookOperation[]): Promise<Step> {
    const inverse = await this.#change(operations);
    const texts = new Map<CellId, string>();
    for (const operation of inverse) {
      if (operation.type !== "splice_text" || operation.version === undefined) continue;
      const known = this.#text(operation.cell);
      if (known?.version === operation.version) texts.set(operation.cell, known.text);
    }
    return { label, operations: inverse, texts };
  }

  /**
   * Offsets are mapped by the document over what was typed since. When later steps were made and taken back, their
   * deletions and insertions would swallow the place; but the text is then the very one the offsets were made for.
   */
  #fitted(step: Step): readonly NotebookOperation[] {
    return step.operations.map((operation) => {
      if (operation.type !== "splice_text" || operation.version === undefined) return operation;
      const known = this.#text(operation.cell);
      return known && known.text === step.texts.get(operation.cell)
        ? { ...operation, version: known.version }
        : operation;
    });
  }

  /** Steps are made one after the other: an inverse is only right at the place it was made for. */
  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work);
    this.#last = next.catch(() => undefined);
    return next;
  }
}
