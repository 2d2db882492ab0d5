/** A text cell: rendered when left, its Markdown in an editor while it is edited. */
import { Show, createEffect, createMemo, onCleanup, type JSX } from "solid-js";
import type { MimeBundle } from "#core/kernel/mime.ts";
import { CodeSource, type SourceProps } from "./code-source.tsx";
import { drawBundle } from "./draw.ts";

export function MarkdownSource(props: SourceProps & { readonly editing: () => boolean }): JSX.Element {
  const editing = createMemo(() => props.editing());
  return (
    <Show when={editing()} fallback={<Rendered {...props} />}>
      <CodeSource view={props.view} cell={props.cell} label={props.label} />
    </Show>
  );
}

function Rendered(props: SourceProps): JSX.Element {
  const source = createMemo(() => props.cell().source);
  const edit = (): void => props.view.choose(props.cell().id, { mode: "edit" });
  return (
    <div class="source markdown" onDblClick={edit}>
      <Show
        when={source().trim() !== ""}
        fallback={
          <button type="button" class="empty-text" tabIndex={-1} onClick={edit}>
            Empty text. Press Enter to write.
          </button>
        }
      >
        <div
          class="prose"
          ref={(element) => {
            let stop: (() => void) | undefined;
            createEffect(() => {
              const bundle: MimeBundle = { "text/markdown": source() };
              const attachments = props.cell().attachments;
              const before = stop;
              stop = drawBundle(element, bundle, attachments ? { attachments } : {}, props.view, {
                replace: true,
                stopBefore: before,
              });
            });
            onCleanup(() => stop?.());
          }}
        />
      </Show>
    </div>
  );
}
