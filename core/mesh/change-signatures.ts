/** The signatures under the changes of one notebook: what is kept of them, and what the next one says. Rules: SPEC.md, A5 to A7. */
import type { ChangeMark, SignedBy } from "../notebook/signed-changes.ts";
import { MOST_SIGNED_ACTORS, type ReadChangeSignature } from "./change-signature.ts";
import type { MemberId } from "./identity.ts";

/** Of one member, and of all. */
export const MOST_SIGNATURES_OF_ONE = 256;
export const MOST_SIGNATURES = 2000;

export class ChangeSignatures {
  readonly #all = new Map<string, ReadChangeSignature>();

  /** Their names. */
  get hashes(): readonly string[] {
    return [...this.#all.keys()];
  }

  /** What they say. */
  get signed(): readonly SignedBy[] {
    return [...this.#all.values()].map(({ said: { author, changes } }) => ({ member: author, changes }));
  }

  /** Those that somebody who has these lacks. */
  without(hashes: ReadonlySet<string>): readonly ReadChangeSignature[] {
    return [...this.#all.values()].filter(({ hash }) => !hashes.has(hash));
  }

  of(author: MemberId): readonly ReadChangeSignature[] {
    return [...this.#all.values()].filter(({ said }) => said.author === author);
  }

  /** True when it says nothing that is not said already, or there is no room for it. */
  isOfNoUse({ hash, said }: ReadChangeSignature): boolean {
    const others = this.of(said.author);
    if (others.some((one) => one.hash === hash || covers(one.said.changes, said.changes))) return true;
    const isMore = others.every((one) => !covers(said.changes, one.said.changes));
    return isMore && (others.length >= MOST_SIGNATURES_OF_ONE || this.#all.size >= MOST_SIGNATURES);
  }

  /** Those that say nothing that this one does not say. */
  replacedBy({ hash, said }: ReadChangeSignature): readonly ReadChangeSignature[] {
    return this.of(said.author).filter((one) => one.hash !== hash && covers(said.changes, one.said.changes));
  }

  /** Adds it in the place of those. */
  add(read: ReadChangeSignature, replaced: readonly ReadChangeSignature[]): void {
    for (const { hash } of replaced) this.#all.delete(hash);
    this.#all.set(read.hash, read);
  }

  /**
   * What a member signs next, each for a signature of its own: those changes and, as far as there is room, what they have
   * signed before, whose signatures are not needed then. Nothing where all of it is signed. `before` leaves out what has
   * moved since.
   */
  next(
    author: MemberId,
    made: readonly ChangeMark[],
    before: readonly (readonly ChangeMark[])[] = this.of(author).map(({ said }) => said.changes),
  ): readonly (readonly ChangeMark[])[] {
    const unsigned = made.filter((mark) => !before.some((changes) => covers(changes, [mark])));
    if (unsigned.length === 0) return [];
    let marks = latest(unsigned);
    for (const changes of before.toSorted((left, right) => left.length - right.length)) {
      const joined = latest([...marks, ...changes]);
      if (joined.length <= MOST_SIGNED_ACTORS) marks = joined;
    }
    const portions: (readonly ChangeMark[])[] = [];
    for (let at = 0; at < marks.length; at += MOST_SIGNED_ACTORS)
      portions.push(marks.slice(at, at + MOST_SIGNED_ACTORS));
    return portions;
  }
}

/** True when all that the others say is in these. */
function covers(changes: readonly ChangeMark[], others: readonly ChangeMark[]): boolean {
  const seqs = new Map(changes.map(({ actor, seq }) => [actor, seq]));
  return others.every(({ actor, seq }) => (seqs.get(actor) ?? 0) >= seq);
}

/** Of each actor the last one. */
function latest(marks: readonly ChangeMark[]): readonly ChangeMark[] {
  const byActor = new Map<string, ChangeMark>();
  for (const mark of marks) if (mark.seq > (byActor.get(mark.actor)?.seq ?? 0)) byActor.set(mark.actor, mark);
  return [...byActor.values()];
}
