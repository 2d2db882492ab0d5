/**
 * Entries that were changed on the way, byte by byte and member by member: a peer takes none of them, says why, and is
 * as it was. fast-check prints the seed of what it finds.
 */
import { canonicalJson } from "#core/base/canonical-json.ts";
import { Membership } from "#core/mesh/membership.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bringIn,
  bytesOf,
  invite,
  joining,
  newPerson,
  NOTEBOOK,
  outcomeOf,
  replicaOf,
  signatures,
  TODAY,
  type Person,
} from "./kit.ts";

const [ada, bob, cem] = (await Promise.all(["Ada", "Bob", "Cem"].map(newPerson))) as [Person, Person, Person];

/** A peer that has the beginning, and one entry of every kind that it lacks. */
async function scene(): Promise<{ readonly peer: Membership; readonly entries: readonly Uint8Array[] }> {
  const membership = await Membership.create(signatures, { signer: ada, time: TODAY, notebook: NOTEBOOK, name: "Ada" });
  const peer = await replicaOf(membership);
  await bringIn(membership, ada, bob);
  const open = await invite(membership, ada, { uses: "many" });
  await membership.merge([(await joining(membership, open, cem)).bytes]);
  await membership.setRole({ signer: ada, time: TODAY, member: bob.id, role: "owner" });
  await membership.revokeInvitation({ signer: bob, time: TODAY, invitation: open.id });
  await membership.rename({ signer: cem, time: TODAY, name: "Cemal" });
  await membership.remove({ signer: bob, time: TODAY, member: cem.id });
  return { peer, entries: bytesOf(membership.entriesSince(peer.heads)) };
}

const { peer, entries } = await scene();
const kinds = entries.map(
  (bytes) => (JSON.parse(new TextDecoder().decode(bytes)) as { body: { type: string } }).body.type,
);

/** A change of bytes: one flipped, some cut out, some put in, or the end gone. */
const byteChange = fc.oneof(
  fc.record({ how: fc.constant("flip" as const), place: fc.nat(), by: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ how: fc.constant("cut" as const), place: fc.nat(), by: fc.integer({ min: 1, max: 64 }) }),
  fc.record({ how: fc.constant("put" as const), place: fc.nat(), by: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ how: fc.constant("end" as const), place: fc.nat(), by: fc.constant(0) }),
);

function changeBytes(
  bytes: Uint8Array,
  { how, place, by }: { how: "flip" | "cut" | "put" | "end"; place: number; by: number },
) {
  const at = place % bytes.length;
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (how) {
    case "flip":
      return Uint8Array.of(...before, (after[0] as number) ^ by, ...after.subarray(1));
    case "cut":
      return Uint8Array.of(...before, ...after.subarray(by));
    case "put":
      return Uint8Array.of(...before, by, ...after);
    default:
      return before.slice();
  }
}

/** Puts a value in the place of one of those in a JSON value, chosen by numbers. */
function replaceWithin(value: unknown, path: readonly number[], by: unknown): unknown {
  if (typeof value !== "object" || value === null || path.length === 0) return by;
  const keys = Object.keys(value);
  const key = keys[(path[0] as number) % Math.max(1, keys.length)];
  if (key === undefined) return by;
  const inner = replaceWithin((value as Record<string, unknown>)[key], path.slice(1), by);
  return Array.isArray(value) ? value.with(Number(key), inner) : { ...value, [key]: inner };
}

/** All of them, and one that was changed in the place of the right one. */
async function expectRefused(which: number, changed: Uint8Array): Promise<void> {
  const original = entries[which] as Uint8Array;
  if (changed.length === original.length && changed.every((byte, index) => byte === original[index])) return;
  const fresh = await replicaOf(peer);
  const before = entries.slice(0, which);
  await fresh.merge(before);
  const outcome = outcomeOf(fresh);
  const { accepted, refused } = await fresh.merge([changed]);
  expect(accepted).toEqual([]);
  expect(refused).toHaveLength(1);
  expect(refused[0]?.message).toMatch(/^[A-Z].*\.$/);
  expect(outcomeOf(fresh)).toEqual(outcome);
  // The right one is taken all the same.
  const { accepted: right } = await fresh.merge([original]);
  expect(right).toHaveLength(1);
}

describe("an entry that was changed on the way (M3, M4, M6)", () => {
  it("is one of every kind", () => {
    expect(new Set(kinds)).toEqual(new Set(["invite", "join", "set_role", "revoke_invitation", "rename", "remove"]));
  });

  it("is refused, whichever bytes were changed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(entries.length - 1), byteChange, async (which, change) => {
        await expectRefused(which, changeBytes(entries[which] as Uint8Array, change));
      }),
      { numRuns: 80 },
    );
  });

  it("is refused, whatever was put in the place of a member, in the right spelling", async () => {
    const anything = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(TODAY, 2, bob.id, cem.id, "owner", "remove"),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.nat(entries.length - 1),
        fc.array(fc.nat(20), { maxLength: 3 }),
        anything,
        async (which, path, by) => {
          const value: unknown = JSON.parse(new TextDecoder().decode(entries[which]));
          await expectRefused(which, new TextEncoder().encode(canonicalJson(replaceWithin(value, path, by))));
        },
      ),
      { numRuns: 80 },
    );
  });
});
