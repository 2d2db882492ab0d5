/** Following somebody: the page scrolls to the cell where they are, until the person here moves by themself. */
import { createEffect, createMemo, createSignal, on, onCleanup } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { MemberId } from "#core/mesh/identity.ts";
import type { PersonHere } from "#kit/people.ts";

export interface Following {
  /** Whom; undefined when nobody. Tracks. */
  readonly followed: () => PersonHere | undefined;
  /** Begins to follow somebody who is here, or stops. */
  follow(member: MemberId | undefined): void;
}

/** What a person does who wants to be elsewhere. */
const OWN_MOVES = ["wheel", "touchmove", "keydown", "pointerdown"] as const;

/** Follows nobody at first; ends with its owner. `scrollTo` brings a cell into view. */
export function createFollowing(
  people: () => readonly PersonHere[],
  scrollTo: (cell: CellId) => void,
  announce: (text: string) => void,
): Following {
  const [member, setMember] = createSignal<MemberId>();
  const followed = createMemo(() => people().find(({ id }) => id === member()));
  const cell = createMemo(() => followed()?.state.cell);
  const stop = (): void => {
    const known = followed();
    setMember(undefined);
    if (known) announce(`You don't follow ${known.name} any more`);
  };
  createEffect(
    on(cell, (at) => {
      if (at !== undefined) scrollTo(at);
    }),
  );
  createEffect(() => {
    if (member() === undefined) return;
    // Whoever left and comes back is not followed again by surprise.
    if (!followed()) {
      setMember(undefined);
      return;
    }
    const moved = (event: Event): void => {
      const target = event.target instanceof Element ? event.target : undefined;
      // Pressed to stop or to follow somebody else, which the button does.
      if (target?.closest("main") && !target.closest(".person-button")) stop();
    };
    for (const type of OWN_MOVES) document.addEventListener(type, moved, { capture: true, passive: true });
    onCleanup(() => {
      for (const type of OWN_MOVES) document.removeEventListener(type, moved, { capture: true });
    });
  });
  return {
    followed,
    follow(next) {
      if (next === undefined) return stop();
      setMember(next);
      const known = followed();
      if (known) announce(`You follow ${known.name} until you move`);
    },
  };
}
