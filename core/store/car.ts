/**
 * CAR files, blocks one after another (https://ipld.io/specs/transport/car/carv1/), as streams: version 1 in and out, version 2
 * in (its index is not needed). Every block is checked as it comes. The reader of @ipld/car is not used for what comes from
 * outside: it gathers as many bytes as a length says, however many, before it looks at them.
 */
import * as dagCbor from "@ipld/dag-cbor";
import { varint } from "multiformats";
import { CID } from "multiformats/cid";
import { concatenate } from "../base/bytes.ts";
import { KromaError } from "../base/errors.ts";
import { checkForeignBlock, inlineBytes, MOST_BLOCK_BYTES, parseCid } from "./cid.ts";
import type { BlockSource, BlockStore } from "./stores.ts";
import {
  throwIfAborted,
  WALK_LIMITS,
  walkBlocks,
  type WalkedBlock,
  type WalkLimits,
  type WalkOptions,
} from "./walk.ts";

export interface CarOptions {
  readonly signal?: AbortSignal;
  /** Depth means nothing here. */
  readonly limits?: Pick<WalkLimits, "blocks" | "bytes">;
}

/** A CAR file whose header was read. */
export interface OpenCar {
  readonly version: 1 | 2;
  /** As they are spelled; there may be none, and a root need not be among the blocks. */
  readonly roots: readonly string[];
  /** The blocks as they come, each checked against its CID. Read once. `corrupt` when the file ends in the middle. */
  readonly blocks: AsyncGenerator<CarBlock>;
}

/** A block, and where in the file its bytes start. */
export interface CarBlock extends WalkedBlock {
  readonly at: number;
}

/** What came of an import. */
export interface ImportedCar {
  readonly roots: readonly string[];
  /** How many, and their bytes, those given twice too. */
  readonly blocks: number;
  readonly bytes: number;
}

const MOST_HEADER_BYTES = 1024 * 1024;
const MOST_ROOTS = 10_000;
/** A CID before a block: two numbers and a hash; inline ones hold a little more. */
const MOST_CID_BYTES = 512;
const MOST_VARINT_BYTES = 9;
/** The rest of a header of version 2: characteristics, and where the blocks and the index are. */
const SECOND_HEADER_BYTES = 40;

