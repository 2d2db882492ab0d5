/**
 * The document as a page (or the command line) holds it: plain immutable views kept up to date from the messages of a
 * document host, and typing that shows at once. No Automerge here. Messages sent before the host is ready wait in the
 * channel; a promise of this module settles when the host has answered.
 */
import type { Channel } from "../base/channel.ts";
import { fromWireError, KromaError } from "../base/errors.ts";
import { Emitter } from "../base/events.ts";
import { type CellId, type DocumentId, type Language } from "../base/ids.ts";
import type { MergePreview } from "./branches.ts";
import { CommentsClient } from "./comments-client.ts";
import type { CommentThread } from "./comments.ts";
import { FilesClient } from "./files-client.ts";
import type { SharedFiles } from "./files.ts";
import type { Away, ChangedBy, HistorySize, PastState } from "./document-history.ts";
import type { HistoryPage } from "./history.ts";
import type {
  ArtefactOrigin,
  FromDocument,
  ImportFormat,
  LibraryEntry,
  TextUpdate,
  ToDocument,
  WhichChanges,
} from "./messages.ts";
import type { Cell, Notebook, NotebookOperation, Run } from "./model.ts";
import { applyTextChanges } from "./text-changes.ts";

/** What differs between two views of a notebook. */
export interface NotebookChange {
  /** Cells that are new or differ in more than their text. */
  readonly cells: ReadonlySet<CellId>;
  /** Cells whose text differs. */
  readonly text: ReadonlySet<CellId>;
  /** Cells were added, removed or moved. */
  readonly order: boolean;
  /** Title, language or metadata of the notebook differ. */
  readonly meta: boolean;
}

/** Whether what is written stays. */
export interface StorageState {
  readonly state: "ok" | "memory" | "full";
  readonly message: string;
}

type WithoutId<M> = M extends { readonly id: string } ? Omit<M, "id"> : never;
type Call = (message: WithoutId<ToDocument>, onReply?: (value: unknown) => void) => Promise<unknown>;
type DocumentEvent = Extract<FromDocument, { readonly document: DocumentId }>;
const NOTHING: ReadonlySet<CellId> = new Set();

/** The library of notebooks, over a Channel to the document host. */
export class LibraryClient {
  readonly #channel: Channel<FromDocument, ToDocument>;
  readonly #waiting = new Map<string, { readonly type: string; settle(message: FromDocument): void }>();
  readonly #open = new Map<DocumentId, Set<NotebookClient>>();
  readonly #entriesChanged = new Emitter<readonly LibraryEntry[]>();
  readonly #storageChanged = new Emitter<StorageState>();
  /** Resolves when the list is known, and also when it cannot be had. */
  readonly listed: Promise<void>;
  #entries: readonly LibraryEntry[] = [];
  #storage: StorageState = { state: "ok", message: "" };
  #ended = false;
  #calls = 0;

  /** Asks for the list at once. */
  constructor(channel: Channel<FromDocument, ToDocument>) {
    this.#channel = channel;
    channel.receive((message) => this.#receive(message));
    channel.onClose(() => this.#end());
    // A failed listing is told by the storage event.
    this.listed = this.#call({ type: "list" }, (value) =>
      this.#list((value as { entries: LibraryEntry[] }).entries),
    ).then(
      () => undefined,
      () => undefined,
    );
  }

  /** The notebooks, latest changed first, without removed ones. */
  get entries(): readonly LibraryEntry[] {
    return this.#entries;
  }

  /** Calls `listener` with the new list whenever it differs. */
  onEntries(listener: (entries: readonly LibraryEntry[]) => void): () => void {
    return this.#entriesChanged.on(listener);
  }

  /** Whether changes can be stored at present, with a sentence for a person when not. */
  get storage(): StorageState {
    return this.#storage;
  }

  onStorage(listener: (storage: StorageState) => void): () => void {
    return this.#storageChanged.on(listener);
  }

  /** Makes a notebook with one empty cell. */
  async create(title: string, language?: Language): Promise<DocumentId> {
    const reply = await this.#call(
      language === undefined ? { type: "create", title } : { type: "create", title, language },
    );
    return (reply as { document: DocumentId }).document;
  }

