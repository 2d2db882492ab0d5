/**
 * The one place of a browser (or a Node process) where documents live. Pages connect over Channels and speak
 * messages.ts. In the browser, the entry file of the SharedWorker does, and nothing more:
 *
 *     const host = new DocumentHost({
 *       store: new IndexedDbDocStore("kroma"), blocks: new IndexedDbBlockStore("kroma"),   // plugins/indexeddb/stores.ts
 *       fileBlocks: new IndexedDbBlockStore("kroma-files"),
 *       automerge: Automerge.initializeWasm(wasmUrl),             // of "@automerge/automerge/slim"
 *     });
 *     self.addEventListener("connect", (event) => host.connect(portChannel(event.ports[0])));
 *
 * In Node `automerge` is `import("@automerge/automerge").then(() => undefined)`. Messages that come before the WASM is
 * ready wait in the document's queue; `open` is answered from a stored view meanwhile. A page that died without a word
 * is told by closing its channel here: its runs are then marked lost.
 */
import * as Automerge from "@automerge/automerge/slim";
import type { Channel } from "../base/channel.ts";
import { KromaError, toWireError } from "../base/errors.ts";
import { Emitter } from "../base/events.ts";
import type { CellId, DocumentId } from "../base/ids.ts";
import type { BlockStore, DocStore } from "../store/stores.ts";
import { BesideDocuments } from "./beside.ts";
import type { NotebookDocument } from "./document.ts";
import type { FirstView } from "./first-view.ts";
import { earlierFrom, EarlierDocuments } from "./earlier-documents.ts";
import { Library } from "./library.ts";
import type { FromDocument, ToDocument } from "./messages.ts";
import type { Notebook, Run } from "./model.ts";
import { NewDocuments } from "./new-documents.ts";
import { NotebookBlocks } from "./notebook-blocks.ts";
import { OpenDocument } from "./open-document.ts";
import type { OpenDocumentOptions } from "./open-document-options.ts";
import { PageRequests } from "./page-requests.ts";
import { Pages, type Page } from "./pages.ts";
import type { Part } from "./parts.ts";
import { replicaOf, type Replica } from "./replica.ts";
import type { SignedBy } from "./signed-changes.ts";
import { StorageTroubles } from "./storage-trouble.ts";
import { readVisit, writeVisit } from "./visit.ts";

/** What a host is made of. */
export interface DocumentHostOptions {
  readonly store: DocStore;
  readonly blocks: BlockStore;
  /** For the bytes of shared files alone: what no notebook shares any more goes from there. */
  readonly fileBlocks: BlockStore;
  /** Resolves when Automerge's WASM is ready. */
  readonly automerge: Promise<void>;
  readonly now?: () => number;
  readonly random?: () => number;
  /** True: the shared files of all notebooks are fetched, whether somebody here has them open or not. */
  readonly keepsFiles?: boolean;
  /**
   * Rejects, with a sentence, where a notebook may not go on without its history: of one that is shared not everybody
   * decides that. `isAsked` when a person wants it; else it would happen by itself, and only while nothing is going on.
   */
  readonly mayReseed?: (document: DocumentId, isAsked: boolean) => Promise<void>;
  /** With so many changes a notebook goes on without its history by itself, when nobody has it open any more. */
  readonly longHistory?: number;
  /** A notebook that was removed a month ago goes for good: what else is kept for it goes first. */
  readonly purging?: (document: DocumentId) => Promise<void>;
}

/** With so many a notebook takes about a second to load, and a newcomer gets half a megabyte. */
const LONG_HISTORY = 50_000;
const RETRY_DELAY = 2000;
const LIBRARY_DELAY = 50;

