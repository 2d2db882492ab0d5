/** Whose changes are whose: what is signed, what a forger may try, and what is kept (SPEC.md, chapter "Signed changes"). */
import * as Automerge from "@automerge/automerge";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import {
  MOST_SIGNED_ACTORS,
  readChangeSignature,
  signChanges,
  verifyChanges,
  type ReadChangeSignature,
} from "#core/mesh/change-signature.ts";
import { ChangeSignatures, MOST_SIGNATURES_OF_ONE } from "#core/mesh/change-signatures.ts";
import type { MemberId } from "#core/mesh/identity.ts";
import { authorOfMember } from "#core/notebook/author.ts";
import { concatenate } from "#core/base/bytes.ts";
import { SignedChanges, type ChangeMark } from "#core/notebook/signed-changes.ts";
import { cellId, newCell, openWith, saved } from "../notebook/kit.ts";
import { newPerson, signatures } from "./kit.ts";
import { letIn, link, person, until, type Person } from "./people.ts";

const people: Person[] = [];
afterEach(async () => {
  for (const someone of people.splice(0)) await someone.close();
});

/** For a machine that is busy. */
const PATIENCE = 90_000;

/** Two who write in one notebook, and a way to let time pass for the signatures. */
async function company() {
  let passed = 0;
  const [ana, ben] = [await person("Ana", undefined, () => passed), await person("Ben", undefined, () => passed)];
  people.push(ana, ben);
  const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
  const { document } = mine;
  await ana.mesh.share(document, "Ana");
  const line = link(ana, ben);
  const theirs = await letIn(ana, ben, document);
  return { ana, ben, mine, theirs, document, line, pass: () => (passed += 120_000) };
}

/** How many changes each has made, as the history that somebody sees says; "?" for those that are not signed. */
async function madeBy(who: Person, document: DocumentId): Promise<Readonly<Record<string, number>>> {
  const client = await who.library.open(document);
  const counts: Record<string, number> = {};
  for (const session of (await client.history(500)).sessions) {
    for (const { member, unsigned, changes } of session.people) {
      const key = unsigned ? "?" : (member ?? "");
      counts[key] = (counts[key] ?? 0) + changes;
    }
  }
  client.close();
  return counts;
}

const shows = (who: Person, document: DocumentId, member: Person, changes: number, unsigned = 0): Promise<void> =>
  until(
    async () => {
      const made = await madeBy(who, document);
      return made[member.mesh.me] === changes && (made["?"] ?? 0) === unsigned;
    },
    `${who.name} sees ${changes} changes by ${member.name} and ${unsigned} by nobody`,
    PATIENCE,
  );

let forgeries = 0;

/** A change of somebody's document by a program that writes what it likes. */
async function forged(at: Person, document: DocumentId, how: (present: Automerge.Doc<Forged>) => void, actor?: string) {
  const all = concatenate(await at.host.changesSince(document, []));
  const present = Automerge.load<Forged>(all, actor === undefined ? {} : { actor });
  how(present);
  const next = Automerge.change(present, { time: Math.floor(Date.now() / 1000) }, (draft) => {
    (draft.cells["a"] as Record<string, unknown>)["evil"] = ++forgeries;
  });
  return Automerge.getLastLocalChange(next) as Uint8Array;
}
interface Forged {
  cells: Record<string, Record<string, unknown>>;
}

const insert = (id: string) => ({ type: "insert_cell", cell: newCell(id, id), after: cellId("a") }) as const;

