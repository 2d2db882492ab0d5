/**
 * How entries come into a membership: read, put in order, judged by what their authors had seen, their signatures
 * checked, and added. What is costly comes last, so that a flood of nonsense costs little. Rules: SPEC.md, M3 to M19.
 */
import { admit, identityOf, isRefusal, refuse, refuseByClock, type Refusal } from "./admission.ts";
import type { EntryGraph, NodeSet } from "./entry-graph.ts";
import { readEntry, verifyEntry, verifyProof } from "./entry.ts";
import type { Entry, EntryHash, ReadEntry, UnsignedEntry, Unreadable } from "./entry.ts";
import type { MemberId, Signatures } from "./identity.ts";
import type { Outcomes } from "./outcomes.ts";
import { PendingEntries } from "./pending-entries.ts";
import { roleMay } from "./roles.ts";

/** So many entries has a membership at most. */
export const MOST_ENTRIES = 5000;
/** Of these so many are kept for owners, so that who floods it can still be removed. */
export const KEPT_FOR_OWNERS = 500;
/** So many entries with the same number are taken in of one author who is no owner. */
export const MOST_FORKS = 8;
/** After so many wrong signatures the rest of a batch is not looked at. */
export const MOST_WRONG_SIGNATURES = 8;

/** An entry's name and its bytes, as they are stored and sent. */
export interface AcceptedEntry {
  readonly hash: EntryHash;
  readonly bytes: Uint8Array;
}

export interface RefusedEntry extends Refusal {
  /** Undefined for what is no entry at all. */
  readonly hash: EntryHash | undefined;
}

export interface MergeResult {
  /** Taken in now, also those that had waited; parents first. To be stored. */
  readonly accepted: readonly AcceptedEntry[];
  /** Also those that wait for others (`pending`), which is nobody's fault. */
  readonly refused: readonly RefusedEntry[];
}

export interface MergeOptions {
  /** The peer that gave these, authenticated. A joining that no member hands on is judged by this one's clock as well. */
  readonly from?: { readonly id: MemberId; readonly now: number };
}

/** What is wrong with bytes that are no entry, for a person. */
export const UNREADABLE: Readonly<Record<Unreadable, string>> = {
  tooLarge: "This entry is too large.",
  malformed: "This is not an entry of a list of members.",
  version: "This entry was made by a newer Kroma; update to read it.",
};

export class EntryIntake {
  readonly #signatures: Signatures;
  readonly #genesis: EntryHash;
  readonly #graph: EntryGraph;
  readonly #outcomes: Outcomes;
  readonly #pending = new PendingEntries();
  #last: Promise<unknown> = Promise.resolve();

  constructor(signatures: Signatures, genesis: EntryHash, graph: EntryGraph, outcomes: Outcomes) {
    this.#signatures = signatures;
    this.#genesis = genesis;
    this.#graph = graph;
    this.#outcomes = outcomes;
  }

