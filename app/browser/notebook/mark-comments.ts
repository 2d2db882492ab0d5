/** Keeps the underlines in the editors at the texts that comments are about. */
import { createEffect, createMemo, on, onCleanup } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { Comments } from "#kit/comments.ts";
import { commentMarks, setCommentMarks, type CommentMark } from "./editor/comment-marks.ts";
import type { Editors } from "./editors.ts";

/** An editor that has not caught up yet, as while an input method composes, is told again after this, in milliseconds. */
const AGAIN = 200;

/** Must be called under a Solid owner, which ends it. */
export function markComments(comments: Comments, editors: Editors): void {
  const byCell = createMemo(() => {
    const found = new Map<CellId, CommentMark[]>();
    for (const { id, place, resolved } of comments.threads()) {
      if (!place?.range || resolved) continue;
      const inCell = found.get(place.cell) ?? [];
      found.set(place.cell, inCell);
      inCell.push({ thread: id, range: place.range, isChosen: comments.chosen() === id });
    }
    return found;
  });
  const late = new Map<CellId, ReturnType<typeof setTimeout>>();
  const tell = (cell: CellId): void => {
    clearTimeout(late.get(cell));
    late.delete(cell);
    const text = editors.find(cell);
    if (!text) return;
    const effects = setCommentMarks(text.state, byCell().get(cell) ?? []);
    if (effects) text.dispatch({ effects });
    else
      late.set(
        cell,
        setTimeout(() => tell(cell), AGAIN),
      );
  };
  onCleanup(editors.extend("comments", (cell) => commentMarks(byCell().get(cell) ?? [], comments.choose)));
  onCleanup(() => {
    for (const timer of late.values()) clearTimeout(timer);
  });
  createEffect(
    on(byCell, (now, before) => {
      for (const cell of new Set([...now.keys(), ...(before?.keys() ?? [])])) {
        if (JSON.stringify(now.get(cell)) !== JSON.stringify(before?.get(cell))) tell(cell);
      }
    }),
  );
}
