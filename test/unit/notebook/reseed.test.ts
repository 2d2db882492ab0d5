/** What a document that begins anew has in it, and what becomes of changes that come late to it. */
import * as Automerge from "@automerge/automerge";
import { authorOfMember } from "#core/notebook/author.ts";
import {
  cellOrder,
  documentOf,
  findRecord,
  isHidden,
  scalar,
  sourceOf,
  type NotebookDocument,
  type NotebookRecord,
} from "#core/notebook/document.ts";
import type { NotebookOperation } from "#core/notebook/model.ts";
import { Contradictions } from "#core/notebook/contradictions.ts";
import { canonicalSave } from "#core/notebook/reseed/canonical-save.ts";
import { originalOf } from "#core/notebook/reseed/original.ts";
import { Reseed } from "#core/notebook/reseed/reseed.ts";
import { readSeed } from "#core/notebook/reseed/seed.ts";
import { blockCid } from "#core/store/cid.ts";
import { afterEach, describe, expect, it } from "vitest";
import { cellId, newCell, newRun } from "./kit.ts";
import { change, expectSame, meet, notebookWith, peerWith, present, reseed, type Peer } from "./reseed-kit.ts";

const START = cellId("start");
const SOURCE = ["cells", "start", "source"];
const HISTORY = { action: "set", obj: "_root", key: "history", value: "mine" };

const steps: Reseed[] = [];
afterEach(() => {
  for (const step of steps.splice(0)) step.free();
});

async function peersWith(source: string, count: number): Promise<readonly Peer[]> {
  const first = await documentOf(notebookWith(source), new Map());
  return Array.from({ length: count }, () => peerWith(first));
}

const act = (peer: Peer, ...operations: readonly NotebookOperation[]): void => void change(peer, operations, 1000, 7);
const type = (peer: Peer, at: number, insert: string, remove = 0): void =>
  act(peer, { type: "splice_text", cell: START, at, remove, insert });

/** The step from this document as it is now. */
async function stepFrom(document: NotebookDocument): Promise<Reseed> {
  const before = canonicalSave(document, Automerge.getHeads(document));
  const step = Reseed.make(before, await blockCid(before));
  steps.push(step);
  return step;
}

const shortened = (step: Reseed, ...late: readonly Uint8Array[]): NotebookDocument => {
  const [document] = Automerge.applyChanges(Automerge.init<NotebookRecord>(), [
    step.seed.change,
    ...step.forward(late),
  ]);
  // What can't be stored and read again is nothing.
  return Automerge.load<NotebookRecord>(Automerge.save(document));
};

const hashOf = (change: Uint8Array): string => Automerge.decodeChange(change).hash;

/** What the one has and the other has not. */
const lacking = (peer: Peer, other: Peer): readonly Uint8Array[] =>
  Automerge.getBackend(peer.document).getChanges(Automerge.getHeads(other.document));

/** A change of somebody who writes whatever Automerge takes. */
function forged(
  document: NotebookDocument,
  ops: readonly object[],
  more: Partial<Automerge.DecodedChange> = {},
): Uint8Array {
  const bytes = Automerge.encodeChange({
    actor: "f0".repeat(16),
    seq: 1,
    startOp: 1_000_000,
    time: 0,
    message: null,
    author: null,
    deps: Automerge.getHeads(document),
    ops: ops as Automerge.DecodedChange["ops"],
    ...more,
  });
  // Automerge takes it where it was made.
  const [taken] = Automerge.applyChanges(Automerge.clone(document), [bytes]);
  expect(Automerge.getHeads(taken)).toContain(hashOf(bytes));
  return bytes;
}

