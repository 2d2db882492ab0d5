/**
 * The entries of one membership as a graph: who saw what. Answers in constant time whether one entry had seen another,
 * and keeps the one order of all entries: parents first, and by hash where both may come. That order is stable: of two
 * entries the same one is first in every graph that holds both, whatever else it holds.
 */
import { assert } from "../base/errors.ts";
import type { EntryHash, ReadEntry } from "./entry.ts";
import type { MemberId } from "./identity.ts";

/** A place in the graph: entries are numbered as they come, parents before children. */
export type NodeIndex = number;

export interface GraphNode extends ReadEntry {
  readonly index: NodeIndex;
  readonly parents: readonly NodeIndex[];
  /**
   * What the entry stands on: of each group at least one entry must hold, or this one does not (the grant of the right
   * it uses, the joining of its author). Found once, from what its author saw.
   */
  readonly grounds: Grounds;
}

/** The groups of `GraphNode.grounds`, by what they are. Empty means that nothing of the kind is needed. */
export interface Grounds {
  /** What made the author an owner. */
  readonly ownership: readonly NodeIndex[];
  /** How the author came in. */
  readonly membership: readonly NodeIndex[];
  /** How the one came in who is made an owner. */
  readonly target: readonly NodeIndex[];
  /** The invitation that a newcomer came in by. */
  readonly invitation: readonly NodeIndex[];
}

/** A set of nodes that holds the parents of each. */
export type NodeSet = Uint32Array;

/** True when the set holds that node. */
export const holds = (set: NodeSet, index: NodeIndex): boolean => ((set[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0;

export class EntryGraph {
  readonly nodes: GraphNode[] = [];
  readonly #byHash = new Map<EntryHash, NodeIndex>();
  readonly #byAuthor = new Map<MemberId, NodeIndex[]>();
  /** For each node all that its author had seen, without itself. */
  readonly #pasts: NodeSet[] = [];
  #heads: readonly NodeIndex[] = [];
  #positions: readonly number[] | undefined = [];

  /** The node of that entry. */
  find(hash: EntryHash): GraphNode | undefined {
    const index = this.#byHash.get(hash);
    return index === undefined ? undefined : this.nodes[index];
  }

  /** The node of that number, which must exist. */
  at(index: NodeIndex): GraphNode {
    const node = this.nodes[index];
    assert(node, "a node of the graph exists");
    return node;
  }

  /** All entries of one author, in the order they came. */
  byAuthor(author: MemberId): readonly NodeIndex[] {
    return this.#byAuthor.get(author) ?? [];
  }

  /** The entries that no other has seen. */
  get heads(): readonly NodeIndex[] {
    return this.#heads;
  }

  /** Adds an entry whose parents are all here. */
  add(read: ReadEntry, grounds: Grounds): GraphNode {
    const index = this.nodes.length;
    const parents = read.entry.previous.map((hash) => {
      const parent = this.#byHash.get(hash);
      assert(parent !== undefined, "parents come first");
      return parent;
    });
    const followsAll = this.isWhole(parents);
    const node: GraphNode = { ...read, index, parents, grounds };
    this.#pasts.push(this.closure(parents));
    this.nodes.push(node);
    this.#byHash.set(node.hash, index);
    const own = this.#byAuthor.get(node.entry.author);
    if (own) own.push(index);
    else this.#byAuthor.set(node.entry.author, [index]);
    this.#heads = [...this.#heads.filter((head) => !parents.includes(head)), index];
    // What has seen everything is last; anything else may move others.
    this.#positions = followsAll && this.#positions ? [...this.#positions, index] : undefined;
    return node;
  }

  /** True when whoever saw these has seen everything that is here. */
  isWhole(indices: readonly NodeIndex[]): boolean {
    return this.#heads.every((head) => indices.includes(head));
  }

  /** Those of the nodes that none of the others has seen, ascending. */
  maximal(indices: readonly NodeIndex[]): readonly NodeIndex[] {
    return indices
      .filter((index) => !indices.some((other) => this.sees(other, index)))
      .sort((left, right) => left - right);
  }

  /** True when the author of `later` had seen `earlier`. */
  sees(later: NodeIndex, earlier: NodeIndex): boolean {
    return holds(this.#pasts[later] as NodeSet, earlier);
  }

  /** These nodes and all that their authors had seen. */
  closure(indices: readonly NodeIndex[]): NodeSet {
    const set = new Uint32Array((Math.max(-1, ...indices) + 32) >>> 5);
    for (const index of indices) {
      const past = this.#pasts[index] as NodeSet;
      for (let word = 0; word < past.length; word += 1) set[word] = (set[word] as number) | (past[word] as number);
      set[index >>> 5] = (set[index >>> 5] as number) | (1 << (index & 31));
    }
    return set;
  }

  /**
   * Splits these and all that they have seen into the fewest entries at the top such that each of them has seen all the
   * others, and the heads of those others.
   */
  split(heads: readonly NodeIndex[]): { readonly fresh: readonly NodeIndex[]; readonly settled: readonly NodeIndex[] } {
    const rest = this.closure(heads);
    const fresh: NodeIndex[] = [];
    const waiting = [...heads];
    const remove = (index: NodeIndex) => {
      rest[index >>> 5] = (rest[index >>> 5] as number) & ~(1 << (index & 31));
    };
    for (const head of heads) remove(head);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      fresh.push(next);
      const past = this.#pasts[next] as NodeSet;
      for (let word = 0; word < rest.length; word += 1) {
        // What this one has not seen can't be beneath it.
        let unseen = (rest[word] as number) & ~(past[word] ?? 0);
        rest[word] = (rest[word] as number) & (past[word] ?? 0);
        for (; unseen !== 0; unseen &= unseen - 1) waiting.push(word * 32 + 31 - Math.clz32(unseen & -unseen));
      }
    }
    // The lowest of them has nothing between itself and the rest.
    const lowest = fresh.find((index) => this.at(index).parents.every((parent) => holds(rest, parent)));
    assert(lowest !== undefined, "of those above one comes first");
    return { fresh, settled: this.maximal(this.at(lowest).parents) };
  }

  /** For each node its place in the one order of all. */
  get positions(): readonly number[] {
    this.#positions ??= this.#sort();
    return this.#positions;
  }

  #sort(): number[] {
    const waiting = this.nodes.map((node) => node.parents.length);
    const children: NodeIndex[][] = this.nodes.map(() => []);
    for (const node of this.nodes) for (const parent of node.parents) children[parent]?.push(node.index);
    const positions: number[] = Array.from({ length: this.nodes.length }, () => 0);
    // A few are ready at a time, so a sorted list does; the last of it is the next.
    const ready: GraphNode[] = this.nodes.filter((node) => node.parents.length === 0);
    for (let position = 0; ready.length > 0; position += 1) {
      const node = ready.pop() as GraphNode;
      positions[node.index] = position;
      for (const child of children[node.index] as NodeIndex[]) {
        waiting[child] = (waiting[child] as number) - 1;
        if (waiting[child] === 0) insert(ready, this.at(child));
      }
    }
    return positions;
  }
}

/** Into a list by descending hash. */
function insert(list: GraphNode[], node: GraphNode): void {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as GraphNode).hash > node.hash) low = middle + 1;
    else high = middle;
  }
  list.splice(low, 0, node);
}
