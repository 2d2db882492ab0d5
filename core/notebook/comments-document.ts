/**
 * The comments of a notebook as an Automerge document beside the notebook's own. Rules that hold for every peer:
 *  - its first change is the same bytes everywhere, so that people who begin to comment without a link can merge;
 *  - a thread, and each reply in it, is made whole under a random id by one peer, and nothing is removed from a map:
 *    what is deleted loses its text and keeps a mark;
 *  - all strings are scalars, since nobody writes into another's comment.
 * A peer may send anything, so reading trusts no field, and what is over the limits is passed over in the same way
 * everywhere.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import type { CellId } from "../base/ids.ts";
import { isCellId, normaliseText } from "./cell-text.ts";
import {
  MOST_COMMENT_LENGTH,
  MOST_COMMENTS,
  MOST_COMMENTS_LENGTH,
  MOST_QUOTE_LENGTH,
  MOST_REPLIES,
  type Comment,
  type CommentOperation,
  type CommentThread,
} from "./comments.ts";
import { blankPart } from "./blank-part.ts";
import type { ChunkLimits } from "./chunk-guard.ts";
import { mapOf, scalar, textOf } from "./document.ts";

type Scalar = Automerge.ImmutableString;

interface CommentRecord {
  author: Scalar;
  time: number;
  text: Scalar;
  edited?: number;
  deleted?: boolean;
}

interface ThreadRecord extends CommentRecord {
  cell: Scalar;
  quote: Scalar;
  /** Automerge cursors into the cell's text: of the first character, and of the last. */
  first?: Scalar;
  last?: Scalar;
  /** Who resolved it, and when. */
  resolvedBy?: Scalar;
  resolvedAt?: number;
  replies: Record<string, CommentRecord>;
}

export interface CommentsRecord {
  schema: number;
  threads: Record<string, ThreadRecord>;
}

export type CommentsDocument = Automerge.Doc<CommentsRecord>;

/** What a thread is tied to in the notebook's document. */
export interface Anchor extends Cursors {
  readonly cell: CellId;
  readonly quote: string;
  /** The cursors in the documents that the notebook went on in since, by their seeds (`seedName`). */
  readonly moved?: Readonly<Record<string, Cursors>>;
}

/** Of the first character, and of the last. */
export interface Cursors {
  readonly first: string | undefined;
  readonly last: string | undefined;
}

/** What a seed is called among the moved cursors. */
export const seedName = (seed: string): string => seed.slice(0, 16);

/** A thread as it is stored: without the place, which the notebook decides. */
export type StoredThread = Omit<CommentThread, "place" | "quote"> & { readonly anchor: Anchor };

/** What the comments from one link may amount to: much less than a notebook. */
export const COMMENT_CHUNK_LIMITS: ChunkLimits = {
  operations: 200_000,
  inflated: 16 << 20,
  chunks: 10_000,
  actors: 2000,
};

/** What the keys of moved cursors begin with. */
const MOVED = "anchor:";
/** Notebooks are shortened far less often. */
const MOST_MOVED = 100;

const isId = (id: string): boolean => /^[0-9a-z]{8,32}$/.test(id);

/** Comments before anybody has said anything: the same bytes on every machine. */
export const blankComments = (): Uint8Array => blankPart("comments", "threads");

/** The names of all threads. */
export const threadIds = (document: CommentsDocument): readonly string[] => Object.keys(mapOf(document.threads));

/** A thread, if it can be shown. One that was deleted can only where somebody answered. */
export function readThread(document: CommentsDocument, id: string): StoredThread | undefined {
  const threads = mapOf(document.threads);
  const record = isId(id) && Object.hasOwn(threads, id) ? threads[id] : undefined;
  const comment = readComment(id, record);
  const cell = textOf(record?.cell);
  if (!record || !comment || !isCellId(cell)) return undefined;
  const replies = readReplies(record.replies);
  if (comment.isDeleted && replies.length === 0) return undefined;
  const resolvedBy = record.resolvedBy === undefined ? undefined : readAuthor(record.resolvedBy);
  return {
    id,
    anchor: {
      cell,
      quote: readText(record.quote, MOST_QUOTE_LENGTH),
      first: readCursor(record.first),
      last: readCursor(record.last),
      ...readMoved(record),
    },
    comment,
    replies,
    resolved: resolvedBy === undefined ? undefined : { by: resolvedBy, time: readTime(record.resolvedAt) },
  };
}

