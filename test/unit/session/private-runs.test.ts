/** What a reader runs is theirs alone, and nothing of it is written. */
import { expect, it } from "vitest";
import type { RunId } from "#core/base/ids.ts";
import { PrivateRuns } from "#core/session/private-runs.ts";
import { cellId, newCell, newRun, openWith, startHost } from "../notebook/kit.ts";

const [A, B] = [cellId("a"), cellId("b")];

async function open(isPrivate = true) {
  const { host, library } = startHost();
  const client = await openWith(library, [newCell("a", "1"), newCell("b", "2")]);
  await client.change([{ type: "set_run", cell: A, run: newRun("shared", "for all") }]);
  const access = { isPrivate };
  const runs = new PrivateRuns(client, () => access.isPrivate);
  let told = 0;
  runs.onChange(() => (told += 1));
  const shown = () => runs.notebook.cells.map(({ run }) => run?.id);
  return { host, client, runs, access, shown, told: () => told };
}

it("shows one's own runs over those of the notebook, and writes nothing", async () => {
  const { host, client, runs, shown, told } = await open();
  const before = await host.heads(client.document);
  expect(shown()).toEqual(["shared", undefined]);
  await runs.change([{ type: "set_run", cell: A, run: newRun("mine", "for me") }]);
  await runs.change([
    { type: "set_run", cell: B, run: newRun("mine too", "for me") },
    { type: "set_metadata", metadata: { kroma: { dependencies: [] } } },
  ]);
  runs.runProgress(B, { ...newRun("next", "still"), status: "running" });
  expect(shown()).toEqual(["mine", "mine too"]);
  expect([runs.has(A), runs.has(B), told()]).toEqual([true, true, 2]);
  expect(runs.notebook).toBe(runs.notebook);
  expect(await host.heads(client.document)).toEqual(before);
  runs.forget(A);
  expect(shown()).toEqual(["shared", "mine too"]);
  await runs.change([{ type: "clear_run", cell: A }]);
  expect([shown(), runs.has(A)]).toEqual([[undefined, "mine too"], false]);
  expect(client.notebook.cells[0]?.run?.id).toBe("shared");
  expect(await host.heads(client.document)).toEqual(before);
});

it("shows what others run since, and follows what they write", async () => {
  const { client, runs, shown } = await open();
  await runs.change([{ type: "set_run", cell: A, run: newRun("mine", "for me") }]);
  await runs.change([{ type: "set_run", cell: B, run: newRun("mine too", "for me") }]);
  await client.change([
    { type: "set_run", cell: A, run: newRun("shared 2", "for all") },
    { type: "splice_text", cell: B, at: 0, remove: 0, insert: "# " },
  ]);
  expect(shown()).toEqual(["shared 2", "mine too"]);
  expect(runs.notebook.cells[1]?.source).toBe("# 2");
  expect(runs.has(A)).toBe(false);
});

it("is the document itself for those who may write", async () => {
  const { client, runs, access, shown } = await open();
  await runs.change([{ type: "set_run", cell: A, run: newRun("mine", "for me") }]);
  access.isPrivate = false;
  runs.forget();
  await runs.change([{ type: "set_run", cell: B, run: newRun("ours", "for all") }]);
  expect(shown()).toEqual(["shared", "ours"]);
  expect(client.notebook.cells[1]?.run?.id).toBe("ours" as RunId);
  expect(runs.notebook).toBe(client.notebook);
});
