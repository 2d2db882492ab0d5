/**
 * Models that the people of one notebook have from elsewhere and give each other (SPEC.md, D1 to D5): what each of them offers,
 * and blocks of it, asked of those who offer something, of several at once. Nothing of it is kept here: the store that wants a
 * block keeps it, and a page that has one gives it.
 */
import type { DocumentId } from "../base/ids.ts";
import { KromaError } from "../base/errors.ts";
import { checkForeignBlock } from "../store/cid.ts";
import type { Clock } from "./clock.ts";
import type { MemberId } from "./identity.ts";
import type { Peer } from "./peer.ts";
import { MODELS, type Share } from "./share.ts";
import type { OfferedModel } from "./offered-model.ts";

/** What is offered from here, and the way to its blocks. */
export interface ModelOffer {
  readonly models: readonly OfferedModel[];
  /** A block of one of them; undefined for every other. */
  block(cid: string): Promise<Uint8Array | undefined>;
}

/** What a member offers. */
export interface MemberModels {
  readonly member: MemberId;
  readonly models: readonly OfferedModel[];
}

export interface ModelExchangeOptions {
  readonly document: DocumentId;
  readonly clock: Clock;
  readonly shares: () => Iterable<Share>;
  /** What is offered from here now. */
  readonly offer: () => ModelOffer | undefined;
  /** What others offer has changed. */
  readonly changed: () => void;
}

interface Wanted {
  readonly cid: string;
  /** Who was asked already. */
  readonly asked: Set<Peer>;
  readonly settle: (bytes: Uint8Array | undefined) => void;
  /** Who is asked now. */
  from: Peer | undefined;
  stop: () => void;
}

/** Of one peer. */
interface Standing {
  models: readonly OfferedModel[];
  /** Blocks that it was asked for and has not answered. */
  underWay: number;
  /** How often it had not got a block, since it gave one. */
  absences: number;
}

/** One who was asked and says nothing for so long is passed over, in milliseconds. */
const PATIENCE = 30_000;
/** So many blocks are asked of one peer at once: what it sends has to stay below what a link takes (S17). */
const MOST_UNDER_WAY = 8;

export class ModelExchange {
  readonly #options: ModelExchangeOptions;
  readonly #standings = new Map<Peer, Standing>();
  readonly #wanted = new Map<string, Wanted>();
  readonly #promises = new Map<string, Promise<Uint8Array | undefined>>();
  /** All who could be asked are busy. */
  readonly #queue: Wanted[] = [];

  constructor(options: ModelExchangeOptions) {
    this.#options = options;
  }

  /** What others offer now, of whom there is a link to. */
  get others(): readonly MemberModels[] {
    const byMember = new Map<MemberId, Map<string, OfferedModel>>();
    for (const [{ id }, { models }] of this.#standings) {
      const known = byMember.get(id) ?? new Map<string, OfferedModel>();
      for (const model of models) known.set(`${model.address} ${model.cid}`, model);
      if (known.size > 0) byMember.set(id, known);
    }
    return [...byMember].map(([member, models]) => ({ member, models: [...models.values()] }));
  }

