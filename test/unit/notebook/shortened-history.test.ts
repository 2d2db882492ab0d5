/** What of the past is still there after a history was shortened: sessions, states, names, comments, branches. */
import * as Automerge from "@automerge/automerge";
import { describe, expect, it } from "vitest";
import { concatenate } from "#core/base/bytes.ts";
import type { DocumentId } from "#core/base/ids.ts";
import { KromaError } from "#core/base/errors.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import { newCommentId } from "#core/notebook/comments.ts";
import { DocumentHistory } from "#core/notebook/document-history.ts";
import type { Apply } from "#core/notebook/document-sync.ts";
import { scalar, type NotebookRecord } from "#core/notebook/document.ts";
import { earlierFrom, EarlierDocuments, type ReadableDocument } from "#core/notebook/earlier-documents.ts";
import type { DocumentHost } from "#core/notebook/host.ts";
import type { Replica } from "#core/notebook/replica.ts";
import type { HistorySession } from "#core/notebook/history.ts";
import { OwnChanges } from "#core/notebook/own-changes.ts";
import { shorten } from "#core/notebook/reseed/carry.ts";
import { chainOf } from "#core/notebook/reseed/chain.ts";
import { restoreCell, restoreNotebook } from "#core/notebook/restore.ts";
import { movedHeads } from "#core/notebook/visit.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { cellId, newCell, newRun, openWith, plain, sources, startHost } from "./kit.ts";

const ADA = `b${"a".repeat(52)}`;
const BO = `b${"b".repeat(52)}`;
const MINUTE = 60_000;
const A = cellId("a");

function startClocked(options: Parameters<typeof startHost>[0] = {}) {
  let time = Date.UTC(2026, 0, 5, 9);
  return { ...startHost({ now: () => time, ...options }), pass: (ms: number) => (time += ms), time: () => time };
}

/** Appends to a cell. */
const append = (client: NotebookClient, cell: string, text: string) => {
  const at = client.notebook.cells.find(({ id }) => id === cell)?.source.length ?? 0;
  return client.change([{ type: "splice_text", cell: cellId(cell), at, remove: 0, insert: text }]);
};

/** All sessions, page by page, and how many pages ended where the history was shortened. */
async function wholeHistory(client: NotebookClient, sessions = 100) {
  const all: HistorySession[] = [];
  let [joints, from]: [number, readonly string[] | undefined] = [0, undefined];
  do {
    const page = await client.history(sessions, from);
    all.push(...page.sessions);
    if (page.isShortened) joints += 1;
    from = page.next;
  } while (from);
  return { all, joints };
}

const textThen = async (client: NotebookClient, { heads }: Pick<HistorySession, "heads">) =>
  (await client.past(heads)).notebook.cells.map(({ source }) => source).join("|");

/** Three sessions of work, one after the other, in a notebook with two cells. */
async function begin(options: Parameters<typeof startHost>[0] = {}) {
  const started = startClocked(options);
  const client = await openWith(started.library, [newCell("a", "one"), newCell("b", "two")]);
  for (const word of [" first", " second"]) {
    started.pass(10 * MINUTE);
    await append(client, "a", word);
  }
  started.pass(10 * MINUTE);
  return { ...started, client };
}

