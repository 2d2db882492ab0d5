/**
 * Takes a document over to another one of the same notebook: what was made in it and is not in the other is translated,
 * step by step, through the documents between them. Of each of these only the block is needed in which it is kept.
 */
import * as Automerge from "@automerge/automerge/slim";
import { concatenate } from "../../base/bytes.ts";
import { KromaError } from "../../base/errors.ts";
import { blockCid } from "../../store/cid.ts";
import { isSameJson } from "../../base/canonical-json.ts";
import { Contradictions } from "../contradictions.ts";
import { inspectChunks, type ChunkLimits } from "../chunk-guard.ts";
import { readPast } from "../past.ts";
import type { NotebookDocument, NotebookRecord } from "../document.ts";
import type { ChangeMark } from "../signed-changes.ts";
import { compareChains, type Chain } from "./chain.ts";
import { canonicalSave } from "./canonical-save.ts";
import { Reseed } from "./reseed.ts";
import type { Epoch } from "./seed.ts";

/** A change, and what it became. */
export interface TranslatedChange {
  readonly from: ChangeMark;
  readonly to: ChangeMark;
}

/** A document in the place of another, and its first change. */
export interface Moved {
  readonly document: NotebookDocument;
  readonly seed: string;
  /** It is the first to be made of it, and was made here. */
  readonly begun: boolean;
  /** What was taken over from the document before. */
  readonly translated: readonly TranslatedChange[];
}

/** Gives a former document as it is kept. */
export type FormerBlock = (cid: string) => Promise<Uint8Array | undefined>;

/** A former document has at most so many bytes, so that a peer can give it to another. */
const MOST_FORMER_BYTES = 16 << 20;
/** It has more in it than one message may bring: as much as comes over a link (core/mesh/SPEC.md, S8). */
const FORMER_LIMITS: ChunkLimits = { operations: 2_000_000, inflated: 64 << 20, chunks: 1, actors: 20_000 };

/**
 * A document with the present state of this one and none of its history, which is put into a block by `keep`. `exhausted` when that
 * would be too big to be given to a peer, `corrupt` when the state can't be told without the history.
 */
export async function shorten(
  document: NotebookDocument,
  keep: (bytes: Uint8Array) => Promise<string>,
): Promise<Moved> {
  const before = canonicalSave(document, Automerge.getHeads(document));
  if (before.length > MOST_FORMER_BYTES)
    throw new KromaError("exhausted", "This history is too long to be put away: it has more than 16 MiB.");
  await inspectChunks(before, FORMER_LIMITS);
  const step = Reseed.make(before, await keep(before));
  const { change, hash } = step.seed;
  step.free();
  const next = load(change);
  if (isSameJson(stateOf(document), stateOf(next))) return { document: next, seed: hash, begun: true, translated: [] };
  Automerge.free(next);
  throw new KromaError("corrupt", "This history can't be put away: the notebook would not be the same without it.");
}

/** All of a notebook that anybody sees, and where its outputs are. */
function stateOf(document: NotebookDocument): unknown {
  const { notebook, bodies } = readPast(document, Automerge.getHeads(document));
  return [notebook, [...bodies]];
}

/**
 * Carries over a document, which stays as it is. `corrupt` when a block is not what the chain says, or something was made in
 * the document that can't be translated: then nothing is to be changed.
 */
export async function carry(document: NotebookDocument, from: Chain, to: Chain, blockOf: FormerBlock): Promise<Moved> {
  const { shared } = compareChains(from, to);
  const marks = new Marks();
  let present = Automerge.clone(document);
  const replace = (next: NotebookDocument): void => {
    Automerge.free(present);
    present = next;
  };
  try {
    for (let at = from.epochs.length - 1; at >= shared - 1; at -= 1) {
      const { former, step } = await open(from, at, blockOf);
      const made = Automerge.getBackend(present).getChanges([step.seed.hash]);
      const back = await step.back(made);
      step.free();
      marks.add(made, back);
      replace(apply(former, back));
    }
    for (let at = shared - 1; at < to.epochs.length; at += 1) {
      const { former, step } = await open(to, at, blockOf);
      // In a document that began otherwise all of this one would be late, and stand beside what is there.
      const first = to.epochs[at]?.seed ?? Automerge.getBackend(present).topoHistoryTraversal()[0];
      if (at === shared - 1 && first !== undefined && !Automerge.hasHeads(former, [first])) throw wrong();
      const late = await lateChanges(former, present);
      Automerge.free(former);
      const translated = step.forward(late);
      step.free();
      marks.add(late, translated);
      replace(apply(load(step.seed.change), translated));
    }
  } catch (error) {
    Automerge.free(present);
    if (error instanceof KromaError) throw error;
    throw new KromaError("corrupt", "What was written in this notebook can't be brought into the shortened one.", {
      cause: error,
    });
  }
  return { document: present, seed: to.seed as string, begun: false, translated: marks.all };
}

