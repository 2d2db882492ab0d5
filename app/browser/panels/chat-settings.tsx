/** The part of the settings about chat cells: where a language model is asked, which one, and with what key. */
import { For, Show, createSignal, onCleanup, type JSX } from "solid-js";
import type { ChatAccess } from "#core/chat/driver.ts";
import { chatEndpoint, setChatEndpoint } from "../chat-settings.ts";

/** Models that the list shows. */
const MOST_SHOWN = 200;

export function ChatSettings(props: { readonly access: ChatAccess }): JSX.Element {
  const [models, setModels] = createSignal<readonly string[]>([]);
  const [said, setSaid] = createSignal("");
  let asking: AbortController | undefined;
  onCleanup(() => asking?.abort());
  const change = (part: Parameters<typeof setChatEndpoint>[0]): void => {
    asking?.abort();
    const hadKey = chatEndpoint().key !== "";
    const isKept = setChatEndpoint(part);
    if (part.address !== undefined) setModels([]);
    const isKeyGone = hadKey && chatEndpoint().key === "" && part.key === undefined;
    setSaid(
      isKept
        ? `Kept in this browser.${isKeyGone ? " The key was for the other address, so it was forgotten." : ""}`
        : "This browser does not keep settings; they last until the page closes.",
    );
  };
  const listModels = async (): Promise<void> => {
    asking?.abort();
    const { signal } = (asking = new AbortController());
    setSaid("Asking …");
    try {
      const driver = props.access.open();
      const found = driver ? await driver.models(signal) : undefined;
      if (signal.aborted) return;
      setModels(found ?? []);
      if (!found) setSaid("Give an address first.");
      else if (found.length === 0) setSaid("It answers, and has no models yet.");
      else setSaid(found.length === 1 ? "It has one model." : `It has ${found.length} models.`);
      const [first] = found ?? [];
      if (chatEndpoint().model === "" && first !== undefined) setChatEndpoint({ model: first });
    } catch (error) {
      if (!signal.aborted) setSaid(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <fieldset>
      <legend>Language model</legend>
      <p class="quiet">
        Chat cells ask it: Ollama, llama.cpp, LM Studio or any other that speaks OpenAI's chat completions. It is sent
        the cell, and of the cells above what the cell asks for; the answer shows what that was.
      </p>
      <label class="field">
        <span>Address</span>
        <input
          class="input"
          type="text"
          inputmode="url"
          spellcheck={false}
          autocomplete="off"
          placeholder="http://127.0.0.1:11434/v1"
          value={chatEndpoint().address}
          onChange={(event) => change({ address: event.currentTarget.value.trim() })}
        />
      </label>
      <label class="field">
        <span>Key</span>
        <input
          class="input"
          type="password"
          spellcheck={false}
          autocomplete="off"
          value={chatEndpoint().key}
          onChange={(event) => change({ key: event.currentTarget.value.trim() })}
        />
        <span class="quiet">Only if it wants one. It stays in this browser and goes to this address only.</span>
      </label>
      <label class="field">
        <span>Model</span>
        <input
          class="input"
          type="text"
          spellcheck={false}
          autocomplete="off"
          value={chatEndpoint().model}
          onChange={(event) => change({ model: event.currentTarget.value.trim() })}
        />
      </label>
      <Show when={models().length > 0}>
        <label class="field">
          <span>Models that it has</span>
          <select class="input" onChange={(event) => change({ model: event.currentTarget.value })}>
            <For each={models().slice(0, MOST_SHOWN)}>
              {(name) => (
                <option value={name} selected={name === chatEndpoint().model}>
                  {name}
                </option>
              )}
            </For>
          </select>
        </label>
      </Show>
      <div class="settings-actions">
        <button type="button" class="button" onClick={() => void listModels()}>
          List models
        </button>
      </div>
      <p class="quiet" aria-live="polite">
        {said()}
      </p>
    </fieldset>
  );
}