describe("a signature under changes", () => {
  it("names their author to others, also after a restart and when the other is not there (A1, A5, A8)", async () => {
    const { ana, ben, theirs, document, line } = await company();
    await theirs.change([insert("b")]);
    await theirs.change([insert("c")]);
    await shows(ana, document, ben, 2);
    await until(async () => (await ana.store.loadRange(["signature", document])).length === 1, "it is kept", PATIENCE);
    line.cut();
    people.splice(people.indexOf(ana), 1);
    await ana.close();
    const again = await person("Ana", { store: ana.store, blocks: ana.blocks, signer: ana.signer });
    people.push(again);
    await shows(again, document, ben, 2);
  }, 200_000);

  it("comes later for what was written just before a machine was switched off (A4)", async () => {
    const { ana, ben, theirs, document, line } = await company();
    line.cut();
    await theirs.change([insert("b")]);
    await saved(theirs);
    people.splice(people.indexOf(ben), 1);
    await ben.close();
    const again = await person("Ben", { store: ben.store, blocks: ben.blocks, signer: ben.signer });
    people.push(again);
    link(ana, again);
    await shows(ana, document, again, 1);
  }, 200_000);

  it("is believed where the disk is full, and the link goes on (A5)", async () => {
    const { ana, ben, theirs, document } = await company();
    ana.store.failure = new KromaError("exhausted", "full");
    await theirs.change([insert("b")]);
    await shows(ana, document, ben, 1);
    expect(await ana.store.loadRange(["signature"])).toEqual([]);
    expect([ana.mesh.peers.length, ana.mesh.troubles]).toEqual([1, []]);
    ana.store.failure = undefined;
  }, 200_000);

  it("is handed on by others, to who comes later (A5)", async () => {
    const { ana, ben, theirs, document, line } = await company();
    await theirs.change([insert("b")]);
    await shows(ana, document, ben, 1);
    line.cut();
    const cleo = await person("Cleo");
    people.push(cleo);
    link(ana, cleo);
    await letIn(ana, cleo, document, "reader");
    await shows(cleo, document, ben, 1);
  }, 200_000);
});

