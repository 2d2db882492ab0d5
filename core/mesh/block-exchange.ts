/**
 * Big outputs and files of one notebook, fetched from whoever has them (SPEC.md, S15 and S16): one is asked at a time for each
 * block, and the next when it has not got it, or says nothing for a while. A block is checked by its CID, so it does not
 * matter who sends it.
 */
import type { Replica } from "../notebook/replica.ts";
import type { Peer } from "./peer.ts";
import type { Clock } from "./clock.ts";

export interface BlockExchangeOptions {
  readonly clock: Clock;
  readonly replica: () => Replica | undefined;
  /** Members with whom there is a link. */
  readonly peers: () => readonly Peer[];
  readonly ask: (peer: Peer, cid: string) => void;
  /** A block that this peer gave is kept. */
  readonly brought?: (peer: Peer, bytes: number) => void;
}

interface Wanted {
  /** Who was asked already. */
  readonly asked: Set<Peer>;
  stop: () => void;
}

/** One who was asked and says nothing for so long is passed over, in milliseconds. */
const PATIENCE = 30_000;
/** So many are under way at once. */
const MOST_WANTED = 4;
/** What nobody had who is here is asked for again after so long: they may have got it meanwhile. */
const ASK_AGAIN_AFTER = 15_000;

export class BlockExchange {
  readonly #options: BlockExchangeOptions;
  readonly #wanted = new Map<string, Wanted>();
  /** What nobody who is here had when they were asked. */
  readonly #nowhere = new Set<string>();
  #stopWaiting: (() => void) | undefined;
  #looking = false;
  #again = false;

  constructor(options: BlockExchangeOptions) {
    this.#options = options;
  }

  /** How many are asked for now. */
  get wanted(): number {
    return this.#wanted.size;
  }

  /** Somebody came: they may have what nobody else has. */
  async meet(): Promise<void> {
    this.#nowhere.clear();
    await this.look();
  }

  /** Looks whether something is missing, and asks for it. Called when the notebook or its files changed. */
  async look(): Promise<void> {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = true;
    try {
      const missing = new Set(await this.#options.replica()?.missing());
      for (const cid of this.#wanted.keys()) if (!missing.has(cid)) this.#drop(cid);
      for (const cid of this.#nowhere) if (!missing.has(cid)) this.#nowhere.delete(cid);
      for (const cid of missing) {
        if (this.#wanted.size >= MOST_WANTED) break;
        if (!this.#nowhere.has(cid) && !this.#wanted.has(cid))
          this.#askNext(cid, { asked: new Set(), stop: () => undefined });
      }
    } finally {
      this.#looking = false;
    }
    if (!this.#again) return;
    this.#again = false;
    await this.look();
  }

  /** A block has come; false when it is not what its name says. */
  async came(peer: Peer, cid: string, bytes: Uint8Array): Promise<boolean> {
    // Who had not got it may have got it meanwhile.
    if (!this.#wanted.has(cid) && !this.#nowhere.has(cid)) return true;
    const isGood = (await this.#options.replica()?.take(cid, bytes)) ?? true;
    this.#drop(cid);
    this.#nowhere.delete(cid);
    if (isGood) this.#options.brought?.(peer, bytes.length);
    if (isGood) await this.look();
    return isGood;
  }

  /** The peer has not got it. */
  absent(peer: Peer, cid: string): void {
    const wanted = this.#wanted.get(cid);
    if (wanted?.asked.has(peer)) this.#askNext(cid, wanted);
  }

  close(): void {
    this.#stopWaiting?.();
    for (const cid of this.#wanted.keys()) this.#drop(cid);
  }

  #askNext(cid: string, wanted: Wanted): void {
    wanted.stop();
    const peer = this.#options.peers().find((candidate) => !wanted.asked.has(candidate));
    if (!peer) {
      // Nobody who is here has it, now: the others are asked for.
      this.#wanted.delete(cid);
      this.#nowhere.add(cid);
      if (this.#options.peers().length > 0)
        this.#stopWaiting ??= this.#options.clock.after(ASK_AGAIN_AFTER, () => {
          this.#stopWaiting = undefined;
          void this.meet();
        });
      void this.look();
      return;
    }
    wanted.asked.add(peer);
    wanted.stop = this.#options.clock.after(PATIENCE, () => this.#askNext(cid, wanted));
    this.#wanted.set(cid, wanted);
    this.#options.ask(peer, cid);
  }

  #drop(cid: string): void {
    this.#wanted.get(cid)?.stop();
    this.#wanted.delete(cid);
  }
}