describe("a document that begins anew", () => {
  it("is the same whoever makes it, in whatever order the changes came (T1, T2)", async () => {
    const [one, other] = (await peersWith("abc", 2)) as [Peer, Peer];
    for (let round = 0; round < 5; round += 1) {
      type(one, 1, `x${round}`);
      type(other, 2, `y${round}`);
      if (round % 2) await meet(other, one);
    }
    await meet(one, other);
    expect(Automerge.getAllChanges(one.document)).not.toEqual(Automerge.getAllChanges(other.document));
    const [mine, theirs] = [await stepFrom(one.document), await stepFrom(other.document)];
    expect(mine.seed).toEqual(theirs.seed);
    expect(readSeed(shortened(mine))).toEqual({
      hash: mine.seed.hash,
      epochs: [{ heads: Automerge.getHeads(one.document).toSorted(), cid: expect.stringMatching(/^b/) as string }],
    });
  });

  it("has what is shown, and what was deleted and can come back (T2)", async () => {
    const [one, other] = (await peersWith("abc", 2)) as [Peer, Peer];
    act(one, { type: "insert_cell", cell: newCell("gone", "gone"), after: START });
    act(one, { type: "insert_cell", cell: newCell("kept", "kept"), after: START });
    act(one, { type: "set_run", cell: START, run: newRun("r1", "first") });
    act(one, { type: "set_run", cell: START, run: newRun("r2", "second") });
    await meet(one, other);
    // Deleted by two; deleted by one while the other types.
    for (const peer of [one, other]) act(peer, { type: "delete_cell", cell: cellId("gone") });
    act(one, { type: "delete_cell", cell: cellId("kept") });
    act(other, { type: "splice_text", cell: cellId("kept"), at: 4, remove: 0, insert: "!" });
    act(one, { type: "set_run", cell: START, run: newRun("mine", "mine") });
    act(other, { type: "set_run", cell: START, run: newRun("theirs", "theirs") });
    await meet(one, other);
    one.document = Automerge.change(one.document, (draft) => {
      (draft as unknown as Record<string, unknown>)["later"] = {
        of: "a newer Kroma",
        number: 1.5,
        kept: scalar("yes"),
      };
    });
    const document = shortened(await stepFrom(one.document));
    expect(present(document)).toEqual(present(one.document));
    expect(cellOrder(document)).toEqual([START, "kept"]);
    expect(Object.keys(document.runs)).toEqual([present(document).cells[0]?.run?.id]);
    expect(Automerge.getConflicts(document.cells["gone"] as object as { deleted: unknown }, "deleted")).toBeUndefined();
    expect(sourceOf(findRecord(document, "gone") as never)).toBe("gone");
    expect(Automerge.toJS(document)).toMatchObject({ later: { of: "a newer Kroma", number: 1.5 } });
    const back = peerWith(document);
    act(back, { type: "restore_cell", cell: cellId("gone") });
    expect(cellOrder(back.document)).toContain("gone");
  });

  it("names all documents before it, whatever somebody writes there afterwards (T3)", async () => {
    const [peer] = (await peersWith("abc", 1)) as [Peer];
    await reseed(peer);
    const first = readSeed(peer.document);
    type(peer, 0, "x");
    await reseed(peer);
    const second = readSeed(peer.document);
    expect(second?.epochs).toEqual([first?.epochs[0], { ...second?.epochs[1], seed: first?.hash }]);
    peer.document = Automerge.change(peer.document, (draft) => {
      (draft as unknown as Record<string, unknown>)["history"] = scalar("nothing");
    });
    expect(readSeed(peer.document)).toEqual(second);
    // Another first change, of another notebook that begins anew, beside it and in the place of it.
    const [other] = (await peersWith("other", 1)) as [Peer];
    const foreign = await stepFrom(other.document);
    type(peer, 0, "y");
    const written = Automerge.getBackend(peer.document).getAll("_root", "history")[0]?.at(-1) as string;
    const overwriting = forged(peer.document, [{ ...HISTORY, pred: [written] }], { deps: [] });
    for (const root of [foreign.seed.change, overwriting]) {
      const [confused] = Automerge.applyChanges(Automerge.clone(peer.document), [root]);
      expect(readSeed(Automerge.load<NotebookRecord>(Automerge.save(confused)))).toEqual(second);
    }
    expect(readSeed(await documentOf(notebookWith(""), new Map()))).toBeUndefined();
  });

  it("is not made of more than others would take (T2)", async () => {
    const [peer] = (await peersWith("x".repeat(100), 1)) as [Peer];
    const before = canonicalSave(peer.document, Automerge.getHeads(peer.document));
    const cid = await blockCid(before);
    expect(() => Reseed.make(before, cid, 100)).toThrow(expect.objectContaining({ code: "exhausted" }));
    Reseed.make(before, cid, 200).free();
    expect(() => Reseed.make(new Uint8Array([1, 2, 3]), "bafkreigh2akiscaildc")).toThrow(
      expect.objectContaining({ code: "corrupt" }),
    );
  });
});

