/**
 * What a page knows of an open notebook beyond the document and the session: which cell is chosen, the mode, what is
 * in the clipboard, where the focus should go. Commands act on it; components read it. It writes the document only
 * through the client and the session only through operations.
 */
import { batch, createEffect, createMemo, createSignal, onCleanup } from "solid-js";
import { KromaError } from "#core/base/errors.ts";
import { newCellId, type CellId, type Language } from "#core/base/ids.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import { turnByMagic } from "#core/notebook/language-magic.ts";
import type { Cell, CellKind, Notebook, NotebookOperation } from "#core/notebook/model.ts";
import type { ShownRun } from "#core/mesh/live-runs.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import type { PrivateRuns } from "#core/session/private-runs.ts";
import type { CellState, SessionState } from "#core/session/state.ts";
import type { Session } from "#core/session/session.ts";
import type { Caret, KeptMachine, Mode, NotebookView, PageActions } from "#kit/commands.ts";
import { peopleHere, type PersonHere } from "#kit/people.ts";
import { NO_SHARED_FILES, type SharedFilesView } from "#kit/shared-files.ts";
import { accessOf, type Access } from "./access.ts";
import { createComments } from "./comments.ts";
import { Editors } from "./editors.ts";
import { createFollowing, type Following } from "./following.ts";
import { LocalFolds } from "./folding.ts";
import { markComments } from "./mark-comments.ts";
import { UndoStack } from "./undo.ts";

/** A wish to put the focus on a cell, fulfilled by its component once it is on the page. */
export interface FocusRequest {
  readonly cell: CellId;
  readonly mode: Mode;
  readonly caret: Caret;
}

/** What the cell list can do for others. */
export interface ListHandle {
  /** Brings a cell into view with as little movement as possible, or to the top. */
  scrollTo(cell: CellId, align?: "nearest" | "start"): void;
  scrollPages(pages: number): void;
}

export interface PageView extends NotebookView {
  readonly notebook: () => Notebook;
  readonly session$: () => SessionState;
  readonly editors: Editors;
  readonly state: (cell: CellId) => CellState | undefined;
  readonly focusRequest: () => FocusRequest | undefined;
  readonly isSelected: (cell: CellId) => boolean;
  /** How the notebook is shared, what that allows oneself, and who else has it open. */
  readonly sharing: () => Sharing | undefined;
  readonly access: () => Access;
  readonly people: () => readonly PersonHere[];
  readonly following: Following;
  /** Somebody else's run of a cell that is under way. */
  readonly runByOther: (cell: CellId) => ShownRun | undefined;
  /** The outputs of a cell are of a run of one's own that the others don't see. Tracks. */
  readonly isPrivate: (cell: CellId) => boolean;
  /** Gives up that run: what the others see shows again. */
  showShared(cell: CellId): void;
  /** A file of the notebook by its path from there; undefined if there is none. */
  readonly file: (path: string) => Promise<Blob | undefined>;
  /** Writes one; undefined where the notebook's files are not at hand. */
  readonly keep: ((path: string, bytes: Uint8Array) => Promise<void>) | undefined;
  /** Told by the components when the browser's focus moves by itself. */
  focusMoved(cell: CellId, mode: Mode): void;
  list: ListHandle | undefined;
  close(): void;
}

/** Names a cell for screen readers. */
export function cellLabel(index: number, language: Language): string {
  return `Cell ${index + 1}, ${language}`;
}

const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((item, i) => item === b[i]);

/** What a view needs only of a notebook that can run. */
export interface ViewOptions {
  /** Resolves when what cells may read is here. */
  readonly ready?: () => Promise<void>;
  readonly file?: PageView["file"];
  readonly keep?: PageView["keep"];
  readonly sharedFiles?: SharedFilesView;
  readonly modelUse?: NotebookView["modelUse"];
  /** What the session's document is, if it may be one of a reader. */
  readonly privateRuns?: PrivateRuns;
}

