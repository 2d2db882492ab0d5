/**
 * The machine's read-only disk, fetched in chunks as the guest reads them. The shape is what v86 0.5.462 asks of a disk.
 * Reads of one chunk share one fetch; the chunk after a missed one is fetched ahead. A chunk that cannot be had is
 * tried again at the next read; meanwhile the guest's read waits, as it would for a slow disk.
 */
import type { DiskDevice } from "./machine.ts";

/** Gives the bytes of one chunk, checked. */
export type ChunkSource = (index: number) => Promise<Uint8Array>;

const SECTOR = 512;

/** A disk over chunks; what the guest writes stays in memory. */
export class ChunkDisk implements DiskDevice {
  readonly byteLength: number;
  onload: ((event: object) => void) | undefined;
  readonly #chunk: number;
  readonly #source: ChunkSource;
  readonly #onError: (error: unknown) => void;
  readonly #chunks = new Map<number, Promise<Uint8Array>>();
  readonly #written = new Map<number, Uint8Array>();
  /** Chunks in the order they were first asked for: what a prefetch should bring. */
  readonly touched: number[] = [];

  constructor(options: { size: number; chunk: number; source: ChunkSource; onError: (error: unknown) => void }) {
    this.byteLength = options.size;
    this.#chunk = options.chunk;
    this.#source = options.source;
    this.#onError = options.onError;
  }

  load(): void {
    queueMicrotask(() => this.onload?.({}));
  }
  get(offset: number, length: number, done: (bytes: Uint8Array) => void): void {
    void this.#read(offset, length, done);
  }
  get_and_cache(offset: number, length: number, done: (bytes: Uint8Array) => void): void {
    void this.#read(offset, length, done);
  }
  get_from_cache(): undefined {
    return undefined;
  }
  set(offset: number, bytes: Uint8Array, done: () => void): void {
    for (let at = 0; at < bytes.length; at += SECTOR)
      this.#written.set((offset + at) / SECTOR, bytes.slice(at, at + SECTOR));
    done();
  }
  get_buffer(done: (buffer?: ArrayBuffer) => void): void {
    done();
  }
  get_state(): unknown[] {
    return [[...this.#written]];
  }
  set_state(state: readonly [[number, Uint8Array][]]): void {
    this.#written.clear();
    for (const [sector, bytes] of state[0]) this.#written.set(sector, bytes);
  }

  /** Has a chunk here, or on its way. */
  prefetch(index: number): Promise<Uint8Array> {
    let chunk = this.#chunks.get(index);
    if (!chunk) {
      chunk = this.#source(index);
      this.#chunks.set(index, chunk);
      chunk.catch(() => this.#chunks.delete(index));
    }
    return chunk;
  }

  async #read(offset: number, length: number, done: (bytes: Uint8Array) => void): Promise<void> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const index = Math.floor((offset + at) / this.#chunk);
      const from = offset + at - index * this.#chunk;
      const take = Math.min(length - at, this.#chunk - from);
      const chunk = await this.#present(index);
      bytes.set(chunk.subarray(from, from + take), at);
      at += take;
    }
    if (this.#written.size > 0) {
      for (let at = 0; at < length; at += SECTOR) {
        const sector = this.#written.get((offset + at) / SECTOR);
        if (sector) bytes.set(sector, at);
      }
    }
    done(bytes);
  }

  async #present(index: number): Promise<Uint8Array> {
    if (!this.#chunks.has(index)) {
      this.touched.push(index);
      if ((index + 1) * this.#chunk < this.byteLength) void this.prefetch(index + 1).catch(() => undefined);
    }
    for (let pause = 250; ; pause = Math.min(pause * 2, 8000)) {
      try {
        return await this.prefetch(index);
      } catch (error) {
        this.#onError(error);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}
