/**
 * The documents that a notebook has been, one after the other, and which of two such chains goes on. Every peer who
 * compares the same two comes to the same: the one that goes further from the same documents, and where they part, the
 * one whose first change there has the smaller hash.
 */
import type { NotebookDocument } from "../document.ts";
import { readSeed, type Epoch } from "./seed.ts";

/** A notebook's documents: the first change of the present one, if it took another's place, and those before it. */
export interface Chain {
  readonly seed: string | undefined;
  readonly epochs: readonly Epoch[];
}

/** That of a notebook that has only ever been one document. */
export const FIRST_CHAIN: Chain = { seed: undefined, epochs: [] };

/** That of a document, which says itself what came before it. */
export function chainOf(document: NotebookDocument): Chain {
  const seed = readSeed(document);
  return seed ? { seed: seed.hash, epochs: seed.epochs } : FIRST_CHAIN;
}

/** How one chain stands to another: `shared` is how many documents, from the first on, are those of both. */
export interface Comparison {
  readonly order: "same" | "ahead" | "behind";
  readonly shared: number;
}

/** How `mine` stands to `theirs`. Who is behind goes over to the other one's present document. */
export function compareChains(mine: Chain, theirs: Chain): Comparison {
  const [own, other] = [seedsOf(mine), seedsOf(theirs)];
  let shared = 0;
  while (shared < own.length && shared < other.length && own[shared] === other[shared]) shared += 1;
  const [next, others] = [own[shared], other[shared]];
  if (next === undefined) return { order: others === undefined ? "same" : "behind", shared };
  return { order: others === undefined || next < others ? "ahead" : "behind", shared };
}

/** CIDs of the blocks that it takes to carry a document of `from` over to the present one of `to`. */
export function blocksBetween(from: Chain, to: Chain): readonly string[] {
  const { shared } = compareChains(from, to);
  return [...from.epochs.slice(shared - 1), ...to.epochs.slice(shared - 1)].map(({ cid }) => cid);
}

/** What tells the documents apart; that of the first is nothing. */
const seedsOf = ({ seed, epochs }: Chain): readonly string[] => [
  ...epochs.map((epoch) => epoch.seed ?? ""),
  ...(seed === undefined ? [""] : [seed]),
];
