/** A small circle in a person's colour with their initials: a decoration beside or inside something that says the name. */
import type { JSX } from "solid-js";
import { initials } from "./people.ts";

export function PersonMark(props: { readonly name: string; readonly colour: string }): JSX.Element {
  return (
    <span class="person-mark" style={{ "--person": props.colour }} aria-hidden="true">
      {initials(props.name)}
    </span>
  );
}
