/** The source of a code or raw cell: its editor, mounted while the cell is near the viewport. */
import { createEffect, on, onCleanup, onMount, type JSX } from "solid-js";
import type { EditorView } from "@codemirror/view";
import type { Cell } from "#core/notebook/model.ts";
import type { Caret } from "#kit/commands.ts";
import type { PageView } from "./view.ts";

export interface SourceProps {
  readonly view: PageView;
  readonly cell: () => Cell;
  readonly label: () => string;
}

export function CodeSource(props: SourceProps): JSX.Element {
  let parent: HTMLDivElement | undefined;
  onMount(() => {
    const cell = props.cell();
    const { id } = cell;
    const { view: editor, unmount } = props.view.editors.mount(cell, props.label(), parent as HTMLDivElement);
    createEffect(() => props.view.editors.rename(id, props.label()));
    createEffect(() => props.view.editors.setLanguage(id, props.cell().language));
    createEffect(
      on(
        () => {
          const request = props.view.focusRequest();
          return request?.cell === id && request.mode === "edit" ? request : undefined;
        },
        (request) => {
          if (!request) return;
          placeCaret(editor, request.caret);
          editor.focus();
        },
      ),
    );
    onCleanup(unmount);
  });
  return <div ref={(element) => (parent = element)} class="source" />;
}

function placeCaret(editor: EditorView, caret: Caret): void {
  if (caret === undefined) return;
  const end = editor.state.doc.length;
  const at = caret === "start" ? 0 : caret === "end" ? end : Math.min(caret, end);
  editor.dispatch({ selection: { anchor: at }, scrollIntoView: true });
}
