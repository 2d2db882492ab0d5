/** What somebody may do with each part of a notebook, and the sentences of those who are refused. */
import type { Part } from "../notebook/parts.ts";
import type { Right } from "./roles.ts";

/** What it takes to write into each part. Who is counted on to keep a notebook hands on what others wrote in any. */
export const RIGHT_TO_WRITE: Readonly<Record<Part, Right>> = {
  notebook: "edit",
  comments: "comment",
  files: "edit",
};

/** To those who write what they may only read. */
export const REFUSED_WRITING: Readonly<Record<Part, string>> = {
  notebook: "You may only read this notebook.",
  comments: "You may only read the comments on this notebook.",
  files: "You may only read the files of this notebook.",
};

/** To who was removed. */
export const NO_LONGER = "You are no longer a member of this notebook. What you have of it stays, and is yours alone.";
/** Of a joining that was in order, and that an earlier one or a withdrawal defeats. */
export const USED_UP = "This link is closed: it was used already, or withdrawn. Ask for a new one.";
/** To who runs an older program, which would mix two documents. */
export const OUTDATED =
  "The history of this notebook was put away, which your Kroma is too old for. Update it to take part again.";
