/** Writing to packs: appending and removing blocks, and giving back the room of what was removed. Only under the lock. */
import { KromaError } from "#core/base/errors.ts";
import { parseCid } from "#core/store/cid.ts";
import type { StorageHandle } from "#core/workspace/storage-handle.ts";
import { HEADER_BYTES, holds, markRemoved, packedBytes, type PackedBlock, scanPack } from "./pack.ts";

/** The folder of packs as the store needs it. */
export interface PackDirectory {
  /** Names of the packs, in order. */
  list(): Promise<readonly string[]>;
  /** A pack, made if there is none, for writing. Only under the lock. */
  open(name: string): Promise<StorageHandle>;
  /** A stretch of a pack as it is now, shorter at its end; undefined when there is no such pack. */
  read(name: string, from: number, to: number): Promise<Uint8Array | undefined>;
  remove(name: string): Promise<void>;
  /** Does the work while nobody else writes. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Bytes that may be written now; `exhausted` from `put` when they would be more. */
  available(): Promise<number>;
}

/** Where a block was when it was last looked. */
export interface Place extends PackedBlock {
  readonly pack: string;
}

/** Digits of a pack's name, so that names are in the order of numbers. */
const PADDING = 8;

/** The packs while they are written to: from taking the lock to giving it back. */
export class PackWriter {
  readonly #directory: PackDirectory;
  readonly #places: Map<string, Place>;
  readonly #seen: Map<string, number>;
  readonly #packBytes: number;
  readonly #handles = new Map<string, StorageHandle>();
  readonly #touched = new Set<string>();
  /** Packs from which something was removed. */
  readonly #thinned = new Set<string>();
  #current: string | undefined;

  constructor(directory: PackDirectory, places: Map<string, Place>, seen: Map<string, number>, packBytes: number) {
    this.#directory = directory;
    this.#places = places;
    this.#seen = seen;
    this.#packBytes = packBytes;
  }

  /** Takes in what others wrote, moved and removed since it was last looked. */
  async look(): Promise<void> {
    const packs = await this.#directory.list();
    const gone = new Set([...this.#seen.keys()].filter((pack) => !packs.includes(pack)));
    for (const pack of gone) this.#seen.delete(pack);
    if (gone.size > 0) for (const [name, { pack }] of this.#places) if (gone.has(pack)) this.#places.delete(name);
    const last = packs.at(-1);
    // Only the last one grows, and one that was the last when it was looked at.
    const lastSeen = [...this.#seen.keys()].reduce((a, b) => (a > b ? a : b), "");
    for (const pack of packs) {
      if (pack < lastSeen && this.#seen.has(pack)) continue;
      const handle = await this.#open(pack);
      const end = scanPack(handle, this.#seen.get(pack) ?? 0, ({ name, isLive }, block) => {
        if (isLive) this.#places.set(name, { pack, ...block });
      });
      this.#seen.set(pack, end);
      // What a crash left behind stays where it is, and the next block begins a new pack.
      if (pack === last && end === handle.getSize() && end < this.#packBytes) this.#current = pack;
    }
  }

  async append(name: string, digest: Uint8Array, bytes: Uint8Array): Promise<void> {
    const known = this.#places.get(name);
    if (known && (await this.#isLive(known, name))) return;
    const [pack, handle] = await this.#pack();
    const at = this.#seen.get(pack) as number;
    const packed = packedBytes(digest, bytes);
    write(handle, packed, at);
    this.#seen.set(pack, at + packed.byteLength);
    this.#places.set(name, { pack, at, length: bytes.byteLength });
    this.#touched.add(pack);
    if (at + packed.byteLength >= this.#packBytes) this.#current = undefined;
  }

  async remove(name: string): Promise<void> {
    const place = this.#places.get(name);
    this.#places.delete(name);
    if (!place || !(await this.#isLive(place, name))) return;
    markRemoved(await this.#open(place.pack), place.at);
    this.#touched.add(place.pack);
    this.#thinned.add(place.pack);
  }

  /** Everything so far outlasts a crash when this resolves. */
  async flush(): Promise<void> {
    for (const pack of this.#touched) this.#handles.get(pack)?.flush();
    this.#touched.clear();
    await this.#compact();
  }

  close(): void {
    for (const handle of this.#handles.values()) handle.close();
    this.#handles.clear();
  }

  /** Gives back the room of packs that are mostly removed blocks: what is left of them goes to the newest pack. */
  async #compact(): Promise<void> {
    if (this.#thinned.size === 0) return;
    const left = new Map<string, [string, Place][]>([...this.#thinned].map((pack) => [pack, []]));
    for (const [name, place] of this.#places) left.get(place.pack)?.push([name, place]);
    this.#thinned.clear();
    for (const [pack, blocks] of left) {
      const size = this.#seen.get(pack) ?? 0;
      const live = blocks.reduce((sum, [, { length }]) => sum + length + HEADER_BYTES, 0);
      if (live * 2 > size) continue;
      const handle = await this.#open(pack);
      if (this.#current === pack) this.#current = undefined;
      // Also when nothing is left to copy: a pack's number is never given twice.
      await this.#pack();
      for (const [name, { at, length }] of blocks) {
        const packed = new Uint8Array(HEADER_BYTES + length);
        handle.read(packed, { at });
        this.#places.delete(name);
        if (holds(packed, name))
          await this.append(name, parseCid(name).multihash.digest, packed.subarray(HEADER_BYTES));
      }
      // The copies are safe before the originals go.
      for (const written of this.#touched) this.#handles.get(written)?.flush();
      this.#touched.clear();
      handle.close();
      this.#handles.delete(pack);
      this.#seen.delete(pack);
      await this.#directory.remove(pack);
    }
  }

  async #isLive(place: Place, name: string): Promise<boolean> {
    const bytes = new Uint8Array(HEADER_BYTES);
    const handle = await this.#open(place.pack);
    return handle.read(bytes, { at: place.at }) === HEADER_BYTES && holds(bytes, name);
  }

  /** The pack to append to. */
  async #pack(): Promise<readonly [string, StorageHandle]> {
    if (this.#current === undefined) {
      const last = Math.max(0, ...[...this.#seen.keys()].map(Number));
      this.#current = String(last + 1).padStart(PADDING, "0");
      this.#seen.set(this.#current, 0);
    }
    return [this.#current, await this.#open(this.#current)];
  }

  async #open(pack: string): Promise<StorageHandle> {
    const known = this.#handles.get(pack);
    if (known) return known;
    const handle = await this.#directory.open(pack);
    this.#handles.set(pack, handle);
    return handle;
  }
}

function write(handle: StorageHandle, bytes: Uint8Array, at: number): void {
  let written = 0;
  let cause: unknown;
  try {
    written = handle.write(bytes, { at });
  } catch (error) {
    cause = error;
  }
  if (written === bytes.byteLength) return;
  // Half a block is cut off again, so that the pack can be written on when there is room.
  handle.truncate(at);
  const isFull = cause === undefined || (cause instanceof Error && cause.name === "QuotaExceededError");
  if (isFull) throw full();
  throw new KromaError("unavailable", "The browser's storage does not answer.", { cause });
}

/** What is said when there is no room. */
export const full = (): KromaError =>
  new KromaError("exhausted", "The browser's storage is full. Unpin something, or make room on this device.");