describe("a change that comes late", () => {
  it("goes where it was meant, whatever is gone there (T6)", async () => {
    const [one, late] = (await peersWith("one two three", 2)) as [Peer, Peer];
    const base = peerWith(one.document);
    type(one, 4, "", 4);
    type(one, 9, " four");
    // Behind a word that is gone, and deleting one that is gone.
    type(late, 7, "😀");
    type(late, 0, "zero ");
    type(late, 9, "", 4);
    act(late, { type: "insert_cell", cell: newCell("new", "new"), after: START });
    act(late, { type: "set_title", title: "A title" });
    const step = await stepFrom(one.document);
    const document = shortened(step, ...lacking(late, base));
    expect(present(document).cells.map(({ source }) => source)).toEqual(["zero one 😀three four", "new"]);
    expect(present(document).title).toBe("A title");
    // Once more changes nothing.
    expect(step.forward(lacking(late, base))).toEqual([]);
  });

  it("brings back a cell that it types in, and hides one that it deletes", async () => {
    const [one, late] = (await peersWith("abc", 2)) as [Peer, Peer];
    act(one, { type: "insert_cell", cell: newCell("other", "other"), after: START });
    await meet(one, late);
    const base = peerWith(one.document);
    act(one, { type: "delete_cell", cell: START });
    type(late, 3, "d");
    act(late, { type: "delete_cell", cell: cellId("other") });
    const document = shortened(await stepFrom(one.document), ...lacking(late, base));
    expect(present(document).cells.map(({ source }) => source)).toEqual(["abcd"]);
    expect(isHidden(document, "other")).toBe(true);
  });

  it("keeps its author, its time and the change that it was (T4, T8, T9)", async () => {
    const [one, late] = (await peersWith("abc", 2)) as [Peer, Peer];
    Automerge.getBackend(late.document).setAuthor(authorOfMember("member"));
    type(late, 0, "x");
    await meet(one, late);
    const base = peerWith(one.document);
    type(one, 0, "y");
    type(late, 0, "z");
    type(late, 0, "w");
    const changes = lacking(late, base);
    const translated = (await stepFrom(one.document)).forward(changes).map((bytes) => Automerge.decodeChange(bytes));
    expect(translated.map(({ seq, time, author }) => ({ seq, time, author }))).toEqual([
      { seq: 1, time: 1000, author: authorOfMember("member") },
      { seq: 2, time: 1000, author: undefined },
    ]);
    expect(translated.map(({ message }) => originalOf(message))).toEqual(changes);
  });

  it("is refused without those it builds on, and when it is none", async () => {
    const [one, late] = (await peersWith("abc", 2)) as [Peer, Peer];
    const base = peerWith(one.document);
    type(late, 0, "x");
    type(late, 0, "y");
    const step = await stepFrom(one.document);
    const [first, second] = lacking(late, base) as [Uint8Array, Uint8Array];
    expect(() => step.forward([second])).toThrow(expect.objectContaining({ code: "missing" }));
    expect(() => step.forward([new Uint8Array(20)])).toThrow(expect.objectContaining({ code: "corrupt" }));
    const [translated, next] = step.forward([first, second]) as [Uint8Array, Uint8Array];
    await expect((await stepFrom(one.document)).back([next])).rejects.toMatchObject({ code: "missing" });
    await expect(step.back([first.slice(1)])).rejects.toMatchObject({ code: "corrupt" });
    expect(await (await stepFrom(one.document)).back([translated, next])).toEqual([first, second]);
  });

  it("does no harm when it is one that Kroma does not make (T7)", async () => {
    const [one] = (await peersWith("abc", 1)) as [Peer];
    type(one, 0, "x");
    const before = one.document;
    const backend = Automerge.getBackend(before);
    const text = backend.objInfo("/cells/start/source").id;
    const [first, gone] = [Automerge.getCursor(before, SOURCE, 0), Automerge.getCursor(before, SOURCE, 1)];
    const title = backend.getAll("_root", "title").at(-1)?.at(-1) as string;
    const forge = forged(before, [
      { action: "set", obj: text, elemId: first, value: "Q", pred: [first] },
      { action: "makeMap", obj: text, elemId: "_head", insert: true, pred: [] },
      { action: "set", obj: `1000001@${"f0".repeat(16)}`, key: "deep", value: "x", pred: [] },
      { ...HISTORY, pred: [] },
      { action: "set", obj: "_root", key: "title", value: "t", pred: [] },
      { action: "del", obj: "_root", key: "language", pred: [] },
      { action: "makeList", obj: "_root", key: "list", pred: [] },
      { action: "set", obj: `1000006@${"f0".repeat(16)}`, elemId: "_head", insert: true, value: 1, pred: [] },
      { action: "del", obj: text, elemId: gone, pred: [gone] },
      { action: "set", obj: "_root", key: "metadata", value: "none", pred: [title] },
    ]);
    type(one, 1, "", 1);
    const document = shortened(await stepFrom(one.document), forge);
    expect(sourceOf(findRecord(document, START) as never)).toBe("\ufffcQbc");
    expect(present(document).title).toBe("t");
    expect(present(document).language).toBe("python");
    expect(readSeed(document)).toBeDefined();
  });

  it("leaves cursors at their characters", async () => {
    const [one, late] = (await peersWith("a😀bcd", 2)) as [Peer, Peer];
    const base = peerWith(one.document);
    const old = [0, 1, 3, 4, 5].map((at) => Automerge.getCursor(base.document, SOURCE, at));
    const last = Automerge.getCursor(base.document, SOURCE, 3, "before");
    type(one, 3, "", 2);
    type(late, 6, "x");
    const step = await stepFrom(one.document);
    const document = shortened(step, ...lacking(late, base));
    expect(sourceOf(findRecord(document, START) as never)).toBe("a😀dx");
    const placeOf = (cursor: string): number | undefined => {
      const there = step.cursor(START, cursor);
      return there === undefined ? undefined : Automerge.getCursorPosition(document, SOURCE, there);
    };
    expect(old.map(placeOf)).toEqual([0, 1, 3, 3, 3]);
    // Of a range that ended with "b" the character before that is the last.
    expect(placeOf(last)).toBe(1);
    expect(placeOf(Automerge.getCursor(late.document, SOURCE, 6))).toBe(4);
    expect(step.cursor(START, `9999@${"ab".repeat(16)}`)).toBeUndefined();
    expect(step.cursor(cellId("none"), old[0] as string)).toBeUndefined();
  });
});

