/**
 * The page's part in who is where: tells the others where this one is, and shows in the editors where they are. Loaded
 * when a notebook is shared; begins and ends with that.
 */
import { createEffect, createMemo, createRoot, createSignal, on, onCleanup } from "solid-js";
import { EditorView } from "@codemirror/view";
import type { CellId } from "#core/base/ids.ts";
import type { MemberId } from "#core/mesh/identity.ts";
import type { PresenceState } from "#core/mesh/presence.ts";
import type { PageActions } from "#kit/commands.ts";
import { remoteCursors, setRemoteCursors, type RemoteCursor } from "./editor/remote-cursors.ts";
import type { PageView } from "./view.ts";

/** The others are told at most so often, in milliseconds. */
const PACE = 100;
/** As many running cells are told. */
const MOST_RUNNING = 50;

interface Place {
  readonly cell: CellId;
  readonly anchor: number;
  readonly head: number;
}

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Takes part; the result ends it, and tells the others that this one is gone. */
export function startPresence(view: PageView, page: PageActions): () => void {
  return createRoot((dispose) => {
    tellOthers(view, page);
    showOthers(view);
    announceOthers(view, page);
    return dispose;
  });
}

function tellOthers(view: PageView, page: PageActions): void {
  const { document } = view.client;
  const [place, setPlace] = createSignal<Place>();
  onCleanup(
    view.editors.extend("presence", (cell) =>
      EditorView.updateListener.of(({ selectionSet, docChanged, focusChanged, view: editor, state }) => {
        if (!editor.hasFocus || !(selectionSet || docChanged || focusChanged)) return;
        const { anchor, head } = state.selection.main;
        setPlace({ cell, anchor, head });
      }),
    ),
  );
  const running = createMemo<readonly CellId[]>(() => {
    const { runner, cells } = view.session$();
    // What one runs for oneself is nobody else's concern.
    if (runner !== "here" || view.refusal() !== undefined) return [];
    return [...cells].flatMap(([cell, { progress }]) => (progress === "running" ? [cell] : [])).slice(0, MOST_RUNNING);
  });
  const mine = createMemo<PresenceState>(
    () => {
      const cell = view.active();
      const at = place();
      return {
        ...(cell === undefined ? {} : { cell }),
        ...(at !== undefined && at.cell === cell && view.mode() === "edit" ? { anchor: at.anchor, head: at.head } : {}),
        ...(running().length === 0 ? {} : { running: [...running()] }),
      };
    },
    {},
    { equals: sameJson },
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isLate = false;
  const say = (): void => {
    isLate = false;
    page.network.setPresence(document, mine());
    timer = setTimeout(() => {
      timer = undefined;
      if (isLate) say();
    }, PACE);
  };
  createEffect(
    on(mine, () => {
      if (timer === undefined) say();
      else isLate = true;
    }),
  );
  onCleanup(() => {
    clearTimeout(timer);
    page.network.setPresence(document, undefined);
  });
}

function showOthers(view: PageView): void {
  const byCell = createMemo(() => {
    const found = new Map<CellId, RemoteCursor[]>();
    for (const { id, name, colour, state } of view.people()) {
      const { cell, anchor, head } = state;
      if (cell === undefined || head === undefined) continue;
      const inCell = found.get(cell) ?? [];
      found.set(cell, inCell);
      inCell.push({ id, name, colour, anchor: anchor ?? head, head });
    }
    return found;
  });
  onCleanup(view.editors.extend("people", (cell) => remoteCursors(byCell().get(cell) ?? [])));
  createEffect(
    on(byCell, (now, before) => {
      for (const cell of new Set([...now.keys(), ...(before?.keys() ?? [])])) {
        const cursors = now.get(cell) ?? [];
        if (sameJson(cursors, before?.get(cell) ?? [])) continue;
        view.editors.find(cell)?.dispatch({ effects: setRemoteCursors(cursors) });
      }
    }),
  );
}

function announceOthers(view: PageView, page: PageActions): void {
  let known: ReadonlyMap<MemberId, string> = new Map();
  createEffect(() => {
    const now = new Map(view.people().map(({ id, name }) => [id, name] as const));
    const came = [...now].flatMap(([id, name]) => (known.has(id) ? [] : [name]));
    const went = [...known].flatMap(([id, name]) => (now.has(id) ? [] : [name]));
    known = now;
    const list = new Intl.ListFormat("en");
    if (came.length > 0) page.announce(`${list.format(came)} ${came.length === 1 ? "is" : "are"} here`);
    if (went.length > 0) page.announce(`${list.format(went)} left`);
  });
}
