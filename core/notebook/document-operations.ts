/**
 * NotebookOperations on the Automerge document: several as one change, with the operations that undo them. Positions
 * and visibility are taken from the settled document and from what this change has done so far.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import type { CellId, RunId } from "../base/ids.ts";
import { sourceHash } from "../base/source-hash.ts";
import { isCellId, normaliseText } from "./cell-text.ts";
import {
  allPlaced,
  cellRecord,
  findRecord,
  isHidden,
  jsonScalar,
  metadataKey,
  readCell,
  readHead,
  runRecord,
  scalar,
  sourceOf,
  textOf,
  type CellRecord,
  type NotebookDocument,
  type NotebookRecord,
} from "./document.ts";
import type { NewCell, NotebookOperation, Run } from "./model.ts";
import { checkVersion, versionKey } from "./named-versions.ts";
import { comparePlaced, positionAfter, type Placed } from "./position.ts";
import type { RunBody } from "./run-body.ts";
import { mapPosition, mapRanges, splitsPair, type TextChanges } from "./text-changes.ts";

/** What operations need to know beside the document. */
export interface OperationContext {
  /** The run that a cell has now, with outputs, for the inverse. */
  run(cell: CellId): Run | undefined;
  /** Outputs of the runs in `set_run`, already put away. */
  readonly bodies: ReadonlyMap<RunId, RunBody>;
  /** The text's changes since it had that version; undefined when that is not known any more. */
  changesSince(cell: CellId, version: number): readonly TextChanges[] | undefined;
  readonly random: () => number;
  /** Unix time in seconds. */
  readonly time: number;
}

/** The changed document, the patches that lead to it, and what undoes it. */
export interface OperationResult {
  readonly document: NotebookDocument;
  readonly patches: readonly Automerge.Patch[];
  /** Text operations in it have `version: LATER`, to be replaced by the text's version after the change. */
  readonly inverse: readonly NotebookOperation[];
}

/** Stands for a version that is not known yet. */
export const LATER = -1;

/** Applies all operations as one change. One that names a cell that is gone does nothing; a malformed one is `invalid`. */
export function applyOperations(
  document: NotebookDocument,
  operations: readonly NotebookOperation[],
  context: OperationContext,
): OperationResult {
  let patches: readonly Automerge.Patch[] = [];
  const inverse: NotebookOperation[] = [];
  const changed = Automerge.change(
    document,
    {
      time: context.time,
      patchCallback: (made) => {
        patches = made;
      },
    },
    (root) => {
      const draft = new Draft(document, root, context);
      // Each operation is undone in its own order, and the last operation first.
      for (const operation of operations) inverse.unshift(...draft.apply(operation));
    },
  );
  return { document: changed, patches, inverse };
}

/** One change being made. */
class Draft {
  readonly #before: NotebookDocument;
  readonly #root: NotebookRecord;
  readonly #context: OperationContext;
  readonly #hidden = new Map<string, boolean>();
  readonly #runs = new Map<CellId, Run | undefined>();
  readonly #texted = new Set<CellId>();
  #placed: Placed[] | undefined;

  constructor(before: NotebookDocument, root: NotebookRecord, context: OperationContext) {
    this.#before = before;
    this.#root = root;
    this.#context = context;
  }

