/** Two texts as one, with what went and what came marked by colour and by sign. Loaded when the first is looked at. */
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

/** What differs is said by a sign and a line; colour comes on top. */
const marks = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "transparent" },
  ".cm-scroller": { fontFamily: "inherit", lineHeight: "inherit" },
  ".cm-content": { padding: "0", caretColor: "transparent" },
  ".cm-line, .cm-deletedLine": { position: "relative", padding: "0 2px 0 16px", color: "var(--text)" },
  ".cm-deletedChunk": { padding: "0", backgroundColor: "transparent" },
  "&.cm-merge-b .cm-changedLine": { backgroundColor: "var(--accent-ground)" },
  ".cm-deletedLine, .cm-deletedChunk .cm-deletedLine": { backgroundColor: "var(--red-ground)" },
  ".cm-changedLine::before, .cm-deletedLine::before": { position: "absolute", left: "3px", content: "'+'" },
  ".cm-deletedLine::before": { content: "'\u2212'" },
  "&.cm-merge-b .cm-changedText, .cm-changedText": {
    background: "none",
    textDecoration: "underline 2px",
    textUnderlineOffset: "2px",
  },
  ".cm-deletedChunk .cm-deletedText": { background: "none", textDecoration: "line-through" },
  ".cm-collapsedLines": {
    padding: "2px 16px",
    background: "none",
    color: "var(--text-quiet)",
  },
});

/** Draws the difference into an element. Returns the way to end it. */
export function drawTextDifference(parent: HTMLElement, before: string, after: string, label: string): () => void {
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: after,
      extensions: [
        EditorState.readOnly.of(true),
        EditorView.lineWrapping,
        marks,
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
