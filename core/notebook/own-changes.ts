/**
 * Which changes were made here and are to be signed: the last one of each actor that this machine wrote as. It is kept
 * with the changes themselves, so that after a crash nothing is signed that somebody else wrote under the same actor.
 */
import type * as Automerge from "@automerge/automerge/slim";
import * as v from "valibot";
import { authorOfMember } from "./author.ts";
import type { TranslatedChange } from "./reseed/carry.ts";
import { SignedChanges, type ChangeMark, type ChangePlace, type SignedBy } from "./signed-changes.ts";

const hex = (digits: number) => v.pipe(v.string(), v.regex(/^[0-9a-f]+$/), v.maxLength(digits));

/** A mark as others and this machine itself write it. */
export const changeMarkSchema = v.strictObject({
  actor: hex(128),
  seq: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  hash: v.pipe(hex(64), v.length(64)),
});

/** What is kept of own changes. */
export const ownChangesSchema = v.array(v.object({ ...changeMarkSchema.entries, member: v.string() }));

/** A mark, and as whom it was written. */
export type OwnChange = v.InferOutput<typeof ownChangesSchema>[number];

type Backend = ReturnType<typeof Automerge.getBackend>;

/** Of sessions of work that nobody signed; those before them stay unsigned. */
const MOST_WAITING = 512;

export class OwnChanges {
  #waiting: readonly OwnChange[];
  #actor: string | undefined;
  #seq = 0;

  constructor(kept: readonly OwnChange[]) {
    this.#waiting = kept;
  }

  /** Those that are not signed yet. */
  get waiting(): readonly OwnChange[] {
    return this.#waiting;
  }

  /** The same by member. */
  get signed(): readonly SignedBy[] {
    return [...Map.groupBy(this.#waiting, ({ member }) => member)].map(([member, changes]) => ({ member, changes }));
  }

  /** That change was just made here by that member; true when there is something new to be kept. */
  made(backend: Backend, member: string, hash: string): boolean {
    const facts = backend.getChangeMetaByHash(hash);
    if (facts?.actor !== backend.getActorId()) return false;
    const expected = facts.actor === this.#actor ? this.#seq + 1 : 1;
    this.#actor = facts.actor;
    this.#seq = facts.seq;
    if (facts.seq !== expected) {
      // Somebody else has written under this actor in between: what builds on it is not signed. Another actor is taken.
      backend.setAuthor(null);
      backend.setAuthor(authorOfMember(member));
      return false;
    }
    const { actor, seq } = facts;
    this.#waiting = [...this.#waiting.filter((one) => one.actor !== actor), { member, actor, seq, hash }].slice(
      -MOST_WAITING,
    );
    return true;
  }

  /** Some have moved: `now` gives up to where they go now; nothing for one that has not. */
  move(now: (hash: string) => readonly ChangeMark[]): void {
    this.#waiting = this.#waiting.flatMap((one) => {
      const marks = now(one.hash);
      return marks.length === 0 ? [one] : marks.map((mark) => ({ member: one.member, ...mark }));
    });
  }

  /**
   * Changes were translated into another document: what stands for own ones there is to be signed as well. `signed` are
   * marks of that member that were signed before, `find` looks into the document that the changes came from. True when
   * something is new.
   */
  translated(
    member: string,
    signed: readonly ChangeMark[],
    pairs: readonly TranslatedChange[],
    find: (hash: string) => ChangePlace | undefined,
  ): boolean {
    const waiting = this.#waiting.filter((one) => one.member === member);
    const own = new SignedChanges([{ member, changes: [...signed, ...waiting] }]);
    const last = new Map<string, ChangeMark>();
    for (const { from, to } of pairs) {
      if (!own.isBy(member, from, find)) continue;
      if (to.seq > (last.get(to.actor)?.seq ?? 0)) last.set(to.actor, to);
    }
    if (last.size === 0) return false;
    const made = [...last.values()].map(({ actor, seq, hash }) => ({ member, actor, seq, hash }));
    this.#waiting = [...this.#waiting.filter(({ actor }) => !last.has(actor)), ...made].slice(-MOST_WAITING);
    return true;
  }

  /** These are signed, and that is kept. True when something was waiting for it. */
  sign(changes: readonly ChangeMark[]): boolean {
    const signed = new Map(changes.map(({ actor, seq }) => [actor, seq]));
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter(({ actor, seq }) => seq > (signed.get(actor) ?? 0));
    return this.#waiting.length < before;
  }
}
