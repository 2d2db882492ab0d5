/**
 * One document while it is open: the Automerge document, its view, and its way to the disk. Everything that changes it
 * goes through one queue. Typing goes straight into Automerge's back end, where a key costs a tenth of a millisecond
 * whatever the size of the notebook; the JavaScript copy of the document catches up ("settles") when someone needs it.
 */
import * as Automerge from "@automerge/automerge/slim";
import { concatenate } from "../base/bytes.ts";
import { KromaError } from "../base/errors.ts";
import type { CellId, DocumentId, RunId } from "../base/ids.ts";
import { TaskQueue } from "../base/task-queue.ts";
import type { StoreKey } from "../store/stores.ts";
import { checkChanges } from "./change-guard.ts";
import { inspectChunks } from "./chunk-guard.ts";
import { Contradictions } from "./contradictions.ts";
import { applyOperations, LATER } from "./document-operations.ts";
import { DocumentLog, progressPrefix, viewKey } from "./document-log.ts";
import { loadPieces } from "./document-pieces.ts";
import type { Apply } from "./document-sync.ts";
import { DocumentView, type ViewChange } from "./document-view.ts";
import {
  cellsObject,
  findRecord,
  textObject,
  withTitle,
  type NotebookDocument,
  type NotebookRecord,
} from "./document.ts";
import type { FromDocument, TextUpdate } from "./messages.ts";
import { migrate } from "./migrations.ts";
import type { Notebook, NotebookOperation, Run } from "./model.ts";
import { loadRunBody, storeRunBody, type RunBody } from "./run-body.ts";
import { readStoredView, writeStoredView } from "./stored-view.ts";
import type { Opened, OpenDocumentOptions } from "./open-document-options.ts";
import { OwnPart } from "./own-part.ts";
import type { Moved } from "./reseed/carry.ts";
import { Reseeds } from "./reseeds.ts";
import type { ChangeMark, SignedBy } from "./signed-changes.ts";
import { readVisit, writeVisit, type LastVisit } from "./visit.ts";
import { SyncMessages } from "./sync-messages.ts";
import { planEdit } from "./planned-edit.ts";
import { diffText, type Splice } from "./text-changes.ts";

const SAVE_DELAY = 20;
const VIEW_DELAY = 1000;
const RETRY_DELAY = 2000;

/** One open document. */
export class OpenDocument {
  readonly messages = new SyncMessages();
  readonly contradictions = new Contradictions();
  /** How it goes on without its long history. */
  readonly reseeds: Reseeds;
  readonly #options: OpenDocumentOptions;
  readonly #log: DocumentLog;
  readonly #view = new DocumentView();
  readonly #progress = new Map<CellId, Run>();
  readonly #progressDirty = new Set<CellId>();
  readonly #texts = new Map<CellId, string>();
  #document: NotebookDocument | undefined;
  #stored: Promise<Notebook | undefined> | undefined;
  #adopted = false;
  #loaded = false;
  #unsettled = false;
  readonly #queue: TaskQueue;
  #seq = 0;
  #durable = 0;
  #savedHeads: Automerge.Heads = [];
  /** The back end of what is saved: to that of another document nothing can be added. */
  #savedOf: ReturnType<typeof Automerge.getBackend> | undefined;
  #viewSeq = -1;
  #viewTime = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #writing: Promise<void> | undefined;
  #closed = false;
  readonly #own = new OwnPart();

  constructor(options: OpenDocumentOptions) {
    this.#options = options;
    this.#log = new DocumentLog(options.store, options.id, "notebook");
    this.reseeds = new Reseeds({
      ...options,
      read: (work) => this.sync((document) => work(document as NotebookDocument)),
      move: (moved) => this.#moveTo(moved),
      wants: () => options.wants(),
    });
    if (options.initial && "view" in options.initial) {
      this.#view.adopt(options.initial.view);
      this.#adopted = true;
    }
    // Whoever asks for something hears of a failed load; nobody else has to.
    this.#queue = new TaskQueue(this.#load(), () => this.#loaded);
  }

