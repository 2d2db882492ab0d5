/**
 * The machine's second disk, for what it changes: an ext4 file system that the guest mounts over its read-only one. Until
 * a store is attached it is in memory; then every write goes to the store, in order, before the guest hears that it is
 * done. When the store takes no more, all further writes stay in memory, so that what is stored remains the disk as it
 * was at one moment, which a journal makes whole. They wait there in their order: when there is room again they are
 * stored one after the other, and at each moment between the same is true.
 */
import { ERRNO, FsError } from "#core/workspace/errno.ts";
import type { DiskDevice } from "./machine.ts";

/** Where a disk's bytes are kept. What is written is in order; what was written before a `flush` outlasts a power cut. */
export interface DiskStore {
  read(offset: number, into: Uint8Array): void;
  /** Throws when it cannot be stored. */
  write(offset: number, bytes: Uint8Array): void;
  flush(): void;
}

/** Bytes of the file system's blocks. */
export const LAYER_BLOCK = 4096;
/** Most bytes of writes that wait for room. */
const MOST_WAITING = 64 << 20;

export interface LayerDiskOptions {
  /** Bytes, a multiple of LAYER_BLOCK. */
  readonly size: number;
  /** A write or flush failed: from now on nothing more is stored, unless it `waits` and a `retry` succeeds. */
  readonly onFull?: (error: unknown, waits: boolean) => void;
  /** All that waited is stored. */
  readonly onRoom?: () => void;
  /** Too much waits: what is in memory will not be stored. */
  readonly onGivenUp?: () => void;
  /** The store cannot be read any more: the machine cannot go on. */
  readonly onLost?: (error: unknown) => void;
}

export class LayerDisk implements DiskDevice {
  readonly byteLength: number;
  onload: ((event: object) => void) | undefined;
  readonly #options: LayerDiskOptions;
  /** Blocks that are not in the store, by index. */
  readonly #memory = new Map<number, Uint8Array>();
  #store: DiskStore | undefined;
  #full = false;
  #flushFirst = false;
  /** Writes that the full store shall take, in order; undefined if they are not kept for it. */
  #waiting: { readonly offset: number; readonly bytes: Uint8Array }[] | undefined;
  #waitingBytes = 0;

  constructor(options: LayerDiskOptions) {
    this.byteLength = options.size;
    this.#options = options;
  }

  /** Has the disk stand for a store's bytes. The guest must not have mounted it. */
  attach(store: DiskStore): void {
    this.#store = store;
    this.#memory.clear();
    this.#full = false;
    this.#flushFirst = false;
    this.#waiting = undefined;
  }

