/** How notebooks come to be: empty, from a file, as a copy or a branch of another, or whole from a peer. */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import { newCellId, newDocumentId, type DocumentId, type RunId } from "../base/ids.ts";
import type { BlockStore } from "../store/stores.ts";
import { documentOf, type NotebookDocument, type NotebookRecord } from "./document.ts";
import { DocumentHistory } from "./document-history.ts";
import type { EarlierDocuments } from "./earlier-documents.ts";
import { type FirstView, notebookOfView } from "./first-view.ts";
import { readFile, titleOf } from "./formats.ts";
import { describeNotebook, type Library } from "./library.ts";
import type { LibraryEntry, ToDocument } from "./messages.ts";
import type { Notebook } from "./model.ts";
import type { OpenDocument } from "./open-document.ts";
import type { OpenDocumentOptions } from "./open-document-options.ts";
import { storeRunBody, type RunBody } from "./run-body.ts";

/** Where they go. The library has been read before any is made. */
export interface NewDocumentsOptions {
  readonly library: Library;
  readonly blocks: BlockStore;
  /** Resolves when Automerge's WASM is ready. */
  readonly automerge: Promise<void>;
  readonly now: () => number;
  /** Begins a document with what it consists of. */
  readonly start: (document: DocumentId, initial: OpenDocumentOptions["initial"]) => OpenDocument;
  /** One that there is already. */
  readonly document: (document: DocumentId) => OpenDocument;
  /** Those that it was in before. */
  readonly earlier: (document: DocumentId) => EarlierDocuments;
  /** It may go from memory. */
  readonly release: (document: DocumentId) => void;
}

interface Coming {
  readonly entry: LibraryEntry;
  readonly arrive: (document: NotebookDocument) => void;
  readonly fail: (reason: KromaError) => void;
}

type ImportRequest = Extract<ToDocument, { readonly type: "import" }>;

export class NewDocuments {
  readonly #options: NewDocumentsOptions;
  readonly #imports = new Map<string, Promise<unknown>>();
  /** Notebooks that are shown before they are here. */
  readonly #coming = new Map<DocumentId, Coming>();

  constructor(options: NewDocumentsOptions) {
    this.#options = options;
  }

  /** A notebook with one empty cell. */
  create(title: string, language: string | undefined): Promise<DocumentId> {
    return this.#create(emptyNotebook(title, language), {});
  }

  /** A notebook of a file, or the one that was made of the same origin when that is asked for. Gives what is replied. */
  import(message: ImportRequest): Promise<unknown> {
    const { origin } = message;
    if (!message.once || origin === undefined) return this.#import(message);
    const known = this.#options.library.byOrigin(origin);
    if (known) return Promise.resolve({ document: known.document, warnings: [] });
    // Two tabs that open the same shipped notebook at the same time get the same document.
    const underWay = this.#imports.get(origin);
    if (underWay) return underWay;
    const started = this.#import(message).finally(() => this.#imports.delete(origin));
    this.#imports.set(origin, started);
    return started;
  }

