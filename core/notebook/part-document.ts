/**
 * A document beside the notebook's own (its comments, its files) while it is open: the Automerge document, the queue
 * through which everything goes that reads or changes it, and its way to the disk. What it means is its owner's affair.
 */
import * as Automerge from "@automerge/automerge/slim";
import type { DocumentId } from "../base/ids.ts";
import { TaskQueue } from "../base/task-queue.ts";
import type { DocStore } from "../store/stores.ts";
import { Contradictions } from "./contradictions.ts";
import { DocumentLog } from "./document-log.ts";
import { loadPieces } from "./document-pieces.ts";
import type { Apply, SyncedDocument } from "./document-sync.ts";
import type { Part } from "./parts.ts";
import { SyncMessages } from "./sync-messages.ts";

/** What such a document is kept in, and whom it tells. */
export interface PartDocumentOptions<Content extends object> {
  readonly id: DocumentId;
  readonly part: Exclude<Part, "notebook">;
  readonly store: DocStore;
  /** Automerge's WASM is ready. */
  readonly automerge: Promise<void>;
  /** The document before anybody wrote into it: the same bytes on every machine. */
  readonly blank: () => Uint8Array;
  readonly isWhole: (content: Automerge.Doc<Content>) => boolean;
  /** It has been read, and nobody has changed it yet. */
  loaded(): Promise<void>;
  /** A peer has changed it; without patches in whatever way. */
  merged(patches: readonly Automerge.Patch[] | undefined): Promise<void>;
  /** All is on disk. */
  durable(): void;
  /** A write succeeded, or failed with this. */
  stored(error: unknown): void;
  /** It could not be loaded: whoever asks next begins anew. */
  failed(): void;
}

const SAVE_DELAY = 20;
const RETRY_DELAY = 2000;

export class PartDocument<Content extends object> implements SyncedDocument {
  readonly messages = new SyncMessages();
  readonly contradictions = new Contradictions();
  readonly #options: PartDocumentOptions<Content>;
  readonly #log: DocumentLog;
  #document: Automerge.Doc<Content> | undefined;
  readonly #queue: TaskQueue;
  #savedHeads: Automerge.Heads = [];
  #saving: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** It took the place of the one that is stored. */
  #isAnother = false;

  constructor(options: PartDocumentOptions<Content>) {
    this.#options = options;
    this.#log = new DocumentLog(options.store, options.id, options.part);
    const loading = this.#load();
    this.#queue = new TaskQueue(loading, () => this.#document !== undefined);
    // Whoever asks for something hears why.
    loading.catch(() => options.failed());
  }

  /** True when nothing is waiting, under way or unsaved: it can go. */
  get isIdle(): boolean {
    return this.#queue.isEmpty && this.#isSaved();
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The document as it is; only within a task. */
  get present(): Automerge.Doc<Content> {
    if (!this.#document) throw new Error("Broken promise: a document is used after it was closed");
    return this.#document;
  }

  /** Puts another state in its place, which is saved soon; only within a task. */
  replace(document: Automerge.Doc<Content>): void {
    this.#document = document;
    this.#saveIn(SAVE_DELAY);
  }

  /** Does a task when those before it are done. Fails when the task does, or when the document could not be loaded. */
  enqueue<T>(task: () => T | Promise<T>): Promise<T> {
    return this.#queue.run(task);
  }

  /** False when what is stored of it is broken. */
  isReadable(): Promise<boolean> {
    return this.enqueue(() => undefined).then(
      () => true,
      () => false,
    );
  }

  /** Syncs with a peer: see document-sync.ts. */
  sync<T>(work: (document: Automerge.Doc<unknown>, apply: Apply) => T | Promise<T>): Promise<T> {
    return this.enqueue(() =>
      work(this.present, async (document, patches) => {
        this.#document = document as Automerge.Doc<Content>;
        if (patches?.length === 0) return;
        // What is stored is of another document, to which nothing can be added.
        this.#isAnother ||= patches === undefined;
        this.#saveIn(SAVE_DELAY);
        await this.#options.merged(patches);
      }),
    );
  }

  /** Resolves when everything so far is on disk; fails when it can't be put there. */
  async flush(): Promise<void> {
    await this.#queue.settled();
    if (!this.#isSaved()) await this.enqueue(() => this.#write());
  }

  /** Lets go of the memory. Only after a flush, or what is not saved is lost. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#saving);
    if (this.#document) Automerge.free(this.#document);
    this.#document = undefined;
  }

  async #load(): Promise<void> {
    const pieces = await this.#log.load();
    await this.#options.automerge;
    // Loaded anew, since whoever goes on must not be the author of the first change.
    const document =
      pieces.length === 0
        ? Automerge.load<Content>(this.#options.blank())
        : loadPieces<Content>(pieces, this.#options.isWhole);
    this.#savedHeads = Automerge.getHeads(document);
    this.#document = document;
    await this.#options.loaded();
  }

  #isSaved(): boolean {
    // What could not be loaded has nothing to save.
    return !this.#document || Automerge.getHeads(this.#document).join() === this.#savedHeads.join();
  }

  #saveIn(delay: number): void {
    if (this.#closed) return;
    this.#saving ??= setTimeout(() => {
      this.#saving = undefined;
      // What failed was told, and is tried again.
      this.enqueue(() => this.#write()).catch(() => undefined);
    }, delay);
  }

  async #write(): Promise<void> {
    if (this.#closed || this.#isSaved()) return;
    const document = this.present;
    const heads = Automerge.getHeads(document);
    const none = { put: [], remove: [] };
    try {
      if (this.#isAnother || this.#log.wantsSnapshot)
        await this.#log.replace(undefined, Automerge.save(document), none);
      else await this.#log.append(Automerge.saveSince(document, this.#savedHeads), none);
    } catch (error) {
      this.#options.stored(error);
      this.#saveIn(RETRY_DELAY);
      throw error;
    }
    this.#isAnother = false;
    this.#savedHeads = heads;
    this.#options.stored(undefined);
    this.#options.durable();
  }
}