  /** Makes a notebook of a file's bytes; the name's ending tells the format. A bad file is refused as `invalid`. */
  async import(
    name: string,
    bytes: Uint8Array,
    options: {
      readonly origin?: string;
      readonly artefact?: ArtefactOrigin;
      readonly foreign?: boolean;
      readonly once?: boolean;
    } = {},
  ): Promise<{ readonly document: DocumentId; readonly warnings: readonly string[] }> {
    return (await this.#call({ type: "import", name, bytes, ...options })) as {
      document: DocumentId;
      warnings: string[];
    };
  }

  /** Makes a copy under a new title and gives its id. */
  async duplicate(document: DocumentId): Promise<DocumentId> {
    return ((await this.#call({ type: "duplicate", document })) as { document: DocumentId }).document;
  }

  /** Takes the notebook off the list; `undelete` brings it back. */
  async remove(document: DocumentId): Promise<void> {
    await this.#call({ type: "remove", document });
  }

  async undelete(document: DocumentId): Promise<void> {
    await this.#call({ type: "undelete", document });
  }

  /** Marks a foreign notebook as trusted. */
  async trust(document: DocumentId): Promise<void> {
    await this.#call({ type: "trust", document });
  }

  /** Changes a notebook that need not be open. */
  async change(document: DocumentId, operations: readonly NotebookOperation[]): Promise<void> {
    await this.#call({ type: "change", document, operations });
  }

  async rename(document: DocumentId, title: string): Promise<void> {
    await this.#call({ type: "change", document, operations: [{ type: "set_title", title }] });
  }

  /** Opens a notebook; the client given is already up to date and stays so. */
  async open(document: DocumentId): Promise<NotebookClient> {
    let client: NotebookClient | undefined;
    // Made inside the message's own turn, so that no event that follows the reply is missed.
    await this.#call({ type: "open", document }, (value) => {
      const { notebook, entry } = value as { notebook: Notebook; entry: LibraryEntry };
      client = new NotebookClient(entry, notebook, this.#call, (payload) =>
        this.#channel.send({ type: "relay", id: String(++this.#calls), document, payload }),
      );
      const clients = this.#open.get(document) ?? new Set();
      this.#open.set(document, clients.add(client));
      client.onClosed(() => clients.delete(client as NotebookClient));
    });
    if (client === undefined) throw new KromaError("unavailable", "The notebook could not be opened.");
    return client;
  }

  /** Resolves when everything done so far is durable. */
  async flush(): Promise<void> {
    await this.#call({ type: "flush" });
  }

  /** Ends the connection; calls under way fail as `unavailable`. */
  close(): void {
    this.#channel.close();
    this.#end();
  }

  readonly #call: Call = (message, onReply) =>
    new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(new KromaError("unavailable", "The connection to the document has ended."));
        return;
      }
      const id = String(++this.#calls);
      this.#waiting.set(id, {
        type: message.type,
        settle(answer) {
          if (answer.type === "failed") reject(fromWireError(answer.error));
          else if (answer.type === "reply") {
            onReply?.(answer.value);
            resolve(answer.value);
          }
        },
      });
      this.#channel.send({ ...message, id } as ToDocument);
    });

  #receive(message: FromDocument): void {
    switch (message.type) {
      case "reply":
      case "failed": {
        const waiting = this.#waiting.get(message.parent);
        this.#waiting.delete(message.parent);
        waiting?.settle(message);
        return;
      }
      case "library":
        this.#list(message.entries);
        return;
      case "storage": {
        this.#storage = { state: message.state, message: message.message };
        this.#storageChanged.emit(this.#storage);
        return;
      }
      default:
        for (const client of this.#open.get(message.document) ?? []) client.receive(message);
    }
  }

  #list(entries: readonly LibraryEntry[]): void {
    this.#entries = entries;
    for (const entry of entries) {
      for (const client of this.#open.get(entry.document) ?? []) client.setEntry(entry);
    }
    this.#entriesChanged.emit(entries);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    const error = { code: "unavailable", message: "The connection to the document has ended." } as const;
    for (const [parent, { settle }] of waiting) settle({ type: "failed", parent, error });
  }
}