  /** The first change of the document, if it took the place of another one. */
  get seed(): string | undefined {
    return this.reseeds.chain.seed;
  }

  /** True when everything is on disk and nothing is under way. */
  get isSaved(): boolean {
    const dirty = this.#progressDirty.size > 0 || this.#own.isDirty || this.#durable < this.#seq;
    return this.#loaded && !dirty && this.#writing === undefined;
  }

  /** True when nothing is waiting, under way or unsaved: the document can go. */
  get isIdle(): boolean {
    return this.isSaved && this.#queue.isEmpty;
  }

  /** Calls `reply` with the view, in the same turn from which on events follow; at once when a stored view is there. */
  open(reply: (opened: Opened) => void): Promise<void> {
    return this.#queue.count(() => this.#openWith(reply));
  }

  async #openWith(reply: (opened: Opened) => void): Promise<void> {
    if (!this.#loaded && this.#options.initial === undefined) {
      this.#stored ??= readStoredView(this.#options.store, this.#options.blocks, this.#options.id);
      const stored = await this.#stored;
      if (!this.#loaded && stored) {
        if (!this.#adopted) this.#view.adopt(stored);
        this.#adopted = true;
        reply({ notebook: this.#view.notebook, heads: [], fromCache: true });
        return;
      }
    }
    if (!this.#loaded && this.#adopted) {
      reply({ notebook: this.#view.notebook, heads: [], fromCache: true });
      return;
    }
    await this.#queue.run(() => {
      reply({ notebook: this.#view.notebook, heads: this.#presentHeads(), fromCache: false });
    });
  }

  /** Applies typing made against `version`; false when that is not the present version. */
  edit(cell: CellId, version: number, updates: readonly TextUpdate[]): Promise<boolean> {
    return this.#queue.run(async () => {
      const text = this.#view.text(cell);
      if (text === undefined) throw new KromaError("missing", "This cell is not in the notebook.");
      if (version !== this.#view.version(cell)) return false;
      const wasHidden = this.#view.cell(cell) === undefined;
      const { splices, expected, risky } = planEdit(text, updates);
      if (splices.length === 0 && updates.length === 0) return true;
      if (wasHidden) this.#settle();
      this.#spliceRaw(cell, splices);
      const actual = risky ? this.#backend().text(this.#textObject(cell)) : expected;
      const correction = diffText(expected, actual);
      const all = correction ? [...updates, { client: "", changes: correction }] : updates;
      this.#view.type(cell, all, actual);
      this.#seq += 1;
      this.#emit({ type: "text", seq: this.#seq, cell, version, updates: all });
      // Typing into a deleted cell brings it back for everyone.
      if (wasHidden) await this.#refresh(undefined);
      this.#schedule(SAVE_DELAY);
      return true;
    });
  }

  /** Applies operations as one change; gives what undoes them. */
  change(operations: readonly NotebookOperation[]): Promise<readonly NotebookOperation[]> {
    return this.#queue.run(() => this.#change(operations));
  }

  /** Keeps a run under way for the case that its page dies. */
  progress(cell: CellId, run: Run): void {
    // Not queued: a later `set_run` that is already waiting must not be followed by an older word on the same run.
    this.#queue
      .run(() => {
        if (run.status !== "running") return;
        if (this.#view.cell(cell)?.run?.id === run.id && this.#view.cell(cell)?.run?.status !== "running") return;
        this.#progress.set(cell, run);
        this.#progressDirty.add(cell);
        this.#schedule(SAVE_DELAY);
      })
      .catch(() => undefined);
  }

  /** The page that ran these cells is gone: their runs are lost, with the outputs they had. */
  async lose(cells: Iterable<CellId>): Promise<void> {
    await this.#queue.run(() => this.#lose(cells));
  }

  /** The notebook as it is now. */
  notebook(): Promise<Notebook> {
    return this.#queue.run(() => this.#view.notebook);
  }

  /** Calls `work` with the document and its view, in turn. It changes neither. */
  read<T>(work: (document: NotebookDocument, view: DocumentView) => T): Promise<T> {
    return this.#queue.run(() => {
      this.#settle();
      return work(this.#settled(), this.#view);
    });
  }

  /** The whole document as Automerge saves it. */
  save(): Promise<Uint8Array> {
    return this.#queue.run(() => {
      this.#settle();
      return Automerge.save(this.#settled());
    });
  }

  /** Takes in changes of a peer, after looking whether they are safe to load. `corrupt` when they are not. */
  applyChanges(changes: readonly Uint8Array[]): Promise<void> {
    return this.#queue.run(async () => {
      const bytes = concatenate(changes);
      const { operations } = await inspectChunks(bytes);
      this.#settle();
      checkChanges(this.#settled(), [bytes], operations);
      let patches: readonly Automerge.Patch[] = [];
      try {
        this.#document = Automerge.loadIncremental(this.#settled(), bytes, {
          patchCallback: (made) => {
            patches = made;
          },
        });
      } catch (error) {
        throw new KromaError("corrupt", "A peer sent changes that can't be read.", { cause: error });
      }
      this.#texts.clear();
      await this.#refresh(patches);
    });
  }

  /** Syncs with a peer: see document-sync.ts. */
  sync<T>(work: (document: Automerge.Doc<unknown>, apply: Apply) => T | Promise<T>): Promise<T> {
    return this.#queue.run(async () => {
      this.#settle();
      return await work(this.#settled(), async (document, patches) => {
        this.#document = document as NotebookDocument;
        this.#texts.clear();
        if (!patches) this.#becameAnother();
        await this.#refresh(patches);
      });
    });
  }

  /** CIDs of the outputs that the notebook has and this machine has not. */
  async missingBlocks(): Promise<readonly string[]> {
    const { cells } = await this.notebook();
    return [...new Set([...cells.flatMap(({ run }) => run?.missing ?? []), ...(await this.reseeds.missing())])];
  }

  /** True when outputs of the notebook are in this block: whoever may read the one may have the other. */
  async hasBlock(cid: string): Promise<boolean> {
    const { cells } = await this.notebook();
    return (await this.reseeds.isFormer(cid)) || cells.some(({ id }) => this.#view.block(id) === cid);
  }

  /** Blocks have come: what they hold is shown. */
  async blocksCame(cids: ReadonlySet<string>): Promise<void> {
    await this.reseeds.came(cids);
    await this.#queue.run(async () => {
      const runs = this.#view.notebook.cells.flatMap(({ run }) =>
        run?.missing && cids.has(run.missing) ? run.id : [],
      );
      await this.#refresh(runs.map((run) => ({ action: "put", path: ["runs", run], value: "" })));
    });
  }

  /** The changes that someone with these heads lacks. */
  changesSince(heads: readonly string[]): Promise<readonly Uint8Array[]> {
    return this.#queue.run(() => {
      this.#settle();
      return this.#backend().getChanges([...heads]);
    });
  }

  heads(): Promise<readonly string[]> {
    return this.#queue.run(() => this.#presentHeads());
  }

  /** A page has it open from now on, or none any more: what it has then has been seen. */
  visit(open: boolean): void {
    if (open === this.#own.isOpen) return;
    this.#own.visit(open, this.#options.now());
    if (!open) this.#queue.run(() => this.#keep(() => this.#own.saw(this.#presentHeads()))).catch(() => undefined);
  }

  /** The state in which a page had it open before it was opened now, and when that was; undefined when none had. */
  lastVisit(): Promise<LastVisit | undefined> {
    return this.#queue.run(() => this.#own.lastVisit);
  }

  /** What is written here from now on says that this member wrote it. */
  setAuthor(member: string): Promise<void> {
    return this.#queue.run(() => {
      this.#keep(() => {
        if (!this.#own.setAuthor(member)) return;
        this.#settle();
        this.#own.writeAsAuthor(this.#backend());
      });
    });
  }

  /** What was made here and is not signed yet, by member. */
  ownChanges(): Promise<readonly SignedBy[]> {
    return this.#queue.run(() => {
      this.#commit();
      return this.#own.unsigned;
    });
  }

  /** These own changes are signed now, and that is kept. */
  signed(changes: readonly ChangeMark[]): Promise<void> {
    return this.#queue.run(() => this.#keep(() => this.#own.signed(changes)));
  }

  /** Resolves when everything so far is on disk; fails when it can't be put there. */
  async flush(): Promise<void> {
    // A document that could not be loaded has nothing to save.
    await this.#queue.settled();
    while (this.#loaded && !this.#closed && (!this.isSaved || this.#viewSeq < this.#seq)) {
      this.#viewTime = -Infinity;
      await this.#write(true);
    }
  }

  /** Lets go of the memory. Only after a flush, or what is not saved is lost. */
  close(): void {
    this.#closed = true;
    this.reseeds.close();
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#document) Automerge.free(this.#document);
    this.#document = undefined;
  }

  async #load(): Promise<void> {
    const { store, id, automerge, initial } = this.#options;
    const given =
      initial && "document" in initial
        ? initial.document
        : initial && "coming" in initial
          ? await initial.coming
          : undefined;
    const pieces = initial ? ("bytes" in initial ? [initial.bytes] : []) : await this.#log.load();
    const progress = initial ? [] : await store.loadRange(progressPrefix(id));
    // Of one that has just come too: as whom oneself writes was known before.
    this.#own.load(await (initial ? readVisit(store, id).catch(() => ({})) : readVisit(store, id)));
    if (!given && pieces.length === 0) throw new KromaError("missing", "This notebook is not in the library any more.");
    await automerge;
    const loaded = given ?? loadPieces<NotebookRecord>(pieces, (record) => record.cells !== undefined);
    this.#savedHeads = initial ? [] : Automerge.getHeads(loaded);
    const document = withTitle(migrate(loaded), initial && "title" in initial ? initial.title : undefined);
    this.reseeds.present(document);
    this.#document = await this.reseeds.gather(document, this.#log);
    this.#savedOf = this.#backend();
    this.#own.writeAsAuthor(this.#backend());
    this.#loaded = true;
    if (this.#adopted) await this.#refresh(undefined);
    else await this.#view.update(this.#document, undefined, (body) => loadRunBody(body, this.#options.blocks));
    if (initial || this.#document !== document) {
      this.#seq += 1;
      this.#schedule(0);
    }
    // Where that can't be kept, its earlier documents are kept for as long as the notebook that it is a copy of.
    if (initial) await this.reseeds.keep().catch(() => undefined);
    await this.#recover(progress);
  }

  /** Runs that were under way when everything stopped. */
  async #recover(records: readonly (readonly [StoreKey, Uint8Array])[]): Promise<void> {
    for (const [key, bytes] of records) {
      const cell = key[2] as CellId;
      try {
        const run = JSON.parse(new TextDecoder().decode(bytes)) as Run;
        if (typeof run.id === "string" && Array.isArray(run.outputs)) this.#progress.set(cell, run);
      } catch {
        // A record that can't be read has nothing to recover.
      }
      this.#progressDirty.add(cell);
    }
    for (const { id, run } of this.#view.notebook.cells) {
      if (run?.status === "running" && !this.#progress.has(id)) this.#progress.set(id, run);
    }
    await this.#lose([...this.#progress.keys()]);
    if (this.#progressDirty.size > 0) this.#schedule(SAVE_DELAY);
  }

  async #lose(cells: Iterable<CellId>): Promise<void> {
    const lost = [...cells].flatMap((cell): NotebookOperation[] => {
      const run = this.#progress.get(cell);
      return run ? [{ type: "set_run", cell, run: { ...run, status: "lost" } }] : [];
    });
    if (lost.length > 0) await this.#change(lost);
  }

  async #change(operations: readonly NotebookOperation[]): Promise<readonly NotebookOperation[]> {
    const bodies = new Map<RunId, RunBody>();
    for (const operation of operations) {
      if (operation.type !== "set_run") continue;
      const { run } = operation;
      const body = run.missing === undefined ? await storeRunBody(run, this.#options.blocks) : { cid: run.missing };
      bodies.set(run.id, body);
    }
    this.#settle();
    const before = this.#backend().getHeads();
    const result = applyOperations(this.#settled(), operations, {
      run: (cell) => this.#view.cell(cell)?.run,
      bodies,
      changesSince: (cell, version) => this.#view.changesSince(cell, version),
      random: this.#options.random,
      time: Math.floor(this.#options.now() / 1000),
    });
    this.#document = result.document;
    const [made, ...others] = this.#backend().getHeads();
    if (others.length === 0 && !before.includes(made ?? "")) this.#own.made(this.#backend(), made);
    for (const operation of operations) {
      if (operation.type !== "set_run" || operation.run.status === "running") continue;
      if (this.#progress.delete(operation.cell)) this.#progressDirty.add(operation.cell);
    }
    await this.#refresh(result.patches);
    if (operations.some((operation) => operation.type === "set_title")) this.#options.describe(this.#view.notebook);
    return result.inverse.map((operation) =>
      operation.type === "splice_text" && operation.version === LATER
        ? { ...operation, version: this.#view.version(operation.cell) }
        : operation,
    );
  }

  /** Brings the view up to the document and tells everyone what differs. */
  async #refresh(patches: readonly Automerge.Patch[] | undefined): Promise<void> {
    if (patches?.length === 0) return;
    const change = await this.#view.update(this.#settled(), patches, (body) => loadRunBody(body, this.#options.blocks));
    this.#seq += 1;
    this.#tell(change);
    this.#schedule(SAVE_DELAY);
  }

  #tell({ texts, cells, order, notebook }: ViewChange): void {
    const seq = this.#seq;
    for (const text of texts) this.#emit({ type: "text", seq, ...text });
    if (cells.length === 0 && order === undefined && notebook === undefined) return;
    this.#emit({ type: "changed", seq, cells, ...(order ? { order } : {}), ...(notebook ? { notebook } : {}) });
  }

  /** Goes on as another document, once that is on disk. The view stays, and shows what else has come with it. */
  async #moveTo({ document, seed, begun, translated }: Moved): Promise<void> {
    while (this.#writing) await this.#writing.catch(() => undefined);
    this.#writing = this.#log
      .replace(seed, Automerge.save(document), { put: [], remove: [] })
      .finally(() => (this.#writing = undefined));
    try {
      await this.#writing;
    } catch (error) {
      Automerge.free(document);
      throw error;
    }
    this.#keep(() => this.#own.moved(translated, this.#backend(), this.#options.signed()));
    Automerge.free(this.#settled());
    this.#document = document;
    this.#savedOf = this.#backend();
    this.#savedHeads = Automerge.getHeads(document);
    this.#texts.clear();
    this.reseeds.present(document);
    this.#own.writeAsAuthor(this.#backend());
    await this.#refresh(undefined);
    this.#emit({ type: "reseeded", begun });
  }

  #spliceRaw(cell: CellId, splices: readonly Splice[]): void {
    const backend = this.#backend();
    const text = this.#textObject(cell);
    for (const { at, remove, insert } of splices) backend.splice(text, at, remove, insert);
    // A tombstone that no longer holds must not hold again when the text comes to be as it was.
    if (findRecord(this.#settled(), cell)?.deleted !== undefined) {
      const record = backend.getWithType(cellsObject(backend), cell);
      if (record?.[0] === "map") backend.delete(record[1], "deleted");
    }
    this.#unsettled = true;
    if (this.#view.cell(cell) === undefined) this.#settle();
  }

  #textObject(cell: CellId): string {
    const text = this.#texts.get(cell) ?? textObject(this.#backend(), cell);
    this.#texts.set(cell, text);
    return text;
  }

  /** Commits typing and lets the JavaScript copy catch up. The view has it already. */
  #settle(): void {
    if (!this.#unsettled) return;
    this.#commit();
    [this.#document] = Automerge.applyChanges<NotebookRecord>(this.#settled(), []);
    this.#unsettled = false;
  }

  /** What contradicted other changes has moved, and is in another document with them. */
  #becameAnother(): void {
    this.#own.writeAsAuthor(this.#backend());
    this.#keep(() => this.#own.contradicted(this.contradictions));
  }

  /** Notes something of one's own part, which is kept soon. */
  #keep(note: () => void): void {
    note();
    if (this.#own.isDirty) this.#schedule(SAVE_DELAY);
  }

  /** Asking Automerge for them commits what is typed: better with the time at which it was. */
  #presentHeads(): Automerge.Heads {
    this.#commit();
    return this.#backend().getHeads();
  }

  #commit(): void {
    if (!this.#unsettled) return;
    this.#own.made(this.#backend(), this.#backend().commit(undefined, Math.floor(this.#options.now() / 1000)));
  }

  #settled(): NotebookDocument {
    if (this.#document === undefined) throw new KromaError("unavailable", "This notebook is closed.");
    return this.#document;
  }

  #backend(): ReturnType<typeof Automerge.getBackend> {
    return Automerge.getBackend(this.#settled());
  }

  #emit(event: WithoutDocument<Extract<FromDocument, { readonly document: DocumentId }>>): void {
    this.#options.emit({ ...event, document: this.#options.id });
  }

  #schedule(delay: number): void {
    const at = performance.now() + delay;
    if (this.#closed || this.#timerAt <= at) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#write(false).catch(() => undefined);
    }, delay);
  }

  /** Writes all that is new, one batch at a time. */
  #write(hurry: boolean): Promise<void> {
    if (this.#writing) {
      if (!hurry) this.#schedule(SAVE_DELAY);
      return this.#writing;
    }
    this.#writing = this.#writeOnce().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeOnce(): Promise<void> {
    if (this.#closed || !this.#loaded) return;
    this.#commit();
    const backend = this.#backend();
    const heads = backend.getHeads();
    const seq = this.#seq;
    const put: [StoreKey, Uint8Array][] = [];
    const remove: StoreKey[] = [];
    const progress = [...this.#progressDirty];
    this.#progressDirty.clear();
    for (const cell of progress) {
      const run = this.#progress.get(cell);
      const key = [...progressPrefix(this.#options.id), cell];
      if (run) put.push([key, new TextEncoder().encode(JSON.stringify(run))]);
      else remove.push(key);
    }
    const visit = this.#own.take(heads);
    if (visit) put.push(writeVisit(this.#options.id, visit));
    const viewDue = this.#viewSeq < seq && performance.now() - this.#viewTime >= VIEW_DELAY;
    if (viewDue) {
      const notebook = this.#view.notebook;
      put.push([viewKey(this.#options.id), writeStoredView(notebook, (cell) => this.#view.block(cell))]);
      this.#options.describe(notebook);
    }
    try {
      if (this.#savedOf !== backend || this.#log.wantsSnapshot)
        await this.#log.replace(this.seed, backend.save(), { put, remove });
      else await this.#log.append(backend.saveSince(this.#savedHeads), { put, remove });
    } catch (error) {
      for (const cell of progress) this.#progressDirty.add(cell);
      this.#own.keepLater();
      this.#options.stored(error);
      this.#schedule(RETRY_DELAY);
      throw error;
    }
    this.#savedOf = backend;
    this.#savedHeads = heads;
    if (viewDue) {
      this.#viewSeq = seq;
      this.#viewTime = performance.now();
    }
    this.#options.stored(undefined);
    if (seq > this.#durable) {
      this.#durable = seq;
      this.#emit({ type: "durable", seq });
    }
    if (this.#seq > seq || this.#progressDirty.size > 0) this.#schedule(SAVE_DELAY);
    else if (this.#viewSeq < seq || this.#log.wantsSnapshot) this.#schedule(VIEW_DELAY);
  }
}

type WithoutDocument<E> = E extends { readonly document: DocumentId } ? Omit<E, "document"> : never;
