/**
 * What is here of a shared notebook: its replica, or nothing yet, and then what comes goes into a blank document until it
 * is whole. It tells which document that is, since a notebook may go on as another one (SPEC.md, E1 to E8).
 */
import type { DocumentId } from "../base/ids.ts";
import { BlankDocument } from "../notebook/blank-document.ts";
import { DocumentSync } from "../notebook/document-sync.ts";
import type { FirstView } from "../notebook/first-view.ts";
import type { Part } from "../notebook/parts.ts";
import type { Replica } from "../notebook/replica.ts";
import type { MemberId } from "./identity.ts";
import { InCommon } from "./in-common.ts";
import type { Peer } from "./peer.ts";
import type { Share } from "./share.ts";
import type { Replicas } from "./shared-notebook-options.ts";

export class HeldNotebook {
  readonly inCommon = new InCommon();
  readonly #document: DocumentId;
  readonly #replicas: Replicas;
  #replica: Replica | undefined;
  #blank: BlankDocument | undefined;
  #holding: Promise<void> | undefined;
  #adopting: Promise<boolean> | undefined;
  /** What is said to be in it is shown, or was. */
  #isExpected = false;

  constructor(document: DocumentId, replicas: Replicas) {
    this.#document = document;
    this.#replicas = replicas;
  }

  /** Undefined while it is not here. */
  get replica(): Replica | undefined {
    return this.#replica;
  }

  /** The first change of the document that is here or comes, if it took another's place. */
  get seed(): string | undefined {
    return this.#replica ? this.#replica.chain.seed : this.#blank?.seed;
  }

  /** What is said to be in it is shown, or was before it came. */
  get isExpected(): boolean {
    return this.#isExpected;
  }

  /** True when nothing is here, and nothing is on its way into the library. */
  get isBlank(): boolean {
    return this.#blank !== undefined && this.#adopting === undefined;
  }

  /** Looks once whether it is in the library, and keeps it loaded. */
  hold(): Promise<void> {
    return (this.#holding ??= this.#hold());
  }

  /** What comes is a document with that first change: what came of another one is let go of. */
  expectSeed(seed: string | undefined): void {
    this.#blank = new BlankDocument(seed);
  }

  /** Shows what is said to be in it until it is here; false when it is, or something is shown already. */
  async show(view: FirstView): Promise<boolean> {
    if (this.#isExpected) return false;
    await this.hold();
    if (this.#replica || this.#adopting) return false;
    this.#isExpected = await this.#replicas.expect(this.#document, view);
    return this.#isExpected;
  }

  /** What is in it goes to a peer before the whole history has gone over, been checked and been put together. */
  async sendView(peer: Peer): Promise<void> {
    const view = await this.#replica?.view();
    if (view) peer.send({ type: "view", document: this.#document, view });
  }

  /** A view of a member on one part. Comments and files belong to a notebook: without it they wait. */
  newSync(member: MemberId, part: Part, mayWrite: boolean): DocumentSync | undefined {
    if (this.#replica) {
      const sync = this.#replica.sync(part, mayWrite, member);
      sync?.goOnFrom(this.inCommon.of(member, part));
      return sync;
    }
    return part === "notebook"
      ? new DocumentSync(this.#blank ?? new BlankDocument(), mayWrite, undefined, member)
      : undefined;
  }

  /** The link is over: one that comes back goes on from here. */
  remember(share: Share): void {
    if (this.#replica) this.inCommon.remember(share);
  }

  /** Resolves when nothing is on its way into the library. */
  async settled(): Promise<void> {
    await this.#adopting?.catch(() => undefined);
  }

  /**
   * Puts what has come into the library once it is whole; true when that was done now, with a way to turn the view of a member
   * on what has come into one on the replica.
   */
  async adopt(): Promise<((before: DocumentSync) => DocumentSync | undefined) | undefined> {
    const blank = this.#blank;
    if (!blank?.isWhole) return undefined;
    const { heads } = blank;
    const isFirst = this.#adopting === undefined;
    this.#adopting ??= this.#adopt(blank);
    if (!(await this.#adopting) || !isFirst) return undefined;
    return (before) => (blank.heads === heads ? this.#replica?.goOn(before) : undefined);
  }

  close(): void {
    if (this.#isExpected && !this.#replica) this.#replicas.giveUp(this.#document);
    this.#replica?.release();
    this.#replica = undefined;
  }

  async #hold(): Promise<void> {
    this.#replica = await this.#replicas.hold(this.#document);
    if (!this.#replica) this.#blank = new BlankDocument();
  }

  async #adopt(blank: BlankDocument): Promise<boolean> {
    try {
      this.#replica = await this.#replicas.adopt(this.#document, blank.copy());
      this.#blank = undefined;
      return this.#replica !== undefined;
    } catch (error) {
      // It could not be stored: the next message tries again.
      this.#adopting = undefined;
      throw error;
    }
  }
}
