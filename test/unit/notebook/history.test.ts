/** What the history of a notebook tells: sessions of work, states as they were, who changed what, and what came since. */
import { describe, expect, it } from "vitest";
import type { DocumentId } from "#core/base/ids.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import type { DocumentHost } from "#core/notebook/host.ts";
import { restoreCell } from "#core/notebook/restore.ts";
import { cellId, newCell, newRun, openWith, plain, startHost } from "./kit.ts";

const ADA = `b${"a".repeat(52)}`;
const BO = `b${"b".repeat(52)}`;
const MINUTE = 60_000;

/** A host with a clock that a test turns. */
function startClocked() {
  let time = Date.UTC(2026, 0, 5, 9);
  return { ...startHost({ now: () => time }), pass: (ms: number) => (time += ms), time: () => time };
}

async function type(client: NotebookClient, cell: string, text: string): Promise<void> {
  const id = cellId(cell);
  const confirmed = client.confirmedText(id);
  if (!confirmed) throw new Error("no such cell");
  const after = confirmed.text + text;
  const keep = confirmed.text.length > 0 ? [confirmed.text.length] : [];
  await client.edit(id, confirmed.version, [{ client: "t", changes: [...keep, [0, text]] }], () => after);
}

const heads = async (client: NotebookClient): Promise<readonly string[]> =>
  (await client.history(1)).sessions[0]?.heads ?? [];

describe("the list of sessions", () => {
  it("has one for each stretch of work without a long pause, latest first, down to the beginning", async () => {
    const { host, library, pass, time } = startClocked();
    const client = await library.open(await library.create("Test"));
    const [first] = client.notebook.cells;
    if (!first) throw new Error("no cell");
    const began = time();
    for (const letter of "abc") {
      await type(client, first.id, letter);
      await host.flush();
      pass(MINUTE);
    }
    pass(6 * MINUTE);
    const again = time();
    await type(client, first.id, "d");
    const { sessions, next } = await client.history(10);
    expect(next).toBeUndefined();
    expect(sessions.map(({ changes, from, to }) => [changes, from, to])).toEqual([
      [1, again, again],
      [3, began, began + 2 * MINUTE],
      [1, 0, 0],
    ]);
    expect(sessions.map(({ people }) => people.map(({ member }) => member))).toEqual([
      [undefined],
      [undefined],
      [undefined],
    ]);
    expect(sessions[0]?.before).toEqual(sessions[1]?.heads);
    expect(sessions[2]?.before).toEqual([]);
    const texts = await Promise.all(
      sessions.map(async (session) => (await client.past(session.heads)).notebook.cells[0]?.source),
    );
    expect(texts).toEqual(["abcd", "abc", ""]);
    await host.close();
  });

  it("comes in pages that join without a gap", async () => {
    const { host, library, pass } = startClocked();
    const client = await openWith(library, [newCell("a", "")]);
    for (let index = 0; index < 7; index += 1) {
      pass(10 * MINUTE);
      await client.change([{ type: "set_title", title: `Title ${index}` }]);
    }
    const whole = await client.history(100);
    const paged = [];
    let from: readonly string[] | undefined;
    do {
      const page = await client.history(3, from);
      expect(page.sessions.length).toBeLessThanOrEqual(3);
      paged.push(...page.sessions);
      from = page.next;
    } while (from);
    expect(paged).toEqual(whole.sessions);
    expect(paged.length).toBe(9);
    await host.close();
  });

  it("splits a whole day's typing into stretches of half an hour", async () => {
    const { host, library, pass } = startClocked();
    const client = await openWith(library, [newCell("a", "")]);
    for (let index = 0; index < 60; index += 1) {
      pass(2 * MINUTE);
      await client.change([{ type: "set_title", title: `Title ${index}` }]);
    }
    const { sessions } = await client.history(100);
    for (const { from, to } of sessions) expect(to - from).toBeLessThanOrEqual(30 * MINUTE);
    expect(sessions.length).toBeGreaterThan(3);
    expect(sessions.length).toBeLessThan(8);
    await host.close();
  });
});

