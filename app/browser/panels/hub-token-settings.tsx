/** The part of the settings about signing in to model hubs. */
import { For, createSignal, type JSX } from "solid-js";
import { hubTokens, setHubToken } from "../hub-tokens.ts";

export function HubTokenSettings(props: { readonly hub: string }): JSX.Element {
  const [told, setTold] = createSignal("");
  let hub: HTMLInputElement | undefined;
  let token: HTMLInputElement | undefined;
  const keep = (): void => {
    if (!hub || !token || token.value.trim() === "") return;
    try {
      setHubToken(hub.value, token.value);
      token.value = "";
      setTold("The token is kept in this browser.");
    } catch (error) {
      setTold(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <fieldset>
      <legend>Tokens for model hubs</legend>
      <p class="quiet">
        Some models are given only to people who have signed in. A token is kept in this browser, sent to its hub and to
        no other host, and never part of a notebook.
      </p>
      <ul class="settings-hosts">
        <For each={hubTokens().map(({ origin }) => origin)} fallback={<li class="quiet">None yet.</li>}>
          {(origin) => (
            <li>
              <code>{origin}</code>
              <button
                type="button"
                class="button"
                aria-label={`Forget the token for ${origin}`}
                onClick={() => {
                  setHubToken(origin, "");
                  setTold("The token is forgotten.");
                }}
              >
                Forget
              </button>
            </li>
          )}
        </For>
      </ul>
      <label class="field">
        <span>Hub</span>
        <input
          ref={(element) => (hub = element)}
          class="input"
          type="text"
          inputmode="url"
          spellcheck={false}
          value={props.hub}
        />
      </label>
      <label class="field">
        <span>Token</span>
        <input
          ref={(element) => (token = element)}
          class="input"
          type="password"
          autocomplete="off"
          spellcheck={false}
          onKeyDown={(event) => {
            if (event.key === "Enter") keep();
          }}
          onChange={keep}
        />
      </label>
      <p class="quiet" role="status">
        {told()}
      </p>
    </fieldset>
  );
}