/** What is in the present document and not in the former one, which was closed without it: in causal order. */
async function lateChanges(former: NotebookDocument, present: NotebookDocument): Promise<readonly Uint8Array[]> {
  const heads = Automerge.getHeads(former);
  const added = Automerge.getBackend(former).getChangesAdded(Automerge.getBackend(present));
  if (added.length === 0) return added;
  let merged: Automerge.Doc<unknown> = Automerge.clone(former);
  try {
    merged = apply(merged, added);
  } catch (error) {
    if (error instanceof KromaError) throw error;
    // One of them is in the place of another that is there already (core/mesh/SPEC.md, S19).
    Automerge.free(merged);
    merged = (await new Contradictions().settle(former, added)).document;
  }
  try {
    if (Automerge.hasHeads(merged, heads)) return Automerge.getBackend(merged).getChanges(heads);
  } finally {
    Automerge.free(merged);
  }
  // Then one that is there would have to move, and can't: the late ones go as they are.
  const names = new Set(added.map((change) => Automerge.decodeChange(change).hash));
  const backend = Automerge.getBackend(present);
  const all = backend.getChangesMeta([]);
  return backend.getChanges([]).filter((_, index) => names.has(all[index]?.hash ?? ""));
}

/** A document of a chain as it was when the next one took its place, and the step there. */
async function open(
  chain: Chain,
  at: number,
  blockOf: FormerBlock,
): Promise<{ readonly step: Reseed; readonly former: NotebookDocument }> {
  const { cid, heads } = chain.epochs[at] as Epoch;
  const block = await blockOf(cid);
  if (!block || (await blockCid(block)) !== cid) throw wrong();
  await inspectChunks(block, FORMER_LIMITS);
  const former = load(block);
  const step = Reseed.make(block, cid);
  const next = at + 1 < chain.epochs.length ? chain.epochs[at + 1]?.seed : chain.seed;
  if (step.seed.hash === next && isSame(Automerge.getHeads(former), heads)) return { step, former };
  step.free();
  Automerge.free(former);
  throw wrong();
}

const wrong = (): KromaError =>
  new KromaError("corrupt", "The earlier history that a peer names is not the one that was shortened.");

const isSame = (some: readonly string[], others: readonly string[]): boolean =>
  some.toSorted().join() === others.toSorted().join();

// Loaded, and not made: it gets an actor of its own.
const load = (bytes: Uint8Array): NotebookDocument => Automerge.load<NotebookRecord>(bytes);

function apply<D>(document: Automerge.Doc<D>, changes: readonly Uint8Array[]): Automerge.Doc<D> {
  if (changes.length === 0) return document;
  const applied = Automerge.loadIncremental(document, concatenate(changes));
  // Automerge keeps waiting for what a change builds on: here all of it has to be there.
  if (Automerge.getMissingDeps(applied, []).length === 0) return applied;
  Automerge.free(applied);
  throw wrong();
}

/** What each change of the document became in the end. */
class Marks {
  #all = new Map<string, TranslatedChange>();
  #isFirst = true;

  get all(): readonly TranslatedChange[] {
    return [...this.#all.values()];
  }

  /** In one step these became those. What is not among them was in the next document already. */
  add(before: readonly Uint8Array[], after: readonly Uint8Array[]): void {
    const next = new Map<string, TranslatedChange>();
    for (const [index, change] of before.entries()) {
      const [was, is] = [markOf(change), after[index] && markOf(after[index])];
      const from = this.#isFirst ? was : this.#all.get(was.hash)?.from;
      if (from && is) next.set(is.hash, { from, to: is });
    }
    this.#all = next;
    this.#isFirst = false;
  }
}

function markOf(change: Uint8Array): ChangeMark {
  const { actor, seq, hash } = Automerge.decodeChange(change);
  return { actor, seq, hash };
}
