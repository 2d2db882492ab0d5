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
import type { Channel } from "../base/channel.ts";
import { KromaError, toWireError } from "../base/errors.ts";
import { Emitter } from "../base/events.ts";
import { newCellId, newDocumentId, type CellId, type DocumentId, type RunId } from "../base/ids.ts";
import type { BlockStore, DocStore } from "../store/stores.ts";
import * as Automerge from "@automerge/automerge/slim";
import { BesideDocuments } from "./beside.ts";
import { mergeBack, previewMerge } from "./branches.ts";
import { documentOf } from "./document.ts";
import { DocumentHistory } from "./document-history.ts";
import { readFile, titleOf, writeFile } from "./formats.ts";
import { describeNotebook, Library } from "./library.ts";
import type { FromDocument, LibraryEntry, ToDocument } from "./messages.ts";
import type { Notebook, Run } from "./model.ts";
import { OpenDocument, type OpenDocumentOptions } from "./open-document.ts";
import type { Part } from "./parts.ts";
import { replicaOf, type Replica } from "./replica.ts";
import { FileBlocks } from "./file-blocks.ts";
import { storeRunBody, type RunBody } from "./run-body.ts";
import { STORED, storageTrouble, type Storage } from "./storage-trouble.ts";
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
  /** A notebook that was removed a month ago goes for good: what else is kept for it goes first. */
  readonly purging?: (document: DocumentId) => Promise<void>;
}

interface Connection {
  readonly channel: Channel<ToDocument, FromDocument>;
  /** How many times each document is open here. */
  readonly open: Map<DocumentId, number>;
  /** Cells whose runs are under way here. */
  readonly running: Map<DocumentId, Set<CellId>>;
}

const RETRY_DELAY = 2000;
const LIBRARY_DELAY = 50;

