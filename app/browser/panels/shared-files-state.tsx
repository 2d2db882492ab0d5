/** What the files panel says of the files that the people of the notebook have in common. */
import { For, Show, type JSX } from "solid-js";
import type { SharedFilesView } from "#kit/shared-files.ts";
import { fileSize } from "#kit/file-size.ts";

export function SharedFilesState(props: { readonly shared: SharedFilesView }): JSX.Element {
  return (
    <section class="files-shared" aria-label="Files that are shared">
      <p class="quiet">
        The files that cells name are shared with the people of this notebook
        {props.shared.mayWrite()
          ? ", and what you change in them. You can share others, too, or stop sharing one, in the menu beside it."
          : ". What you change in them stays yours: you may only read here."}
      </p>
      <Show when={props.shared.coming().length > 0}>
        <h3>Still to come</h3>
        <ul>
          <For each={props.shared.coming()}>
            {(file) => (
              <li>
                <span class="file-path">{file.path}</span>
                <progress max={Math.max(1, file.size)} value={file.here} aria-label={`${file.path} that has come`} />
                <span class="quiet">
                  {fileSize(file.here)} of {fileSize(file.size)}
                </span>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show when={props.shared.leftOut().length > 0}>
        <h3>Left out</h3>
        <ul>
          <For each={props.shared.leftOut()}>{(sentence) => <li>{sentence}</li>}</For>
        </ul>
      </Show>
    </section>
  );
}
