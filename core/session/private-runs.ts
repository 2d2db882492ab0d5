/**
 * A document for the session of somebody who may read a notebook and not change it: what they run is theirs alone. Runs
 * are kept here, over those of the notebook, and go with the page; nothing is written. For those who may write it is the
 * document itself.
 */
import { Emitter } from "../base/events.ts";
import type { CellId } from "../base/ids.ts";
import type { Cell, Notebook, NotebookOperation, Run } from "../notebook/model.ts";
import type { SessionDocument } from "./session.ts";

/** What stands in the place of a run of the notebook. */
interface Own {
  /** Undefined: cleared, for oneself. */
  readonly run: Run | undefined;
  /** The run of the notebook at that time: another one shows in the place of this. */
  readonly over: Run["id"] | undefined;
}

export class PrivateRuns implements SessionDocument {
  readonly #document: SessionDocument;
  readonly #isPrivate: () => boolean;
  readonly #own = new Map<CellId, Own>();
  readonly #changed = new Emitter<void>();
  /** The view of the latest notebook: the same object while nothing has changed. */
  #shown: { readonly of: Notebook; readonly notebook: Notebook } | undefined;

  /** `isPrivate` tells whether what is run now is for oneself alone. */
  constructor(document: SessionDocument, isPrivate: () => boolean) {
    this.#document = document;
    this.#isPrivate = isPrivate;
  }

  get notebook(): Notebook {
    const { notebook } = this.#document;
    if (this.#own.size === 0) return notebook;
    if (this.#shown?.of !== notebook) {
      const cells = notebook.cells.map((cell) => this.#withOwn(cell));
      this.#shown = { of: notebook, notebook: { ...notebook, cells } };
    }
    return this.#shown.notebook;
  }

  /** True when the outputs of the cell are one's own, and the others don't see them. */
  has(cell: CellId): boolean {
    return this.#own.get(cell)?.run !== undefined;
  }

  /** Gives up what was run of a cell, or of all: what the notebook has shows again. */
  forget(cell?: CellId): void {
    if (cell === undefined) this.#own.clear();
    else this.#own.delete(cell);
    this.#tell();
  }

  onChange(listener: () => void): () => void {
    const stops = [this.#document.onChange(listener), this.#changed.on(listener)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  change(operations: readonly NotebookOperation[]): Promise<unknown> {
    if (!this.#isPrivate()) return this.#document.change(operations);
    for (const operation of operations) {
      // What else a session writes is about the notebook, which is not one's own.
      if (operation.type !== "set_run" && operation.type !== "clear_run") continue;
      const { cell } = operation;
      const over = this.#document.notebook.cells.find(({ id }) => id === cell)?.run?.id;
      this.#own.set(cell, { run: operation.type === "set_run" ? operation.run : undefined, over });
    }
    this.#tell();
    return Promise.resolve();
  }

  runProgress(cell: CellId, run: Run): void {
    if (!this.#isPrivate()) this.#document.runProgress(cell, run);
  }

  relay(payload: unknown): void {
    this.#document.relay(payload);
  }

  onRelay(listener: (payload: unknown) => void): () => void {
    return this.#document.onRelay(listener);
  }

  #withOwn(cell: Cell): Cell {
    const own = this.#own.get(cell.id);
    if (!own) return cell;
    if (own.over === cell.run?.id) return { ...cell, run: own.run };
    // Somebody who may has run it since: that is what counts.
    this.#own.delete(cell.id);
    return cell;
  }

  #tell(): void {
    this.#shown = undefined;
    this.#changed.emit();
  }
}