describe("a document that begins anew where somebody wrote in another's place", () => {
  it("has both texts once, whether it was begun with the one of them or with both (T12)", async () => {
    const orders = new Set<boolean>();
    for (let round = 0; round < 40 && orders.size < 2; round += 1) {
      const [one, victim] = (await peersWith("abc", 2)) as [Peer, Peer];
      type(victim, 0, "«a»");
      await meet(one, victim);
      const forger = peerWith(one.document);
      const actor = Automerge.getActorId(victim.document);
      forger.document = Automerge.load<NotebookRecord>(Automerge.save(one.document), { actor });
      type(forger, 0, "«forged»");
      type(victim, 0, "«own»");
      const own = Automerge.getLastLocalChange(victim.document) as Uint8Array;
      const both = peerWith(forger.document);
      both.document = (await new Contradictions().settle(both.document, [own])).document as NotebookDocument;
      type(victim, 0, "«next»");
      orders.add(hashOf(own) < Automerge.getHeads(forger.document).join());
      for (const closing of [peerWith(forger.document), both]) {
        const late = peerWith(victim.document);
        await reseed(closing);
        type(closing, 0, "«behind»");
        await meet(closing, late);
        const { cells } = expectSame([closing, late]);
        expect((cells[0]?.source.match(/«\w+»/gu) ?? []).toSorted()).toEqual([
          "«a»",
          "«behind»",
          "«forged»",
          "«next»",
          "«own»",
        ]);
      }
    }
    expect(orders.size).toBe(2);
  });
});

