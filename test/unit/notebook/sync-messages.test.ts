/** What peers are told is what Automerge would tell each of them, and is made once for those who stand alike. */
import * as Automerge from "@automerge/automerge";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Contradictions } from "#core/notebook/contradictions.ts";
import { DocumentSync, type SyncedDocument } from "#core/notebook/document-sync.ts";
import { knownOf, SyncMessages } from "#core/notebook/sync-messages.ts";

interface Text extends Record<string, unknown> {
  text: string;
}

const PEERS = 4;

/** A document and its peers: each with the state of both ends, and what is under way. */
class Company {
  readonly messages = new SyncMessages();
  mine = Automerge.from<Text>({ text: "x = 1" });
  readonly peers = Array.from({ length: PEERS }, () => ({
    document: Automerge.init<Text>(),
    here: Automerge.initSyncState(),
    there: Automerge.initSyncState(),
  }));

  type(): void {
    this.mine = Automerge.change(this.mine, (draft) => Automerge.splice(draft, ["text"], 0, 0, "y"));
  }

  /** Tells a peer what it is to be told; fails where that is not what Automerge says. */
  tell(index: number): Uint8Array | undefined {
    const peer = this.peers[index % PEERS] as Company["peers"][number];
    const [plain, expected] = Automerge.generateSyncMessage(this.mine, knownOf(this.mine, peer.here));
    const [state, message] = this.messages.next(this.mine, peer.here);
    expect(message).toEqual(expected);
    expect(state).toEqual({ ...plain, sharedHeads: peer.here.sharedHeads });
    peer.here = state;
    if (message) [peer.document, peer.there] = Automerge.receiveSyncMessage(peer.document, peer.there, message);
    return message ?? undefined;
  }

  /** The peer answers, after having typed itself if it has anything to type into. */
  hear(index: number, types: boolean): void {
    const peer = this.peers[index % PEERS] as Company["peers"][number];
    if (types && typeof peer.document.text === "string")
      peer.document = Automerge.change(peer.document, (draft) => Automerge.splice(draft, ["text"], 0, 0, "z"));
    const [there, answer] = Automerge.generateSyncMessage(peer.document, peer.there);
    peer.there = there;
    if (!answer) return;
    [this.mine, peer.here] = Automerge.receiveSyncMessage(this.mine, peer.here, answer);
    if (Automerge.decodeSyncMessage(answer).changes.length > 0) this.messages.clear();
  }

  /** A change comes of which another one, that it builds on, has not. */
  hearTooEarly(): void {
    let other = Automerge.clone(this.mine);
    for (let key = 0; key < 2; key += 1)
      other = Automerge.change(other, (draft) => Automerge.splice(draft, ["text"], 0, 0, "w"));
    const latest = Automerge.getLastLocalChange(other);
    if (latest) [this.mine] = Automerge.applyChanges(this.mine, [latest]);
    this.messages.clear();
  }
}

it("says to each what Automerge says of what is known, whatever came before", { timeout: 120_000 }, () => {
  const step = fc.oneof(
    fc.constant({ does: "type", peer: 0 }),
    fc.constant({ does: "early", peer: 0 }),
    fc.record({ does: fc.constantFrom("tell", "hear", "answer"), peer: fc.nat(PEERS - 1) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const company = new Company();
      for (const { does, peer } of steps) {
        if (does === "type") company.type();
        else if (does === "early") company.hearTooEarly();
        else if (does === "tell") company.tell(peer);
        else company.hear(peer, does === "answer");
      }
      for (let peer = 0; peer < PEERS; peer += 1) company.tell(peer);
    }),
    { numRuns: 30 },
  );
});

it("makes a key press once for all who have everything else", () => {
  const company = new Company();
  for (let round = 0; round < 4; round += 1)
    for (let peer = 0; peer < PEERS; peer += 1) {
      company.hear(peer, false);
      company.tell(peer);
    }
  company.type();
  const told = Array.from({ length: PEERS }, (_, peer) => company.tell(peer));
  expect(told[0]?.length).toBeGreaterThan(0);
  for (const message of told) expect(message).toBe(told[0]);
});

const held = (document: Automerge.Doc<Text>): SyncedDocument & { document: Automerge.Doc<unknown> } => ({
  messages: new SyncMessages(),
  contradictions: new Contradictions(),
  document,
  async sync(work) {
    return await work(this.document, async (next) => void (this.document = next));
  },
});