/** What was written at one host counts as signed at the other from now on. */
async function sign(from: DocumentHost, to: DocumentHost, document: DocumentId): Promise<void> {
  const replica = await from.hold(document);
  to.setSigned(document, (await replica?.ownChanges()) ?? []);
  replica?.release();
}

describe("who", () => {
  it("is told by the changes themselves, over saving, loading and syncing, and for each cell", async () => {
    const ada = startClocked();
    const document = await ada.library.create("Test");
    await ada.host.setAuthor(document, ADA);
    const one = await ada.library.open(document);
    await one.change([
      { type: "insert_cell", cell: newCell("a", "x"), after: undefined },
      { type: "insert_cell", cell: newCell("b", "y"), after: cellId("a") },
    ]);
    await ada.host.flush();

    const bo = startClocked();
    await bo.host.adopt(document, concatenate(await ada.host.changesSince(document, [])));
    await bo.host.setAuthor(document, BO);
    bo.pass(MINUTE);
    const two = await bo.library.open(document);
    const before = await bo.host.heads(document);
    await type(two, "b", "!");
    await two.change([{ type: "insert_cell", cell: newCell("c", "z"), after: undefined }]);
    await ada.host.applyChanges(document, await bo.host.changesSince(document, before));

    // What names Bo may be anybody's until Bo has signed it.
    expect((await one.changedBy({ since: before })).cells.map(({ people }) => people)).toEqual([
      [{ member: undefined, unsigned: true, changes: 1 }],
      [{ member: undefined, unsigned: true, changes: 1 }],
    ]);
    await sign(bo.host, ada.host, document);
    const [latest] = (await one.history(5)).sessions;
    expect(latest?.people.map(({ member }) => member).sort()).toEqual([ADA, BO]);
    const changed = await one.changedBy({ since: before });
    expect(changed.unread).toBe(0);
    expect(Object.fromEntries(changed.cells.map(({ cell, people }) => [cell, people[0]?.member]))).toEqual({
      b: BO,
      c: BO,
    });
    const all = await one.changedBy({ heads: latest?.heads ?? [], changes: latest?.changes ?? 0 });
    expect(all.cells.find(({ cell }) => cell === "a")?.people).toEqual([{ member: ADA, changes: 1 }]);

    await ada.host.close();
    // A new host knows from its store as whom it writes.
    const later = startHost({ store: ada.store, blocks: ada.blocks });
    const three = await later.library.open(document);
    const then = await later.host.heads(document);
    await type(three, "a", "2");
    expect((await three.changedBy({ since: then })).cells).toEqual([
      { cell: "a", people: [{ member: ADA, changes: 1 }] },
    ]);
    await later.host.close();
    await bo.host.close();
  });
});

describe("what came while one was away", () => {
  it("is told from the state that a page last had open, without what is made before one's eyes", async () => {
    const ada = startClocked();
    const document = await ada.library.create("Test");
    await ada.host.setAuthor(document, ADA);
    const first = await ada.library.open(document);
    expect(await first.away()).toBeUndefined();
    await first.change([{ type: "insert_cell", cell: newCell("a", "mine"), after: undefined }]);
    const seen = await ada.host.heads(document);
    const replica = await ada.host.hold(document);
    first.close();
    await ada.library.flush();

    const bo = startClocked();
    await bo.host.adopt(document, concatenate(await ada.host.changesSince(document, [])));
    await bo.host.setAuthor(document, BO);
    const theirs = await bo.library.open(document);
    bo.pass(MINUTE);
    await type(theirs, "a", " and theirs");
    const offline = await bo.host.changesSince(document, seen);

    ada.pass(2 * MINUTE);
    const second = await ada.library.open(document);
    expect((await second.away())?.people).toEqual([]);
    await ada.host.applyChanges(document, offline);
    await sign(bo.host, ada.host, document);
    expect(await second.away()).toEqual({
      heads: seen,
      opened: ada.time(),
      people: [{ member: BO, changes: 1 }],
    });
    bo.pass(5 * MINUTE);
    const before = await bo.host.heads(document);
    await type(theirs, "a", ", now");
    await ada.host.applyChanges(document, await bo.host.changesSince(document, before));
    expect((await second.away())?.people).toEqual([{ member: BO, changes: 1 }]);
    expect((await second.changedBy({ since: seen, until: ada.time() })).cells).toEqual([
      { cell: "a", people: [{ member: BO, changes: 1 }] },
    ]);
    second.close();
    replica?.release();
    await ada.host.close();
    // What the second visit showed is known now, to another host on the same store too.
    const later = startHost({ store: ada.store, blocks: ada.blocks });
    const third = await later.library.open(document);
    expect((await third.away())?.people).toEqual([]);
    await later.host.close();
    await bo.host.close();
  });

  it("goes with a notebook that is removed for good", async () => {
    let time = 0;
    const { host, library, store } = startHost({ now: () => time });
    const document = await library.create("Test");
    const client = await library.open(document);
    await client.change([{ type: "set_title", title: "Seen" }]);
    client.close();
    await library.flush();
    expect(await store.loadRange(["visit"])).toHaveLength(1);
    await library.remove(document);
    await host.close();
    time = 40 * 24 * 60 * MINUTE;
    const later = startHost({ store, now: () => time });
    await later.library.listed;
    await expect.poll(async () => await store.loadRange(["visit"])).toEqual([]);
    await later.host.close();
  });
});

