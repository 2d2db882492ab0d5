/** What a membership comes to, act by act. Rules: core/mesh/SPEC.md. */
import { canonicalJson } from "#core/base/canonical-json.ts";
import { KromaError } from "#core/base/errors.ts";
import { newDocumentId } from "#core/base/ids.ts";
import { toBase64Url } from "#core/mesh/encoding.ts";
import type { AcceptedEntry } from "#core/mesh/entry-intake.ts";
import { entryBytes, signEntry, type EntryBody, type EntryHash } from "#core/mesh/entry.ts";
import { Membership } from "#core/mesh/membership.ts";
import { describe, expect, it } from "vitest";
import * as kit from "./kit.ts";
import { bringIn, DAY, exchange, invite, joining, newPerson, NOTEBOOK, outcomeOf, replicaOf } from "./kit.ts";
import { signatures, TODAY, YEAR, type Person } from "./kit.ts";

const [ada, bob, cem, dora] = (await Promise.all(["Ada", "Bob", "Cem", "Dora"].map(newPerson))) as [
  Person,
  Person,
  Person,
  Person,
];

const create = (notebook = NOTEBOOK) =>
  Membership.create(signatures, { signer: ada, time: TODAY, notebook, name: "Ada" });

const OTHER = newDocumentId();

const roles = (membership: Membership) => Object.fromEntries(membership.members.map(({ name, role }) => [name, role]));

/** Why the attempt was not allowed. */
async function denial(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.catch((reason: unknown) => reason);
  if (!(error instanceof KromaError)) throw new Error("It was allowed.");
  return (error.details as { reason: string }).reason;
}

/** An entry that somebody makes outside the API: whatever they like, well signed. */
async function forge(
  membership: Membership,
  signer: Person,
  body: EntryBody,
  more: { readonly previous?: readonly EntryHash[]; readonly sequence?: number; readonly time?: number } = {},
): Promise<AcceptedEntry> {
  const { previous = membership.heads, sequence = 1, time = TODAY } = more;
  const entry = await signEntry(signer, { genesis: membership.genesis, previous: [...previous], sequence, time, body });
  return { hash: "" as EntryHash, bytes: entryBytes(entry) };
}

/** Why a peer did not take what it was given. */
async function reasons(membership: Membership, ...entries: readonly AcceptedEntry[]): Promise<readonly string[]> {
  return (await membership.merge(kit.bytesOf(entries))).refused.map(({ reason }) => reason);
}

