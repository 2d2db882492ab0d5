/** Outputs of runs under way, over links in one process, with real keys: SPEC.md, chapter "Runs". */
import { afterEach, describe, expect, it } from "vitest";
import type { RunId } from "#core/base/ids.ts";
import type { LinkRole } from "#core/mesh/roles.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import type { Output, Run } from "#core/notebook/model.ts";
import { cellId, newCell, newRun, openWith } from "../notebook/kit.ts";
import { letIn, link, person, until, type Person } from "./people.ts";

const people: Person[] = [];
afterEach(async () => {
  for (const someone of people.splice(0)) await someone.close();
});
const meet = async (name: string) => {
  const someone = await person(name);
  people.push(someone);
  return someone;
};
const A = cellId("a");
const going = (text: string, more: Partial<Run> = {}): Run => ({
  ...newRun("r1", text),
  ms: undefined,
  ...more,
  status: "running",
});
const shown = (who: Person, client: NotebookClient) => who.mesh.notebook(client.document)?.runs.others ?? [];
const textOf = (outputs: readonly Output[] = []): string =>
  outputs.map((output) => (output.output_type === "stream" ? output.text : "?")).join("");
const seen = (who: Person, client: NotebookClient): string => textOf(shown(who, client)[0]?.outputs);

async function two(role: LinkRole = "editor") {
  const [ana, ben] = [await meet("Ana"), await meet("Ben")];
  const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
  await ana.mesh.share(mine.document, "Ana");
  const line = link(ana, ben);
  const theirs = await letIn(ana, ben, mine.document, role);
  return { ana, ben, mine, theirs, line };
}

describe("a run under way", () => {
  it("is seen as it goes on, and what the notebook says of it comes in its place (R1, R2)", async () => {
    const { ana, ben, mine, theirs } = await two();
    mine.runProgress(A, going("one\n"));
    await until(() => seen(ben, theirs) === "one\n", "Ben sees the first line");
    expect(shown(ben, theirs)).toMatchObject([{ member: ana.mesh.me, cell: A, id: "r1", started: 1000, cut: false }]);
    mine.runProgress(A, going("one\ntwo\n"));
    await until(() => seen(ben, theirs) === "one\ntwo\n", "Ben sees the second");
    expect(theirs.notebook.cells[0]?.run).toBeUndefined();
    await mine.change([{ type: "set_run", cell: A, run: newRun("r1", "one\ntwo\nthree\n") }]);
    await until(() => theirs.notebook.cells[0]?.run?.id === "r1", "Ben has the run");
    await until(() => shown(ben, theirs).length === 0, "nothing is under way any more");
    expect(textOf(theirs.notebook.cells[0]?.run?.outputs)).toBe("one\ntwo\nthree\n");
  });

  it("is seen by who comes while it goes on, also from a mirror (R3)", async () => {
    const { ana, mine } = await two();
    const [mirror, cleo] = [await meet("Mirror"), await meet("Cleo")];
    mine.runProgress(A, going("before\n"));
    link(ana, mirror);
    const kept = await letIn(ana, mirror, mine.document, "mirror");
    await until(() => seen(mirror, kept) === "before\n", "who comes later sees it");
    const invitation = await ana.mesh.invite(mine.document, {
      role: "reader",
      uses: "one",
      expires: Date.now() + 60_000,
    });
    await until(async () => (await ana.mesh.notebook(mine.document)?.isWith(mirror.mesh.me)) ?? false, "it has all");
    link(mirror, cleo);
    await cleo.mesh.join(invitation, "Cleo");
    await until(() => cleo.mesh.notebook(mine.document)?.isHere ?? false, "Cleo is let in by the mirror");
    const hers = await cleo.library.open(mine.document);
    await until(() => seen(cleo, hers) === "before\n", "Cleo sees it");
    expect(shown(cleo, hers)[0]?.member).toBe(ana.mesh.me);
    mine.runProgress(A, going("before\nafter\n"));
    await until(() => seen(cleo, hers) === "before\nafter\n", "Cleo sees how it goes on");
  });

  it("of somebody who may not run is shown to nobody (R4)", async () => {
    const { ana, mine, theirs } = await two("reader");
    theirs.runProgress(A, going("from a reader\n"));
    mine.runProgress(A, going("from Ana\n"));
    const ben = people[1] as Person;
    await until(() => seen(ben, theirs) === "from Ana\n", "Ben sees Ana's");
    expect(shown(ana, mine)).toEqual([]);
    expect(ana.mesh.peers.length).toBe(1);
  });

  it("goes with the one who runs it (R2)", async () => {
    const { ben, mine, theirs, line } = await two();
    mine.runProgress(A, going("one\n"));
    await until(() => seen(ben, theirs) === "one\n", "Ben sees it");
    line.cut();
    await until(() => shown(ben, theirs).length === 0, "it is gone");
  });

  it("that prints without end costs little, and shows what is latest (R1)", async () => {
    const { ben, mine, theirs, line } = await two();
    mine.runProgress(A, going("start\n"));
    await until(() => seen(ben, theirs) !== "", "it has begun");
    const before = line.bytes();
    let text = "";
    for (let index = 0; index < 200; index += 1) {
      text += `${"x".repeat(1000)} ${index}\n`;
      mine.runProgress(A, going(text));
    }
    const picture: Output = { output_type: "display_data", data: { "image/png": "A".repeat(100_000) }, metadata: {} };
    await until(() => seen(ben, theirs).endsWith(" 199\n"), "Ben sees the end");
    const [run] = shown(ben, theirs);
    expect(run?.cut).toBe(true);
    expect(seen(ben, theirs).length).toBeLessThanOrEqual(16_384);
    expect(seen(ben, theirs).startsWith("xxx")).toBe(true);
    // In the time of one telling or two.
    expect(line.bytes() - before).toBeLessThan(3 * 20_000);
    // A character may be six bytes in JSON, or three in UTF-8: the link must not end of it.
    for (const text of ["\u001b".repeat(100_000), "ü漢".repeat(50_000)]) {
      mine.runProgress(A, { ...going(text), id: `long ${text.length}` as RunId });
      await until(
        () => seen(ben, theirs).startsWith(text[0] ?? "") && seen(ben, theirs).length > 1000,
        "Ben sees them",
      );
    }
    mine.runProgress(A, { ...going(""), id: "r2" as RunId, outputs: [picture] });
    await until(() => shown(ben, theirs)[0]?.id === "r2", "the next run");
    expect(shown(ben, theirs)[0]).toMatchObject({ outputs: [], cut: true });
  });
});