describe("a forger who may write", () => {
  it("is not taken for whom their changes name, not even when that one writes on and signs (A3)", async () => {
    const { ana, ben, mine, document } = await company();
    await ben.host.applyChanges(document, [
      await forged(ben, document, (present) => Automerge.getBackend(present).setAuthor(authorOfMember(ana.mesh.me))),
    ]);
    expect((await madeBy(ben, document))["?"]).toBe(1);
    await until(async () => (await madeBy(ana, document))["?"] === 1, "Ana has it", PATIENCE);
    await mine.change([insert("b")]);
    await shows(ben, document, ana, 1, 1);
    await shows(ana, document, ana, 1, 1);
  }, 200_000);

  it("gets no signature by writing under an actor of hers: she takes another one (A4)", async () => {
    const { ana, ben, mine, document, pass } = await company();
    await mine.change([insert("b")]);
    await shows(ben, document, ana, 1);
    const [hers] = (await ana.host.changesSince(document, [])).slice(-1).map(Automerge.decodeChange);
    await ben.host.applyChanges(document, [await forged(ben, document, () => undefined, hers?.actor)]);
    await until(async () => (await madeBy(ana, document))["?"] === 1, "Ana has it", PATIENCE);
    pass();
    // This one builds on what is not hers, under the actor that is no longer hers alone.
    await mine.change([insert("c")]);
    await mine.change([insert("d")]);
    await shows(ben, document, ana, 2, 2);
    await shows(ana, document, ana, 2, 2);
  }, 200_000);

  it("can't keep her from others by her next number: both stay, hers is hers, and whence the other came is told (S19)", async () => {
    const { ana, ben, mine, theirs, document, line, pass } = await company();
    const cleo = await person("Cleo");
    people.push(cleo);
    const between = link(ana, cleo);
    const hers = await letIn(ana, cleo, document);
    link(ben, cleo);
    await mine.change([insert("b")]);
    const has = (client: typeof mine, ...ids: readonly string[]) =>
      until(
        () => ids.every((id) => client.notebook.cells.some((cell) => cell.id === id)),
        `has ${ids.join()}`,
        PATIENCE,
      );
    await Promise.all([has(theirs, "b"), has(hers, "b")]);
    line.cut();
    between.cut();
    const [last] = (await ana.host.changesSince(document, [])).slice(-1).map(Automerge.decodeChange);
    await ben.host.applyChanges(document, [await forged(ben, document, () => undefined, last?.actor)]);
    const inAll = async (who: Person): Promise<string> => (await who.host.heads(document)).toSorted().join();
    await until(async () => (await inAll(ben)) === (await inAll(cleo)), "Cleo has what was forged", PATIENCE);
    // Ana goes on under her own actor and so with the same number; Cleo builds on what was forged.
    await mine.change([insert("c")]);
    await mine.change([insert("d")]);
    await hers.change([insert("e")]);
    link(ana, cleo);
    await has(hers, "c", "d", "e");
    await has(mine, "c", "d", "e");
    await until(async () => (await inAll(ana)) === (await inAll(cleo)), "Ana and Cleo have the same", PATIENCE);
    await until(async () => (await inAll(ben)) === (await inAll(cleo)), "and Ben", PATIENCE);
    expect(mine.notebook.cells.map(({ id }) => id).toSorted()).toEqual(["a", "b", "c", "d", "e"]);
    pass();
    await mine.change([insert("f")]);
    await has(hers, "f");
    // Of the four changes by Ana none is taken for anybody else's; what was forged is nobody's.
    await until(
      async () => ((await madeBy(cleo, document))[ana.mesh.me] ?? 0) === 4,
      "all of Ana's are hers",
      PATIENCE,
    );
    const notesOf = ({ mesh }: Person) => mesh.notebook(document)?.contradictions;
    const note = (through: Person) => ({ inPlaceOf: ana.mesh.me, through: [through.mesh.me] });
    await until(() => (notesOf(ana) ?? []).length + (notesOf(cleo) ?? []).length > 0, "one of them saw both", PATIENCE);
    for (const seen of notesOf(ana) ?? []) expect(seen).toEqual(note(cleo));
    for (const seen of notesOf(cleo) ?? []) expect(seen).toEqual(note(ben));
    expect([ana.mesh.troubles, cleo.mesh.troubles]).toEqual([["cut", "cut"], ["cut"]]);
    // What is on disk is the document without contradictions, and it goes on from there.
    await Promise.all([saved(mine), saved(hers)]);
    const before = await inAll(cleo);
    people.splice(people.indexOf(cleo), 1);
    await cleo.close();
    const again = await person("Cleo", { store: cleo.store, blocks: cleo.blocks, signer: cleo.signer });
    people.push(again);
    expect(await inAll(again)).toBe(before);
    link(ana, again);
    await (await again.library.open(document)).change([insert("g")]);
    await has(mine, "g");
  }, 200_000);

  it("can't claim what another has written (A3)", async () => {
    const [ana, ben] = [await newPerson("Ana"), await newPerson("Ben")];
    const mark: ChangeMark = { actor: "aa", seq: 3, hash: "0".repeat(64) };
    const { said } = await signChanges(ben, [mark]);
    const signed = new SignedChanges([{ member: said.author, changes: said.changes }]);
    const find = (): ChangeMark => mark;
    expect(signed.isBy(ana.id, { actor: "aa", seq: 2 }, find)).toBe(false);
    expect(signed.isBy(ben.id, { actor: "aa", seq: 3 }, find)).toBe(true);
    expect(signed.isBy(ben.id, { actor: "aa", seq: 4 }, find)).toBe(false);
    // Another change stands where the signed one should.
    const other = new SignedChanges([{ member: said.author, changes: said.changes }]);
    expect(other.isBy(ben.id, { actor: "aa", seq: 2 }, () => ({ actor: "aa", seq: 4 }))).toBe(false);
    expect(other.isBy(ben.id, { actor: "aa", seq: 2 }, () => undefined)).toBe(false);
  });

  it("is found out by any byte of it that differs (A1, A2)", async () => {
    const ana = await newPerson("Ana");
    const made = await signChanges(ana, [
      { actor: "bb", seq: 1, hash: "1".repeat(64) },
      { actor: "aa", seq: 2, hash: "2".repeat(64) },
    ]);
    const read = (await readChangeSignature(made.bytes)) as ReadChangeSignature;
    expect(read).toEqual(made);
    expect(await verifyChanges(signatures, ana.identity, read.said)).toBe(true);
    expect(await verifyChanges(signatures, (await newPerson("Ben")).identity, read.said)).toBe(false);
    await fc.assert(
      fc.asyncProperty(fc.nat(made.bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const bytes = made.bytes.slice();
        bytes[at] = (bytes[at] as number) ^ flip;
        // A number that grows by such a flip may be that of a newer version.
        const other = await readChangeSignature(bytes).catch(() => undefined);
        if (other) expect(await verifyChanges(signatures, ana.identity, other.said)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

describe("signatures that are kept", () => {
  const hashOf = (actor: string, seq: number): string => `${actor}${seq.toString(16).padStart(4, "0")}`.padEnd(64, "0");
  const actors = Array.from({ length: 80 }, (_, index) => (index + 16).toString(16));
  const read = (author: string, changes: readonly ChangeMark[], name: number): ReadChangeSignature => ({
    hash: `s${name}`,
    bytes: new Uint8Array(),
    said: {
      version: 1,
      author: author as MemberId,
      changes: changes.toSorted((left, right) => (left.actor < right.actor ? -1 : 1)),
      signature: { ed25519: "", mlDsa65: "" },
    },
  });
  const take = (all: ChangeSignatures, one: ReadChangeSignature): void => {
    if (!all.isOfNoUse(one)) all.add(one, all.replacedBy(one));
  };
  const proved = (all: ChangeSignatures): Readonly<Record<string, number>> => {
    const best: Record<string, number> = {};
    for (const { member, changes } of all.signed)
      for (const { actor, seq } of changes) best[`${member} ${actor}`] = Math.max(best[`${member} ${actor}`] ?? 0, seq);
    return Object.fromEntries(Object.entries(best).sort());
  };

  it("prove the same in any order, and what was proved once stays (A6, A7)", () => {
    const session = fc.record({
      author: fc.constantFrom("ana", "ben"),
      actor: fc.constantFrom(...actors),
      seq: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(
        fc.array(session, { minLength: 1, maxLength: 120 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1 })),
        (sessions, chances) => {
          const own = new ChangeSignatures();
          const made: ReadChangeSignature[] = [];
          const expected: Record<string, number> = {};
          for (const { author, actor, seq } of sessions) {
            const key = `${author} ${actor}`;
            expected[key] = Math.max(expected[key] ?? 0, seq);
            for (const changes of own.next(author as MemberId, [{ actor, seq, hash: hashOf(actor, seq) }])) {
              expect(changes.length).toBeLessThanOrEqual(MOST_SIGNED_ACTORS);
              const one = read(author, changes, made.length);
              made.push(one);
              take(own, one);
            }
          }
          expect(proved(own)).toEqual(Object.fromEntries(Object.entries(expected).sort()));
          // So few are kept that all sessions of years have room.
          expect(own.hashes.length).toBeLessThanOrEqual(
            2 + Math.ceil((2 * Object.keys(expected).length) / MOST_SIGNED_ACTORS) * 2,
          );
          const other = new ChangeSignatures();
          const order = made.map((one) => [chances.next().value as number, one] as const).sort(([a], [b]) => a - b);
          for (const [, one] of order) take(other, one);
          expect(proved(other)).toEqual(proved(own));
        },
      ),
    );
  });

  it("are so many of one member at most, and the others keep theirs (A7)", () => {
    const all = new ChangeSignatures();
    take(all, read("ben", [{ actor: "aa", seq: 1, hash: hashOf("aa", 1) }], -1));
    for (let index = 0; index < MOST_SIGNATURES_OF_ONE + 20; index += 1) {
      const actor = (4096 + index).toString(16);
      take(all, read("ana", [{ actor, seq: 1, hash: hashOf(actor, 1) }], index));
    }
    expect(all.of("ana" as MemberId).length).toBe(MOST_SIGNATURES_OF_ONE);
    expect(all.of("ben" as MemberId).length).toBe(1);
    // One that says more than one that is kept takes its place.
    take(all, read("ana", [{ actor: "1000", seq: 2, hash: hashOf("1000", 2) }], 9999));
    expect(proved(all)["ana 1000"]).toBe(2);
  });
});
