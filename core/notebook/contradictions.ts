/**
 * Two different changes with one actor and one number: somebody wrote in another's place, or a machine came back from an
 * old copy of itself. Automerge takes only one of them, for good, so those who have the one and those who have the other
 * could never sync again. Here one of the two, and what builds on it, moves to actors of its own: both stay, and since who
 * moves and whereto depends on the changes alone, everybody who sees both comes to the same. Rules: core/mesh/SPEC.md, S19.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import { chunksOf } from "./chunk-guard.ts";
import { byOperation } from "./decoded-change.ts";
import type { ChangeMark, ChangePlace } from "./signed-changes.ts";

/** Two changes in one place. */
export interface Contradiction extends ChangePlace {
  /** Whom the actor's first change names, in Automerge's hexadecimal. */
  readonly author: string | undefined;
  /** The one that stays, and the one that moved. */
  readonly kept: string;
  readonly moved: string;
  /** The one of them that came now. */
  readonly came: string;
  /** Who was the last to bring changes of this actor before; undefined when that is not known, or nobody was. */
  readonly before: string | undefined;
}

/** A document in which nothing contradicts any more. */
export interface Settled {
  readonly document: Automerge.Doc<unknown>;
  readonly contradictions: readonly Contradiction[];
}

/** Where a run of one actor's changes went. */
interface Move {
  readonly actor: string;
  readonly firstSeq: number;
  readonly firstOperation: number;
  /** The last change of the actor that stays. */
  readonly before: ChangeMark | undefined;
}

/** Of the actors of a change and of all that it builds on. */
type Moves = ReadonlyMap<string, Move>;

/** An operation in a list or text names the element that it is about, which Automerge's type leaves out. */
type PlacedOperation = Automerge.DecodedChange["ops"][number] & { readonly elemId?: string };

/** Beside what its type tells, a change has bytes in which its author is, as Automerge writes them. */
type WholeChange = Automerge.DecodedChange & { readonly extra_bytes?: readonly number[] };

interface Facts extends ChangePlace {
  readonly hash: string;
  readonly startOp: number;
  readonly deps: readonly string[];
  readonly bytes: () => Uint8Array;
}

/** More than this builds on one only if somebody wants it so, and to move it would take minutes. */
const MOST_MOVED = 20_000;
const DOMAIN = "kroma/moved-actor/1";
const CHUNK_TYPE_AT = 8;
const DOCUMENT_CHUNK = 0;

/** The contradictions of one document. */
export class Contradictions {
  /** What moved, by the hash that it had. */
  readonly #moved = new Map<string, ChangeMark & { readonly moves: Moves }>();
  /** By actor. */
  readonly #bringers = new Map<string, string>();

  /** A peer brings changes of these actors. */
  brings(from: string | undefined, actors: Iterable<string>): void {
    if (from !== undefined) for (const actor of actors) this.#bringers.set(actor, from);
  }

  /** True when some of these changes build on what has moved since the document was loaded. */
  concern(chunks: readonly Uint8Array[]): boolean {
    return (
      this.#moved.size > 0 && chunks.flatMap(changesOf).some(({ deps }) => deps.some((dep) => this.#moved.has(dep)))
    );
  }

  /** What that change is now; undefined for one that has not moved. */
  moved(hash: string): ChangeMark | undefined {
    return this.#moved.get(hash);
  }

  /** Up to where whoever made that change, and those of its actor before it, has made changes now. */
  marksOf(hash: string): readonly ChangeMark[] {
    const found = this.#moved.get(hash);
    if (!found) return [];
    const { actor, seq, moves } = found;
    const before = [...moves.values()].find((move) => move.actor === actor)?.before;
    return [...(before ? [before] : []), { actor, seq, hash: found.hash }];
  }

