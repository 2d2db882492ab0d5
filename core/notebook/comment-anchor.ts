/**
 * How a comment holds on to the text it is about. It keeps two of Automerge's cursors into the notebook's document, of
 * the first and of the last character, which stay with these characters whatever is written around them. When they are
 * gone, as after a cell was split or a word was written anew, the text itself is looked for: in the cell, and in those
 * that its text went to.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import type { CellId } from "../base/ids.ts";
import { seedName, type Anchor, type Cursors } from "./comments-document.ts";
import { MOST_QUOTE_LENGTH, type CommentPlace, type CommentRange } from "./comments.ts";
import { findRecord, isHidden, mapOf, sourceOf, textOf, type NotebookDocument } from "./document.ts";
import { comparePlaced } from "./position.ts";
import { mapPosition, type TextChanges } from "./text-changes.ts";

/** What of the notebook's view an anchor needs: versions of texts, and what changed since one. */
export interface TextVersions {
  version(cell: CellId): number;
  changesSince(cell: CellId, version: number): readonly TextChanges[] | undefined;
}

/** Ties a comment to a cell, or to a stretch of its text; undefined when the cell is gone. */
export function makeAnchor(
  document: NotebookDocument,
  versions: TextVersions,
  cell: CellId,
  range: CommentRange | undefined,
): Anchor | undefined {
  const record = findRecord(document, cell);
  if (!record || isHidden(document, cell)) return undefined;
  if (!range) return { cell, quote: "", first: undefined, last: undefined };
  const changes = versions.changesSince(cell, range.version);
  if (!changes) throw new KromaError("unavailable", "The text has changed meanwhile. Choose it again.");
  const text = sourceOf(record);
  const clamp = (position: number): number =>
    Math.max(0, Math.min(text.length, changes.reduce<number>(mapPosition, position)));
  const [from, to] = [clamp(range.from), clamp(range.to)];
  if (to <= from) return { cell, quote: "", first: undefined, last: undefined };
  const path = ["cells", cell, "source"];
  return {
    cell,
    quote: text.slice(from, Math.min(to, from + MOST_QUOTE_LENGTH)).toWellFormed(),
    first: Automerge.getCursor(document, path, from),
    last: Automerge.getCursor(document, path, to - 1, "before"),
  };
}

/** Finds where comments are in one state of a notebook; what it has found out of a cell it need not find out again. */
export class PlaceFinder {
  readonly #document: NotebookDocument;
  readonly #versions: TextVersions;
  readonly #seed: string | undefined;
  readonly #hidden = new Map<CellId, boolean>();
  readonly #kin = new Map<CellId, readonly CellId[]>();
  #kinships: ReadonlyMap<string, readonly string[]> | undefined;

  /** `seed` is the first change of the document, if it took the place of another one. */
  constructor(document: NotebookDocument, versions: TextVersions, seed: string | undefined) {
    this.#document = document;
    this.#versions = versions;
    this.#seed = seed;
  }

  /** Where that is now; undefined when the cell is gone and its text nowhere else. */
  find(anchor: Anchor): CommentPlace | undefined {
    const isThere = !this.#isHidden(anchor.cell);
    if (anchor.quote === "" && isThere) return { cell: anchor.cell };
    if (isThere) {
      const range = findRange(this.#document, anchor.cell, cursorsOf(anchor, this.#seed));
      if (range) return placeOf(this.#versions, anchor.cell, range);
    }
    const kin = this.#kinOf(anchor.cell);
    for (const cell of isThere ? [anchor.cell, ...kin] : kin) {
      const record = anchor.quote === "" ? undefined : findRecord(this.#document, cell);
      const from = record ? sourceOf(record).indexOf(anchor.quote) : -1;
      if (from >= 0) return placeOf(this.#versions, cell, [from, from + anchor.quote.length]);
    }
    const cell = isThere ? anchor.cell : this.#mergedInto(anchor.cell);
    return cell === undefined ? undefined : { cell };
  }

  #mergedInto(cell: CellId): CellId | undefined {
    let next = cell;
    for (let step = 0; step < MOST_KIN; step += 1) {
      next = textOf(findRecord(this.#document, next)?.into) as CellId;
      if (next === "") return undefined;
      if (!this.#isHidden(next)) return next;
    }
    return undefined;
  }

  #isHidden(cell: CellId): boolean {
    const known = this.#hidden.get(cell) ?? isHidden(this.#document, cell);
    this.#hidden.set(cell, known);
    return known;
  }

  /** Cells that text of this one may have gone to or come from, nearest first. */
  #kinOf(cell: CellId): readonly CellId[] {
    const known = this.#kin.get(cell);
    if (known) return known;
    this.#kinships ??= kinshipsOf(this.#document);
    const kin = new Set<CellId>();
    let next: readonly string[] = [cell];
    // A hostile document may have thousands of kin.
    while (next.length > 0 && kin.size < MOST_KIN) {
      const found = new Set(next.flatMap((id) => this.#kinships?.get(id) ?? []));
      // In the order of the notebook, which is the same on every peer; that of the map is not.
      next = [...found]
        .filter((id) => id !== cell && !kin.has(id as CellId))
        .map((id) => ({ id, position: textOf(findRecord(this.#document, id)?.position) }))
        .sort(comparePlaced)
        .map(({ id }) => id)
        .slice(0, MOST_KIN);
      for (const id of next) kin.add(id as CellId);
    }
    const there = [...kin].filter((id) => !this.#isHidden(id));
    this.#kin.set(cell, there);
    return there;
  }
}

const MOST_KIN = 64;

/** Of two cells one was split off from the other, or merged into it. */
function kinshipsOf(document: NotebookDocument): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const join = (one: string, other: string): void => {
    const known = found.get(one);
    if (known) known.push(other);
    else found.set(one, [other]);
  };
  for (const [id, record] of Object.entries(mapOf(document.cells))) {
    for (const other of [textOf(record?.from), textOf(record?.into)]) {
      if (other === "") continue;
      join(id, other);
      join(other, id);
    }
  }
  return found;
}

const placeOf = (versions: TextVersions, cell: CellId, [from, to]: readonly [number, number]): CommentPlace => ({
  cell,
  range: { from, to, version: versions.version(cell) },
});

/** Those of the document with that seed. A thread that was written there has no others. */
function cursorsOf(anchor: Anchor, seed: string | undefined): Cursors {
  return (seed === undefined ? undefined : anchor.moved?.[seedName(seed)]) ?? anchor;
}

function findRange(
  document: NotebookDocument,
  cell: CellId,
  { first, last }: Cursors,
): readonly [number, number] | undefined {
  const record = findRecord(document, cell);
  if (!record || first === undefined || last === undefined) return undefined;
  const path = ["cells", cell, "source"];
  const { length } = sourceOf(record);
  try {
    const from = Automerge.getCursorPosition(document, path, first);
    const end = Automerge.getCursorPosition(document, path, last);
    // A cursor whose character is gone gives the place of a neighbour. At the start of the text there may be none.
    const isAlive = (cursor: string, at: number, ...move: ["before"] | []): boolean =>
      at < length && Automerge.getCursor(document, path, at, ...move) === cursor;
    if (end === 0 && !isAlive(first, from) && !isAlive(last, end, "before")) return undefined;
    return from <= end && end < length ? [from, end + 1] : undefined;
  } catch {
    // A cursor that is none, or of a change that has not come yet: the text is looked for instead.
    return undefined;
  }
}
