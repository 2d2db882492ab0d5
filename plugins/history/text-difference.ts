/** Two texts as one, with what went and what came marked by colour and by sign. Loaded when the first is looked at. */
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

/** Draws the difference into an element. Returns the way to end it. */
export function drawTextDifference(parent: HTMLElement, before: string, after: string, label: string): () => void {
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: after,
      extensions: [
        EditorState.readOnly.of(true),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
        unifiedMergeView({
          original: before,
          mergeControls: false,
          gutter: false,
          syntaxHighlightDeletions: false,
          collapseUnchanged: { margin: 2, minSize: 5 },
          diffConfig: { scanLimit: 500, timeout: 200 },
        }),
      ],
    }),
  });
  return () => view.destroy();
}