/** Reads the header of a CAR file. `corrupt` when it is none. */
export async function openCar(stream: AsyncIterable<Uint8Array>, options: CarOptions = {}): Promise<OpenCar> {
  const reader = new StreamReader(stream, options.signal);
  try {
    return await readCar(reader, options.limits ?? WALK_LIMITS);
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** A CAR file of these blocks, version 1, in pieces. The same roots and blocks are the same bytes. */
export async function* carBytes(
  roots: readonly string[],
  blocks: AsyncIterable<WalkedBlock>,
): AsyncGenerator<Uint8Array> {
  yield carHeader(roots);
  for await (const block of blocks) yield carSection(block);
}

/** What a CAR file starts with. Roots of the same lengths make headers of the same length. */
export function carHeader(roots: readonly string[]): Uint8Array {
  const header = dagCbor.encode({ version: 1, roots: roots.map((cid) => parseCid(cid)) });
  return concatenate([lengthOf(header.length), header]);
}

/** What a block is in a CAR file. */
export function carSection({ cid, bytes }: WalkedBlock): Uint8Array {
  const name = parseCid(cid).bytes;
  return concatenate([lengthOf(name.length + bytes.length), name, bytes]);
}

/** A CAR file of everything under the roots, depth first, each block once. */
export function exportCar(
  roots: readonly string[],
  source: BlockSource,
  options: WalkOptions = {},
): AsyncGenerator<Uint8Array> {
  return carBytes(roots, walkBlocks(roots, source, options));
}

/**
 * Puts the blocks of a CAR file into the store. A file that is damaged or cut off rejects; the good blocks before that are in
 * the store then, and nothing is pinned. `opened` hears the roots before any block, `came` sees each block that was put.
 */
export async function importCar(
  stream: AsyncIterable<Uint8Array>,
  store: BlockStore,
  options: CarOptions & {
    readonly opened?: (roots: readonly string[]) => void;
    readonly came?: (block: WalkedBlock) => void | Promise<void>;
  } = {},
): Promise<ImportedCar> {
  const car = await openCar(stream, options);
  options.opened?.(car.roots);
  let [blocks, bytes] = [0, 0];
  for await (const block of car.blocks) {
    blocks += 1;
    bytes += block.bytes.length;
    // An inline CID has its bytes in itself, wherever it is named.
    if (inlineBytes(block.cid)) continue;
    await store.put(block.bytes);
    await options.came?.(block);
  }
  return { roots: car.roots, blocks, bytes };
}

async function readCar(reader: StreamReader, limits: Pick<WalkLimits, "blocks" | "bytes">): Promise<OpenCar> {
  let header = await readHeader(reader);
  reader.isCar = true;
  let end = Number.POSITIVE_INFINITY;
  const { version } = header;
  if (version === 2) {
    const rest = await reader.exactly(SECOND_HEADER_BYTES);
    const numbers = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
    const [offset, size] = [Number(numbers.getBigUint64(16, true)), Number(numbers.getBigUint64(24, true))];
    if (offset < reader.position || !Number.isSafeInteger(offset + size)) throw noCar();
    await reader.skip(offset - reader.position);
    end = offset + size;
    header = await readHeader(reader);
    if (header.version !== 1) throw noCar();
  }
  return { version, roots: header.roots, blocks: readBlocks(reader, end, limits) };
}

async function* readBlocks(
  reader: StreamReader,
  end: number,
  limits: Pick<WalkLimits, "blocks" | "bytes">,
): AsyncGenerator<CarBlock> {
  let [blocks, total] = [0, 0];
  try {
    while (reader.position < end && !(await reader.isAtEnd())) {
      const length = await reader.varint();
      if (length === 0) throw noCar("has a part with nothing in it");
      if (length > MOST_BLOCK_BYTES + MOST_CID_BYTES)
        throw noCar("has a block larger than the 2 MiB that a block may have");
      if (reader.position + length > end) throw noCar("has a block that goes beyond its end");
      const section = await reader.exactly(length);
      const [cid, bytes] = splitSection(section);
      blocks += 1;
      total += bytes.length;
      if (blocks > limits.blocks || total > limits.bytes)
        throw new KromaError("exhausted", "This CAR file has more in it than Kroma takes.");
      yield { cid, bytes: await checkForeignBlock(cid, bytes), at: reader.position - bytes.length };
    }
  } finally {
    await reader.close();
  }
}

function splitSection(section: Uint8Array): readonly [string, Uint8Array] {
  let name: string;
  let rest: Uint8Array;
  try {
    const [cid, left] = CID.decodeFirst(section);
    [name, rest] = [cid.toString(), left];
  } catch (error) {
    throw noCar("has a block without a proper name", error);
  }
  parseCid(name);
  return [name, rest];
}

async function readHeader(reader: StreamReader): Promise<{ version: 1 | 2; roots: readonly string[] }> {
  const length = await reader.varint();
  if (length === 0 || length > MOST_HEADER_BYTES) throw noCar();
  const bytes = await reader.exactly(length);
  let header: { readonly version?: unknown; readonly roots?: unknown };
  try {
    header = dagCbor.decode(bytes);
  } catch (error) {
    throw noCar(undefined, error);
  }
  if (typeof header !== "object" || header === null) throw noCar();
  const { version, roots } = header;
  if (version === 2 && roots === undefined) return { version, roots: [] };
  if (version !== 1 || !Array.isArray(roots) || roots.length > MOST_ROOTS) throw noCar();
  return {
    version,
    roots: roots.map((root) => {
      const cid = CID.asCID(root)?.toString();
      if (cid === undefined) throw noCar();
      return cid;
    }),
  };
}

const lengthOf = (value: number): Uint8Array => varint.encodeTo(value, new Uint8Array(varint.encodingLength(value)));

function noCar(what?: string, cause?: unknown): KromaError {
  const sentence = what === undefined ? "This is no CAR file." : `The CAR file ${what}.`;
  return new KromaError("corrupt", sentence, cause === undefined ? {} : { cause });
}

/** Takes as much from a stream as is asked for, and holds no more than that and one piece of the stream. */
class StreamReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  /** True once its header was read: what ends before that never was one. */
  isCar = false;
  #piece: Uint8Array = new Uint8Array();
  #position = 0;

  constructor(stream: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
    this.#iterator = stream[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /** Bytes taken so far. */
  get position(): number {
    return this.#position;
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#piece.length === 0) {
      throwIfAborted(this.#signal);
      const next = await this.#iterator.next();
      if (next.done === true) return true;
      this.#piece = next.value;
    }
    return false;
  }

  /** Copied, so that a small block does not hold a large piece. */
  async exactly(length: number): Promise<Uint8Array> {
    const taken = new Uint8Array(length);
    await this.#take(length, (piece, at) => taken.set(piece, at));
    return taken;
  }

  async skip(length: number): Promise<void> {
    await this.#take(length, () => undefined);
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  async varint(): Promise<number> {
    const bytes: number[] = [];
    for (;;) {
      if (bytes.length >= MOST_VARINT_BYTES) throw noCar();
      const [byte = 0] = await this.exactly(1);
      bytes.push(byte);
      if ((byte & 0x80) === 0) break;
    }
    try {
      return varint.decode(Uint8Array.from(bytes))[0];
    } catch (error) {
      throw noCar(undefined, error);
    }
  }

  async #take(length: number, use: (piece: Uint8Array, at: number) => void): Promise<void> {
    let taken = 0;
    while (taken < length) {
      if (await this.isAtEnd()) throw noCar(this.isCar ? "ends in the middle: it is cut off" : undefined);
      const piece = this.#piece.subarray(0, length - taken);
      use(piece, taken);
      taken += piece.length;
      this.#piece = this.#piece.subarray(piece.length);
    }
    this.#position += length;
  }
}
