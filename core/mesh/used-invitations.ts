/**
 * An owner closes links for one person once they are used (SPEC.md, M23): else somebody else who has the link could make up
 * a joining as if from before, and take that person's place.
 */
import type { AcceptedEntry } from "./entry-intake.ts";
import type { MemberId } from "./identity.ts";
import type { Membership } from "./membership.ts";

export class UsedInvitations {
  /** Those that this end closes, or has closed. */
  readonly #closing = new Set<string>();
  readonly #revoke: (membership: Membership, invitation: string) => Promise<AcceptedEntry>;

  /** `revoke` makes the entry that withdraws an invitation. */
  constructor(revoke: (membership: Membership, invitation: string) => Promise<AcceptedEntry>) {
    this.#revoke = revoke;
  }

  /** The entry that closes one that is used; undefined where there is none, or `me` may not close it. */
  async close(membership: Membership, me: MemberId): Promise<AcceptedEntry | undefined> {
    if (!membership.may(me, "manage")) return undefined;
    const used = membership.invitations.find(({ id, state }) => state === "used" && !this.#closing.has(id));
    if (!used) return undefined;
    this.#closing.add(used.id);
    // Where it can't be (the list is full), the one whose message this follows has done nothing wrong.
    return await this.#revoke(membership, used.id).catch(() => undefined);
  }
}
