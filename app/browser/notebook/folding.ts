/** Folded sources and outputs, kept where Jupyter keeps them in a cell's metadata, so that both agree on a file. */
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
