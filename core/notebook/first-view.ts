/**
 * What somebody who joins a notebook is shown while it is still coming: its title and its cells as text. It is a word
 * of whoever sends it, and nothing of it goes into the document, which takes its place.
 */
import * as v from "valibot";
import type { CellId } from "../base/ids.ts";
import { isCellId } from "./cell-text.ts";
import type { Cell, Notebook } from "./model.ts";

/** A notebook with more text than this comes without being shown first. */
const MOST_TEXT = 1 << 20;
const MOST_CELLS = 20_000;

const word = v.pipe(v.string(), v.maxLength(64));

/** Its JSON form, as it comes from a peer. */
export const FirstViewSchema = v.pipe(
  v.object({
    title: v.pipe(v.string(), v.maxLength(10_000)),
    language: word,
    cells: v.pipe(
      v.array(
        v.tuple([
          v.pipe(
            v.string(),
            v.check((id) => isCellId(id)),
          ),
          v.picklist(["code", "markdown", "raw"]),
          word,
          v.string(),
        ]),
      ),
      v.maxLength(MOST_CELLS),
    ),
  }),
  v.check(({ cells }) => new Set(cells.map(([id]) => id)).size === cells.length, "a cell is in it twice"),
  v.check(({ cells }) => cells.reduce((sum, [, , , source]) => sum + source.length, 0) <= MOST_TEXT, "it is too much"),
);

/** Cells are id, kind, language and source, in order. */
export type FirstView = v.InferOutput<typeof FirstViewSchema>;

/** What of a notebook is shown first; undefined when it is too much. */
export function firstViewOf({ title, language, cells }: Notebook): FirstView | undefined {
  const view = {
    title,
    language,
    cells: cells.map(({ id, kind, language: own, source }): FirstView["cells"][number] => [id, kind, own, source]),
  };
  return v.is(FirstViewSchema, view) ? view : undefined;
}

/** The notebook that is shown. */
export function notebookOfView({ title, language, cells }: FirstView): Notebook {
  return {
    title,
    language,
    metadata: {},
    cells: cells.map(([id, kind, own, source]): Cell => {
      const common = { id: id as CellId, kind, language: own, source };
      return { ...common, textVersion: 0, metadata: {}, run: undefined };
    }),
  };
}
