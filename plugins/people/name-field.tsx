/** One's own name, as others see it. */
import { createUniqueId, type JSX } from "solid-js";
import { MOST_NAME_LENGTH } from "#core/mesh/identity.ts";
import type { Network } from "#kit/network.ts";

export function NameField(props: {
  readonly network: Network;
  /** What is missing is said beside the field. */
  readonly wanted: boolean;
}): JSX.Element {
  const id = createUniqueId();
  const keep = (value: string): void => {
    const name = value.trim();
    if (name !== "" && name !== props.network.name()) props.network.setName(name);
  };
  return (
    <div class="people-field">
      <label for={id}>Your name</label>
      <input
        id={id}
        class="input"
        dir="auto"
        autocomplete="name"
        maxlength={MOST_NAME_LENGTH}
        placeholder="As others should see it"
        aria-invalid={props.wanted}
        aria-describedby={`${id}-help`}
        value={props.network.name()}
        onChange={(event) => {
          keep(event.currentTarget.value);
          event.currentTarget.value = props.network.name();
        }}
      />
      <p class={props.wanted ? "quiet people-trouble" : "quiet"} id={`${id}-help`}>
        {props.wanted ? "Give a name first: the others want to know who is there." : "Members of the notebook see it."}
      </p>
    </div>
  );
}