it("describes no changes to whoever gets them all, and looks for none that are known to be there", async () => {
  let long = Automerge.from<Text>({ text: "" });
  for (let key = 0; key < 500; key += 1)
    long = Automerge.change(long, (draft) => Automerge.splice(draft, ["text"], key, 0, "x"));
  const [mine, newcomers] = [held(Automerge.load<Text>(Automerge.save(long))), held(Automerge.init<Text>())];
  const [here, there] = [new DocumentSync(mine, true), new DocumentSync(newcomers, true)];
  const asked = await there.next();
  await here.take(asked ?? new Uint8Array());
  const whole = await here.next();
  // Automerge's own filter of 500 changes has 630 bytes.
  expect(whole?.byteLength).toBeLessThan(600);
  expect(Automerge.decodeSyncMessage(whole ?? new Uint8Array()).have).toMatchObject([{ bloom: new Uint8Array(0) }]);
  await there.take(whole ?? new Uint8Array());
  expect(Automerge.getHeads(newcomers.document)).toEqual(Automerge.getHeads(mine.document));
  await here.take((await there.next()) ?? new Uint8Array());
  expect(await here.hasAll()).toBe(true);
  expect(await here.next()).toBeUndefined();

  // One who was away describes what they have, which is all here: it need not be searched for in the description.
  const away = Automerge.load<Text>(Automerge.save(long));
  const [, described] = Automerge.generateSyncMessage(away, Automerge.initSyncState());
  const longer = Automerge.change(long, (draft) => Automerge.splice(draft, ["text"], 0, 0, "y"));
  const [, state] = Automerge.receiveSyncMessage(longer, Automerge.initSyncState(), described ?? new Uint8Array());
  const known = knownOf(longer, state);
  expect(known).toMatchObject({ theirHave: [{ lastSync: Automerge.getHeads(away), bloom: new Uint8Array(0) }] });
  const [, lacking] = Automerge.generateSyncMessage(longer, known);
  expect(Automerge.decodeSyncMessage(lacking ?? new Uint8Array()).changes.length).toBe(1);
});

it(
  "brings any two to the same, whoever has what and whatever is lost when a link ends",
  { timeout: 120_000 },
  async () => {
    const step = fc.record({
      does: fc.constantFrom("type", "tell", "hear", "cut"),
      end: fc.nat(1),
      writes: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.boolean(), async (steps, isNew) => {
        const first = Automerge.from<Text>({ text: "x = 1" });
        const ends = [held(first), held(isNew ? Automerge.init<Text>() : Automerge.clone(first))] as const;
        let syncs = ends.map((end) => new DocumentSync(end, true));
        let under: Uint8Array[][] = [[], []];
        const tell = async (end: number): Promise<boolean> => {
          const said = await syncs[end]?.next();
          if (said) under[end]?.push(said);
          return said !== undefined;
        };
        const hear = async (end: number): Promise<boolean> => {
          const heard = under[1 - end]?.shift();
          if (heard) await syncs[end]?.take(heard);
          return heard !== undefined;
        };
        for (const { does, end, writes } of steps) {
          const { document } = ends[end] as (typeof ends)[0];
          if (does === "tell") await tell(end);
          else if (does === "hear") await hear(end);
          else if (does === "type" && typeof (document as Text).text === "string")
            (ends[end] as (typeof ends)[0]).document = Automerge.change(document as Automerge.Doc<Text>, (draft) =>
              Automerge.splice(draft, ["text"], 0, 0, "y"),
            );
          else if (does === "cut") {
            under = [[], []];
            syncs = ends.map((one, index) => {
              const next = new DocumentSync(one, true);
              if (writes) next.goOnFrom(syncs[index]?.inCommon ?? []);
              return next;
            });
          }
        }
        for (let quiet = 0, rounds = 0; quiet < 2; rounds += 1) {
          expect(rounds).toBeLessThan(40);
          let said = false;
          for (const end of [0, 1]) if (await tell(end)) said = true;
          for (const end of [0, 1]) while (await hear(end)) said = true;
          quiet = said ? 0 : quiet + 1;
        }
        expect(Automerge.getHeads(ends[1].document)).toEqual(Automerge.getHeads(ends[0].document));
        for (const sync of syncs) expect(await sync.hasAll()).toBe(true);
      }),
      { numRuns: 100 },
    );
  },
);

it("finds out when the other end has lost what both had in common", async () => {
  const [mine, lost] = [held(Automerge.from<Text>({ text: "x = 1" })), held(Automerge.init<Text>())];
  const [here, there] = [new DocumentSync(mine, true), new DocumentSync(lost, true)];
  here.goOnFrom(Automerge.getHeads(mine.document));
  for (let round = 0; round < 10; round += 1) {
    const [said, answered] = [await here.next(), await there.next()];
    if (said) await there.take(said);
    if (answered) await here.take(answered);
  }
  expect(Automerge.getHeads(lost.document)).toEqual(Automerge.getHeads(mine.document));
  expect(await here.hasAll()).toBe(true);
  expect(there.inCommon).toEqual(Automerge.getHeads(mine.document));
});
