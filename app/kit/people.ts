/** People as the interface shows them: a name, a colour, two letters, and where they are. Plain functions of what the mesh tells. */
import type { MemberId } from "#core/mesh/identity.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import type { PresenceState } from "#core/mesh/presence.ts";

/** How many colours there are for people: the custom properties `--person-0` and on, set by every theme. */
export const PERSON_COLOURS = 8;

/** Someone else who has the notebook open now. */
export interface PersonHere {
  readonly id: MemberId;
  readonly name: string;
  /** A CSS value. */
  readonly colour: string;
  readonly state: PresenceState;
}

/** The colour of a member: the same on every screen, and nothing that anybody chooses. */
export function personColour(id: MemberId): string {
  let sum = 0;
  for (let i = 0; i < id.length; i++) sum = (sum * 31 + id.charCodeAt(i)) % 65_521;
  return `var(--person-${sum % PERSON_COLOURS})`;
}

/** A name, or words for one who gave none. */
export const shownName = (name: string): string => name.trim() || "Someone";

const characters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** At most two letters that stand for a name. */
export function initials(name: string): string {
  const words = shownName(name).split(/\s+/);
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words;
  return chosen
    .map((word = "") => [...characters.segment(word)][0]?.segment ?? "")
    .join("")
    .toLocaleUpperCase();
}

/** The others who have the notebook open, in the order in which they became members. */
export function peopleHere(sharing: Sharing | undefined): readonly PersonHere[] {
  if (!sharing) return [];
  return sharing.members.flatMap(({ id, name }) => {
    const present = id === sharing.me ? undefined : sharing.present.find((other) => other.id === id);
    return present ? [{ id, name: shownName(name), colour: personColour(id), state: present.state }] : [];
  });
}
