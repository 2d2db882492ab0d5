/** One field with its button, what it is for below it, and there what was wrong with what was typed. */
import { Show, createSignal, createUniqueId, type JSX } from "solid-js";
import { sentenceOf } from "./words.ts";

export function FieldForm(props: {
  readonly label: string;
  readonly help: string;
  readonly button: string;
  readonly field: Pick<JSX.InputHTMLAttributes<HTMLInputElement>, "type" | "inputmode" | "placeholder">;
  /** Throws what was wrong; else the field is empty again. */
  readonly onGiven: (text: string) => void;
}): JSX.Element {
  const id = createUniqueId();
  const [wrong, setWrong] = createSignal("");
  let field: HTMLInputElement | undefined;
  const give = (event: Event): void => {
    event.preventDefault();
    setWrong("");
    try {
      if (!field || field.value.trim() === "") return field?.focus();
      props.onGiven(field.value);
      field.value = "";
    } catch (error) {
      setWrong(sentenceOf(error));
      field?.focus();
    }
  };
  return (
    <form class="models-form" onSubmit={give}>
      <label for={`${id}-field`}>{props.label}</label>
      <div class="models-field">
        <input
          {...props.field}
          ref={(element) => (field = element)}
          id={`${id}-field`}
          class="input"
          spellcheck={false}
          autocomplete="off"
          aria-invalid={wrong() !== ""}
          aria-describedby={`${id}-help`}
        />
        <button type="submit" class="button outlined">
          {props.button}
        </button>
      </div>
      <p id={`${id}-help`} class="quiet">
        {props.help}
      </p>
      <Show when={wrong()}>
        <p class="models-trouble" role="alert">
          {wrong()}
        </p>
      </Show>
    </form>
  );
}