/** Oldest first, as many as a notebook may have. */
export function withinLimits(threads: Iterable<StoredThread>): readonly StoredThread[] {
  let count = 0;
  return [...threads]
    .sort((one, other) => compareComments(one.comment, other.comment))
    .filter(({ replies }) => (count += 1 + replies.length) <= MOST_COMMENTS);
}

/** The document after an operation. `invalid`, `denied`, `missing` or `exhausted` when it may not be, in words. */
export function applyComment(
  document: CommentsDocument,
  operation: CommentOperation,
  { now, anchor }: { readonly now: number; readonly anchor: Anchor | undefined },
): CommentsDocument {
  const text = "text" in operation ? checkText(operation.text) : "";
  const author = scalar(operation.author);
  if (operation.type === "add_thread" || operation.type === "add_reply") checkRoom(document, text);
  return Automerge.change(document, { time: Math.floor(now / 1000) }, (draft) => {
    if (operation.type === "add_thread") {
      checkNew(operation.thread, draft.threads);
      if (!anchor) throw new KromaError("missing", "The cell of this comment is not in the notebook any more.");
      draft.threads[operation.thread] = {
        author,
        time: now,
        text: scalar(text),
        cell: scalar(anchor.cell),
        quote: scalar(anchor.quote),
        ...(anchor.first === undefined ? {} : { first: scalar(anchor.first) }),
        ...(anchor.last === undefined ? {} : { last: scalar(anchor.last) }),
        replies: {},
      };
      return;
    }
    const thread = findThread(draft, operation.thread);
    switch (operation.type) {
      case "add_reply": {
        checkNew(operation.reply, thread.replies);
        if (Object.keys(thread.replies).length >= MOST_REPLIES)
          throw new KromaError("exhausted", `A comment has at most ${MOST_REPLIES} replies. Begin another one.`);
        thread.replies[operation.reply] = { author, time: now, text: scalar(text) };
        return;
      }
      case "edit_comment": {
        const comment = findOwn(thread, operation.reply, operation.author);
        comment.text = scalar(text);
        comment.edited = now;
        return;
      }
      case "delete_comment": {
        const comment = findOwn(thread, operation.reply, operation.author);
        comment.text = scalar("");
        comment.deleted = true;
        return;
      }
      case "resolve_thread":
        if (operation.resolved) {
          thread.resolvedBy = author;
          thread.resolvedAt = now;
        } else {
          delete thread.resolvedBy;
          delete thread.resolvedAt;
        }
        return;
      default:
    }
  });
}

/** The document with the cursors that threads have in the document with that seed. Threads that are gone are passed over. */
export function moveAnchors(
  document: CommentsDocument,
  seed: string,
  cursors: ReadonlyMap<string, Cursors>,
  now: number,
): CommentsDocument {
  if (cursors.size === 0) return document;
  return Automerge.change(document, { time: Math.floor(now / 1000) }, (draft) => {
    for (const [id, { first, last }] of cursors) {
      const record: unknown = Object.hasOwn(draft.threads, id) ? draft.threads[id] : undefined;
      if (typeof record !== "object" || record === null || first === undefined || last === undefined) continue;
      (record as Record<string, Scalar>)[MOVED + seedName(seed)] = scalar(`${first} ${last}`);
    }
  });
}

function findThread(draft: CommentsRecord, id: string): ThreadRecord {
  const record = Object.hasOwn(draft.threads, id) ? draft.threads[id] : undefined;
  if (!isId(id) || !record || typeof record.replies !== "object")
    throw new KromaError("missing", "This comment is not there any more.");
  return record;
}

