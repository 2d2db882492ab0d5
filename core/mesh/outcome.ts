/**
 * Who is in a notebook, as what, after a set of entries that hold: what one entry adds to what was before. Applied in
 * the graph's order it gives one result for a set, however its entries came. Which entries hold is for resolve.ts.
 */
import { assert } from "../base/errors.ts";
import type { EntryGraph, GraphNode, NodeIndex } from "./entry-graph.ts";
import type { MemberId, PublicIdentity } from "./identity.ts";
import { compareRoles, type LinkRole, type Role } from "./roles.ts";

export interface MemberState {
  readonly identity: PublicIdentity;
  readonly name: string;
  readonly role: Role;
  /** The entries by which they came in, the first one first. */
  readonly joins: readonly NodeIndex[];
  /** The entries that give the role: those of which none has seen another. */
  readonly roleSources: readonly NodeIndex[];
}

export interface InvitationState {
  readonly invite: NodeIndex;
  readonly role: LinkRole;
  readonly uses: "one" | "many";
  readonly expires: number;
  readonly by: MemberId;
  /** Revoked, or its maker is no owner any more. */
  readonly closed: boolean;
  /** Who came in by it. */
  readonly usedBy: readonly MemberId[];
}

export interface Outcome {
  readonly members: ReadonlyMap<MemberId, MemberState>;
  /** By public key. */
  readonly invitations: ReadonlyMap<string, InvitationState>;
  /** Those who were members and are not: as whom, and the entry that ended it. */
  readonly former: ReadonlyMap<MemberId, { readonly name: string; readonly by: NodeIndex }>;
  /** What others took from a member: an invitation from before it no longer serves them. */
  readonly restrictions: ReadonlyMap<MemberId, readonly NodeIndex[]>;
}

export const NOTHING: Outcome = {
  members: new Map(),
  invitations: new Map(),
  former: new Map(),
  restrictions: new Map(),
};

/** True for what takes something from a member or a link, and so beats what they do without having seen it. */
export const isRestriction = (node: GraphNode): boolean => {
  const { body } = node.entry;
  return (
    body.type === "remove" || body.type === "revoke_invitation" || (body.type === "set_role" && body.role !== "owner")
  );
};

/** What is after that entry, which comes later in the graph's order than all that made `before`. */
export function applyEntry(graph: EntryGraph, before: Outcome, node: GraphNode): Outcome {
  const { author, body } = node.entry;
  switch (body.type) {
    case "create": {
      const state = newMember(body.identity, body.name, "owner", node.index);
      return { ...before, members: new Map(before.members).set(author, state) };
    }
    case "invite": {
      // The first of two with one key is the one: the second's maker can only have copied it.
      if (before.invitations.has(body.key)) return before;
      const { key, role, uses, expires } = body;
      const state: InvitationState = {
        invite: node.index,
        role,
        uses,
        expires,
        by: author,
        closed: false,
        usedBy: [],
      };
      return { ...before, invitations: new Map(before.invitations).set(key, state) };
    }
    case "revoke_invitation": {
      const invitation = before.invitations.get(body.invitation);
      if (!invitation) return before;
      return {
        ...before,
        invitations: new Map(before.invitations).set(body.invitation, { ...invitation, closed: true }),
      };
    }
    case "join":
      return join(graph, before, node);
    case "set_role": {
      const restricted = author === body.member ? before : restrict(before, body.member, node.index);
      const member = restricted.members.get(body.member);
      if (!member) return restricted;
      const changed = withRoleSource(graph, member, node.index);
      const after = { ...restricted, members: new Map(restricted.members).set(body.member, changed) };
      return member.role === "owner" && changed.role !== "owner" ? closeInvitationsOf(after, body.member) : after;
    }
    case "remove": {
      const restricted = author === body.member ? before : restrict(before, body.member, node.index);
      const members = new Map(restricted.members);
      const former = new Map(restricted.former);
      const member = members.get(body.member);
      if (member) former.set(body.member, { name: member.name, by: node.index });
      members.delete(body.member);
      return closeInvitationsOf({ ...restricted, members, former }, body.member);
    }
    case "rename": {
      const member = before.members.get(author);
      if (!member) return before;
      return { ...before, members: new Map(before.members).set(author, { ...member, name: body.name }) };
    }
    default:
      return body satisfies never;
  }
}

/** How many owners there are. */
export function ownerCount(outcome: Outcome): number {
  let count = 0;
  for (const member of outcome.members.values()) if (member.role === "owner") count += 1;
  return count;
}

function join(graph: EntryGraph, before: Outcome, node: GraphNode): Outcome {
  const { author, body } = node.entry;
  assert(body.type === "join", "a join is applied as one");
  const known = before.members.get(author);
  const member = known
    ? withRoleSource(graph, { ...known, joins: [...known.joins, node.index] }, node.index)
    : newMember(body.identity, body.name, linkRole(graph, node), node.index);
  const former = new Map(before.former);
  former.delete(author);
  const invitations = new Map(before.invitations);
  const invitation = invitations.get(body.invitation);
  if (invitation && !invitation.usedBy.includes(author))
    invitations.set(body.invitation, { ...invitation, usedBy: [...invitation.usedBy, author] });
  return { ...before, members: new Map(before.members).set(author, member), former, invitations };
}

const newMember = (identity: PublicIdentity, name: string, role: Role, index: NodeIndex): MemberState => ({
  identity,
  name,
  role,
  joins: [index],
  roleSources: [index],
});

/** What owners said of a role without knowing of each other: the least of it. What links give: the most of it. */
function withRoleSource(graph: EntryGraph, member: MemberState, index: NodeIndex): MemberState {
  const roleSources = [...member.roleSources.filter((source) => !graph.sees(index, source)), index];
  const said = roleSources.filter((source) => graph.at(source).entry.body.type === "set_role");
  const roles = (said.length > 0 ? said : roleSources).map((source) => sourceRole(graph, source)).sort(compareRoles);
  const role = said.length > 0 ? roles.at(-1) : roles[0];
  assert(role, "a member has a role");
  return { ...member, roleSources, role };
}

function sourceRole(graph: EntryGraph, index: NodeIndex): Role {
  const node = graph.at(index);
  const { body } = node.entry;
  if (body.type === "set_role") return body.role;
  return body.type === "join" ? linkRole(graph, node) : "owner";
}

/** The role of the invitation that the newcomer saw. */
function linkRole(graph: EntryGraph, node: GraphNode): Role {
  const invite = graph.at(node.grounds.invitation[0] as NodeIndex).entry.body;
  assert(invite.type === "invite", "a join stands on an invitation");
  return invite.role;
}

const restrict = (before: Outcome, member: MemberId, index: NodeIndex): Outcome => ({
  ...before,
  restrictions: new Map(before.restrictions).set(member, [...(before.restrictions.get(member) ?? []), index]),
});

/** Whoever is no owner any more still knows the secrets of their links. */
function closeInvitationsOf(before: Outcome, owner: MemberId): Outcome {
  const invitations = new Map(before.invitations);
  for (const [key, invitation] of invitations)
    if (invitation.by === owner && !invitation.closed) invitations.set(key, { ...invitation, closed: true });
  return { ...before, invitations };
}
