import { channelPair } from "#core/base/channel.ts";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { FromDocument, TextUpdate, ToDocument } from "#core/notebook/messages.ts";
import type { Notebook } from "#core/notebook/model.ts";
import { describe, expect, it } from "vitest";
import {
  BreakableStore,
  cellId,
  connect,
  ids,
  newCell,
  newRun,
  openWith,
  plain,
  saved,
  sources,
  startHost,
} from "./kit.ts";

const type = (changes: TextUpdate["changes"], client = "me"): TextUpdate[] => [{ client, changes }];
const A = cellId("a");
const B = cellId("b");

describe("the document host", () => {
  it("makes a notebook with one empty cell and lists it", async () => {
    const { host, library } = startHost();
    const document = await library.create("First", "typescript");
    const client = await library.open(document);
    expect(client.notebook.title).toBe("First");
    expect(client.notebook.cells.map((cell) => [cell.language, cell.source])).toEqual([["typescript", ""]]);
    expect(client.entry.title).toBe("First");
    await library.flush();
    await host.close();
  });

  it("shows typing at once, confirms it to every page, and says when it is on disk", async () => {
    const { host, library, store } = startHost();
    const client = await openWith(library, [newCell("a", "x = 1")]);
    const other = await connect(host).open(client.document);
    const heard: unknown[] = [];
    other.onText(A, (version, updates) => heard.push([version, updates]));
    const done = client.edit(A, 0, type([5, [0, "2"]]), () => "x = 12");
    expect(sources(client)).toEqual(["x = 12"]);
    expect(client.saved).toBe(false);
    expect(await done).toBe(true);
    expect(heard).toEqual([[0, type([5, [0, "2"]])]]);
    expect(other.notebook.cells[0]).toMatchObject({ source: "x = 12", textVersion: 1 });
    await saved(client);
    expect((await store.loadRange(["document", client.document])).length).toBeGreaterThan(0);
    await host.close();
    const next = startHost({ store });
    expect(sources(await next.library.open(client.document))).toEqual(["x = 12"]);
    await next.host.close();
  });

  it("refuses typing against an old version, and malformed typing, and changes nothing", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "abc")]);
    expect(await client.edit(A, 0, type([3, [0, "d"]]), () => "abcd")).toBe(true);
    expect(await client.edit(A, 0, type([3, [0, "e"]]), () => "abcd")).toBe(false);
    await expect(client.edit(A, 1, type([9, [0, "e"]]), () => "abcd")).rejects.toMatchObject({ code: "invalid" });
    await expect(client.edit(A, 1, type([[-1, "e"]]), () => "abcd")).rejects.toMatchObject({ code: "invalid" });
    expect(sources(client)).toEqual(["abcd"]);
    await host.close();
  });

  it("corrects the editor where Automerge can't hold what was typed", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "a😀b")]);
    // Into the middle of a surrogate pair, half a pair, and a carriage return.
    for (const changes of [
      [2, [0, "X"], 2],
      [[0, "\ud83d"], 5],
      [1, [0, "1\r", "2"], 5],
    ] as TextUpdate["changes"][]) {
      const { text, version } = client.confirmedText(A) as { text: string; version: number };
      const length = changes.reduce<number>((sum, part) => sum + (typeof part === "number" ? part : part[0]), 0);
      const padded = length === text.length ? changes : [...changes, text.length - length];
      expect(await client.edit(A, version, type(padded), () => client.confirmedText(A)?.text ?? "")).toBe(true);
    }
    const [cell] = client.notebook.cells;
    expect(cell?.source.isWellFormed()).toBe(true);
    expect(cell?.source).not.toContain("\r");
    const fresh = await connect(host).open(client.document);
    expect(fresh.notebook.cells[0]?.source).toBe(cell?.source);
    expect(fresh.notebook.cells[0]?.textVersion).toBe(cell?.textVersion);
    await host.close();
  });

  it("inserts, moves, splits, merges, deletes and restores, and each is undone exactly", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "one\ntwo"), newCell("b", "three"), newCell("c", "four")]);
    const before = plain(client.notebook);
    const steps = [
      { type: "split_cell", cell: A, at: 4, newCell: cellId("tail") },
      { type: "move_cell", cell: cellId("c"), after: undefined },
      { type: "merge_cells", cell: A, other: B },
      { type: "delete_cell", cell: cellId("tail") },
      { type: "insert_cell", cell: newCell("new", "five", { metadata: { tags: ["t"] } }), after: B },
      { type: "set_language", cell: A, kind: "markdown", language: "markdown" },
      { type: "set_cell_metadata", cell: A, metadata: { folded: true } },
      { type: "set_title", title: "Other" },
      { type: "set_run", cell: A, run: newRun("r1", "hello") },
    ] as const;
    const undo = [];
    for (const step of steps) undo.unshift(await client.change([step]));
    expect(ids(client)).toEqual(["c", "a", "new"]);
    expect(client.notebook.cells[1]).toMatchObject({
      source: "one\nthree",
      kind: "markdown",
      metadata: { folded: true },
    });
    for (const inverse of undo) await client.change(inverse);
    expect(plain(client.notebook)).toEqual(before);
    await host.close();
  });

  it("keeps what another typed after a merge when the merge is undone", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "head"), newCell("b", "tail")]);
    const undo = await client.change([{ type: "merge_cells", cell: A, other: B }]);
    expect(sources(client)).toEqual(["head\ntail"]);
    const { version } = client.confirmedText(A) as { version: number };
    const other = await connect(host).open(client.document);
    await other.edit(
      A,
      version,
      [{ client: "other", changes: [[0, ">> "], 6, [0, "MORE"], 3] }],
      () => ">> head\ntMOREail",
    );
    await client.change(undo);
    expect(sources(client)).toEqual([">> headMORE", "tail"]);
    await host.close();
  });

  it("brings a deleted cell back when someone types in it", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "mine"), newCell("b", "yours")]);
    const other = await connect(host).open(client.document);
    await client.change([{ type: "delete_cell", cell: A }]);
    expect(sources(client)).toEqual(["yours"]);
    // The other page had typed before it heard of the deletion.
    expect(await other.edit(A, 0, type([4, [0, "!"]]), () => "mine!")).toBe(true);
    expect(sources(client)).toEqual(["mine!", "yours"]);
    expect(sources(other)).toEqual(["mine!", "yours"]);
    // And it stays when the text becomes what it was at deletion.
    await client.edit(A, 1, type([4, [1]]), () => "mine");
    await client.change([{ type: "set_title", title: "x" }]);
    expect(sources(client)).toEqual(["mine", "yours"]);
    await host.close();
  });

  it("keeps outputs over 64 KiB as a block, also in the stored view", async () => {
    const { host, library, store, blocks } = startHost();
    const client = await openWith(library, [newCell("a", "print")]);
    const big = newRun("big", "é".repeat(50_000));
    await client.change([{ type: "set_run", cell: A, run: big }]);
    await library.flush();
    const pieces = await store.loadRange(["document", client.document]);
    expect(pieces.reduce((sum, [, bytes]) => sum + bytes.length, 0)).toBeLessThan(20_000);
    expect((await store.load(["view", client.document]))?.length).toBeLessThan(5000);
    await host.close();
    const next = startHost({ store, blocks });
    expect((await next.library.open(client.document)).notebook.cells[0]?.run).toEqual(big);
    await next.host.close();
  });

  it("answers from the stored view before Automerge is ready, and holds edits until it is", async () => {
    const first = startHost();
    const { document } = await openWith(first.library, [newCell("a", "early")]);
    await first.library.flush();
    await first.host.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { host, library } = startHost({ store: first.store, automerge: promise });
    const client = await library.open(document);
    expect(sources(client)).toEqual(["early"]);
    let accepted: boolean | undefined;
    const edit = client.edit(A, 0, type([5, [0, "!"]]), () => "early!").then((value) => (accepted = value));
    expect(sources(client)).toEqual(["early!"]);
    await new Promise((later) => setTimeout(later));
    expect(accepted).toBeUndefined();
    resolve();
    await edit;
    expect(accepted).toBe(true);
    await host.close();
  });

  it("tells what the stored view did not have yet, as text updates", async () => {
    const first = startHost();
    const { document } = await openWith(first.library, [newCell("a", "old"), newCell("b", "kept")]);
    await first.library.flush();
    const view = await first.store.load(["view", document]);
    const client = await first.library.open(document);
    await client.edit(A, 0, type([3, [0, "er"]]), () => "older");
    await client.change([
      { type: "insert_cell", cell: newCell("c", "new"), after: B },
      { type: "set_title", title: "Later" },
    ]);
    await first.library.flush();
    await first.host.close();
    await first.store.write({ put: [[["view", document], view as Uint8Array]] });
    const { promise, resolve } = Promise.withResolvers<void>();
    const { host, library } = startHost({ store: first.store, automerge: promise });
    const reopened = await library.open(document);
    expect(sources(reopened)).toEqual(["old", "kept"]);
    resolve();
    expect(await reopened.edit(A, 0, type([3, [0, "est"]]), () => "oldest")).toBe(false);
    expect(reopened.confirmedText(A)).toEqual({ text: "older", version: 1 });
    expect(ids(reopened)).toEqual(["a", "b", "c"]);
    expect(reopened.notebook.title).toBe("Later");
    await host.close();
  });

  it("keeps the outputs of a run whose page died, as lost", async () => {
    const { host, store } = startHost();
    const [page, worker] = channelPair<FromDocument, ToDocument>();
    const { LibraryClient } = await import("#core/notebook/client.ts");
    const dying = new LibraryClient(page);
    host.connect(worker);
    const client = await openWith(dying, [newCell("a", "loop")]);
    client.runProgress(A, newRun("r", "so far", { status: "running", ms: undefined }));
    await dying.flush();
    const watcher = await connect(host).open(client.document);
    const changed = new Promise<void>((resolve) => watcher.onChange(() => resolve()));
    worker.close();
    await changed;
    expect(watcher.notebook.cells[0]?.run).toMatchObject({ id: "r", status: "lost", outputs: [{ text: "so far" }] });
    await connect(host).flush();
    expect(await store.loadRange(["progress"])).toEqual([]);
    await host.close();
  });

  it("keeps the outputs of a run that everything died in, as lost", async () => {
    const { host, library, store } = startHost();
    const client = await openWith(library, [newCell("a", "loop"), newCell("b", "done")]);
    client.runProgress(A, newRun("r", "so far", { status: "running", ms: undefined }));
    client.runProgress(B, newRun("s", "part", { status: "running", ms: undefined }));
    await client.change([{ type: "set_run", cell: B, run: newRun("s", "all") }]);
    await library.flush();
    // The host is never closed: this is what a kill leaves.
    const next = startHost({ store });
    const reopened = await next.library.open(client.document);
    await reopened.change([]);
    expect(reopened.notebook.cells.map((cell) => [cell.run?.status, cell.run?.outputs])).toEqual([
      ["lost", [{ output_type: "stream", name: "stdout", text: "so far" }]],
      ["ok", [{ output_type: "stream", name: "stdout", text: "all" }]],
    ]);
    await next.host.close();
    await host.close();
  });

  it("goes on in memory when the storage fails, says so, and recovers", async () => {
    const { host, library, store } = startHost();
    const states: string[] = [];
    library.onStorage(({ state }) => states.push(state));
    const client = await openWith(library, [newCell("a", "")]);
    await library.flush();
    store.failure = new KromaError("exhausted", "full");
    await client.edit(A, 0, type([[0, "unsaved"]]), () => "unsaved");
    await expect(library.flush()).rejects.toMatchObject({ code: "exhausted" });
    expect(client.saved).toBe(false);
    expect(library.storage.state).toBe("full");
    // A page that leaves does not take the notebook with it.
    client.close();
    const again = await connect(host).open(client.document);
    expect(sources(again)).toEqual(["unsaved"]);
    store.failure = undefined;
    await library.flush();
    expect(states).toEqual(["full", "ok"]);
    await host.close();
    const next = startHost({ store });
    expect(sources(await next.library.open(client.document))).toEqual(["unsaved"]);
    await next.host.close();
  });

  it("says that something is not stored until all of it is", async () => {
    const { host, library, store } = startHost();
    const [big, small] = [await openWith(library, [newCell("a", "")]), await openWith(library, [newCell("b", "")])];
    await library.flush();
    const write = store.write.bind(store);
    store.write = (batch) =>
      batch.put?.some(([key]) => key[1] === big.document)
        ? Promise.reject(new KromaError("exhausted", "full"))
        : write(batch);
    const states: string[] = [];
    library.onStorage(({ state }) => states.push(state));
    await big.edit(A, 0, type([[0, "big"]]), () => "big");
    await expect(library.flush()).rejects.toMatchObject({ code: "exhausted" });
    await small.edit(B, 0, type([[0, "small"]]), () => "small");
    await saved(small);
    expect(states).toEqual(["full"]);
    store.write = write;
    await library.flush();
    expect(states).toEqual(["full", "ok"]);
    await host.close();
  });

  it("works without any storage at all", async () => {
    const store = new BreakableStore();
    store.failure = new KromaError("denied", "no storage");
    store.loadRange = () => Promise.reject(store.failure);
    store.load = () => Promise.reject(store.failure);
    const { host, library } = startHost({ store });
    const client = await openWith(library, [newCell("a", "works")]);
    expect(sources(client)).toEqual(["works"]);
    expect(library.storage.state).toBe("memory");
    await host.close();
  });

  it("makes one snapshot of many pieces without losing any", async () => {
    const { host, library, store } = startHost();
    const client = await openWith(library, [newCell("a", "")]);
    let text = "";
    for (let index = 0; index < 210; index += 1) {
      const before = text.length;
      text += "x";
      await client.edit(A, index, type(before ? [before, [0, "x"]] : [[0, "x"]]), () => text);
      if (index % 2 === 0) await library.flush();
    }
    await library.flush();
    const keys = (await store.loadRange(["document", client.document])).map(([key]) => key[2]);
    expect(keys.filter((key) => key === "snapshot").length).toBe(1);
    expect(keys.length).toBeLessThan(200);
    await host.close();
    const next = startHost({ store });
    expect(sources(await next.library.open(client.document))).toEqual([text]);
    await next.host.close();
  });

  it("opens what is left when a stored piece is damaged", async () => {
    const { host, library, store } = startHost();
    const client = await openWith(library, [newCell("a", "first")]);
    await library.flush();
    await client.edit(A, 0, type([5, [0, " second"]]), () => "first second");
    await library.flush();
    await host.close();
    const pieces = await store.loadRange(["document", client.document]);
    const [key, bytes] = pieces.findLast(([candidate]) => candidate[2] === "increment") as (typeof pieces)[number];
    const broken = bytes.slice();
    broken[broken.length - 3] = (broken[broken.length - 3] as number) ^ 0xff;
    await store.write({ put: [[key, broken]], remove: [["view", client.document]] });
    const next = startHost({ store });
    expect(sources(await next.library.open(client.document))).toEqual(["first"]);
    await next.host.close();
  });

  it("imports a file once for one origin, also from two pages at the same time", async () => {
    const { host, library } = startHost();
    const file = new TextEncoder().encode('{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[]}');
    const options = { origin: "notebooks/welcome.ipynb", once: true, foreign: true };
    const [first, second] = await Promise.all([
      library.import("welcome.ipynb", file.slice(), options),
      connect(host).import("welcome.ipynb", file.slice(), options),
    ]);
    expect(second.document).toBe(first.document);
    expect((await library.import("welcome.ipynb", file.slice(), options)).document).toBe(first.document);
    const client = await library.open(first.document);
    expect(client.entry).toMatchObject({ title: "welcome", origin: "notebooks/welcome.ipynb", foreign: true });
    await library.trust(first.document);
    await library.flush();
    await host.close();
  });

  it("removes, brings back, renames and duplicates notebooks", async () => {
    const { host, library, store } = startHost();
    const client = await openWith(library, [newCell("a", "content")]);
    const copy = await library.duplicate(client.document);
    await library.rename(copy, "Renamed");
    await library.remove(client.document);
    await library.flush();
    await host.close();
    const next = startHost({ store });
    await next.library.flush();
    await next.library.open(copy);
    expect(next.library.entries.map(({ title, excerpt }) => [title, excerpt])).toEqual([["Renamed", "content"]]);
    await next.library.undelete(client.document);
    expect(sources(await next.library.open(client.document))).toEqual(["content"]);
    await next.host.close();
  });

  it("lets a removed notebook go after a month, with what else is kept for it, which goes first", async () => {
    const { host, library, store } = startHost();
    const client = await openWith(library, [newCell("a", "content")]);
    await library.remove(client.document);
    await library.flush();
    await host.close();
    const kept = async (): Promise<number> => (await store.loadRange(["document", client.document])).length;
    const later = async (
      days: number,
      purging: (document: DocumentId) => Promise<void>,
    ): Promise<ReturnType<typeof startHost>["host"]> => {
      const next = startHost({ store, now: () => Date.now() + days * 24 * 60 * 60 * 1000, purging });
      await next.library.flush();
      return next.host;
    };
    const purged: string[] = [];
    await (await later(29, async (document) => void purged.push(`29 ${document}`))).close();
    const refused = new Promise<void>((resolve) => {
      void later(31, () => {
        resolve();
        return Promise.reject(new Error("it is open"));
      });
    });
    await refused;
    expect(await kept()).toBeGreaterThan(0);
    const last = await later(31, async (document) => void purged.push(`31 ${document} ${await kept()}`));
    await expect.poll(kept).toBe(0);
    expect(purged).toEqual([expect.stringMatching(new RegExp(`^31 ${client.document} [1-9]`))]);
    await last.close();
  });

  it("says that a notebook is missing, and that a file is bad", async () => {
    const { host, library } = startHost();
    await expect(library.open("nothing" as DocumentId)).rejects.toMatchObject({ code: "missing" });
    await expect(library.import("x.ipynb", new TextEncoder().encode("{"))).rejects.toMatchObject({ code: "invalid" });
    await host.close();
    await expect(library.create("late")).rejects.toMatchObject({ code: "unavailable" });
  });

  it("passes messages between pages of one notebook", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "")]);
    const other = await connect(host).open(client.document);
    const heard = new Promise((resolve) => other.onRelay(resolve));
    client.relay({ hello: 1 });
    expect(await heard).toEqual({ hello: 1 });
    await host.close();
  });

  it("keeps parts of the view that did not change the same objects", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "1"), newCell("b", "2")]);
    const before: Notebook = client.notebook;
    await client.edit(A, 0, type([1, [0, "1"]]), () => "11");
    expect(client.notebook).not.toBe(before);
    expect(client.notebook.cells[1]).toBe(before.cells[1]);
    expect(client.notebook.cells[0]?.metadata).toBe(before.cells[0]?.metadata);
    expect(client.notebook).toBe(client.notebook);
    await host.close();
  });

  it("takes changes of a peer and turns them into text updates and events", async () => {
    const mine = startHost();
    const client = await openWith(mine.library, [newCell("a", "shared")]);
    await mine.library.flush();
    const theirs = startHost({ store: await copyOf(mine.store) });
    const peer = await theirs.library.open(client.document);
    await peer.change([
      { type: "splice_text", cell: A, at: 0, remove: 0, insert: "theirs " },
      { type: "splice_text", cell: A, at: 13, remove: 0, insert: " end" },
      { type: "insert_cell", cell: newCell("b", "new"), after: A },
      { type: "set_run", cell: A, run: newRun("r", "out") },
    ]);
    const heard: unknown[] = [];
    client.onText(A, (version, updates) => heard.push([version, updates]));
    const heads = await mine.host.heads(client.document);
    await mine.host.applyChanges(client.document, await theirs.host.changesSince(client.document, heads));
    await client.change([]);
    expect(heard).toEqual([[0, [{ client: "", changes: [[0, "theirs "], 6, [0, " end"]] }]]]);
    expect(plain(client.notebook)).toEqual(plain(peer.notebook));
    await expect(mine.host.applyChanges(client.document, [new Uint8Array([1, 2, 3])])).rejects.toMatchObject({
      code: "corrupt",
    });
    await mine.host.close();
    await theirs.host.close();
  });
});

/** What another machine has after a first sync. */
async function copyOf(store: BreakableStore): Promise<BreakableStore> {
  const copy = new BreakableStore();
  await copy.write({ put: await store.loadRange([]) });
  return copy;
}
