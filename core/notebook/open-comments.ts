/**
 * The comments of one notebook while they are open: the Automerge document, what pages see of it, and its way to the
 * disk. Where in the notebook a thread belongs is found anew whenever either of the two documents has changed; between
 * two findings pages move the places along with the typing themselves.
 */
import * as Automerge from "@automerge/automerge/slim";
import { isSameJson } from "../base/canonical-json.ts";
import type { CellId, DocumentId } from "../base/ids.ts";
import type { DocStore } from "../store/stores.ts";
import { makeAnchor, PlaceFinder, type TextVersions } from "./comment-anchor.ts";
import {
  applyComment,
  blankComments,
  COMMENT_CHUNK_LIMITS,
  readThread,
  threadIds,
  withinLimits,
  type CommentsDocument,
  type CommentsRecord,
  type StoredThread,
} from "./comments-document.ts";
import type { CommentOperation, CommentThread } from "./comments.ts";
import { DocumentLog } from "./document-log.ts";
import { loadPieces } from "./document-pieces.ts";
import { DocumentSync, type Apply, type SyncedDocument } from "./document-sync.ts";
import type { NotebookDocument } from "./document.ts";
import type { FromDocument } from "./messages.ts";

/** What open comments need, and whom they tell. */
export interface OpenCommentsOptions {
  readonly id: DocumentId;
  readonly store: DocStore;
  /** Automerge's WASM is ready. */
  readonly automerge: Promise<void>;
  readonly now: () => number;
  /** Reads the notebook that they are about. */
  notebook<T>(work: (document: NotebookDocument, versions: TextVersions) => T): Promise<T>;
  /** Threads that differ from what was told before, and those that are gone. */
  emit(event: Extract<FromDocument, { readonly type: "comments" }>): void;
  /** The document has changed, here or by a peer. */
  changed(): void;
  /** All is on disk. */
  durable(): void;
  /** A write succeeded, or failed with this. */
  stored(error: unknown): void;
  /** They could not be loaded: whoever asks next begins anew. */
  failed(): void;
}

const SAVE_DELAY = 20;
const RETRY_DELAY = 2000;
/** Places are found anew at most so often while the notebook changes. */
const PLACE_DELAY = 150;