describe("a history that was shortened", () => {
  it("is read on into what was put away, twice over, with nothing lost and nothing doubled", async () => {
    const { host, client, pass } = await begin();
    const before = await wholeHistory(client);
    const texts = await Promise.all(before.all.map((session) => textThen(client, session)));
    const view = plain(client.notebook);
    await client.reseed();
    expect(plain(client.notebook)).toEqual(view);
    // Nothing was done since: what was is still the latest, and the beginning is still there.
    expect((await wholeHistory(client)).all).toEqual(before.all);
    await append(client, "a", " third");
    pass(10 * MINUTE);
    await client.reseed();
    await append(client, "b", " last");
    const after = await wholeHistory(client, 2);
    expect(after.joints).toBe(2);
    expect(after.all.slice(2)).toEqual(before.all);
    const textsThen = await Promise.all(after.all.map((session) => textThen(client, session)));
    expect(textsThen.slice(2)).toEqual(texts);
    expect(textsThen.slice(0, 2)).toEqual(["one first second third|two last", "one first second third|two"]);
    expect(after.all.reduce((sum, { changes }) => sum + changes, 0)).toBe(
      before.all.reduce((sum, { changes }) => sum + changes, 0) + 2,
    );
    // What differs is told over the joint.
    const [latest, , old] = after.all;
    const { differences } = await client.past(latest?.heads ?? [], old?.before);
    expect(differences.map(({ cell, parts }) => [cell, parts])).toEqual([
      ["a", ["text"]],
      ["b", ["text"]],
    ]);
    await host.close();
  });

  it("says how much is left, and is still there for another host on the same store", async () => {
    const { host, client, store, blocks } = await begin();
    for (let index = 0; index < 30; index += 1) await append(client, "a", ` ${index}`);
    const full = await client.historySize();
    await client.reseed();
    const left = await client.historySize();
    expect([full.isShortened, left.isShortened]).toEqual([false, true]);
    expect(full.changes).toBeGreaterThan(30);
    expect(left.changes).toBe(1);
    expect(left.bytes).toBeGreaterThan(0);
    const { all } = await wholeHistory(client);
    await host.close();
    const later = startHost({ store, blocks });
    const again = await later.library.open(client.document);
    expect((await wholeHistory(again)).all).toEqual(all);
    await later.host.close();
    // A machine that has not got the block says so, and everything else goes on.
    const without = startHost({ store });
    const there = await without.library.open(client.document);
    expect(sources(there)[0]).toBe(sources(client)[0]);
    await append(there, "a", "!");
    const page = await there.history(10);
    expect([page.sessions.length, page.isShortened]).toEqual([1, true]);
    expect(await textThen(there, { heads: page.sessions[0]?.before ?? [] })).toBe(sources(client).join("|"));
    await without.host.close();
  });

  it("gives back cells and whole states from before, and versions that were named then", async () => {
    const { host, client } = await begin();
    await client.change([{ type: "set_run", cell: A, run: newRun("r1", "x".repeat(200_000)) }]);
    const shown = plain(client.notebook);
    const heads = (await client.history(1)).sessions[0]?.heads ?? [];
    await client.change([{ type: "set_version", version: "v1", to: { name: "Good", time: 1, heads } }]);
    await client.change([{ type: "delete_cell", cell: cellId("b") }]);
    await client.change([{ type: "set_run", cell: A, run: newRun("r2", "new") }]);
    await client.reseed();
    await append(client, "a", " and on");
    const [version] = client.notebook.versions ?? [];
    expect(version?.heads).toEqual(heads);
    const { notebook } = await client.past(version?.heads ?? []);
    expect(plain(notebook)).toEqual(shown);
    await client.change(restoreCell(client.notebook, notebook, cellId("b")));
    await client.change(restoreNotebook(client.notebook, notebook));
    const { versions: _, ...restored } = client.notebook;
    expect(plain({ ...restored })).toEqual(shown);
    await host.close();
  });

  it("tells who changed what since a state from before, and what came while one was away", async () => {
    const { host, library, client, pass, time } = await begin();
    await host.setAuthor(client.document, ADA);
    await append(client, "a", " by Ada");
    const seen = await host.heads(client.document);
    client.close();
    await library.flush();
    const replica = await host.hold(client.document);
    pass(MINUTE);
    // Bo's work comes in the meantime, and the history is shortened before anybody looks.
    const bo = startClocked();
    bo.pass(time() - bo.time());
    await bo.host.adopt(client.document, concatenate(await host.changesSince(client.document, [])));
    await bo.host.setAuthor(client.document, BO);
    const theirs = await bo.library.open(client.document);
    await append(theirs, "b", " by Bo");
    await host.applyChanges(client.document, await bo.host.changesSince(client.document, seen));
    const other = await library.open(client.document);
    await other.reseed();
    pass(MINUTE);
    await append(other, "a", " again");
    const away = await other.away();
    expect(away?.heads).toEqual(seen);
    expect(away?.people).toEqual([{ member: undefined, unsigned: true, changes: 1 }]);
    const { cells, unread } = await other.changedBy({ since: seen });
    expect(unread).toBe(0);
    expect(cells.map(({ cell, people }) => [cell, people[0]?.member]).sort()).toEqual([
      ["a", ADA],
      ["b", undefined],
    ]);
    replica?.release();
    await bo.host.close();
    await host.close();
  });
});

/** Goes on in the document that the other has, which has to be asked for what was put away; then both have the same. */
async function comeOver(host: DocumentHost, other: DocumentHost, document: DocumentId): Promise<[Replica, Replica]> {
  const [theirs, own] = [await other.hold(document), await host.hold(document)];
  if (!theirs || !own) throw new Error("not there");
  const following = own.follow(theirs.chain);
  await expect.poll(() => own.missing(), { timeout: 60_000 }).not.toEqual([]);
  for (const cid of await own.missing()) await own.take(cid, (await theirs.block(cid)) ?? new Uint8Array());
  await following;
  await other.applyChanges(document, await host.changesSince(document, []));
  await host.applyChanges(document, await other.changesSince(document, []));
  return [theirs, own];
}

