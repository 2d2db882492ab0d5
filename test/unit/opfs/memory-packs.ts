/** A folder of packs in memory whose disk can be full, and of which one can take a copy as a crash would leave it. */
import { KromaError } from "#core/base/errors.ts";
import type { StorageHandle } from "#core/workspace/storage-handle.ts";
import type { PackDirectory } from "#plugins/opfs/pack-writer.ts";

export class MemoryPacks implements PackDirectory {
  readonly files: Map<string, Uint8Array>;
  room = Infinity;
  /** Bytes that the disk still takes, whatever was said before. */
  disk = Infinity;
  flushes = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #held = new Set<string>();

  constructor(files: Map<string, Uint8Array> = new Map()) {
    this.files = files;
  }

  async list(): Promise<readonly string[]> {
    return [...this.files.keys()].sort();
  }

  async open(name: string): Promise<StorageHandle> {
    if (this.#held.has(name)) throw new Error(`${name} is open already`);
    this.#held.add(name);
    if (!this.files.has(name)) this.files.set(name, new Uint8Array());
    const content = (): Uint8Array => this.files.get(name) as Uint8Array;
    const resize = (size: number): void => {
      const next = new Uint8Array(size);
      next.set(content().subarray(0, size));
      this.files.set(name, next);
    };
    return {
      read: (into, { at }) => {
        const part = content().subarray(at, at + into.length);
        into.set(part);
        return part.length;
      },
      write: (bytes, { at }) => {
        const taken = bytes.subarray(0, Math.max(0, Math.min(bytes.length, this.disk)));
        this.disk -= taken.length;
        if (content().length < at + taken.length) resize(at + taken.length);
        content().set(taken, at);
        return taken.length;
      },
      truncate: resize,
      flush: () => void (this.flushes += 1),
      getSize: () => content().length,
      close: () => void this.#held.delete(name),
    };
  }

  async read(name: string, from: number, to: number): Promise<Uint8Array | undefined> {
    return this.files.get(name)?.slice(from, to);
  }

  async remove(name: string): Promise<void> {
    if (!this.files.delete(name)) throw new KromaError("missing", `There is no ${name}.`);
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async available(): Promise<number> {
    return this.room;
  }

  /** The bytes of all packs together. */
  get bytes(): number {
    return [...this.files.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** A copy, of which the newest pack ends after so many bytes. */
  copy(lastLength = Infinity): MemoryPacks {
    const last = [...this.files.keys()].sort().at(-1);
    return new MemoryPacks(
      new Map([...this.files].map(([name, bytes]) => [name, bytes.slice(0, name === last ? lastLength : undefined)])),
    );
  }
}
