/**
 * A block store of packs (pack.ts) that several tabs may use at once: whoever writes holds a lock for as long as it has
 * something to write, and everybody reads without one. What is in memory is only a hint of where a block lies: each read
 * looks at the header there first, so that what another tab removed or moved is never given back wrong.
 *
 * A block is durable when `put` resolves: all that wait at the same time share one flush. A crash loses at most what was
 * never acknowledged.
 */
import { KromaError } from "#core/base/errors.ts";
import { type BlockCodec, blockCid, checkBlock, inlineBytes, parseCid, storedName } from "#core/store/cid.ts";
import type { BlockStore } from "#core/store/stores.ts";
import { HEADER_BYTES, holds } from "./pack.ts";
import { full, type PackDirectory, PackWriter, type Place } from "./pack-writer.ts";

/** Goes on after what is waiting in this thread, without the pause of a few milliseconds that timers come to have. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

interface Job {
  /** Bytes that it wants to append. */
  readonly bytes: number;
  readonly work: (writing: PackWriter) => Promise<void> | void;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** A pack is closed when it has grown to this. */
const PACK_BYTES = 64 << 20;
/** So much is written at most before others get their turn. */
const MOST_PER_TURN = 64 << 20;

/** Blocks in packs. */
export class PackedBlockStore implements BlockStore {
  readonly #directory: PackDirectory;
  readonly #packBytes: number;
  readonly #places = new Map<string, Place>();
  /** Up to where each pack was looked through. */
  readonly #seen = new Map<string, number>();
  #jobs: Job[] = [];
  #working = false;
  #closed = false;

  constructor(directory: PackDirectory, packBytes = PACK_BYTES) {
    this.#directory = directory;
    this.#packBytes = packBytes;
  }

  async put(bytes: Uint8Array, codec?: BlockCodec): Promise<string> {
    // Its own copy, before the caller goes on.
    const mine = bytes.slice();
    const cid = await blockCid(mine, codec);
    const { digest } = parseCid(cid).multihash;
    await this.#do(mine.byteLength + HEADER_BYTES, (writing) => writing.append(storedName(cid), digest, mine));
    return cid;
  }

  async get(cid: string): Promise<Uint8Array | undefined> {
    const inline = inlineBytes(cid);
    if (inline) return inline;
    this.#check();
    const name = storedName(cid);
    const bytes = (await this.#read(name)) ?? (await this.#look().then(() => this.#read(name)));
    if (!bytes) return undefined;
    try {
      return await checkBlock(cid, bytes);
    } catch (error) {
      // It is of no use to anybody, and in its place a whole one can be put again.
      await this.remove(cid);
      throw error;
    }
  }

  async has(cid: string): Promise<boolean> {
    if (inlineBytes(cid)) return true;
    this.#check();
    const name = storedName(cid);
    if (await this.#isThere(name)) return true;
    await this.#look();
    return this.#places.has(name);
  }

  async remove(cid: string): Promise<void> {
    if (inlineBytes(cid)) return;
    await this.#do(0, (writing) => writing.remove(storedName(cid)));
  }

  async *list(): AsyncGenerator<string> {
    await this.#look();
    // As they are now: whoever goes through them may remove some.
    const names = [...this.#places.keys()];
    yield* names;
  }

  /** How much is stored, removed blocks that are still in their packs left out. */
  async usage(): Promise<{ readonly blocks: number; readonly bytes: number }> {
    await this.#look();
    let bytes = 0;
    for (const { length } of this.#places.values()) bytes += length;
    return { blocks: this.#places.size, bytes };
  }

  close(): void {
    this.#closed = true;
  }

  /** Takes in what other tabs wrote and removed. */
  #look(): Promise<void> {
    return this.#do(0, () => undefined);
  }

  async #isThere(name: string): Promise<boolean> {
    const place = this.#places.get(name);
    const bytes = place && (await this.#stretch(place, HEADER_BYTES));
    return bytes !== undefined && holds(bytes, name);
  }

  async #read(name: string): Promise<Uint8Array | undefined> {
    const place = this.#places.get(name);
    const bytes = place && (await this.#stretch(place, HEADER_BYTES + place.length));
    return bytes && holds(bytes, name) ? bytes.slice(HEADER_BYTES) : undefined;
  }

  async #stretch(place: Place, length: number): Promise<Uint8Array | undefined> {
    try {
      return await this.#directory.read(place.pack, place.at, place.at + length);
    } catch {
      // The browser refuses a file that is written to at this moment: then in turn with those who write.
      let bytes: Uint8Array | undefined;
      await this.#do(0, async () => {
        bytes = await this.#directory.read(place.pack, place.at, place.at + length);
      });
      return bytes;
    }
  }

  #check(): void {
    if (this.#closed) throw new KromaError("unavailable", "This store is closed.");
  }

  #do(bytes: number, work: Job["work"]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#check();
      this.#jobs.push({ bytes, work, done: resolve, failed: reject });
      if (!this.#working) void this.#workOff();
    });
  }

  async #workOff(): Promise<void> {
    this.#working = true;
    while (this.#jobs.length > 0) {
      try {
        await this.#directory.exclusively(() => this.#turn());
      } catch (error) {
        const jobs = this.#jobs;
        this.#jobs = [];
        for (const job of jobs) job.failed(error);
      }
    }
    this.#working = false;
  }

  /** Does what waits, and what comes while it does. */
  async #turn(): Promise<void> {
    const writing = new PackWriter(this.#directory, this.#places, this.#seen, this.#packBytes);
    try {
      await writing.look();
      let room = await this.#directory.available();
      for (let written = 0; this.#jobs.length > 0 && written < MOST_PER_TURN;) {
        const jobs = this.#jobs;
        this.#jobs = [];
        const done: Job[] = [];
        for (const job of jobs) {
          try {
            if (job.bytes > room) room = await this.#directory.available();
            if (job.bytes > room) throw full();
            await job.work(writing);
            room -= job.bytes;
            written += job.bytes;
            done.push(job);
          } catch (error) {
            job.failed(error);
          }
        }
        try {
          await writing.flush();
          for (const job of done) job.done();
        } catch (error) {
          for (const job of done) job.failed(error);
        }
        // Those who were told may have the next block at hand.
        await nextTask();
      }
    } finally {
      writing.close();
    }
  }
}
