/**
 * One cell: gutter, source, outputs, the quiet line below, and the line where another can be added. The attributes
 * `data-cell`, `data-language` and `data-status` are public interface.
 */
import { Show, createEffect, createMemo, on, onCleanup, onMount, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { Cell, Output } from "#core/notebook/model.ts";
import { CellFooter } from "./cell-footer.tsx";
import { RunByOthers } from "./cell-people.tsx";
import { CodeSource } from "./code-source.tsx";
import { Gutter } from "./gutter.tsx";
import { InputField } from "./input-field.tsx";
import { InsertLine } from "./insert-line.tsx";
import { MarkdownSource } from "./markdown-source.tsx";
import { OutputArea } from "./output-area.tsx";
import { fold, isFolded } from "./folding.ts";
import { cellLabel, type PageView } from "./view.ts";

const NONE: readonly Output[] = [];
const FOCUSABLE =
  "a, button, input, select, textarea, summary, iframe, [contenteditable], [role=slider], [data-output] [tabindex]";

const STATUS_WORDS = {
  idle: "",
  queued: ", waiting",
  running: ", running",
  done: ", done",
  failed: ", failed",
} as const;

export interface CellViewProps {
  readonly view: PageView;
  readonly id: CellId;
  readonly top: () => number;
  readonly count: () => number;
  readonly observe: (element: HTMLElement) => () => void;
}

export function CellView(props: CellViewProps): JSX.Element {
  const { view, id } = props;
  let element: HTMLElement | undefined;
  // A cell that was deleted is drawn as it last was, until the list takes it away in the same tick.
  const cell = createMemo<Cell>((before) => view.cell(id) ?? before, view.cell(id) as Cell);
  const index = (): number => view.indexOf(id);
  const state = createMemo(() => view.state(id));
  const progress = (): string => state()?.progress ?? "idle";
  /** It ended while it was looked at: only then does the check mark say so. */
  let was = progress();
  const justDone = createMemo<boolean>((before) => {
    const ended = progress() === "done" && (was !== "done" || before);
    was = progress();
    return ended;
  }, false);
  const outputs = (): readonly Output[] => state()?.outputs ?? cell().run?.outputs ?? NONE;
  const isActive = (): boolean => view.active() === id;
  const isEditing = (): boolean => isActive() && view.mode() === "edit";
  const label = (): string => cellLabel(index(), cell().language);

  onMount(() => {
    if (element) onCleanup(props.observe(element));
  });
  createEffect(
    on(
      () => {
        const request = view.focusRequest();
        return request?.cell === id && request.mode === "command" ? request : undefined;
      },
      (request) => {
        if (request && element && document.activeElement !== element) element.focus({ preventScroll: true });
      },
    ),
  );
  const onFocusIn = (event: FocusEvent): void => {
    const target = event.target as HTMLElement;
    view.focusMoved(id, target.closest(".cm-content") ? "edit" : "command");
  };
  /** The way out of an output that has the focus. */
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if ((event.target as HTMLElement).closest("[data-output]")) view.choose(id, { mode: "command" });
  };
  const onPointerDown = (event: PointerEvent): void => {
    const target = event.target as HTMLElement;
    if (event.button !== 0 || target.closest(FOCUSABLE) || target.closest(".insert")) return;
    if (event.shiftKey) {
      event.preventDefault();
      view.choose(id, { extend: true });
    } else if (!target.closest(".source, [data-output]")) view.choose(id);
    else if (!isActive()) view.focusMoved(id, "command");
  };
  return (
    <div
      ref={(el) => (element = el)}
      class={`cell${isActive() ? " active" : ""}${isEditing() ? " editing" : ""}${view.isSelected(id) ? " selected" : ""}${justDone() ? " just-done" : ""}`}
      role="listitem"
      aria-setsize={props.count()}
      aria-posinset={index() + 1}
      aria-label={`${label()}${STATUS_WORDS[state()?.progress ?? "idle"]}`}
      tabIndex={isActive() ? 0 : -1}
      data-cell={id}
      data-language={cell().language}
      data-status={progress()}
      data-validity={state()?.validity ?? "never"}
      style={{ transform: `translateY(${props.top()}px)` }}
      onFocusIn={onFocusIn}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
    >
      <Gutter view={view} cell={cell} state={state} />
      <div class="body">
        <Show when={!isFolded(cell(), "source")} fallback={<FoldedSource cell={cell()} view={view} />}>
          <Show when={cell().kind === "markdown"} fallback={<CodeSource view={view} cell={cell} label={label} />}>
            <MarkdownSource view={view} cell={cell} label={label} editing={isEditing} />
          </Show>
        </Show>
        <Show when={cell().kind === "code" && (outputs().length > 0 || state()?.input)}>
          <OutputArea view={view} id={id} cell={cell} outputs={outputs} running={() => progress() === "running"} />
          <Show when={state()?.input}>{(input) => <InputField view={view} cell={id} input={input()} />}</Show>
        </Show>
        <RunByOthers view={view} id={id}>
          <Show when={view.isPrivate(id)}>
            <p class="cell-private quiet">
              Only you see this.{" "}
              <Show when={progress() !== "running"}>
                <button type="button" class="button" onClick={() => view.showShared(id)}>
                  Show what the others see
                </button>
              </Show>
            </p>
          </Show>
          <CellFooter cell={cell} state={state} hasKernel={() => view.session$().kernels.has(cell().language)} />
        </RunByOthers>
      </div>
      <InsertLine view={view} after={() => id} open={index() === props.count() - 1} />
    </div>
  );
}

function FoldedSource(props: { readonly cell: Cell; readonly view: PageView }): JSX.Element {
  const first = (): string => props.cell.source.split("\n", 1)[0] ?? "";
  return (
    <button
      type="button"
      class="folded"
      aria-expanded="false"
      aria-label="Unfold the source"
      onClick={() => {
        const view = props.view;
        view.choose(props.cell.id);
        void view.change([fold(props.cell, "source", false)], "unfold source");
      }}
    >
      <span class="folded-line">{first() || "Empty"}</span> …
    </button>
  );
}
