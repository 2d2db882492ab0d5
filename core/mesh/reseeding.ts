/**
 * How a shared notebook goes on as another document (SPEC.md, chapter "Reseeds"): whoever is linked hears so, whoever is
 * behind follows, and nothing that is said of one document gets into another.
 */
import { KromaError } from "../base/errors.ts";
import type { DocumentId } from "../base/ids.ts";
import type { HeldNotebook } from "./held-notebook.ts";
import type { Peer } from "./peer.ts";
import { OUTDATED } from "./refusals.ts";
import { BESIDE, SEEDS, type Share } from "./share.ts";
import type { PeerMessage } from "./wire.ts";

export interface ReseedingOptions {
  readonly document: DocumentId;
  readonly held: HeldNotebook;
  readonly shares: () => Iterable<Share>;
  /** Another number by which this end calls the notebook to that peer. */
  readonly newNumber: (peer: Peer) => number;
  /** True when what the peer writes in the notebook is taken. */
  readonly mayWrite: (peer: Peer) => boolean;
  /** Says how the notebook stands here. */
  readonly say: (share: Share) => void;
  /** Starts to sync what is not synced yet. */
  readonly begin: (share: Share) => Promise<void>;
  /** It can't follow, for that reason. */
  readonly failed: (reason: string) => void;
}

export class Reseeding {
  readonly #options: ReseedingOptions;

  constructor(options: ReseedingOptions) {
    this.#options = options;
  }

  /** What is said of one document must not get into another that took its place (E3). */
  isSame({ seed }: Share): boolean {
    return seed === this.#options.held.seed;
  }

  /** Who has nothing yet takes the document that somebody has (E2). */
  expectAs(share: Share): void {
    const { held, mayWrite, shares } = this.#options;
    if (!held.isBlank || this.isSame(share) || !mayWrite(share.peer)) return;
    if ([...shares()].some(({ parts }) => parts.notebook.sync)) return;
    held.expectSeed(share.seed);
    for (const one of shares()) if (one.introduced) this.#sayAnew(one);
  }

  /** The notebook has changed. If it is another document now, those who are there hear so, and go on with it if they have it. */
  changed(): void {
    const { held, shares, begin } = this.#options;
    if (!held.replica) return;
    const told = [...shares()].filter(({ saidParts, saidSeed }) => saidParts && saidSeed !== held.seed);
    if (told.length === 0) return;
    held.inCommon.forget();
    for (const share of told) this.#sayAnew(share);
    for (const share of told) void begin(share);
  }

  /** Whoever has it as another document hears, once, where it went on; who can't follow hears that (E4, E8). */
  tell(share: Share): void {
    const { document, held } = this.#options;
    const chain = held.replica?.chain;
    if (chain?.seed === undefined || this.isSame(share)) return;
    const { peer, takes } = share;
    const isOld = !takes.has(SEEDS);
    // Who has not said what they have will say so, and is told then.
    if (!isOld && !BESIDE.some((part) => takes.has(part))) return;
    const told = `${share.seed} ${chain.seed}`;
    if (share.toldChain === told) return;
    share.toldChain = told;
    if (isOld) peer.send({ type: "refused", document, reason: OUTDATED });
    else peer.send({ type: "reseed", document, seed: chain.seed, epochs: chain.epochs });
  }

  /** A member says where the notebook went on. */
  hear(share: Share | undefined, { seed, epochs }: Extract<PeerMessage, { readonly type: "reseed" }>): void {
    const { held, mayWrite, failed } = this.#options;
    if (!share?.joined || !mayWrite(share.peer)) return;
    // Not waited for: it takes blocks, which may come over this link.
    held.replica?.follow({ seed, epochs }).catch((error: unknown) => {
      if (!(error instanceof KromaError)) throw error;
      if (error.code !== "aborted") failed(error.message);
    });
  }

  /** Under another number, so that nothing that is on its way is taken for the new document's. */
  #sayAnew(share: Share): void {
    share.parts.notebook.begin(undefined);
    share.number = this.#options.newNumber(share.peer);
    this.#options.say(share);
  }
}
