/** Asks for the token of a hub that wants one to be signed in. */
import { Show, createSignal, createUniqueId, type JSX } from "solid-js";
import { sentenceOf } from "./words.ts";

export function TokenForm(props: {
  /** The hub's origin. */
  readonly hub: string;
  readonly onToken: (token: string) => void;
}): JSX.Element {
  const id = createUniqueId();
  const host = (): string => URL.parse(props.hub)?.host ?? props.hub;
  const [wrong, setWrong] = createSignal("");
  let field: HTMLInputElement | undefined;
  const give = (event: Event): void => {
    event.preventDefault();
    try {
      if (!field || field.value.trim() === "") return field?.focus();
      props.onToken(field.value);
    } catch (error) {
      setWrong(sentenceOf(error));
      field?.focus();
    }
  };
  return (
    <form class="models-form" onSubmit={give}>
      <label for={`${id}-token`}>Token for {host()}</label>
      <div class="models-field">
        <input
          ref={(element) => (field = element)}
          id={`${id}-token`}
          class="input"
          type="password"
          autocomplete="off"
          spellcheck={false}
          aria-invalid={wrong() !== ""}
          aria-describedby={`${id}-help`}
        />
        <button type="submit" class="button outlined">
          Use it
        </button>
      </div>
      <p id={`${id}-help`} class="quiet">
        You make it on your account’s page there. It is kept in this browser only, and sent to {host()} only.
      </p>
      <Show when={wrong()}>
        <p class="models-trouble" role="alert">
          {wrong()}
        </p>
      </Show>
    </form>
  );
}
