/** The choice whether a shared notebook's people can have its models from here, and what they have. */
import { For, Show, type JSX } from "solid-js";
import type { Sharing } from "#core/mesh/messages.ts";
import { fileSize } from "#kit/file-size.ts";
import type { Models } from "#kit/models.ts";
import { offeredName } from "./words.ts";

export function ShareModels(props: { readonly models: Models; readonly sharing: Sharing | undefined }): JSX.Element {
  const nameOf = (member: string): string => props.sharing?.members.find(({ id }) => id === member)?.name ?? "somebody";
  return (
    <>
      <label class="choice">
        <input
          type="checkbox"
          checked={props.models.givesModels()}
          onChange={(event) => props.models.setGivesModels(event.currentTarget.checked)}
        />
        Give the models of a shared notebook to its people
      </label>
      <p class="quiet">
        Only people of that notebook get them, straight from this browser while the notebook is open. What you fetched
        with a token stays yours.
      </p>
      <Show when={props.sharing?.models.length}>
        <h3>People of this notebook have</h3>
        <ul class="models-list">
          <For
            each={props.sharing?.models.flatMap(({ member, models }) => models.map((model) => ({ member, ...model })))}
          >
            {(model) => (
              <li class="models-text">
                <span class="models-name" dir="auto" title={model.address}>
                  {offeredName(model)}
                </span>
                <span class="quiet">
                  {fileSize(model.size)} · {nameOf(model.member)}
                </span>
              </li>
            )}
          </For>
        </ul>
      </Show>
    </>
  );
}
