/**
 * Which of a set of entries hold, when their authors did not know of each other: one answer for a set, however it came.
 * Rules: SPEC.md, M20 to M29.
 *
 * Some entries defeat others: a removal what the removed did without having seen it, a revocation the joins it had not
 * seen, the first of two joins by a link for one the second. An entry holds when nothing that holds defeats it and it
 * stands on something that holds. (This is the grounded extension of an argumentation framework after Dung, 1995, with
 * support.) Two owners who remove each other leave that open: then the one who was made an owner earlier is right, so
 * that nobody can bring in a puppet, or make up an old entry, to put out whoever was there before them.
 */
import { assert } from "../base/errors.ts";
import type { EntryGraph, GraphNode, Grounds, NodeIndex } from "./entry-graph.ts";
import { applyEntry, isRestriction, ownerCount, type Outcome } from "./outcome.ts";

/** What a resolution found: the outcome, and which entries of the set have no effect. */
export interface Resolution {
  readonly outcome: Outcome;
  readonly defeated: ReadonlySet<NodeIndex>;
}

/**
 * Resolves nodes on top of what all of them have seen: `settled` is of exactly the nodes that every one of `fresh` has
 * seen. What is settled stays so, whatever comes on top; and it defeats nothing of that, for admission has looked.
 */
export function resolve(graph: EntryGraph, fresh: readonly NodeIndex[], settled: Resolution): Resolution {
  const { positions } = graph;
  const nodes = fresh
    .toSorted((left, right) => (positions[left] as number) - (positions[right] as number))
    .map((index) => graph.at(index));
  const attackers = findAttackers(graph, nodes);
  const defeated = new Set(ambiguousRenames(nodes));
  for (;;) {
    const labels = label(graph, nodes, attackers, defeated, settled.defeated);
    let { outcome } = settled;
    let ender: NodeIndex | undefined;
    for (const node of nodes) {
      if (!labels.get(node.index)) continue;
      const before = ownerCount(outcome);
      outcome = applyEntry(graph, outcome, node);
      if (before > 0 && ownerCount(outcome) === 0) ender = node.index;
    }
    if (nodes.length === 0 || ownerCount(outcome) > 0) {
      const out = nodes.filter((node) => !labels.get(node.index)).map((node) => node.index);
      return { outcome, defeated: out.length > 0 ? new Set([...settled.defeated, ...out]) : settled.defeated };
    }
    // All owners left, or were made to, without knowing of each other: the last of them in the order stays.
    assert(ender !== undefined, "there was an owner: who created it");
    defeated.add(ender);
  }
}

/** For each node those that defeat it if they hold. */
function findAttackers(graph: EntryGraph, nodes: readonly GraphNode[]): ReadonlyMap<NodeIndex, readonly NodeIndex[]> {
  const byAuthor = Map.groupBy(nodes, ({ entry }) => entry.author);
  const attackers = new Map<NodeIndex, NodeIndex[]>();
  const attack = (by: NodeIndex, target: NodeIndex) => {
    const list = attackers.get(target);
    if (list) list.push(by);
    else attackers.set(target, [by]);
  };
  const joins = nodes.filter((node) => node.entry.body.type === "join");
  const firstJoins = new Map<NodeIndex, NodeIndex[]>();
  for (const join of joins) {
    const invite = graph.at(join.grounds.invitation[0] as NodeIndex);
    const { body } = invite.entry;
    if (body.type !== "invite" || body.uses === "many") continue;
    const earlier = firstJoins.get(invite.index) ?? [];
    for (const first of earlier) attack(first, join.index);
    firstJoins.set(invite.index, [...earlier, join.index]);
  }
  for (const restriction of nodes) {
    if (!isRestriction(restriction)) continue;
    const { body } = restriction.entry;
    if (body.type === "revoke_invitation") {
      for (const join of joins)
        if (usesKey(join, body.invitation) && !graph.sees(restriction.index, join.index))
          attack(restriction.index, join.index);
      continue;
    }
    if (body.type !== "remove" && body.type !== "set_role") continue;
    for (const target of byAuthor.get(body.member) ?? [])
      if (defeats(graph, restriction, target)) attack(restriction.index, target.index);
    if (!endsAnOwner(graph, restriction)) continue;
    for (const join of joins) {
      const invite = graph.at(join.grounds.invitation[0] as NodeIndex);
      if (invite.entry.author !== body.member || graph.sees(invite.index, restriction.index)) continue;
      if (!graph.sees(restriction.index, join.index)) attack(restriction.index, join.index);
    }
  }
  return attackers;
}

/** True when the removal or demotion, if it holds, takes the ground from what its member did. */
function defeats(graph: EntryGraph, restriction: GraphNode, target: GraphNode): boolean {
  if (restriction === target || graph.sees(restriction.index, target.index)) return false;
  const isRegained = (sources: readonly NodeIndex[]) => sources.some((source) => graph.sees(source, restriction.index));
  if (restriction.entry.body.type === "set_role") return isOwnersAct(target) && !isRegained(target.grounds.ownership);
  if (target.entry.body.type === "join") return !graph.sees(target.index, restriction.index);
  return !isRegained(target.grounds.membership);
}

