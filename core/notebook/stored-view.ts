/**
 * The small JSON view of a document that is stored beside it, so that a page has something to paint before Automerge
 * is there. It may be a second old: what differs is told when the document is loaded.
 */
import type { CellId, DocumentId } from "../base/ids.ts";
import type { BlockStore, DocStore } from "../store/stores.ts";
import { viewKey } from "./document-log.ts";
import type { Cell, Notebook } from "./model.ts";
import { loadRunBody } from "./run-body.ts";

interface StoredView {
  readonly version: 1;
  readonly notebook: Notebook;
  /** CIDs of outputs that are blocks, by cell. */
  readonly blocks: Readonly<Record<string, string>>;
}

/** The view as bytes; outputs that are blocks are left out of it. */
export function writeStoredView(notebook: Notebook, block: (cell: CellId) => string | undefined): Uint8Array {
  const blocks: Record<string, string> = {};
  const cells = notebook.cells.map((cell) => {
    const cid = block(cell.id);
    if (cid === undefined || cell.run === undefined) return cell;
    blocks[cell.id] = cid;
    return { ...cell, run: { ...cell.run, outputs: [] } };
  });
  const view: StoredView = { version: 1, notebook: { ...notebook, cells }, blocks };
  return new TextEncoder().encode(JSON.stringify(view));
}

/** The stored view with its outputs; undefined when there is none, or none that can be read. */
export async function readStoredView(
  store: DocStore,
  blocks: BlockStore,
  document: DocumentId,
): Promise<Notebook | undefined> {
  try {
    const bytes = await store.load(viewKey(document));
    if (bytes === undefined) return undefined;
    const view = JSON.parse(new TextDecoder().decode(bytes)) as StoredView;
    if (view.version !== 1) return undefined;
    const cells = await Promise.all(
      view.notebook.cells.map(async (cell): Promise<Cell> => {
        const cid = view.blocks[cell.id];
        // JSON has no undefined: a cell without a run comes back without the field.
        if (cell.run === undefined || cid === undefined) return { ...cell, run: cell.run };
        const content = await loadRunBody({ cid }, blocks);
        return { ...cell, run: { ...cell.run, ...content } };
      }),
    );
    return { ...view.notebook, cells };
  } catch {
    // The view is a copy: without it the page waits for the document.
    return undefined;
  }
}
