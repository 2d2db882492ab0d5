/**
 * Looks at Automerge bytes from outside before Automerge does. A few kilobytes can describe a hundred million
 * operations, run-length coded and deflated, and loading them would eat the worker. This walks the chunks, adds up the
 * runs of the action column without expanding them, and inflates under a cap. It checks neither hashes nor values:
 * Automerge does that. Format: "Automerge Binary Document Format" (automerge.org).
 */
import { KromaError } from "../base/errors.ts";

/** What bytes from outside may amount to. */
export interface ChunkLimits {
  readonly operations: number;
  readonly inflated: number;
  readonly chunks: number;
  readonly actors: number;
}

/** What was counted. */
export interface ChunkCounts {
  readonly chunks: number;
  readonly operations: number;
  readonly inflated: number;
  /** The actors of single changes, each once. */
  readonly actors: ReadonlySet<string>;
  /** True when there is a whole document, whose changes have no heads of their own. */
  readonly isWhole: boolean;
}

/** Enough for a notebook of ten thousand cells, little enough for a worker with 200 MB. */
export const CHUNK_LIMITS: ChunkLimits = { operations: 500_000, inflated: 16 << 20, chunks: 5000, actors: 2000 };

const MAGIC = [0x85, 0x6f, 0x4a, 0x83];
const DOCUMENT_CHUNK = 0;
const CHANGE_CHUNK = 1;
const COMPRESSED_CHANGE_CHUNK = 2;
const DEFLATED = 8;
const ACTION_COLUMN = 66;
const HASH_BYTES = 32;
const CHECKSUM_BYTES = 4;
const MOST_COLUMNS = 200;

/** Counts what is in the bytes. `corrupt` when they are no Automerge chunks, `exhausted` when they are too much. */
export async function inspectChunks(bytes: Uint8Array, limits: ChunkLimits = CHUNK_LIMITS): Promise<ChunkCounts> {
  const tally = new Tally(limits);
  const reader = new Reader(bytes);
  while (reader.left > 0) {
    tally.chunk();
    if (!MAGIC.every((byte, index) => reader.take(4, index === 0)[index] === byte)) refuse("they don't start right");
    reader.advance(MAGIC.length);
    reader.advance(CHECKSUM_BYTES); // The checksum is Automerge's to check.
    const [type] = reader.bytes(1);
    const body = reader.bytes(reader.unsigned());
    if (type === CHANGE_CHUNK) {
      tally.plain(body.length);
      await inspectChange(body, tally);
    } else if (type === COMPRESSED_CHANGE_CHUNK) await inspectChange(await tally.inflate(body), tally);
    else if (type === DOCUMENT_CHUNK) await inspectDocument(body, tally);
    else refuse(`they have a chunk of the unknown type ${type}`);
  }
  return tally;
}

/** The chunks that such bytes, which have been inspected, consist of. */
export function chunksOf(bytes: Uint8Array): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const reader = new Reader(bytes);
  for (let from = 0; reader.left > 0; from = bytes.length - reader.left) {
    reader.advance(MAGIC.length + CHECKSUM_BYTES + 1);
    reader.advance(reader.unsigned());
    chunks.push(bytes.subarray(from, bytes.length - reader.left));
  }
  return chunks;
}

async function inspectChange(body: Uint8Array, tally: Tally): Promise<void> {
  const reader = new Reader(body);
  reader.advance(reader.unsigned() * HASH_BYTES);
  tally.actors.add(hexOf(reader.bytes(reader.unsigned())));
  reader.unsigned(); // sequence number
  reader.unsigned(); // first operation
  reader.signed(); // time
  reader.advance(reader.unsigned()); // message
  skipActors(reader, tally);
  await inspectOperations(readColumns(reader), reader, tally);
}

async function inspectDocument(body: Uint8Array, tally: Tally): Promise<void> {
  tally.isWhole = true;
  const reader = new Reader(body);
  skipActors(reader, tally);
  reader.advance(reader.unsigned() * HASH_BYTES);
  const changes = readColumns(reader);
  const operations = readColumns(reader);
  for (const column of changes) {
    const data = reader.bytes(column.length);
    if (column.specification & DEFLATED) await tally.inflate(data);
    else tally.plain(data.length);
  }
  for (const { specification, length } of operations) if (!(specification & DEFLATED)) tally.plain(length);
  await inspectOperations(operations, reader, tally);
}