/** One open notebook, as a page sees it. */
export class NotebookClient {
  readonly document: DocumentId;
  readonly comments: CommentsClient;
  readonly files: FilesClient;
  readonly #call: Call;
  readonly #relay: (payload: unknown) => void;
  readonly #changed = new Emitter<NotebookChange>();
  readonly #savedChanged = new Emitter<boolean>();
  readonly #relayed = new Emitter<unknown>();
  readonly #signed = new Emitter<undefined>();
  readonly #shortened = new Emitter<undefined>();
  readonly #closedEvent = new Emitter<void>();
  readonly #text = new Map<CellId, Emitter<{ version: number; updates: readonly TextUpdate[] }>>();
  /** What editors hold beyond the confirmed text, and how many of their edits are on the way. */
  readonly #typing = new Map<CellId, { text: () => string; underWay: number }>();
  /** Cells with their confirmed source. */
  #confirmed: Map<CellId, Cell>;
  #notebook: Notebook;
  #entry: LibraryEntry;
  #seq = 0;
  #durable = 0;
  #sending = 0;
  #saved = true;
  #closed = false;

  constructor(entry: LibraryEntry, notebook: Notebook, call: Call, relay: (payload: unknown) => void) {
    this.document = entry.document;
    this.#entry = entry;
    this.#notebook = notebook;
    this.#confirmed = new Map(notebook.cells.map((cell) => [cell.id, cell]));
    this.#call = call;
    this.#relay = relay;
    const { document } = this;
    this.comments = new CommentsClient({
      load: async (onReply) => {
        await call({ type: "open_comments", document }, (value) =>
          onReply((value as { threads: readonly CommentThread[] }).threads),
        );
      },
      perform: async (operation) => {
        await call({ type: "comment", document, operation });
      },
    });
    this.files = new FilesClient({
      load: async (onReply) => {
        await call({ type: "open_files", document }, (value) => onReply(value as SharedFiles));
      },
      perform: async (operation) => {
        await call({ type: "change_files", document, operation });
      },
      read: async (path) => ((await call({ type: "read_file", document, path })) as { bytes: Uint8Array }).bytes,
    });
  }

  /** The library's word on this notebook. */
  get entry(): LibraryEntry {
    return this.#entry;
  }

