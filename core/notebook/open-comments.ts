/**
 * The comments of one notebook while they are open, and what pages see of them. Where in the notebook a thread belongs is found anew whenever either of the two documents has changed; between
 * two findings pages move the places along with the typing themselves.
 */
import type * as Automerge from "@automerge/automerge/slim";
import { isSameJson } from "../base/canonical-json.ts";
import type { CellId, DocumentId } from "../base/ids.ts";
import type { DocStore } from "../store/stores.ts";
import { makeAnchor, PlaceFinder, type TextVersions } from "./comment-anchor.ts";
import {
  applyComment,
  blankComments,
  COMMENT_CHUNK_LIMITS,
  moveAnchors,
  readThread,
  seedName,
  threadIds,
  withinLimits,
  type CommentsRecord,
  type Cursors,
  type StoredThread,
} from "./comments-document.ts";
import type { CommentOperation, CommentThread } from "./comments.ts";
import { DocumentSync } from "./document-sync.ts";
import type { NotebookDocument } from "./document.ts";
import type { FromDocument } from "./messages.ts";
import { PartDocument } from "./part-document.ts";

/** What open comments need, and whom they tell. */
export interface OpenCommentsOptions {
  readonly id: DocumentId;
  readonly store: DocStore;
  /** Automerge's WASM is ready. */
  readonly automerge: Promise<void>;
  readonly now: () => number;
  /** Who writes here; undefined while the notebook is not shared. */
  me(): string | undefined;
  /** The first change of the notebook's document, if it took the place of another one; asked while it is read. */
  seed(): string | undefined;
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

/** Places are found anew at most so often while the notebook changes. */
const PLACE_DELAY = 150;

export class OpenComments {
  readonly #options: OpenCommentsOptions;
  readonly #document: PartDocument<CommentsRecord>;
  /** Every thread that can be shown, as it is stored; another object whenever it has changed. */
  readonly #stored = new Map<string, StoredThread>();
  /** Those that pages have, each with the stored one that it was made of. */
  #shown = new Map<string, Shown>();
  /** Cells whose text has changed since places were found; undefined: whatever may have. */
  #dirty: Set<CellId> | undefined = new Set();
  #placing: ReturnType<typeof setTimeout> | undefined;
  /** The seed of the document that places were last found in, and whether it was made here; none before any were. */
  #seed: { readonly hash: string | undefined } | undefined;
  #isOwnSeed = false;

