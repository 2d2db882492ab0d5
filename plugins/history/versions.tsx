/** The versions that have a name: to look at, to call otherwise, to take the name from; and the field that names one. */
import { For, Show, createSignal, type JSX } from "solid-js";
import { randomId } from "#core/base/ids.ts";
import type { NamedVersion } from "#core/notebook/model.ts";
import { MOST_VERSION_NAME } from "#core/notebook/named-versions.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import { momentWords, sentenceOf } from "./words.ts";

/** A field for a name, in the place of the button that opened it. */
export function NameForm(props: {
  readonly label: string;
  readonly name: string;
  readonly onName: (name: string) => Promise<void>;
  readonly onClose: () => void;
}): JSX.Element {
  const [name, setName] = createSignal(props.name);
  const [trouble, setTrouble] = createSignal("");
  let busy = false;
  const save = async (): Promise<void> => {
    if (busy) return;
    if (name().trim() === "") {
      setTrouble("Give it a name first.");
      return;
    }
    busy = true;
    try {
      await props.onName(name().trim());
      props.onClose();
    } catch (error) {
      setTrouble(sentenceOf(error));
    } finally {
      busy = false;
    }
  };
  return (
    <form
      class="history-name"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        props.onClose();
      }}
    >
      <label>
        {props.label}
        <input
          class="input"
          dir="auto"
          maxLength={MOST_VERSION_NAME}
          value={name()}
          onInput={(event) => setName(event.currentTarget.value)}
          ref={(element) => queueMicrotask(() => element.select())}
        />
      </label>
      <div class="history-row">
        <button type="submit" class="button primary">
          Save
        </button>
        <button type="button" class="button" onClick={() => props.onClose()}>
          Cancel
        </button>
      </div>
      <p class="history-trouble" role="alert">
        {trouble()}
      </p>
    </form>
  );
}

/** Gives a state a name. */
export function nameVersion(view: NotebookView, heads: readonly string[], name: string): Promise<void> {
  const version = randomId(16);
  return view.change([{ type: "set_version", version, to: { name, time: Date.now(), heads } }], "name a version");
}

export function Versions(props: {
  readonly versions: readonly NamedVersion[];
  readonly view: NotebookView;
  readonly page: PageActions;
  readonly isShown: (version: NamedVersion) => boolean;
  readonly onShow: (version: NamedVersion) => void;
}): JSX.Element {
  return (
    <Show when={props.versions.length > 0}>
      <section aria-labelledby="history-versions">
        <h3 id="history-versions">Named versions</h3>
        <ul class="history-versions">
          <For each={props.versions.map(({ id }) => id)}>
            {(id) => (
              <Show when={props.versions.find((version) => version.id === id)}>
                {(version) => <VersionRow {...props} version={version()} />}
              </Show>
            )}
          </For>
        </ul>
      </section>
    </Show>
  );
}

function VersionRow(props: {
  readonly version: NamedVersion;
  readonly view: NotebookView;
  readonly page: PageActions;
  readonly isShown: (version: NamedVersion) => boolean;
  readonly onShow: (version: NamedVersion) => void;
}): JSX.Element {
  const [renaming, setRenaming] = createSignal(false);
  let rename: HTMLButtonElement | undefined;
  const write = (to: Omit<NamedVersion, "id"> | undefined, label: string): Promise<void> =>
    props.view.change([{ type: "set_version", version: props.version.id, to }], label);
  const remove = async (): Promise<void> => {
    const { name } = props.version;
    try {
      await write(undefined, "remove the name of a version");
      props.page.toast(`“${name}” has no name any more. Its state stays in the history.`, {
        label: "Undo",
        run: () => void props.view.undo(),
      });
    } catch (error) {
      props.page.toast(sentenceOf(error));
    }
  };
  const close = (): void => {
    setRenaming(false);
    rename?.focus();
  };
  return (
    <li>
      <button
        type="button"
        class="history-entry"
        aria-current={props.isShown(props.version) ? "true" : undefined}
        onClick={() => props.onShow(props.version)}
      >
        <bdi class="history-entry-name">{props.version.name}</bdi>
        <span class="quiet">{momentWords(props.version.time)}</span>
      </button>
      <Show
        when={renaming()}
        fallback={
          <Show when={props.view.refusal() === undefined}>
            <div class="history-row">
              <button
                ref={(element) => (rename = element)}
                type="button"
                class="button"
                onClick={() => setRenaming(true)}
              >
                Rename<span class="visually-hidden"> {props.version.name}</span>
              </button>
              <button type="button" class="button" onClick={() => void remove()}>
                Remove the name<span class="visually-hidden"> {props.version.name}</span>
              </button>
            </div>
          </Show>
        }
      >
        <NameForm
          label="Another name"
          name={props.version.name}
          onName={(name) => {
            const { id: _, ...version } = props.version;
            return write({ ...version, name }, "rename a version");
          }}
          onClose={close}
        />
      </Show>
    </li>
  );
}