describe("one who comes back after the history was shortened", () => {
  it("finds their own work there under their own name, and of the others' what is new to them", async () => {
    const { host, client, pass, time } = await begin();
    const { document } = client;
    await host.setAuthor(document, ADA);
    await append(client, "a", " Ada");
    const bo = startClocked();
    bo.pass(time() - bo.time());
    await bo.host.adopt(document, concatenate(await host.changesSince(document, [])));
    await bo.host.setAuthor(document, BO);
    // Bo writes, and then alone, names that, and leaves; Ada goes on and shortens the history.
    const offline = await bo.library.open(document);
    await append(offline, "b", " Bo");
    await host.applyChanges(document, await bo.host.changesSince(document, []));
    await append(offline, "b", " alone");
    const late = await bo.host.hold(document);
    const marks = (await late?.ownChanges()) ?? [];
    late?.release();
    const named = (await offline.history(1)).sessions[0]?.heads ?? [];
    await offline.change([{ type: "set_version", version: "mine", to: { name: "Mine", time: 1, heads: named } }]);
    const stood = plain((await offline.past(await bo.host.heads(document))).notebook);
    offline.close();
    await bo.library.flush();
    pass(MINUTE);
    await append(client, "a", " more");
    await client.reseed();
    await append(client, "a", " after");

    const [adas, bos] = await comeOver(bo.host, host, document);
    bo.pass(2 * MINUTE);
    const back = await bo.library.open(document);
    expect(sources(back)).toEqual(["one first second Ada more after", "two Bo alone"]);
    expect(sources(client)).toEqual(sources(back));

    // What Bo wrote is to be signed as it is now, and then named as Bo's.
    const own = await bos.ownChanges();
    expect(own.map(({ member }) => member)).toEqual([BO]);
    // Of what Bo signed before the last is not in the old document, which was closed without it.
    expect(marks).toHaveLength(1);
    host.setSigned(document, [...marks, ...own]);
    const people = (await wholeHistory(client)).all.flatMap((session) => session.people);
    expect(people.filter(({ unsigned }) => unsigned)).toEqual([]);
    expect(people.filter(({ member }) => member === BO)).toEqual([
      { member: BO, changes: 2 },
      { member: BO, changes: 1 },
    ]);

    // Bo knew of what they wrote themself, and not of what Ada did.
    bo.host.setSigned(document, await adas.ownChanges());
    const away = await back.away();
    expect(away?.people).toEqual([{ member: ADA, changes: 2 }]);
    expect(plain((await back.past(away?.heads ?? [])).notebook)).toEqual(stood);
    // And a version named alone is still the one that was named.
    const [mine] = back.notebook.versions ?? [];
    expect(await textThen(back, { heads: mine?.heads ?? [] })).toBe("one first second Ada|two Bo alone");
    for (const replica of [adas, bos]) replica.release();
    await bo.host.close();
    await host.close();
  });
});

