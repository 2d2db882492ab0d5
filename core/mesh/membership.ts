/**
 * Who may do what in one notebook: the signed entries of its owners and members, and what they amount to. Entries come
 * in any order and from anyone; all peers that hold the same ones agree. Nothing here talks to anybody: the sync sends
 * and stores entries. Rules: SPEC.md, chapter "Membership".
 */
import { KromaError } from "../base/errors.ts";
import type { DocumentId } from "../base/ids.ts";
import { nextSequence, refuse, type Refusal } from "./admission.ts";
import { EntryGraph, holds, type GraphNode, type NodeIndex } from "./entry-graph.ts";
import { EntryIntake, UNREADABLE, type AcceptedEntry, type MergeOptions } from "./entry-intake.ts";
import type { MergeResult, RefusedEntry } from "./entry-intake.ts";
import { ENTRY_VERSION, entryBytes, proveInvitation, readEntry, signEntry, verifyEntry } from "./entry.ts";
import type { Entry, EntryBody, EntryHash, ReadEntry } from "./entry.ts";
import type { MemberId, PublicIdentity, Signatures, Signer } from "./identity.ts";
import { latestFor } from "./latest.ts";
import type { Outcome } from "./outcome.ts";
import { Outcomes } from "./outcomes.ts";
import { roleMay, type LinkRole, type Right, type Role } from "./roles.ts";

export interface Member {
  readonly id: MemberId;
  readonly identity: PublicIdentity;
  readonly name: string;
  readonly role: Role;
  /** When they say that they came in, by their clock. */
  readonly joined: number;
  /** Who made the link that they came in by; for the creator, nobody. */
  readonly invitedBy?: MemberId;
}

export interface FormerMember {
  readonly id: MemberId;
  readonly name: string;
  /** Who removed them; themself when they left. */
  readonly by: MemberId;
  readonly time: number;
}

export interface Invitation {
  /** Its public key, base64url. */
  readonly id: string;
  /** The entry that made it, which a link names. */
  readonly entry: EntryHash;
  readonly role: LinkRole;
  readonly uses: "one" | "many";
  readonly expires: number;
  readonly by: MemberId;
  /** `open` says nothing of the time: compare `expires` with a clock. */
  readonly state: "open" | "used" | "closed";
  readonly usedBy: readonly MemberId[];
}

/** Two entries that one author made as their nth: a copied key, a restored device, or a lie. */
export interface Equivocation {
  readonly author: MemberId;
  readonly sequence: number;
  readonly entries: readonly EntryHash[];
}

/** What an owner or member says when making an entry. */
export interface MakeOptions {
  readonly signer: Signer;
  /** The clock. */
  readonly time: number;
}

export class Membership {
  readonly genesis: EntryHash;
  readonly notebook: DocumentId;
  readonly #signatures: Signatures;
  readonly #graph = new EntryGraph();
  readonly #outcomes = new Outcomes(this.#graph);
  readonly #intake: EntryIntake;

  private constructor(signatures: Signatures, genesis: ReadEntry, notebook: DocumentId) {
    this.#signatures = signatures;
    this.genesis = genesis.hash;
    this.notebook = notebook;
    this.#graph.add(genesis, { ownership: [], membership: [], target: [], invitation: [] });
    this.#intake = new EntryIntake(signatures, this.genesis, this.#graph, this.#outcomes);
  }

  /** A new membership: the signer is its owner. */
  static async create(
    signatures: Signatures,
    options: MakeOptions & { readonly notebook: DocumentId; readonly name: string },
  ): Promise<Membership> {
    const { signer, time, notebook, name } = options;
    const body: EntryBody = { type: "create", notebook, identity: keysOf(signer.identity), name };
    const read = await readOwn(await signEntry(signer, { previous: [], sequence: 1, time, body }));
    return new Membership(signatures, read, notebook);
  }

  /**
   * The membership that starts with that genesis, from entries in any order; `corrupt` when the genesis is not among
   * them or not signed by who it names. `verified` spares the signatures of what this peer itself has stored.
   */
  static async load(
    signatures: Signatures,
    genesis: EntryHash,
    entries: readonly Uint8Array[],
    options: { readonly verified?: boolean } = {},
  ): Promise<{ readonly membership: Membership; readonly refused: readonly RefusedEntry[] }> {
    for (const bytes of entries) {
      const read = await readEntry(bytes);
      if (typeof read === "string" || read.hash !== genesis) continue;
      const { body } = read.entry;
      if (body.type !== "create") continue;
      if (!options.verified && !(await verifyEntry(signatures, body.identity, read.entry))) continue;
      const membership = new Membership(signatures, read, body.notebook);
      const rest = entries.filter((other) => other !== bytes);
      const { refused } = await membership.#intake.take(rest, options);
      return { membership, refused };
    }
    throw new KromaError("corrupt", "The list of this notebook's members does not begin as it should.");
  }

