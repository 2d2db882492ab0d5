/**
 * Outcomes by what was seen, found once each. They are found in layers: on top of what all later entries have seen, which
 * is settled, only those are looked at whose authors did not know of each other.
 */
import { assert } from "../base/errors.ts";
import type { EntryGraph, NodeIndex } from "./entry-graph.ts";
import { NOTHING, type Outcome } from "./outcome.ts";
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
    // From the top down to what is known, then up again: what lies between may be long.
    const layers: { readonly heads: readonly NodeIndex[]; readonly fresh: readonly NodeIndex[] }[] = [];
    let at = heads;
    let resolution = this.#remembered(at);
    while (!resolution) {
      const { fresh, settled } = this.#graph.split(at);
      layers.push({ heads: at, fresh });
      at = settled;
      resolution = this.#remembered(at);
    }
    for (const layer of layers.toReversed())
      resolution = this.#remember(layer.heads, resolve(this.#graph, layer.fresh, resolution));
    return resolution;
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
