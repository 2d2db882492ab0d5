/** What differs between two states of a notebook, cell by cell: a pure function of the two. */
import { isSameJson } from "../base/canonical-json.ts";
import type { CellId } from "../base/ids.ts";
import type { Cell, Notebook, Run } from "./model.ts";

/** How one cell differs. `before` is there unless it was added, `after` unless it was deleted. */
export interface CellDifference {
  readonly cell: CellId;
  readonly kind: "added" | "deleted" | "changed";
  /** Places in the two notebooks, from 0; -1 where it is not. */
  readonly was: number;
  readonly is: number;
  /** What of it changed; empty for one that was added or deleted. */
  readonly parts: readonly CellPart[];
  readonly before: Cell | undefined;
  readonly after: Cell | undefined;
}

/** What of a cell can change. "settings" is its metadata and its attachments. */
export type CellPart = "text" | "place" | "language" | "settings" | "outputs";

/** True when two runs have the same outputs. */
export type SameOutputs = (before: Run | undefined, after: Run | undefined) => boolean;

const sameRun: SameOutputs = (before, after) => before?.id === after?.id && before?.status === after?.status;

/**
 * The cells that differ, in the order of the later notebook, deleted ones where they were. Outputs are the same when the
 * run is, if nothing else is said.
 */
export function differencesBetween(
  before: Notebook,
  after: Notebook,
  sameOutputs: SameOutputs = sameRun,
): readonly CellDifference[] {
  const was = new Map(before.cells.map((cell, index) => [cell.id, { cell, index }]));
  const is = new Map(after.cells.map((cell, index) => [cell.id, index]));
  const stayed = new Set(longestIncreasing(after.cells.flatMap(({ id }) => was.get(id)?.index ?? [])));
  const differences: CellDifference[] = [];
  // The deleted cells that stood behind each cell that is left; undefined for the top.
  const deleted = new Map<CellId | undefined, CellDifference[]>();
  let last: CellId | undefined;
  before.cells.forEach((cell, index) => {
    if (is.has(cell.id)) {
      last = cell.id;
      return;
    }
    const gone = {
      cell: cell.id,
      kind: "deleted",
      was: index,
      is: -1,
      parts: [],
      before: cell,
      after: undefined,
    } as const;
    deleted.set(last, [...(deleted.get(last) ?? []), gone]);
  });
  differences.push(...(deleted.get(undefined) ?? []));
  after.cells.forEach((cell, index) => {
    const former = was.get(cell.id);
    const facts = { cell: cell.id, was: former?.index ?? -1, is: index, before: former?.cell, after: cell };
    if (former === undefined) differences.push({ ...facts, kind: "added", parts: [] });
    else {
      const parts = partsThatDiffer(former.cell, cell, sameOutputs);
      if (!stayed.has(former.index)) parts.push("place");
      if (parts.length > 0) differences.push({ ...facts, kind: "changed", parts });
    }
    differences.push(...(deleted.get(cell.id) ?? []));
  });
  return differences;
}

function partsThatDiffer(before: Cell, after: Cell, sameOutputs: SameOutputs): CellPart[] {
  const parts: CellPart[] = [];
  if (before.source !== after.source) parts.push("text");
  if (before.language !== after.language || before.kind !== after.kind) parts.push("language");
  const settings = ({ metadata, attachments }: Cell) => ({ metadata, attachments: attachments ?? {} });
  if (!isSameJson(settings(before), settings(after))) parts.push("settings");
  if (!sameOutputs(before.run, after.run)) parts.push("outputs");
  return parts;
}

/** A longest rising sequence among numbers that are all different: what can stay in place while the others move. */
export function longestIncreasing(numbers: readonly number[]): readonly number[] {
  // Patience sorting: `tails[n]` is the index of the smallest number that ends a sequence of n + 1.
  const tails: number[] = [];
  const previous: (number | undefined)[] = [];
  numbers.forEach((number, index) => {
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((numbers[tails[middle] as number] as number) < number) low = middle + 1;
      else high = middle;
    }
    previous[index] = tails[low - 1];
    tails[low] = index;
  });
  const longest: number[] = [];
  for (let index = tails.at(-1); index !== undefined; index = previous[index])
    longest.unshift(numbers[index] as number);
  return longest;
}
