/** A document host with pages connected to it, all in this thread, over stores that a test can break. */
import "@automerge/automerge";
import { channelPair } from "#core/base/channel.ts";
import type { KromaError } from "#core/base/errors.ts";
import type { CellId, DocumentId, RunId } from "#core/base/ids.ts";
import { LibraryClient, type NotebookClient } from "#core/notebook/client.ts";
import { DocumentHost } from "#core/notebook/host.ts";
import type { FromDocument, ToDocument } from "#core/notebook/messages.ts";
import type { Cell, NewCell, Notebook, Run } from "#core/notebook/model.ts";
import { MemoryBlockStore, MemoryDocStore } from "#core/store/memory.ts";

/** A store whose writes fail while `failure` is set. */
export class BreakableStore extends MemoryDocStore {
  failure: KromaError | undefined;

  override async write(batch: Parameters<MemoryDocStore["write"]>[0]): Promise<void> {
    if (this.failure) throw this.failure;
    await super.write(batch);
  }

  /** It survives its host, as a disk does. */
  override close(): void {}
}

/** Connects a page to a host. */
export function connect(host: DocumentHost): LibraryClient {
  const [page, worker] = channelPair<FromDocument, ToDocument>();
  const library = new LibraryClient(page);
  host.connect(worker);
  return library;
}

/** A host on a store, with one page. */
export function startHost(
  options: {
    store?: BreakableStore;
    blocks?: MemoryBlockStore;
    fileBlocks?: MemoryBlockStore;
    automerge?: Promise<void>;
    now?: () => number;
    keepsFiles?: boolean;
    longHistory?: number;
    mayReseed?: (document: DocumentId, isAsked: boolean) => Promise<void>;
    purging?: (document: DocumentId) => Promise<void>;
  } = {},
): {
  host: DocumentHost;
  library: LibraryClient;
  store: BreakableStore;
  blocks: MemoryBlockStore;
  fileBlocks: MemoryBlockStore;
} {
  const store = options.store ?? new BreakableStore();
  const blocks = options.blocks ?? new MemoryBlockStore();
  const fileBlocks = options.fileBlocks ?? new MemoryBlockStore();
  const host = new DocumentHost({ automerge: Promise.resolve(), ...options, store, blocks, fileBlocks });
  return { host, library: connect(host), store, blocks, fileBlocks };
}

export const cellId = (id: string): CellId => id as CellId;

/** A code cell to insert. */
export function newCell(id: string, source: string, more: Partial<NewCell> = {}): NewCell {
  return { id: cellId(id), kind: "code", language: "python", source, ...more };
}

/** A finished run with one line of output. */
export function newRun(id: string, text: string, more: Partial<Run> = {}): Run {
  return {
    id: id as RunId,
    status: "ok",
    count: 1,
    started: 1000,
    ms: 5,
    sourceHash: "x",
    outputs: [{ output_type: "stream", name: "stdout", text }],
    ...more,
  };
}

export const sources = (client: NotebookClient): readonly string[] => client.notebook.cells.map((cell) => cell.source);
export const ids = (client: NotebookClient): readonly string[] => client.notebook.cells.map((cell) => cell.id);

/** A notebook without what counts up while it is open. */
export function plain(notebook: Notebook): unknown {
  return { ...notebook, cells: notebook.cells.map((cell: Cell) => ({ ...cell, textVersion: 0 })) };
}

/** Resolves once `client` says that everything is on disk. */
export function saved(client: NotebookClient): Promise<void> {
  return new Promise((resolve) => {
    if (client.saved) {
      resolve();
      return;
    }
    const stop = client.onSaved((isSaved) => {
      if (!isSaved) return;
      stop();
      resolve();
    });
  });
}

/** A notebook of these cells, open. */
export async function openWith(library: LibraryClient, cells: readonly NewCell[]): Promise<NotebookClient> {
  const client = await library.open(await library.create("Test"));
  const [first] = client.notebook.cells;
  await client.change([
    ...cells.map((cell, index) => ({ type: "insert_cell", cell, after: cells[index - 1]?.id }) as const),
    ...(first ? [{ type: "delete_cell", cell: first.id } as const] : []),
  ]);
  return client;
}