/** A label for every node: true when it holds. */
function label(
  graph: EntryGraph,
  nodes: readonly GraphNode[],
  attackers: ReadonlyMap<NodeIndex, readonly NodeIndex[]>,
  defeated: ReadonlySet<NodeIndex>,
  settled: ReadonlySet<NodeIndex>,
): ReadonlyMap<NodeIndex, boolean> {
  const labels = new Map<NodeIndex, boolean>();
  // What these stand on may be settled.
  for (const { grounds } of nodes)
    for (const group of groupsOf(grounds)) for (const ground of group) labels.set(ground, !settled.has(ground));
  for (const { index } of nodes) labels.delete(index);
  for (const index of defeated) labels.set(index, false);
  let open = nodes.filter((node) => !labels.has(node.index));
  while (open.length > 0) {
    const left: GraphNode[] = [];
    for (const node of open) {
      const grounds = groundsHold(node.grounds, labels);
      const foes = (attackers.get(node.index) ?? []).map((foe) => labels.get(foe));
      if (grounds === false || foes.includes(true)) labels.set(node.index, false);
      else if (grounds && foes.every((foe) => foe === false)) labels.set(node.index, true);
      else left.push(node);
    }
    if (left.length === open.length) {
      const chosen = mostSenior(graph, left, labels);
      labels.set(chosen.index, true);
      for (const foe of attackers.get(chosen.index) ?? []) labels.set(foe, false);
    }
    open = left.filter((node) => !labels.has(node.index));
  }
  return labels;
}

const groupsOf = (grounds: Grounds): readonly (readonly NodeIndex[])[] => [
  grounds.ownership,
  grounds.membership,
  grounds.target,
  grounds.invitation,
];

/** True when every group has one that holds, false when one has none that can, undefined while that is open. */
function groundsHold(grounds: Grounds, labels: ReadonlyMap<NodeIndex, boolean>): boolean | undefined {
  let isOpen = false;
  for (const group of groupsOf(grounds)) {
    if (group.length === 0 || group.some((ground) => labels.get(ground))) continue;
    if (group.every((ground) => labels.get(ground) === false)) return false;
    isOpen = true;
  }
  return isOpen ? undefined : true;
}

/**
 * Of entries that each wait for another: the restriction by whoever was made an owner first. Only those come into
 * question whose grounds hold, and one has them: the first in the order has seen all that it stands on.
 */
function mostSenior(
  graph: EntryGraph,
  waiting: readonly GraphNode[],
  labels: ReadonlyMap<NodeIndex, boolean>,
): GraphNode {
  const position = (index: NodeIndex) => graph.positions[index] as number;
  const rank = (node: GraphNode): readonly number[] => [
    (isRestriction(node) ? 0 : 1) + (isOwnersAct(node) ? 0 : 2),
    Math.min(Number.MAX_SAFE_INTEGER, ...node.grounds.ownership.map(position)),
    position(node.index),
  ];
  const candidates = waiting.filter((node) => groundsHold(node.grounds, labels));
  const [first, ...others] = candidates.map((node) => ({ node, rank: rank(node) }));
  assert(first, "the first that waits stands on what holds");
  return others.reduce((best, other) => (compareRanks(other.rank, best.rank) < 0 ? other : best), first).node;
}

function compareRanks(left: readonly number[], right: readonly number[]): number {
  const at = left.findIndex((part, index) => part !== right[index]);
  return at < 0 ? 0 : (left[at] as number) - (right[at] as number);
}

/** True for what only owners may do. */
const isOwnersAct = (node: GraphNode): boolean => node.grounds.ownership.length > 0;

/** True when the entry took ownership, or membership, from an owner. */
function endsAnOwner(graph: EntryGraph, node: GraphNode): boolean {
  const { body } = node.entry;
  if (body.type !== "remove" && (body.type !== "set_role" || body.role === "owner")) return false;
  return graph.nodes.some(
    ({ index, entry }) =>
      graph.sees(node.index, index) &&
      (entry.body.type === "create"
        ? entry.author === body.member
        : entry.body.type === "set_role" && entry.body.role === "owner" && entry.body.member === body.member),
  );
}

const usesKey = (join: GraphNode, key: string): boolean =>
  join.entry.body.type === "join" && join.entry.body.invitation === key;

/** A name given twice in one breath is none; a later one counts again (an honest author may have two devices). */
function ambiguousRenames(nodes: readonly GraphNode[]): NodeIndex[] {
  const place = ({ entry }: GraphNode) => `${entry.author} ${entry.sequence}`;
  const counts = new Map<string, number>();
  for (const node of nodes) counts.set(place(node), (counts.get(place(node)) ?? 0) + 1);
  return nodes
    .filter((node) => node.entry.body.type === "rename" && (counts.get(place(node)) ?? 0) > 1)
    .map((node) => node.index);
}
