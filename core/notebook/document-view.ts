/**
 * The plain view of an Automerge document, kept up to date from patches: which cells differ, which text updates turn
 * the old text into the new, what the order is. The version of a cell's text counts its updates since opening.
 */
import type * as Automerge from "@automerge/automerge/slim";
import type { CellId } from "../base/ids.ts";
import { sourceHash } from "../base/source-hash.ts";
import { isSameJson } from "../base/canonical-json.ts";
import {
  cellOrder,
  findRecord,
  isHidden,
  mapOf,
  readCell,
  readHead,
  readRun,
  sourceOf,
  textOf,
  type NotebookDocument,
} from "./document.ts";
import type { TextUpdate } from "./messages.ts";
import type { Cell, Notebook, Run } from "./model.ts";
import type { RunBody, RunContent } from "./run-body.ts";
import { applyTextChanges, composeSplices, diffText, type Splice, type TextChanges } from "./text-changes.ts";

/** What pages have to be told. */
export interface ViewChange {
  readonly texts: readonly {
    readonly cell: CellId;
    readonly version: number;
    readonly updates: readonly TextUpdate[];
  }[];
  readonly cells: readonly Cell[];
  readonly order?: readonly CellId[];
  readonly notebook?: Omit<Notebook, "cells">;
}

/** Gives the outputs of a run, from wherever they are. */
export type LoadRunBody = (body: RunBody) => Promise<RunContent | undefined>;

// Positions older than this many updates can't be moved along; undoing such a thing then does nothing.
const LOG_LENGTH = 2000;

interface Dirty {
  readonly cells: Set<string>;
  readonly splices: Map<string, Splice[] | undefined>;
  order: boolean;
  head: boolean;
  everything: boolean;
}

/** The view of one document. */
export class DocumentView {
  readonly #cells = new Map<CellId, Cell>();
  /** Texts and versions of all cells, hidden ones too. */
  readonly #texts = new Map<string, string>();
  readonly #versions = new Map<string, number>();
  readonly #logs = new Map<string, { readonly before: string; readonly changes: TextChanges }[]>();
  readonly #blocks = new Map<CellId, string>();
  #order: readonly CellId[] = [];
  #head: Omit<Notebook, "cells"> = { title: "", language: "python", metadata: {} };

  /** Starts from a stored view; what has changed since comes out of the first `update`. */
  adopt(notebook: Notebook): void {
    const { cells, ...head } = notebook;
    this.#head = head;
    this.#order = cells.map((cell) => cell.id);
    for (const cell of cells) {
      this.#cells.set(cell.id, { ...cell, textVersion: 0 });
      this.#texts.set(cell.id, cell.source);
      this.#versions.set(cell.id, 0);
    }
  }