  async duplicate(document: DocumentId): Promise<DocumentId> {
    const { library, start, release } = this.#options;
    const original = this.#options.document(document);
    const notebook = await original.notebook();
    const title = `${notebook.title} (copy)`;
    const copy = newDocumentId();
    const { foreign = false, artefact } = library.get(document) ?? {};
    const facts = artefact ? { foreign, artefact: { ...artefact, isFork: true } } : { foreign };
    library.add(this.#entry(copy, { ...notebook, title }, facts));
    await start(copy, { bytes: await original.save() }).change([{ type: "set_title", title }]);
    release(copy);
    return copy;
  }

  /** A notebook of a state of another, with the history up to there. */
  async branch(document: DocumentId, heads: readonly string[], title: string): Promise<DocumentId> {
    const { library, blocks, start, release } = this.#options;
    const history = new DocumentHistory(this.#options.document(document), blocks, this.#options.earlier(document));
    const bytes = await history.upTo(heads);
    const branch = newDocumentId();
    const { foreign } = library.get(document) ?? { foreign: false };
    const started = start(branch, { bytes });
    await started.change([{ type: "set_title", title }]);
    library.add(this.#entry(branch, await started.notebook(), { foreign, branchOf: { document, heads } }));
    release(branch);
    return branch;
  }

  /** One that is still coming from a peer: until `adopt` or `giveUp` it can be opened, and is what the peer says. */
  expect(document: DocumentId, view: FirstView): void {
    const notebook = notebookOfView(view);
    const { promise, resolve, reject } = Promise.withResolvers<NotebookDocument>();
    this.#options.start(document, { view: notebook, coming: promise });
    const entry = this.#entry(document, notebook, { foreign: true });
    this.#coming.set(document, { entry, arrive: resolve, fail: reject });
  }

  /** It does not come any more. */
  giveUp(document: DocumentId): void {
    this.#coming
      .get(document)
      ?.fail(new KromaError("missing", "This notebook has not come: nobody sends it any more."));
    this.#coming.delete(document);
  }

  /** What is said in the library's place of a notebook that is still coming. It is listed once it is here. */
  entryOfComing(document: DocumentId): LibraryEntry | undefined {
    return this.#coming.get(document)?.entry;
  }

  /** One that came whole from a peer: it is foreign until someone here trusts it. */
  async adopt(document: DocumentId, content: Uint8Array | NotebookDocument): Promise<void> {
    const { library, start, release } = this.#options;
    const coming = this.#coming.get(document);
    this.#coming.delete(document);
    coming?.arrive(content instanceof Uint8Array ? Automerge.load<NotebookRecord>(content) : content);
    const open = coming
      ? this.#options.document(document)
      : start(document, content instanceof Uint8Array ? { bytes: content } : { document: content });
    const notebook = await open.notebook();
    library.add(this.#entry(document, notebook, { foreign: true }));
    await open.flush();
    release(document);
  }

  /** A document that is stored but not listed, as after a crash between the two writes, is listed. */
  list(document: DocumentId, notebook: Notebook): LibraryEntry {
    const entry = this.#entry(document, notebook, {});
    this.#options.library.add(entry);
    return entry;
  }

  async #import(message: ImportRequest): Promise<unknown> {
    const { notebook, warnings } = readFile(message.name, message.bytes);
    const document = await this.#create(notebook, {
      title: notebook.title === "" ? titleOf(message.name) : notebook.title,
      ...(message.origin === undefined ? {} : { origin: message.origin }),
      ...(message.artefact === undefined ? {} : { artefact: message.artefact }),
      foreign: message.foreign ?? false,
    });
    return { document, warnings };
  }

  /**
   * A new document of a plain notebook. Its content is one change that depends on nothing else; what depends on
   * circumstances, like a title made of a file's name, is a second change.
   */
  async #create(
    notebook: Notebook,
    {
      title = notebook.title,
      ...facts
    }: { title?: string } & Partial<Pick<LibraryEntry, "origin" | "artefact" | "foreign">>,
  ): Promise<DocumentId> {
    const { library, blocks, automerge, start, release } = this.#options;
    const bodies = new Map<RunId, RunBody>();
    for (const { run } of notebook.cells) {
      if (run) bodies.set(run.id, await storeRunBody(run, blocks));
    }
    await automerge;
    const made = await documentOf(notebook, bodies);
    const initial = Automerge.save(made);
    Automerge.free(made);
    const document = newDocumentId();
    library.add(this.#entry(document, { ...notebook, title }, facts));
    await start(document, { bytes: initial, title }).heads();
    release(document);
    return document;
  }

  #entry(document: DocumentId, notebook: Notebook, facts: Partial<LibraryEntry>): LibraryEntry {
    return { document, changed: this.#options.now(), foreign: false, ...facts, ...describeNotebook(notebook) };
  }
}

function emptyNotebook(title: string, language = "python"): Notebook {
  const cell = {
    id: newCellId(),
    kind: "code",
    language,
    source: "",
    textVersion: 0,
    metadata: {},
    run: undefined,
  } as const;
  return { title, language, metadata: {}, cells: [cell] };
}
