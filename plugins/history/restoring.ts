/** Putting back what was: operations on the present notebook, made as one change that its maker can undo. */
import type { CellId } from "#core/base/ids.ts";
import type { Notebook, NotebookOperation } from "#core/notebook/model.ts";
import { restoreCell, restoreNotebook } from "#core/notebook/restore.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";

/** The present notebook with the texts that the document has confirmed: what offsets of operations mean. */
function confirmedNotebook(view: NotebookView): Notebook {
  const { notebook } = view.client;
  const cells = notebook.cells.map((cell) => {
    const confirmed = view.client.confirmedText(cell.id);
    return confirmed ? { ...cell, source: confirmed.text, textVersion: confirmed.version } : cell;
  });
  return { ...notebook, cells };
}

async function make(
  view: NotebookView,
  page: PageActions,
  operations: readonly NotebookOperation[],
  label: string,
  said: string,
): Promise<void> {
  if (operations.length === 0) {
    page.toast("It is already as it was then.");
    return;
  }
  await view.change(operations, label);
  page.toast(said, { label: "Undo", run: () => void view.undo() });
}

/** Makes the notebook what it was. */
export function putBackAll(view: NotebookView, page: PageActions, then: Notebook): Promise<void> {
  const operations = restoreNotebook(confirmedNotebook(view), then);
  return make(view, page, operations, "restore the notebook", "The notebook is as it was.");
}

/** Makes one cell what it was; one that was not there then is deleted. */
export function putBackCell(view: NotebookView, page: PageActions, then: Notebook, cell: CellId): Promise<void> {
  const operations = restoreCell(confirmedNotebook(view), then, cell);
  return make(view, page, operations, "restore a cell", "The cell is as it was.");
}