describe("comments, when the history is shortened", () => {
  /** The text that the only thread is about. */
  const about = (on: NotebookClient): string | undefined => {
    const place = on.comments.threads[0]?.place;
    return place?.range && on.confirmedText(place.cell)?.text.slice(place.range.from, place.range.to);
  };

  it("of somebody who was away come over with their text, for everybody", async () => {
    const { host, client } = await begin();
    const { document } = client;
    await host.setAuthor(document, ADA);
    const bo = startClocked();
    await bo.host.adopt(document, concatenate(await host.changesSince(document, [])));
    await bo.host.setAuthor(document, BO);
    const offline = await bo.library.open(document);
    await offline.comments.load();
    const { version = 0, text = "" } = offline.confirmedText(A) ?? {};
    const from = text.indexOf("first");
    const range = { from, to: from + 5, version };
    const thread = newCommentId();
    await offline.comments.perform({ type: "add_thread", thread, cell: A, range, text: "Why?", author: BO });
    await offline.change([{ type: "splice_text", cell: A, at: from + 2, remove: 1, insert: "RR" }]);
    await append(client, "b", " meanwhile");
    await client.reseed();
    const [adas, bos] = await comeOver(bo.host, host, document);
    await offline.change([{ type: "splice_text", cell: A, at: 0, remove: 0, insert: "# back\n" }]);
    await host.applyChanges(document, await bo.host.changesSince(document, []));
    await expect.poll(() => about(offline), { timeout: 60_000 }).toBe("fiRRst");
    await client.comments.load();
    const [left, right] = [adas.sync("comments", true, BO), bos.sync("comments", true, ADA)];
    for (let isDone = !left || !right; !isDone;) {
      const [mine, theirs] = [await left?.next(), await right?.next()];
      if (mine) await right?.take(mine);
      if (theirs) await left?.take(theirs);
      isDone = !mine && !theirs;
    }
    await expect.poll(() => about(client), { timeout: 60_000 }).toBe("fiRRst");
    for (const replica of [adas, bos]) replica.release();
    await bo.host.close();
    await host.close();
  });

  it("stay with their characters, through what is typed between and over another host", async () => {
    const { host, client, store, blocks } = await begin();
    await client.comments.load();
    const thread = newCommentId();
    const { version = 0, text = "" } = client.confirmedText(A) ?? {};
    const from = text.indexOf("first");
    const range = { from, to: from + 5, version };
    await client.comments.perform({ type: "add_thread", thread, cell: A, range, text: "Why?", author: "" });
    // It is not found by its words any more.
    await client.change([{ type: "splice_text", cell: A, at: from + 2, remove: 1, insert: "RR" }]);
    await expect.poll(() => about(client), { timeout: 60_000 }).toBe("fiRRst");
    await client.reseed();
    await client.change([{ type: "splice_text", cell: A, at: 0, remove: 0, insert: "# before\n" }]);
    await expect.poll(() => about(client), { timeout: 60_000 }).toBe("fiRRst");
    await client.reseed();
    await client.change([{ type: "splice_text", cell: A, at: 0, remove: 0, insert: "# and more\n" }]);
    await expect.poll(() => about(client), { timeout: 60_000 }).toBe("fiRRst");
    // Also when everything is closed in the next moment.
    await client.reseed();
    await host.close();
    const later = startHost({ store, blocks });
    const again = await later.library.open(client.document);
    await again.comments.load();
    expect(about(again)).toBe("fiRRst");
    await later.host.close();
  });
});

describe("a branch, when the history is shortened", () => {
  it("that was taken before is merged back with just its own changes", async () => {
    const { host, library, client } = await begin();
    const heads = (await client.history(1)).sessions[0]?.heads ?? [];
    const branch = await library.open(await client.branch(heads, "A try"));
    await append(branch, "a", " tried");
    await append(client, "b", " meanwhile");
    await client.reseed();
    await append(client, "b", " since");
    const preview = await branch.previewMerge();
    expect(preview.differences.map(({ cell, parts }) => [cell, parts])).toEqual([["a", ["text"]]]);
    await branch.mergeBack();
    expect(sources(client)).toEqual(["one first second tried", "two meanwhile since"]);
    expect((await branch.previewMerge()).changes).toBe(0);
    await append(branch, "a", " more");
    await branch.mergeBack();
    expect(sources(client)).toEqual(["one first second tried more", "two meanwhile since"]);
    await host.close();
  });

  it("can be taken at a state from before, and is merged back", async () => {
    const { host, library, client } = await begin();
    const old = (await client.history(10)).sessions[1];
    await client.reseed();
    await append(client, "b", " since");
    const branch = await library.open(await client.branch(old?.heads ?? [], "From before"));
    expect(sources(branch)[0]).toBe("one first");
    await append(branch, "b", "!");
    await branch.mergeBack();
    expect(sources(client)[0]).toBe("one first second");
    expect(sources(client)[1]).toMatch(/^two(?:!| since){2}$/);
    await host.close();
  });
});

describe("what one has made", () => {
  const mark = (actor: string, seq: number) => ({ actor, seq, hash: `${actor}${seq}`.padEnd(64, "0") });
  const find = (hash: string) => [mark("aa", 3), mark("bb", 1), mark("bb", 2)].find((known) => known.hash === hash);

  it("is to be signed again where it was translated, and nothing that is not known to be one's own", () => {
    const own = new OwnChanges([{ ...mark("bb", 1), member: ADA }]);
    const pairs = [
      { from: mark("aa", 3), to: mark("a1", 1) },
      { from: mark("bb", 1), to: mark("b1", 1) },
      // Somebody else wrote under the same actor, or under another one.
      { from: mark("bb", 2), to: mark("b1", 2) },
      { from: mark("cc", 1), to: mark("c1", 1) },
    ];
    expect(own.translated(ADA, [mark("aa", 3)], pairs, find)).toBe(true);
    expect(own.waiting).toEqual([mark("bb", 1), mark("a1", 1), mark("b1", 1)].map((one) => ({ ...one, member: ADA })));
    expect(new OwnChanges([]).translated(BO, [mark("dd", 1)], pairs, find)).toBe(false);
  });

  it("is not taken for something new by a visit that knew it", () => {
    const deps: Readonly<Record<string, readonly string[]>> = { late2: ["late1", "old2"], late1: ["old1"] };
    const translated = (hash: string) => (hash.startsWith("late") ? hash.replace("late", "new") : undefined);
    const depsOf = (hash: string) => deps[hash] ?? [];
    expect(movedHeads(["late2"], translated, depsOf)).toEqual(["new1", "new2", "old1", "old2"]);
    expect(movedHeads(["old1"], translated, depsOf)).toEqual(["old1"]);
  });
});