describe("a beginning that is not this notebook's", () => {
  it("is not taken for the document in which it goes on (E5)", async () => {
    const [one] = (await peersWith("abc", 1)) as [Peer];
    const [other] = (await peersWith("quite another", 1)) as [Peer];
    await reseed(other);
    await expect(meet(one, other)).rejects.toMatchObject({ code: "corrupt" });
    expect(present(one.document).cells.map(({ source }) => source)).toEqual(["abc"]);
  });

  it("does not come in the place of the present one (S19)", async () => {
    const [peer] = (await peersWith("abc", 1)) as [Peer];
    await reseed(peer);
    type(peer, 0, "x");
    const { actor } = Automerge.getBackend(peer.document).getChangeMetaByHash(peer.chain.seed as string) ?? {
      actor: "",
    };
    for (let time = 0; time < 8; time += 1) {
      const ops = [{ action: "set", obj: "_root", key: "title", value: "t", pred: [] }] as const;
      const other = Automerge.encodeChange({
        actor,
        seq: 1,
        startOp: 1,
        time,
        message: null,
        author: null,
        deps: [],
        ops: ops as unknown as Automerge.DecodedChange["ops"],
      });
      await expect(new Contradictions().settle(peer.document, [other])).rejects.toMatchObject({ code: "corrupt" });
    }
    expect(readSeed(peer.document)?.hash).toBe(peer.chain.seed);
  });
});

describe("two documents that begin anew at once", () => {
  it("become one, with what came late to both of them once (T10)", async () => {
    const winners = new Set<boolean>();
    for (let round = 0; round < 40 && winners.size < 2; round += 1) {
      const [one, other, knows, tells] = (await peersWith("abc", 4)) as [Peer, Peer, Peer, Peer];
      type(one, 3, "«one»");
      type(other, 0, "«other»");
      type(knows, 1, "«late»");
      await meet(knows, tells);
      await reseed(one);
      await reseed(other);
      // The one gets it from somebody who has only its translation then, the other as it was.
      await meet(one, knows);
      const { source } = present(one.document).cells[0] as { source: string };
      type(one, source.indexOf("«one»") + 5, "«behind»");
      await meet(other, tells);
      winners.add((one.chain.seed as string) < (other.chain.seed as string));
      await meet(one, other);
      const peers = [one, other, knows, tells];
      for (const peer of peers) for (const another of peers) await meet(peer, another);
      const { cells } = expectSame(peers);
      expect(cells).toHaveLength(1);
      expect(cells[0]?.source).toBe("«other»a«late»bc«one»«behind»");
    }
    expect(winners.size).toBe(2);
  });

  it("are not fooled by a change that only says what it was (T10, T11)", async () => {
    const [one, late] = (await peersWith("abc", 2)) as [Peer, Peer];
    const base = peerWith(one.document);
    type(late, 0, "x");
    const [original] = lacking(late, base) as [Uint8Array];
    const step = await stepFrom(one.document);
    const [translated] = step.forward([original]) as [Uint8Array];
    const { message } = Automerge.decodeChange(translated);
    const document = shortened(step);
    const lies = [message, "kroma-original-1 AAAA", "kroma-original-1 %"].map((said, index) =>
      forged(document, [{ action: "set", obj: "_root", key: "title", value: "t", pred: [] }], {
        message: said as string,
        actor: `f${index}`.repeat(16),
      }),
    );
    const fresh = await stepFrom(one.document);
    const back = await fresh.back([translated, ...lies]);
    expect(back[0]).toEqual(original);
    for (const bytes of back.slice(1)) {
      expect(Automerge.decodeChange(bytes).ops).toMatchObject([{ key: "title", value: "t" }]);
    }
    const [tooBig] = [forged(document, [], { message: `kroma-original-hash-1 ${"0".repeat(64)}` })];
    await expect(fresh.back([tooBig as Uint8Array])).rejects.toMatchObject({ code: "unavailable" });
  });
});
