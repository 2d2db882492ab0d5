/** Members and strangers who mean harm: each ends its own link with a reason, and nobody else's work. */
import * as Automerge from "@automerge/automerge";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Channel } from "#core/base/channel.ts";
import { KromaError } from "#core/base/errors.ts";
import { authenticate } from "#core/mesh/handshake.ts";
import { signChanges } from "#core/mesh/change-signature.ts";
import { jsonBytes } from "#core/mesh/encoding.ts";
import { entryBytes, signEntry } from "#core/mesh/entry.ts";
import { linkPair } from "#core/mesh/link-pair.ts";
import { makeJoin } from "#core/mesh/membership.ts";
import { Peer } from "#core/mesh/peer.ts";
import type { LinkRole } from "#core/mesh/roles.ts";
import { encode, type PeerMessage } from "#core/mesh/wire.ts";
import { BlankDocument } from "#core/notebook/blank-document.ts";
import { blankComments } from "#core/notebook/comments-document.ts";
import { Contradictions } from "#core/notebook/contradictions.ts";
import { DocumentSync } from "#core/notebook/document-sync.ts";
import { SyncMessages } from "#core/notebook/sync-messages.ts";
import { blankFiles, type FilesRecord } from "#core/notebook/files-document.ts";
import { blockCid } from "#core/store/cid.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { cellId, newCell, openWith, sources } from "../notebook/kit.ts";
import { letIn, link, person, until, type Person } from "./people.ts";

const people: Person[] = [];
afterEach(async () => {
  for (const someone of people.splice(0)) await someone.close();
});

interface Hostile {
  readonly channel: Channel<Uint8Array, Uint8Array>;
  say(message: PeerMessage): void;
  /** Why the other side ended the link. */
  readonly ended: Promise<string | undefined>;
  /** What the other side said, as bytes. */
  readonly heard: Uint8Array[];
}

/** The keys of a member, in the hands of a program that does what it likes. */
async function hostile(host: Person, member: Person): Promise<Hostile> {
  const [left, right] = linkPair([`hostile-${Math.random()}`, host.name]);
  void host.mesh.addLink(right.link);
  const { channel } = await authenticate(left.link, {
    signer: member.signer,
    signatures: await openSignatures(),
    now: Date.now,
    signal: new AbortController().signal,
  });
  const heard: Uint8Array[] = [];
  const ended = new Promise<string | undefined>((resolve) => {
    channel.receive((message) => {
      heard.push(message);
      const text = new TextDecoder().decode(message.subarray(1));
      if (message[0] === 0 && text.includes('"bye"')) resolve((JSON.parse(text) as { reason: string }).reason);
    });
    channel.onClose((reason) => resolve(reason));
  });
  return {
    channel,
    ended,
    heard,
    say: (message) => {
      for (const piece of encode(message)) channel.send(piece);
    },
  };
}

async function company(role: LinkRole = "editor") {
  const [ana, ben] = [await person("Ana"), await person("Ben")];
  people.push(ana, ben);
  const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
  await ana.mesh.share(mine.document, "Ana");
  const line = link(ana, ben);
  const theirs = await letIn(ana, ben, mine.document, role);
  const genesis = ana.mesh.notebook(mine.document)?.genesis ?? "";
  /** That all is well between the two. */
  const isWell = async (): Promise<void> => {
    const mark = `y = ${Math.random()}`;
    await mine.change([{ type: "insert_cell", cell: newCell(`c${sources(mine).length}`, mark), after: undefined }]);
    await until(() => sources(theirs).includes(mark), "Ben has what Ana did");
  };
  return { ana, ben, mine, theirs, line, genesis, isWell, document: mine.document };
}

/** A document whose one change makes a text of so many letters: a few kilobytes that become gigabytes. */
function bomb(length: number): Uint8Array {
  let document = Automerge.init<{ text: string }>();
  document = Automerge.change(document, (draft) => {
    draft.text = "x".repeat(length);
  });
  const [, message] = Automerge.generateSyncMessage(document, Automerge.initSyncState());
  const decoded = Automerge.decodeSyncMessage(message as Uint8Array);
  return Automerge.encodeSyncMessage({ ...decoded, changes: [Automerge.save(document)] as never });
}