  /** What is offered from here has changed: those who understand are told. */
  offerChanged(): void {
    for (const share of this.#options.shares()) if (share.joined) this.tell(share, true);
  }

  /** Somebody has come: they hear what is offered from here. */
  tell({ peer, takes }: Share, evenNothing = false): void {
    if (!takes.has(MODELS)) return;
    const models = this.#options.offer()?.models ?? [];
    if (models.length > 0 || evenNothing) peer.send({ type: "models", document: this.#options.document, models });
  }

  /** A member has said what it offers. */
  hear(peer: Peer, models: readonly OfferedModel[]): void {
    const { underWay, absences } = this.#standings.get(peer) ?? { underWay: 0, absences: 0 };
    this.#standings.set(peer, { models, underWay, absences });
    this.#options.changed();
  }

  /** A block of something that others offer, checked; undefined when nobody who is here gave it. */
  get(cid: string): Promise<Uint8Array | undefined> {
    const known = this.#promises.get(cid);
    if (known) return known;
    const promise = new Promise<Uint8Array | undefined>((resolve) => {
      const settle = (bytes: Uint8Array | undefined): void => {
        this.#wanted.delete(cid);
        this.#promises.delete(cid);
        resolve(bytes);
      };
      const wanted: Wanted = { cid, asked: new Set(), settle, from: undefined, stop: () => undefined };
      this.#wanted.set(cid, wanted);
      this.#askNext(wanted);
    });
    if (this.#wanted.has(cid)) this.#promises.set(cid, promise);
    return promise;
  }

  /** A block has come; false when it was not asked for here. `corrupt` when it is not the one of that name. */
  async came(peer: Peer, cid: string, bytes: Uint8Array): Promise<boolean> {
    const wanted = this.#wanted.get(cid);
    if (!wanted?.asked.has(peer)) return false;
    try {
      await checkForeignBlock(cid, bytes);
    } catch (error) {
      this.#answered(wanted, peer);
      if (this.#wanted.get(cid) === wanted) this.#askNext(wanted);
      if (!(error instanceof KromaError)) throw error;
      throw new KromaError("corrupt", "This peer sent another part of a model than it was asked for.");
    }
    const standing = this.#standings.get(peer);
    if (standing) standing.absences = 0;
    this.#answered(wanted, wanted.from);
    wanted.settle(bytes);
    this.#goOn();
    return true;
  }

  /** The peer has not got it; false when it was not asked for that by this. */
  absent(peer: Peer, cid: string): boolean {
    const wanted = this.#wanted.get(cid);
    if (!wanted || wanted.from !== peer) return wanted?.asked.has(peer) ?? false;
    const standing = this.#standings.get(peer);
    if (standing) standing.absences += 1;
    this.#answered(wanted, peer);
    this.#askNext(wanted);
    this.#goOn();
    return true;
  }

  /** A block of what is offered from here. */
  async give(cid: string): Promise<Uint8Array | undefined> {
    return this.#options.offer()?.block(cid);
  }

  /** The peer is gone, or is no member any more. */
  part(peer: Peer): void {
    const standing = this.#standings.get(peer);
    this.#standings.delete(peer);
    for (const wanted of this.#wanted.values()) {
      if (wanted.from !== peer) continue;
      this.#answered(wanted, peer);
      this.#askNext(wanted);
    }
    if (standing && standing.models.length > 0) this.#options.changed();
    this.#goOn();
  }

  /** Nobody is asked any more; who waits gets nothing. */
  close(): void {
    this.#queue.length = 0;
    for (const wanted of this.#wanted.values()) {
      wanted.stop();
      wanted.settle(undefined);
    }
    this.#standings.clear();
  }

  #askNext(wanted: Wanted): void {
    const left: { readonly peer: Peer; readonly standing: Standing }[] = [];
    for (const { peer, joined } of this.#options.shares()) {
      const standing = this.#standings.get(peer);
      if (standing && standing.models.length > 0 && joined && !wanted.asked.has(peer)) left.push({ peer, standing });
    }
    if (left.length === 0) return wanted.settle(undefined);
    const free = left.filter(({ standing }) => standing.underWay < MOST_UNDER_WAY);
    const cost = ({ underWay, absences }: Standing): number => underWay + 2 * absences;
    const next = free.sort((one, other) => cost(one.standing) - cost(other.standing))[0];
    if (!next) return void this.#queue.push(wanted);
    wanted.asked.add(next.peer);
    wanted.from = next.peer;
    next.standing.underWay += 1;
    wanted.stop = this.#options.clock.after(PATIENCE, () => {
      this.#answered(wanted, next.peer);
      this.#askNext(wanted);
      this.#goOn();
    });
    next.peer.send({ type: "want", document: this.#options.document, cid: wanted.cid });
  }

  #answered(wanted: Wanted, peer: Peer | undefined): void {
    if (peer === undefined || wanted.from !== peer) return;
    wanted.stop();
    wanted.from = undefined;
    const standing = this.#standings.get(peer);
    if (standing) standing.underWay -= 1;
  }

  /** Somebody has a hand free. */
  #goOn(): void {
    for (const wanted of this.#queue.splice(0)) if (this.#wanted.get(wanted.cid) === wanted) this.#askNext(wanted);
  }
}