  /** The entries that no other has seen: what to tell another peer. Sorted. */
  get heads(): readonly EntryHash[] {
    return this.#graph.heads.map((index) => this.#graph.at(index).hash).sort();
  }

  /** Who made the notebook a shared one. */
  get creator(): MemberId {
    return this.#graph.at(0).entry.author;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#graph.nodes.length;
  }

  has(hash: EntryHash): boolean {
    return this.#graph.find(hash) !== undefined;
  }

  /** All that whoever has these heads may lack, parents first. Heads that are not known here are passed over. */
  entriesSince(heads: readonly EntryHash[]): readonly AcceptedEntry[] {
    const known = heads.flatMap((hash) => this.#graph.find(hash)?.index ?? []);
    const past = this.#graph.closure(known);
    return this.#graph.nodes.filter(({ index }) => !holds(past, index)).map(({ hash, bytes }) => ({ hash, bytes }));
  }

  /** Takes in entries from anywhere. Never throws for what they say; what was here already is passed over. */
  merge(entries: readonly Uint8Array[], options: MergeOptions = {}): Promise<MergeResult> {
    return this.#intake.take(entries, options);
  }

  roleOf(id: MemberId): Role | undefined {
    return this.#outcome.members.get(id)?.role;
  }

  /** True when that member has that right now; nobody else has any. */
  may(id: MemberId, right: Right): boolean {
    return roleMay(this.roleOf(id), right);
  }

  /** The keys of somebody who is or was a member, or tried to be one. */
  identityOf(id: MemberId): PublicIdentity | undefined {
    const bodies = this.#graph.byAuthor(id).map((index) => this.#graph.at(index).entry.body);
    return bodies.find((body) => "identity" in body)?.identity;
  }

  /** In the order in which they came in. */
  get members(): readonly Member[] {
    return Array.from(this.#outcome.members, ([id, state]) => {
      const joined = this.#graph.at(state.joins[0] as NodeIndex);
      const invite = joined.grounds.invitation[0];
      const member = { id, identity: state.identity, name: state.name, role: state.role, joined: joined.entry.time };
      return invite === undefined ? member : { ...member, invitedBy: this.#graph.at(invite).entry.author };
    });
  }

  /** Those who were members. */
  get formerMembers(): readonly FormerMember[] {
    return Array.from(this.#outcome.former, ([id, { by, name }]) => {
      const { author, time } = this.#graph.at(by).entry;
      return { id, name, by: author, time };
    });
  }

