/** Whatever is done can be undone exactly, in the reverse order, and done again. */
import type { CellId } from "#core/base/ids.ts";
import type { NotebookOperation } from "#core/notebook/model.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newCell, newRun, openWith, plain, startHost } from "./kit.ts";

const id = fc.constantFrom("a", "b", "c", "n1", "n2", "gone") as unknown as fc.Arbitrary<CellId>;
const after = fc.option(id, { nil: undefined });
const metadata = fc.dictionary(fc.constantFrom("k", "", "l"), fc.option(fc.nat(3), { nil: undefined }), { maxKeys: 2 });
const text = fc.string({ unit: fc.constantFrom("x", "\n", "😀", "\r"), maxLength: 4 });
const operation: fc.Arbitrary<NotebookOperation> = fc.oneof(
  fc.record({
    type: fc.constant("insert_cell"),
    cell: fc.tuple(id, text).map(([cell, source]) => newCell(cell, source)),
    after,
  }),
  fc.record({ type: fc.constantFrom("delete_cell", "restore_cell", "clear_run"), cell: id }),
  fc.record({ type: fc.constant("move_cell"), cell: id, after }),
  fc.record({ type: fc.constant("split_cell"), cell: id, at: fc.nat(9), newCell: id }),
  fc.record({ type: fc.constant("merge_cells"), cell: id, other: id }),
  fc.record({
    type: fc.constant("set_language"),
    cell: id,
    kind: fc.constantFrom("code", "markdown"),
    language: fc.constantFrom("shell", "markdown"),
  }),
  fc.record({ type: fc.constant("set_cell_metadata"), cell: id, metadata }),
  fc.record({ type: fc.constant("set_metadata"), metadata }),
  fc.record({ type: fc.constant("set_title"), title: text }),
  fc.record({
    type: fc.constant("set_attachments"),
    cell: id,
    attachments: fc.option(fc.constant({ a: { "text/plain": "x" } }), { nil: undefined }),
  }),
  fc.record({ type: fc.constant("splice_text"), cell: id, at: fc.nat(9), remove: fc.nat(4), insert: text }),
  // A run is of one cell.
  fc
    .tuple(id, fc.constantFrom("r1", "r2"), text)
    .map(([cell, run, out]) => ({ type: "set_run", cell, run: newRun(`${cell}-${run}`, out) })),
) as fc.Arbitrary<NotebookOperation>;

describe("undo", () => {
  it("takes back any changes, and redo brings them back", async () => {
    const { host, library } = startHost();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(operation, { minLength: 1, maxLength: 3 }), { maxLength: 7 }),
        async (changes) => {
          const client = await openWith(library, [
            newCell("a", "one\ntwo😀"),
            newCell("b", ""),
            newCell("c", "three\n\n"),
          ]);
          const views = [plain(client.notebook)];
          const undo: (readonly NotebookOperation[])[] = [];
          for (const change of changes) {
            undo.push(await client.change(change));
            views.push(plain(client.notebook));
          }
          const redo: (readonly NotebookOperation[])[] = [];
          for (const inverse of undo.toReversed()) {
            views.pop();
            redo.push(await client.change(inverse));
            expect(plain(client.notebook)).toEqual(views.at(-1));
          }
          const start = views.at(-1);
          const undoAgain: (readonly NotebookOperation[])[] = [];
          for (const again of redo.toReversed()) undoAgain.push(await client.change(again));
          for (const inverse of undoAgain.toReversed()) await client.change(inverse);
          expect(plain(client.notebook)).toEqual(start);
          client.close();
        },
      ),
      { numRuns: Number(process.env["KROMA_RUNS"] ?? 40) },
    );
    await host.close();
  });
});
