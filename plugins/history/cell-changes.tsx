/** Cells with what changed in each: one line that says it, and under it, when opened, the texts and what can be done. */
import { For, Match, Show, Switch, createMemo, createSignal, onCleanup, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { CellDifference } from "#core/notebook/differences.ts";
import type { Cell } from "#core/notebook/model.ts";
import type { NotebookView } from "#kit/commands.ts";
import { PastOutputs } from "./past-outputs.tsx";
import { firstLine, kindWords, sentenceOf } from "./words.ts";

/** Longer texts are not compared letter by letter. */
const MOST_COMPARED = 200_000;
/** So many are listed at first. */
const AT_FIRST = 100;

export interface CellChangesProps {
  readonly differences: readonly CellDifference[];
  readonly view: NotebookView;
  /** By whom the cell was changed, in words; empty when that is not known. */
  readonly who: (cell: CellId) => string;
  /** Puts the cell back; absent where that makes no sense. */
  readonly onRestore?: ((cell: CellId) => void) | undefined;
  /** What is put back: words after "Restore this cell". */
  readonly restoreWords: string;
}

export function CellChanges(props: CellChangesProps): JSX.Element {
  const [shown, setShown] = createSignal(AT_FIRST);
  return (
    <>
      <ul class="history-cells">
        <For each={props.differences.slice(0, shown())}>
          {(difference) => <CellChange {...props} difference={difference} />}
        </For>
      </ul>
      <Show when={props.differences.length > shown()}>
        <button type="button" class="button" onClick={() => setShown((count) => count + AT_FIRST)}>
          Show {Math.min(AT_FIRST, props.differences.length - shown())} more of {props.differences.length} cells
        </button>
      </Show>
    </>
  );
}

function CellChange(props: CellChangesProps & { readonly difference: CellDifference }): JSX.Element {
  const [open, setOpen] = createSignal(false);
  const cell = (): Cell | undefined => props.difference.after ?? props.difference.before;
  const place = (): string => {
    const { is, was } = props.difference;
    return `Cell ${(is < 0 ? was : is) + 1}`;
  };
  const id = (): CellId => props.difference.cell;
  const isHere = createMemo(() => props.view.indexOf(id()) >= 0);
  return (
    <li class="history-cell" data-kind={props.difference.kind}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="history-cell-name">
            {place()} <span class="quiet">{cell()?.language}</span>
          </span>{" "}
          <span class="history-cell-kind">
            {kindWords(props.difference)}
            <Show when={props.who(id())}>{(who) => <span class="quiet"> {who()}</span>}</Show>
          </span>{" "}
          <code class="history-cell-line" dir="auto">
            {firstLine(cell()?.source ?? "")}
          </code>
        </summary>
        <Show when={open()}>
          <CellText difference={props.difference} label={`${place()}, ${kindWords(props.difference)}`} />
          <Show when={props.difference.parts.includes("outputs") && props.difference.after?.run}>
            {(run) => <PastOutputs run={run()} />}
          </Show>
          <Show when={!isHere()}>
            <p class="quiet">This cell is not in the notebook now.</p>
          </Show>
          <div class="history-row">
            <Show when={props.onRestore}>
              {(restore) => (
                <button type="button" class="button" onClick={() => restore()(id())}>
                  Restore this cell
                  <span class="visually-hidden">
                    , {place()}, {props.restoreWords}
                  </span>
                </button>
              )}
            </Show>
            <Show when={isHere()}>
              <button type="button" class="button" onClick={() => props.view.choose(id())}>
                Go to it<span class="visually-hidden">, {place()}</span>
              </button>
            </Show>
          </div>
        </Show>
      </details>
    </li>
  );
}

function CellText(props: { readonly difference: CellDifference; readonly label: string }): JSX.Element {
  const before = (): string => props.difference.before?.source ?? "";
  const after = (): string => props.difference.after?.source ?? "";
  const [trouble, setTrouble] = createSignal("");
  return (
    <Switch fallback={<PlainText text={(props.difference.after ?? props.difference.before)?.source ?? ""} />}>
      <Match when={before().length + after().length > MOST_COMPARED}>
        <p class="quiet">
          The text is too long to be compared here: it had {before().length.toLocaleString("en")} characters and then{" "}
          {after().length.toLocaleString("en")}.
        </p>
      </Match>
      <Match when={props.difference.parts.includes("text")}>
        <Show
          when={trouble()}
          fallback={<TextDifference {...props} before={before()} after={after()} onTrouble={setTrouble} />}
        >
          <p class="history-trouble">What changed in the text can't be shown: {trouble()}</p>
          <PlainText text={after()} />
        </Show>
      </Match>
    </Switch>
  );
}

function TextDifference(props: {
  readonly before: string;
  readonly after: string;
  readonly label: string;
  readonly onTrouble: (sentence: string) => void;
}): JSX.Element {
  let stop: (() => void) | undefined;
  let ended = false;
  onCleanup(() => {
    ended = true;
    stop?.();
  });
  return (
    <div
      class="history-difference"
      ref={(element) => {
        import("./text-difference.ts").then(
          ({ drawTextDifference }) => {
            if (!ended) stop = drawTextDifference(element, props.before, props.after, props.label);
          },
          (error: unknown) => props.onTrouble(sentenceOf(error)),
        );
      }}
    />
  );
}

export function PlainText(props: { readonly text: string }): JSX.Element {
  return (
    <pre class="history-text" dir="auto">
      {props.text.length > MOST_COMPARED ? `${props.text.slice(0, MOST_COMPARED).toWellFormed()} …` : props.text}
    </pre>
  );
}
