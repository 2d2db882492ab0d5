/**
 * The cells of a notebook; of a long one only those near the viewport are on the page. Rows stand at their own place
 * (translateY) inside a box as tall as all of them; a row that turns out taller than guessed moves the others before
 * the next paint, and the cell at the top of the viewport stays where it is. The chosen cell is always on the page,
 * so the focus is never lost.
 */
import { For, createEffect, createMemo, createSignal, on, onCleanup, onMount, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { Cell } from "#core/notebook/model.ts";
import { afterPaint, whenIdle } from "../kernel-start.ts";
import { CellView } from "./cell-view.tsx";
import { InsertLine } from "./insert-line.tsx";
import { Heights } from "./heights.ts";
import { isFolded } from "./folding.ts";
import type { PageView } from "./view.ts";

/** Pixels above and below the viewport that are on the page too. */
const OVERSCAN = 160;
/** A notebook of at most so many cells is wholly on the page: the browser's own find, print and readers see all of it. */
const WHOLE = 40;
const LINE = 20;
const CHROME = 52;

/** A guess, exact for code that does not wrap and has no outputs. */
export function estimateHeight(cell: Cell): number {
  let lines = 1;
  for (let i = cell.source.indexOf("\n"); i >= 0; i = cell.source.indexOf("\n", i + 1)) lines++;
  const source = isFolded(cell, "source")
    ? LINE
    : cell.kind === "markdown"
      ? lines * 24 + Math.floor(cell.source.length / 90) * 24
      : lines * LINE;
  let outputs = 0;
  if (cell.run && !isFolded(cell, "outputs")) {
    for (const output of cell.run.outputs) {
      if (output.output_type === "stream") outputs += Math.min(20, output.text.split("\n", 21).length) * LINE + 8;
      else if (output.output_type === "error") outputs += 60;
      else
        outputs += Object.keys(output.data).some(
          (type) => type.startsWith("image/") || type.includes("vega") || type === "text/html",
        )
          ? 300
          : 2 * LINE;
    }
    outputs += 24;
  }
  return source + outputs + CHROME;
}

export function CellList(props: { readonly view: PageView; readonly header?: JSX.Element }): JSX.Element {
  const { view } = props;
  let scroller: HTMLDivElement | undefined;
  let list: HTMLDivElement | undefined;
  const measured = new Map<CellId, number>();
  const ids = createMemo<readonly CellId[]>(() => view.cells().map((cell) => cell.id), [], {
    equals: (a, b) => a.length === b.length && a.every((id, i) => id === b[i]),
  });
  const heights = createMemo(() => {
    const cells = view.client.notebook.cells;
    const byId = new Map(cells.map((cell) => [cell.id, cell] as const));
    return new Heights(
      ids().map((id) => measured.get(id) ?? (byId.has(id) ? estimateHeight(byId.get(id) as Cell) : CHROME)),
    );
  });
  const [version, setVersion] = createSignal(0);
  /** The first screen is painted and the page has had a moment for the rest. */
  const [settled, setSettled] = createSignal(false);
  /** Paper has no scrolling: all cells are on the page while it is printed. */
  const [printing, setPrinting] = createSignal(false);
  const [range, setRange] = createSignal<readonly [number, number]>([0, 12], {
    equals: (a, b) => a[0] === b[0] && a[1] === b[1],
  });
  const mounted = createMemo<readonly CellId[]>(
    () => {
      const [first, last] = range();
      const all = ids();
      if (printing() || (settled() && all.length <= WHOLE)) return all;
      const near = all.slice(first, last + 1);
      const active = view.active();
      if (active === undefined || near.includes(active)) return near;
      const at = view.indexOf(active);
      return at < 0 ? near : at < first ? [active, ...near] : [...near, active];
    },
    [],
    { equals: (a, b) => a.length === b.length && a.every((id, i) => id === b[i]) },
  );

  /** The cell at the top of the viewport and how far it is scrolled past: what must not move. */
  let anchor: { readonly cell: CellId; readonly offset: number } | undefined;
  let target: { readonly cell: CellId; readonly align: "nearest" | "start"; tries: number } | undefined;
  const listTop = (): number => list?.offsetTop ?? 0;
  const keepAnchor = (): void => {
    if (!scroller) return;
    const y = scroller.scrollTop - listTop();
    const index = heights().find(Math.max(0, y));
    const cell = ids()[index];
    anchor = cell === undefined || y <= 0 ? undefined : { cell, offset: y - heights().top(index) };
  };
  const recompute = (): void => {
    if (!scroller) return;
    const y = scroller.scrollTop - listTop();
    setRange([Math.max(0, heights().find(y - OVERSCAN)), heights().find(y + scroller.clientHeight + OVERSCAN)]);
  };
  const restore = (): void => {
    if (!scroller) return;
    if (target) {
      aim();
      return;
    }
    if (!anchor) return;
    const index = view.indexOf(anchor.cell);
    if (index < 0) return;
    const top = listTop() + heights().top(index) + anchor.offset;
    if (Math.abs(scroller.scrollTop - top) >= 1) scroller.scrollTop = top;
  };
  const aim = (): void => {
    if (!scroller || !target) return;
    const index = view.indexOf(target.cell);
    if (index < 0 || target.tries-- <= 0) {
      target = undefined;
      return;
    }
    const top = listTop() + heights().top(index);
    const height = heights().height(index);
    const margin = 12;
    const { scrollTop, clientHeight } = scroller;
    if (target.align === "start" || top < scrollTop + margin || height > clientHeight - 2 * margin) {
      const fits =
        target.align === "nearest" &&
        height > clientHeight - 2 * margin &&
        top < scrollTop + clientHeight / 2 &&
        top + height > scrollTop + clientHeight / 3;
      if (!fits) scroller.scrollTop = index === 0 ? 0 : top - margin;
    } else if (top + height > scrollTop + clientHeight - margin)
      scroller.scrollTop = top + height - clientHeight + margin;
    recompute();
    keepAnchor();
  };

  const onScroll = (): void => {
    recompute();
    keepAnchor();
  };
  const observer = new ResizeObserver((entries) => {
    let changed = false;
    for (const entry of entries) {
      const element = entry.target as HTMLElement;
      const cell = element.dataset["cell"] as CellId;
      const height = Math.ceil(entry.borderBoxSize[0]?.blockSize ?? element.offsetHeight);
      if (height === 0 || !element.isConnected) continue;
      measured.set(cell, height);
      if (heights().set(view.indexOf(cell), height)) changed = true;
    }
    if (!changed) return;
    setVersion((value) => value + 1);
    restore();
    recompute();
  });
  onMount(() => {
    if (!scroller) return;
    const size = new ResizeObserver(recompute);
    size.observe(scroller);
    onCleanup(() => size.disconnect());
    recompute();
    const onPrint = ({ type }: Event): boolean => setPrinting(type === "beforeprint");
    for (const type of ["beforeprint", "afterprint"]) {
      addEventListener(type, onPrint);
      onCleanup(() => removeEventListener(type, onPrint));
    }
    afterPaint(() => whenIdle(() => setSettled(true)));
  });
  onCleanup(() => observer.disconnect());
  createEffect(
    on(
      ids,
      () => {
        restore();
        recompute();
      },
      { defer: true },
    ),
  );
  view.list = {
    scrollTo(cell, align = "nearest") {
      target = { cell, align, tries: 4 };
      aim();
    },
    scrollPages(pages) {
      target = undefined;
      scroller?.scrollBy({ top: pages * (scroller?.clientHeight ?? 0) });
    },
  };
  onCleanup(() => (view.list = undefined));
  const userMoves = (): void => {
    target = undefined;
  };
  const top = (id: CellId): number => (version(), heights().top(view.indexOf(id)));
  return (
    <div
      ref={(element) => (scroller = element)}
      class="scroller"
      onScroll={onScroll}
      onWheel={userMoves}
      onTouchMove={userMoves}
      onPointerDown={userMoves}
    >
      {props.header}
      <div class="insert-first">
        <InsertLine view={view} after={() => undefined} open={ids().length === 0} />
      </div>
      <div
        ref={(element) => (list = element)}
        class="cells"
        role="list"
        aria-label="Cells"
        style={{ height: `${(version(), heights().total)}px` }}
      >
        <For each={mounted()}>
          {(id) => (
            <CellView
              view={view}
              id={id}
              top={() => top(id)}
              count={() => ids().length}
              observe={(element) => observe(observer, element)}
            />
          )}
        </For>
      </div>
      <div class="after-cells" />
    </div>
  );
}

function observe(observer: ResizeObserver, element: HTMLElement): () => void {
  observer.observe(element);
  return () => observer.unobserve(element);
}
