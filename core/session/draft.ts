/**
 * The next state while `apply` works it out: maps that are copied when first written, the effects so far, and the
 * cells whose visible state must be worked out again at the end. Never leaves `apply`.
 */
import type { CellId, Language, RunId } from "../base/ids.ts";
import { assert } from "../base/errors.ts";
import type { Cell, Notebook, Output, Run } from "../notebook/model.ts";
import { cellState, isSameState, lastRun } from "./cell-state.ts";
import type { SessionEffect } from "./effects.ts";
import type { ActiveRun, Dependency, KernelLink, NestedRun, Outlived, Overlay, SessionModel } from "./model.ts";
import type { CellState, KernelState, Notice, QueuedRun } from "./state.ts";

/** A map that leaves the one it was made of alone. */
class CopiedMap<K, V> {
  #map: ReadonlyMap<K, V>;
  #own: Map<K, V> | undefined;

  constructor(map: ReadonlyMap<K, V>) {
    this.#map = map;
  }

  get value(): ReadonlyMap<K, V> {
    return this.#own ?? this.#map;
  }

  get(key: K): V | undefined {
    return this.value.get(key);
  }

  set(key: K, value: V): void {
    if (this.value.get(key) === value && this.value.has(key)) return;
    this.#own ??= new Map(this.#map);
    this.#own.set(key, value);
  }

  delete(key: K): void {
    if (!this.value.has(key)) return;
    this.#own ??= new Map(this.#map);
    this.#own.delete(key);
  }
}

/** One application of an operation, under way. */
export class Draft {
  readonly now: number;
  readonly prefix: string;
  readonly effects: SessionEffect[] = [];
  /** Output arrays made in this application, which may be changed in place. */
  readonly ownedOutputs = new WeakSet<readonly Output[]>();
  readonly kernels: CopiedMap<Language, KernelState>;
  readonly links: CopiedMap<Language, KernelLink>;
  readonly runs: CopiedMap<RunId, ActiveRun>;
  readonly overlays: CopiedMap<CellId, Overlay>;
  notebook: Notebook;
  queue: readonly QueuedRun[];
  runner: "here" | "elsewhere";
  notices: readonly Notice[];
  nested: readonly NestedRun[];
  dependencies: readonly Dependency[];
  mirrored: ReadonlyMap<CellId, CellState>;
  outlived: Outlived;
  readonly #base: SessionModel;
  #counter: number;
  #stale: Set<CellId> | "all" = new Set();
  #positions: ReadonlyMap<CellId, number> | undefined;

  constructor(base: SessionModel, now: number) {
    this.#base = base;
    this.now = now;
    this.prefix = base.prefix;
    this.#counter = base.counter;
    this.kernels = new CopiedMap(base.kernels);
    this.links = new CopiedMap(base.links);
    this.runs = new CopiedMap(base.runs);
    this.overlays = new CopiedMap(base.overlays);
    this.notebook = base.notebook;
    this.queue = base.queue;
    this.runner = base.runner;
    this.notices = base.notices;
    this.nested = base.nested;
    this.dependencies = base.dependencies;
    this.mirrored = base.mirrored;
    this.outlived = base.outlived;
  }

  /** A new id that no other session makes. */
  nextId(): string {
    this.#counter += 1;
    return `${this.prefix}-${this.#counter}`;
  }

  /** Where the cell stands, or undefined when it is gone. */
  position(cell: CellId): number | undefined {
    this.#positions ??= new Map(this.notebook.cells.map(({ id }, index) => [id, index]));
    return this.#positions.get(cell);
  }

  cell(id: CellId): Cell | undefined {
    const position = this.position(id);
    return position === undefined ? undefined : this.notebook.cells[position];
  }

  link(language: Language): KernelLink {
    const link = this.links.get(language);
    assert(link, `a kernel for ${language}`);
    return link;
  }

  setLink(language: Language, change: Partial<KernelLink>): void {
    this.links.set(language, { ...this.link(language), ...change });
  }

  setKernel(language: Language, change: Partial<KernelState>): void {
    const kernel = this.kernels.get(language);
    assert(kernel, `a kernel for ${language}`);
    this.kernels.set(language, { ...kernel, ...change });
  }

  setRun(run: ActiveRun): void {
    this.runs.set(run.id, run);
    this.refresh(run.cell);
  }

  setNested(id: string, change: Partial<NestedRun>): void {
    this.nested = this.nested.map((nested) => (nested.id === id ? { ...nested, ...change } : nested));
  }

  setQueue(queue: readonly QueuedRun[]): void {
    for (const { cell } of this.queue) this.refresh(cell);
    for (const { cell } of queue) this.refresh(cell);
    this.queue = queue;
  }

  setNotebook(notebook: Notebook): void {
    this.notebook = notebook;
    this.#positions = undefined;
  }

  /** Shows a notice, in the place of an older one of the same id. */
  notice(id: string, level: Notice["level"], text: string): void {
    this.notices = [...this.notices.filter((notice) => notice.id !== id), { id, level, text }];
  }

  /** The cell's visible state must be worked out again. */
  refresh(cell: CellId | "all"): void {
    if (cell === "all") this.#stale = "all";
    else if (this.#stale !== "all") this.#stale.add(cell);
  }

  lastRun(cell: CellId): Run | undefined {
    return lastRun(this.cell(cell), this.overlays.get(cell));
  }

  finish(): SessionModel {
    return {
      notebook: this.notebook,
      cells: this.#cells(),
      kernels: this.kernels.value,
      queue: this.queue,
      runner: this.runner,
      notices: this.notices,
      prefix: this.prefix,
      counter: this.#counter,
      links: this.links.value,
      runs: this.runs.value,
      nested: this.nested,
      overlays: this.overlays.value,
      mirrored: this.mirrored,
      outlived: this.outlived,
      dependencies: this.dependencies,
    };
  }

  #cells(): ReadonlyMap<CellId, CellState> {
    if (this.#stale !== "all" && this.#stale.size === 0) return this.#base.cells;
    const active = new Map([...this.runs.value.values()].map((run) => [run.cell, run]));
    const queued = new Set(this.queue.map(({ cell }) => cell));
    const before = this.#base.cells;
    const stateOf = (cell: Cell): CellState => {
      const mirrored = this.runner === "elsewhere" ? this.mirrored.get(cell.id) : undefined;
      const next =
        mirrored ??
        cellState({
          cell,
          active: active.get(cell.id),
          queued: queued.has(cell.id),
          overlay: this.overlays.get(cell.id),
          outlived: this.outlived,
        });
      const old = before.get(cell.id);
      return old && isSameState(old, next) ? old : next;
    };
    if (this.#stale === "all") return new Map(this.notebook.cells.map((cell) => [cell.id, stateOf(cell)]));
    const cells = new CopiedMap(before);
    for (const id of this.#stale) {
      const cell = this.cell(id);
      if (cell) cells.set(id, stateOf(cell));
      else cells.delete(id);
    }
    return cells.value;
  }
}
