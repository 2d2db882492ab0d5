/**
 * Gives members what belongs to a notebook, by its CID: outputs, files, documents that it was before, and models that are
 * offered (SPEC.md, S16, E6 and D3).
 */
import type { DocumentId } from "../base/ids.ts";
import type { Replica } from "../notebook/replica.ts";
import type { ModelExchange } from "./model-exchange.ts";
import type { Peer } from "./peer.ts";

export interface BlockGiverOptions {
  readonly document: DocumentId;
  readonly replica: () => Replica | undefined;
  readonly models: ModelExchange;
  /** Only those who get the notebook get what belongs to it. */
  readonly gets: (peer: Peer) => boolean;
}

export class BlockGiver {
  readonly #options: BlockGiverOptions;
  /** Blocks that peers asked for, and get when they come. */
  readonly #later = new Map<Peer, Set<string>>();

  constructor(options: BlockGiverOptions) {
    this.#options = options;
  }

  /** A peer wants a block: it is given, or told to be absent. */
  async hear(peer: Peer, cid: string): Promise<void> {
    const { replica, models, gets } = this.#options;
    const isMember = gets(peer);
    const bytes = isMember ? await replica()?.block(cid) : undefined;
    if (bytes || !isMember) return this.#answer(peer, cid, bytes);
    void this.#giveLater(peer, cid);
    // A page is asked for it: what this member says next need not wait for that.
    void models
      .give(cid)
      .catch(() => undefined)
      .then((found) => this.#answer(peer, cid, gets(peer) ? found : undefined));
  }

  /** What others may have of an earlier document is asked for, and handed on when it comes. */
  async #giveLater(peer: Peer, cid: string): Promise<void> {
    const { replica, gets } = this.#options;
    const waiting = this.#later.get(peer) ?? new Set();
    if (waiting.has(cid)) return;
    this.#later.set(peer, waiting.add(cid));
    const bytes = await replica()
      ?.formerBlock(cid)
      .catch(() => undefined);
    waiting.delete(cid);
    if (waiting.size === 0) this.#later.delete(peer);
    if (bytes && gets(peer)) this.#answer(peer, cid, bytes);
  }

  #answer(peer: Peer, cid: string, bytes: Uint8Array | undefined): void {
    const { document } = this.#options;
    if (bytes) peer.send({ type: "block", document, cid, bytes });
    else peer.send({ type: "absent", document, cid });
  }
}
