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

/** In the gutter. The name is beside the mark when the cell is chosen or pointed at, and always there for readers of screens. */
export function PeopleInCell(props: CellPeopleProps): JSX.Element {
  const here = whoever(props, ({ state }) => state.cell === props.id);
  return (
    <Show when={here().length > 0}>
      <ul class="cell-people" aria-label="Here now">
        <For each={here()}>
          {(person) => (
            <li title={person.name}>
              <span class="cell-person-name">{person.name}</span>
              <PersonMark name={person.name} colour={person.colour} />
            </li>
          )}
        </For>
      </ul>
    </Show>
  );
}

const names = new Intl.ListFormat("en", { type: "conjunction" });

/** Below the code: that somebody else runs the cell now. */
export function RunByOthers(props: CellPeopleProps): JSX.Element {
  const runners = whoever(props, ({ state }) => state.running?.includes(props.id) ?? false);
  return (
    <Show when={runners().length > 0}>
      <p class="cell-run-by quiet">
        <For each={runners()}>{({ name, colour }) => <PersonMark name={name} colour={colour} />}</For>
        {names.format(runners().map(({ name }) => name))} {runners().length === 1 ? "runs" : "run"} this
      </p>
    </Show>
  );
}