  /** Takes in what may be, one call after the other. `verified` spares the signatures. */
  take(entries: readonly Uint8Array[], options: MergeOptions & { readonly verified?: boolean }): Promise<MergeResult> {
    const result = this.#last.then(() => this.#take(entries, options));
    // Who asked hears of a failure; the next one in the line does not.
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #take(
    entries: readonly Uint8Array[],
    options: MergeOptions & { readonly verified?: boolean },
  ): Promise<MergeResult> {
    const refused: RefusedEntry[] = [];
    const accepted: AcceptedEntry[] = [];
    const pool = new Map<EntryHash, ReadEntry>();
    for (const read of this.#pending.takeAll()) pool.set(read.hash, read);
    // Who gives these is not told of what others gave before.
    const given = new Set<EntryHash>();
    for (const bytes of entries) {
      const read = await readEntry(bytes);
      if (typeof read === "string") refused.push({ hash: undefined, ...refuse(read, UNREADABLE[read]) });
      else if (read.hash === this.#genesis) continue;
      else if (read.entry.genesis !== this.#genesis)
        refused.push({ hash: read.hash, ...refuse("otherNotebook", "This entry belongs to another notebook.") });
      else if (!this.#graph.find(read.hash)) {
        given.add(read.hash);
        if (!pool.has(read.hash)) pool.set(read.hash, read);
      }
    }
    const children = childrenOf(pool);
    const ready = Array.from(pool.values()).filter((read) => this.#hasParents(read));
    let wrongSignatures = 0;
    for (let read = ready.shift(); read; read = ready.shift()) {
      if (!pool.delete(read.hash)) continue;
      const refusal =
        wrongSignatures > MOST_WRONG_SIGNATURES
          ? refuse("limit", "Too many entries before this one were not signed by who they name.")
          : await this.#takeOne(read, children, options);
      if (refusal?.reason === "signature") wrongSignatures += 1;
      if (refusal) {
        if (given.has(read.hash)) refused.push({ hash: read.hash, ...refusal });
      } else {
        accepted.push({ hash: read.hash, bytes: read.bytes });
        for (const child of children.get(read.hash) ?? []) if (this.#hasParents(child)) ready.push(child);
      }
    }
    for (const read of pool.values()) {
      // A joining that is shown is judged by the clock, and so at once or not at all.
      const isShown = options.from !== undefined && this.#isShown(read.entry, options.from.id);
      if (read.entry.body.type !== "join" || !isShown) this.#pending.add(read);
      if (given.has(read.hash))
        refused.push({ hash: read.hash, ...refuse("pending", "This entry refers to others that are not here.") });
    }
    return { accepted, refused };
  }

  /** Why an entry with these contents, of parents that are here, may not be; the signature aside. */
  judge(entry: UnsignedEntry): Refusal | undefined {
    const answer = admit(this.#graph, this.#past(entry), this.#outcomes.of(this.#parents(entry)), entry);
    return isRefusal(answer) ? answer : undefined;
  }

  async #takeOne(
    read: ReadEntry,
    children: Children,
    options: MergeOptions & { readonly verified?: boolean },
  ): Promise<Refusal | undefined> {
    const { entry } = read;
    const outcome = this.#outcomes.of(this.#parents(entry));
    const grounds = admit(this.#graph, this.#past(entry), outcome, entry);
    const { body } = entry;
    if (isRefusal(grounds)) {
      // By what an old link's maker had seen they are a member still, which is no sentence for them.
      const wasRemoved = body.type === "join" && this.#outcomes.current.former.has(entry.author);
      return wasRemoved
        ? refuse("invitation", "They left this notebook since; only a new invitation brings them back.")
        : grounds;
    }
    if (body.type === "join" && options.from && this.#isShown(entry, options.from.id)) {
      const refusal = refuseByClock(entry, outcome.invitations.get(body.invitation)?.expires, options.from.now);
      if (refusal && !(await this.#isVouchedFor(read, children))) return refusal;
    }
    const isNeeded = (children.get(read.hash) ?? []).some((child) => child.entry.author !== entry.author);
    const refusal = this.#refuseByLimit(read, isNeeded) ?? (options.verified ? undefined : await this.#verify(entry));
    if (refusal) return refusal;
    this.#graph.add(read, grounds);
    return undefined;
  }

  /** True when an entry that came with it, signed by somebody who is a member here, has seen it. */
  async #isVouchedFor(read: ReadEntry, children: Children): Promise<boolean> {
    const seen = new Set<EntryHash>();
    const open = [...(children.get(read.hash) ?? [])];
    let tries = 0;
    for (let child = open.pop(); child && tries < MOST_WRONG_SIGNATURES; child = open.pop()) {
      if (seen.has(child.hash)) continue;
      seen.add(child.hash);
      open.push(...(children.get(child.hash) ?? []));
      const member = this.#outcomes.current.members.get(child.entry.author);
      if (!member || child.entry.author === read.entry.author) continue;
      tries += 1;
      if (await verifyEntry(this.#signatures, member.identity, child.entry)) return true;
    }
    return false;
  }

  async #verify(entry: Entry): Promise<Refusal | undefined> {
    const identity = identityOf(this.#graph, entry);
    if (!identity) return refuse("notMember", "Its author was not a member of this notebook.");
    const { body, author } = entry;
    if (
      body.type === "join" &&
      !(await verifyProof(this.#signatures, body.invitation, this.#genesis, author, body.proof))
    )
      return refuse("signature", "The newcomer has not proved that they hold this invitation.");
    if (!(await verifyEntry(this.#signatures, identity, entry)))
      return refuse("signature", "This entry was not signed by who it names.");
    return undefined;
  }

  #refuseByLimit({ entry }: ReadEntry, isNeeded: boolean): Refusal | undefined {
    const size = this.#graph.nodes.length;
    if (size >= MOST_ENTRIES) return refuse("limit", "The list of this notebook's members is full.");
    const twins = this.#graph
      .byAuthor(entry.author)
      .filter((index) => this.#graph.at(index).entry.sequence === entry.sequence);
    const isFull = size >= MOST_ENTRIES - KEPT_FOR_OWNERS;
    // What somebody else has built on is taken in all the same: else those who have it and those who have not part.
    if (isNeeded || (!isFull && twins.length < MOST_FORKS)) return undefined;
    // Asked last, since it may have to be found out.
    if (roleMay(this.#outcomes.current.members.get(entry.author)?.role, "manage")) return undefined;
    return isFull
      ? refuse("limit", "The list of this notebook's members is full; an owner can still change it.")
      : refuse("limit", "Its author has contradicted themself too often.");
  }

  /** True for a joining that no member vouches for: by the newcomer, or by somebody who is no member either. */
  #isShown(entry: Entry, from: MemberId): boolean {
    return from === entry.author || !this.#outcomes.current.members.has(from);
  }

  #hasParents(read: ReadEntry): boolean {
    return read.entry.previous.every((hash) => this.#graph.find(hash));
  }

  #parents(entry: UnsignedEntry): readonly number[] {
    return entry.previous.flatMap((hash) => this.#graph.find(hash)?.index ?? []);
  }

  #past(entry: UnsignedEntry): NodeSet {
    return this.#graph.closure(this.#parents(entry));
  }
}

/** Which entries of a batch name which in their `previous`. */
type Children = ReadonlyMap<EntryHash, readonly ReadEntry[]>;

function childrenOf(pool: ReadonlyMap<EntryHash, ReadEntry>): Children {
  const children = new Map<EntryHash, ReadEntry[]>();
  for (const read of pool.values())
    for (const parent of read.entry.previous) {
      const list = children.get(parent);
      if (list) list.push(read);
      else children.set(parent, [read]);
    }
  return children;
}
