/** The notebook as it was, to be read: every cell with its text and outputs, those that differ from before marked. */
import { For, Show, createMemo, createSignal, type JSX } from "solid-js";
import type { PastState } from "#core/notebook/document-history.ts";
import { PlainText } from "./cell-changes.tsx";
import { PastOutputs } from "./past-outputs.tsx";
import { kindWords } from "./words.ts";

/** So many cells are drawn at first. */
const AT_FIRST = 50;

export function PastNotebook(props: { readonly past: PastState }): JSX.Element {
  const [shown, setShown] = createSignal(AT_FIRST);
  const marks = createMemo(() => new Map(props.past.differences.map((one) => [one.cell, one])));
  const cells = () => props.past.notebook.cells;
  return (
    <section class="history-past" aria-label="The notebook as it was">
      <p class="history-past-title" dir="auto">
        {props.past.notebook.title || "Untitled"}
      </p>
      <Show when={cells().length === 0}>
        <p class="quiet">It had no cells then.</p>
      </Show>
      <For each={cells().slice(0, shown())}>
        {(cell, index) => (
          <div class="history-past-cell" data-kind={marks().get(cell.id)?.kind}>
            <p class="quiet">
              Cell {index() + 1} · {cell.language}
              <Show when={marks().get(cell.id)}>{(mark) => <strong> · {kindWords(mark())}</strong>}</Show>
            </p>
            <PlainText text={cell.source} />
            <Show when={cell.run}>{(run) => <PastOutputs run={run()} />}</Show>
          </div>
        )}
      </For>
      <Show when={cells().length > shown()}>
        <button type="button" class="button" onClick={() => setShown((count) => count + AT_FIRST)}>
          Show more of {cells().length} cells
        </button>
      </Show>
    </section>
  );
}
