/**
 * Signs what is written here of one shared notebook, now and then, and takes in what others have signed (SPEC.md, chapter
 * "Signed changes"). A signature costs some ten milliseconds and five kilobytes, so it waits for a pause.
 */
import { KromaError } from "../base/errors.ts";
import type { DocumentId } from "../base/ids.ts";
import { TaskQueue } from "../base/task-queue.ts";
import type { Replica } from "../notebook/replica.ts";
import type { ChangeMark, SignedBy } from "../notebook/signed-changes.ts";
import { readChangeSignature, signChanges, verifyChanges, type ReadChangeSignature } from "./change-signature.ts";
import { ChangeSignatures } from "./change-signatures.ts";
import type { Clock } from "./clock.ts";
import type { Signatures, Signer } from "./identity.ts";
import type { Membership } from "./membership.ts";
import type { Peer } from "./peer.ts";
import { SIGNATURES, type Share } from "./share.ts";
import type { PeerMessage } from "./wire.ts";

export interface SigningOptions {
  readonly document: DocumentId;
  readonly clock: Clock;
  readonly signer: Signer;
  readonly signatures: Signatures;
  /** What was kept before. */
  readonly kept: readonly Uint8Array[];
  readonly membership: () => Membership | undefined;
  readonly replica: () => Replica | undefined;
  readonly shares: () => Iterable<Share>;
  /** Keeps some in the place of others; resolves when that is durable. */
  readonly keep: (added: readonly ReadChangeSignature[], replaced: readonly ReadChangeSignature[]) => Promise<void>;
  /** This is signed from now on. */
  readonly show: (signed: readonly SignedBy[]) => void;
}

type SignaturesMessage = Extract<PeerMessage, { readonly type: "signatures" }>;

/** After the last change; after the signature before; after the first change that waits. */
const PAUSE = 1000;
const EVERY = 30_000;
const LONGEST = 60_000;
/** In one message. */
const PORTION = 32;

export class Signing {
  readonly #options: SigningOptions;
  readonly #all = new ChangeSignatures();
  readonly #tasks: TaskQueue;
  /** Peers who were told what is here, and who were given what they lack. */
  readonly #told = new WeakSet<Share>();
  readonly #given = new WeakSet<Share>();
  #later: (() => void) | undefined;
  #waitingSince: number | undefined;
  #signedAt = -Infinity;
  #closed = false;

  constructor(options: SigningOptions) {
    this.#options = options;
    this.#tasks = new TaskQueue(this.#load());
  }

  /** All of them, as they are kept. */
  get kept(): readonly Uint8Array[] {
    return this.#all.without(new Set()).map(({ bytes }) => bytes);
  }

  /** Something was written, here or elsewhere: when there is a pause, what is one's own is signed. */
  documentChanged(): void {
    const { clock, replica } = this.#options;
    if (this.#closed || !replica()) return;
    const now = clock.now();
    this.#waitingSince ??= now;
    const pause = Math.max(PAUSE, this.#signedAt + EVERY - now);
    const wait = Math.max(0, Math.min(pause, this.#waitingSince + LONGEST - now));
    this.#later?.();
    this.#later = clock.after(wait, () => {
      this.#later = undefined;
      this.#waitingSince = undefined;
      // What can't be signed or kept now waits for the next change.
      this.#tasks.run(() => this.#sign()).catch(() => undefined);
    });
  }

  /** Somebody has come and the notebook is here: they are told, once, what is signed, and give what is not here. */
  meet(share: Share): void {
    if (!share.takes.has(SIGNATURES) || !this.#options.replica() || this.#told.has(share)) return;
    this.#told.add(share);
    const tell = async (): Promise<void> =>
      share.peer.send({ type: "signatures", document: this.#options.document, have: [...this.#all.hashes] });
    this.#tasks.run(tell).catch(() => undefined);
    this.documentChanged();
  }

  /** What a member says of it. `corrupt` when it is not signed by who it names. */
  async hear(share: Share, { have, given }: SignaturesMessage): Promise<void> {
    await this.#tasks.run(async () => {
      if (have && !this.#given.has(share)) {
        this.#given.add(share);
        this.#give([share], this.#all.without(new Set(have)));
      }
      if (given) await this.#take(share.peer, given);
    });
  }

  close(): void {
    this.#closed = true;
    this.#later?.();
  }

  async #load(): Promise<void> {
    for (const bytes of this.#options.kept) {
      // What can't be read any more, others may still have.
      const read = await readChangeSignature(bytes).catch(() => undefined);
      if (read) this.#all.add(read, this.#all.replacedBy(read));
    }
    this.#options.show(this.#all.signed);
  }

  async #sign(): Promise<void> {
    const { signer, replica: replicaNow, clock } = this.#options;
    const replica = replicaNow();
    if (this.#closed || !replica) return;
    const own = (await replica.ownChanges()).filter(({ member }) => member === signer.id);
    const made = own.flatMap(({ changes }) => changes);
    const before: (readonly ChangeMark[])[] = [];
    for (const { said } of this.#all.of(signer.id)) {
      // What others contradicted has moved since: it is signed again where it is now.
      const marks = await replica.marks(said.changes);
      before.push(said.changes.filter((mark) => marks.includes(mark)));
      made.push(...marks.filter((mark) => !said.changes.includes(mark)));
    }
    if (made.length === 0) return;
    const signed: ReadChangeSignature[] = [];
    for (const changes of this.#all.next(signer.id, made, before)) signed.push(await signChanges(signer, changes));
    await this.#add(signed, this.#options.keep);
    this.#signedAt = clock.now();
    await replica.signed(made);
    this.#give(this.#others(undefined), signed);
  }

  async #take(from: Peer, texts: readonly string[]): Promise<void> {
    const { signatures, membership } = this.#options;
    const taken: ReadChangeSignature[] = [];
    try {
      for (const text of texts) {
        const read = await readChangeSignature(new TextEncoder().encode(text));
        if (!read || this.#all.isOfNoUse(read)) continue;
        // Whose keys are not known here has no name here either.
        const identity = membership()?.identityOf(read.said.author);
        if (!identity) continue;
        if (!(await verifyChanges(signatures, identity, read.said)))
          throw new KromaError("corrupt", "This peer hands on a signature under changes that is not its author's.");
        taken.push(read);
      }
    } finally {
      // Where it can't be kept, it is given again at the next start.
      await this.#add(taken, (...changes) => this.#options.keep(...changes).catch(() => undefined));
      this.#give(this.#others(from), taken);
    }
  }

  async #add(added: readonly ReadChangeSignature[], keep: SigningOptions["keep"]): Promise<void> {
    for (const read of added) {
      const replaced = this.#all.replacedBy(read);
      // First on disk: what is signed is not signed again.
      await keep([read], replaced);
      this.#all.add(read, replaced);
    }
    if (added.length > 0) this.#options.show(this.#all.signed);
  }

  #others(from: Peer | undefined): readonly Share[] {
    return [...this.#options.shares()].filter(
      ({ peer, takes, joined }) => peer !== from && takes.has(SIGNATURES) && joined,
    );
  }

  #give(shares: readonly Share[], all: readonly ReadChangeSignature[]): void {
    const { document } = this.#options;
    const decoder = new TextDecoder();
    for (let at = 0; at < all.length; at += PORTION) {
      const given = all.slice(at, at + PORTION).map(({ bytes }) => decoder.decode(bytes));
      for (const { peer } of shares) peer.send({ type: "signatures", document, given });
    }
  }
}