describe("the past", () => {
  it("has the outputs of then, says which are not here, and what differed from the state before", async () => {
    const { host, library, store } = startHost();
    const client = await openWith(library, [newCell("a", "1"), newCell("b", "2"), newCell("c", "3")]);
    const big = "x".repeat(200_000);
    await client.change([{ type: "set_run", cell: cellId("a"), run: newRun("r1", big) }]);
    const before = await heads(client);
    const shown = plain(client.notebook);
    await client.change([
      { type: "delete_cell", cell: cellId("b") },
      { type: "move_cell", cell: cellId("c"), after: undefined },
      { type: "set_run", cell: cellId("a"), run: newRun("r2", "small") },
      { type: "insert_cell", cell: newCell("d", "4"), after: cellId("a") },
    ]);
    const now = await client.past(await heads(client), before);
    expect(now.differences.map(({ cell, kind, parts }) => [cell, kind, parts])).toEqual([
      ["c", "changed", ["place"]],
      ["a", "changed", ["outputs"]],
      ["b", "deleted", []],
      ["d", "added", []],
    ]);
    expect(plain((await client.past(before)).notebook)).toEqual(shown);
    await host.close();
    const blockless = startHost({ store });
    const again = await blockless.library.open(client.document);
    const [cell] = (await again.past(before)).notebook.cells;
    expect(cell?.run?.outputs).toEqual([]);
    expect(cell?.run?.missing).toMatch(/^b/);
    await blockless.host.close();
  });

  it("tells when a run was said something else of, and is put back to what was said first", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "1")]);
    await client.change([{ type: "set_run", cell: cellId("a"), run: newRun("r1", "first") }]);
    const before = await heads(client);
    const shown = plain(client.notebook);
    await client.change([{ type: "set_run", cell: cellId("a"), run: newRun("r1", "second") }]);
    const { differences } = await client.past(await heads(client), before);
    expect(differences.map(({ cell, parts }) => [cell, parts])).toEqual([["a", ["outputs"]]]);
    await client.change(restoreCell(client.notebook, (await client.past(before)).notebook, cellId("a")));
    expect(plain(client.notebook)).toEqual(shown);
    await host.close();
  });

  it("of changes that are not here is refused", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "1")]);
    await expect(client.past(["0".repeat(64)])).rejects.toMatchObject({ code: "missing" });
    await expect(client.changedBy({ since: ["0".repeat(64)] })).rejects.toMatchObject({ code: "missing" });
    await expect(client.history(5, ["0".repeat(64)])).rejects.toMatchObject({ code: "missing" });
    await host.close();
  });

  it("shows a cell as deleted when two had deleted it, though one of them brought it back later", async () => {
    const { host, library } = startHost();
    const document = (await openWith(library, [newCell("a", "one")])).document;
    const other = startHost();
    const whole = concatenate(await host.changesSince(document, []));
    await other.host.adopt(document, whole);
    const mine = await library.open(document);
    const theirs = await other.library.open(document);
    // Each deletes another text; the tombstones are at odds, and one of them fits.
    await type(theirs, "a", "+");
    await theirs.change([{ type: "delete_cell", cell: cellId("a") }]);
    const start = await host.heads(document);
    // With more done here, the tombstone that doesn't fit is the one that Automerge shows.
    for (const title of ["x", "y", "z", "Test"]) await mine.change([{ type: "set_title", title }]);
    await mine.change([{ type: "delete_cell", cell: cellId("a") }]);
    await host.applyChanges(document, await other.host.changesSince(document, start));
    const shown = plain(mine.notebook);
    const then = await heads(mine);
    await mine.change([{ type: "insert_cell", cell: newCell("a", "again"), after: undefined }]);
    expect(plain((await mine.past(then)).notebook)).toEqual(shown);
    await other.host.close();
    await host.close();
  });
});

