/**
 * The machine's changes in a store: a file tree of their own (core/workspace) with one file, "disk", of the file system's
 * bytes. A new one starts from the template that comes with the image. One that cannot be mounted is set aside under
 * another name, never thrown away.
 */
import { KromaError } from "#core/base/errors.ts";
import { MODE, ROOT } from "#core/workspace/protocol.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { type DiskStore, LAYER_BLOCK } from "./layer-disk.ts";

/** The file of the disk in use; what was set aside begins with the same word. */
const DISK_FILE = "disk";
const UNFINISHED = "unfinished";
const SUPERBLOCK = 1024;
const MAGIC_AT = SUPERBLOCK + 56;
const STATE_AT = SUPERBLOCK + 58;
const EXT4_MAGIC = 0xef53;
const HAS_ERRORS = 2;

/** What is used of a file tree's client. */
export type DiskFiles = Pick<SyncFs, "lookup" | "create" | "setattr" | "read" | "write" | "rename" | "unlink" | "sync">;

/** The disk of one machine. Only one may have it open. */
export class LayerStore implements DiskStore {
  readonly #fs: DiskFiles;
  readonly #size: number;
  readonly #inode: number;

  /** Opens the disk, or makes one from `template` (see `packBlocks`). Throws FsErrors of the store. */
  constructor(fs: DiskFiles, size: number, template: Uint8Array) {
    this.#fs = fs;
    this.#size = size;
    const there = fs.lookup(ROOT, DISK_FILE);
    this.#inode = there?.inode ?? this.#make(template);
  }

  /** The file system says of itself that it is damaged. */
  get hasErrors(): boolean {
    const bytes = new Uint8Array(LAYER_BLOCK);
    this.read(0, bytes);
    const view = new DataView(bytes.buffer);
    return view.getUint16(MAGIC_AT, true) === EXT4_MAGIC && (view.getUint16(STATE_AT, true) & HAS_ERRORS) !== 0;
  }

  /** Puts the disk aside; answers its new name. The next LayerStore makes a new one. */
  setAside(): string {
    let name = `${DISK_FILE}-damaged`;
    for (let n = 2; this.#fs.lookup(ROOT, name); n++) name = `${DISK_FILE}-damaged-${n}`;
    this.#fs.rename(ROOT, DISK_FILE, ROOT, name);
    this.#fs.sync(this.#inode);
    return name;
  }

  read(offset: number, into: Uint8Array): void {
    if (this.#fs.read(this.#inode, offset, into) < into.length) {
      throw new KromaError("corrupt", "the disk is shorter than it should be");
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#fs.write(this.#inode, offset, bytes);
  }

  flush(): void {
    this.#fs.sync(this.#inode);
  }

  #make(template: Uint8Array): number {
    const fs = this.#fs;
    if (fs.lookup(ROOT, UNFINISHED)) fs.unlink(ROOT, UNFINISHED);
    const { inode } = fs.create(ROOT, UNFINISHED, MODE.file | 0o600);
    fs.setattr(inode, { size: this.#size });
    for (const [index, bytes] of unpackBlocks(template)) fs.write(inode, index * LAYER_BLOCK, bytes);
    fs.sync(inode);
    fs.rename(ROOT, UNFINISHED, ROOT, DISK_FILE);
    fs.sync(inode);
    return inode;
  }
}

/** Blocks as bytes: for each its index (u32, little endian) and its content. */
export function packBlocks(blocks: readonly (readonly [index: number, bytes: Uint8Array])[]): Uint8Array {
  const packed = new Uint8Array(blocks.length * (4 + LAYER_BLOCK));
  const view = new DataView(packed.buffer);
  blocks.forEach(([index, bytes], n) => {
    view.setUint32(n * (4 + LAYER_BLOCK), index, true);
    packed.set(bytes, n * (4 + LAYER_BLOCK) + 4);
  });
  return packed;
}

function* unpackBlocks(packed: Uint8Array): Generator<readonly [index: number, bytes: Uint8Array]> {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at + 4 + LAYER_BLOCK <= packed.length; at += 4 + LAYER_BLOCK) {
    yield [view.getUint32(at, true), packed.subarray(at + 4, at + 4 + LAYER_BLOCK)];
  }
}