function findOwn(thread: ThreadRecord, reply: string | undefined, author: string): CommentRecord {
  const comment =
    reply === undefined ? thread : Object.hasOwn(thread.replies, reply) ? thread.replies[reply] : undefined;
  if (!comment || comment.deleted) throw new KromaError("missing", "This comment is not there any more.");
  if (textOf(comment.author) !== author) throw new KromaError("denied", "Only who wrote a comment can change it.");
  return comment;
}

function checkNew(id: string, among: Record<string, unknown>): void {
  if (!isId(id) || Object.hasOwn(among, id)) throw new KromaError("invalid", "This can't be the id of a comment.");
}

function checkText(text: string): string {
  const checked = normaliseText(text).trim();
  if (checked === "") throw new KromaError("invalid", "There is nothing in this comment yet.");
  if (checked.length > MOST_COMMENT_LENGTH)
    throw new KromaError(
      "exhausted",
      `A comment has at most ${MOST_COMMENT_LENGTH} characters; this one has ${checked.length}.`,
    );
  return checked;
}

function checkRoom(document: CommentsDocument, text: string): void {
  let count = 0;
  let length = text.length;
  for (const record of Object.values(mapOf(document.threads))) {
    for (const one of [record, ...Object.values(mapOf(record?.replies))]) {
      count += 1;
      length += textOf(one?.text).length;
    }
  }
  if (count >= MOST_COMMENTS || length > MOST_COMMENTS_LENGTH)
    throw new KromaError("exhausted", "This notebook has as many comments as it can hold.");
}

function readReplies(replies: unknown): readonly Comment[] {
  return Object.entries(mapOf(replies as Record<string, CommentRecord>))
    .flatMap(([id, record]) => (isId(id) ? (readComment(id, record) ?? []) : []))
    .filter(({ isDeleted }) => !isDeleted)
    .sort(compareComments)
    .slice(0, MOST_REPLIES);
}

function readMoved(record: ThreadRecord): Pick<Anchor, "moved"> {
  const moved = Object.entries(record)
    .filter(([key]) => /^anchor:[0-9a-f]{16}$/.test(key))
    .slice(0, MOST_MOVED)
    .map(([key, value]): [string, Cursors] => {
      const [first, last] = textOf(value).split(" ");
      return [
        key.slice(MOVED.length),
        { first: readCursor(scalar(first ?? "")), last: readCursor(scalar(last ?? "")) },
      ];
    });
  return moved.length > 0 ? { moved: Object.fromEntries(moved) } : {};
}

function readComment(id: string, record: unknown): Comment | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  const { author, time, text, edited, deleted } = record as Partial<Record<keyof CommentRecord, unknown>>;
  const isDeleted = deleted === true;
  const shown = isDeleted ? "" : readText(text, MOST_COMMENT_LENGTH);
  if (!isDeleted && shown.trim() === "") return undefined;
  return {
    id,
    author: readAuthor(author),
    time: readTime(time),
    edited: edited === undefined ? undefined : readTime(edited),
    text: shown,
    isDeleted,
  };
}

const compareComments = (one: Comment, other: Comment): number =>
  one.time - other.time || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);

const readText = (value: unknown, length: number): string => normaliseText(textOf(value).slice(0, length));

/** What is no id of a member is nobody's. */
function readAuthor(value: unknown): string {
  const author = textOf(value);
  return author === "" || /^[a-z0-9]{1,64}$/.test(author) ? author : "unknown";
}

const MOST_TIME = 8.64e15;
const readTime = (value: unknown): number =>
  typeof value === "number" && value >= 0 && value <= MOST_TIME ? Math.floor(value) : 0;

/** Automerge panics on some texts that are no cursors; none of these reaches it. */
function readCursor(value: unknown): string | undefined {
  const cursor = textOf(value);
  return /^-?\d{1,15}@(?:[0-9a-f]{2}){1,64}$/.test(cursor) ? cursor : undefined;
}