  /**
   * The present view; parts that did not change are the same objects as before. `source` includes typing that is not
   * confirmed, or not even sent, yet.
   */
  get notebook(): Notebook {
    for (const [cell, { text }] of this.#typing) this.#show(cell, text());
    return this.#notebook;
  }

  onChange(listener: (change: NotebookChange) => void): () => void {
    return this.#changed.on(listener);
  }

  /**
   * Confirmed updates of one cell's text, one's own included, for receiveUpdates of @codemirror/collab. `version` is
   * the one before the updates. Listen from the moment an editor is made of a cell's `source` and `textVersion`.
   */
  onText(cell: CellId, listener: (version: number, updates: readonly TextUpdate[]) => void): () => void {
    const emitter = this.#text.get(cell) ?? new Emitter();
    this.#text.set(cell, emitter);
    return emitter.on(({ version, updates }) => listener(version, updates));
  }

  /** The confirmed text of a cell and its version: what an editor has to start from. */
  confirmedText(cell: CellId): { readonly text: string; readonly version: number } | undefined {
    const confirmed = this.#confirmed.get(cell);
    return confirmed && { text: confirmed.source, version: confirmed.textVersion };
  }

  /**
   * Sends typing that was made against `version`. `text` gives the editor's present text, now and later, until all of
   * it is confirmed. Resolves false when it came too late: rebase over what `onText` told and send again.
   */
  async edit(cell: CellId, version: number, updates: readonly TextUpdate[], text: () => string): Promise<boolean> {
    const typing = this.#typing.get(cell) ?? { text, underWay: 0 };
    this.#typing.set(cell, typing);
    typing.text = text;
    typing.underWay += 1;
    if (this.#show(cell, text())) this.#tell({ text: new Set([cell]) });
    this.#send(1);
    try {
      const reply = await this.#call({ type: "edit", document: this.document, cell, version, updates });
      return (reply as { accepted: boolean }).accepted;
    } finally {
      typing.underWay -= 1;
      this.#settle(cell);
      this.#send(-1);
    }
  }

  /** Applies operations as one change. Resolves with the operations that undo exactly these. */
  async change(operations: readonly NotebookOperation[]): Promise<readonly NotebookOperation[]> {
    this.#send(1);
    try {
      const reply = await this.#call({ type: "change", document: this.document, operations });
      return (reply as { inverse: readonly NotebookOperation[] }).inverse;
    } finally {
      this.#send(-1);
    }
  }

  /** Keeps the output of a run under way for the case of a crash; the view does not change. */
  runProgress(cell: CellId, run: Run): void {
    this.#call({ type: "run_progress", document: this.document, cell, run }).catch(() => undefined);
  }

  /** True when everything done here is on disk. */
  get saved(): boolean {
    return this.#saved;
  }

  onSaved(listener: (saved: boolean) => void): () => void {
    return this.#savedChanged.on(listener);
  }

  /** The latest sessions of work, or those that led to a state; at most so many. */
  async history(sessions: number, from?: readonly string[]): Promise<HistoryPage> {
    const asked = { type: "history", document: this.document, sessions, ...(from ? { from } : {}) } as const;
    return (await this.#call(asked)) as HistoryPage;
  }

  /** The notebook as it was, and what differed from an earlier state. `missing` when it is not known here. */
  async past(heads: readonly string[], before?: readonly string[]): Promise<PastState> {
    const asked = { type: "past", document: this.document, heads, ...(before ? { before } : {}) } as const;
    return (await this.#call(asked)) as PastState;
  }

  /** Makes a notebook of a state, with the history up to there, and gives its id. */
  async branch(heads: readonly string[], title: string): Promise<DocumentId> {
    const reply = await this.#call({ type: "branch", document: this.document, heads, title });
    return (reply as { document: DocumentId }).document;
  }

  /** What merging this branch back into the notebook it was taken from would change. */
  async previewMerge(): Promise<MergePreview> {
    return (await this.#call({ type: "preview_merge", document: this.document })) as MergePreview;
  }

  /** Merges this branch back; the id of the notebook it was taken from. */
  async mergeBack(): Promise<DocumentId> {
    return ((await this.#call({ type: "merge_back", document: this.document })) as { document: DocumentId }).document;
  }

  /** Who changed which cells. */
  async changedBy(which: WhichChanges): Promise<ChangedBy> {
    return (await this.#call({ type: "changed_by", document: this.document, which })) as ChangedBy;
  }

  /** What others made since this browser last had it open, as far as it is here by now; undefined when it never had. */
  async away(): Promise<Away | undefined> {
    return (await this.#call({ type: "away", document: this.document })) as Away | undefined;
  }

  /** What the history would weigh that is read each time the notebook is opened. */
  async historySize(): Promise<HistorySize> {
    return (await this.#call({ type: "history_size", document: this.document })) as HistorySize;
  }

  /** Goes on without the history up to here, which is kept as a block. Nothing changes when it can't. */
  async reseed(): Promise<void> {
    await this.#call({ type: "reseed", document: this.document });
  }

  /** The notebook as a file. */
  async export(format: ImportFormat): Promise<Uint8Array> {
    return ((await this.#call({ type: "export", document: this.document, format })) as { bytes: Uint8Array }).bytes;
  }

  /** Sends `payload` to every other page that has this notebook open. */
  relay(payload: unknown): void {
    if (!this.#closed) this.#relay(payload);
  }

  onRelay(listener: (payload: unknown) => void): () => void {
    return this.#relayed.on(listener);
  }

  /** Calls `listener` when a member has signed changes: the history names more. */
  onSigned(listener: () => void): () => void {
    return this.#signed.on(listener);
  }

  /** Calls `listener` when the history was shortened, here or by a peer. */
  onShortened(listener: () => void): () => void {
    return this.#shortened.on(listener);
  }

  /** Stops following the notebook. What was sent stays sent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#call({ type: "close", document: this.document }).catch(() => undefined);
    this.#closedEvent.emit();
  }

  /** For LibraryClient only. */
  onClosed(listener: () => void): void {
    this.#closedEvent.on(listener);
  }

  /** For LibraryClient only. */
  setEntry(entry: LibraryEntry): void {
    this.#entry = entry;
  }

  /** For LibraryClient only: an event of this document. */
  receive(event: DocumentEvent): void {
    switch (event.type) {
      case "text":
        this.#receiveText(event);
        return;
      case "changed":
        this.#receiveChange(event);
        return;
      case "durable":
        this.#durable = Math.max(this.#durable, event.seq);
        this.#checkSaved();
        return;
      case "relayed":
        this.#relayed.emit(event.payload);
        return;
      case "signed":
        this.#signed.emit(undefined);
        return;
      case "reseeded":
        this.#shortened.emit(undefined);
        return;
      case "files":
        this.files.receive(event.shared);
        return;
      case "comments":
        this.comments.receive(event.changed, event.removed);
        return;
      default:
    }
  }

  #receiveText(event: Extract<DocumentEvent, { type: "text" }>): void {
    this.#seen(event.seq);
    const cell = this.#confirmed.get(event.cell);
    if (cell === undefined || event.version + event.updates.length <= cell.textVersion) return;
    const updates = event.updates.slice(cell.textVersion - event.version);
    const source = updates.reduce((text, update) => applyTextChanges(text, update.changes), cell.source);
    const textVersion = cell.textVersion + updates.length;
    this.#confirmed.set(event.cell, { ...cell, source, textVersion });
    this.#text.get(event.cell)?.emit({ version: cell.textVersion, updates });
    const shown = this.#typing.get(event.cell)?.text() ?? source;
    this.#show(event.cell, shown, textVersion);
    this.#tell({ text: new Set([event.cell]) });
  }

  #receiveChange(event: Extract<DocumentEvent, { type: "changed" }>): void {
    this.#seen(event.seq);
    const shown = new Map(this.#notebook.cells.map((cell) => [cell.id, cell]));
    const text = new Set<CellId>();
    for (const cell of event.cells) {
      const known = this.#confirmed.get(cell.id);
      const before = shown.get(cell.id);
      this.#confirmed.set(cell.id, cell);
      const sameText = known !== undefined && before !== undefined && known.textVersion === cell.textVersion;
      if (!sameText) text.add(cell.id);
      shown.set(cell.id, sameText ? { ...cell, source: before.source } : cell);
    }
    const order = event.order ?? this.#notebook.cells.map((cell) => cell.id);
    const cells = order.flatMap((id) => shown.get(id) ?? []);
    if (event.order !== undefined) {
      const alive = new Set(event.order);
      for (const id of this.#confirmed.keys()) if (!alive.has(id)) this.#forget(id);
    }
    this.#notebook = event.notebook ? { ...event.notebook, cells } : { ...this.#notebook, cells };
    this.#tell({
      cells: new Set(event.cells.map((cell) => cell.id)),
      text,
      order: event.order !== undefined,
      meta: event.notebook !== undefined,
    });
  }

  #forget(cell: CellId): void {
    this.#confirmed.delete(cell);
    this.#typing.delete(cell);
  }

  /** Drops what an editor said it holds once all of it is confirmed. */
  #settle(cell: CellId): void {
    const typing = this.#typing.get(cell);
    const confirmed = this.#confirmed.get(cell);
    if (typing === undefined || typing.underWay > 0) return;
    const text = typing.text();
    if (confirmed === undefined || text === confirmed.source) this.#typing.delete(cell);
    if (confirmed !== undefined && this.#show(cell, text)) this.#tell({ text: new Set([cell]) });
  }

  /** Puts `source` into the view; false when it was there already. */
  #show(id: CellId, source: string, textVersion?: number): boolean {
    const index = this.#notebook.cells.findIndex((cell) => cell.id === id);
    const cell = this.#notebook.cells[index];
    if (cell === undefined) return false;
    const version = textVersion ?? cell.textVersion;
    if (cell.source === source && cell.textVersion === version) return false;
    const cells = this.#notebook.cells.with(index, { ...cell, source, textVersion: version });
    this.#notebook = { ...this.#notebook, cells };
    return true;
  }

  #tell(change: Partial<NotebookChange>): void {
    this.#changed.emit({ cells: NOTHING, text: NOTHING, order: false, meta: false, ...change });
  }

  #seen(seq: number): void {
    this.#seq = Math.max(this.#seq, seq);
    this.#checkSaved();
  }

  #send(step: 1 | -1): void {
    this.#sending += step;
    this.#checkSaved();
  }

  #checkSaved(): void {
    const saved = this.#sending === 0 && this.#durable >= this.#seq;
    if (saved === this.#saved) return;
    this.#saved = saved;
    this.#savedChanged.emit(saved);
  }
}