  constructor(options: OpenCommentsOptions) {
    this.#options = options;
    this.#document = new PartDocument<CommentsRecord>({
      ...options,
      part: "comments",
      blank: blankComments,
      isWhole: (record) => record.threads !== undefined,
      loaded: async () => {
        this.#read(threadIds(this.#document.present));
        await this.#place();
      },
      merged: (patches) => this.#refresh((patches && touchedBy(patches)) ?? this.#allIds()),
    });
  }

  /** True when nothing is waiting, under way or unsaved: they can go. */
  get isIdle(): boolean {
    return this.#document.isIdle;
  }

  /** Calls `reply` with all threads, in the same turn from which on changes are told. */
  open(reply: (threads: readonly CommentThread[]) => void): Promise<void> {
    return this.#document.enqueue(() => reply([...this.#shown.values()].map(({ thread }) => thread)));
  }

  /** False when what is stored of them is broken. */
  isReadable(): Promise<boolean> {
    return this.#document.isReadable();
  }

  /** Applies an operation. Fails in words where it may not be. */
  perform(operation: CommentOperation): Promise<void> {
    return this.#document.enqueue(async () => {
      const anchor =
        operation.type === "add_thread"
          ? await this.#options.notebook((document, versions) =>
              makeAnchor(document, versions, operation.cell, operation.range),
            )
          : undefined;
      this.#document.replace(applyComment(this.#document.present, operation, { now: this.#options.now(), anchor }));
      await this.#refresh([operation.thread]);
    });
  }

  /** A view of one peer, who may bring much less than into a notebook. */
  syncWith(mayWrite: boolean, from: string): DocumentSync {
    return new DocumentSync(this.#document, mayWrite, COMMENT_CHUNK_LIMITS, from);
  }

  /** The notebook has changed. Runs and their outputs move no comment. */
  notebookChanged(event: FromDocument): void {
    if (this.#document.isClosed) return;
    if (event.type === "text") this.#dirty?.add(event.cell);
    else if (event.type === "changed" && event.order) this.#dirty = undefined;
    else if (event.type === "reseeded") {
      this.#isOwnSeed = event.begun;
      this.#dirty = undefined;
      // At once: both may be let go of soon, and then nobody would know any more where the comments were.
      if (this.#stored.size > 0) this.#document.enqueue(() => this.#place()).catch(() => undefined);
      return;
    } else return;
    if (this.#stored.size === 0) return;
    this.#placing ??= setTimeout(() => {
      this.#placing = undefined;
      this.#document.enqueue(() => this.#place()).catch(() => undefined);
    }, PLACE_DELAY);
  }

  /** Resolves when everything so far is on disk; fails when it can't be put there. */
  flush(): Promise<void> {
    return this.#document.flush();
  }

  /** Lets go of the memory. Only after a flush, or what is not saved is lost. */
  close(): void {
    clearTimeout(this.#placing);
    this.#document.close();
  }

  async #refresh(ids: Iterable<string>): Promise<void> {
    this.#read(ids);
    await this.#place();
    this.#options.changed();
  }

  #read(ids: Iterable<string>): void {
    for (const id of ids) {
      const thread = readThread(this.#document.present, id);
      if (thread) this.#stored.set(id, thread);
      else this.#stored.delete(id);
    }
  }

  #allIds(): ReadonlySet<string> {
    return new Set([...threadIds(this.#document.present), ...this.#stored.keys()]);
  }

  /** Finds where threads belong that are new or may have moved, and tells what differs. */
  async #place(): Promise<void> {
    await this.#moveAnchors();
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

  /**
   * When the notebook has gone on in another document, threads get cursors into that one: all of them from who began it,
   * and from everybody else those of theirs, which the other may not have had.
   */
  async #moveAnchors(): Promise<void> {
    const hash = await this.#options.notebook(() => this.#options.seed());
    const before = this.#seed;
    this.#seed = { hash };
    if (before === undefined || before.hash === hash || hash === undefined) return;
    const me = this.#options.me();
    const moving = [...this.#shown.values()].filter(
      ({ stored, thread }) =>
        (this.#isOwnSeed || (me !== undefined && thread.comment.author === me)) &&
        stored.anchor.moved?.[seedName(hash)] === undefined,
    );
    const cursors = await this.#options.notebook((document, versions) => cursorsAt(document, versions, moving));
    if (cursors.size === 0) return;
    this.#document.replace(moveAnchors(this.#document.present, hash, cursors, this.#options.now()));
    this.#read(cursors.keys());
    this.#options.changed();
  }

  #find(threads: readonly StoredThread[]): Promise<ReadonlyMap<string, Shown>> {
    return this.#options.notebook((document, versions) => {
      const finder = new PlaceFinder(document, versions, this.#options.seed());
      return new Map(
        threads.map((stored) => {
          const { anchor, ...rest } = stored;
          const thread: CommentThread = { ...rest, quote: anchor.quote, place: finder.find(anchor) };
          return [stored.id, { stored, thread }] as const;
        }),
      );
    });
  }
}

interface Shown {
  readonly stored: StoredThread;
  readonly thread: CommentThread;
}

/** Cursors to where threads are shown. One whose text is in another cell than its own has none. */
function cursorsAt(
  document: NotebookDocument,
  versions: TextVersions,
  shown: readonly Shown[],
): ReadonlyMap<string, Cursors> {
  const found = new Map<string, Cursors>();
  for (const { stored, thread } of shown) {
    const { place } = thread;
    if (place?.range === undefined || place.cell !== stored.anchor.cell) continue;
    // What is not known of the text any more leaves it to the words that the thread is about.
    if (versions.changesSince(place.cell, place.range.version) === undefined) continue;
    const anchor = makeAnchor(document, versions, place.cell, place.range);
    if (anchor?.first !== undefined) found.set(stored.id, { first: anchor.first, last: anchor.last });
  }
  return found;
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
