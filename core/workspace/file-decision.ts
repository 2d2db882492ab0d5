/**
 * What becomes of one file that others have too: a comparison of what it was when it was last the same everywhere, what
 * it is here, and what it is for the others (core/mesh/SPEC.md, F7). Nobody's work is lost: of two who changed one file,
 * both are kept.
 */

/** A content, and whether it may be run: two that are the same need nothing. */
export type FileVersion = string;

/** What is known of a path. */
export interface FileFacts {
  /** When it was last the same here and for the others. */
  readonly base: FileVersion | undefined;
  /** Here, now; undefined when there is no file. */
  readonly local: FileVersion | undefined;
  /** For the others: a version, or what they said of it instead; undefined when they know of none. */
  readonly remote: FileVersion | { readonly state: "deleted" | "withheld" } | undefined;
  /** The cells name it, so it is to be shared. */
  readonly isUsed: boolean;
  /** What is done here may be done for everyone. */
  readonly mayWrite: boolean;
}

/** What to do. */
export type FileDecision =
  | "nothing"
  /** It is the same in both places: that is the base from now on. */
  | "agree"
  /** It is of no concern any more what it was. */
  | "forget"
  /** Theirs takes the place of the one here, or comes for the first time. */
  | "fetch"
  /** Theirs takes the place of the one here, which is put beside it. */
  | "keep both"
  /** The one here is for everyone from now on. */
  | "put"
  /** It was deleted here, and is for everyone. */
  | "delete"
  /** It was deleted by somebody else, and is here. */
  | "remove";

/** Decides for one path. */
export function decide({ base, local, remote, isUsed, mayWrite }: FileFacts): FileDecision {
  const isKnown = base !== undefined;
  if (remote === undefined) {
    if (local !== undefined && isUsed && mayWrite) return "put";
    return isKnown ? "forget" : "nothing";
  }
  if (typeof remote === "object") {
    if (remote.state === "withheld") return isKnown ? "forget" : "nothing";
    if (local === undefined) return isKnown ? "forget" : "nothing";
    if (isKnown && local === base) return "remove";
    // Changed here since, or made anew: a deletion that did not know of that does not count.
    if (mayWrite && (isKnown || isUsed)) return "put";
    return isKnown ? "forget" : "nothing";
  }
  if (local === remote) return base === remote ? "nothing" : "agree";
  if (local === undefined) {
    if (base !== remote) return "fetch";
    return mayWrite ? "delete" : "nothing";
  }
  if (local === base) return "fetch";
  if (remote === base) return mayWrite ? "put" : "nothing";
  return "keep both";
}
