/** A control with its label, and below it what helps to fill it in or, once something is wrong, what. */
import { Show, createUniqueId, type JSX } from "solid-js";

/** What the control itself has to carry; spread onto it. */
export interface FieldControl {
  readonly id: string;
  readonly class: string;
  readonly "aria-describedby": string | undefined;
  readonly "aria-invalid": boolean;
}

export function Field(props: {
  readonly label: string;
  readonly hint?: JSX.Element;
  readonly problem?: string | undefined;
  /** Draws the control: an input, a list to choose from, with a button beside it or without. */
  readonly children: (control: FieldControl) => JSX.Element;
}): JSX.Element {
  const id = createUniqueId();
  const isWrong = (): boolean => props.problem !== undefined && props.problem !== "";
  const control: FieldControl = {
    id,
    class: "input",
    get "aria-describedby"() {
      return isWrong() || props.hint !== undefined ? `${id}-help` : undefined;
    },
    get "aria-invalid"() {
      return isWrong();
    },
  };
  return (
    <div class="form-field">
      <label for={id}>{props.label}</label>
      {props.children(control)}
      <Show
        when={isWrong()}
        fallback={
          <Show when={props.hint}>
            {(hint) => (
              <p id={`${id}-help`} class="quiet">
                {hint()}
              </p>
            )}
          </Show>
        }
      >
        <p id={`${id}-help`} class="form-problem" role="alert">
          {props.problem}
        </p>
      </Show>
    </div>
  );
}