describe("a branch", () => {
  it("is a notebook of a state with the history up to there, apart from the one it came from", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "then")]);
    await client.change([{ type: "set_run", cell: cellId("a"), run: newRun("r1", "x".repeat(200_000)) }]);
    const then = await heads(client);
    const { cells } = client.notebook;
    const unbranched = await client.history(10);
    await client.change([{ type: "delete_cell", cell: cellId("a") }]);
    const branch = await library.open(await client.branch(then, "A try"));
    expect(branch.notebook.title).toBe("A try");
    expect(plain({ ...branch.notebook, title: "" })).toEqual(plain({ ...client.notebook, title: "", cells }));
    await branch.change([{ type: "insert_cell", cell: newCell("b", "only there"), after: undefined }]);
    expect(client.notebook.cells).toEqual([]);
    expect(branch.entry.title).toBe("A try");
    // It has the very changes: what is asked of them there is answered as here.
    expect((await branch.past(then)).notebook.cells.map(({ source }) => source)).toEqual(["then"]);
    const walked = await branch.history(10, then);
    expect(walked.sessions.at(-1)).toEqual(unbranched.sessions.at(-1));
    await expect(client.branch(["0".repeat(64)], "x")).rejects.toMatchObject({ code: "missing" });
    await expect(branch.past(await heads(client))).rejects.toMatchObject({ code: "missing" });
    await host.close();
  });
});

describe("merging a branch back", () => {
  it("brings what was done there, keeps what was done here, and names the state before", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "one two"), newCell("b", "bee")]);
    const branch = await library.open(await client.branch(await heads(client), "A try"));
    await type(branch, "a", " three");
    await branch.change([{ type: "insert_cell", cell: newCell("c", "new"), after: cellId("b") }]);
    await client.change([
      { type: "splice_text", cell: cellId("a"), at: 0, remove: 0, insert: "zero " },
      { type: "set_title", title: "Mine" },
    ]);
    const before = client.notebook;
    const preview = await branch.previewMerge();
    expect(preview.title).toBe("Mine");
    expect(preview.differences.map(({ cell, kind, parts, after }) => [cell, kind, parts, after?.source])).toEqual([
      ["a", "changed", ["text"], "zero one two three"],
      ["c", "added", [], "new"],
    ]);
    expect(plain(client.notebook)).toEqual(plain(before));

    expect(await branch.mergeBack()).toBe(client.document);
    expect(client.notebook.title).toBe("Mine");
    expect(client.notebook.cells.map(({ source }) => source)).toEqual(["zero one two three", "bee", "new"]);
    const [version] = client.notebook.versions ?? [];
    expect(version?.name).toBe("Before merging A try");
    expect(plain((await client.past(version?.heads ?? [])).notebook)).toEqual(plain(before));
    // Nothing doubles when it is merged again.
    expect(await branch.previewMerge()).toMatchObject({ differences: [], changes: 0 });
    await branch.mergeBack();
    expect(client.notebook.cells.map(({ source }) => source)).toEqual(["zero one two three", "bee", "new"]);
    expect(client.notebook.versions).toHaveLength(1);
    await host.close();
  });

  it("is refused for what is no branch, and where the original was removed", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "1")]);
    await expect(client.mergeBack()).rejects.toMatchObject({ code: "invalid" });
    const branch = await library.open(await client.branch(await heads(client), "A try"));
    await library.remove(client.document);
    await expect(branch.previewMerge()).rejects.toMatchObject({ code: "missing" });
    await expect(branch.mergeBack()).rejects.toMatchObject({ code: "missing" });
    await host.close();
  });

  it("takes a long branch", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "")]);
    const branch = await library.open(await client.branch(await heads(client), "A try"));
    for (let index = 0; index < 1100; index += 1)
      await branch.change([{ type: "set_cell_metadata", cell: cellId("a"), metadata: { n: index } }]);
    await branch.mergeBack();
    expect(client.notebook.cells[0]?.metadata).toEqual({ n: 1099 });
    await host.close();
  });
});

