/** The panel: what is being written, and all threads in the order of the notebook, the open or the resolved ones. */
import { For, Show, createEffect, createMemo, createSignal, on, type JSX } from "solid-js";
import type { CommentThread } from "#core/notebook/comments.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import { COMMENTS_PANEL, type CommentDraft, type Comments } from "#kit/comments.ts";
import type { PanelProps } from "#kit/panels.ts";
import { CommentForm } from "./comment-form.tsx";
import { ThreadView } from "./thread.tsx";
import "./comments.css";

export function CommentsPanel(props: PanelProps): JSX.Element {
  return (
    <Show
      when={props.context.view}
      keyed
      fallback={<p class="quiet panel-empty">Comments belong to a notebook: open one first.</p>}
    >
      {(view) => <CommentList view={view} page={props.context.page} />}
    </Show>
  );
}

const now = (): number => Date.now();
const FILTERS = ["open", "resolved"] as const;
type Filter = (typeof FILTERS)[number];
const words: Readonly<Record<Filter, string>> = { open: "Open", resolved: "Resolved" };

function CommentList(props: { readonly view: NotebookView; readonly page: PageActions }): JSX.Element {
  const comments = (): Comments => props.view.comments;
  comments().load();
  const [filter, setFilter] = createSignal<Filter>("open");
  const [news, setNews] = createSignal<ReadonlySet<string>>(new Set());
  let filters: HTMLElement | undefined;

  const isIn = (which: Filter, { resolved }: CommentThread): boolean =>
    (resolved !== undefined) === (which === "resolved");
  const counts = createMemo(() => {
    const all = comments().threads();
    return {
      open: all.filter((one) => isIn("open", one)).length,
      resolved: all.filter((one) => isIn("resolved", one)).length,
    };
  });
  const ids = createMemo<readonly string[]>(
    () =>
      comments()
        .threads()
        .filter((one) => isIn(filter(), one))
        .map(({ id }) => id),
    [],
    { equals: (a, b) => a.length === b.length && a.every((id, index) => id === b[index]) },
  );
  // What was new when the panel was opened, or came since, is marked until it is closed; it counts as seen from now on.
  createEffect(() => {
    const unseen = comments().unseen();
    if (unseen.size === 0 || document.visibilityState !== "visible") return;
    setNews((before) => new Set([...before, ...unseen]));
    comments().markSeen();
  });
  // A thread that is asked for is shown, whichever list it is in.
  createEffect(
    on(
      () => comments().chosen(),
      (chosen) => {
        const thread = comments()
          .threads()
          .find(({ id }) => id === chosen);
        if (thread) setFilter(thread.resolved ? "resolved" : "open");
      },
    ),
  );

  const activeWords = (): string => {
    const cell = props.view.active();
    return cell === undefined ? "a cell" : `cell ${props.view.indexOf(cell) + 1}`;
  };
  const backToCell = (): void => {
    const cell = props.view.active();
    if (cell !== undefined) props.view.choose(cell, { mode: props.view.mode() });
  };
  const jump = ({ id, place }: CommentThread): void => {
    if (!place) return;
    comments().choose(id);
    // A sheet over a narrow page would hide the place.
    if (matchMedia("(max-width: 640px)").matches) props.page.togglePanel(COMMENTS_PANEL);
    const isText = props.view.cell(place.cell)?.kind === "code" && place.range !== undefined;
    props.view.choose(place.cell, isText ? { mode: "edit", caret: place.range?.from } : { mode: "command" });
  };
  /** The next thread gets the focus, or the one before; with none left the filter. */
  const leave = (id: string): void => {
    const at = ids().indexOf(id);
    const next = ids()[at + 1] ?? ids()[at - 1];
    comments().choose(next);
    if (next === undefined) filters?.querySelector<HTMLInputElement>("input:checked")?.focus();
  };
  return (
    <div class="comments">
      <Show when={comments().trouble()}>{(sentence) => <p class="comments-notice">{sentence()}</p>}</Show>
      <Show when={comments().refusal()}>{(sentence) => <p class="comments-notice">{sentence()}</p>}</Show>
      <Show when={comments().refusal() === undefined}>
        <Show
          when={comments().draft()?.id}
          keyed
          fallback={
            <button type="button" class="button comments-begin" onClick={() => void comments().begin()}>
              Comment on {activeWords()}
            </button>
          }
        >
          <Show when={comments().draft()}>
            {(draft) => <Draft view={props.view} page={props.page} draft={draft()} onCancel={backToCell} />}
          </Show>
        </Show>
      </Show>
      <fieldset class="comments-filter" ref={(element) => (filters = element)}>
        <legend class="visually-hidden">Which comments</legend>
        <For each={FILTERS}>
          {(which) => (
            <label>
              <input
                type="radio"
                name="comments-filter"
                checked={filter() === which}
                onChange={() => {
                  comments().choose(undefined);
                  setFilter(which);
                }}
              />
              {words[which]} <span class="quiet">{counts()[which]}</span>
            </label>
          )}
        </For>
      </fieldset>
      <Show
        when={ids().length > 0}
        fallback={
          <p class="quiet">
            {filter() === "resolved"
              ? "What was settled is kept here."
              : "Nothing is open. A comment belongs to a cell, or to the text that is chosen in it, and goes wherever that goes."}
          </p>
        }
      >
        <ol class="thread-list">
          <For each={ids()}>
            {(id) => {
              const thread = createMemo(() =>
                comments()
                  .threads()
                  .find((one) => one.id === id),
              );
              return (
                <Show when={thread()}>
                  {(known) => (
                    <li>
                      <ThreadView
                        view={props.view}
                        page={props.page}
                        thread={known()}
                        isNew={(comment) => news().has(comment)}
                        now={now}
                        onJump={jump}
                        onLeave={() => leave(id)}
                      />
                    </li>
                  )}
                </Show>
              );
            }}
          </For>
        </ol>
      </Show>
    </div>
  );
}

function Draft(props: {
  readonly view: NotebookView;
  readonly page: PageActions;
  readonly draft: CommentDraft;
  readonly onCancel: () => void;
}): JSX.Element {
  const comments = (): Comments => props.view.comments;
  const add = async (text: string): Promise<void> => {
    const { id: thread, cell, range } = props.draft;
    await comments().perform({ type: "add_thread", thread, cell, ...(range ? { range } : {}), text });
    comments().setDraft(undefined);
    comments().choose(thread);
    props.page.announce("Comment added");
  };
  return (
    <section class="comments-draft" aria-label="New comment">
      <p class="thread-about">
        <span class="quiet">Cell {props.view.indexOf(props.draft.cell) + 1}</span>
        <Show when={props.draft.quote}>
          <q class="thread-quote">{props.draft.quote}</q>
        </Show>
      </p>
      <CommentForm
        label="Your comment"
        text={props.draft.text}
        send="Comment"
        onSend={add}
        onInput={(text) => comments().setDraft({ ...props.draft, text })}
        onCancel={() => {
          comments().setDraft(undefined);
          props.onCancel();
        }}
      />
    </section>
  );
}
