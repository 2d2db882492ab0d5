/** Folded sources and outputs, kept where Jupyter keeps them in a cell's metadata, so that both agree on a file. */
import { createSignal } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { Cell, NotebookOperation } from "#core/notebook/model.ts";

export type Part = "source" | "outputs";

const KEYS = { source: "source_hidden", outputs: "outputs_hidden" } as const;

function jupyter(cell: Cell): Readonly<Record<string, unknown>> {
  const value = cell.metadata["jupyter"];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** True when a part of the cell is folded away. */
export function isFolded(cell: Cell, part: Part): boolean {
  return jupyter(cell)[KEYS[part]] === true || (part === "outputs" && cell.metadata["collapsed"] === true);
}

/** The operation that folds or unfolds a part. */
export function fold(cell: Cell, part: Part, folded: boolean): NotebookOperation {
  const inner: Record<string, unknown> = { ...jupyter(cell) };
  const metadata: Record<string, unknown> = { ...cell.metadata };
  if (folded) inner[KEYS[part]] = true;
  else delete inner[KEYS[part]];
  if (part === "outputs" && !folded) delete metadata["collapsed"];
  if (Object.keys(inner).length > 0) metadata["jupyter"] = inner;
  else delete metadata["jupyter"];
  return { type: "set_cell_metadata", cell: cell.id, metadata };
}

type SetMetadata = Extract<NotebookOperation, { type: "set_cell_metadata" }>;

/** What is left of a cell's metadata without what folds its parts. */
function withoutFolds(metadata: Cell["metadata"]): string {
  const { jupyter: inner, collapsed: _collapsed, ...rest } = metadata;
  const { source_hidden: _source, outputs_hidden: _outputs, ...kept } = (inner ?? {}) as Record<string, unknown>;
  return JSON.stringify([rest, kept]);
}

/** Folds that are on this page only, of someone who may not change the notebook. */
export class LocalFolds {
  readonly #folds = createSignal<ReadonlyMap<CellId, Cell["metadata"]>>(new Map());

  /** The cells as they show with these folds. Tracks. */
  over(cells: readonly Cell[]): readonly Cell[] {
    const folds = this.#folds[0]();
    if (folds.size === 0) return cells;
    return cells.map((cell) => {
      const metadata = folds.get(cell.id);
      return metadata === undefined ? cell : { ...cell, metadata };
    });
  }

  /** Takes the operations in if all they do is to fold or unfold; false otherwise. */
  take(operations: readonly NotebookOperation[], cells: readonly Cell[]): boolean {
    const isFold = (operation: NotebookOperation): operation is SetMetadata => {
      if (operation.type !== "set_cell_metadata") return false;
      const cell = cells.find(({ id }) => id === operation.cell);
      return cell !== undefined && withoutFolds(cell.metadata) === withoutFolds(operation.metadata);
    };
    if (!operations.every(isFold)) return false;
    this.#folds[1]((now) => new Map([...now, ...operations.map(({ cell, metadata }) => [cell, metadata] as const)]));
    return true;
  }
}