describe("a membership", () => {
  it("has its creator as the owner, and lets in who was invited, with the role of the link (M7, M12)", async () => {
    const membership = await create();
    const invitation = await invite(membership, ada, { role: "commenter" });
    const { accepted, refused } = await membership.merge([(await joining(membership, invitation, bob)).bytes]);
    expect(refused).toEqual([]);
    expect(accepted).toHaveLength(1);
    expect(roles(membership)).toEqual({ Ada: "owner", Bob: "commenter" });
    expect(membership.may(bob.id, "comment")).toBe(true);
    expect(membership.may(bob.id, "edit")).toBe(false);
    expect(membership.may(cem.id, "read")).toBe(false);
    expect(membership.invitations).toMatchObject([{ state: "used", usedBy: [bob.id], entry: invitation.entry }]);
    expect(membership.members[1]).toMatchObject({ id: bob.id, invitedBy: ada.id, joined: TODAY });
  });

  it("comes to the same at a peer that got its entries in another order, and gives only what another lacks (M17)", async () => {
    const membership = await create();
    await bringIn(membership, ada, bob);
    const known = membership.heads;
    await bringIn(membership, ada, cem, "reader");
    expect(membership.entriesSince(known)).toHaveLength(2);
    expect(membership.entriesSince(membership.heads)).toEqual([]);
    const all = kit.bytesOf(membership.entriesSince([]));
    expect(all).toHaveLength(5);
    const { membership: other, refused } = await Membership.load(signatures, membership.genesis, all.reverse());
    expect(refused).toEqual([]);
    expect(outcomeOf(other)).toEqual(outcomeOf(membership));
    expect(other.heads).toEqual(membership.heads);
  });

  it("does not open without its beginning, or with one that is not signed by its owner (M2)", async () => {
    const membership = await create();
    const [genesis] = membership.entriesSince([]);
    const text = new TextDecoder().decode(genesis?.bytes);
    const other = await create(OTHER);
    const foreign = JSON.parse(new TextDecoder().decode(other.entriesSince([])[0]?.bytes)) as { signature: unknown };
    const swapped = canonicalJson({ ...(JSON.parse(text) as object), signature: foreign.signature });
    for (const entries of [[], [new TextEncoder().encode(swapped)], kit.bytesOf(other.entriesSince([]))])
      await expect(Membership.load(signatures, membership.genesis, entries)).rejects.toMatchObject({ code: "corrupt" });
  });

  it("lets nobody but owners invite, remove and give roles, and everybody leave and rename themselves (M9)", async () => {
    const membership = await create();
    await bringIn(membership, ada, bob, "editor");
    await bringIn(membership, ada, cem, "editor");
    const acts: readonly EntryBody[] = [
      { type: "invite", key: toBase64Url(new Uint8Array(32)), role: "reader", uses: "many", expires: TODAY + DAY },
      { type: "remove", member: cem.id },
      { type: "remove", member: ada.id },
      { type: "set_role", member: bob.id, role: "owner" },
      { type: "revoke_invitation", invitation: membership.invitations[0]!.id },
    ];
    for (const body of acts) {
      expect(await reasons(membership, await forge(membership, bob, body, { sequence: 2 }))).toEqual(["notPermitted"]);
      // Who was never there may still less.
      expect(await reasons(membership, await forge(membership, dora, body))).toEqual(["notMember"]);
    }
    await membership.rename({ signer: bob, time: TODAY, name: "Robert" });
    await membership.remove({ signer: cem, time: TODAY, member: cem.id });
    expect(roles(membership)).toEqual({ Ada: "owner", Robert: "editor" });
    expect(membership.formerMembers).toMatchObject([{ id: cem.id, name: "Cem", by: cem.id }]);
    expect(await denial(membership.rename({ signer: cem, time: TODAY, name: "Back" }))).toBe("notMember");
  });

  it("lets a removal beat what the removed did without having seen it, and whom they let in (M21)", async () => {
    const membership = await create();
    await bringIn(membership, ada, bob, "owner");
    const open = await invite(membership, bob, { uses: "many" });
    const other = await replicaOf(membership);
    await membership.remove({ signer: ada, time: TODAY, member: bob.id });
    await bringIn(other, bob, dora);
    await other.merge([(await joining(other, open, cem)).bytes]);
    expect(roles(other)).toEqual({ Ada: "owner", Bob: "owner", Dora: "editor", Cem: "editor" });
    await exchange(membership, other);
    expect(roles(membership)).toEqual({ Ada: "owner" });
    expect(outcomeOf(other)).toEqual(outcomeOf(membership));
    // What he makes later is not even taken in; what he makes up as if it were from before has no effect.
    expect(
      await denial(
        other.invite({
          signer: bob,
          time: TODAY,
          key: toBase64Url(new Uint8Array(32).fill(1)),
          role: "editor",
          uses: "one",
          expires: TODAY,
        }),
      ),
    ).toBe("notMember");
    const late = await newPerson("Late");
    await membership.merge([(await joining(membership, open, late)).bytes]);
    expect(roles(membership)).toEqual({ Ada: "owner" });
  });

  it("keeps what the removed did before, as far as it was seen (M21)", async () => {
    const membership = await create();
    await bringIn(membership, ada, bob, "owner");
    await bringIn(membership, bob, cem);
    await membership.remove({ signer: ada, time: TODAY, member: bob.id });
    expect(roles(membership)).toEqual({ Ada: "owner", Cem: "editor" });
  });

  it("takes the side of the earlier owner when two remove each other, also against puppets (M24)", async () => {
    const membership = await create();
    await bringIn(membership, ada, bob, "owner");
    await bringIn(membership, ada, cem, "reader");
    const other = await replicaOf(membership);
    await membership.remove({ signer: ada, time: TODAY, member: bob.id });
    await other.setRole({ signer: bob, time: TODAY, member: cem.id, role: "owner" });
    await other.remove({ signer: cem, time: TODAY, member: ada.id });
    expect(roles(other)).toEqual({ Bob: "owner", Cem: "owner" });
    await exchange(membership, other);
    expect(roles(other)).toEqual({ Ada: "owner", Cem: "reader" });
    expect(outcomeOf(membership)).toEqual(outcomeOf(other));
  });

  it("always has an owner (M15, M25)", async () => {
    const membership = await create();
    expect(await denial(membership.remove({ signer: ada, time: TODAY, member: ada.id }))).toBe("lastOwner");
    expect(await denial(membership.setRole({ signer: ada, time: TODAY, member: ada.id, role: "reader" }))).toBe(
      "lastOwner",
    );
    await bringIn(membership, ada, bob, "owner");
    await bringIn(membership, ada, cem, "editor");
    const other = await replicaOf(membership);
    // Each leaves it to the other, on the same evening.
    await membership.remove({ signer: ada, time: TODAY, member: ada.id });
    await other.setRole({ signer: bob, time: TODAY, member: bob.id, role: "editor" });
    await exchange(membership, other);
    expect(membership.members.filter(({ role }) => role === "owner")).toHaveLength(1);
    expect(outcomeOf(membership)).toEqual(outcomeOf(other));
  });

  it("has one winner when a link for one is used twice, and the loser's acts fall (M22)", async () => {
    const membership = await create();
    const invitation = await invite(membership, ada, { uses: "one" });
    const other = await replicaOf(membership);
    await membership.merge([(await joining(membership, invitation, bob)).bytes]);
    await other.merge([(await joining(other, invitation, cem)).bytes]);
    await other.rename({ signer: cem, time: TODAY, name: "Cemal" });
    await exchange(membership, other);
    expect(membership.members).toHaveLength(2);
    expect(outcomeOf(membership)).toEqual(outcomeOf(other));
    const loser = membership.roleOf(bob.id) ? cem : bob;
    expect(membership.may(loser.id, "read")).toBe(false);
    expect(
      await reasons(membership, await joining(membership, invitation, dora, { previous: membership.heads })),
    ).toEqual(["invitation"]);
  });

  it("lets a link for many be used by many until it is revoked, which beats a use that had not been seen (M23)", async () => {
    const membership = await create();
    const invitation = await invite(membership, ada, { uses: "many", role: "reader" });
    await membership.merge([(await joining(membership, invitation, bob)).bytes]);
    await membership.revokeInvitation({ signer: ada, time: TODAY, invitation: invitation.id });
    expect(
      await reasons(membership, await joining(membership, invitation, dora, { previous: membership.heads })),
    ).toEqual(["invitation"]);
    // Made as if from before: taken in, for others may have it, and without effect.
    const { accepted } = await membership.merge([(await joining(membership, invitation, cem)).bytes]);
    expect(accepted).toHaveLength(1);
    expect(membership.isEffective(accepted[0]!.hash)).toBe(false);
    expect(roles(membership)).toEqual({ Ada: "owner", Bob: "reader" });
  });

  it("does not let back by an old link whom an owner removed or gave less, but by a new one (M14)", async () => {
    const membership = await create();
    const open = await invite(membership, ada, { uses: "many", role: "editor" });
    await membership.merge([
      (await joining(membership, open, bob)).bytes,
      (await joining(membership, open, cem)).bytes,
    ]);
    await membership.remove({ signer: ada, time: TODAY, member: bob.id });
    await membership.setRole({ signer: ada, time: TODAY, member: cem.id, role: "reader" });
    const again = (signer: Person, secret: Uint8Array) =>
      membership.join({ signer, time: TODAY, secret, name: "Again" });
    expect(await denial(again(bob, open.secret))).toBe("invitation");
    expect(await denial(again(cem, open.secret))).toBe("invitation");
    const fresh = await invite(membership, ada, { uses: "many", role: "commenter" });
    await again(bob, fresh.secret);
    await again(cem, fresh.secret);
    // A member keeps their name.
    expect(roles(membership)).toEqual({ Ada: "owner", Cem: "commenter", Again: "commenter" });
    expect(await denial(again(cem, fresh.secret))).toBe("invitation");
  });

  it("gives the lesser of two roles that owners gave without knowing of each other (M26)", async () => {
    const membership = await create();
    await bringIn(membership, ada, bob, "owner");
    await bringIn(membership, ada, cem, "editor");
    const other = await replicaOf(membership);
    await membership.setRole({ signer: ada, time: TODAY, member: cem.id, role: "reader" });
    await other.setRole({ signer: bob, time: TODAY, member: cem.id, role: "owner" });
    await exchange(membership, other);
    expect(membership.roleOf(cem.id)).toBe("reader");
    expect(outcomeOf(membership)).toEqual(outcomeOf(other));
    await membership.setRole({ signer: ada, time: TODAY, member: cem.id, role: "owner" });
    await exchange(membership, other);
    expect(other.roleOf(cem.id)).toBe("owner");
  });

  it("records who contradicts themself, and has one outcome all the same (M27)", async () => {
    const membership = await create();
    await bringIn(membership, ada, bob);
    const other = await replicaOf(membership);
    await membership.rename({ signer: bob, time: TODAY, name: "Bob here" });
    await other.rename({ signer: bob, time: TODAY, name: "Bob there" });
    expect(membership.equivocations).toEqual([]);
    await exchange(membership, other);
    expect(outcomeOf(membership)).toEqual(outcomeOf(other));
    expect(membership.equivocations).toMatchObject([{ author: bob.id, sequence: 2 }]);
    expect(membership.equivocations[0]?.entries).toHaveLength(2);
    expect(roles(membership)).toEqual({ Ada: "owner", Bob: "editor" });
    // One who has two devices is heard again as soon as they have met.
    await membership.rename({ signer: bob, time: TODAY, name: "Bob again" });
    expect(roles(membership)).toEqual({ Ada: "owner", "Bob again": "editor" });
  });
});

