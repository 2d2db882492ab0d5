/**
 * The stretches of a cell's text that comments are about, underlined. Between two tellings they move along with what is
 * typed; what is told is for a version of the text, and fits only that one.
 */
import { getSyncedVersion, sendableUpdates } from "@codemirror/collab";
import { StateEffect, StateField, type EditorState, type Extension } from "@codemirror/state";
import { Decoration, EditorView, type DecorationSet } from "@codemirror/view";
import type { CommentRange } from "#core/notebook/comments.ts";

/** One comment's stretch. */
export interface CommentMark {
  readonly thread: string;
  readonly range: CommentRange;
  /** It is the one that is looked at. */
  readonly isChosen: boolean;
}

const tell = StateEffect.define<DecorationSet>();

const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(set, transaction) {
    let next = set.map(transaction.changes);
    for (const effect of transaction.effects) if (effect.is(tell)) next = effect.value;
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** The stretches in the present text, one's own unconfirmed typing included. */
function place(state: EditorState, now: readonly CommentMark[]): DecorationSet {
  const version = getSyncedVersion(state);
  const pending = sendableUpdates(state);
  const { length } = state.doc;
  const move = (position: number, side: -1 | 1): number =>
    Math.min(
      length,
      pending.reduce((at, { changes }) => (at <= changes.length ? changes.mapPos(at, side) : at), position),
    );
  const ranges = now.flatMap(({ thread, range, isChosen }) => {
    if (range.version !== version) return [];
    const [from, to] = [move(range.from, 1), move(range.to, -1)];
    if (to <= from) return [];
    const name = `comment-mark${isChosen ? " chosen" : ""}`;
    return [Decoration.mark({ class: name, attributes: { "data-thread": thread } }).range(from, to)];
  });
  return Decoration.set(ranges, true);
}

/** Underlines in an editor, these at first; `onChoose` when one is clicked. */
export const commentMarks = (first: readonly CommentMark[], onChoose: (thread: string) => void): Extension => [
  marks.init((state) => place(state, first)),
  EditorView.domEventHandlers({
    click(event) {
      const mark = event.target instanceof Element ? event.target.closest<HTMLElement>(".comment-mark") : undefined;
      const thread = mark?.dataset["thread"];
      if (thread !== undefined) onChoose(thread);
      return false;
    },
  }),
];

/**
 * Tells an editor of its comments. Undefined when they are for another version of its text than it has: for an older
 * one newer places will be told, for a newer one the editor is about to catch up.
 */
export function setCommentMarks(
  state: EditorState,
  now: readonly CommentMark[],
): StateEffect<DecorationSet> | undefined {
  const version = getSyncedVersion(state);
  return now.every(({ range }) => range.version === version) ? tell.of(place(state, now)) : undefined;
}
