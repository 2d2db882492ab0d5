/**
 * What oneself may do with an open notebook, after how it is shared. Asked in one place, PageView.change and the editors,
 * so that nothing is written here that the others would refuse.
 */
import type { Sharing } from "#core/mesh/messages.ts";
import { roleMay } from "#core/mesh/roles.ts";
import type { LibraryEntry } from "#core/notebook/messages.ts";

export interface Access {
  /** Why the notebook can't be changed here, a sentence; undefined when it can. What is run then is for oneself alone. */
  readonly refusal?: string;
  /** Why nothing of it may be run here, a sentence. */
  readonly runRefusal?: string;
  /** What the page says at its top. */
  readonly notice?: string;
}

const ALL: Access = {};

const readingOnly = (may: string): Access => ({
  refusal: `${may} To change it, duplicate it.`,
  notice: `${may} You can run its cells: only you see what comes of that. To change it, make a duplicate, which is all your own.`,
});

const UNTRUSTED = "This published notebook is not trusted yet: trust it first, or make a fork of your own.";

const COMING = "This notebook is still coming: it can be changed and run once all of it is here.";

/** True for a published notebook as its author left it, that nobody here has trusted. */
export function isUntrustedArtefact({ foreign, artefact }: Pick<LibraryEntry, "foreign" | "artefact">): boolean {
  return foreign && artefact?.isFork === false;
}

/** What is allowed, and what is said of it. One's own notebook allows everything and says nothing. */
export function accessOf(
  sharing: Sharing | undefined,
  entry: Pick<LibraryEntry, "foreign" | "artefact"> = { foreign: false },
): Access {
  if (isUntrustedArtefact(entry)) return { refusal: UNTRUSTED, runRefusal: UNTRUSTED };
  if (sharing?.isComing) return { refusal: COMING, runRefusal: COMING };
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