  apply(operation: NotebookOperation): readonly NotebookOperation[] {
    switch (operation.type) {
      case "insert_cell":
        return this.#insert(operation.cell, operation.after);
      case "set_title": {
        const title = textOf(this.#root.title);
        this.#root.title = scalar(operation.title.toWellFormed());
        return [{ type: "set_title", title }];
      }
      case "set_metadata": {
        const before = readHead(this.#root).metadata;
        patchMetadata(this.#root.metadata, operation.metadata);
        return [{ type: "set_metadata", metadata: formerValues(before, operation.metadata) }];
      }
      case "set_version": {
        const { version, to } = operation;
        const former = readHead(this.#root).versions?.find(({ id }) => id === version);
        const key = versionKey(version);
        if (to) this.#root.metadata[key] = jsonScalar(checkVersion(to));
        else if (former) delete this.#root.metadata[key];
        if (former === undefined) return [{ type: "set_version", version, to: undefined }];
        const { id: _, ...before } = former;
        return [{ type: "set_version", version, to: before }];
      }
      case "restore_cell":
        return this.#restore(operation.cell);
      default: {
        const record = this.#record(operation.cell);
        return record ? this.#applyToCell(record, operation) : [];
      }
    }
  }

  #applyToCell(
    record: CellRecord,
    operation: Exclude<
      NotebookOperation,
      { readonly type: "insert_cell" | "restore_cell" | "set_title" | "set_metadata" | "set_version" }
    >,
  ): readonly NotebookOperation[] {
    const { cell } = operation;
    switch (operation.type) {
      case "delete_cell":
        this.#bury(cell, record);
        return [{ type: "restore_cell", cell }];
      case "move_cell":
        return this.#move(cell, record, operation.after, operation.position);
      case "split_cell":
        return this.#split(cell, record, operation.at, operation.newCell);
      case "merge_cells":
        return this.#merge(cell, record, operation.other, operation.separator ?? "\n");
      case "set_language": {
        const { kind, language } = readCell(cell, record, 0, undefined);
        record.kind = scalar(operation.kind);
        record.language = scalar(operation.language);
        return [{ type: "set_language", cell, kind, language }];
      }
      case "set_cell_metadata": {
        const before = readCell(cell, record, 0, undefined).metadata;
        patchMetadata(record.metadata, operation.metadata);
        return [{ type: "set_cell_metadata", cell, metadata: formerValues(before, operation.metadata) }];
      }
      case "set_attachments": {
        const { attachments } = readCell(cell, record, 0, undefined);
        if (operation.attachments) record.attachments = jsonScalar(operation.attachments);
        else delete record.attachments;
        return [{ type: "set_attachments", cell, attachments }];
      }
      case "splice_text":
        return this.#spliceText(cell, record, operation);
      case "set_run":
        return this.#setRun(cell, record, operation.run);
      case "clear_run":
        return this.#setRun(cell, record, undefined);
    }
  }

  #insert(cell: NewCell, after: CellId | undefined): readonly NotebookOperation[] {
    if (!isCellId(cell.id)) throw new KromaError("invalid", `"${String(cell.id)}" can't be the id of a cell.`);
    if (this.#known(cell.id)) return this.#insertAgain(cell, after);
    const position = positionAfter(this.#sorted(), after, this.#context.random);
    this.#root.cells[cell.id] = cellRecord({ ...cell, metadata: cell.metadata ?? {} }, position);
    this.#hidden.set(cell.id, false);
    this.#place(cell.id, position);
    return [{ type: "delete_cell", cell: cell.id }];
  }

  /** A cell of this id was deleted: it comes back with the new content, and undoing gives it its old one first. */
  #insertAgain(cell: NewCell, after: CellId | undefined): readonly NotebookOperation[] {
    const inverse = [...this.#restore(cell.id)];
    const record = this.#root.cells[cell.id];
    if (inverse.length === 0 || record === undefined) return [];
    const { id, kind, language, attachments } = cell;
    const { source, metadata } = readCell(id, record, 0, undefined);
    const cleared = Object.fromEntries(Object.keys(metadata).map((key) => [key, undefined]));
    const steps: readonly NotebookOperation[] = [
      { type: "move_cell", cell: id, after },
      { type: "set_language", cell: id, kind, language },
      { type: "set_cell_metadata", cell: id, metadata: { ...cleared, ...cell.metadata } },
      { type: "set_attachments", cell: id, attachments },
      { type: "clear_run", cell: id },
      { type: "splice_text", cell: id, at: 0, remove: source.length, insert: cell.source },
    ];
    for (const step of steps) inverse.unshift(...this.apply(step));
    return inverse;
  }

  #restore(cell: CellId): readonly NotebookOperation[] {
    const record = this.#known(cell) ? this.#root.cells[cell] : undefined;
    if (record === undefined || !this.#isHidden(cell)) return [];
    delete record.deleted;
    if (record.into !== undefined) delete record.into;
    this.#hidden.set(cell, false);
    return [{ type: "delete_cell", cell }];
  }

  #move(
    cell: CellId,
    record: CellRecord,
    after: CellId | undefined,
    position: string | undefined,
  ): readonly NotebookOperation[] {
    if (after === cell && position === undefined) return [];
    const former = textOf(record.position);
    const predecessor = this.#visibleBefore(cell);
    const others = this.#sorted().filter((placed) => placed.id !== cell);
    const place = position ?? positionAfter(others, after, this.#context.random);
    record.position = scalar(place);
    this.#place(cell, place);
    return [{ type: "move_cell", cell, after: predecessor, position: former }];
  }

  #split(cell: CellId, record: CellRecord, at: number, newCell: CellId): readonly NotebookOperation[] {
    if (!isCellId(newCell)) throw new KromaError("invalid", `"${String(newCell)}" can't be the id of a cell.`);
    if (this.#known(newCell)) return [];
    const source = sourceOf(record);
    const cut = snap(source, at);
    const lineEndBefore = source[cut - 1] === "\n";
    const headEnd = lineEndBefore ? cut - 1 : cut;
    const tailStart = !lineEndBefore && source[cut] === "\n" ? cut + 1 : cut;
    const { kind, language, metadata, attachments } = readCell(cell, record, 0, undefined);
    this.#insert(
      {
        id: newCell,
        kind,
        language,
        source: source.slice(tailStart),
        metadata,
        ...(attachments ? { attachments } : {}),
      },
      cell,
    );
    (this.#root.cells[newCell] as CellRecord).from = scalar(cell);
    this.#replace(cell, record, headEnd, source.length - headEnd, "");
    return [{ type: "merge_cells", cell, other: newCell, separator: source.slice(headEnd, tailStart) }];
  }

  #merge(cell: CellId, record: CellRecord, other: CellId, separator: string): readonly NotebookOperation[] {
    const absorbed = cell === other ? undefined : this.#record(other);
    if (absorbed === undefined) return [];
    const at = sourceOf(record).length;
    const appended = normaliseText(separator) + sourceOf(absorbed);
    this.#replace(cell, record, at, 0, appended);
    const mine = readCell(cell, record, 0, undefined).attachments;
    const theirs = readCell(other, absorbed, 0, undefined).attachments;
    if (theirs) record.attachments = jsonScalar({ ...theirs, ...mine });
    this.#bury(other, absorbed);
    absorbed.into = scalar(cell);
    return [
      { type: "splice_text", cell, at, remove: appended.length, insert: "", version: LATER },
      ...(theirs ? [{ type: "set_attachments", cell, attachments: mine } as const] : []),
      { type: "restore_cell", cell: other },
    ];
  }

  #spliceText(
    cell: CellId,
    record: CellRecord,
    operation: Extract<NotebookOperation, { readonly type: "splice_text" }>,
  ): readonly NotebookOperation[] {
    const source = sourceOf(record);
    const insert = normaliseText(operation.insert);
    let from = snap(source, operation.at);
    let ranges = [{ from, to: Math.max(from, snap(source, operation.at + operation.remove)) }];
    if (operation.version !== undefined) {
      const since = this.#context.changesSince(cell, operation.version);
      // Offsets into a text that is not known any more would hit what others have written: better do nothing.
      if (since === undefined || (since.length > 0 && this.#texted.has(cell))) return [];
      if (since.length > 0) {
        from = since.reduce<number>((at, changes) => mapPosition(at, changes), operation.at);
        const asked = [{ from: operation.at, to: operation.at + operation.remove }];
        ranges = [
          ...since.reduce<readonly { from: number; to: number }[]>((all, changes) => mapRanges(all, changes), asked),
        ];
      }
    }
    const inverse: NotebookOperation[] = [];
    for (const range of ranges.toReversed()) {
      if (range.to <= range.from) continue;
      const removed = sourceOf(record).slice(range.from, range.to);
      this.#replace(cell, record, range.from, range.to - range.from, "");
      inverse.unshift({ type: "splice_text", cell, at: range.from, remove: 0, insert: removed, version: LATER });
      if (range.from < from) from = Math.max(range.from, from - (range.to - range.from));
    }
    if (insert !== "") {
      const at = snap(sourceOf(record), from);
      this.#replace(cell, record, at, 0, insert);
      inverse.unshift({ type: "splice_text", cell, at, remove: insert.length, insert: "", version: LATER });
    }
    const [first, second] = inverse;
    // The usual case, one place replaced, is undone by one operation.
    if (inverse.length === 2 && first?.type === "splice_text" && second?.type === "splice_text" && first.remove > 0) {
      if (first.at === second.at) return [{ ...first, insert: second.insert }];
    }
    return inverse;
  }

  #setRun(cell: CellId, record: CellRecord, run: Run | undefined): readonly NotebookOperation[] {
    const former = this.#runs.has(cell) ? this.#runs.get(cell) : this.#context.run(cell);
    const formerId = textOf(record.run);
    if (run === undefined) {
      if (formerId === "") return [];
      delete record.run;
    } else {
      const body = this.#context.bodies.get(run.id);
      if (body === undefined) throw new KromaError("invalid", "The outputs of this run were not put away.");
      this.#root.runs[run.id] = runRecord(cell, run, body);
      if (formerId !== run.id) record.run = scalar(run.id);
    }
    // The former run goes out of the document; undoing puts it back whole.
    if (formerId !== "" && formerId !== run?.id && formerId in this.#root.runs) delete this.#root.runs[formerId];
    this.#runs.set(cell, run);
    return former ? [{ type: "set_run", cell, run: former }] : [{ type: "clear_run", cell }];
  }

  /** Changes the text of a visible cell. A tombstone that no longer holds goes away, or it might hold again later. */
  #replace(cell: CellId, record: CellRecord, at: number, remove: number, insert: string): void {
    if (remove > 0 || insert !== "") Automerge.splice(this.#root, ["cells", cell, "source"], at, remove, insert);
    if (record.deleted !== undefined) delete record.deleted;
    this.#texted.add(cell);
  }

  #bury(cell: CellId, record: CellRecord): void {
    record.deleted = scalar(sourceHash(sourceOf(record)));
    this.#hidden.set(cell, true);
  }

  #record(cell: CellId): CellRecord | undefined {
    return this.#known(cell) && !this.#isHidden(cell) ? this.#root.cells[cell] : undefined;
  }

  #known(cell: CellId): boolean {
    return this.#hidden.has(cell) || findRecord(this.#before, cell) !== undefined;
  }

  #isHidden(cell: string): boolean {
    return this.#hidden.get(cell) ?? isHidden(this.#before, cell);
  }

