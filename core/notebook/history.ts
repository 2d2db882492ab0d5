/**
 * The history of a document, read from its latest changes backwards and only as far as somebody looks. Reading the
 * facts of all changes at once blocks the worker for seconds when there are a hundred thousand; here they are read one
 * by one, and the caller does other work between.
 *
 * Changes are taken in the order of the time that their authors' clocks said, latest first, except that none is taken
 * before one that builds on it. What is not taken yet is a state of the notebook: the one before.
 */
import { PeopleCount, type ChangeFacts, type FindChange, type HistoryPerson } from "./history-people.ts";
import type { SignedChanges } from "./signed-changes.ts";

/** Changes that were made with no long pause between them. */
export interface HistorySession {
  /** The state after it, and the one before; none for the very beginning. */
  readonly heads: readonly string[];
  readonly before: readonly string[];
  /** Unix time in milliseconds of its first and its last change; 0 where no clock was asked, as for an import. */
  readonly from: number;
  readonly to: number;
  readonly changes: number;
  /** Those with most changes first. */
  readonly people: readonly HistoryPerson[];
}

/** Some sessions, latest first. */
export interface HistoryPage {
  readonly sessions: readonly HistorySession[];
  /** Where to read on; undefined when the beginning is among them. */
  readonly next: readonly string[] | undefined;
  /** The history was shortened there: what comes next is in a document of its own, which may have to be fetched. */
  readonly isShortened?: true;
}

/** A pause that ends a session, and the longest one, in seconds. */
const PAUSE = 5 * 60;
const LONGEST = 30 * 60;
/** The most changes of one session, and those after which a page ends even with few sessions. */
const MOST_CHANGES = 5000;
const PAGE_CHANGES = 20_000;

/** The last second that a Date can hold: a peer may write any number. */
const MOST_TIME = 8_640_000_000_000;

/** Walks back from the latest change. */
export class HistoryWalk {
  readonly #waiting: ChangeFacts[] = [];
  readonly #seen = new Set<string>();

  /** Starts at a state; changes that are not here are passed over. */
  constructor(heads: readonly string[], find: FindChange) {
    for (const hash of heads) this.#add(hash, 0, find);
  }

  /** The state before all that was taken. */
  get heads(): readonly string[] {
    return this.#waiting.map(({ hash }) => hash).sort();
  }

  /** The next one, without taking it. */
  get latest(): ChangeFacts | undefined {
    return this.#waiting[0];
  }

  /** Takes the latest change; undefined when the beginning was taken. */
  next(find: FindChange): ChangeFacts | undefined {
    const [first] = this.#waiting;
    const last = this.#waiting.pop();
    if (first === undefined || last === undefined) return undefined;
    if (last !== first) {
      this.#waiting[0] = last;
      this.#sink();
    }
    for (const hash of first.deps) this.#add(hash, first.time, find);
    return first;
  }

  #add(hash: string, later: number, find: FindChange): void {
    if (this.#seen.has(hash)) return;
    this.#seen.add(hash);
    const found = find(hash);
    if (found === undefined) return;
    // A change without a time, as a migration is, stands with what builds on it.
    const asked = found.time === 0 && found.deps.length > 0 ? later : found.time;
    const facts = { ...found, time: Math.min(Math.max(asked, 0), MOST_TIME) };
    // A binary heap, latest on top.
    let at = this.#waiting.push(facts) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isLater(facts, this.#waiting[above] as ChangeFacts)) break;
      this.#waiting[at] = this.#waiting[above] as ChangeFacts;
      at = above;
    }
    this.#waiting[at] = facts;
  }

  #sink(): void {
    const facts = this.#waiting[0] as ChangeFacts;
    let at = 0;
    for (let below = 1; below < this.#waiting.length; below = 2 * at + 1) {
      const other = this.#waiting[below + 1];
      if (other && isLater(other, this.#waiting[below] as ChangeFacts)) below += 1;
      if (!isLater(this.#waiting[below] as ChangeFacts, facts)) break;
      this.#waiting[at] = this.#waiting[below] as ChangeFacts;
      at = below;
    }
    this.#waiting[at] = facts;
  }
}

/** Reads a page of sessions in steps, so that the caller can do other work between. */
export class HistoryReader {
  readonly #walk: HistoryWalk;
  readonly #wanted: number;
  readonly #signed: SignedChanges;
  readonly #seed: string | undefined;
  readonly #sessions: HistorySession[] = [];
  #open: { heads: readonly string[]; from: number; to: number; changes: number; people: PeopleCount } | undefined;
  #changes = 0;

  /** `seed` is the change with which a document begins whose history was shortened: it is no part of any session. */
  constructor(heads: readonly string[], find: FindChange, wanted: number, signed: SignedChanges, seed?: string) {
    this.#walk = new HistoryWalk(heads, find);
    this.#wanted = wanted;
    this.#signed = signed;
    this.#seed = seed;
  }

  /** Reads up to that many changes more; the page once it is complete. */
  step(changes: number, find: FindChange): HistoryPage | undefined {
    for (let read = 0; read < changes; read += 1) {
      const facts = this.#walk.latest;
      if (facts !== undefined && facts.hash === this.#seed) {
        this.#end();
        return { sessions: this.#sessions, next: this.#walk.heads, isShortened: true };
      }
      if (facts === undefined || this.#ends(facts)) {
        this.#end();
        const enough = this.#sessions.length >= this.#wanted || this.#changes >= PAGE_CHANGES;
        if (facts === undefined || enough)
          return { sessions: this.#sessions, next: facts === undefined ? undefined : this.#walk.heads };
      }
      this.#take(find);
    }
    return undefined;
  }

  #ends({ time, deps }: ChangeFacts): boolean {
    const open = this.#open;
    if (open === undefined) return false;
    if (open.from - time > PAUSE || open.to - time > LONGEST || open.changes >= MOST_CHANGES) return true;
    // How it began, and everything that is without a time, is not part of somebody's work.
    return (deps.length === 0 || time === 0) !== (open.to === 0);
  }

  #take(find: FindChange): void {
    const heads = this.#open?.heads ?? this.#walk.heads;
    const facts = this.#walk.next(find);
    if (facts === undefined) return;
    this.#open ??= { heads, from: facts.time, to: facts.time, changes: 0, people: new PeopleCount(this.#signed) };
    this.#open.from = Math.min(this.#open.from, facts.time);
    this.#open.to = Math.max(this.#open.to, facts.time);
    this.#open.changes += 1;
    this.#changes += 1;
    this.#open.people.add(facts, find);
  }

  #end(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const { heads, changes } = open;
    const { people } = open.people;
    const [from, to] = [open.from * 1000, open.to * 1000];
    this.#sessions.push({ heads, before: this.#walk.heads, from, to, changes, people });
  }
}

/** By the clock; of those of one second, the one that comes after the other, and else always the same one. */
function isLater(left: ChangeFacts, right: ChangeFacts): boolean {
  if (left.time !== right.time) return left.time > right.time;
  if (left.startOp !== right.startOp) return left.startOp > right.startOp;
  return left.hash > right.hash;
}
