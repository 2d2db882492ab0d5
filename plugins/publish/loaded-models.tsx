/** The models that a notebook's cells load by CID: each goes with what is published, unless it is left out. */
import { For, type JSX } from "solid-js";
import type { ModelName } from "#core/artefact/kept-models.ts";
import { shortened } from "./words.ts";

/** As the form and the draft tell them apart. */
export const modelKey = ({ cid, path }: ModelName): string => `${cid}/${path}`;

export function LoadedModels(props: {
  readonly models: readonly ModelName[];
  readonly left: ReadonlySet<string>;
  readonly onLeft: (left: ReadonlySet<string>) => void;
}): JSX.Element {
  const toggle = (model: ModelName, isIn: boolean): void => {
    const next = new Set(props.left);
    if (isIn) next.delete(modelKey(model));
    else next.add(modelKey(model));
    props.onLeft(next);
  };
  return (
    <fieldset class="publish-content">
      <legend>Models that its cells load</legend>
      <p>Whoever keeps what you publish then keeps them too, and its cells run where nobody else has them.</p>
      <ul class="publish-files">
        <For each={props.models}>
          {(model) => (
            <li>
              <label class="choice">
                <input
                  type="checkbox"
                  checked={!props.left.has(modelKey(model))}
                  onChange={(event) => toggle(model, event.currentTarget.checked)}
                />
                <span class="publish-path">
                  {model.path === "" ? "" : `${model.path} of `}
                  <code title={model.cid}>{shortened(model.cid)}</code>
                </span>
              </label>
            </li>
          )}
        </For>
      </ul>
    </fieldset>
  );
}
