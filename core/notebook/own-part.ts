/**
 * This machine's own part in an open notebook: the state that a page saw last, as whom is written, and which changes made
 * here are still to be signed. It says when something of it has to be kept; its document writes it.
 */
import type * as Automerge from "@automerge/automerge/slim";
import { authorOfMember } from "./author.ts";
import type { Contradictions } from "./contradictions.ts";
import { OwnChanges } from "./own-changes.ts";
import type { ChangeMark, SignedBy } from "./signed-changes.ts";
import type { TranslatedChange } from "./reseed/carry.ts";
import { movedHeads, type LastVisit, type Visit } from "./visit.ts";

type Backend = ReturnType<typeof Automerge.getBackend>;

export class OwnPart {
  #visit: Visit = {};
  #own = new OwnChanges([]);
  #lastVisit: readonly string[] | undefined;
  #opened = 0;
  #isDirty = false;
  #isOpen = false;

  /** Takes up what was kept. */
  load(visit: Visit): void {
    this.#visit = visit;
    this.#lastVisit = visit.heads;
    this.#own = new OwnChanges(visit.own ?? []);
  }

  /** True when something has to be written. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** A page has the notebook open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The state in which a page had it open before it was opened now; undefined when none had. */
  get lastVisit(): LastVisit | undefined {
    return this.#lastVisit && { heads: this.#lastVisit, opened: this.#opened };
  }

  /** What was made here and is not signed yet, by member. */
  get unsigned(): readonly SignedBy[] {
    return this.#own.signed;
  }

  /** A page has it open from now on, a time, or none any more. */
  visit(open: boolean, now: number): void {
    this.#isOpen = open;
    this.#opened = now;
    if (open) this.#lastVisit = this.#visit.heads;
  }

  /** A page saw this. */
  saw(heads: readonly string[]): void {
    this.#note({ heads });
  }

  /** That member writes from now on; false when it is the one who did. */
  setAuthor(author: string): boolean {
    if (this.#visit.author === author) return false;
    this.#note({ author });
    return true;
  }

  /** A document that has just come says who writes in it: for that Automerge takes a new actor. */
  writeAsAuthor(backend: Backend): void {
    if (this.#visit.author !== undefined) backend.setAuthor(authorOfMember(this.#visit.author));
  }

  /** A change was made here: once the notebook is shared, it is to be signed. */
  made(backend: Backend, hash: string | null | undefined): void {
    const { author } = this.#visit;
    if (!hash || author === undefined || !this.#own.made(backend, author, hash)) return;
    this.#note({ own: this.#own.waiting });
  }

  /** These are signed now. */
  signed(changes: readonly ChangeMark[]): void {
    if (this.#own.sign(changes)) this.#note({ own: this.#own.waiting });
  }

  /** Some changes have moved, since others contradicted them. */
  contradicted(contradictions: Contradictions): void {
    const now = (hash: string): string => contradictions.moved(hash)?.hash ?? hash;
    this.#own.move((hash) => contradictions.marksOf(hash));
    const { heads } = this.#visit;
    this.#lastVisit = this.#lastVisit?.map(now);
    this.#note({ own: this.#own.waiting, ...(heads ? { heads: heads.map(now) } : {}) });
  }

  /**
   * The notebook has gone on in another document than `before`: what was seen is named as it is there, and what was made here
   * is to be signed there too. `signed` is what members have signed so far.
   */
  moved(translated: readonly TranslatedChange[], before: Backend, signed: readonly SignedBy[]): void {
    const find = (hash: string) => before.getChangeMetaByHash(hash) ?? undefined;
    const names = new Map(translated.map(({ from, to }) => [from.hash, to.hash]));
    const moving = (heads: readonly string[]): readonly string[] =>
      movedHeads(
        heads,
        (hash) => names.get(hash),
        (hash) => find(hash)?.deps ?? [],
      );
    const { author, heads } = this.#visit;
    if (heads) this.#note({ heads: moving(heads) });
    if (this.#lastVisit) this.#lastVisit = moving(this.#lastVisit);
    if (author === undefined) return;
    const marks = signed.flatMap(({ member, changes }) => (member === author ? changes : []));
    if (this.#own.translated(author, marks, translated, find)) this.#note({ own: this.#own.waiting });
  }

  /** What is to be written now, if anything, which counts as written; a page that has it open has seen `heads`. */
  take(heads: readonly string[]): Visit | undefined {
    if (this.#isOpen) this.#visit = { ...this.#visit, heads };
    const isDue = this.#isOpen || this.#isDirty;
    this.#isDirty = false;
    return isDue ? this.#visit : undefined;
  }

  /** It could not be written. */
  keepLater(): void {
    this.#isDirty = true;
  }

  #note(facts: Visit): void {
    this.#visit = { ...this.#visit, ...facts };
    this.#isDirty = true;
  }
}