  /**
   * Another document with these changes in it, none of them in the place of another. `exhausted` when too much would have
   * to move, `corrupt` when it can't be done.
   */
  async settle(document: Automerge.Doc<unknown>, chunks: readonly Uint8Array[]): Promise<Settled> {
    const backend = Automerge.getBackend(document);
    const here = backend.getChangesMeta([]);
    const isHere = new Set(here.map(({ hash }) => hash));
    const come = inOrder(chunks.flatMap(changesOf).filter(({ hash }) => !isHere.has(hash)));
    const present = here.map((meta): Facts => {
      const bytes = (): Uint8Array => backend.getChangeByHash(meta.hash) ?? broken();
      return { actor: meta.actor, seq: meta.seq, hash: meta.hash, startOp: meta.startOp, deps: meta.deps, bytes };
    });
    const all = [...present, ...come];
    const { losers, pairs } = compare(all);
    if (pairs.some((pair) => pair.some(({ hash, deps }) => deps.length === 0 && isHere.has(hash))))
      throw new KromaError("corrupt", "A peer sent a change in the place of the one that this began with.");
    const authors = authorsOf(here, come);
    const contradictions = pairs.map(([kept, moved]): Contradiction => {
      const { actor, seq } = moved;
      const came = isHere.has(moved.hash) ? kept.hash : moved.hash;
      const [author, before] = [authors.get(actor), this.#bringers.get(actor)];
      return { actor, seq, author, kept: kept.hash, moved: moved.hash, came, before };
    });
    const isNew = contradictions.filter(({ moved }) => !this.#moved.has(moved));
    const moving = this.#builtOn(all, losers);
    if (moving.length > MOST_MOVED)
      throw new KromaError("exhausted", "Too much builds on changes that contradict each other.");
    const moves = new Set(moving.map(({ hash }) => hash));
    const stays = present.filter(({ hash }) => !moves.has(hash));
    let settled = Automerge.init<unknown>();
    if (stays.length > 0) {
      // In one go: change by change takes three times as long.
      const bytes = backend.getChanges([]).filter((_, at) => !moves.has(here[at]?.hash ?? ""));
      [settled] = Automerge.applyChanges(settled, bytes);
    }
    const byPlace = new Map(stays.map(({ actor, seq, hash }) => [`${actor} ${seq}`, { actor, seq, hash }]));
    const before = ({ actor, seq }: ChangePlace): ChangeMark | undefined => byPlace.get(`${actor} ${seq - 1}`);
    const translated: Uint8Array[] = [];
    const firsts = new Map(all.flatMap((facts) => (facts.seq === 1 ? [[facts.actor, facts] as const] : [])));
    for (const facts of moving) translated.push(await this.#move(facts, firsts.get(facts.actor), before(facts)));
    [settled] = Automerge.applyChanges(settled, [
      ...translated,
      ...come.filter(({ hash }) => !moves.has(hash)).map(({ bytes }) => bytes()),
    ]);
    return { document: settled, contradictions: isNew };
  }

  /** Those, and all that builds on them or on what moved before, each after what it builds on. */
  #builtOn(all: readonly Facts[], losers: ReadonlySet<string>): readonly Facts[] {
    const found = new Set(losers);
    return all.filter(({ hash, deps }) => {
      if (!found.has(hash) && !deps.some((dep) => found.has(dep) || this.#moved.has(dep))) return false;
      found.add(hash);
      return true;
    });
  }

  async #move(facts: Facts, first: Facts | undefined, last: ChangeMark | undefined): Promise<Uint8Array> {
    const { actor, seq, hash, startOp, deps } = facts;
    const moves = joined(deps.flatMap((dep) => this.#moved.get(dep)?.moves ?? []));
    const known = moves.get(actor);
    const own = known ?? {
      actor: await movedActor(actor, hash),
      firstSeq: seq,
      firstOperation: startOp,
      before: last,
    };
    const next: Moves = known ? moves : new Map([...moves, [actor, own]]);
    const change: WholeChange = Automerge.decodeChange(facts.bytes());
    // Whoever the actor's first change names is named by the first of those that move: signed or not, as before.
    const named: WholeChange =
      seq > 1 && seq === own.firstSeq && first ? Automerge.decodeChange(first.bytes()) : change;
    const bytes = Automerge.encodeChange({
      ...translate(change, next, own, (dep) => this.#moved.get(dep)?.hash ?? dep),
      ...(named.extra_bytes === undefined ? {} : { extra_bytes: named.extra_bytes }),
    });
    const made = Automerge.decodeChange(bytes);
    this.#moved.set(hash, { actor: made.actor, seq: made.seq, hash: made.hash, moves: next });
    return bytes;
  }
}

/** Of two in one place the one with the smaller hash stays: everybody says that, whichever they had first. */
function compare(all: readonly Facts[]): {
  readonly losers: ReadonlySet<string>;
  readonly pairs: readonly (readonly [kept: Facts, moved: Facts])[];
} {
  const byPlace = new Map<string, Facts>();
  const pairs: [Facts, Facts][] = [];
  for (const facts of all) {
    const place = `${facts.actor} ${facts.seq}`;
    const other = byPlace.get(place);
    const [kept, moved] = other && other.hash < facts.hash ? [other, facts] : [facts, other];
    byPlace.set(place, kept);
    if (moved) pairs.push([kept, moved]);
  }
  return { losers: new Set(pairs.map(([, { hash }]) => hash)), pairs };
}

/** The same change with all names of what moved as they are now. */
function translate(
  change: Automerge.DecodedChange,
  moves: Moves,
  { actor, firstSeq }: Move,
  dependency: (hash: string) => string,
): Automerge.DecodedChange {
  const name = (id: string): string => {
    const [counter = "", of = ""] = id.split("@");
    const move = moves.get(of);
    return move && Number(counter) >= move.firstOperation ? `${counter}@${move.actor}` : id;
  };
  const { hash: _hash, ...rest } = change;
  return {
    ...rest,
    actor,
    seq: change.seq - firstSeq + 1,
    deps: change.deps.map(dependency).sort(),
    ops: (change.ops as readonly PlacedOperation[]).map((operation) => ({
      ...operation,
      obj: name(operation.obj),
      ...(operation.elemId === undefined ? {} : { elemId: name(operation.elemId) }),
      pred: operation.pred.map(name).sort(byOperation),
    })),
  } as Automerge.DecodedChange;
}

function joined(all: readonly Moves[]): Moves {
  const [first = new Map<string, Move>()] = all;
  return all.every((one) => one === first) ? first : new Map(all.flatMap((one) => [...one]));
}

/** The name of who goes on from there: it follows from the first change that moves, so nobody has to agree on it. */
async function movedActor(actor: string, hash: string): Promise<string> {
  const text = new TextEncoder().encode(`${DOMAIN}\0${actor} ${hash}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whom the first change of each actor names. */
function authorsOf(
  here: readonly Automerge.ChangeMetadata[],
  come: readonly Facts[] = [],
): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  for (const { actor, seq, author } of here) if (seq === 1 && author) named.set(actor, author);
  for (const { actor, seq, bytes } of come) {
    const { author } = seq === 1 ? (Automerge.decodeChange(bytes()) as { author?: string }) : {};
    if (author !== undefined && !named.has(actor)) named.set(actor, author);
  }
  return named;
}

/** The changes in a piece of a sync message: chunks of single changes, or of a whole document. */
function changesOf(piece: Uint8Array): readonly Facts[] {
  return chunksOf(piece)
    .flatMap((chunk) =>
      chunk[CHUNK_TYPE_AT] === DOCUMENT_CHUNK ? Automerge.getAllChanges(Automerge.load<unknown>(chunk)) : [chunk],
    )
    .map((bytes) => {
      const { actor, seq, hash, startOp, deps } = Automerge.decodeChange(bytes);
      return { actor, seq, hash, startOp, deps, bytes: () => bytes };
    });
}

/** Each after those of them that it builds on. */
function inOrder(changes: readonly Facts[]): readonly Facts[] {
  const byHash = new Map(changes.map((facts) => [facts.hash, facts]));
  const ordered = new Set<Facts>();
  const open = [...byHash.values()].reverse();
  for (let facts = open.pop(); facts; facts = open.pop()) {
    if (ordered.has(facts)) continue;
    const lacking = facts.deps.map((dep) => byHash.get(dep)).filter((one) => one !== undefined && !ordered.has(one));
    if (lacking.length > 0) open.push(facts, ...(lacking as Facts[]));
    else ordered.add(facts);
  }
  return [...ordered];
}

function broken(): never {
  throw new KromaError("corrupt", "A change of this notebook can't be read.");
}
