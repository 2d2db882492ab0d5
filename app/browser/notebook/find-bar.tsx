/**
 * Find in all cells, on the page or not: the browser's own search sees only the cells that are drawn. Matches in the
 * cell under way are selected in its editor; outputs that hold text are searched too and brought into view.
 */
import { createMemo, createSignal, onCleanup, onMount, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { Cell, Output } from "#core/notebook/model.ts";
import { Icon } from "#kit/icon.tsx";
import type { PageView } from "./view.ts";

interface Match {
  readonly cell: CellId;
  /** Undefined: in an output. */
  readonly at: number | undefined;
}

/** More than this and the list is cut; the count says so. */
const LIMIT = 5000;

function outputText(output: Output): string {
  if (output.output_type === "stream") return output.text;
  if (output.output_type === "error") return `${output.ename}: ${output.evalue}`;
  const plain = output.data["text/plain"];
  return typeof plain === "string" ? plain : "";
}

/** All places of `query` in the cells, in notebook order. */
export function findInCells(
  cells: readonly Cell[],
  query: string,
  outputs: (cell: Cell) => readonly Output[],
): readonly Match[] {
  const matches: Match[] = [];
  const wanted = query.toLowerCase();
  if (wanted === "") return matches;
  for (const cell of cells) {
    const text = cell.source.toLowerCase();
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      matches.push({ cell: cell.id, at });
      if (matches.length >= LIMIT) return matches;
    }
    if (outputs(cell).some((output) => outputText(output).toLowerCase().includes(wanted)))
      matches.push({ cell: cell.id, at: undefined });
  }
  return matches;
}

/** What is selected of a text of this length for a match: somebody else may have made it shorter since it was searched. */
export function placeIn(length: number, at: number, found: number): { readonly anchor: number; readonly head: number } {
  return { anchor: Math.min(at, length), head: Math.min(at + found, length) };
}

export function FindBar(props: { readonly view: PageView; readonly onClose: () => void }): JSX.Element {
  const { view } = props;
  const [query, setQuery] = createSignal("");
  const [at, setAt] = createSignal(-1);
  let field: HTMLInputElement | undefined;
  const matches = createMemo(() =>
    findInCells(view.cells(), query(), (cell) => view.state(cell.id)?.outputs ?? cell.run?.outputs ?? []),
  );
  const show = (index: number): void => {
    const match = matches()[index];
    if (!match) return;
    setAt(index);
    view.focusMoved(match.cell, "command");
    view.list?.scrollTo(match.cell);
    if (match.at === undefined) return;
    const { at: from } = match;
    // The editor may only now be mounted; its state takes the selection either way.
    requestAnimationFrame(() => {
      const text = view.editors.find(match.cell);
      text?.dispatch({ selection: placeIn(text.state.doc.length, from, query().length), scrollIntoView: true });
      field?.focus();
    });
  };
  const go = (by: number): void => {
    const count = matches().length;
    if (count > 0) show((at() + by + count) % count);
  };
  const close = (): void => {
    const match = matches()[at()];
    props.onClose();
    if (match?.at !== undefined) view.choose(match.cell, { mode: "edit" });
    else view.setMode("command");
  };
  onMount(() => {
    field?.focus();
    field?.select();
  });
  onCleanup(() => setAt(-1));
  return (
    <div class="find" role="search">
      <Icon name="search" />
      <input
        ref={(element) => (field = element)}
        class="find-input"
        type="text"
        aria-label="Find in all cells"
        placeholder="Find in all cells"
        spellcheck={false}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          show(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
          else if (event.key === "Escape") close();
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <span class="quiet find-count" aria-live="polite">
        {query() === ""
          ? ""
          : matches().length === 0
            ? "nothing"
            : `${Math.max(1, at() + 1)} of ${matches().length}${matches().length >= LIMIT ? "+" : ""}`}
      </span>
      <button type="button" class="button icon-only" aria-label="Previous match" onClick={() => go(-1)}>
        <Icon name="up" />
      </button>
      <button type="button" class="button icon-only" aria-label="Next match" onClick={() => go(1)}>
        <Icon name="down" />
      </button>
      <button type="button" class="button icon-only" aria-label="Close find" onClick={close}>
        <Icon name="close" />
      </button>
    </div>
  );
}