export class OpenComments implements SyncedDocument {
  readonly #options: OpenCommentsOptions;
  readonly #log: DocumentLog;
  #document: CommentsDocument | undefined;
  /** Every thread that can be shown, as it is stored; another object whenever it has changed. */
  readonly #stored = new Map<string, StoredThread>();
  /** Those that pages have, each with the stored one that it was made of. */
  #shown = new Map<string, Shown>();
  /** Cells whose text has changed since places were found; undefined: whatever may have. */
  #dirty: Set<CellId> | undefined = new Set();
  #queue: Promise<unknown>;
  #tasks = 0;
  #savedHeads: Automerge.Heads = [];
  #saving: ReturnType<typeof setTimeout> | undefined;
  #placing: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: OpenCommentsOptions) {
    this.#options = options;
    this.#log = new DocumentLog(options.store, options.id, "comments");
    this.#queue = this.#load();
    // Whoever asks for something hears why.
    this.#queue.catch(() => options.failed());
  }

  /** True when nothing is waiting, under way or unsaved: they can go. */
  get isIdle(): boolean {
    return this.#tasks === 0 && this.#isSaved();
  }

  /** Calls `reply` with all threads, in the same turn from which on changes are told. */
  open(reply: (threads: readonly CommentThread[]) => void): Promise<void> {
    return this.#enqueue(() => reply([...this.#shown.values()].map(({ thread }) => thread)));
  }

  /** False when what is stored of them is broken. */
  isReadable(): Promise<boolean> {
    return this.open(() => undefined).then(
      () => true,
      () => false,
    );
  }

  /** Applies an operation. Fails in words where it may not be. */
  perform(operation: CommentOperation): Promise<void> {
    return this.#enqueue(async () => {
      const anchor =
        operation.type === "add_thread"
          ? await this.#options.notebook((document, versions) =>
              makeAnchor(document, versions, operation.cell, operation.range),
            )
          : undefined;
      this.#document = applyComment(this.#present(), operation, { now: this.#options.now(), anchor });
      await this.#refresh([operation.thread]);
    });
  }

  /** A view of one peer, who may bring much less than into a notebook. */
  syncWith(mayWrite: boolean): DocumentSync {
    return new DocumentSync(this, mayWrite, COMMENT_CHUNK_LIMITS);
  }

  /** Syncs with a peer: see document-sync.ts. */
  sync<T>(work: (document: Automerge.Doc<unknown>, apply: Apply) => T | Promise<T>): Promise<T> {
    return this.#enqueue(() =>
      work(this.#present(), async (document, patches) => {
        this.#document = document as CommentsDocument;
        if (patches.length > 0) await this.#refresh(touchedBy(patches) ?? this.#allIds());
      }),
    );
  }

  /** The notebook has changed. Runs and their outputs move no comment. */
  notebookChanged(event: FromDocument): void {
    if (this.#closed) return;
    if (event.type === "text") this.#dirty?.add(event.cell);
    else if (event.type === "changed" && event.order) this.#dirty = undefined;
    else return;
    if (this.#stored.size === 0) return;
    this.#placing ??= setTimeout(() => {
      this.#placing = undefined;
      this.#enqueue(() => this.#place()).catch(() => undefined);
    }, PLACE_DELAY);
  }

  /** Resolves when everything so far is on disk; fails when it can't be put there. */
  async flush(): Promise<void> {
    await this.#queue.catch(() => undefined);
    if (!this.#isSaved()) await this.#enqueue(() => this.#write());
  }

  /** Lets go of the memory. Only after a flush, or what is not saved is lost. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#saving);
    clearTimeout(this.#placing);
    if (this.#document) Automerge.free(this.#document);
    this.#document = undefined;
  }

  async #load(): Promise<void> {
    const pieces = await this.#log.load();
    await this.#options.automerge;
    const blank = blankComments();
    // Loaded anew, since whoever goes on must not be the author of the first change.
    const document =
      pieces.length === 0
        ? Automerge.load<CommentsRecord>(blank)
        : loadPieces<CommentsRecord>(pieces, (record) => record.threads !== undefined);
    this.#savedHeads = Automerge.getHeads(document);
    this.#document = document;
    this.#read(threadIds(document));
    await this.#place();
  }

  async #refresh(ids: Iterable<string>): Promise<void> {
    this.#read(ids);
    await this.#place();
    this.#saveIn(SAVE_DELAY);
    this.#options.changed();
  }

  #read(ids: Iterable<string>): void {
    for (const id of ids) {
      const thread = readThread(this.#present(), id);
      if (thread) this.#stored.set(id, thread);
      else this.#stored.delete(id);
    }
  }

  #allIds(): ReadonlySet<string> {
    return new Set([...threadIds(this.#present()), ...this.#stored.keys()]);
  }

  /** Finds where threads belong that are new or may have moved, and tells what differs. */
  async #place(): Promise<void> {
    const before = this.#shown;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    const all = withinLimits(this.#stored.values());
    const unsure = all.filter((stored) => {
      const known = before.get(stored.id);
      return known?.stored !== stored || mayHaveMoved(known, dirty);
    });
    const found = unsure.length === 0 ? new Map<string, Shown>() : await this.#find(unsure);
    this.#shown = new Map(
      all.flatMap(({ id }) => {
        const shown = found.get(id) ?? before.get(id);
        return shown ? [[id, shown] as const] : [];
      }),
    );
    const changed = [...found.values()].flatMap(({ thread }) => {
      const known = before.get(thread.id)?.thread;
      return known && isSameJson(known, thread) ? [] : [thread];
    });
    const removed = [...before.keys()].filter((id) => !this.#shown.has(id));
    if (changed.length > 0 || removed.length > 0)
      this.#options.emit({ type: "comments", document: this.#options.id, changed, removed });
  }

  #find(threads: readonly StoredThread[]): Promise<ReadonlyMap<string, Shown>> {
    return this.#options.notebook((document, versions) => {
      const finder = new PlaceFinder(document, versions);
      return new Map(
        threads.map((stored) => {
          const { anchor, ...rest } = stored;
          const thread: CommentThread = { ...rest, quote: anchor.quote, place: finder.find(anchor) };
          return [stored.id, { stored, thread }] as const;
        }),
      );
    });
  }

  #present(): CommentsDocument {
    if (!this.#document) throw new Error("Broken promise: comments are used after they were closed");
    return this.#document;
  }

  #isSaved(): boolean {
    // Comments that could not be loaded have nothing to save.
    return !this.#document || Automerge.getHeads(this.#document).join() === this.#savedHeads.join();
  }

  #saveIn(delay: number): void {
    if (this.#closed) return;
    this.#saving ??= setTimeout(() => {
      this.#saving = undefined;
      // What failed was told, and is tried again.
      this.#enqueue(() => this.#write()).catch(() => undefined);
    }, delay);
  }

  async #write(): Promise<void> {
    if (this.#closed || this.#isSaved()) return;
    const document = this.#present();
    const heads = Automerge.getHeads(document);
    const none = { put: [], remove: [] };
    try {
      if (this.#log.wantsSnapshot) await this.#log.replace(Automerge.save(document), none);
      else await this.#log.append(Automerge.saveSince(document, this.#savedHeads), none);
    } catch (error) {
      this.#options.stored(error);
      this.#saveIn(RETRY_DELAY);
      throw error;
    }
    this.#savedHeads = heads;
    this.#options.stored(undefined);
    this.#options.durable();
  }

  #enqueue<T>(task: () => T | Promise<T>): Promise<T> {
    this.#tasks += 1;
    const done = this.#queue.then(task).finally(() => {
      this.#tasks -= 1;
    });
    // A task that fails is its caller's affair; a failed load fails every task.
    this.#queue = done.then(
      () => undefined,
      (error: unknown) => {
        if (!this.#document) throw error;
      },
    );
    this.#queue.catch(() => undefined);
    return done;
  }
}

interface Shown {
  readonly stored: StoredThread;
  readonly thread: CommentThread;
}

/** What has lost its text may find it in other cells than its own. */
function mayHaveMoved(
  { stored: { anchor }, thread: { place } }: Shown,
  dirty: ReadonlySet<CellId> | undefined,
): boolean {
  if (dirty === undefined) return true;
  if (dirty.size === 0 || anchor.quote === "") return false;
  return !place?.range || place.cell !== anchor.cell || dirty.has(anchor.cell);
}

/** The threads that patches are about; undefined when it may be any. */
function touchedBy(patches: readonly Automerge.Patch[]): ReadonlySet<string> | undefined {
  const touched = new Set<string>();
  for (const { path } of patches) {
    const [root, id] = path;
    if (root === "threads" && id !== undefined) touched.add(String(id));
    else if (root === undefined || root === "threads") return undefined;
  }
  return touched;
}
