/** Outcomes by what was seen, found once each: an entry that has seen everything only adds to the one before it. */
import { assert } from "../base/errors.ts";
import type { EntryGraph, NodeIndex } from "./entry-graph.ts";
import { applyEntry, NOTHING, type Outcome } from "./outcome.ts";
import { resolve, type Resolution } from "./resolve.ts";

/** So many are remembered: one for each branch that is being read, and the present one. */
const REMEMBERED = 64;

export class Outcomes {
  readonly #graph: EntryGraph;
  readonly #known = new Map<string, Resolution>();

  constructor(graph: EntryGraph) {
    this.#graph = graph;
  }

  /** Of everything. */
  get current(): Outcome {
    return this.#of(this.#graph.heads).outcome;
  }

  /** The entries without effect, of everything. */
  get defeated(): ReadonlySet<NodeIndex> {
    return this.#of(this.#graph.heads).defeated;
  }

  /** Of these entries and all that their authors had seen. */
  of(indices: readonly NodeIndex[]): Outcome {
    return this.#of(this.#graph.maximal(indices)).outcome;
  }

  #of(heads: readonly NodeIndex[]): Resolution {
    const chain: NodeIndex[] = [];
    let base = this.#remembered(heads);
    let at = heads;
    while (!base && at.length === 1) {
      const head = at[0] as NodeIndex;
      chain.push(head);
      at = this.#graph.maximal(this.#graph.at(head).parents);
      base = this.#remembered(at);
    }
    base ??= this.#remember(at, resolve(this.#graph, this.#graph.closure(at)));
    if (chain.length === 0) return base;
    let { outcome } = base;
    for (const index of chain.toReversed()) outcome = applyEntry(this.#graph, outcome, this.#graph.at(index));
    return this.#remember(heads, { outcome, defeated: base.defeated });
  }

  #remembered(heads: readonly NodeIndex[]): Resolution | undefined {
    if (heads.length === 0) return { outcome: NOTHING, defeated: new Set() };
    const key = heads.join();
    const found = this.#known.get(key);
    if (found) {
      // The last used is the last to be forgotten.
      this.#known.delete(key);
      this.#known.set(key, found);
    }
    return found;
  }

  #remember(heads: readonly NodeIndex[], resolution: Resolution): Resolution {
    this.#known.set(heads.join(), resolution);
    if (this.#known.size > REMEMBERED) {
      const oldest = this.#known.keys().next().value;
      assert(oldest !== undefined, "a full map has a first key");
      this.#known.delete(oldest);
    }
    return resolution;
  }
}