async function inspectOperations(columns: readonly Column[], reader: Reader, tally: Tally): Promise<void> {
  for (const { specification, length } of columns) {
    let data = reader.bytes(length);
    if (specification & DEFLATED) data = await tally.inflate(data);
    if ((specification & ~DEFLATED) === ACTION_COLUMN) tally.countRuns(data);
  }
}

interface Column {
  readonly specification: number;
  readonly length: number;
}

function readColumns(reader: Reader): readonly Column[] {
  const count = reader.unsigned();
  if (count > MOST_COLUMNS) refuse(`they have ${count} columns`);
  return Array.from({ length: count }, () => ({ specification: reader.unsigned(), length: reader.unsigned() }));
}

function skipActors(reader: Reader, tally: Tally): void {
  const count = reader.unsigned();
  tally.mentions(count);
  for (let index = 0; index < count; index += 1) reader.advance(reader.unsigned());
}

class Tally implements ChunkCounts {
  readonly #limits: ChunkLimits;
  chunks = 0;
  operations = 0;
  inflated = 0;
  readonly actors = new Set<string>();
  isWhole = false;

  constructor(limits: ChunkLimits) {
    this.#limits = limits;
  }

  chunk(): void {
    this.chunks += 1;
    if (this.chunks > this.#limits.chunks) exceed("chunks", this.#limits.chunks);
  }

  mentions(count: number): void {
    if (count > this.#limits.actors) exceed("authors", this.#limits.actors);
  }

  /** Bytes that were never deflated count like those that were: one string of 20 MB is too much for Automerge's memory. */
  plain(length: number): void {
    this.inflated += length;
    if (this.inflated > this.#limits.inflated) exceed("bytes once inflated", this.#limits.inflated);
  }

  /** Adds up a run-length coded column without making its values. */
  countRuns(data: Uint8Array): void {
    const reader = new Reader(data);
    while (reader.left > 0) {
      const count = reader.signed();
      if (count > 0) {
        reader.unsigned();
        this.operations += count;
      } else if (count < 0) {
        this.operations -= count;
        if (this.operations > this.#limits.operations) exceed("operations", this.#limits.operations);
        for (let index = count; index < 0; index += 1) reader.unsigned();
      } else this.operations += reader.unsigned();
      if (this.operations > this.#limits.operations) exceed("operations", this.#limits.operations);
    }
  }

  async inflate(data: Uint8Array): Promise<Uint8Array> {
    const room = this.#limits.inflated - this.inflated;
    const stream = new Blob([new Uint8Array(data)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    const pieces: Uint8Array[] = [];
    let length = 0;
    const reader = stream.getReader();
    for (;;) {
      const { done, value } = await reader.read().catch(() => refuse("a compressed part is broken"));
      if (done) break;
      length += value.length;
      if (length > room) {
        await reader.cancel().catch(() => undefined);
        exceed("bytes once inflated", this.#limits.inflated);
      }
      pieces.push(value);
    }
    this.inflated += length;
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }
}

/** Reads bytes and LEB128 numbers, never past the end. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The next bytes, without going past them. */
  take(count: number, check: boolean): Uint8Array {
    if (check && count > this.left) refuse("they end too early");
    return this.#bytes.subarray(this.#at, this.#at + count);
  }

  bytes(count: number): Uint8Array {
    const taken = this.take(count, true);
    this.#at += count;
    return taken;
  }

  advance(count: number): void {
    this.bytes(count);
  }

  unsigned(): number {
    let value = 0;
    let factor = 1;
    for (let index = 0; index < 8; index += 1) {
      const byte = this.#byte();
      value += (byte & 127) * factor;
      factor *= 128;
      if (byte < 128) return Number.isSafeInteger(value) ? value : refuse("a number in them is too big");
    }
    return refuse("a number in them is too long");
  }

  signed(): number {
    let value = 0;
    let factor = 1;
    for (let index = 0; index < 8; index += 1) {
      const byte = this.#byte();
      value += (byte & 127) * factor;
      factor *= 128;
      if (byte < 128) return byte & 64 ? value - factor : value;
    }
    return refuse("a number in them is too long");
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return refuse("they end too early");
    this.#at += 1;
    return byte;
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function refuse(reason: string): never {
  throw new KromaError("corrupt", `These bytes are no changes of a notebook: ${reason}.`);
}

function exceed(what: string, limit: number): never {
  throw new KromaError("exhausted", `These changes are too big to take in: more than ${limit} ${what}.`);
}
