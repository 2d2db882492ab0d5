/** What was is shown exactly and restored exactly, whatever came between; and two who do it at once come to the same. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CellId, DocumentId } from "#core/base/ids.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import { differencesBetween } from "#core/notebook/differences.ts";
import type { DocumentHost } from "#core/notebook/host.ts";
import type { Notebook, NotebookOperation } from "#core/notebook/model.ts";
import { restoreCell, restoreNotebook } from "#core/notebook/restore.ts";
import { cellId, newCell, newRun, openWith, plain, startHost } from "./kit.ts";

const id = fc.constantFrom("a", "b", "c", "n1", "n2") as unknown as fc.Arbitrary<CellId>;
const after = fc.option(id, { nil: undefined });
const text = fc.string({ unit: fc.constantFrom("x", "y", "\n", "😀"), maxLength: 4 });
const operation: fc.Arbitrary<NotebookOperation> = fc.oneof(
  fc.record({
    type: fc.constant("insert_cell"),
    cell: fc.tuple(id, text).map(([cell, source]) => newCell(cell, source)),
    after,
  }),
  fc.record({ type: fc.constantFrom("delete_cell", "restore_cell", "clear_run"), cell: id }),
  fc.record({ type: fc.constant("move_cell"), cell: id, after }),
  fc.record({ type: fc.constant("merge_cells"), cell: id, other: id }),
  fc.record({ type: fc.constant("set_language"), cell: id, kind: fc.constant("code"), language: fc.constant("shell") }),
  fc.record({
    type: fc.constant("set_cell_metadata"),
    cell: id,
    metadata: fc.dictionary(fc.constantFrom("k", "l"), fc.option(fc.nat(3), { nil: undefined }), { maxKeys: 2 }),
  }),
  fc.record({ type: fc.constant("set_title"), title: text }),
  fc.record({ type: fc.constant("splice_text"), cell: id, at: fc.nat(9), remove: fc.nat(4), insert: text }),
  fc
    .tuple(id, fc.constantFrom("r1", "r2", "r3"), text)
    .map(([cell, run, out]) => ({ type: "set_run", cell, run: newRun(`${cell}-${run}`, out) })),
) as fc.Arbitrary<NotebookOperation>;

const changes = fc.array(fc.array(operation, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 });
const runs = { numRuns: Number(process.env["KROMA_RUNS"] ?? 40) };
const START = [newCell("a", "one\ntwo😀"), newCell("b", ""), newCell("c", "three\n\n")];

/** Every state of the notebook, with its heads. */
async function record(
  host: DocumentHost,
  client: NotebookClient,
  made: readonly (readonly NotebookOperation[])[],
): Promise<readonly { readonly heads: readonly string[]; readonly notebook: Notebook }[]> {
  const states = [{ heads: await host.heads(client.document), notebook: client.notebook }];
  for (const change of made) {
    await client.change(change);
    states.push({ heads: await host.heads(client.document), notebook: client.notebook });
  }
  return states;
}

describe("any state that a notebook ever had", () => {
  it("is shown as it was, and restored as it was by a change that can be undone", async () => {
    const { host, library } = startHost();
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(), async (made, which) => {
        const client = await openWith(library, START);
        const states = await record(host, client, made);
        const { heads, notebook } = states[which % states.length] as (typeof states)[number];
        const { notebook: then } = await client.past(heads);
        expect(plain(then)).toEqual(plain(notebook));

        const present = client.notebook;
        const undo = await client.change(restoreNotebook(present, then));
        expect(plain(client.notebook)).toEqual(plain(notebook));
        expect(differencesBetween(then, client.notebook)).toEqual([]);
        await client.change(undo);
        expect(plain(client.notebook)).toEqual(plain(present));
        client.close();
      }),
      runs,
    );
    await host.close();
  });

  it("gives back one cell and leaves the others", async () => {
    const { host, library } = startHost();
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(), id, async (made, which, cell) => {
        const client = await openWith(library, START);
        const states = await record(host, client, made);
        const then = (states[which % states.length] as (typeof states)[number]).notebook;
        const present = client.notebook;
        const undo = await client.change(restoreCell(present, then, cell));
        const find = (notebook: Notebook) => notebook.cells.find((candidate) => candidate.id === cell);
        const strip = (notebook: Notebook) => ({
          ...notebook,
          cells: notebook.cells.filter((candidate) => candidate.id !== cell),
        });
        const wanted = find(then);
        const got = find(client.notebook);
        expect(got && { ...got, textVersion: 0 }).toEqual(wanted && { ...wanted, textVersion: 0 });
        expect(plain(strip(client.notebook))).toEqual(plain(strip(present)));
        await client.change(undo);
        expect(plain(client.notebook)).toEqual(plain(present));
        client.close();
      }),
      runs,
    );
    await host.close();
  });
});

describe("two who name and restore apart from each other", () => {
  it("come to the same notebook, with the names of both", async () => {
    const ada = startHost();
    const bo = startHost();
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(), fc.nat(), async (made, first, second) => {
        const one = await openWith(ada.library, START);
        const states = await record(ada.host, one, made);
        const start = await ada.host.heads(one.document);
        await bo.host.adopt(one.document, concatenate(await ada.host.changesSince(one.document, [])));
        const two = await bo.library.open(one.document);
        await two.change([{ type: "splice_text", cell: cellId("a"), at: 0, remove: 0, insert: "theirs " }]);
        for (const [client, which, name] of [
          [one, first, "mine"],
          [two, second, "theirs"],
        ] as const) {
          const { heads } = states[which % states.length] as (typeof states)[number];
          const { notebook } = await client.past(heads);
          await client.change([{ type: "set_version", version: name, to: { name, time: which, heads } }]);
          await client.change(restoreNotebook(client.notebook, notebook));
        }
        await exchange(ada.host, bo.host, one.document, start);
        expect(plain(one.notebook)).toEqual(plain(two.notebook));
        expect(one.notebook.versions?.map(({ name }) => name).toSorted()).toEqual(["mine", "theirs"]);
        one.close();
        two.close();
      }),
      runs,
    );
    await ada.host.close();
    await bo.host.close();
  });
});

function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

async function exchange(
  one: DocumentHost,
  two: DocumentHost,
  document: DocumentId,
  since: readonly string[],
): Promise<void> {
  const [mine, theirs] = [await one.changesSince(document, since), await two.changesSince(document, since)];
  await one.applyChanges(document, theirs);
  await two.applyChanges(document, mine);
}
