/** The comments of the open notebook on this page: in order, with what is chosen, being written, and new to this browser. */
import { createMemo, createSignal, onCleanup, type Accessor } from "solid-js";
import type { CellId, DocumentId } from "#core/base/ids.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import { newCommentId, type Comment, type CommentThread } from "#core/notebook/comments.ts";
import { COMMENTS_PANEL, commentRefusal, writerOf, type CommentDraft, type Comments } from "#kit/comments.ts";
import type { Mode, PageActions } from "#kit/commands.ts";
import type { CellText } from "./editor/cell-text.ts";

export interface CommentsOptions {
  readonly client: NotebookClient;
  readonly page: PageActions;
  readonly sharing: Accessor<Sharing | undefined>;
  readonly indexOf: (cell: CellId) => number;
  readonly active: Accessor<CellId | undefined>;
  readonly mode: Accessor<Mode>;
  /** The cell's text, if it has been opened. */
  readonly text: (cell: CellId) => CellText | undefined;
}

/** Must be called under a Solid owner, which ends it. */
export function createComments(options: CommentsOptions): Comments {
  const { client, page, sharing } = options;
  const [version, setVersion] = createSignal(0);
  const [trouble, setTrouble] = createSignal<string>();
  const [draft, setDraft] = createSignal<CommentDraft>();
  const [chosen, choose] = createSignal<string>();
  const [seen, setSeen] = createSignal(readSeen(client.document));

  const me = (): string => sharing()?.me ?? "";
  // What was written while nobody else was there is the owner's.
  const isOwn = ({ author }: Comment): boolean =>
    author === "" ? sharing() === undefined || sharing()?.role === "owner" : author === me();

  const threads = createMemo<readonly CommentThread[]>(() => {
    version();
    const order = ({ place }: CommentThread): readonly [number, number] => {
      const index = place ? options.indexOf(place.cell) : -1;
      return [index < 0 ? Infinity : index, place?.range?.from ?? -1];
    };
    return client.comments.threads
      .map((thread) => ({ thread, order: order(thread) }))
      .sort((a, b) => compare(a.order[0], b.order[0]) || a.order[1] - b.order[1] || compareTimes(a.thread, b.thread))
      .map(({ thread }) => thread);
  });
  const open = createMemo(() =>
    Map.groupBy(
      threads().filter(({ resolved }) => !resolved),
      ({ place }) => place?.cell,
    ),
  );
  const unseen = createMemo<ReadonlySet<string>>(
    () =>
      new Set(
        threads().flatMap((thread) =>
          commentsOf(thread).flatMap((one) => (seen().has(one.id) || isOwn(one) || one.isDeleted ? [] : [one.id])),
        ),
      ),
    new Set(),
    { equals: (a, b) => a.size === b.size && [...a].every((id) => b.has(id)) },
  );

  let known: ReadonlySet<string> | undefined;
  /** What others write while one is here is said, as their coming and going is. */
  const announceNew = (): void => {
    const all = client.comments.threads.flatMap(commentsOf);
    if (known) {
      const names = new Set(
        all.flatMap((one) => (known?.has(one.id) || isOwn(one) ? [] : [writerOf(one.author, false, sharing()).name])),
      );
      if (names.size > 0) page.announce(`${new Intl.ListFormat("en").format(names)} commented`);
    }
    known = new Set(all.map(({ id }) => id));
  };
  onCleanup(
    client.comments.onChange(() => {
      announceNew();
      setVersion((count) => count + 1);
    }),
  );

  const comments: Comments = {
    load() {
      client.comments.load().then(
        () => setTrouble(undefined),
        (error: unknown) => setTrouble(error instanceof Error ? error.message : String(error)),
      );
    },
    threads,
    inCell: (cell) => open().get(cell) ?? [],
    trouble,
    refusal: () => commentRefusal(sharing()),
    async perform(act) {
      const thread = client.comments.threads.find(({ id }) => id === act.thread);
      const own =
        act.type === "edit_comment" || act.type === "delete_comment"
          ? thread && commentsOf(thread).find(({ id }) => id === (act.reply ?? act.thread))
          : undefined;
      await client.comments.perform({ ...act, author: own && isOwn(own) ? own.author : me() });
    },
    isOwn,
    writerOf: (comment) => writerOf(comment.author, isOwn(comment), sharing()),
    draft,
    setDraft,
    async begin() {
      const cell = options.active();
      const refusal = comments.refusal();
      if (refusal !== undefined) return page.toast(refusal);
      if (cell === undefined) return page.toast("Choose a cell first: a comment belongs to one.");
      const text = options.mode() === "edit" ? options.text(cell) : undefined;
      await text?.whenSettled();
      const { from = 0, to = 0 } = text?.state.selection.main ?? {};
      const confirmed = client.confirmedText(cell);
      const range = confirmed && to > from ? { from, to, version: confirmed.version } : undefined;
      const quote = range ? (confirmed?.text.slice(from, to) ?? "") : "";
      setDraft({ id: newCommentId(), cell, range, quote, text: draft()?.text ?? "" });
      page.openPanel(COMMENTS_PANEL);
    },
    chosen,
    choose,
    show(thread) {
      choose(thread);
      page.openPanel(COMMENTS_PANEL);
    },
    unseen,
    markSeen() {
      if (unseen().size === 0) return;
      setSeen(new Set(threads().flatMap((thread) => commentsOf(thread).map(({ id }) => id))));
      writeSeen(client.document, seen());
    },
  };
  return comments;
}

const commentsOf = ({ comment, replies }: CommentThread): readonly Comment[] => [comment, ...replies];
const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
const compareTimes = (a: CommentThread, b: CommentThread): number => a.comment.time - b.comment.time;

const seenKey = (document: DocumentId): string => `kroma-comments-seen-${document}`;

function readSeen(document: DocumentId): ReadonlySet<string> {
  try {
    return new Set((localStorage.getItem(seenKey(document)) ?? "").split(" "));
  } catch {
    return new Set();
  }
}

function writeSeen(document: DocumentId, ids: ReadonlySet<string>): void {
  try {
    localStorage.setItem(seenKey(document), [...ids].join(" "));
  } catch {
    // Storage is denied or full: they count as new again the next time.
  }
}
