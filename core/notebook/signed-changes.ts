/**
 * Whose changes are whose. A change names its author, and anybody who may write can name anybody. What is believed is a
 * signature: of the last change that one actor made, and with it, since each change of an actor refers to the one before,
 * of all of them up to there (core/mesh/SPEC.md, chapter "Signed changes"). What was made here needs none.
 */

/** The last of the changes that an actor has made. */
export interface ChangeMark {
  readonly actor: string;
  /** Which of the actor's changes it is: they are counted from 1. */
  readonly seq: number;
  readonly hash: string;
}

/** The changes up to these were made by that member. */
export interface SignedBy {
  readonly member: string;
  readonly changes: readonly ChangeMark[];
}

/** Where a change stands among those of its actor. */
export type ChangePlace = Pick<ChangeMark, "actor" | "seq">;

export class SignedChanges {
  /** By member and actor. */
  readonly #marks = new Map<string, ChangeMark[]>();
  readonly #found = new Set<string>();

  constructor(signed: readonly SignedBy[]) {
    for (const { member, changes } of signed) {
      for (const mark of changes) {
        const key = `${member} ${mark.actor}`;
        this.#marks.set(key, [...(this.#marks.get(key) ?? []), mark]);
      }
    }
  }

  /**
   * True when that member made the change. `find` looks into the document: a mark whose change is not there, or is
   * another one, says nothing of those before it.
   */
  isBy(member: string, { actor, seq }: ChangePlace, find: (hash: string) => ChangePlace | undefined): boolean {
    return (this.#marks.get(`${member} ${actor}`) ?? []).some((mark) => seq <= mark.seq && this.#isThere(mark, find));
  }

  #isThere({ actor, seq, hash }: ChangeMark, find: (hash: string) => ChangePlace | undefined): boolean {
    if (this.#found.has(hash)) return true;
    const found = find(hash);
    if (found?.actor !== actor || found.seq !== seq) return false;
    this.#found.add(hash);
    return true;
  }
}