describe("times in a membership (M13, M16)", () => {
  it("lets nobody in by a link that has ended, by the clock of the newcomer or of who lets them in", async () => {
    const membership = await create();
    const invitation = await invite(membership, ada, { expires: TODAY + DAY });
    const late = await joining(membership, invitation, bob, { time: TODAY + 2 * DAY + 1 });
    expect(await reasons(membership, late)).toEqual(["expired"]);
    // Bob sets his clock back; whom he shows it to has a clock too.
    const backdated = await joining(membership, invitation, bob, { time: TODAY + DAY });
    const shown = await membership.merge([backdated.bytes], { from: { id: bob.id, now: TODAY + 30 * DAY } });
    expect(shown.refused.map(({ reason }) => reason)).toEqual(["clock"]);
    const nearly = await membership.merge(
      [(await joining(membership, invitation, bob, { time: TODAY + 2 * DAY })).bytes],
      {
        from: { id: bob.id, now: TODAY + 2 * DAY + 1 },
      },
    );
    expect(nearly.refused.map(({ reason }) => reason)).toEqual(["expired"]);
    // Another identity of his is no member either, and so vouches for nobody.
    const other = await membership.merge([backdated.bytes], { from: { id: cem.id, now: TODAY + 30 * DAY } });
    expect(other.refused.map(({ reason }) => reason)).toEqual(["clock"]);
    expect(roles(membership)).toEqual({ Ada: "owner" });
  });

  it("takes from members whom they let in, whatever the clock says: those who slept have the same list", async () => {
    const membership = await create();
    const invitation = await invite(membership, ada, { expires: TODAY + DAY });
    const sleeper = await replicaOf(membership);
    await membership.merge([(await joining(membership, invitation, bob)).bytes], { from: { id: bob.id, now: TODAY } });
    const { refused } = await sleeper.merge(kit.bytesOf(membership.entriesSince(sleeper.heads)), {
      from: { id: ada.id, now: TODAY + YEAR },
    });
    expect(refused).toEqual([]);
    expect(outcomeOf(sleeper)).toEqual(outcomeOf(membership));
  });

  it("takes the newcomer's own word for it months later, if a member has signed that they saw it", async () => {
    const membership = await create();
    const invitation = await invite(membership, ada);
    const sleeper = await replicaOf(membership);
    const known = membership.heads;
    await membership.merge([(await joining(membership, invitation, bob)).bytes], { from: { id: bob.id, now: TODAY } });
    await membership.rename({ signer: bob, time: TODAY, name: "Robert" });
    const from = { id: bob.id, now: TODAY + YEAR };
    const alone = await sleeper.merge(kit.bytesOf(membership.entriesSince(known)), { from });
    expect(alone.refused.map(({ reason }) => reason)).toEqual(["clock", "pending"]);
    // Nor by an entry that says it is by a member.
    const lie = await forge(membership, { ...bob, id: ada.id }, { type: "rename", name: "Ada" }, { sequence: 3 });
    const lied = await sleeper.merge(kit.bytesOf([...membership.entriesSince(known), lie]), { from });
    expect(lied.accepted).toEqual([]);
    await membership.revokeInvitation({ signer: ada, time: TODAY, invitation: invitation.id });
    const vouched = await sleeper.merge(kit.bytesOf(membership.entriesSince(known)), { from });
    expect(vouched.refused).toEqual([]);
    expect(outcomeOf(sleeper)).toEqual(outcomeOf(membership));
  });

  it.each([
    ["the newcomer's clock is a year ahead", { time: TODAY + YEAR, now: TODAY, reason: "expired" }],
    ["the newcomer's clock is a year behind", { time: TODAY - YEAR, now: TODAY, reason: "clock" }],
    ["the clock of who lets in is a year ahead", { time: TODAY, now: TODAY + YEAR, reason: "clock" }],
    ["the clock of who lets in is a year behind", { time: TODAY, now: TODAY - YEAR, reason: "clock" }],
  ])("says so when %s", async (_, { time, now, reason }) => {
    const membership = await create();
    const invitation = await invite(membership, ada, {});
    const { refused } = await membership.merge([(await joining(membership, invitation, bob, { time })).bytes], {
      from: { id: bob.id, now },
    });
    expect(refused).toMatchObject([{ reason }]);
    expect(refused[0]?.message).toMatch(/\d{4}-\d\d-\d\d/);
  });

  it.each([
    ["ahead", TODAY + YEAR, "clock"],
    ["behind", TODAY - YEAR, "expired"],
  ])("says so when the clock of who invited was a year %s", async (_, time, reason) => {
    const membership = await create();
    const invitation = await invite(membership, ada, { time });
    expect(await reasons(membership, await joining(membership, invitation, bob))).toEqual([reason]);
  });
});