  get invitations(): readonly Invitation[] {
    return Array.from(this.#outcome.invitations, ([id, state]) => {
      const { role, uses, expires, by, usedBy } = state;
      const isUsed = uses === "one" && usedBy.length > 0;
      return {
        id,
        entry: this.#graph.at(state.invite).hash,
        role,
        uses,
        expires,
        by,
        usedBy,
        state: state.closed ? "closed" : isUsed ? "used" : "open",
      };
    });
  }

  /** Authors who contradicted themselves; their entries count as if two people had made them. */
  get equivocations(): readonly Equivocation[] {
    const groups = Map.groupBy(this.#graph.nodes, ({ entry }) => `${entry.author} ${entry.sequence}`);
    return Array.from(groups.values())
      .filter((nodes) => nodes.length > 1)
      .map((nodes) => ({
        author: (nodes[0] as GraphNode).entry.author,
        sequence: (nodes[0] as GraphNode).entry.sequence,
        entries: nodes.map((node) => node.hash).sort(),
      }));
  }

  /** The number that an author's next entry has, as far as it is known here. */
  nextSequence(author: MemberId): number {
    return nextSequence(this.#graph, this.#graph.closure(this.#graph.heads), author);
  }

  /** True when the entry is here and has its effect; false when another defeated it. */
  isEffective(hash: EntryHash): boolean {
    const node = this.#graph.find(hash);
    return node !== undefined && !this.#outcomes.defeated.has(node.index);
  }

  /** The entry with that name, as it is read. */
  entry(hash: EntryHash): Entry | undefined {
    return this.#graph.find(hash)?.entry;
  }

  /** Makes an invitation for the key of a secret (Signatures.invitationKey). */
  invite(
    options: MakeOptions & {
      readonly key: string;
      readonly role: LinkRole;
      readonly uses: "one" | "many";
      readonly expires: number;
    },
  ): Promise<AcceptedEntry> {
    const { key, role, uses, expires } = options;
    return this.#make(options, { type: "invite", key, role, uses, expires });
  }

  revokeInvitation(options: MakeOptions & { readonly invitation: string }): Promise<AcceptedEntry> {
    return this.#make(options, { type: "revoke_invitation", invitation: options.invitation });
  }

  setRole(options: MakeOptions & { readonly member: MemberId; readonly role: Role }): Promise<AcceptedEntry> {
    return this.#make(options, { type: "set_role", member: options.member, role: options.role });
  }

  /** Removes a member; oneself to leave. */
  remove(options: MakeOptions & { readonly member: MemberId }): Promise<AcceptedEntry> {
    return this.#make(options, { type: "remove", member: options.member });
  }

  /** Changes one's own name. */
  rename(options: MakeOptions & { readonly name: string }): Promise<AcceptedEntry> {
    return this.#make(options, { type: "rename", name: options.name });
  }

  /** Joins, for whoever has the notebook already: with a link that gives more, or after having been removed. */
  async join(options: MakeOptions & { readonly secret: Uint8Array; readonly name: string }): Promise<AcceptedEntry> {
    const body = await joinBody(this.#signatures, { ...options, genesis: this.genesis });
    return this.#make(options, body);
  }

  get #outcome(): Outcome {
    return this.#outcomes.current;
  }

  /** Makes an entry here, or throws `denied` (or `exhausted`) with the sentence of what forbids it. */
  async #make({ signer, time }: MakeOptions, body: EntryBody): Promise<AcceptedEntry> {
    const previous = latestFor(this.#graph, this.#outcomes, signer.id, body);
    const past = this.#graph.closure(previous.map((node) => node.index));
    const unsigned = {
      genesis: this.genesis,
      previous: previous.map((node) => node.hash).sort(),
      sequence: nextSequence(this.#graph, past, signer.id),
      time,
      body,
    };
    // Asked first: a signature takes time, and what is refused needs none.
    const refusal = this.#intake.judge({ version: ENTRY_VERSION, author: signer.id, ...unsigned });
    if (refusal) throw refusedError(refusal);
    const read = await readOwn(await signEntry(signer, unsigned));
    const { accepted, refused } = await this.#intake.take([read.bytes], { verified: true });
    const [made] = accepted;
    if (made) return made;
    throw refusedError(refused[0] ?? refuse("sequence", "This is here already."));
  }
}

/** What was refused as an exception: `exhausted` at a limit, else `denied`; `details.reason` says which. */
const refusedError = ({ reason, message }: Refusal): KromaError =>
  new KromaError(reason === "limit" ? "exhausted" : "denied", message, { details: { reason } });

/**
 * The entry by which someone comes in who has the link only, and nothing of the notebook yet. `previous` are heads that
 * a member told; without them, the invitation itself.
 */
export async function makeJoin(
  signatures: Signatures,
  options: MakeOptions & {
    readonly genesis: EntryHash;
    readonly invitation: EntryHash;
    readonly secret: Uint8Array;
    readonly name: string;
    readonly previous?: readonly EntryHash[];
    /** For who was a member before: `Membership.nextSequence` of what they have of it. */
    readonly sequence?: number;
  },
): Promise<AcceptedEntry> {
  const { signer, time, genesis, invitation, sequence = 1 } = options;
  const body = await joinBody(signatures, options);
  const previous = Array.from(new Set(options.previous ?? [invitation])).sort();
  const read = await readOwn(await signEntry(signer, { genesis, previous, sequence, time, body }));
  return { hash: read.hash, bytes: read.bytes };
}

async function joinBody(
  signatures: Signatures,
  options: {
    readonly signer: Signer;
    readonly secret: Uint8Array;
    readonly name: string;
    readonly genesis: EntryHash;
  },
): Promise<EntryBody> {
  const { signer, secret, name, genesis } = options;
  const key = await signatures.invitationKey(secret);
  const proof = await proveInvitation(key, genesis, signer.id);
  return { type: "join", invitation: key.publicKey, proof, identity: keysOf(signer.identity), name };
}

const keysOf = ({ ed25519, mlDsa65 }: PublicIdentity): { readonly ed25519: string; readonly mlDsa65: string } => ({
  ed25519,
  mlDsa65,
});

/** An entry that was just made, as others will read it; `invalid` when it is not what it may be (a name too long). */
async function readOwn(entry: Entry): Promise<ReadEntry> {
  const read = await readEntry(entryBytes(entry));
  if (typeof read === "string") throw new KromaError("invalid", UNREADABLE[read]);
  return read;
}
