/** The pinning services that this browser may ask, and the form that adds one: a mirror's, or anybody's. */
import { For, Show, createSignal, createUniqueId, type JSX } from "solid-js";
import { hostOf, sentenceOf } from "./words.ts";

export function Services(props: {
  readonly services: readonly string[];
  /** The address of a service that may be meant, such as that of the page's own mirror. */
  readonly suggestion: string | undefined;
  /** Keeps the token, or forgets the service. Rejects with a sentence. */
  readonly onService: (service: string, token: string | undefined) => Promise<void>;
}): JSX.Element {
  const id = createUniqueId();
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
        <div class="publish-field">
          <label for={`${id}-address`}>Address of the service</label>
          <input
            ref={(element) => (address = element)}
            id={`${id}-address`}
            class="input"
            inputmode="url"
            spellcheck={false}
            placeholder="https://…/pinning"
            value={props.suggestion ?? ""}
          />
        </div>
        <div class="publish-field">
          <label for={`${id}-token`}>Its token</label>
          <input
            ref={(element) => (token = element)}
            id={`${id}-token`}
            class="input"
            type="password"
            autocomplete="off"
            aria-describedby={`${id}-help`}
          />
          <p id={`${id}-help`} class="quiet">
            Whoever runs it gives you one (on a mirror: kroma mirror token NAME). It is kept in this browser.
          </p>
        </div>
        <Show when={trouble()}>
          <p class="publish-trouble" role="alert">
            {trouble()}
          </p>
        </Show>
        <button type="submit" class="button outlined">
          Add
        </button>
      </form>
    </details>
  );
}