describe("entries that should not be (M3 to M8)", () => {
  it("are refused by name", async () => {
    const membership = await create();
    const invitation = await invite(membership, ada, { uses: "many" });
    const good = await joining(membership, invitation, bob);
    const parsed = JSON.parse(new TextDecoder().decode(good.bytes)) as Record<string, unknown> & {
      body: Record<string, unknown>;
    };
    const changed = (value: unknown): AcceptedEntry => ({
      ...good,
      bytes: new TextEncoder().encode(canonicalJson(value)),
    });
    const foreign = await create(OTHER);
    const rename: EntryBody = { type: "rename", name: "x" };
    const cases: readonly (readonly [string, AcceptedEntry])[] = [
      ["tooLarge", { ...good, bytes: new Uint8Array(16 * 1024 + 1) }],
      ["malformed", { ...good, bytes: Uint8Array.of(0xc3) }],
      ["malformed", { ...good, bytes: new TextEncoder().encode(` ${canonicalJson(parsed)}`) }],
      ["malformed", changed({ ...parsed, more: 1 })],
      ["malformed", changed({ ...parsed, time: -1 })],
      ["malformed", changed({ ...parsed, previous: [] })],
      ["malformed", changed({ ...parsed, previous: [invitation.entry, invitation.entry] })],
      // Under another's id.
      ["malformed", changed({ ...parsed, author: cem.id })],
      ["malformed", changed({ ...parsed, body: { ...parsed.body, name: "x".repeat(65) } })],
      ["malformed", changed({ ...parsed, body: { ...parsed.body, name: "Ada\u202e" } })],
      ["version", changed({ ...parsed, version: 2 })],
      ["otherNotebook", await forge(foreign, ada, rename, { sequence: 2 })],
      ["signature", changed({ ...parsed, time: TODAY + 1 })],
      ["signature", changed({ ...parsed, body: { ...parsed.body, proof: toBase64Url(new Uint8Array(64)) } })],
      ["sequence", await forge(membership, ada, rename, { sequence: 2 })],
      ["sequence", await forge(membership, ada, rename, { sequence: 4 })],
      ["pending", await forge(membership, ada, rename, { sequence: 3, previous: ["b".repeat(53) as EntryHash] })],
    ];
    for (const [reason, entry] of cases) expect([reason, await reasons(membership, entry)]).toEqual([reason, [reason]]);
    // Somebody else's proof does not serve: it names the newcomer.
    const stolen = {
      ...(parsed.body as EntryBody),
      identity: { ed25519: cem.identity.ed25519, mlDsa65: cem.identity.mlDsa65 },
    } as EntryBody;
    expect(await reasons(membership, await forge(membership, cem, stolen, { previous: [invitation.entry] }))).toEqual([
      "signature",
    ]);
    expect(roles(membership)).toEqual({ Ada: "owner" });
    expect(membership.size).toBe(2);
    expect(await reasons(membership, good)).toEqual([]);
    await expect(membership.rename({ signer: ada, time: TODAY, name: " x" })).rejects.toMatchObject({
      code: "invalid",
    });
  });

  it("do not stand in the way of the right one when they are its copy with a wrong signature (M6)", async () => {
    const membership = await create();
    const replica = await replicaOf(membership);
    await bringIn(membership, ada, bob);
    const [invited, joined] = kit.bytesOf(membership.entriesSince(replica.heads)) as [Uint8Array, Uint8Array];
    const parsed = JSON.parse(new TextDecoder().decode(joined)) as { signature: { ed25519: string } };
    const bad = { ...parsed, signature: { ...parsed.signature, ed25519: toBase64Url(new Uint8Array(64)) } };
    // The wrong one waits first for what both refer to.
    await replica.merge([new TextEncoder().encode(canonicalJson(bad)), joined]);
    expect((await replica.merge([invited])).accepted).toHaveLength(2);
    expect(outcomeOf(replica)).toEqual(outcomeOf(membership));
    // What is here already is passed over.
    expect(await replica.merge([joined])).toEqual({ accepted: [], refused: [] });
  });

  it("wait, few at a time, for those they refer to (M18)", async () => {
    const membership = await create();
    const replica = await replicaOf(membership);
    await bringIn(membership, ada, bob);
    await membership.rename({ signer: bob, time: TODAY, name: "Rob" });
    const [invited, joined, renamed] = kit.bytesOf(membership.entriesSince(replica.heads)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    expect((await replica.merge([renamed])).refused).toMatchObject([{ reason: "pending" }]);
    expect((await replica.merge([joined])).accepted).toEqual([]);
    expect((await replica.merge([invited])).accepted).toHaveLength(3);
    expect(outcomeOf(replica)).toEqual(outcomeOf(membership));
  });
});

describe("limits (M19)", () => {
  it("are so that a member can't fill the list, with one number or with many", async () => {
    const membership = await create();
    await bringIn(membership, ada, bob);
    const previous = membership.heads;
    const forks = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        forge(membership, bob, { type: "rename", name: `Bob ${index}` }, { previous, sequence: 2 }),
      ),
    );
    expect(await reasons(membership, ...forks)).toEqual(["limit", "limit", "limit", "limit"]);
    expect(
      await reasons(membership, await forge(membership, bob, { type: "rename", name: "x" }, { sequence: 65 })),
    ).toEqual(["sequence"]);
    for (let count = 3; count <= 64; count += 1)
      await membership.rename({ signer: bob, time: TODAY, name: `Bob ${count}` });
    expect(await denial(membership.rename({ signer: bob, time: TODAY, name: "Bob" }))).toBe("limit");
  });

  it("keep the last entries for owners, so that whoever filled the list can be removed", async () => {
    // All but the limits is tried elsewhere, with signatures that are looked at.
    const trusting = { ...signatures, verify: async () => true, verifyInvitation: async () => true };
    const signature = await ada.sign("", new Uint8Array());
    const quick = (person: Person): Person => ({ ...person, sign: async () => signature });
    const membership = await Membership.create(trusting, {
      signer: quick(ada),
      time: TODAY,
      notebook: NOTEBOOK,
      name: "Ada",
    });
    await bringIn(membership, quick(ada), quick(bob));
    const fill = async (size: number) => {
      while (membership.size < size)
        await membership.rename({ signer: quick(ada), time: TODAY, name: `Ada ${membership.size}` });
    };
    await fill(4500);
    expect(await denial(membership.rename({ signer: quick(bob), time: TODAY, name: "Robert" }))).toBe("limit");
    await membership.remove({ signer: quick(ada), time: TODAY, member: bob.id });
    expect(membership.members).toHaveLength(1);
    await fill(5000);
    expect(await denial(membership.rename({ signer: quick(ada), time: TODAY, name: "Ada" }))).toBe("limit");
  });

  it("are so that a class can come in at once, and the owner can name all of them", async () => {
    const membership = await create();
    const invitation = await invite(membership, ada, { uses: "many", role: "reader" });
    const people = await Promise.all(Array.from({ length: 30 }, (_, index) => newPerson(`Pupil ${index}`)));
    const joins = await Promise.all(people.map((person) => joining(membership, invitation, person)));
    expect(await reasons(membership, ...joins)).toEqual([]);
    expect(membership.heads).toHaveLength(30);
    for (const person of people.slice(-3))
      await membership.setRole({ signer: ada, time: TODAY, member: person.id, role: "editor" });
    await membership.remove({ signer: ada, time: TODAY, member: people[0]!.id });
    expect(membership.members).toHaveLength(30);
    expect(membership.heads).toHaveLength(1);
    expect(outcomeOf(await replicaOf(membership))).toEqual(outcomeOf(membership));
  });
});
