/** The headings of the notebook's text cells, and the cells that failed: a table of contents that jumps. */
import { For, Show, createMemo, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { Cell } from "#core/notebook/model.ts";
import type { PanelProps } from "#kit/panels.ts";

interface Heading {
  readonly cell: CellId;
  readonly level: number;
  readonly text: string;
}

/** Markdown headings of the cells, outside fenced code. */
export function headings(cells: readonly Cell[]): readonly Heading[] {
  const found: Heading[] = [];
  for (const cell of cells) {
    if (cell.kind !== "markdown") continue;
    let fenced = false;
    for (const line of cell.source.split("\n")) {
      if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
      const match = fenced ? undefined : /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
      if (match?.[1] && match[2])
        found.push({
          cell: cell.id,
          level: match[1].length,
          text: match[2].replace(/[*_`]|\[([^\]]*)\]\([^)]*\)/g, "$1"),
        });
    }
  }
  return found;
}

export function OutlinePanel(props: PanelProps): JSX.Element {
  const list = createMemo(() => headings(props.context.view?.cells() ?? []));
  return (
    <Show
      when={list().length > 0}
      fallback={
        <p class="quiet panel-empty">
          Headings of text cells appear here. Press M in a cell to make it text, then 1 for a heading.
        </p>
      }
    >
      <ul class="outline">
        <For each={list()}>
          {(heading) => (
            <li style={{ "padding-inline-start": `${(heading.level - 1) * 12}px` }}>
              <button
                type="button"
                class="outline-item"
                data-level={heading.level}
                onClick={() => {
                  props.context.view?.choose(heading.cell);
                  props.context.view?.list?.scrollTo(heading.cell, "start");
                }}
              >
                {heading.text}
              </button>
            </li>
          )}
        </For>
      </ul>
    </Show>
  );
}
