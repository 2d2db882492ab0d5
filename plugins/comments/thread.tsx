/** One thread: what it is about and the way there, what was said, and what one can do with it. */
import { For, Show, createEffect, createMemo, createSignal, type JSX } from "solid-js";
import { MOST_REPLIES, newCommentId, type CommentThread } from "#core/notebook/comments.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import type { Comments } from "#kit/comments.ts";
import { CommentForm } from "./comment-form.tsx";
import { CommentView } from "./comment.tsx";
import { sentenceOf } from "./words.ts";

export function ThreadView(props: {
  readonly view: NotebookView;
  readonly page: PageActions;
  readonly thread: CommentThread;
  readonly isNew: (comment: string) => boolean;
  readonly now: () => number;
  readonly onJump: (thread: CommentThread) => void;
  /** It is about to leave the list, with the focus in it. */
  readonly onLeave: () => void;
}): JSX.Element {
  const [replying, setReplying] = createSignal(false);
  let element: HTMLElement | undefined;
  let reply: HTMLButtonElement | undefined;
  const comments = (): Comments => props.view.comments;
  const isChosen = (): boolean => comments().chosen() === props.thread.id;
  const mayWrite = (): boolean => comments().refusal() === undefined;
  /** By id, so that a form in one keeps what is in it while others arrive. */
  const ids = createMemo<readonly string[]>(
    () => [props.thread.comment.id, ...props.thread.replies.map(({ id }) => id)],
    [],
    { equals: (a, b) => a.length === b.length && a.every((id, index) => id === b[index]) },
  );
  createEffect(() => {
    if (!isChosen()) return;
    element?.scrollIntoView({ block: "nearest" });
    const focused = document.activeElement;
    // Who clicked on a text that has a comment goes on writing there.
    if (element?.contains(focused) || focused?.closest(".cm-content")) return;
    element?.focus({ preventScroll: true });
  });
  const stopReplying = (): void => {
    setReplying(false);
    reply?.focus();
  };
  const answer = async (text: string): Promise<void> => {
    await comments().perform({ type: "add_reply", thread: props.thread.id, reply: newCommentId(), text });
    props.page.announce("Reply added");
    stopReplying();
  };
  const resolve = async (resolved: boolean): Promise<void> => {
    const { id } = props.thread;
    props.onLeave();
    try {
      await comments().perform({ type: "resolve_thread", thread: id, resolved });
    } catch (error) {
      return props.page.toast(sentenceOf(error));
    }
    if (!resolved) return props.page.announce("Opened again");
    props.page.toast("Resolved.", {
      label: "Open again",
      run: () => void comments().perform({ type: "resolve_thread", thread: id, resolved: false }),
    });
  };
  const resolver = () => {
    const { resolved } = props.thread;
    return resolved && comments().writerOf({ ...props.thread.comment, author: resolved.by }).name;
  };
  return (
    <article
      ref={(made) => (element = made)}
      class="thread"
      data-thread={props.thread.id}
      data-chosen={isChosen()}
      tabIndex={-1}
      aria-label={`Comment ${placeWords(props.view, props.thread)}`}
      onFocusIn={() => comments().choose(props.thread.id)}
    >
      <Show
        when={props.thread.place}
        fallback={
          <p class="thread-gone">
            <Show when={props.thread.quote}>
              <q class="thread-quote">{props.thread.quote}</q>
            </Show>
            <span class="quiet">The cell that this is about was deleted.</span>
          </p>
        }
      >
        {(place) => (
          <button type="button" class="thread-place" onClick={() => props.onJump(props.thread)}>
            <span class="quiet">Cell {props.view.indexOf(place().cell) + 1}</span>
            <Show when={props.thread.quote}>
              <q class="thread-quote">{props.thread.quote}</q>
              <Show when={!place().range}>
                <span class="quiet"> This text was deleted.</span>
              </Show>
            </Show>
            <span class="visually-hidden">, go there</span>
          </button>
        )}
      </Show>
      <For each={ids()}>
        {(id) => {
          const comment = createMemo(() =>
            [props.thread.comment, ...props.thread.replies].find((one) => one.id === id),
          );
          return (
            <Show when={comment()}>
              {(known) => (
                <CommentView
                  comments={comments()}
                  page={props.page}
                  comment={known()}
                  thread={props.thread.id}
                  isNew={props.isNew(id)}
                  now={props.now}
                />
              )}
            </Show>
          );
        }}
      </For>
      <Show when={resolver()}>{(name) => <p class="quiet">Resolved by {name() === "You" ? "you" : name()}.</p>}</Show>
      <Show when={mayWrite()}>
        <Show when={replying()}>
          <CommentForm label="Reply" text="" send="Reply" onSend={answer} onCancel={stopReplying} />
        </Show>
        <div class="comment-row">
          <Show when={!replying() && props.thread.replies.length < MOST_REPLIES}>
            <button ref={(made) => (reply = made)} type="button" class="button" onClick={() => setReplying(true)}>
              Reply
            </button>
          </Show>
          <button type="button" class="button" onClick={() => void resolve(!props.thread.resolved)}>
            {props.thread.resolved ? "Open again" : "Resolve"}
          </button>
        </div>
      </Show>
    </article>
  );
}

/** Where a thread is, as a screen reader says it. */
function placeWords(view: NotebookView, { place, quote }: CommentThread): string {
  const about = quote === "" ? "" : ` on “${quote.slice(0, 40)}”`;
  return place ? `in cell ${view.indexOf(place.cell) + 1}${about}` : `${about.trim()} in a deleted cell`.trim();
}
