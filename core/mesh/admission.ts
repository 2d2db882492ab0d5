/**
 * Whether an entry may be in a membership at all, judged only by what its author had seen: so every peer that has the
 * same past judges the same, whatever else it knows. What is refused here never has an effect anywhere; what is let in
 * may still be defeated by what others did meanwhile (resolve.ts). Rules: SPEC.md, M7 to M16.
 */
import type { EntryGraph, GraphNode, Grounds, NodeIndex, NodeSet } from "./entry-graph.ts";
import { holds } from "./entry-graph.ts";
import type { Entry, UnsignedEntry } from "./entry.ts";
import type { MemberId, PublicIdentity } from "./identity.ts";
import { ownerCount, type InvitationState, type Outcome } from "./outcome.ts";
import { compareRoles, roleMay } from "./roles.ts";

/** Clocks of honest machines may differ by this much (a wrong time zone is up to 14 hours). */
export const CLOCK_TOLERANCE = 24 * 60 * 60 * 1000;
/** So many entries may a member who is no owner have made: joining and a few renames. */
export const MOST_ENTRIES_OF_A_MEMBER = 64;

/** Why an entry is not taken in. */
export type RefusalReason =
  | "tooLarge"
  | "malformed"
  /** Made by a newer Kroma. */
  | "version"
  | "otherNotebook"
  /** Something it refers to is not here yet; it is kept for a while and taken in when that comes. */
  | "pending"
  | "signature"
  | "notMember"
  | "notPermitted"
  | "sequence"
  | "invitation"
  /** The invitation had ended. */
  | "expired"
  /** Two clocks differ so much that times can't be compared. */
  | "clock"
  | "lastOwner"
  /** A limit of the whole is reached. */
  | "limit";

export interface Refusal {
  readonly reason: RefusalReason;
  /** A sentence for a person. */
  readonly message: string;
}

export const refuse = (reason: RefusalReason, message: string): Refusal => ({ reason, message });

const NO_GROUNDS: Grounds = { ownership: [], membership: [], target: [], invitation: [] };

/** What the entry stands on, or why it may not be. `past` and `outcome` are of what its author had seen. */
export function admit(graph: EntryGraph, past: NodeSet, outcome: Outcome, entry: UnsignedEntry): Grounds | Refusal {
  const { author, body } = entry;
  if (body.type === "create") return refuse("otherNotebook", "This is the beginning of another notebook's membership.");
  const member = outcome.members.get(author);
  const isOwner = roleMay(member?.role, "manage");
  const expected = nextSequence(graph, past, author);
  // Who comes back by a link may have made entries that its maker had not seen.
  if (entry.sequence < expected || (entry.sequence > expected && body.type !== "join"))
    return refuse("sequence", `This is entry ${entry.sequence} of its author where ${expected} was due.`);
  if (!isOwner && entry.sequence > MOST_ENTRIES_OF_A_MEMBER)
    return refuse("limit", `A member makes at most ${MOST_ENTRIES_OF_A_MEMBER} entries.`);
  if (body.type === "join") return admitJoin(graph, outcome, entry, body);
  if (!member) return refuse("notMember", "Its author was not a member of this notebook.");
  const own: Grounds = { ...NO_GROUNDS, membership: member.joins };
  if (body.type === "rename") return own;
  const isLeaving = body.type === "remove" && body.member === author;
  if (!isOwner && !isLeaving) return refuse("notPermitted", `Only an owner may do this; ${member.name} is none.`);
  const owned: Grounds = isOwner ? { ...own, ownership: member.roleSources } : own;
  if (body.type === "invite") {
    if (outcome.invitations.has(body.key)) return refuse("invitation", "There is an invitation with this key already.");
    return owned;
  }
  if (body.type === "revoke_invitation") {
    if (!outcome.invitations.has(body.invitation)) return refuse("invitation", "There is no such invitation.");
    return owned;
  }
  const target = outcome.members.get(body.member);
  if (!target) return refuse("notMember", "It is about somebody who was not a member.");
  const endsOwner = target.role === "owner" && (body.type === "remove" || body.role !== "owner");
  if (endsOwner && ownerCount(outcome) === 1)
    return refuse("lastOwner", "A notebook needs an owner: make somebody else one first.");
  return body.type === "set_role" && body.role === "owner" ? { ...owned, target: target.joins } : owned;
}

