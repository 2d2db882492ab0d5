/** All keys, by group, read from the command table. */
import { For, Show, type JSX } from "solid-js";
import { commands, type Command } from "#kit/commands.ts";
import { Dialog } from "#kit/dialog.tsx";
import { Icon } from "#kit/icon.tsx";
import { shownKeys } from "#kit/keymap.ts";
import { host, isMac } from "../plugins.ts";

const WHERE = {
  command: "command mode",
  edit: "edit mode",
  notebook: "",
  panel: "in its panel",
  library: "library",
  always: "",
} as const;

export function Shortcuts(props: { readonly onClose: () => void }): JSX.Element {
  const groups = new Map<string, Map<string, Command[]>>();
  for (const command of host.get(commands)) {
    if (command.keys.length === 0) continue;
    const group = groups.get(command.group) ?? new Map<string, Command[]>();
    groups.set(command.group, group);
    // One that has other keys in command mode is one line.
    group.set(command.title, [...(group.get(command.title) ?? []), command]);
  }
  return (
    <Dialog label="Keyboard shortcuts" class="shortcuts" onClose={props.onClose}>
      <header class="dialog-header">
        <h2>Keyboard shortcuts</h2>
        <button type="button" class="button icon-only" aria-label="Close" onClick={() => props.onClose()}>
          <Icon name="close" />
        </button>
      </header>
      <div class="shortcuts-body" tabIndex={0}>
        <p class="quiet">
          Two modes, as in Jupyter. In command mode keys act on cells; Enter goes into the text. In edit mode keys are
          text; Esc leaves it.
        </p>
        <For each={[...groups]}>
          {([name, list]) => (
            <section>
              <h3>{name}</h3>
              <dl>
                <For each={[...list]}>
                  {([title, same]) => (
                    <div class="shortcut">
                      <dt>
                        {title} <span class="quiet">{same.length === 1 ? WHERE[same[0]?.when ?? "always"] : ""}</span>
                      </dt>
                      <dd>
                        <For each={same}>
                          {(command) => (
                            <>
                              <Show when={same.length > 1 && WHERE[command.when]}>
                                {(where) => <span class="quiet">{where()}</span>}
                              </Show>
                              <For each={shownKeys(command.keys, isMac)}>{(key) => <kbd>{key}</kbd>}</For>
                            </>
                          )}
                        </For>
                      </dd>
                    </div>
                  )}
                </For>
              </dl>
            </section>
          )}
        </For>
      </div>
    </Dialog>
  );
}
