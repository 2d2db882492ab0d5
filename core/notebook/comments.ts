/**
 * Comments on a notebook as everyone outside their document sees them: plain, immutable data, and the operations that
 * change them. The Automerge document behind it (comments-document.ts) is known only to the document worker.
 */
import { randomId, type CellId } from "../base/ids.ts";

/** One thing that somebody said. */
export interface Comment {
  readonly id: string;
  /** The member id that the writer's program gave; empty when the notebook was not shared. Nothing proves it. */
  readonly author: string;
  /** Unix time in milliseconds, by the writer's clock. */
  readonly time: number;
  /** When it was last changed, if it was. */
  readonly edited: number | undefined;
  readonly text: string;
  /** Taken back by its author: the text is empty, and it is shown only because others answered. */
  readonly isDeleted: boolean;
}

/** A stretch of a cell's text, in UTF-16 code units of that `textVersion`. */
export interface CommentRange {
  readonly from: number;
  readonly to: number;
  readonly version: number;
}

/** Where the thing commented on is now. Without a range: the cell as a whole, or the text in it is gone. */
export interface CommentPlace {
  readonly cell: CellId;
  readonly range?: CommentRange;
}

/** What was said about one place. */
export interface CommentThread {
  readonly id: string;
  /** The text it was about when it was written; empty when it is about a cell. */
  readonly quote: string;
  readonly comment: Comment;
  /** In the order of their times. */
  readonly replies: readonly Comment[];
  readonly resolved: { readonly by: string; readonly time: number } | undefined;
  /** Undefined when the cell is gone. */
  readonly place: CommentPlace | undefined;
}

/** A change of the comments. `author` is who makes it; only their own can be changed or deleted. */
export type CommentOperation =
  | {
      readonly type: "add_thread";
      readonly thread: string;
      readonly cell: CellId;
      readonly range?: CommentRange;
      readonly text: string;
      readonly author: string;
    }
  | {
      readonly type: "add_reply";
      readonly thread: string;
      readonly reply: string;
      readonly text: string;
      readonly author: string;
    }
  /** Without `reply` the thread's first comment. */
  | {
      readonly type: "edit_comment";
      readonly thread: string;
      readonly reply?: string;
      readonly text: string;
      readonly author: string;
    }
  | { readonly type: "delete_comment"; readonly thread: string; readonly reply?: string; readonly author: string }
  | { readonly type: "resolve_thread"; readonly thread: string; readonly resolved: boolean; readonly author: string };

/** In UTF-16 code units. */
export const MOST_COMMENT_LENGTH = 10_000;
export const MOST_REPLIES = 200;
/** Threads and replies of a notebook together. */
export const MOST_COMMENTS = 5000;
/** Of all comments together; what is more could not be sent to a newcomer in one piece. */
export const MOST_COMMENTS_LENGTH = 4_000_000;
/** Of the text that a comment is about. */
export const MOST_QUOTE_LENGTH = 300;

/** A new name for a thread or a reply. */
export const newCommentId = (): string => randomId(16);