/** Makes the view of an open notebook; must be called under a Solid owner, which ends it. */
export function createView(
  client: NotebookClient,
  session: Session,
  page: PageActions,
  machine: KeptMachine,
  options: ViewOptions = {},
): PageView {
  const { ready = () => Promise.resolve(), sharedFiles = NO_SHARED_FILES, privateRuns } = options;
  const { modelUse = () => Promise.resolve(undefined) } = options;
  const [notebook, setNotebook] = createSignal(client.notebook);
  const [state, setState] = createSignal(session.state);
  const sharing = createMemo(() => page.network.sharing(client.document));
  const access = createMemo(() => accessOf(sharing(), client.entry), undefined, {
    equals: (a, b) => a.refusal === b.refusal && a.runRefusal === b.runRefusal && a.notice === b.notice,
  });
  const people = createMemo(() => peopleHere(sharing()));
  const runs = createMemo(() => new Map(page.network.runs(client.document).map((run) => [run.cell, run] as const)));
  const folds = new LocalFolds();
  const cells = createMemo(() => folds.over(notebook().cells));
  const ids = createMemo<readonly CellId[]>(() => cells().map((cell) => cell.id), [], { equals: sameItems });
  const indexes = createMemo(() => new Map(ids().map((id, index) => [id, index] as const)));
  const [active, setActive] = createSignal<CellId | undefined>(cells()[0]?.id);
  const [anchor, setAnchor] = createSignal<CellId | undefined>(cells()[0]?.id);
  const [mode, setModeSignal] = createSignal<Mode>("command");
  const [focusRequest, setFocusRequest] = createSignal<FocusRequest>();
  const [numbers, setNumbers] = createSignal(false);
  const indexOf = (cell: CellId): number => indexes().get(cell) ?? -1;
  const cellOf = (id: CellId): Cell | undefined => cells()[indexOf(id)];
  const selected = createMemo<readonly CellId[]>(
    () => {
      const to = active();
      if (to === undefined) return [];
      const [a, b] = [indexOf(anchor() ?? to), indexOf(to)];
      return a < 0 ? [to] : ids().slice(Math.min(a, b), Math.max(a, b) + 1);
    },
    [],
    { equals: sameItems },
  );
  const selection = createMemo(() => new Set(selected()));
  const undoStack = new UndoStack(
    (operations) => client.change(operations),
    (cell) => client.confirmedText(cell),
  );

  const editors = new Editors({
    authority: client,
    confirmed: (cell) => client.confirmedText(cell),
    complete: (cell, code, cursor) => session.complete(cell, code, cursor),
    events: (cell) => ({
      leave: (direction) => {
        const next = ids()[indexOf(cell) + direction];
        if (next === undefined) return false;
        view.choose(next, { mode: "edit", caret: direction < 0 ? "end" : "start" });
        return true;
      },
    }),
    onError: (error) =>
      page.toast(`Typing could not be stored: ${error instanceof Error ? error.message : String(error)}`),
  });

  /** After cells went away: the nearest one that is left becomes the active one. */
  const repair = (before: readonly CellId[]): void => {
    const present = indexes();
    const current = active();
    if (current !== undefined && !present.has(current)) {
      const at = before.indexOf(current);
      const next =
        before.slice(at + 1).find((id) => present.has(id)) ??
        before.slice(0, at).findLast((id) => present.has(id)) ??
        ids()[0];
      const focused = document.activeElement;
      // The cell's element may still be there, with the focus in it, or be gone already and the focus nowhere.
      const hadFocus =
        focusRequest()?.cell === current ||
        focused === null ||
        focused === document.body ||
        focused.closest("[data-cell]")?.getAttribute("data-cell") === current;
      batch(() => {
        setActive(next);
        setAnchor(next);
        if (next !== undefined && hadFocus) setFocusRequest({ cell: next, mode: "command", caret: undefined });
      });
    } else if (anchor() !== undefined && !present.has(anchor() as CellId)) setAnchor(current);
  };

  const comments = createComments({
    client,
    page,
    sharing,
    indexOf,
    active,
    mode,
    text: (cell) => editors.find(cell),
  });
  markComments(comments, editors);

  createEffect(() => {
    const mayWrite = access().refusal === undefined;
    editors.setWritable(mayWrite);
    // From here on what is run is for everyone.
    if (mayWrite) privateRuns?.forget();
  });
  const assertAllowed = (): void => {
    const { refusal } = access();
    if (refusal !== undefined) throw new KromaError("denied", refusal);
  };

  const stopNotebook = client.onChange((change) => {
    const before = ids();
    batch(() => {
      setNotebook(client.notebook);
      if (change.order) repair(before);
    });
  });
  const stopSession = session.onChange((next) => setState(next));

  /** `%%typescript` in a Python cell makes it a TypeScript cell: an edit like any other, to be undone. */
  async function turnByMagics(ids: readonly CellId[]): Promise<void> {
    if (access().refusal !== undefined) return;
    const operations = ids.flatMap((id) => {
      const cell = cellOf(id);
      return cell ? turnByMagic({ ...cell, source: editors.find(id)?.text ?? cell.source }) : [];
    });
    if (operations.length > 0) await view.change(operations, "change language");
  }

  const view: PageView = {
    client,
    session,
    machine,
    notebook,
    session$: state,
    editors,
    mode,
    cells,
    active,
    selected,
    focusRequest,
    indexOf,
    cell: cellOf,
    state: (cell) => withRunOf(runs().get(cell), cellOf(cell), state().cells.get(cell)),
    isSelected: (cell) => selection().has(cell),
    sharing,
    access,
    people,
    following: createFollowing(people, (cell) => view.list?.scrollTo(cell), page.announce),
    runByOther: (cell) => runs().get(cell),
    comments,
    sharedFiles,
    modelUse,
    refusal: () => access().refusal,
    runRefusal: () => access().runRefusal,
    file: options.file ?? (() => Promise.resolve(undefined)),
    keep: options.keep,
    isPrivate: (cell) =>
      access().refusal !== undefined &&
      (state().cells.get(cell)?.progress === "running" || (privateRuns?.has(cell) ?? false)),
    showShared: (cell) => privateRuns?.forget(cell),
    caret: () => {
      const cell = active();
      return cell === undefined ? undefined : editors.find(cell)?.state.selection.main.head;
    },
    choose(cell, options = {}) {
      const nextMode = options.mode ?? "command";
      batch(() => {
        setActive(cell);
        if (!options.extend) setAnchor(cell);
        setModeSignal(nextMode);
        setFocusRequest({ cell, mode: nextMode, caret: options.caret });
      });
      view.list?.scrollTo(cell);
    },
    setMode(next, caret) {
      const cell = active();
      if (cell !== undefined) view.choose(cell, { mode: next, caret });
    },
    focusMoved(cell, next) {
      batch(() => {
        if (active() !== cell) {
          setActive(cell);
          setAnchor(cell);
        } else if (next === "edit") setAnchor(cell);
        setModeSignal(next);
        setFocusRequest(undefined);
      });
    },
    async change(operations, label) {
      // Who may only read folds and unfolds for themself.
      if (access().refusal !== undefined && folds.take(operations, cells())) return;
      assertAllowed();
      const touched = operations.flatMap((operation) =>
        "cell" in operation && typeof operation.cell === "string"
          ? [operation.cell, ...("other" in operation ? [operation.other] : [])]
          : [],
      );
      await Promise.all(touched.flatMap((cell) => editors.find(cell)?.whenSettled() ?? []));
      await undoStack.do(operations, label);
    },
    async undo() {
      assertAllowed();
      const label = await undoStack.undo();
      page.announce(label === undefined ? "Nothing to undo" : `Undone: ${label}`);
      if (label === undefined) page.toast("Nothing to undo here.");
    },
    async redo() {
      assertAllowed();
      const label = await undoStack.redo();
      page.announce(label === undefined ? "Nothing to redo" : `Redone: ${label}`);
    },
    run(which) {
      const code = which.filter((id) => cellOf(id)?.kind === "code");
      const refusal = access().runRefusal;
      if (refusal !== undefined) return page.toast(refusal);
      if (code.length === 0) return;
      void ready().then(async () => {
        await turnByMagics(code);
        session.send({ type: "run_cells", cells: code });
      });
    },
    clipboard: [],
    async insert(after, kind, language, source = "") {
      const id = newCellId();
      const operation: NotebookOperation = { type: "insert_cell", cell: { id, kind, language, source }, after };
      await view.change([operation], "insert cell");
      return id;
    },
    lineNumbers: numbers,
    setLineNumbers(on) {
      setNumbers(on);
      editors.setLineNumbers(on);
    },
    scroll: (pages) => view.list?.scrollPages(pages),
    list: undefined,
    close() {
      stopNotebook();
      stopSession();
      editors.close();
    },
  };
  onCleanup(() => view.close());
  return view;
}

/** The state of a cell with the outputs that somebody else's run of it has so far, until the notebook has that run. */
function withRunOf(
  run: ShownRun | undefined,
  cell: Cell | undefined,
  own: CellState | undefined,
): CellState | undefined {
  if (!run || !own || own.progress === "running" || cell?.run?.id === run.id) return own;
  return { ...own, outputs: run.outputs, run: run.id, validity: "fresh", staleness: undefined };
}

/** Kind and language of a new cell, by the word on its button. */
export function newCellOf(word: string): { readonly kind: CellKind; readonly language: Language } {
  if (word === "text" || word === "markdown") return { kind: "markdown", language: "markdown" };
  return word === "raw" ? { kind: "raw", language: "raw" } : { kind: "code", language: word };
}
