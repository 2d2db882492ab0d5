/**
 * The operations that make the present notebook, or one cell of it, what it was once. They are operations like any
 * other: nothing is rewritten, others merge as usual, and undoing them gives back what was there.
 */
import type { CellId } from "../base/ids.ts";
import { isSameJson } from "../base/canonical-json.ts";
import { longestIncreasing } from "./differences.ts";
import type { Cell, Notebook, NotebookOperation, Run } from "./model.ts";
import { diffText, splicesOf } from "./text-changes.ts";

/** Restores everything but the named versions. `present` must be confirmed: its text versions say what offsets mean. */
export function restoreNotebook(present: Notebook, then: Notebook): readonly NotebookOperation[] {
  const operations: NotebookOperation[] = [];
  if (present.title !== then.title) operations.push({ type: "set_title", title: then.title });
  const metadata = metadataPatch(present.metadata, then.metadata);
  if (metadata) operations.push({ type: "set_metadata", metadata });
  const now = new Map(present.cells.map((cell, index) => [cell.id, { cell, index }]));
  const kept = new Set(then.cells.map(({ id }) => id));
  for (const { id } of present.cells) if (!kept.has(id)) operations.push({ type: "delete_cell", cell: id });
  const staying = new Set(longestIncreasing(then.cells.flatMap(({ id }) => now.get(id)?.index ?? [])));
  let after: CellId | undefined;
  for (const cell of then.cells) {
    const known = now.get(cell.id);
    if (known === undefined) operations.push(...insert(cell, after));
    else {
      if (!staying.has(known.index)) operations.push({ type: "move_cell", cell: cell.id, after });
      operations.push(...change(known.cell, cell));
    }
    after = cell.id;
  }
  return operations;
}

/** Restores one cell, where it is now; one that is gone comes back behind the cell that it stood behind. */
export function restoreCell(present: Notebook, then: Notebook, id: CellId): readonly NotebookOperation[] {
  const index = then.cells.findIndex((cell) => cell.id === id);
  const cell = then.cells[index];
  const known = present.cells.find((candidate) => candidate.id === id);
  if (cell === undefined) return known ? [{ type: "delete_cell", cell: id }] : [];
  if (known) return change(known, cell);
  const here = new Set(present.cells.map((candidate) => candidate.id));
  const above = then.cells.slice(0, index).findLast((candidate) => here.has(candidate.id));
  return insert(cell, above?.id);
}

function insert(cell: Cell, after: CellId | undefined): readonly NotebookOperation[] {
  const { id, kind, language, source, metadata, attachments } = cell;
  const made = { id, kind, language, source, metadata, ...(attachments ? { attachments } : {}) };
  return [{ type: "insert_cell", cell: made, after }, ...(cell.run ? [setRun(id, cell.run)] : [])];
}

function change(present: Cell, then: Cell): readonly NotebookOperation[] {
  const cell = then.id;
  const operations: NotebookOperation[] = [];
  const [splice] = splicesOf(diffText(present.source, then.source) ?? [present.source.length], present.source.length);
  if (splice) operations.push({ type: "splice_text", cell, ...splice, version: present.textVersion });
  if (present.kind !== then.kind || present.language !== then.language)
    operations.push({ type: "set_language", cell, kind: then.kind, language: then.language });
  const metadata = metadataPatch(present.metadata, then.metadata);
  if (metadata) operations.push({ type: "set_cell_metadata", cell, metadata });
  if (!isSameJson(present.attachments ?? {}, then.attachments ?? {}))
    operations.push({ type: "set_attachments", cell, attachments: then.attachments });
  if (then.run === undefined) {
    if (present.run) operations.push({ type: "clear_run", cell });
  } else {
    // The writer of a run may have said something else of the same run later.
    const { run } = setRun(cell, then.run);
    if (!isSameJson(present.run, run)) operations.push({ type: "set_run", cell, run });
  }
  return operations;
}

/** A run that was under way then is not under way now. */
function setRun(cell: CellId, run: Run): Extract<NotebookOperation, { readonly type: "set_run" }> {
  return { type: "set_run", cell, run: run.status === "running" ? { ...run, status: "lost" } : run };
}

/** What turns the one into the other; undefined when nothing does. */
function metadataPatch(
  present: Readonly<Record<string, unknown>>,
  then: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | undefined {
  const keys = new Set([...Object.keys(present), ...Object.keys(then)]);
  const differing = [...keys].filter((key) => !isSameJson(present[key], then[key]));
  return differing.length === 0 ? undefined : Object.fromEntries(differing.map((key) => [key, then[key]]));
}
