/**
 * Writes a tree as a squashfs 4.0 image, so that building an image needs no mksquashfs on the host. Nothing in it is
 * compressed: the image is cut into chunks that are compressed for the way to the reader, whose own machine unpacks
 * them far faster than the emulated one would. Layout: the kernel's Documentation/filesystems/squashfs.rst and
 * fs/squashfs/squashfs_fs.h. Assumes fewer than 2^31 bytes of files and that everything belongs to root.
 *
 * The kernel finds a name by reading its directory's listing from the start, a few hundred instructions for each entry,
 * and keeps only eight blocks of the tables in memory. So listings have an index, and inodes of one directory lie together.
 */
import type { Tree, TreeEntry } from "./tree.ts";

const BLOCK_LOG = 16;
const BLOCK = 1 << BLOCK_LOG;
const METADATA = 8192;
const NONE = 0xffff_ffff;
/** Marks a data or fragment block as stored uncompressed. */
const STORED = 1 << 24;
/** Inodes, data, fragments and ids are uncompressed; there are no extended attributes. */
const FLAGS = 0x1 | 0x2 | 0x8 | 0x200 | 0x800;

interface Node {
  readonly name: string;
  readonly entry: TreeEntry;
  readonly children: Node[];
  number: number;
  /** Where its inode is in the inode table, in uncompressed bytes. */
  at: number;
}

/** The image of a tree, a multiple of `align` bytes long. */
export function squashfs(tree: Tree, align = 4096): Uint8Array {
  const data = new Bytes();
  data.zeros(96);
  const inodes = new Bytes();
  const listings = new Bytes();
  const fragments = new Bytes();
  let tail = new Bytes();
  let count = 0;
  let fragmentCount = 0;

  const closeFragment = () => {
    if (tail.length === 0) return;
    fragments.u64(data.length);
    fragments.u32(tail.length | STORED);
    fragments.u32(0);
    data.put(tail.bytes());
    tail = new Bytes();
    fragmentCount++;
  };
  const header = (node: Node, type: number, mode: number) => {
    node.number = ++count;
    node.at = inodes.length;
    inodes.u16(type);
    inodes.u16(mode);
    inodes.u16(0);
    inodes.u16(0);
    inodes.u32(0);
    inodes.u32(node.number);
  };
  /** Where contents are; hard links of a package share theirs. */
  const placed = new Map<Uint8Array, { start: number; fragment: number; offset: number }>();
  const place = (content: Uint8Array) => {
    const whole = content.length - (content.length % BLOCK);
    const at = { start: data.length, fragment: NONE, offset: 0 };
    data.put(content.subarray(0, whole));
    if (whole < content.length) {
      if (tail.length + content.length - whole > BLOCK) closeFragment();
      at.fragment = fragmentCount;
      at.offset = tail.length;
      tail.put(content.subarray(whole));
    }
    placed.set(content, at);
    return at;
  };
  const writeFile = (node: Node, mode: number, content: Uint8Array) => {
    const { start, fragment, offset } = placed.get(content) ?? place(content);
    const whole = content.length - (content.length % BLOCK);
    header(node, 2, mode);
    inodes.u32(start);
    inodes.u32(fragment);
    inodes.u32(offset);
    inodes.u32(content.length);
    for (let block = 0; block < whole; block += BLOCK) inodes.u32(BLOCK | STORED);
  };
  /** Where each written directory's inode names its parent, which is not numbered yet. */
  const parents = new Map<Node, number>();
  const write = (node: Node): void => {
    const { entry } = node;
    if (entry.kind === "file") return writeFile(node, entry.mode, entry.data);
    if (entry.kind === "symlink") {
      const target = new TextEncoder().encode(entry.target);
      header(node, 3, 0o777);
      inodes.u32(1);
      inodes.u32(target.length);
      inodes.put(target);
      return;
    }
    const isDirectory = (child: Node) => child.entry.kind === "directory";
    for (const child of node.children) if (isDirectory(child)) write(child);
    for (const child of node.children) if (!isDirectory(child)) write(child);
    const start = listings.length;
    const index = writeListing(listings, node.children);
    header(node, 8, entry.mode);
    inodes.u32(2 + node.children.filter(isDirectory).length);
    inodes.u32(listings.length - start + 3);
    inodes.u32(metadataStart(start));
    const parentAt = inodes.length;
    inodes.u32(0);
    inodes.u16(index.length);
    inodes.u16(start % METADATA);
    inodes.u32(NONE);
    for (const { at, name } of index) {
      const text = new TextEncoder().encode(name);
      inodes.u32(at - start);
      inodes.u32(metadataStart(at));
      inodes.u32(text.length - 1);
      inodes.put(text);
    }
    for (const child of node.children) if (isDirectory(child)) inodes.setU32(parents.get(child) ?? 0, node.number);
    parents.set(node, parentAt);
  };
  const root = hierarchy(tree);
  write(root);
  inodes.setU32(parents.get(root) ?? 0, count + 1);
  closeFragment();

  const inodeTable = data.length;
  data.put(metadata(inodes.bytes()));
  const directoryTable = data.length;
  data.put(metadata(listings.bytes()));
  const fragmentTable = indexed(data, fragments.bytes());
  const idTable = indexed(data, new Uint8Array(4));
  const used = data.length;
  data.zeros((align - (data.length % align)) % align);

  const image = data.bytes();
  const view = new DataView(image.buffer, image.byteOffset, 96);
  const words = [0x7371_7368, count, 0, BLOCK, fragmentCount];
  words.forEach((word, index) => view.setUint32(index * 4, word, true));
  const halves = [1, BLOCK_LOG, FLAGS, 1, 4, 0];
  halves.forEach((half, index) => view.setUint16(20 + index * 2, half, true));
  const longs = [
    BigInt(metadataStart(root.at)) * 65536n + BigInt(root.at % METADATA),
    BigInt(used),
    BigInt(idTable),
    0xffff_ffff_ffff_ffffn,
    BigInt(inodeTable),
    BigInt(directoryTable),
    BigInt(fragmentTable),
    0xffff_ffff_ffff_ffffn,
  ];
  longs.forEach((long, index) => view.setBigUint64(32 + index * 8, long, true));
  return image;
}

