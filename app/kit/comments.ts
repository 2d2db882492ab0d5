/** The comments of an open notebook as panels and views see them, and the words that go with them. */
import type { CellId } from "#core/base/ids.ts";
import type { Comment, CommentOperation, CommentRange, CommentThread } from "#core/notebook/comments.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import { roleMay } from "#core/mesh/roles.ts";
import { personColour, shownName } from "./people.ts";

/** The panel's id. */
export const COMMENTS_PANEL = "comments";

/** A comment that is being written. */
export interface CommentDraft {
  /** The thread that it will be. */
  readonly id: string;
  readonly cell: CellId;
  readonly range: CommentRange | undefined;
  readonly quote: string;
  readonly text: string;
}

type WithoutAuthor<O> = O extends { readonly author: string } ? Omit<O, "author"> : never;

/** What can be asked of the comments; who asks is known. */
export type CommentAct = WithoutAuthor<CommentOperation>;

/** All functions without arguments track (they are Solid signals), but for `begin`. */
export interface Comments {
  /** Asks for the comments, once. */
  load(): void;
  /** In the order of the notebook; those whose cell is gone are last. */
  threads(): readonly CommentThread[];
  /** Those of a cell that are not resolved, in the order of its text. Tracks. */
  inCell(cell: CellId): readonly CommentThread[];
  /** Why there are none to be seen, a sentence. */
  trouble(): string | undefined;
  /** Why oneself can't comment, a sentence; undefined when one can. */
  refusal(): string | undefined;
  /** Changes the comments; rejects with a sentence where it may not be. */
  perform(act: CommentAct): Promise<void>;
  isOwn(comment: Comment): boolean;
  writerOf(comment: Comment): CommentWriter;
  draft(): CommentDraft | undefined;
  setDraft(draft: CommentDraft | undefined): void;
  /** Begins a comment on the chosen text, or on the active cell, and shows the panel. */
  begin(): Promise<void>;
  /** The thread that is looked at. */
  chosen(): string | undefined;
  choose(thread: string | undefined): void;
  /** Shows the panel with that thread. */
  show(thread: string): void;
  /** Ids of what others wrote since the panel was last looked at. */
  unseen(): ReadonlySet<string>;
  /** All that is there now has been looked at. */
  markSeen(): void;
}

/** Who wrote a comment, as their program states it. */
export interface CommentWriter {
  readonly name: string;
  /** The name of which the mark has the letters. */
  readonly mark: string;
  /** A CSS value. */
  readonly colour: string;
}

/** Who that author is to oneself. */
export function writerOf(author: string, isOwn: boolean, sharing: Sharing | undefined): CommentWriter {
  const known = [...(sharing?.members ?? []), ...(sharing?.former ?? [])];
  const member = known.find(({ id }) => id === (isOwn ? sharing?.me : author));
  const colour = member ? personColour(member.id) : "var(--person-0)";
  const mark = shownName(member?.name ?? (isOwn ? "You" : "?"));
  if (isOwn) return { name: "You", mark, colour };
  if (member) return { name: shownName(member.name), mark, colour };
  return { name: author === "" ? "Before it was shared" : "Somebody who is no member", mark, colour };
}

/** Why one can't comment; undefined when one can. One's own notebook, and a copy that is one's own now, allow it. */
export function commentRefusal(sharing: Sharing | undefined): string | undefined {
  if (sharing === undefined || roleMay(sharing.role, "comment")) return undefined;
  if (sharing.role === "reader")
    return "You may read this notebook and its comments. To write comments, ask one of its owners.";
  if (sharing.role === "mirror") return "This Kroma keeps a copy for the others and writes nothing.";
  if (sharing.former.some(({ id }) => id === sharing.me)) return undefined;
  return "Nobody who has this notebook has let you in yet.";
}
