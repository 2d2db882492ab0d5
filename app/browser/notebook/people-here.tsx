/** Who else has the notebook open: small circles in the header that go to where somebody is, and follow them. */
import { For, Show, createMemo, type JSX } from "solid-js";
import type { MemberId } from "#core/mesh/identity.ts";
import type { PersonHere } from "#kit/people.ts";
import { PersonMark } from "#kit/person-mark.tsx";
import type { PageView } from "./view.ts";
import "./people.css";

const MOST = 4;

export function PeopleHere(props: { readonly view: PageView; readonly onMore: () => void }): JSX.Element {
  const { view } = props;
  const ids = createMemo<readonly MemberId[]>(() => view.people().map(({ id }) => id), [], {
    equals: (a, b) => a.length === b.length && a.every((id, index) => id === b[index]),
  });
  const shown = (): readonly MemberId[] => ids().slice(0, ids().length > MOST ? MOST - 1 : MOST);
  const rest = (): number => ids().length - shown().length;
  return (
    <Show when={ids().length > 0}>
      <div class="people-here" role="group" aria-label="Here now">
        <For each={shown()}>
          {(id) => {
            const person = createMemo(() => view.people().find((one) => one.id === id));
            return (
              <Show when={person()}>
                {(known) => <PersonButton view={view} person={known()} onNowhere={() => props.onMore()} />}
              </Show>
            );
          }}
        </For>
        <Show when={rest() > 0}>
          <button
            type="button"
            class="person-button more"
            aria-label={`${rest()} more: show all`}
            title="Show all"
            onClick={() => props.onMore()}
          >
            +{rest()}
          </button>
        </Show>
        <Show when={view.following.followed()}>
          {(person) => (
            <span class="people-followed quiet">
              Following <bdi>{person().name}</bdi>
            </span>
          )}
        </Show>
      </div>
    </Show>
  );
}

function PersonButton(props: {
  readonly view: PageView;
  readonly person: PersonHere;
  readonly onNowhere: () => void;
}): JSX.Element {
  const index = (): number => {
    const { cell } = props.person.state;
    return cell === undefined ? -1 : props.view.indexOf(cell);
  };
  const isFollowed = (): boolean => props.view.following.followed()?.id === props.person.id;
  const label = (): string => {
    if (isFollowed()) return `${props.person.name}: stop following`;
    return index() < 0
      ? `${props.person.name}, here now`
      : `${props.person.name}, in cell ${index() + 1}: go there and follow`;
  };
  return (
    <button
      type="button"
      class="person-button"
      title={label()}
      data-followed={isFollowed()}
      onClick={() => {
        const { cell } = props.person.state;
        if (isFollowed()) props.view.following.follow(undefined);
        else if (cell !== undefined && index() >= 0) {
          props.view.choose(cell);
          props.view.following.follow(props.person.id);
        } else props.onNowhere();
      }}
    >
      <PersonMark name={props.person.name} colour={props.person.colour} />
      <span class="visually-hidden">{label()}</span>
    </button>
  );
}
