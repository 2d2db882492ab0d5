/** The part of the settings about the Linux machine: whether and where it is kept, how big it is, a copy, a new start. */
import { For, Show, createEffect, createSignal, on, type JSX } from "solid-js";
import type { CommandContext } from "#kit/commands.ts";
import { fileSize } from "#kit/file-size.ts";
import { exportMachine, resetMachine } from "../notebook/commands/machine-commands.ts";
import type { Settings } from "../settings.ts";

const PLACES: readonly (readonly [Settings["linuxKeeps"], string])[] = [
  ["notebook", "With each notebook"],
  ["shared", "In one machine for all"],
  ["nothing", "Until the tab closes"],
];

export function MachineSettings(props: {
  readonly context: CommandContext;
  readonly keeps: Settings["linuxKeeps"];
  readonly onKeeps: (keeps: Settings["linuxKeeps"]) => void;
}): JSX.Element {
  const [size, setSize] = createSignal<string>();
  const measure = async (): Promise<void> => {
    try {
      const bytes = await props.context.view?.machine.usage();
      setSize(bytes ? `It takes ${fileSize(bytes)} of this browser's storage.` : "Nothing is kept yet.");
    } catch {
      setSize(undefined);
    }
  };
  createEffect(on(() => props.keeps, measure));
  return (
    <fieldset>
      <legend>Linux keeps its changes</legend>
      <For each={PLACES}>
        {([place, label]) => (
          <label class="choice">
            <input
              type="radio"
              name="linux-keeps"
              checked={props.keeps === place}
              onChange={() => props.onKeeps(place)}
            />
            {label}
          </label>
        )}
      </For>
      <p class="quiet">
        Programs and settings outside /workspace, which every language shares and which is always kept.
      </p>
      <Show when={props.context.view !== undefined && props.keeps !== "nothing"}>
        <p class="quiet" aria-live="polite">
          {size()}
        </p>
        <div class="settings-actions">
          <button type="button" class="button" onClick={() => void exportMachine(props.context)}>
            Export machine
          </button>
          <button type="button" class="button" onClick={() => void resetMachine(props.context).then(measure)}>
            Reset machine
          </button>
        </div>
      </Show>
    </fieldset>
  );
}
