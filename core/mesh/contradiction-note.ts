/** What a person is told of a change that was written in another's place. */
import { memberOfAuthor } from "../notebook/author.ts";
import type { Contradiction } from "../notebook/contradictions.ts";
import type { MemberId } from "./identity.ts";

/** In whose place, as far as it is known, and by way of whom the other change came here. */
export interface ContradictionNote {
  readonly inPlaceOf: MemberId | undefined;
  /**
   * Whoever wrote it: these, or somebody from whom they have it. One where it is clear which of the two changes was false;
   * none where that one was here before anybody can say whence.
   */
  readonly through: readonly MemberId[];
}

/** What is known of one that came from `peer`. What a member brings under an actor of their own is theirs. */
export function contradictionNote(
  { author, before }: Pick<Contradiction, "author" | "before">,
  peer: MemberId,
  me: MemberId,
): ContradictionNote {
  const inPlaceOf = memberOfAuthor(author) as MemberId | undefined;
  const former = before as MemberId | undefined;
  if (inPlaceOf === me || former === inPlaceOf) return { inPlaceOf, through: [peer] };
  if (peer === inPlaceOf) return { inPlaceOf, through: former ? [former] : [] };
  return { inPlaceOf, through: [...new Set([...(former ? [former] : []), peer])] };
}
