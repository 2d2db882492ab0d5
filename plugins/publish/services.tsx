/** The pinning services that this browser may ask, and the form that adds one: a mirror's, or anybody's. */
import { For, createSignal, type JSX } from "solid-js";
import { Field } from "#kit/field.tsx";
import { hostOf, sentenceOf } from "./words.ts";

export function Services(props: {
  readonly services: readonly string[];
  /** The address of a service that may be meant, such as that of the page's own mirror. */
  readonly suggestion: string | undefined;
  /** Keeps the token, or forgets the service. Rejects with a sentence. */
  readonly onService: (service: string, token: string | undefined) => Promise<void>;
}): JSX.Element {
  const [trouble, setTrouble] = createSignal("");
  let address: HTMLInputElement | undefined;
  let token: HTMLInputElement | undefined;
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    setTrouble("");
    try {
      await props.onService(address?.value.trim() ?? "", token?.value.trim() ?? "");
      if (token) token.value = "";
    } catch (error) {
      setTrouble(sentenceOf(error));
      address?.focus();
    }
  };
  return (
    <details class="publish-fold">
      <summary>Machines that are always on: {props.services.length === 0 ? "none" : props.services.length}</summary>
      <p>
        A mirror of Kroma, or any service that speaks the Pinning Service API, keeps what you pin there while this
        browser is closed.
      </p>
      <ul class="publish-list">
        <For each={props.services}>
          {(service) => (
            <li class="publish-kept-row">
              <span class="publish-path">{hostOf(service)}</span>
              <button
                type="button"
                class="button outlined"
                aria-label={`Forget ${hostOf(service)}`}
                onClick={() => void props.onService(service, undefined)}
              >
                Forget
              </button>
            </li>
          )}
        </For>
      </ul>
      <form class="publish-form" onSubmit={(event) => void add(event)}>
        <Field label="Address of the service" problem={trouble()}>
          {(control) => (
            <input
              {...control}
              ref={(element) => (address = element)}
              inputmode="url"
              spellcheck={false}
              placeholder="https://…/pinning"
              value={props.suggestion ?? ""}
            />
          )}
        </Field>
        <Field
          label="Its token"
          hint="Whoever runs it gives you one (on a mirror: kroma mirror token NAME). It is kept in this browser."
        >
          {(control) => <input {...control} ref={(element) => (token = element)} type="password" autocomplete="off" />}
        </Field>
        <button type="submit" class="button outlined">
          Add
        </button>
      </form>
    </details>
  );
}