/** Text that nothing makes shorter by much. */
function randomText(length: number): string {
  const bytes = new Uint8Array((length * 3) / 4);
  for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return Buffer.from(bytes).toString("base64");
}

/** For a machine that is busy. */
const PATIENCE = 90_000;

describe("a member that does what it likes", () => {
  it("takes the notebook nowhere by a reseed that is none (E5, E6)", async () => {
    const { ana, ben, mine, theirs, genesis, isWell, document } = await company();
    const enemy = await hostile(ana, ben);
    const parts = ["comments", "files", "seeds"];
    enemy.say({ type: "share", number: 9, document, genesis, heads: [], parts, seed: "0".repeat(64) });
    const other = Automerge.from({ cells: {}, schema: 1 });
    const bytes = Automerge.save(other);
    const [known, unknown] = [await blockCid(bytes), await blockCid(Uint8Array.of(1))];
    // Its block is nowhere; its block is one of another notebook.
    const madeUp = [
      [unknown, ["1".repeat(64)]],
      [known, Automerge.getHeads(other)],
    ] as const;
    for (const [index, [cid, heads]] of madeUp.entries())
      enemy.say({ type: "reseed", document, seed: String(index).repeat(64), epochs: [{ cid, heads }] });
    const asked = (cid: string) => enemy.heard.some((message) => new TextDecoder().decode(message).includes(cid));
    await until(() => asked(known) && asked(unknown), "both are asked for", 60_000);
    enemy.say({ type: "block", document, cid: known, bytes });
    await until(() => ana.mesh.notebook(document)?.trouble !== undefined, "Ana is told", 60_000);
    await isWell();
    await mine.reseed();
    await until(async () => (await ben.host.changesSince(document, [])).length === 1, "Ben follows Ana", 60_000);
    await isWell();
    expect(sources(theirs)).toEqual(sources(mine));
  });

  it.each([
    ["a message of an unknown kind", Uint8Array.of(9, 1, 2, 3)],
    ["an empty message", new Uint8Array()],
    ["broken JSON", Uint8Array.of(0, 0x7b)],
    ["text that is none", Uint8Array.of(0, 0xff, 0xfe)],
    ["a message that nobody says", new TextEncoder().encode('\0{"type":"give_me_all"}')],
    [
      "a presence as long as a book",
      new TextEncoder().encode(`\0{"type":"presence","document":"d","state":{"x":"${"y".repeat(5000)}"}}`),
    ],
    [
      "a run as long as a book",
      new TextEncoder().encode(`\0{"type":"run","document":"d","cell":"a","run":{"x":"${"y".repeat(70_000)}"}}`),
    ],
    ["a run of a cell that can be none", new TextEncoder().encode('\0{"type":"run","document":"d","cell":"../a"}')],
    ["a piece of another message within one", Uint8Array.of(0x81, 0)],
  ])("loses its link by %s (S1)", async (_, bytes) => {
    const { ana, ben, isWell } = await company();
    const eve = await hostile(ana, ben);
    eve.channel.send(bytes);
    eve.channel.send(Uint8Array.of(2, 0));
    expect(await eve.ended).toMatch(/can't be read|too much/);
    await isWell();
  });

  it("loses its link by a text bomb, before it goes off (S8)", async () => {
    const { ana, ben, isWell, document, genesis, mine } = await company();
    const eve = await hostile(ana, ben);
    eve.say({ type: "share", number: 7, document, genesis, heads: [] });
    await until(() => eve.heard.some((message) => message[0] === 1), "Ana syncs with it");
    const bytes = bomb(2_000_000);
    expect(bytes.length).toBeLessThan(10_000);
    eve.say({ type: "sync", number: 7, part: "notebook", bytes });
    expect(await eve.ended).toContain("too big");
    expect(sources(mine)).toEqual(["x = 1"]);
    await isWell();
  });

  it("loses its link by a change with which nobody could read the notebook again, in each of its parts (S22)", async () => {
    const { ana, ben, isWell, document, genesis, mine } = await company();
    await mine.comments.load();
    await mine.files.load();
    const change = Automerge.encodeChange({
      actor: "ee".repeat(16),
      seq: 1,
      startOp: 1,
      time: 0,
      message: null,
      author: null,
      deps: [],
      ops: [{ action: "del", obj: "_root", key: "schema", pred: [] }],
    });
    const heads = [Automerge.decodeChange(change).hash];
    const bytes = Automerge.encodeSyncMessage({ heads, need: [], have: [], changes: [change] });
    for (const [kind, part] of [
      [1, "notebook"],
      [3, "comments"],
      [4, "files"],
    ] as const) {
      const eve = await hostile(ana, ben);
      eve.say({ type: "share", number: 7, document, genesis, heads: [], parts: ["comments", "files"] });
      await until(() => eve.heard.some((message) => message[0] === kind), "Ana syncs with it");
      eve.say({ type: "sync", number: 7, part, bytes });
      expect(await eve.ended).toContain("could not be read again");
    }
    await isWell();
    await ana.library.flush();
  });

  it("gets no string of 20 MB past, deflated or not: Automerge has never seen it (S8)", async () => {
    const mine = new BlankDocument();
    for (const [text, isWhole] of [
      ["x".repeat(20 << 20), true],
      [randomText(20 << 20), false],
    ] as const) {
      const long = Automerge.from({ text: new Automerge.ImmutableString(text) });
      // As a document it is deflated; in a change Automerge leaves it as it is.
      const changes = isWhole ? [Automerge.save(long) as never] : Automerge.getAllChanges(long);
      const message = Automerge.encodeSyncMessage({ heads: Automerge.getHeads(long), need: [], have: [], changes });
      await expect(new DocumentSync(mine, true).take(message)).rejects.toMatchObject({ code: "exhausted" });
    }
    expect(mine.heads).toBe("");
  }, 200_000);

  it("loses its link by sync messages that were cut off, and repeats what it said to no effect (S8)", async () => {
    const whole = Automerge.from<Record<string, unknown>>({ schema: 1, cells: { a: { source: "x = 1" } } });
    const [heads, changes] = [Automerge.getHeads(whole), Automerge.getAllChanges(whole)];
    const message = Automerge.encodeSyncMessage({ heads, need: [], have: [], changes });
    const mine = new BlankDocument();
    for (let length = 0; length < message.length; length += 1) {
      const sync = new DocumentSync(mine, true);
      // Some of it may make sense; what is cut off is not applied.
      await sync.take(message.subarray(0, length)).catch((error: unknown) => {
        expect(["corrupt", "exhausted"]).toContain((error as { code?: string }).code);
      });
    }
    expect(mine.isWhole).toBe(false);
    const sync = new DocumentSync(mine, true);
    for (let again = 0; again < 3; again += 1) expect(await sync.take(message)).toBe(true);
    expect([mine.isWhole, mine.heads, sync.takeBrought() > 0]).toEqual([true, heads.join(), true]);
    expect(Automerge.getAllChanges(mine.copy()).length).toBe(1);
  });

  it("loses its link by a flood that is not dealt with as fast as it comes (S17)", async () => {
    const ben = await person("Ben");
    people.push(ben);
    const said: Uint8Array[] = [];
    const listeners: ((piece: Uint8Array) => void)[] = [];
    const peer = new Peer({
      id: ben.signer.id,
      identity: ben.signer.identity,
      path: "direct",
      remote: "flood",
      channel: {
        send: (piece) => said.push(piece),
        receive(next) {
          listeners.push(next);
          return () => undefined;
        },
        close: () => undefined,
        onClose: () => () => undefined,
      },
      hear: () => Promise.resolve(),
    });
    const reason = new Promise((resolve) => peer.onEnd(resolve));
    const piece = new Uint8Array(1 << 20);
    piece[0] = 0x80;
    for (let sent = 0; sent < 65; sent += 1) for (const hear of listeners) hear(piece);
    expect(await reason).toContain("faster than this notebook can follow");
    expect(new TextDecoder().decode(said[0])).toContain("bye");
  });

  it("loses nothing to a disk that is full while others sync: it is had in memory, and stored later", async () => {
    const { ana, ben, isWell, mine, theirs, line } = await company();
    ana.store.failure = new KromaError("exhausted", "full");
    await theirs.change([{ type: "insert_cell", cell: newCell("full", "while it was full"), after: undefined }]);
    await until(() => sources(mine).includes("while it was full"), "Ana sees it", PATIENCE);
    await until(() => ana.library.storage.state === "full", "and that it is not stored", PATIENCE);
    expect([ana.mesh.peers.length, ana.mesh.troubles]).toEqual([1, []]);
    ana.store.failure = undefined;
    await ana.library.flush();
    await isWell();
    line.cut();
    people.splice(people.indexOf(ana), 1);
    await ana.close();
    const again = await person("Ana", { store: ana.store, blocks: ana.blocks, signer: ana.signer });
    people.push(again);
    expect(sources(await again.library.open(mine.document))).toContain("while it was full");
    expect(ben.mesh.troubles).toEqual(["cut"]);
  }, 200_000);

  it("loses its link by a signature that is not its author's, and by one that can't be read (A2, A6)", async () => {
    const { ana, ben, isWell, document, genesis } = await company();
    const mark = { actor: "aa", seq: 1, hash: "0".repeat(64) };
    const { said, bytes } = await signChanges(ben.signer, [mark]);
    const inHerName = new TextDecoder().decode(jsonBytes({ ...said, author: ana.mesh.me }));
    const newer = new TextDecoder().decode(jsonBytes({ ...said, version: 2 }));
    const ofAStranger = new TextDecoder().decode(jsonBytes({ ...said, author: `b${"a".repeat(52)}` }));
    for (const wrong of [inHerName, "{}"]) {
      const eve = await hostile(ana, ben);
      eve.say({ type: "share", number: 7, document, genesis, heads: [], parts: ["signatures"] });
      await until(() => eve.heard.some((message) => message[0] === 1), "Ana syncs with it");
      // Neither of these is a reason; what is right stays.
      eve.say({ type: "signatures", document, given: [newer, ofAStranger, new TextDecoder().decode(bytes)] });
      eve.say({ type: "signatures", document, given: [wrong] });
      expect(await eve.ended).toMatch(/not its author's|can't be read/);
    }
    expect((await ana.store.loadRange(["signature", document])).map(([, kept]) => kept)).toEqual([bytes]);
    await isWell();
  });

  it("loses its link by a bomb among the comments, before it goes off", async () => {
    const { ana, ben, isWell, document, genesis, mine } = await company("commenter");
    await mine.comments.load();
    const eve = await hostile(ana, ben);
    eve.say({ type: "share", number: 7, document, genesis, heads: [], parts: ["comments", "what there may be later"] });
    await until(() => eve.heard.some((message) => message[0] === 3), "Ana syncs comments with it");
    eve.say({ type: "sync", number: 7, part: "comments", bytes: bomb(1_000_000) });
    expect(await eve.ended).toContain("too big");
    await isWell();
  });

  it("loses its link by a bomb among the files, and names none that leads out of the workspace (F1, F3)", async () => {
    const { ana, ben, isWell, document, genesis, mine } = await company();
    await mine.files.load();
    const share: PeerMessage = { type: "share", number: 7, document, genesis, heads: [], parts: ["files"] };
    const eve = await hostile(ana, ben);
    eve.say(share);
    await until(() => eve.heard.some((message) => message[0] === 4), "Ana syncs files with it");
    eve.say({ type: "sync", number: 7, part: "files", bytes: bomb(500_000) });
    expect(await eve.ended).toContain("too big");
    const cid = await ben.fileBlocks.put(new TextEncoder().encode("x"));
    const [path, record] = ["/../../evil", JSON.stringify({ cid, size: 1, modified: 0 })];
    const mallory = await hostile(ana, ben);
    mallory.say(share);
    let files = Automerge.change(Automerge.load<FilesRecord>(blankFiles()), (draft) => {
      draft.files[path] = new Automerge.ImmutableString(record);
      draft.files["/good"] = new Automerge.ImmutableString(record);
    });
    const own = new DocumentSync(
      {
        messages: new SyncMessages(),
        contradictions: new Contradictions(),
        sync: async (work) => await work(files, async (next) => void (files = next as Automerge.Doc<FilesRecord>)),
      },
      true,
    );
    const told = () => mallory.heard.filter((message) => message[0] === 4);
    for (let taken = 0; mine.files.shared.files.length === 0;) {
      await until(() => told().length > taken || mine.files.shared.files.length > 0, "Ana answers");
      for (const message of told().slice(taken)) await own.take(message.subarray(3));
      taken = told().length;
      const bytes = await own.next();
      if (bytes) mallory.say({ type: "sync", number: 7, part: "files", bytes });
    }
    expect(mine.files.shared.files.map((file) => file.path)).toEqual(["good"]);
    await isWell();
  });

  it("may write nonsense among the comments if it may comment, and nothing if it may only read", async () => {
    for (const role of ["commenter", "reader"] as const) {
      const { ana, ben, isWell, document, genesis, mine } = await company(role);
      await mine.comments.load();
      const thread = { type: "add_thread", thread: "threadofana", cell: cellId("a"), text: "Ana", author: "" } as const;
      await mine.comments.perform(thread);
      const eve = await hostile(ana, ben);
      eve.say({ type: "share", number: 7, document, genesis, heads: [], parts: ["comments"] });
      await until(() => eve.heard.some((message) => message[0] === 3), "Ana syncs comments with it");
      const nonsense = Automerge.change(Automerge.load<Record<string, unknown>>(blankComments()), (draft) => {
        (draft["threads"] as Record<string, unknown>)["hostile1"] = { text: { deep: [1] }, cell: 7, replies: "none" };
        (draft["threads"] as Record<string, unknown>)["forged11"] = {
          text: "I am Ana",
          cell: "a",
          author: ana.mesh.me,
        };
        draft["schema"] = "none";
      });
      const changes = Automerge.getAllChanges(nonsense);
      const bytes = Automerge.encodeSyncMessage({ heads: Automerge.getHeads(nonsense), need: [], have: [], changes });
      eve.say({ type: "sync", number: 7, part: "comments", bytes });
      const shown = () => mine.comments.threads.map(({ comment }) => comment.text).sort();
      const decoder = new TextDecoder();
      if (role === "commenter") await until(() => shown().length === 2, "what can be read of it is there");
      else
        await until(() => eve.heard.some((one) => decoder.decode(one).includes("only read the comments")), "a refusal");
      expect(shown()).toEqual(role === "commenter" ? ["Ana", "I am Ana"] : ["Ana"]);
      await mine.comments.perform({
        type: "add_reply",
        thread: "threadofana",
        reply: "replyofana",
        text: "on",
        author: "",
      });
      if (role === "commenter") await isWell();
      eve.channel.close();
    }
  });

  it("is not heard on notebooks that it did not name, and not let in by claiming one (S3, S6)", async () => {
    const { ana, ben, isWell, document, genesis, mine } = await company();
    const eve = await hostile(ana, ben);
    eve.say({ type: "sync", number: 3, part: "notebook", bytes: bomb(10) });
    eve.say({ type: "share", number: 3, document, genesis: genesis.replace(/.$/, "a"), heads: [] });
    eve.say({ type: "sync", number: 3, part: "notebook", bytes: bomb(10) });
    await isWell();
    expect(sources(mine).some((source) => source.includes("xxx"))).toBe(false);
  });

  it("ends only its own link with whatever bytes (S1)", async () => {
    const { ana, ben, isWell, document, genesis } = await company();
    const seed = Number(process.env["KROMA_SEED"] ?? Date.now() % 1_000_000);
    // Printed, so that what failed can be run again.
    console.info(`seed ${seed}`);
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.constant(new TextEncoder().encode(JSON.stringify({ type: "share", number: 1, document, genesis, heads: [] }))),
    );
    for (const [kind, bytes] of fc.sample(fc.tuple(fc.constantFrom(0, 1, 2, 0x80, 0x81, 3), body), {
      seed,
      numRuns: 150,
    })) {
      const eve = await hostile(ana, ben);
      eve.say({ type: "share", number: 1, document, genesis, heads: [] });
      eve.channel.send(Uint8Array.of(kind, ...bytes));
      eve.channel.send(Uint8Array.of(kind & 0x7f, ...bytes.slice().reverse()));
      eve.channel.close();
    }
    await isWell();
  });

  it("can't slip an entry that nobody signed among those that a newcomer gets first", async () => {
    const { ana, ben, document, genesis } = await company();
    const cleo = await person("Cleo");
    people.push(cleo);
    const terms = { role: "reader", uses: "one", expires: Date.now() + 3_600_000 } as const;
    await cleo.mesh.join(await ana.mesh.invite(document, terms), "Cleo");
    const membership = ana.mesh.notebook(document)?.membership;
    if (!membership) throw new Error("The notebook is not shared.");
    const forged = await signEntry(
      { ...ben.signer, id: ana.signer.id },
      {
        genesis: membership.genesis,
        previous: [...membership.heads],
        sequence: membership.nextSequence(ana.signer.id),
        time: Date.now(),
        body: { type: "set_role", member: ben.signer.id, role: "owner" },
      },
    );
    const eve = await hostile(cleo, ben);
    const texts = membership.entriesSince([]).map(({ bytes }) => new TextDecoder().decode(bytes));
    eve.say({ type: "share", number: 7, document, genesis, heads: [] });
    eve.say({ type: "members", document, entries: [...texts, new TextDecoder().decode(entryBytes(forged))] });
    const rolesAt = (someone: Person) =>
      someone.mesh.notebook(document)?.membership?.members.map(({ name, role }) => [name, role]);
    await until(() => rolesAt(cleo) !== undefined, "Cleo knows the members");
    const roles = [
      ["Ana", "owner"],
      ["Ben", "editor"],
    ];
    expect(rolesAt(cleo)).toEqual(roles);
    // What she kept is what she believed, also the next morning.
    await until(async () => (await cleo.store.loadRange(["member"])).length >= texts.length, "it is kept");
    const again = await person("Cleo", { store: cleo.store, signer: cleo.signer });
    people.push(again);
    expect(rolesAt(again)).toEqual(roles);
  });

  it("comes back by a new link after it was removed, and not by the old one", async () => {
    const { ana, ben, document, isWell } = await company();
    const terms = { role: "editor", uses: "many", expires: Date.now() + 3_600_000 } as const;
    const old = await ana.mesh.invite(document, terms);
    await ben.mesh.rename(document, "Benjamin");
    const rolesAtAna = () => ana.mesh.notebook(document)?.membership?.members.map(({ name }) => name);
    await until(() => rolesAtAna()?.includes("Benjamin") ?? false, "Ana knows the new name");
    await ana.mesh.remove(document, ben.signer.id);
    const isMember = () => ben.mesh.notebook(document)?.membership?.roleOf(ben.signer.id) !== undefined;
    await until(() => !isMember(), "Ben knows that he was removed");
    const membership = ana.mesh.notebook(document)?.membership;
    const { bytes } = await makeJoin(await openSignatures(), {
      ...old,
      signer: ben.signer,
      time: Date.now(),
      name: "Ben",
      sequence: 3,
    });
    expect(await membership?.merge([bytes])).toMatchObject({ accepted: [], refused: [{ reason: "invitation" }] });
    expect(rolesAtAna()).toEqual(["Ana"]);
    await ben.mesh.join(await ana.mesh.invite(document, terms), "Ben");
    await until(() => rolesAtAna()?.includes("Ben") ?? false, "Ben is back");
    await isWell();
  });
});

describe("a view of a peer that may only read", () => {
  it("passes over changes that come all the same (S7)", async () => {
    const mine = new BlankDocument();
    const sync = new DocumentSync(mine, false);
    let theirs = Automerge.from<{ schema: number; cells: object }>({ schema: 1, cells: {} });
    let state = Automerge.initSyncState();
    for (let round = 0; round < 5; round += 1) {
      const told = await sync.next();
      if (told)
        [theirs, state] = Automerge.receiveSyncMessage(theirs, { ...state, peerReadOnly: false } as never, told);
      const [next, message] = Automerge.generateSyncMessage(theirs, { ...state, peerReadOnly: false } as never);
      state = next;
      if (message) await sync.take(message);
    }
    expect(mine.isWhole).toBe(false);
    const whole = Automerge.encodeSyncMessage({
      heads: [],
      need: [],
      have: [],
      changes: Automerge.getAllChanges(theirs),
    });
    expect(await sync.take(whole)).toBe(false);
    expect(mine.isWhole).toBe(false);
    expect(await new DocumentSync(mine, true).take(whole)).toBe(true);
    expect(mine.isWhole).toBe(true);
  });
});