/** Holds documents, applies what pages ask, and keeps everything on disk. */
export class DocumentHost {
  readonly #options: Required<Omit<DocumentHostOptions, "purging">>;
  readonly #library: Library;
  readonly #formerBlocks: NotebookBlocks;
  readonly #documents = new Map<DocumentId, OpenDocument>();
  readonly #beside: BesideDocuments;
  readonly #pages = new Pages();
  readonly #made: NewDocuments;
  readonly #requests: PageRequests;
  readonly #troubles = new StorageTroubles((storage) => this.#pages.tellAll({ type: "storage", ...storage }));
  /** How many times each document is held for peers. */
  readonly #held = new Map<DocumentId, number>();
  /** What each notebook was in before its history was shortened. */
  readonly #earlier = new Map<DocumentId, EarlierDocuments>();
  /** Who writes here in each shared notebook. */
  readonly #authors = new Map<DocumentId, string>();
  /** What the members of each shared notebook have signed. */
  readonly #signed = new Map<DocumentId, readonly SignedBy[]>();
  readonly #changed = new Emitter<{ readonly document: DocumentId; readonly part: Part }>();
  readonly #ran = new Emitter<{
    readonly document: DocumentId;
    readonly cell: CellId;
    readonly run: Run | undefined;
  }>();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #libraryTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: DocumentHostOptions) {
    this.#options = {
      now: Date.now,
      random: Math.random,
      keepsFiles: false,
      mayReseed: () => Promise.resolve(),
      longHistory: LONG_HISTORY,
      ...options,
    };
    const fileBlocks = new NotebookBlocks(options.store, options.fileBlocks, "file-block");
    this.#formerBlocks = new NotebookBlocks(options.store, options.blocks, "former-block");
    this.#library = new Library({
      store: options.store,
      now: this.#options.now,
      changed: () => this.#libraryChanged(),
      stored: (error) => this.#stored("library", error),
      purging: async (document) => {
        await fileBlocks.letGoAll(document);
        await this.#formerBlocks.letGoAll(document);
        await options.purging?.(document);
      },
    });
    this.#beside = new BesideDocuments({
      ...this.#options,
      fileBlocks,
      me: (id) => this.#authors.get(id),
      seed: (id) => this.#documents.get(id)?.seed,
      notebook: (id) => (work) => this.#document(id).read(work),
      emit: (id, event) => this.#pages.tell(id, event),
      changed: (document, part) => this.#changed.emit({ document, part }),
      durable: (id) => this.#release(id),
      stored: (id, error) => this.#stored(id, error),
    });
    const common = {
      ...this.#options,
      library: this.#library,
      document: (id: DocumentId) => this.#document(id),
      earlier: (id: DocumentId) => this.#earlierOf(id),
      release: (id: DocumentId) => this.#release(id),
    };
    this.#made = new NewDocuments({ ...common, start: (id, initial) => this.#start(id, initial) });
    this.#requests = new PageRequests({
      ...common,
      pages: this.#pages,
      signed: (id) => this.#signed.get(id) ?? [],
      beside: this.#beside,
      made: this.#made,
      leave: (page, id) => this.#leave(page, id),
      reseed: (id) => this.#reseed(id, true),
      ran: (document, cell, run) => this.#ran.emit({ document, cell, run }),
      flush: () => this.flush(),
    });
    // A failed start is told by the storage event.
    this.#options.automerge.catch(() => undefined);
  }

  /** Serves one page until its channel closes. */
  connect(channel: Channel<ToDocument, FromDocument>): void {
    const page = this.#pages.add(channel);
    channel.receive((message) => {
      this.#requests.answer(page, message).catch((error: unknown) => {
        channel.send({ type: "failed", parent: message.id, error: toWireError(error) });
      });
    });
    channel.onClose(() => {
      this.#pages.remove(page);
      for (const document of page.open.keys()) this.#leave(page, document);
    });
    if (this.#troubles.present.state !== "ok") channel.send({ type: "storage", ...this.#troubles.present });
  }

  /** Calls `listener` with each part of a notebook that has changed, whoever changed it. Returns the way to stop. */
  onChanged(listener: (document: DocumentId, part: Part) => void): () => void {
    return this.#changed.on(({ document, part }) => listener(document, part));
  }

  /** Calls `listener` with each run of a page as it goes on, and without one when it has ended. Returns the way to stop. */
  onRun(listener: (document: DocumentId, cell: CellId, run: Run | undefined) => void): () => void {
    return this.#ran.on(({ document, cell, run }) => listener(document, cell, run));
  }

  /**
   * Keeps a notebook loaded for peers until it is released; undefined when there is none of this id. What the host
   * holds in memory grows with it, as with one that a page has open.
   */
  async hold(document: DocumentId): Promise<Replica | undefined> {
    this.#hold(document);
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      this.#letGo(document);
    };
    try {
      await this.#document(document).heads();
    } catch (error) {
      release();
      if (error instanceof KromaError && error.code === "missing") return undefined;
      throw error;
    }
    const beside = this.#beside;
    const [hasComments, hasFiles] = await Promise.all([
      beside.comments(document).isReadable(),
      beside.files(document).isReadable(),
    ]);
    return replicaOf({
      open: () => this.#document(document),
      comments: () => (hasComments ? beside.comments(document) : undefined),
      files: () => (hasFiles ? beside.files(document) : undefined),
      blocks: this.#options.blocks,
      release,
    });
  }

  /** What is written here in this notebook from now on says that this member wrote it. Loads nothing for that. */
  async setAuthor(document: DocumentId, member: string): Promise<void> {
    this.#authors.set(document, member);
    if (!this.#documents.has(document)) {
      const visit = await readVisit(this.#options.store, document);
      if (visit.author !== member)
        await this.#options.store.write({ put: [writeVisit(document, { ...visit, author: member })] });
    }
    // It may have been opened meanwhile.
    await this.#documents.get(document)?.setAuthor(member);
  }

  /** The history names, from now on, those who have signed these changes, and nobody else but who writes here. */
  setSigned(document: DocumentId, signed: readonly SignedBy[]): void {
    this.#signed.set(document, signed);
    this.#pages.tell(document, { type: "signed", document });
  }

  /**
   * Takes a notebook that came whole from a peer, saved or as it is: it is foreign until someone here trusts it. What it
   * is given as it is belongs to the host from then on. It stays loaded for peers, as by `hold`.
   */
  async adopt(document: DocumentId, content: Uint8Array | NotebookDocument): Promise<Replica | undefined> {
    await this.#library.load();
    // Held before it is stored: else it would be let go then, and loaded again.
    const [adopted, held] = await Promise.allSettled([this.#made.adopt(document, content), this.hold(document)]);
    if (adopted.status === "fulfilled" && held.status === "fulfilled") return held.value;
    if (held.status === "fulfilled") held.value?.release();
    throw adopted.status === "rejected" ? adopted.reason : (held as PromiseRejectedResult).reason;
  }

  /**
   * Shows what a peer says is in a notebook that is still coming, to pages that open it, until it is adopted or given up.
   * False when it is here already.
   */
  async expect(document: DocumentId, view: FirstView): Promise<boolean> {
    await this.#library.load();
    if (this.#closed || this.#documents.has(document)) return false;
    this.#made.expect(document, view);
    return true;
  }

  /** The notebook does not come any more: whoever has it open hears so when they next ask for anything. */
  giveUp(document: DocumentId): void {
    this.#made.giveUp(document);
  }

  /** The notebook as it is now. */
  async notebook(document: DocumentId): Promise<Notebook> {
    const notebook = await this.#document(document).notebook();
    this.#release(document);
    return notebook;
  }

  /** Takes in changes from a peer. They are looked at first: `corrupt` or `exhausted` when they are not fit to load. */
  async applyChanges(document: DocumentId, changes: readonly Uint8Array[]): Promise<void> {
    await this.#document(document).applyChanges(changes);
    this.#release(document);
  }

  /** The changes that someone with these heads lacks; all of them for no heads. */
  async changesSince(document: DocumentId, heads: readonly string[]): Promise<readonly Uint8Array[]> {
    const changes = await this.#document(document).changesSince(heads);
    this.#release(document);
    return changes;
  }

  /** The hashes of the latest changes. */
  async heads(document: DocumentId): Promise<readonly string[]> {
    const heads = await this.#document(document).heads();
    this.#release(document);
    return heads;
  }

  /** Resolves when everything done so far is on disk; fails when it can't be put there. */
  async flush(): Promise<void> {
    const all = [...this.#documents.values(), this.#beside, this.#library];
    const flushed = await Promise.allSettled(all.map((one) => one.flush()));
    await this.#library.flush();
    for (const result of flushed) if (result.status === "rejected") throw result.reason;
  }

  /** Writes what is not written and ends. */
  async close(): Promise<void> {
    await this.flush().catch(() => undefined);
    if (this.#libraryTimer) clearTimeout(this.#libraryTimer);
    if (this.#retry) clearTimeout(this.#retry);
    this.#closed = true;
    this.#pages.closeAll();
    this.#beside.closeAll();
    for (const earlier of this.#earlier.values()) earlier.close();
    for (const document of this.#documents.values()) document.close();
    this.#documents.clear();
    this.#options.store.close();
  }

  #hold(document: DocumentId): void {
    this.#held.set(document, (this.#held.get(document) ?? 0) + 1);
  }

  #letGo(document: DocumentId): void {
    this.#held.set(document, (this.#held.get(document) ?? 1) - 1);
    this.#release(document);
  }

  #document(document: DocumentId): OpenDocument {
    return this.#documents.get(document) ?? this.#start(document, undefined);
  }

  #earlierOf(id: DocumentId): EarlierDocuments {
    const known = this.#earlier.get(id);
    if (known) return known;
    const made = new EarlierDocuments(
      earlierFrom(this.#options.blocks, (cid) => this.#document(id).reseeds.wanted(cid)),
    );
    this.#earlier.set(id, made);
    return made;
  }

  #start(id: DocumentId, initial: OpenDocumentOptions["initial"]): OpenDocument {
    const document = new OpenDocument({
      ...this.#options,
      id,
      ...(initial ? { initial } : {}),
      formerBlocks: this.#formerBlocks,
      keepsFormer: this.#options.keepsFiles,
      signed: () => this.#signed.get(id) ?? [],
      emit: (event) => {
        this.#pages.tell(id, event);
        if (event.type === "durable") return this.#release(id);
        this.#changed.emit({ document: id, part: "notebook" });
        this.#beside.notebookChanged(id, event);
      },
      wants: () => this.#changed.emit({ document: id, part: "notebook" }),
      describe: (notebook) => this.#library.describe(id, notebook),
      stored: (error) => this.#stored(id, error),
    });
    this.#documents.set(id, document);
    document.heads().catch(() => {
      // It could not be loaded; the next one who asks tries again.
      if (this.#documents.get(id) === document) this.#documents.delete(id);
    });
    return document;
  }

  #leave(page: Page, document: DocumentId): void {
    if (!this.#pages.leave(page, document)) return;
    if (!this.#pages.haveOpen(document)) {
      this.#documents.get(document)?.visit(false);
      this.#beside.left(document);
    }
    const running = page.running.get(document);
    page.running.delete(document);
    for (const cell of running ?? []) this.#ran.emit({ document, cell, run: undefined });
    const open = this.#documents.get(document);
    if (open && running?.size) open.lose(running).catch(() => undefined);
    // Where it can't be, or may not be, the history stays as it is.
    if (open && !this.#pages.haveOpen(document)) this.#shorten(document, open).catch(() => undefined);
    this.#release(document);
  }

  /** Nobody has it open any more: the time for a history that has grown long to be put away. */
  async #shorten(id: DocumentId, open: OpenDocument): Promise<void> {
    const { longHistory } = this.#options;
    this.#hold(id);
    try {
      if (!(await open.read((document) => Automerge.stats(document).numChanges >= longHistory))) return;
      await this.#library.load();
      const { entries } = this.#library;
      // What was made apart has to be merged some day, and that is easier without.
      if (entries.some(({ document, branchOf }) => branchOf?.document === id || (document === id && branchOf))) return;
      await open.flush();
      if (!this.#pages.haveOpen(id)) await this.#reseed(id, false);
    } finally {
      this.#letGo(id);
    }
  }

  async #reseed(id: DocumentId, isAsked: boolean): Promise<void> {
    await this.#options.mayReseed(id, isAsked);
    // Comments have to know where they are, to be there in the new document too.
    await this.#beside.comments(id).isReadable();
    await this.#document(id).reseeds.begin();
  }

  /** Lets go of a document that nobody has open, once it is on disk. */
  #release(id: DocumentId): void {
    const document = this.#documents.get(id);
    if (document === undefined || this.#isOpen(id)) return;
    Promise.all([this.#beside.settle(id), document.flush()]).then(
      ([besideCanGo]) => {
        if (this.#isOpen(id) || !document.isIdle || this.#documents.get(id) !== document || !besideCanGo()) return;
        this.#documents.delete(id);
        this.#beside.close(id);
        document.close();
      },
      // It stays in memory, and its own retries go on.
      () => undefined,
    );
  }

  #isOpen(id: DocumentId): boolean {
    return (this.#held.get(id) ?? 0) > 0 || this.#pages.haveOpen(id);
  }

  #libraryChanged(): void {
    this.#libraryTimer ??= setTimeout(() => {
      this.#libraryTimer = undefined;
      this.#pages.tellAll({ type: "library", entries: this.#library.entries });
    }, LIBRARY_DELAY);
  }

  #stored(what: DocumentId | "library", error: unknown): void {
    // Documents try again by themselves; the list may not have been read while the store was away.
    if (what === "library" && error !== undefined && !this.#closed) {
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => {
        void this.#library
          .load()
          .then(() => this.#library.flush())
          .catch(() => undefined);
      }, RETRY_DELAY);
    }
    this.#troubles.note(what, error);
  }
}