/** Where the tables of an image begin, after all contents. */
export function tablesOf(image: Uint8Array): number {
  return Number(new DataView(image.buffer, image.byteOffset, 96).getBigUint64(64, true));
}

/** Bytes from a table's start to the metadata block that holds position `at`: each block has a two-byte header. */
function metadataStart(at: number): number {
  return Math.floor(at / METADATA) * (METADATA + 2);
}

function metadata(content: Uint8Array): Uint8Array {
  const out = new Bytes();
  for (let at = 0; at < content.length; at += METADATA) {
    const part = content.subarray(at, at + METADATA);
    out.u16(part.length | 0x8000);
    out.put(part);
  }
  return out.bytes();
}

/** Appends a table and the index of its metadata blocks; returns where the index is. */
function indexed(data: Bytes, content: Uint8Array): number {
  const start = data.length;
  data.put(metadata(content));
  const index = data.length;
  for (let at = 0; at < content.length; at += METADATA) data.u64(start + metadataStart(at));
  return index;
}

/** A run of a listing: where it is and the first name in it. */
interface Run {
  readonly at: number;
  readonly name: string;
}

/**
 * One directory's listing: runs of entries whose inodes share a metadata block. Returns the index of its runs but the first.
 * Whoever looks for a name goes through the index and then through one run, which is least when both are of one length.
 */
function writeListing(out: Bytes, children: readonly Node[]): Run[] {
  const longest = Math.min(256, Math.max(16, Math.ceil(Math.sqrt(children.length))));
  const index: Run[] = [];
  for (let from = 0; from < children.length;) {
    const first = children[from] as Node;
    if (from > 0) index.push({ at: out.length, name: first.name });
    let to = from + 1;
    while (to < children.length && to - from < longest) {
      const next = children[to] as Node;
      if (metadataStart(next.at) !== metadataStart(first.at) || Math.abs(next.number - first.number) > 32000) break;
      to++;
    }
    out.u32(to - from - 1);
    out.u32(metadataStart(first.at));
    out.u32(first.number);
    for (const child of children.slice(from, to)) {
      const name = new TextEncoder().encode(child.name);
      out.u16(child.at % METADATA);
      out.u16((child.number - first.number) & 0xffff);
      out.u16(child.entry.kind === "directory" ? 1 : child.entry.kind === "file" ? 2 : 3);
      out.u16(name.length - 1);
      out.put(name);
    }
    from = to;
  }
  return index;
}

function hierarchy(tree: Tree): Node {
  const make = (name: string, entry: TreeEntry): Node => ({ name, entry, children: [], number: 0, at: 0 });
  const root = make("", { kind: "directory", mode: 0o755 });
  const nodes = new Map<string, Node>([["", root]]);
  for (const [path, entry] of tree.entries()) {
    const slash = path.lastIndexOf("/");
    const node = make(path.slice(slash + 1), entry);
    nodes.set(path, node);
    nodes.get(path.slice(0, Math.max(slash, 0)))?.children.push(node);
  }
  const byName = (a: Node, b: Node) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
  for (const node of nodes.values()) node.children.sort(byName);
  return root;
}

/** A growing little-endian byte buffer. */
class Bytes {
  #buffer = new Uint8Array(4096);
  length = 0;

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }
  put(part: Uint8Array): void {
    this.#room(part.length);
    this.#buffer.set(part, this.length);
    this.length += part.length;
  }
  zeros(size: number): void {
    this.#room(size);
    this.length += size;
  }
  u16(value: number): void {
    this.put(Uint8Array.of(value, value >> 8));
  }
  u32(value: number): void {
    this.put(Uint8Array.of(value, value >> 8, value >> 16, value >> 24));
  }
  u64(value: number): void {
    this.u32(value);
    this.u32(Math.floor(value / 2 ** 32));
  }
  setU32(at: number, value: number): void {
    new DataView(this.#buffer.buffer).setUint32(at, value, true);
  }
  #room(size: number): void {
    if (this.length + size <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.length + size, this.#buffer.length * 2));
    larger.set(this.bytes());
    this.#buffer = larger;
  }
}
