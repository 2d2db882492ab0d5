/** One comment of a thread: who, when, what; and for its author the way to change and delete it. */
import { Show, createSignal, type JSX } from "solid-js";
import type { Comment } from "#core/notebook/comments.ts";
import type { Comments } from "#kit/comments.ts";
import type { PageActions } from "#kit/commands.ts";
import { Icon } from "#kit/icon.tsx";
import { Menu } from "#kit/menu.tsx";
import { PersonMark } from "#kit/person-mark.tsx";
import { CommentForm } from "./comment-form.tsx";
import { CommentText } from "./comment-text.tsx";
import { sentenceOf, timeWords, wholeTime } from "./words.ts";

export function CommentView(props: {
  readonly comments: Comments;
  readonly page: PageActions;
  readonly comment: Comment;
  readonly thread: string;
  readonly isNew: boolean;
  readonly now: () => number;
}): JSX.Element {
  const [editing, setEditing] = createSignal(false);
  let menu: HTMLElement | undefined;
  const writer = () => props.comments.writerOf(props.comment);
  const which = () =>
    props.comment.id === props.thread ? { thread: props.thread } : { thread: props.thread, reply: props.comment.id };
  const mayChange = (): boolean =>
    !props.comment.isDeleted && props.comments.refusal() === undefined && props.comments.isOwn(props.comment);
  const stopEditing = (): void => {
    setEditing(false);
    menu?.querySelector("button")?.focus();
  };
  const edit = async (text: string): Promise<void> => {
    await props.comments.perform({ type: "edit_comment", ...which(), text });
    props.page.announce("Comment changed");
    stopEditing();
  };
  const remove = async (): Promise<void> => {
    const agreed = await props.page.ask({
      title: "Delete this comment?",
      text: "Nobody sees it any more. Answers to it stay.",
      yes: "Delete",
      final: true,
    });
    if (!agreed) return;
    try {
      await props.comments.perform({ type: "delete_comment", ...which() });
      props.page.announce("Comment deleted");
    } catch (error) {
      props.page.toast(sentenceOf(error));
    }
  };
  return (
    <div class="comment" data-comment={props.comment.id}>
      <Show when={!props.comment.isDeleted} fallback={<p class="quiet">This comment was deleted by who wrote it.</p>}>
        <div class="comment-head">
          <PersonMark name={writer().mark} colour={writer().colour} />
          <span class="comment-who">
            <bdi class="comment-name">{writer().name}</bdi>
            <Show when={props.isNew}>
              <span class="comment-new">New</span>
            </Show>
            <span class="quiet">
              <time datetime={dateTime(props.comment.time)} title={wholeTime(props.comment.time)}>
                {timeWords(props.comment.time, props.now())}
              </time>
              <Show when={props.comment.edited !== undefined}>
                <span title={wholeTime(props.comment.edited ?? 0)}> · changed</span>
              </Show>
            </span>
          </span>
          <Show when={mayChange()}>
            <span ref={(element) => (menu = element)}>
              <Menu
                label={`Change your comment “${props.comment.text.slice(0, 40)}”`}
                class="comment-menu"
                items={() => [
                  { label: "Edit", run: () => setEditing(true) },
                  { label: "Delete", danger: true, run: () => void remove() },
                ]}
              >
                <Icon name="more" />
              </Menu>
            </span>
          </Show>
        </div>
        <Show when={editing()} fallback={<CommentText text={props.comment.text} />}>
          <CommentForm
            label="Your comment"
            text={props.comment.text}
            send="Save"
            onSend={edit}
            onCancel={stopEditing}
          />
        </Show>
      </Show>
    </div>
  );
}

const dateTime = (time: number): string => (time === 0 ? "" : new Date(time).toISOString());
