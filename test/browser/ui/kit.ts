/** A real document host in this page, and pages connected to it, as the document worker would have them. */
import { initializeWasm } from "@automerge/automerge/slim";
import automergeWasm from "@automerge/automerge/automerge.wasm?url";
import { channelPair } from "#core/base/channel.ts";
import type { CellId, DocumentId } from "#core/base/ids.ts";
import { LibraryClient, type NotebookClient } from "#core/notebook/client.ts";
import { DocumentHost } from "#core/notebook/host.ts";
import type { FromDocument, ToDocument } from "#core/notebook/messages.ts";
import { MemoryBlockStore, MemoryDocStore } from "#core/store/memory.ts";

const automerge = initializeWasm(fetch(automergeWasm) as unknown as Promise<Uint8Array>);

/** A host with as many pages as asked, all with the same notebook of these cells open. */
export async function openPages(
  count: number,
  sources: readonly string[],
  now: () => number = Date.now,
): Promise<{
  readonly host: DocumentHost;
  readonly pages: readonly NotebookClient[];
  readonly cells: readonly CellId[];
  /** Opens a notebook in the first page. */
  readonly openInFirst: (document: DocumentId) => Promise<NotebookClient>;
  readonly close: () => void;
}> {
  const host = new DocumentHost({
    store: new MemoryDocStore(),
    blocks: new MemoryBlockStore(),
    fileBlocks: new MemoryBlockStore(),
    automerge,
    now,
  });
  const libraries = Array.from({ length: count }, () => {
    const [page, worker] = channelPair<FromDocument, ToDocument>();
    const library = new LibraryClient(page);
    host.connect(worker);
    return library;
  });
  const [first] = libraries;
  if (!first) throw new Error("no page");
  const document = await first.create("Test", "python");
  const pages = await Promise.all(libraries.map((library) => library.open(document)));
  const [page] = pages as [NotebookClient];
  const before = page.notebook.cells[0];
  await page.change([
    ...sources.map(
      (source, index) =>
        ({
          type: "insert_cell",
          after: index === 0 ? undefined : (`cell-${index - 1}` as CellId),
          cell: { id: `cell-${index}` as CellId, kind: "code", language: "python", source },
        }) as const,
    ),
    ...(before ? [{ type: "delete_cell", cell: before.id } as const] : []),
  ]);
  return {
    host,
    pages,
    cells: sources.map((_, index) => `cell-${index}` as CellId),
    openInFirst: (other) => first.open(other),
    close: () => void host.close(),
  };
}

/** The library of a page, with nothing in it yet. */
export function openLibrary(): { readonly library: LibraryClient; readonly close: () => void } {
  const host = new DocumentHost({
    store: new MemoryDocStore(),
    blocks: new MemoryBlockStore(),
    fileBlocks: new MemoryBlockStore(),
    automerge,
  });
  const [page, worker] = channelPair<FromDocument, ToDocument>();
  const library = new LibraryClient(page);
  host.connect(worker);
  return { library, close: () => void host.close() };
}

/** Resolves when `condition` holds, looked at after every task. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve));
  }
  throw new Error(`Never came true: ${what}`);
}