  #sorted(): Placed[] {
    return (this.#placed ??= allPlaced(this.#before));
  }

  #place(id: string, position: string): void {
    this.#placed = [...this.#sorted().filter((placed) => placed.id !== id), { id, position }].sort(comparePlaced);
  }

  #visibleBefore(cell: CellId): CellId | undefined {
    const sorted = this.#sorted();
    let index = sorted.findIndex((placed) => placed.id === cell) - 1;
    while (index >= 0 && this.#isHidden((sorted[index] as Placed).id)) index -= 1;
    return sorted[index]?.id as CellId | undefined;
  }
}

/** A place inside the text, never between the halves of a surrogate pair. */
function snap(source: string, at: number): number {
  const place = Math.min(Math.max(Math.trunc(at) || 0, 0), source.length);
  return splitsPair(source, place) ? place - 1 : place;
}

function patchMetadata(
  record: Record<string, Automerge.ImmutableString>,
  patch: Readonly<Record<string, unknown>>,
): void {
  for (const [key, value] of Object.entries(patch)) {
    const stored = metadataKey(key);
    if (value !== undefined) record[stored] = jsonScalar(value);
    else if (stored in record) delete record[stored];
  }
}

function formerValues(
  before: Readonly<Record<string, unknown>>,
  patch: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.keys(patch).map((key) => [key, Object.hasOwn(before, key) ? before[key] : undefined]),
  );
}
