/** The disk of the Linux image, read as the kernel reads it (fs/squashfs/inode.c and namei.c of Linux 6.1). */
import fc from "fast-check";
import { expect, test } from "vitest";
import { squashfs } from "#vm-images/squashfs.ts";
import { Tree } from "#vm-images/tree.ts";

const METADATA = 8192;
const BLOCK = 65536;
const NO_FRAGMENT = 0xffff_ffff;

/** A position in a table: where its metadata block begins, from the table's start, and the place in it. */
interface Position {
  readonly block: number;
  readonly offset: number;
}

class Disk {
  readonly #image: Uint8Array;
  readonly #view: DataView;
  readonly #inodes: number;
  readonly #directories: number;
  readonly #fragments: number;
  /** Entries of listings and of their indexes that were read. */
  read = 0;

  constructor(image: Uint8Array) {
    this.#image = image;
    this.#view = new DataView(image.buffer, image.byteOffset, image.length);
    this.#inodes = this.#long(64);
    this.#directories = this.#long(72);
    this.#fragments = this.#long(80);
  }

  get root(): Position {
    return { block: Math.floor(this.#long(32) / 65536), offset: this.#long(32) % 65536 };
  }

  /** Where the inode of that name is, found by the directory's index; undefined if there is none. */
  lookup(directory: Position, wanted: string): Position | undefined {
    const name = Buffer.from(wanted);
    const inode = new Reader(this.#image, this.#inodes, directory);
    expect(inode.u16()).toBe(8);
    inode.skip(18);
    const size = inode.u32() - 3;
    let block = inode.u32();
    inode.skip(4);
    const count = inode.u16();
    const offset = inode.u16();
    inode.skip(4);
    let at = 0;
    for (let i = 0; i < count; i++) {
      this.read++;
      const index = inode.u32();
      const start = inode.u32();
      if (Buffer.compare(inode.bytes(inode.u32() + 1), name) > 0) break;
      at = index;
      block = start;
    }
    const listing = new Reader(this.#image, this.#directories, { block, offset: (at + offset) % METADATA });
    while (at < size) {
      const entries = listing.u32() + 1;
      expect(entries).toBeLessThanOrEqual(256);
      const inodeBlock = listing.u32();
      listing.skip(4);
      at += 12;
      for (let i = 0; i < entries; i++) {
        this.read++;
        const inodeOffset = listing.u16();
        listing.skip(4);
        const found = listing.bytes(listing.u16() + 1);
        at += 8 + found.length;
        if ((name[0] ?? 0) < (found[0] ?? 0)) return undefined;
        if (Buffer.compare(found, name) === 0) return { block: inodeBlock, offset: inodeOffset };
      }
    }
    return undefined;
  }

  find(path: string): Position | undefined {
    let at: Position | undefined = this.root;
    for (const name of path.split("/")) at = at && this.lookup(at, name);
    return at;
  }

  content(file: Position): Uint8Array {
    const inode = new Reader(this.#image, this.#inodes, file);
    expect(inode.u16()).toBe(2);
    inode.skip(14);
    const [start, fragment, offset, size] = [inode.u32(), inode.u32(), inode.u32(), inode.u32()];
    const whole = this.#image.subarray(start, start + size - (size % BLOCK));
    if (fragment === NO_FRAGMENT) return whole;
    const list = this.#long(this.#fragments + 8 * Math.floor((fragment * 16) / METADATA));
    const from = this.#long(list + 2 + ((fragment * 16) % METADATA)) + offset;
    return Buffer.concat([whole, this.#image.subarray(from, from + (size % BLOCK))]);
  }

  #long(at: number): number {
    return Number(this.#view.getBigUint64(at, true));
  }
}

/** Reads a table's content on and on, past the headers of its metadata blocks. */
class Reader {
  readonly #image: Uint8Array;
  #block: number;
  #offset: number;

  constructor(image: Uint8Array, table: number, { block, offset }: Position) {
    this.#image = image;
    this.#block = table + block;
    this.#offset = offset;
  }

  bytes(size: number): Buffer {
    const pieces: Uint8Array[] = [];
    for (let left = size; left > 0;) {
      if (this.#offset === METADATA) {
        this.#block += METADATA + 2;
        this.#offset = 0;
      }
      const take = Math.min(left, METADATA - this.#offset);
      const at = this.#block + 2 + this.#offset;
      pieces.push(this.#image.subarray(at, at + take));
      this.#offset += take;
      left -= take;
    }
    return Buffer.concat(pieces);
  }
  u16(): number {
    return this.bytes(2).readUInt16LE();
  }
  u32(): number {
    return this.bytes(4).readUInt32LE();
  }
  skip(size: number): void {
    this.bytes(size);
  }
}

/** What a file holds: its own name, often enough for several blocks if it is a large one. */
const contentOf = (name: string, large: boolean): string => name.repeat(large ? Math.ceil(150_000 / name.length) : 1);

test("every name is found with its content, and no other", () => {
  const name = fc.string({ unit: "binary", minLength: 1, maxLength: 20 }).filter((text) => !/[/\0]|^\.*$/.test(text));
  const names = fc.uniqueArray(name, { minLength: 1, maxLength: 80 });
  fc.assert(
    fc.property(names, names, names, (above, below, absent) => {
      const tree = new Tree();
      for (const file of above) tree.text(`d/${file}`, contentOf(file, file === above[0]));
      for (const file of below) tree.text(`d/\u{10ffff}/${file}`, contentOf(file, false));
      const disk = new Disk(squashfs(tree));
      const said = (path: string) => {
        const found = disk.find(path);
        return found && Buffer.from(disk.content(found)).toString();
      };
      for (const file of above)
        expect(said(`d/${file}`)).toBe(Buffer.from(contentOf(file, file === above[0])).toString());
      for (const file of below)
        expect(said(`d/\u{10ffff}/${file}`)).toBe(Buffer.from(contentOf(file, false)).toString());
      for (const file of absent) if (!below.includes(file)) expect(said(`d/\u{10ffff}/${file}`)).toBeUndefined();
    }),
    { numRuns: 10 },
  );
});

test("a name in a large directory is found by reading few others", () => {
  const tree = new Tree();
  for (let i = 0; i < 1600; i++) tree.text(`usr/bin/program-${i}`, "");
  const disk = new Disk(squashfs(tree));
  const directory = disk.find("usr/bin");
  if (!directory) throw new Error("there is no usr/bin");
  for (let i = 0; i < 1600; i += 7) {
    disk.read = 0;
    expect(disk.lookup(directory, `program-${i}`)).toBeDefined();
    // Half of forty runs and half of one; some runs are shorter, where the inodes go on in another block of their table.
    expect(disk.read).toBeLessThan(100);
  }
});

test("what is in one directory lies together in the table of inodes", () => {
  const tree = new Tree();
  for (let i = 0; i < 100; i++) {
    tree.text(`python/module-${i}.py`, "");
    for (let j = 0; j < 20; j++) tree.text(`python/module-${i}/part-${j}.py`, "");
  }
  const disk = new Disk(squashfs(tree));
  const blocks = Array.from({ length: 100 }, (_, i) => disk.find(`python/module-${i}.py`)?.block);
  expect(new Set(blocks).size).toBeLessThanOrEqual(2);
});
