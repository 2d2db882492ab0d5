/** Changes of others that Automerge takes, or breaks off over, and what keeps them out of a document. */
import * as Automerge from "@automerge/automerge";
import { checkChanges } from "#core/notebook/change-guard.ts";
import { CHUNK_LIMITS } from "#core/notebook/chunk-guard.ts";
import { Contradictions } from "#core/notebook/contradictions.ts";
import { DocumentSync, type SyncedDocument } from "#core/notebook/document-sync.ts";
import { SyncMessages } from "#core/notebook/sync-messages.ts";
import { describe, expect, it } from "vitest";

interface Notes {
  title: Automerge.ImmutableString;
  cells: Record<string, { text: string; kind?: Automerge.ImmutableString }>;
}

type Operation = Readonly<Record<string, unknown>>;

const EVE = "ee".repeat(16);
const scalar = (text: string): Automerge.ImmutableString => new Automerge.ImmutableString(text);

function notes(): Automerge.Doc<Notes> {
  const first = Automerge.change(Automerge.init<Notes>({ actor: "aa".repeat(16) }), { time: 0 }, (draft) => {
    draft.title = scalar("title");
    draft.cells = { one: { text: "abc", kind: scalar("code") } };
  });
  return Automerge.load<Notes>(Automerge.save(first));
}

/** One that is synced, as others hold it. */
class Held implements SyncedDocument {
  readonly messages = new SyncMessages();
  readonly contradictions = new Contradictions();
  document: Automerge.Doc<unknown>;

  constructor(document: Automerge.Doc<unknown>) {
    this.document = document;
  }

  async sync<T>(work: Parameters<SyncedDocument["sync"]>[0]): Promise<T> {
    const given = work(this.document, async (document) => {
      this.document = document;
    });
    return (await given) as T;
  }
}

function change(document: Automerge.Doc<Notes>, ops: readonly Operation[], more: object = {}): Uint8Array {
  return Automerge.encodeChange({
    actor: EVE,
    seq: 1,
    startOp: 1000,
    time: 0,
    message: null,
    author: null,
    deps: Automerge.getHeads(document),
    ops: ops as unknown as Automerge.DecodedChange["ops"],
    ...more,
  });
}

/** A sync message with these chunks, which lead to these heads. */
const messageWith = (changes: readonly Uint8Array[], heads: readonly string[]): Uint8Array =>
  Automerge.encodeSyncMessage({ heads: [...heads], need: [], have: [], changes: [...changes] });

const messageOf = (...changes: readonly Uint8Array[]): Uint8Array =>
  messageWith(
    changes,
    changes.map((bytes) => Automerge.decodeChange(bytes).hash),
  );

/** What stands where in the document. */
function places(document: Automerge.Doc<Notes>): Readonly<Record<"cells" | "title" | "cell" | "text" | "a", string>> {
  const backend = Automerge.getBackend(document);
  const text = backend.objInfo("/cells/one/text").id;
  return {
    cells: backend.objInfo("/cells").id,
    title: backend.getAll("_root", "title")[0]?.at(-1) as string,
    cell: backend.objInfo("/cells/one").id,
    text,
    a: backend.getCursor(text, 0),
  };
}

const here = places(notes());
/** Automerge takes them, and then can't read what it saves. */
const poison: Readonly<Record<string, Uint8Array>> = {
  "a value in the place of another key's": change(notes(), [
    { action: "set", obj: "_root", key: "title", value: "x", pred: [here.cells] },
  ]),
  "a deletion of nothing": change(notes(), [{ action: "del", obj: "_root", key: "title", pred: [] }]),
  "numbers that do not go up": change(notes(), [{ action: "set", obj: "_root", key: "new", value: "x", pred: [] }], {
    startOp: 1,
  }),
  "no operations, after a gap": change(notes(), []),
};
/** It breaks off over them. */
const broken: Readonly<Record<string, Uint8Array>> = {
  "a value in the place of one that never was": change(notes(), [
    { action: "set", obj: "_root", key: "title", value: "x", pred: [`7@${EVE}`] },
  ]),
  "a value in an object that is none": change(notes(), [
    { action: "set", obj: `7@${EVE}`, key: "x", value: "x", pred: [] },
  ]),
  "a letter behind one that never was": change(notes(), [
    { action: "set", obj: here.text, elemId: `7@${EVE}`, insert: true, value: "x", pred: [] },
  ]),
  "a letter behind what is no letter": change(notes(), [
    { action: "set", obj: here.text, elemId: here.cell, insert: true, value: "x", pred: [] },
  ]),
  "a deletion of a letter that never was": change(notes(), [
    { action: "del", obj: here.text, elemId: `7@${EVE}`, pred: [`7@${EVE}`] },
  ]),
};