  /** Stores what waits, as far as there is room now. */
  retry(): void {
    const waiting = this.#waiting;
    if (!this.#store || !waiting) return;
    let stored = 0;
    try {
      for (const { offset, bytes } of waiting) {
        this.#keep(this.#store, offset, bytes);
        this.#waitingBytes -= bytes.length;
        stored++;
      }
    } catch (error) {
      waiting.splice(0, stored);
      if (!isShortOfSpace(error)) this.#giveUp();
      return;
    }
    this.#waiting = undefined;
    this.#memory.clear();
    this.#full = false;
    this.#options.onRoom?.();
  }

  /** True while writes go to a store. */
  get isStored(): boolean {
    return this.#store !== undefined && !this.#full;
  }

  /** The blocks that are in memory and hold more than zeros, by ascending index. */
  get blocks(): readonly (readonly [index: number, bytes: Uint8Array])[] {
    return [...this.#memory].filter(([, bytes]) => bytes.some((byte) => byte !== 0)).sort(([a], [b]) => a - b);
  }

  // ---- what v86 0.5.462 asks of a disk

  load(): void {
    queueMicrotask(() => this.onload?.({}));
  }
  get(offset: number, length: number, done: (bytes: Uint8Array) => void): void {
    const bytes = new Uint8Array(length);
    if (this.#read(offset, bytes)) done(bytes);
  }
  get_and_cache(offset: number, length: number, done: (bytes: Uint8Array) => void): void {
    this.get(offset, length, done);
  }
  get_from_cache(): undefined {
    return undefined;
  }
  set(offset: number, bytes: Uint8Array, done: () => void): void {
    this.#write(offset, bytes);
    done();
  }
  get_buffer(done: (buffer?: ArrayBuffer) => void): void {
    done();
  }
  /** The disk is not part of a saved machine. */
  get_state(): unknown[] {
    return [];
  }
  set_state(): void {}

  // ---- inside

  #read(offset: number, into: Uint8Array): boolean {
    if (this.#store) {
      try {
        this.#store.read(offset, into);
      } catch (error) {
        // The guest waits for ever, as for a disk that was pulled out.
        this.#options.onLost?.(error);
        return false;
      }
    }
    if (this.#memory.size > 0) {
      eachBlock(offset, into.length, (index, inside, at, length) => {
        const block = this.#memory.get(index);
        if (block) into.set(block.subarray(inside, inside + length), at);
      });
    }
    return true;
  }

  #write(offset: number, bytes: Uint8Array): void {
    const store = this.#store;
    if (store && !this.#full) {
      try {
        return this.#keep(store, offset, bytes);
      } catch (error) {
        this.#full = true;
        this.#waitingBytes = 0;
        this.#waiting = isShortOfSpace(error) ? [] : undefined;
        this.#options.onFull?.(error, this.#waiting !== undefined);
      }
    }
    if (this.#waiting) {
      this.#waiting.push({ offset, bytes: bytes.slice() });
      this.#waitingBytes += bytes.length;
      if (this.#waitingBytes > MOST_WAITING) this.#giveUp();
    }
    eachBlock(offset, bytes.length, (index, inside, at, length) => {
      let block = this.#memory.get(index);
      if (!block) {
        block = new Uint8Array(LAYER_BLOCK);
        if (store && length < LAYER_BLOCK) this.#read(index * LAYER_BLOCK, block);
        this.#memory.set(index, block);
      }
      block.set(bytes.subarray(at, at + length), inside);
    });
  }

  #keep(store: DiskStore, offset: number, bytes: Uint8Array): void {
    // v86's disk says that it keeps no cache, so the guest sends no flushes; its journal tells when they would come.
    const orders = endsTransaction(offset, bytes);
    if (orders || this.#flushFirst) store.flush();
    store.write(offset, bytes);
    this.#flushFirst = orders;
  }

  #giveUp(): void {
    this.#waiting = undefined;
    this.#options.onGivenUp?.();
  }
}

function isShortOfSpace(error: unknown): boolean {
  return error instanceof FsError && error.errno === ERRNO.ENOSPC;
}

function eachBlock(
  offset: number,
  length: number,
  visit: (index: number, inside: number, at: number, length: number) => void,
): void {
  for (let at = 0; at < length;) {
    const index = Math.floor((offset + at) / LAYER_BLOCK);
    const inside = offset + at - index * LAYER_BLOCK;
    const size = Math.min(length - at, LAYER_BLOCK - inside);
    visit(index, inside, at, size);
    at += size;
  }
}

/** Linux's journal (fs/jbd2, journal_header_t, big endian): a magic number, then the kind of block. */
const JOURNAL_MAGIC = 0xc03b3998;
const COMMIT_BLOCK = 2;
const SUPERBLOCK_V2 = 4;

/**
 * Whether a write holds a block at which the guest's journal wants all that came before on disk, and itself before all
 * that follows: one that ends a transaction, or one that gives up the space of finished ones.
 */
function endsTransaction(offset: number, bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = (LAYER_BLOCK - (offset % LAYER_BLOCK)) % LAYER_BLOCK;
  for (let at = first; at + 8 <= bytes.length; at += LAYER_BLOCK) {
    if (view.getUint32(at) !== JOURNAL_MAGIC) continue;
    const kind = view.getUint32(at + 4);
    if (kind === COMMIT_BLOCK || kind === SUPERBLOCK_V2) return true;
  }
  return false;
}
