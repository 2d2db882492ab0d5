/** Who made changes, and how many. */
import type * as Automerge from "@automerge/automerge/slim";
import { memberOfAuthor } from "./author.ts";
import type { SignedChanges } from "./signed-changes.ts";

/** Who made how many of the changes. */
export interface HistoryPerson {
  /** Without one nothing tells who it was: the notebook was not shared then, or it is not signed. */
  readonly member: string | undefined;
  /** The changes name somebody who has not signed them (yet): anybody who may write could have made them. */
  readonly unsigned?: true;
  readonly changes: number;
}

/** What is known of a change without looking into it. */
export type ChangeFacts = Pick<
  Automerge.ChangeMetadata,
  "hash" | "deps" | "time" | "startOp" | "author" | "actor" | "seq"
>;

/** Gives the facts of a change; undefined when it is not here. */
export type FindChange = (hash: string) => ChangeFacts | undefined;

/** Counts the changes of each. */
export class PeopleCount {
  readonly #signed: SignedChanges;
  /** No member's id is one of these two. */
  readonly #counts = new Map<string | undefined | typeof UNSIGNED, number>();

  constructor(signed: SignedChanges) {
    this.#signed = signed;
  }

  add(change: Pick<ChangeFacts, "author" | "actor" | "seq">, find: FindChange): void {
    const named = memberOfAuthor(change.author);
    const who = named === undefined || this.#signed.isBy(named, change, find) ? named : UNSIGNED;
    this.#counts.set(who, (this.#counts.get(who) ?? 0) + 1);
  }

  /** Those with most changes first. */
  get people(): readonly HistoryPerson[] {
    return [...this.#counts]
      .sort(([, left], [, right]) => right - left)
      .map(([who, changes]) =>
        who === UNSIGNED ? { member: undefined, unsigned: true, changes } : { member: who, changes },
      );
  }
}

const UNSIGNED = Symbol("unsigned");
