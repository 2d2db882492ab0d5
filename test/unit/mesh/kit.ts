/** People with real keys, and a membership among them, for the tests of the mesh. */
import type { DocumentId } from "#core/base/ids.ts";
import type { EntryHash } from "#core/mesh/entry.ts";
import type { Signatures, Signer } from "#core/mesh/identity.ts";
import { newInvitationSecret } from "#core/mesh/invitation.ts";
import { makeJoin, Membership } from "#core/mesh/membership.ts";
import type { AcceptedEntry } from "#core/mesh/entry-intake.ts";
import type { LinkRole, Role } from "#core/mesh/roles.ts";
import {
  keysOfSeed,
  loadIdentity,
  type IdentityStore,
  type OwnIdentity,
  type StoredIdentity,
} from "#plugins/identity/own-identity.ts";
import { chooseSchemes } from "#plugins/identity/schemes.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";

export const HOUR = 60 * 60 * 1000;
export const DAY = 24 * HOUR;
export const YEAR = 365 * DAY;
/** The day on which the tests happen. */
export const TODAY = Date.UTC(2026, 10, 28);
export const NOTEBOOK = "k3f0a9z1b7c2d4e5" as DocumentId;

/** A store that lasts as long as the test. */
export class MemoryIdentityStore implements IdentityStore {
  stored: StoredIdentity | undefined;
  async load(): Promise<StoredIdentity | undefined> {
    return this.stored;
  }
  async save(stored: StoredIdentity): Promise<void> {
    this.stored = stored;
  }
  async remove(): Promise<void> {
    this.stored = undefined;
  }
  close(): void {
    // Nothing is open.
  }
}

export const signatures: Signatures = await openSignatures();

export type Person = OwnIdentity;

/** 32 bytes that depend on a text only, so that a test can be repeated. */
export const bytesFor = async (text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));

/** Somebody with real keys, the same ones for a name. */
export async function newPerson(name: string): Promise<Person> {
  const schemes = await chooseSchemes();
  const { identity, keys } = await keysOfSeed(await bytesFor(name), schemes);
  const store = new MemoryIdentityStore();
  await store.save({ identity: { ...identity, name }, keys });
  return (await loadIdentity(store)) as Person;
}

/** The bytes of entries. */
export const bytesOf = (entries: readonly AcceptedEntry[]): Uint8Array[] => entries.map(({ bytes }) => bytes);

/** Another peer with everything that `membership` has. */
export async function replicaOf(membership: Membership): Promise<Membership> {
  const { membership: replica } = await Membership.load(
    signatures,
    membership.genesis,
    bytesOf(membership.entriesSince([])),
  );
  return replica;
}

/** Gives each peer what the others have. */
export async function exchange(...peers: readonly Membership[]): Promise<void> {
  const all = peers.flatMap((peer) => bytesOf(peer.entriesSince([])));
  for (const peer of peers) await peer.merge(all);
}

export interface MadeInvitation {
  readonly id: string;
  readonly entry: EntryHash;
  readonly secret: Uint8Array;
}

/** An invitation that lasts for a week. */
export async function invite(
  membership: Membership,
  signer: Signer,
  options: {
    readonly role?: LinkRole;
    readonly uses?: "one" | "many";
    readonly time?: number;
    readonly expires?: number;
    readonly secret?: Uint8Array;
  } = {},
): Promise<MadeInvitation> {
  const {
    role = "editor",
    uses = "one",
    time = TODAY,
    expires = time + 7 * DAY,
    secret = newInvitationSecret(),
  } = options;
  const { publicKey: id } = await signatures.invitationKey(secret);
  const { hash } = await membership.invite({ signer, time, key: id, role, uses, expires });
  return { id, entry: hash, secret };
}

/** The joining of somebody who has only the link. */
export function joining(
  membership: Membership,
  invitation: MadeInvitation,
  signer: OwnIdentity,
  options: { readonly time?: number; readonly previous?: readonly EntryHash[] } = {},
): Promise<AcceptedEntry> {
  return makeJoin(signatures, {
    signer,
    time: options.time ?? TODAY,
    genesis: membership.genesis,
    invitation: invitation.entry,
    secret: invitation.secret,
    name: signer.identity.name ?? "nobody",
    ...(options.previous ? { previous: options.previous } : {}),
  });
}

/** Brings a person in, with that role. */
export async function bringIn(
  membership: Membership,
  owner: Signer,
  person: OwnIdentity,
  role: Role = "editor",
): Promise<void> {
  const invitation = await invite(membership, owner, { role: role === "owner" ? "editor" : role });
  await membership.merge([(await joining(membership, invitation, person, { previous: membership.heads })).bytes]);
  if (role === "owner") await membership.setRole({ signer: owner, time: TODAY, member: person.id, role });
}

/** What all peers must agree on. */
export const outcomeOf = (membership: Membership) => ({
  members: membership.members.map(({ id, name, role }) => ({ id, name, role })).sort((a, b) => (a.id < b.id ? -1 : 1)),
  former: membership.formerMembers.map(({ id, by }) => ({ id, by })).sort((a, b) => (a.id < b.id ? -1 : 1)),
  invitations: membership.invitations
    .map(({ id, role, state, usedBy }) => ({ id, role, state, usedBy: [...usedBy].sort() }))
    .sort((a, b) => (a.id < b.id ? -1 : 1)),
});
