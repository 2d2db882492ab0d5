/**
 * One file of 4 KiB blocks that holds the bytes of all files. A BlockMap says which blocks a file has; 0 is a hole.
 * A freed block is not used again before the journal that freed it is on disk (`reuseFreed`): otherwise a crash
 * could give an old file the bytes of a new one. What lies beyond a file's size is garbage; the store clears it when
 * the file grows.
 */
import { ERRNO, FsError } from "./errno.ts";
import type { StorageHandle } from "./storage-handle.ts";

export const BLOCK = 4096;

/** Index in a file, block, count: a row of blocks. */
export type BlockRun = readonly [index: number, block: number, count: number];

const FREE = 0;
const USED = 1;
const FREED = 2;

/** The blocks of one file, by index. */
export class BlockMap {
  #blocks = new Uint32Array(1);
  #length = 0;

  /** How many indices may have a block. */
  get length(): number {
    return this.#length;
  }

  /** The block at an index, or undefined for a hole. */
  get(index: number): number | undefined {
    const block = index < this.#length ? this.#blocks[index] : 0;
    return block ? block - 1 : undefined;
  }

  set(index: number, block: number | undefined): void {
    if (index >= this.#blocks.length) {
      const larger = new Uint32Array(Math.max(index + 1, this.#blocks.length * 2));
      larger.set(this.#blocks);
      this.#blocks = larger;
    }
    this.#blocks[index] = block === undefined ? 0 : block + 1;
    if (index >= this.#length) this.#length = index + 1;
  }

  /** Cuts the map to `length` indices. */
  cut(length: number): void {
    if (length >= this.#length) return;
    this.#blocks.fill(0, length, this.#length);
    this.#length = length;
    if (length === 0) this.#blocks = new Uint32Array(1);
  }

  /** How many indices from `index` on (at most `most`) lie in a row in the file, or are holes like it. */
  row(index: number, most: number): number {
    const block = this.get(index);
    let count = 1;
    if (block === undefined) while (count < most && this.get(index + count) === undefined) count += 1;
    else while (count < most && this.get(index + count) === block + count) count += 1;
    return count;
  }

  /** The runs of these indices (ascending), or of all. */
  runs(indices?: Iterable<number>): readonly BlockRun[] {
    const runs: [number, number, number][] = [];
    const add = (index: number) => {
      const block = this.get(index);
      if (block === undefined) return;
      const last = runs.at(-1);
      if (last && last[0] + last[2] === index && last[1] + last[2] === block) last[2] += 1;
      else runs.push([index, block, 1]);
    };
    if (indices) for (const index of indices) add(index);
    else for (let index = 0; index < this.#length; index++) add(index);
    return runs;
  }
}

export class BlockFile {
  readonly #handle: StorageHandle;
  readonly #mostBlocks: number;
  #states = new Uint8Array(1024);
  /** Blocks beyond were never used. */
  #top = 0;
  #free = 0;
  #freed: number[] = [];
  #cursor = 0;
  #used = 0;

  constructor(handle: StorageHandle, quota: number) {
    this.#handle = handle;
    this.#mostBlocks = Math.floor(quota / BLOCK);
  }

  /** Blocks in use. */
  get used(): number {
    return this.#used;
  }

  get most(): number {
    return this.#mostBlocks;
  }

  /** Bytes of the file below. */
  get size(): number {
    return this.#handle.getSize();
  }

  /** While recovering: says that a file has this block. False if another has it already. */
  adopt(block: number): boolean {
    this.#reach(block + 1);
    if (this.#states[block] === USED) return false;
    this.#states[block] = USED;
    this.#used += 1;
    return true;
  }

  /** After recovering: every block that nobody adopted is free. */
  finishAdoption(): void {
    this.#free = this.#top - this.#used;
  }

  /** Takes `count` blocks, in rows where it can. ENOSPC beyond the quota. */
  allocate(count: number): readonly number[] {
    if (this.#used + count > this.#mostBlocks) throw new FsError(ERRNO.ENOSPC);
    const blocks: number[] = [];
    let wrapped = false;
    while (blocks.length < count && this.#free > 0) {
      const block = this.#states.indexOf(FREE, this.#cursor);
      if (block >= 0 && block < this.#top) {
        this.#states[block] = USED;
        this.#cursor = block + 1;
        this.#free -= 1;
        blocks.push(block);
      } else if (wrapped) break;
      else {
        wrapped = true;
        this.#cursor = 0;
      }
    }
    while (blocks.length < count) {
      const block = this.#top;
      this.#reach(block + 1);
      this.#states[block] = USED;
      blocks.push(block);
    }
    this.#used += count;
    return blocks;
  }

  /** Gives blocks back; they are used again after `reuseFreed`. */
  free(map: BlockMap, from: number): void {
    for (let index = from; index < map.length; index++) {
      const block = map.get(index);
      if (block === undefined) continue;
      this.#states[block] = FREED;
      this.#freed.push(block);
      this.#used -= 1;
    }
    map.cut(from);
  }

  /** Gives back blocks that no journal has seen. */
  unallocate(blocks: readonly number[]): void {
    for (const block of blocks) this.#states[block] = FREE;
    this.#free += blocks.length;
    this.#used -= blocks.length;
  }

  /** Call when the journal that freed them is on disk. Freed blocks at the end of the file are cut off. */
  reuseFreed(): void {
    if (this.#freed.length === 0) return;
    for (const block of this.#freed) this.#states[block] = FREE;
    this.#free += this.#freed.length;
    this.#freed = [];
    const top = this.#states.lastIndexOf(USED, Math.max(0, this.#top - 1)) + 1;
    if (top >= this.#top) return;
    this.#free -= this.#top - top;
    this.#top = top;
    this.#cursor = Math.min(this.#cursor, top);
    this.#handle.truncate(top * BLOCK);
  }

  /** Fills `into` from a file's bytes at `offset`; all of it must lie inside the file. */
  read(map: BlockMap, offset: number, into: Uint8Array): void {
    this.#eachRow(map, offset, into.length, (at, done, length) => {
      const part = into.subarray(done, done + length);
      if (at === undefined) {
        part.fill(0);
        return;
      }
      const got = this.#handle.read(part, { at });
      // The last block may never have been written to its end.
      if (got < length) part.fill(0, got);
    });
  }

  /** Writes to blocks that are there. ENOSPC when the disk is full, EIO when it fails. */
  write(map: BlockMap, offset: number, bytes: Uint8Array): void {
    this.#eachRow(map, offset, bytes.length, (at, done, length) => {
      if (at !== undefined) this.#put(bytes.subarray(done, done + length), at);
    });
  }

  /** Clears a range of a file's bytes, where it has blocks. */
  clear(map: BlockMap, from: number, to: number): void {
    this.#eachRow(map, from, Math.max(0, to - from), (at, _, length) => {
      if (at !== undefined) this.#put(new Uint8Array(length), at);
    });
  }

  flush(): void {
    this.#handle.flush();
  }

  close(): void {
    this.#handle.close();
  }

  #eachRow(
    map: BlockMap,
    offset: number,
    length: number,
    visit: (at: number | undefined, done: number, length: number) => void,
  ): void {
    for (let done = 0; done < length;) {
      const index = Math.floor((offset + done) / BLOCK);
      const inside = (offset + done) % BLOCK;
      const rows = map.row(index, Math.ceil((inside + length - done) / BLOCK));
      const size = Math.min(length - done, rows * BLOCK - inside);
      const block = map.get(index);
      visit(block === undefined ? undefined : block * BLOCK + inside, done, size);
      done += size;
    }
  }

  #put(bytes: Uint8Array, at: number): void {
    let written: number;
    try {
      written = this.#handle.write(bytes, { at });
    } catch (error) {
      throw new FsError(isFull(error) ? ERRNO.ENOSPC : ERRNO.EIO);
    }
    if (written < bytes.length) throw new FsError(ERRNO.ENOSPC);
  }

  #reach(top: number): void {
    if (top > this.#states.length) {
      const larger = new Uint8Array(Math.max(top, this.#states.length * 2));
      larger.set(this.#states);
      this.#states = larger;
    }
    this.#top = Math.max(this.#top, top);
  }
}

/** Whether an exception of a storage handle says that the disk or the quota is full (a browser's, or Node's). */
export function isFull(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === "QuotaExceededError" || ("code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT")))
  );
}