  get notebook(): Notebook {
    return { ...this.#head, cells: this.#order.flatMap((id) => this.#cells.get(id) ?? []) };
  }

  cell(id: CellId): Cell | undefined {
    return this.#cells.get(id);
  }

  /** The CID of the block with the outputs of the cell's run, if they are in one. */
  block(id: CellId): string | undefined {
    return this.#blocks.get(id);
  }

  /** Text of any cell, also of a deleted one. */
  text(id: CellId): string | undefined {
    return this.#texts.get(id);
  }

  version(id: CellId): number {
    return this.#versions.get(id) ?? 0;
  }

  /**
   * The text's changes since `version`; undefined when they are not known (any more). Where the text came back to what
   * it was, as after an undo, the way there and back is left out: what was in it then is in it again.
   */
  changesSince(id: CellId, version: number): readonly TextChanges[] | undefined {
    const count = this.version(id) - version;
    const log = this.#logs.get(id) ?? [];
    if (count < 0 || count > log.length) return undefined;
    const entries = count === 0 ? [] : log.slice(-count);
    const latest = new Map(entries.map(({ before }, index) => [before, index]));
    latest.set(sourceHash(this.#texts.get(id) ?? ""), entries.length);
    const changes: TextChanges[] = [];
    let index = 0;
    for (let entry = entries[0]; entry; entry = entries[index]) {
      const same = latest.get(entry.before) ?? index;
      if (same > index) index = same;
      else {
        changes.push(entry.changes);
        index += 1;
      }
    }
    return changes;
  }

  /** Takes in updates of one text that are already in the document. Gives the version they start from. */
  type(id: CellId, updates: readonly TextUpdate[], text: string): number {
    const version = this.version(id);
    const log = this.#logs.get(id) ?? [];
    let before = this.#texts.get(id) ?? "";
    for (const { changes } of updates) {
      log.push({ before: sourceHash(before), changes });
      before = updates.length === 1 ? text : applyTextChanges(before, changes);
    }
    if (log.length > LOG_LENGTH) log.splice(0, log.length - LOG_LENGTH);
    this.#logs.set(id, log);
    this.#texts.set(id, text);
    this.#versions.set(id, version + updates.length);
    const cell = this.#cells.get(id);
    if (cell) this.#cells.set(id, { ...cell, source: text, textVersion: version + updates.length });
    return version;
  }

  /** Brings the view to `document`. Without patches everything is looked at. */
  async update(
    document: NotebookDocument,
    patches: readonly Automerge.Patch[] | undefined,
    loadBody: LoadRunBody,
  ): Promise<ViewChange> {
    const dirty = this.#dirt(document, patches);
    const texts: { cell: CellId; version: number; updates: readonly TextUpdate[] }[] = [];
    for (const id of dirty.splices.keys()) {
      const update = this.#updateText(document, id, dirty.splices.get(id));
      if (update === undefined) continue;
      // A cell that was or is hidden is told whole, with its text.
      if (this.#cells.has(id as CellId) && !isHidden(document, id)) texts.push(update);
      else dirty.cells.add(id);
      if (findRecord(document, id)?.deleted !== undefined) dirty.order = true;
    }
    if (dirty.everything) dirty.order = true;
    const order = dirty.order ? cellOrder(document) : this.#order;
    const present = new Set(order);
    // A cell that appears is told whole; one whose text brought it back is among them.
    for (const id of present) if (!this.#cells.has(id)) dirty.cells.add(id);
    const cells: Cell[] = [];
    for (const id of dirty.cells) {
      if (!present.has(id as CellId)) continue;
      const cell = await this.#read(document, id as CellId, loadBody);
      const former = this.#cells.get(cell.id);
      this.#cells.set(cell.id, cell);
      if (former === undefined || !dirty.everything || !isSameCell(former, cell)) cells.push(cell);
    }
    for (const id of this.#cells.keys()) if (!present.has(id)) this.#cells.delete(id);
    const moved = order.length !== this.#order.length || order.some((id, index) => id !== this.#order[index]);
    this.#order = order;
    const head = dirty.head ? readHead(document) : this.#head;
    const headChanged = dirty.head && !isSameJson(head, this.#head);
    if (headChanged) this.#head = head;
    return { texts, cells, ...(moved ? { order } : {}), ...(headChanged ? { notebook: head } : {}) };
  }

  #dirt(document: NotebookDocument, patches: readonly Automerge.Patch[] | undefined): Dirty {
    const dirty: Dirty = { cells: new Set(), splices: new Map(), order: false, head: false, everything: false };
    for (const patch of patches ?? [{ action: "put", path: [], value: 0 } as const]) {
      const [root, key, field] = patch.path;
      if (root === "cells" && key !== undefined) {
        const id = String(key);
        if (field === "source" && patch.path.length === 4) addSplice(dirty.splices, id, patch);
        else {
          dirty.cells.add(id);
          if (field === undefined || field === "source") dirty.splices.set(id, undefined);
          if (field === undefined || field === "position" || field === "deleted") dirty.order = true;
        }
      } else if (root === "runs" && key !== undefined) {
        for (const id of this.#cellsOfRun(document, String(key))) dirty.cells.add(id);
      } else if (root === undefined || root === "cells" || root === "runs") {
        dirty.everything = true;
      } else dirty.head = true;
    }
    if (dirty.everything) {
      dirty.head = true;
      for (const id of [...Object.keys(mapOf(document.cells)), ...this.#texts.keys()]) {
        dirty.cells.add(id);
        dirty.splices.set(id, undefined);
      }
    }
    return dirty;
  }

  #cellsOfRun(document: NotebookDocument, run: string): readonly string[] {
    const runs = mapOf(document.runs);
    const cell = Object.hasOwn(runs, run) ? textOf((runs[run] as { cell?: unknown } | undefined)?.cell) : "";
    if (cell !== "") return [cell];
    return [...this.#cells.values()].filter((candidate) => candidate.run?.id === run).map((candidate) => candidate.id);
  }

  #updateText(
    document: NotebookDocument,
    id: string,
    splices: readonly Splice[] | undefined,
  ): { cell: CellId; version: number; updates: readonly TextUpdate[] } | undefined {
    const record = findRecord(document, id);
    if (record === undefined) return undefined;
    const after = sourceOf(record);
    const before = this.#texts.get(id);
    if (before === undefined) {
      this.#texts.set(id, after);
      return undefined;
    }
    if (before === after) return undefined;
    let changes = splices && composeSplices(before, splices);
    if (changes === undefined || applyTextChanges(before, changes) !== after) changes = diffText(before, after);
    if (changes === undefined) return undefined;
    const updates = [{ client: "", changes }];
    return { cell: id as CellId, version: this.type(id as CellId, updates, after), updates };
  }

  async #read(document: NotebookDocument, id: CellId, loadBody: LoadRunBody): Promise<Cell> {
    const record = findRecord(document, id);
    if (record === undefined) throw new Error(`Broken promise: cell ${id} is in the order but not in the document`);
    if (!this.#texts.has(id)) this.#texts.set(id, sourceOf(record));
    const run = await this.#readRun(document, id, textOf(record.run), loadBody);
    return readCell(id, record, this.version(id), run);
  }

  async #readRun(
    document: NotebookDocument,
    cell: CellId,
    id: string,
    loadBody: LoadRunBody,
  ): Promise<Run | undefined> {
    const facts = id === "" ? undefined : readRun(document, id);
    this.#blocks.delete(cell);
    if (facts === undefined) return undefined;
    const record = document.runs[id];
    const cid = textOf(record?.block);
    if (cid !== "") this.#blocks.set(cell, cid);
    const content = await loadBody(cid === "" ? { json: textOf(record?.body) } : { cid });
    return { ...facts, ...(content ?? { outputs: [], ...(cid === "" ? {} : { missing: cid }) }) };
  }
}

// More splices than this in one go are told as one replacement: composing them would cost their square.
const MOST_SPLICES = 2000;

function addSplice(all: Map<string, Splice[] | undefined>, id: string, patch: Automerge.Patch): void {
  const splices = all.has(id) ? all.get(id) : [];
  all.set(id, splices);
  if (splices === undefined) return;
  const at = patch.path[3];
  if (typeof at !== "number" || splices.length > MOST_SPLICES) all.set(id, undefined);
  else if (patch.action === "splice") splices.push({ at, remove: 0, insert: patch.value });
  else if (patch.action === "del") splices.push({ at, remove: patch.length ?? 1, insert: "" });
  else if (patch.action !== "mark" && patch.action !== "unmark") all.set(id, undefined);
}

function isSameCell(left: Cell, right: Cell): boolean {
  return isSameJson({ ...left, source: "", textVersion: 0 }, { ...right, source: "", textVersion: 0 });
}
