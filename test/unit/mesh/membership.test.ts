import { Membership } from "#core/mesh/membership.ts";
import { describe, expect, it } from "vitest";
import * as kit from "./kit.ts";
import {
  bringIn,
  exchange,
  invite,
  joining,
  newPerson,
  NOTEBOOK,
  outcomeOf,
  replicaOf,
  signatures,
  TODAY,
} from "./kit.ts";

const [ada, bob, cem, dora] = (await Promise.all(["Ada", "Bob", "Cem", "Dora"].map(newPerson))) as [
  kit.Person,
  kit.Person,
  kit.Person,
  kit.Person,
];

const create = () => Membership.create(signatures, { signer: ada, time: TODAY, notebook: NOTEBOOK, name: "Ada" });
const roles = (membership: Membership) => Object.fromEntries(membership.members.map(({ name, role }) => [name, role]));

describe("a membership", () => {
  it("has its creator as the owner, and lets in who was invited, with the role of the link", async () => {
    const membership = await create();
    const invitation = await invite(membership, ada, { role: "commenter" });
    const { accepted, refused } = await membership.merge([(await joining(membership, invitation, bob)).bytes]);
    expect(refused).toEqual([]);
    expect(accepted).toHaveLength(1);
    expect(roles(membership)).toEqual({ Ada: "owner", Bob: "commenter" });
    expect(membership.may(bob.id, "comment")).toBe(true);
    expect(membership.may(bob.id, "edit")).toBe(false);
    expect(membership.may(cem.id, "read")).toBe(false);
    expect(membership.invitations).toMatchObject([{ state: "used", usedBy: [bob.id] }]);
  });

  it("comes to the same at a peer that was given its entries in any order, and gives only what another lacks", async () => {
    const membership = await create();
    await bringIn(membership, ada, bob);
    const known = membership.heads;
    await bringIn(membership, ada, cem, "reader");
    const replica = await replicaOf(membership);
    expect(outcomeOf(replica)).toEqual(outcomeOf(membership));
    const late = membership.entriesSince(known);
    expect(late).toHaveLength(2);
    const other = (
      await Membership.load(signatures, membership.genesis, kit.bytesOf(membership.entriesSince([])).reverse())
    ).membership;
    expect(outcomeOf(other)).toEqual(outcomeOf(membership));
  });

  it("lets a removal beat what the removed did without having seen it", async () => {
    const membership = await create();
    await bringIn(membership, ada, bob, "owner");
    const other = await replicaOf(membership);
    await membership.remove({ signer: ada, time: TODAY, member: bob.id });
    await bringIn(other, bob, dora);
    expect(roles(other)).toEqual({ Ada: "owner", Bob: "owner", Dora: "editor" });
    await exchange(membership, other);
    expect(roles(membership)).toEqual({ Ada: "owner" });
    expect(outcomeOf(other)).toEqual(outcomeOf(membership));
  });
});