describe("an earlier history that is not here", () => {
  /** A document whose history was shortened, with something done since; what was put away is in the store. */
  async function shortened(blocks: MemoryBlockStore): Promise<{ present: ReadableDocument; cid: string }> {
    const { host, client } = await begin();
    const before = Automerge.load<NotebookRecord>(concatenate(await host.changesSince(client.document, [])));
    await host.close();
    let { document } = await shorten(before, (bytes) => blocks.put(bytes));
    const chain = chainOf(document);
    const cid = chain.epochs[0]?.cid ?? "";
    document = Automerge.change(document, { time: 1_800_000_000 }, (root) => {
      root.title = scalar("Since");
    });
    const present = { reseeds: { chain }, sync: async <T>(work: Work<T>) => await work(document, keep) };
    return { present, cid };
  }

  it("is said in words, while all since is there; and is read as soon as somebody gives it", async () => {
    const blocks = new MemoryBlockStore();
    const { present, cid } = await shortened(blocks);
    const bytes = (await blocks.get(cid)) ?? new Uint8Array();
    await blocks.remove(cid);
    let givers: (() => Promise<Uint8Array>)[] = [
      () => Promise.reject(new KromaError("unavailable", "Nobody has it.")),
      () => Promise.resolve(new Uint8Array([1, 2, 3])),
      () => Promise.resolve(bytes),
    ];
    const earlier = new EarlierDocuments(
      earlierFrom(blocks, () => {
        const [giver, ...others] = givers;
        givers = others;
        return giver ? giver() : Promise.reject(new Error("asked once more"));
      }),
    );
    const history = new DocumentHistory(present, blocks, earlier);
    const { sessions, next, isShortened } = await history.page(undefined, 10);
    expect([sessions.length, isShortened]).toEqual([1, true]);
    await expect(history.page(next, 10)).rejects.toMatchObject({ code: "unavailable" });
    await expect(history.page(next, 10)).rejects.toMatchObject({ code: "corrupt" });
    expect((await history.page(next, 10)).sessions.at(-1)?.before).toEqual([]);
    // It is loaded once, and anew when it was let go of.
    await history.page(next, 10);
    earlier.close();
    await expect(history.page(next, 10)).rejects.toThrow("asked once more");
    earlier.close();
  });

  it("comes from a member to whoever joined later and looks into it", async () => {
    const { host, client } = await begin();
    const { document } = client;
    const before = await wholeHistory(client);
    await client.reseed();
    await append(client, "a", " since");
    const newcomer = startClocked();
    await newcomer.host.adopt(document, concatenate(await host.changesSince(document, [])));
    const theirs = await newcomer.library.open(document);
    const [adas, own] = [await host.hold(document), await newcomer.host.hold(document)];
    if (!adas || !own) throw new Error("not there");
    expect(await own.missing()).toEqual([]);
    const reading = wholeHistory(theirs);
    await expect.poll(() => own.missing(), { timeout: 60_000 }).toHaveLength(1);
    for (const cid of await own.missing()) await own.take(cid, (await adas.block(cid)) ?? new Uint8Array());
    expect((await reading).all.slice(1)).toEqual(before.all);
    for (const replica of [adas, own]) replica.release();
    await newcomer.host.close();
    await host.close();
  });

  it("is not what is said to be it", async () => {
    const blocks = new MemoryBlockStore();
    const { present } = await shortened(blocks);
    const other = Automerge.save(Automerge.from({ cells: {} }));
    const earlier = new EarlierDocuments(() => Promise.resolve(other));
    const history = new DocumentHistory(present, blocks, earlier);
    const { next } = await history.page(undefined, 10);
    await expect(history.page(next, 10)).rejects.toMatchObject({ code: "corrupt" });
    earlier.close();
  });
});

type Work<T> = (document: Automerge.Doc<unknown>, apply: Apply) => T | Promise<T>;
const keep: Apply = () => Promise.resolve();
