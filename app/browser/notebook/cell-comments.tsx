/** In the gutter of a cell: that there are open comments, how many, and the way to them. */
import { Show, createMemo, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import { Icon } from "#kit/icon.tsx";
import type { PageView } from "./view.ts";
import "./comments.css";

export function CommentsInCell(props: { readonly view: PageView; readonly id: CellId }): JSX.Element {
  const threads = createMemo(() => props.view.comments.inCell(props.id));
  const words = (): string => (threads().length === 1 ? "1 open comment" : `${threads().length} open comments`);
  const show = (): void => {
    const [first] = threads();
    if (first) props.view.comments.show(first.id);
  };
  return (
    <Show when={threads().length > 0}>
      <button
        type="button"
        class="cell-comments"
        aria-label={`${words()}: show`}
        title={words()}
        tabIndex={props.view.active() === props.id ? 0 : -1}
        onClick={show}
      >
        <span>{threads().length}</span>
        <Icon name="comment" />
      </button>
    </Show>
  );
}
