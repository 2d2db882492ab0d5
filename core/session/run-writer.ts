/** Writes runs to the document: the end of a run at once, what changes all the time at most every 250 ms. */
import type { CellId } from "../base/ids.ts";
import type { NotebookOperation, Run } from "../notebook/model.ts";

const WRITE_MILLISECONDS = 250;
/** Copying a long output takes a while: at most one part in so many of the time is spent on it. */
const WRITE_SHARE = 20;

/** What it writes to. */
export interface RunTarget {
  change(operations: readonly NotebookOperation[]): Promise<unknown>;
  runProgress(cell: CellId, run: Run): void;
}

interface Pending {
  readonly timer: ReturnType<typeof setTimeout>;
  write: (() => void) | undefined;
}

/** The only writer of a session's runs. */
export class RunWriter {
  readonly #target: RunTarget;
  readonly #failed: (error: unknown) => void;
  readonly #pending = new Map<CellId, Pending>();
  #pause = WRITE_MILLISECONDS;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(target: RunTarget, failed: (error: unknown) => void) {
    this.#target = target;
    this.#failed = failed;
  }

  /** Changes the document now; what waited for the same cells is out of date and dropped. */
  change(operations: readonly NotebookOperation[]): void {
    for (const operation of operations) {
      if (operation.type === "set_run" || operation.type === "clear_run") this.#drop(operation.cell);
    }
    const done: Promise<unknown> = this.#target
      .change(operations)
      .catch(this.#failed)
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  /** Keeps the outputs of a run under way, soon. */
  progress(cell: CellId, run: Run): void {
    this.#soon(cell, () => this.#target.runProgress(cell, run));
  }

  /** Writes changed outputs of a run that has ended, soon. */
  rewrite(cell: CellId, run: Run): void {
    this.#soon(cell, () => this.change([{ type: "set_run", cell, run }]));
  }

  /** Writes all that waits; resolves when the document has it. */
  async flush(): Promise<void> {
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { timer, write } of waiting) {
      clearTimeout(timer);
      write?.();
    }
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #soon(cell: CellId, write: () => void): void {
    const pending = this.#pending.get(cell);
    if (pending) {
      pending.write = write;
      return;
    }
    // The first word of a run is written soon too: a cell that prints once and then hangs is kept.
    const timer = setTimeout(() => {
      const due = this.#pending.get(cell)?.write;
      this.#pending.delete(cell);
      const started = performance.now();
      due?.();
      this.#pause = Math.max(WRITE_MILLISECONDS, WRITE_SHARE * (performance.now() - started));
    }, this.#pause);
    this.#pending.set(cell, { timer, write });
  }

  #drop(cell: CellId): void {
    const pending = this.#pending.get(cell);
    if (!pending) return;
    clearTimeout(pending.timer);
    this.#pending.delete(cell);
  }
}
