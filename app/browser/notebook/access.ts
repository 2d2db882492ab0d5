/**
 * What oneself may do with an open notebook, after how it is shared. Asked in one place, PageView.change and the editors,
 * so that nothing is written here that the others would refuse.
 */
import type { Sharing } from "#core/mesh/messages.ts";
import { roleMay } from "#core/mesh/roles.ts";

export interface Access {
  /** Why the notebook can't be changed here, a sentence; undefined when it can. What is run then is for oneself alone. */
  readonly refusal?: string;
  /** What the page says at its top. */
  readonly notice?: string;
}

const ALL: Access = {};

const readingOnly = (may: string): Access => ({
  refusal: `${may} To change it, duplicate it.`,
  notice: `${may} You can run its cells: only you see what comes of that. To change it, make a duplicate, which is all your own.`,
});

/** What is allowed, and what is said of it. One's own notebook allows everything and says nothing. */
export function accessOf(sharing: Sharing | undefined): Access {
  if (sharing === undefined || roleMay(sharing.role, "edit")) return ALL;
  if (sharing.role === "commenter") return readingOnly("You may read this notebook and comment on it.");
  if (sharing.role === "reader") return readingOnly("You may read this notebook.");
  if (sharing.role === "mirror") return readingOnly("This Kroma keeps a copy of this notebook for its members.");
  const end = sharing.former.find(({ id }) => id === sharing.me);
  if (end?.by === sharing.me) return ALL;
  if (end !== undefined)
    return {
      notice:
        "You were removed from this notebook. It is your own copy now: you can change it, but nothing of the others comes any more and nothing of yours goes to them.",
    };
  return readingOnly("Nobody who has this notebook has let you in yet.");
}