/** True when `admit` refused. */
export const isRefusal = (answer: Grounds | Refusal): answer is Refusal => "reason" in answer;

/** The number that an author's next entry has, after a past. */
export function nextSequence(graph: EntryGraph, past: NodeSet, author: MemberId): number {
  let last = 0;
  for (const index of graph.byAuthor(author))
    if (holds(past, index)) last = Math.max(last, graph.at(index).entry.sequence);
  return last + 1;
}

/** Whose keys the entry must be signed with, found in itself or in what came before. */
export function identityOf(graph: EntryGraph, entry: Entry): PublicIdentity | undefined {
  if ("identity" in entry.body) return entry.body.identity;
  for (const index of graph.byAuthor(entry.author)) {
    const { body } = graph.at(index).entry;
    if ("identity" in body) return body.identity;
  }
  return undefined;
}

/**
 * What the clock of the peer to whom a newcomer shows their own joining says to it. What members hand on is not judged
 * by it: else those who were asleep on the day would have another membership than those who were not.
 */
export function refuseByClock(entry: Entry, expires: number | undefined, now: number): Refusal | undefined {
  if (Math.abs(entry.time - now) > CLOCK_TOLERANCE)
    return refuse(
      "clock",
      `The clock of the newcomer says ${day(entry.time)}, this one's says ${day(now)}: set the one that is wrong, then try again.`,
    );
  if (expires !== undefined && now > expires + CLOCK_TOLERANCE)
    return refuse("expired", `This invitation ended on ${day(expires)}; ask for a new one.`);
  return undefined;
}

function admitJoin(
  graph: EntryGraph,
  outcome: Outcome,
  entry: UnsignedEntry,
  body: Extract<Entry["body"], { type: "join" }>,
): Grounds | Refusal {
  const invitation = outcome.invitations.get(body.invitation);
  if (!invitation) return refuse("invitation", "There is no such invitation in this notebook.");
  const invite = graph.at(invitation.invite);
  const wrong = wrongInvitation(graph, outcome, entry, invitation, invite) ?? wrongTime(entry, invitation, invite);
  if (wrong) return wrong;
  const known = outcome.members.get(entry.author);
  if (known && compareRoles(invitation.role, known.role) >= 0)
    return refuse("invitation", `${known.name} is a member already, with no less than this invitation gives.`);
  return { ...NO_GROUNDS, invitation: [invitation.invite] };
}

function wrongInvitation(
  graph: EntryGraph,
  outcome: Outcome,
  entry: UnsignedEntry,
  invitation: InvitationState,
  invite: GraphNode,
): Refusal | undefined {
  if (invitation.closed) return refuse("invitation", "This invitation was withdrawn; ask for a new one.");
  if (invitation.uses === "one" && invitation.usedBy.length > 0)
    return refuse("invitation", "This invitation was for one person and is used; ask for a new one.");
  // A link from before someone was removed, or given less, is not their way back.
  const restrictions: readonly NodeIndex[] = outcome.restrictions.get(entry.author) ?? [];
  if (!restrictions.every((restriction) => graph.sees(invite.index, restriction)))
    return refuse("invitation", "An owner has changed your role since this invitation was made; ask for a new one.");
  return undefined;
}

function wrongTime(entry: UnsignedEntry, invitation: InvitationState, invite: GraphNode): Refusal | undefined {
  if (entry.time > invitation.expires + CLOCK_TOLERANCE)
    return refuse("expired", `This invitation ended on ${day(invitation.expires)}; ask for a new one.`);
  const made = invite.entry.time;
  if (entry.time < made - CLOCK_TOLERANCE)
    return refuse(
      "clock",
      `The invitation was made on ${day(made)} and used on ${day(entry.time)}: one of the two clocks is wrong.`,
    );
  return undefined;
}

/** A date as everyone reads it, in the time of Greenwich. */
const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
