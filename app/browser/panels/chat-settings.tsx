/** The part of the settings about chat cells: which kind of language model is asked, where, which one, and with what key. */
import { For, Show, createEffect, createMemo, createSignal, on, onCleanup, type JSX } from "solid-js";
import type { ChatDriverKind, ChatPlace, ChatReadiness } from "#core/chat/driver.ts";
import { chatAccess, chatChoice, setChatChoice } from "../chat-settings.ts";

/** Models that the list shows. */
const MOST_SHOWN = 200;

/** What is asked for, and said of it, where a kind differs from a server. */
const FILE_HINT = "A .gguf file of this notebook, or the address of one. Drop a file on the notebook to have it there.";

export function ChatSettings(props: {
  readonly kinds: ReadonlyMap<string, ChatDriverKind>;
  readonly place: ChatPlace;
}): JSX.Element {
  const access = chatAccess(props.kinds, props.place);
  const [here, setHere] = createSignal<readonly ChatDriverKind[]>(
    [...props.kinds.values()].filter((kind) => !kind.isHere),
  );
  const [models, setModels] = createSignal<readonly string[]>([]);
  const [readiness, setReadiness] = createSignal<ChatReadiness>();
  const [said, setSaid] = createSignal("");
  const kind = createMemo(() => props.kinds.get(chatChoice().driver));
  let asking: AbortController | undefined;
  onCleanup(() => {
    asking?.abort();
    access.close();
  });
  void (async () => {
    const all = [...props.kinds.values()];
    const are = await Promise.all(all.map(async (each) => (await each.isHere?.()) ?? true));
    setHere(all.filter((_, index) => are[index]));
  })();
  const has = (field: "address" | "key" | "model"): boolean => kind()?.fields.includes(field) ?? false;
  const isServer = (): boolean => has("address");

  const change = (part: Parameters<typeof setChatChoice>[0]): void => {
    asking?.abort();
    const hadKey = chatChoice().key !== "";
    const isKept = setChatChoice(part);
    if (part.address !== undefined) setModels([]);
    const isKeyGone = hadKey && chatChoice().key === "" && part.key === undefined;
    setSaid(
      isKept
        ? `Kept in this browser.${isKeyGone ? " The key was for the other address, so it was forgotten." : ""}`
        : "This browser does not keep settings; they last until the page closes.",
    );
  };
  /** Does what may take its time; what was begun before is given up. */
  const ask = async (work: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    asking?.abort();
    const { signal } = (asking = new AbortController());
    try {
      await work(signal);
    } catch (error) {
      if (!signal.aborted) setSaid(error instanceof Error ? error.message : String(error));
    }
  };
  const listModels = (): Promise<void> =>
    ask(async (signal) => {
      setSaid("Asking …");
      const found = await access.open()?.models(signal);
      if (signal.aborted) return;
      setModels(found ?? []);
      if (!found) setSaid("Give an address first.");
      else if (found.length === 0) setSaid("It answers, and has no models yet.");
      else setSaid(found.length === 1 ? "It has one model." : `It has ${found.length} models.`);
      const [first] = found ?? [];
      if (chatChoice().model === "" && first !== undefined) setChatChoice({ model: first });
    });
  /** What is known without asking anybody: the notebook's files, and how far the browser's own model is. */
  const look = (): Promise<void> =>
    ask(async (signal) => {
      setModels([]);
      setReadiness(undefined);
      if (isServer()) return;
      if (has("model")) {
        const files = await props.place.files(".gguf");
        if (!signal.aborted) setModels(files);
      }
      const state = await access.open()?.readiness?.();
      if (!signal.aborted) setReadiness(state);
    });
  createEffect(on([kind, () => props.place], () => void look()));
  const prepare = (way: NonNullable<ChatReadiness["prepare"]>): Promise<void> =>
    ask(async (signal) => {
      await way((sentence) => void (signal.aborted || setSaid(sentence)), signal);
      setSaid("");
      setReadiness(await access.open()?.readiness?.());
    });

  return (
    <fieldset>
      <legend>Language model</legend>
      <p class="quiet">
        Chat cells ask it. It is sent the cell, and of the cells above what the cell asks for; the answer shows what
        that was.
      </p>
      <div role="radiogroup" aria-label="Where it runs">
        <For each={here()}>
          {({ id, title }) => (
            <label class="choice">
              <input
                type="radio"
                name="chat-driver"
                checked={chatChoice().driver === id}
                onChange={() => change({ driver: id })}
              />
              {title}
            </label>
          )}
        </For>
      </div>
      <Show when={has("address")}>
        <label class="field">
          <span>Address</span>
          <input
            class="input"
            type="text"
            inputmode="url"
            spellcheck={false}
            autocomplete="off"
            placeholder="http://127.0.0.1:11434/v1"
            aria-describedby="chat-address-hint"
            value={chatChoice().address}
            onChange={(event) => change({ address: event.currentTarget.value.trim() })}
          />
        </label>
        <p class="quiet" id="chat-address-hint">
          Of Ollama, llama.cpp, LM Studio or any other that speaks OpenAI's chat completions.
        </p>
      </Show>
      <Show when={has("key")}>
        <label class="field">
          <span>Key</span>
          <input
            class="input"
            type="password"
            spellcheck={false}
            autocomplete="off"
            value={chatChoice().key}
            onChange={(event) => change({ key: event.currentTarget.value.trim() })}
          />
          <span class="quiet">Only if it wants one. It stays in this browser and goes to this address only.</span>
        </label>
      </Show>
      <Show when={has("model")}>
        <label class="field">
          <span>{isServer() ? "Model" : "File"}</span>
          <input
            class="input"
            type="text"
            spellcheck={false}
            autocomplete="off"
            placeholder={isServer() ? "" : "models/name.gguf"}
            aria-describedby={isServer() ? undefined : "chat-file-hint"}
            value={chatChoice().model}
            onChange={(event) => change({ model: event.currentTarget.value.trim() })}
          />
        </label>
        <Show when={!isServer()}>
          <p class="quiet" id="chat-file-hint">
            {FILE_HINT}
          </p>
        </Show>
      </Show>
      <Show when={models().length > 0}>
        <label class="field">
          <span>{isServer() ? "Models that it has" : "Files of this notebook"}</span>
          <select class="input" onChange={(event) => change({ model: event.currentTarget.value })}>
            <Show when={!models().includes(chatChoice().model)}>
              <option value={chatChoice().model} selected>
                Choose …
              </option>
            </Show>
            <For each={models().slice(0, MOST_SHOWN)}>
              {(name) => (
                <option value={name} selected={name === chatChoice().model}>
                  {name}
                </option>
              )}
            </For>
          </select>
        </label>
      </Show>
      <Show when={isServer()}>
        <div class="settings-actions">
          <button type="button" class="button" onClick={() => void listModels()}>
            List models
          </button>
        </div>
      </Show>
      <Show when={readiness()}>
        {(state) => (
          <>
            <p class="quiet">{state().sentence}</p>
            <Show when={state().prepare}>
              {(way) => (
                <div class="settings-actions">
                  <button type="button" class="button" onClick={() => void prepare(way())}>
                    Download it
                  </button>
                </div>
              )}
            </Show>
          </>
        )}
      </Show>
      <p class="quiet" aria-live="polite">
        {said()}
      </p>
    </fieldset>
  );
}
