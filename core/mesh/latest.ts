/** What a new entry says that its author has seen: the heads, and of too many those that it needs. */
import type { EntryGraph, GraphNode, NodeIndex } from "./entry-graph.ts";
import { MOST_PREVIOUS, type EntryBody } from "./entry.ts";
import type { MemberId } from "./identity.ts";
import type { Outcomes } from "./outcomes.ts";

/**
 * At most MOST_PREVIOUS heads for an entry of that author: first those that have seen what it stands on and what it is
 * about, then others, those without effect last. The next entries take in what is left.
 */
export function latestFor(
  graph: EntryGraph,
  outcomes: Outcomes,
  author: MemberId,
  body: EntryBody,
): readonly GraphNode[] {
  const { heads } = graph;
  if (heads.length <= MOST_PREVIOUS) return heads.map((index) => graph.at(index));
  const { members, invitations } = outcomes.current;
  const about = "member" in body ? body.member : author;
  const key = "invitation" in body ? body.invitation : undefined;
  const invitation = key === undefined ? undefined : invitations.get(key)?.invite;
  const needed: readonly NodeIndex[] = [
    ...graph.maximal(graph.byAuthor(author)),
    ...[author, about].flatMap((id) => [
      ...(members.get(id)?.roleSources ?? []),
      ...(members.get(id)?.joins.slice(0, 1) ?? []),
    ]),
    ...(invitation === undefined ? [] : [invitation]),
  ];
  const chosen = new Set<NodeIndex>();
  for (const index of needed) {
    const seen = (head: NodeIndex) => head === index || graph.sees(head, index);
    if (Array.from(chosen).some(seen)) continue;
    const head = heads.find(seen);
    if (head !== undefined) chosen.add(head);
  }
  const { defeated } = outcomes;
  const others = heads.toSorted((left, right) => Number(defeated.has(left)) - Number(defeated.has(right)));
  for (const head of others) chosen.add(head);
  return Array.from(chosen)
    .slice(0, MOST_PREVIOUS)
    .map((index) => graph.at(index));
}