describe("changes that a document could not be read with again (S22)", () => {
  it("are taken by Automerge, which then can't read what it saves", () => {
    for (const bytes of Object.values(poison)) {
      const [taken] = Automerge.applyChanges(notes(), [bytes]);
      expect(() => Automerge.load(Automerge.save(taken))).toThrow();
    }
  });

  it.for([...Object.entries(poison), ...Object.entries(broken)])(
    "are refused before they are in it, and it goes on: %s",
    async ([, bytes]) => {
      const held = new Held(notes());
      const eve = new DocumentSync(held, true);
      await expect(eve.take(messageOf(bytes))).rejects.toMatchObject({
        code: "corrupt",
        message: expect.stringContaining("could not be read again") as string,
      });
      const ben = Automerge.change(notes(), { time: 0 }, (draft) =>
        Automerge.splice(draft, ["cells", "one", "text"], 1, 1, "x"),
      );
      await new DocumentSync(held, true).take(messageOf(Automerge.getLastLocalChange(ben) as Uint8Array));
      const again = Automerge.load<Notes>(Automerge.save(held.document));
      expect(Automerge.toJS(again).cells["one"]?.text).toBe("axc");
    },
  );

  it("are refused among many, in a whole document's place, and where others wait", async () => {
    const [poisoned] = Object.values(poison) as [Uint8Array];
    let ben = notes();
    for (let index = 0; index < 600; index += 1) {
      ben = Automerge.change(ben, { time: 0 }, (draft) => Automerge.splice(draft, ["cells", "one", "text"], 0, 0, "x"));
    }
    const many = Automerge.getBackend(ben).getChanges(Automerge.getHeads(notes()));
    const held = new Held(notes());
    await expect(new DocumentSync(held, true).take(messageOf(poisoned, ...many))).rejects.toMatchObject({
      code: "corrupt",
    });
    // What comes without what it builds on waits, and nothing is taken unseen once that is there.
    await new DocumentSync(held, true).take(messageOf(many[1] as Uint8Array));
    expect(Automerge.getHeads(held.document)).toEqual(Automerge.getHeads(notes()));
    await expect(new DocumentSync(held, true).take(messageOf(poisoned))).rejects.toMatchObject({ code: "corrupt" });
    await new DocumentSync(held, true).take(messageWith([Automerge.save(ben)], Automerge.getHeads(ben)));
    expect(Automerge.getHeads(held.document)).toEqual(Automerge.getHeads(ben));
    expect(Automerge.getHeads(Automerge.load(Automerge.save(held.document)))).toEqual(Automerge.getHeads(ben));
  });

  it("are not those that honest people make apart from each other", () => {
    const ana = notes();
    const [ben, eva] = [notes(), notes()];
    const edits: readonly ((draft: Notes) => void)[] = [
      (draft) => Automerge.splice(draft, ["cells", "one", "text"], 1, 1, "xyz"),
      (draft) => (draft.title = scalar("other")),
      (draft) => (draft.cells["two"] = { text: "new" }),
      (draft) => delete (draft.cells["one"] as { kind?: unknown }).kind,
    ];
    let [left, right] = [ben, eva];
    for (const edit of edits) {
      left = Automerge.change(left, { time: 0 }, edit);
      right = Automerge.change(right, { time: 0 }, edit);
    }
    let joined = Automerge.merge(Automerge.clone(left), right);
    for (const edit of edits.slice(0, 3)) joined = Automerge.change(joined, { time: 0 }, edit);
    const changes = Automerge.getBackend(joined).getChanges(Automerge.getHeads(ana)).toReversed();
    const { operations } = CHUNK_LIMITS;
    for (const has of [ana, left, right, joined]) {
      expect(() => checkChanges(has, changes, 1)).not.toThrow();
      expect(() => checkChanges(has, changes, operations)).not.toThrow();
    }
  });
});