describe("named versions", () => {
  it("are kept by both of two who name one apart from each other, in a document that knew nothing of them", async () => {
    const ada = startHost();
    const bo = startHost();
    const document = (await openWith(ada.library, [newCell("a", "1")])).document;
    const start = await ada.host.heads(document);
    await bo.host.adopt(document, concatenate(await ada.host.changesSince(document, [])));
    const one = await ada.library.open(document);
    const two = await bo.library.open(document);
    await one.change([{ type: "set_version", version: "v1", to: { name: "Mine", time: 1, heads: start } }]);
    await two.change([{ type: "set_version", version: "v2", to: { name: " Theirs ", time: 2, heads: start } }]);
    await exchange(ada.host, bo.host, document, start);
    for (const client of [one, two]) {
      expect(client.notebook.versions).toEqual([
        { id: "v2", name: "Theirs", time: 2, heads: start },
        { id: "v1", name: "Mine", time: 1, heads: start },
      ]);
      expect(client.notebook.metadata).toEqual({});
    }
    expect(new TextDecoder().decode(await one.export("ipynb"))).not.toContain("Theirs");
    await ada.host.close();
    await bo.host.close();
  });

  it("are renamed and removed, and undone", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "1")]);
    const then = await heads(client);
    const to = { name: "First", time: 1, heads: then };
    const names = () => client.notebook.versions?.map(({ name }) => name);
    const unname = await client.change([{ type: "set_version", version: "v", to }]);
    const renameBack = await client.change([{ type: "set_version", version: "v", to: { ...to, name: "Second" } }]);
    expect(names()).toEqual(["Second"]);
    await client.change(renameBack);
    expect(names()).toEqual(["First"]);
    const again = await client.change(unname);
    expect(names()).toBeUndefined();
    await client.change(again);
    expect(names()).toEqual(["First"]);
    await host.close();
  });

  it("need a name that is none too long", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "1")]);
    const then = await heads(client);
    for (const name of ["", "   ", "x".repeat(81)])
      await expect(
        client.change([{ type: "set_version", version: "v", to: { name, time: 1, heads: then } }]),
      ).rejects.toMatchObject({ code: "invalid" });
    await expect(
      client.change([{ type: "set_version", version: ".k", to: { name: "x", time: 1, heads: then } }]),
    ).rejects.toMatchObject({ code: "invalid" });
    expect(client.notebook.versions).toBeUndefined();
    await host.close();
  });
});

describe("outputs that are not here", () => {
  it("keep their block when clearing them is undone", async () => {
    const { host, library, store } = startHost();
    const client = await openWith(library, [newCell("a", "1")]);
    await client.change([{ type: "set_run", cell: cellId("a"), run: newRun("r1", "x".repeat(200_000)) }]);
    await host.close();
    const blockless = startHost({ store });
    const again = await blockless.library.open(client.document);
    await blockless.host.notebook(client.document);
    const missing = again.notebook.cells[0]?.run?.missing;
    expect(missing).toBeDefined();
    const undo = await again.change([{ type: "clear_run", cell: cellId("a") }]);
    await again.change(undo);
    expect(again.notebook.cells[0]?.run?.missing).toBe(missing);
    await blockless.host.close();
  });
});

function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

async function exchange(
  one: ReturnType<typeof startHost>["host"],
  two: ReturnType<typeof startHost>["host"],
  document: DocumentId,
  since: readonly string[],
): Promise<void> {
  const [mine, theirs] = [await one.changesSince(document, since), await two.changesSince(document, since)];
  await one.applyChanges(document, theirs);
  await two.applyChanges(document, mine);
}
