/** At a cell: who else is in it, and who else runs it. */
import { For, Show, createMemo, type Accessor, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { PersonHere } from "#kit/people.ts";
import { PersonMark } from "#kit/person-mark.tsx";
import type { PageView } from "./view.ts";
import "./people.css";

interface CellPeopleProps {
  readonly view: PageView;
  readonly id: CellId;
}

/** Those of whom something is so; the same list while it is the same people, wherever in the cell they are. */
function whoever(props: CellPeopleProps, is: (person: PersonHere) => boolean): Accessor<readonly PersonHere[]> {
  return createMemo<readonly PersonHere[]>(() => props.view.people().filter(is), [], {
    equals: (a, b) => a.length === b.length && a.every(({ id, name }, i) => id === b[i]?.id && name === b[i]?.name),
  });
}

const names = new Intl.ListFormat("en", { type: "conjunction" });
/** So many marks fit beside the shortest cell, whose height must not depend on who is there. */
const MOST = 2;

/** In the gutter: marks, and the names while the cell is pointed at or has the focus. */
export function PeopleInCell(props: CellPeopleProps): JSX.Element {
  const here = whoever(props, ({ state }) => state.cell === props.id);
  const shown = (): readonly PersonHere[] => here().slice(0, here().length > MOST ? MOST - 1 : MOST);
  const text = (): string => names.format(here().map(({ name }) => name));
  return (
    <Show when={here().length > 0}>
      <div class="cell-people" title={text()}>
        <span class="visually-hidden">Here now: {text()}</span>
        <For each={shown()}>{({ name, colour }) => <PersonMark name={name} colour={colour} />}</For>
        <Show when={here().length > shown().length}>
          <span class="cell-people-more" aria-hidden="true">
            +{here().length - shown().length}
          </span>
        </Show>
        <span class="cell-people-names" aria-hidden="true">
          {text()}
        </span>
      </div>
    </Show>
  );
}

/** In the place of the line below a cell: that somebody else runs it now; otherwise that line. */
export function RunByOthers(props: CellPeopleProps & { readonly children: JSX.Element }): JSX.Element {
  const runners = whoever(props, ({ state }) => state.running?.includes(props.id) ?? false);
  return (
    <Show when={runners().length > 0} fallback={props.children}>
      <p class="cell-run-by quiet">
        <For each={runners()}>{({ name, colour }) => <PersonMark name={name} colour={colour} />}</For>
        {names.format(runners().map(({ name }) => name))} {runners().length === 1 ? "runs" : "run"} this
        {props.view.runByOther(props.id)?.cut ? "; its latest outputs are shown until it has ended" : ""}
      </p>
    </Show>
  );
}
