/** What an open document needs of its host: where it is kept, time, what it begins with, and who is told. */
import type { DocumentId } from "../base/ids.ts";
import type { BlockStore, DocStore } from "../store/stores.ts";
import type { NotebookDocument } from "./document.ts";
import type { FromDocument } from "./messages.ts";
import type { NotebookBlocks } from "./notebook-blocks.ts";
import type { Notebook } from "./model.ts";
import type { SignedBy } from "./signed-changes.ts";

/** What `open` tells a page. */
export interface Opened {
  readonly notebook: Notebook;
  readonly heads: readonly string[];
  readonly fromCache: boolean;
}

/** What an open document needs, and whom it tells. */
export interface OpenDocumentOptions {
  readonly id: DocumentId;
  readonly store: DocStore;
  readonly blocks: BlockStore;
  /** For the documents that notebooks were before. */
  readonly formerBlocks: NotebookBlocks;
  /** True: all of them are fetched, whether somebody wants them or not. */
  readonly keepsFormer: boolean;
  /** Automerge's WASM is ready. */
  readonly automerge: Promise<void>;
  readonly now: () => number;
  readonly random: () => number;
  /** A new document: its bytes and the title it has by circumstance, or as it is. Without it it is read from the store. */
  readonly initial?:
    | { readonly bytes: Uint8Array; readonly title?: string }
    | { readonly document: NotebookDocument }
    /** It is still on its way, and this can be shown until it is here. */
    | { readonly view: Notebook; readonly coming: Promise<NotebookDocument> };
  /** What its members have signed of it, as far as that is known. */
  signed(): readonly SignedBy[];
  /** An event for every page that has it open. */
  emit(event: Extract<FromDocument, { readonly document: DocumentId }>): void;
  /** Somebody waits for a block that only a peer can give. */
  wants(): void;
  /** The notebook changed; called at most once a second, and at once for a new title. */
  describe(notebook: Notebook): void;
  /** A write succeeded, or failed with this. */
  stored(error: unknown): void;
}