/** Holds documents, applies what pages ask, and keeps everything on disk. */
export class DocumentHost {
  readonly #options: Required<Omit<DocumentHostOptions, "purging">>;
  readonly #library: Library;
  readonly #documents = new Map<DocumentId, OpenDocument>();
  readonly #beside: BesideDocuments;
  readonly #connections = new Set<Connection>();
  /** How many times each document is held for peers. */
  readonly #held = new Map<DocumentId, number>();
  readonly #changed = new Emitter<{ readonly document: DocumentId; readonly part: Part }>();
  readonly #ran = new Emitter<{
    readonly document: DocumentId;
    readonly cell: CellId;
    readonly run: Run | undefined;
  }>();
  readonly #imports = new Map<string, Promise<unknown>>();
  /** Which notebooks, or the list of them, could not be stored when it was last tried. */
  readonly #troubles = new Map<DocumentId | "library", Storage>();
  #storage: Storage = STORED;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #libraryTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: DocumentHostOptions) {
    this.#options = { now: Date.now, random: Math.random, keepsFiles: false, ...options };
    const fileBlocks = new FileBlocks(options.store, options.fileBlocks);
    this.#library = new Library({
      store: options.store,
      now: this.#options.now,
      changed: () => this.#libraryChanged(),
      stored: (error) => this.#stored("library", error),
      async purging(document) {
        await fileBlocks.letGoAll(document);
        await options.purging?.(document);
      },
    });
    this.#beside = new BesideDocuments({
      ...this.#options,
      fileBlocks,
      notebook: (id) => (work) => this.#document(id).read(work),
      emit: (id, event) => this.#tellPages(id, event),
      changed: (document, part) => this.#changed.emit({ document, part }),
      durable: (id) => this.#release(id),
      stored: (id, error) => this.#stored(id, error),
    });
    // A failed start is told by the storage event.
    this.#options.automerge.catch(() => undefined);
  }

  /** Serves one page until its channel closes. */
  connect(channel: Channel<ToDocument, FromDocument>): void {
    const connection: Connection = { channel, open: new Map(), running: new Map() };
    this.#connections.add(connection);
    channel.receive((message) => {
      this.#receive(connection, message).catch((error: unknown) => {
        channel.send({ type: "failed", parent: message.id, error: toWireError(error) });
      });
    });
    channel.onClose(() => {
      this.#connections.delete(connection);
      for (const document of connection.open.keys()) this.#leave(connection, document);
    });
    if (this.#storage.state !== "ok") channel.send({ type: "storage", ...this.#storage });
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
    this.#held.set(document, (this.#held.get(document) ?? 0) + 1);
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      this.#held.set(document, (this.#held.get(document) ?? 1) - 1);
      this.#release(document);
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
    if (!this.#documents.has(document)) {
      const visit = await readVisit(this.#options.store, document);
      if (visit.author !== member)
        await this.#options.store.write({ put: [writeVisit(document, { ...visit, author: member })] });
    }
    // It may have been opened meanwhile.
    await this.#documents.get(document)?.setAuthor(member);
  }

  /** Takes a notebook that came whole from a peer: it is foreign until someone here trusts it. */
  async adopt(document: DocumentId, bytes: Uint8Array): Promise<void> {
    await this.#library.load();
    const open = this.#start(document, { bytes });
    const notebook = await open.notebook();
    this.#library.add(this.#entry(document, notebook, { foreign: true }));
    await open.flush();
    this.#release(document);
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
    for (const { channel } of this.#connections) channel.close();
    this.#beside.closeAll();
    for (const document of this.#documents.values()) document.close();
    this.#documents.clear();
    this.#options.store.close();
  }

  async #receive(connection: Connection, message: ToDocument): Promise<void> {
    const reply = (value: unknown, transfer: Transferable[] = []) =>
      connection.channel.send({ type: "reply", parent: message.id, value }, transfer);
    switch (message.type) {
      case "list":
        await this.#library.load();
        reply({ entries: this.#library.entries });
        return;
      case "create":
        await this.#library.load();
        reply({ document: await this.#create(newNotebook(message.title, message.language), {}) });
        return;
      case "import":
        await this.#library.load();
        reply(await this.#importOnce(message));
        return;
      case "flush":
        await this.flush();
        reply({});
        return;
      default:
        await this.#receiveForDocument(connection, message, reply);
    }
  }

  async #receiveForDocument(
    connection: Connection,
    message: Extract<ToDocument, { readonly document: DocumentId }>,
    reply: (value: unknown, transfer?: Transferable[]) => void,
  ): Promise<void> {
    const { document } = message;
    switch (message.type) {
      case "open":
        await this.#library.load();
        await this.#document(document).open(({ notebook, heads, fromCache }) => {
          this.#documents.get(document)?.visit(true);
          connection.open.set(document, (connection.open.get(document) ?? 0) + 1);
          const entry = this.#library.get(document) ?? this.#adopt(document, notebook);
          reply({ notebook, heads, entry, fromCache });
        });
        return;
      case "close":
        this.#leave(connection, document);
        reply({});
        return;
      case "edit":
        reply({ accepted: await this.#document(document).edit(message.cell, message.version, message.updates) });
        break;
      case "change": {
        await this.#library.load();
        const inverse = await this.#document(document).change(message.operations);
        for (const operation of message.operations) {
          if (operation.type !== "set_run" || !connection.running.get(document)?.delete(operation.cell)) continue;
          this.#ran.emit({ document, cell: operation.cell, run: undefined });
        }
        reply({ inverse });
        break;
      }
      case "run_progress": {
        const running = connection.running.get(document) ?? new Set();
        connection.running.set(document, running.add(message.cell));
        this.#document(document).progress(message.cell, message.run);
        this.#ran.emit({ document, cell: message.cell, run: message.run });
        reply({});
        break;
      }
      case "history":
        reply(await this.#history(document).page(message.from, message.sessions));
        break;
      case "past":
        reply(await this.#history(document).past(message.heads, message.before));
        break;
      case "changed_by":
        reply(await this.#history(document).changedBy(message.which));
        break;
      case "away":
        reply(await this.#history(document).away(await this.#document(document).lastVisit()));
        break;
      case "export": {
        const bytes = writeFile(await this.#document(document).notebook(), message.format);
        reply({ bytes }, [bytes.buffer as ArrayBuffer]);
        break;
      }
      case "relay":
        for (const other of this.#connections) {
          if (other === connection || !other.open.has(document)) continue;
          other.channel.send({ type: "relayed", document, payload: message.payload });
        }
        reply({});
        return;
      case "open_comments":
        await this.#beside.comments(document).open((threads) => reply({ threads }));
        break;
      case "comment":
        await this.#beside.comments(document).perform(message.operation);
        reply({});
        break;
      case "open_files":
        await this.#beside.files(document).open((shared) => reply(shared));
        break;
      case "change_files":
        await this.#beside.files(document).perform(message.operation);
        reply({});
        break;
      case "read_file": {
        const bytes = await this.#beside.files(document).read(message.path);
        reply({ bytes }, [bytes.buffer as ArrayBuffer]);
        break;
      }
      case "duplicate":
        await this.#library.load();
        reply({ document: await this.#duplicate(document) });
        break;
      case "branch":
        await this.#library.load();
        reply({ document: await this.#branch(document, message.heads, message.title) });
        break;
      case "preview_merge":
      case "merge_back": {
        await this.#library.load();
        const { branchOf } = this.#library.get(document) ?? {};
        if (branchOf === undefined) throw new KromaError("invalid", "This notebook is no branch of another one.");
        if (!this.#library.entries.some((entry) => entry.document === branchOf.document))
          throw new KromaError("missing", "The notebook that this one is a branch of is not in the library any more.");
        const [branch, original] = [this.#document(document), this.#document(branchOf.document)];
        if (message.type === "preview_merge") reply(await previewMerge(branch, original, branchOf.heads));
        else {
          await mergeBack(branch, original, branchOf.heads, this.#options.now());
          reply({ document: branchOf.document });
        }
        this.#release(branchOf.document);
        break;
      }
      case "remove":
        await this.#library.load();
        this.#library.remove(document);
        reply({});
        return;
      case "undelete":
        await this.#library.load();
        this.#library.undelete(document);
        reply({});
        return;
      case "trust":
        await this.#library.load();
        this.#library.trust(document);
        reply({});
        return;
    }
    this.#release(document);
  }

  #history(document: DocumentId): DocumentHistory {
    return new DocumentHistory(this.#document(document), this.#options.blocks);
  }

  #importOnce(message: Extract<ToDocument, { readonly type: "import" }>): Promise<unknown> {
    const { origin } = message;
    if (!message.once || origin === undefined) return this.#import(message);
    const known = this.#library.byOrigin(origin);
    if (known) return Promise.resolve({ document: known.document, warnings: [] });
    // Two tabs that open the same shipped notebook at the same time get the same document.
    const underWay = this.#imports.get(origin);
    if (underWay) return underWay;
    const started = this.#import(message).finally(() => this.#imports.delete(origin));
    this.#imports.set(origin, started);
    return started;
  }

  async #import(message: Extract<ToDocument, { readonly type: "import" }>): Promise<unknown> {
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
    const bodies = new Map<RunId, RunBody>();
    for (const { run } of notebook.cells) {
      if (run) bodies.set(run.id, await storeRunBody(run, this.#options.blocks));
    }
    await this.#options.automerge;
    const made = await documentOf(notebook, bodies);
    const initial = Automerge.save(made);
    Automerge.free(made);
    const document = newDocumentId();
    this.#library.add(this.#entry(document, { ...notebook, title }, facts));
    await this.#start(document, { bytes: initial, title }).heads();
    this.#release(document);
    return document;
  }

  async #duplicate(document: DocumentId): Promise<DocumentId> {
    const original = this.#document(document);
    const notebook = await original.notebook();
    const title = `${notebook.title} (copy)`;
    const copy = newDocumentId();
    const { foreign = false, artefact } = this.#library.get(document) ?? {};
    const facts = artefact ? { foreign, artefact: { ...artefact, isFork: true } } : { foreign };
    this.#library.add(this.#entry(copy, { ...notebook, title }, facts));
    await this.#start(copy, { bytes: await original.save() }).change([{ type: "set_title", title }]);
    this.#release(copy);
    return copy;
  }

  async #branch(document: DocumentId, heads: readonly string[], title: string): Promise<DocumentId> {
    const bytes = await this.#history(document).upTo(heads);
    const branch = newDocumentId();
    const { foreign } = this.#library.get(document) ?? { foreign: false };
    const started = this.#start(branch, { bytes });
    await started.change([{ type: "set_title", title }]);
    this.#library.add(this.#entry(branch, await started.notebook(), { foreign, branchOf: { document, heads } }));
    this.#release(branch);
    return branch;
  }

  #entry(document: DocumentId, notebook: Notebook, facts: Partial<LibraryEntry>): LibraryEntry {
    return { document, changed: this.#options.now(), foreign: false, ...facts, ...describeNotebook(notebook) };
  }

  /** A document that is stored but not listed, as after a crash between the two writes. */
  #adopt(document: DocumentId, notebook: Notebook): LibraryEntry {
    const entry = this.#entry(document, notebook, {});
    this.#library.add(entry);
    return entry;
  }

  #document(document: DocumentId): OpenDocument {
    return this.#documents.get(document) ?? this.#start(document, undefined);
  }

  #start(id: DocumentId, initial: OpenDocumentOptions["initial"]): OpenDocument {
    const document = new OpenDocument({
      ...this.#options,
      id,
      ...(initial ? { initial } : {}),
      emit: (event) => {
        this.#tellPages(id, event);
        if (event.type === "durable") return this.#release(id);
        this.#changed.emit({ document: id, part: "notebook" });
        this.#beside.notebookChanged(id, event);
      },
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

  #tellPages(id: DocumentId, event: FromDocument): void {
    for (const { channel, open } of this.#connections) if (open.has(id)) channel.send(event);
  }

  #leave(connection: Connection, document: DocumentId): void {
    const count = (connection.open.get(document) ?? 0) - 1;
    if (count > 0 && this.#connections.has(connection)) {
      connection.open.set(document, count);
      return;
    }
    connection.open.delete(document);
    if (!this.#hasPage(document)) {
      this.#documents.get(document)?.visit(false);
      this.#beside.left(document);
    }
    const running = connection.running.get(document);
    connection.running.delete(document);
    for (const cell of running ?? []) this.#ran.emit({ document, cell, run: undefined });
    const open = this.#documents.get(document);
    if (open && running?.size) open.lose(running).catch(() => undefined);
    this.#release(document);
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
    return (this.#held.get(id) ?? 0) > 0 || this.#hasPage(id);
  }

  #hasPage(id: DocumentId): boolean {
    return [...this.#connections].some(({ open }) => open.has(id));
  }

  #libraryChanged(): void {
    this.#libraryTimer ??= setTimeout(() => {
      this.#libraryTimer = undefined;
      const { entries } = this.#library;
      for (const { channel } of this.#connections) channel.send({ type: "library", entries });
    }, LIBRARY_DELAY);
  }

  /** One notebook that can be stored again says nothing about another that cannot. */
  #stored(what: DocumentId | "library", error: unknown): void {
    if (error === undefined) this.#troubles.delete(what);
    else this.#troubles.set(what, storageTrouble(error));
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
    const [next = STORED] = this.#troubles.values();
    if (next.state === this.#storage.state) return;
    this.#storage = next;
    for (const { channel } of this.#connections) channel.send({ type: "storage", ...next });
  }
}

function newNotebook(title: string, language = "python"): Notebook {
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
