/**
 * The head of a GGUF file (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), read as far as it takes to tell what
 * the file is and whether it is whole: before llama.cpp spends seconds on it, and in words that do not depend on its log.
 */
import { KromaError } from "#core/base/errors.ts";

/** Bytes that are read at first, and at most: the head holds the vocabulary. */
const FIRST_READ = 1_000_000;
const LARGEST_HEAD = 256_000_000;
/** Items of what is counted in a head. */
const MOST_ITEMS = 10_000_000;

/** Bytes of a value of each kind, by its number; those of texts (8) and lists (9) vary. */
const SIZES: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];
const UINT32 = 4;
const TEXT = 8;
const LIST = 9;

/** What a model is. */
export interface GgufHead {
  /** "llama", "qwen3": which computation the weights are for. */
  readonly architecture: string;
}

/** Reads the head. Throws `corrupt` for what is no GGUF file, or not whole. */
export async function readGgufHead(name: string, file: Blob): Promise<GgufHead> {
  for (let size = FIRST_READ; ; size *= 4) {
    const bytes = new Uint8Array(await file.slice(0, size).arrayBuffer());
    const head = parse(name, bytes, file.size);
    if (head) return head;
    if (size >= file.size) throw notWhole(name);
    if (size >= LARGEST_HEAD) throw noModel(name);
  }
}

/** A file that ends too early. */
export const notWhole = (name: string): KromaError =>
  new KromaError("corrupt", `${name} is not whole: it ends before its last weights. Fetch it again.`);

/** A file of another kind. */
export const noModel = (name: string): KromaError =>
  new KromaError("corrupt", `${name} is no model: it does not begin as a GGUF file does.`);

/** The head, or undefined when it goes on beyond these bytes. */
function parse(name: string, bytes: Uint8Array, fileSize: number): GgufHead | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (new TextDecoder().decode(bytes.subarray(0, 4)) !== "GGUF") throw noModel(name);
  const cursor = new Cursor(view);
  try {
    cursor.at = 4;
    const version = cursor.uint32();
    // Byte order and the first version, whose counts were shorter, are told by the same number.
    if (version < 2 || version > 100) throw noModel(name);
    const tensors = count(name, cursor.uint64());
    const entries = count(name, cursor.uint64());
    let architecture = "";
    let alignment = 32;
    for (let index = 0; index < entries; index += 1) {
      const key = cursor.text();
      const kind = cursor.uint32();
      if (key === "general.architecture" && kind === TEXT) architecture = cursor.text();
      else if (key === "general.alignment" && kind === UINT32) alignment = Math.max(1, cursor.uint32());
      else skip(name, cursor, kind);
    }
    let last = 0;
    for (let index = 0; index < tensors; index += 1) {
      cursor.skip(cursor.uint64());
      const dimensions = cursor.uint32();
      if (dimensions > 8) throw noModel(name);
      cursor.skip(8 * dimensions + 4);
      last = Math.max(last, cursor.uint64());
    }
    const start = Math.ceil(cursor.at / alignment) * alignment;
    if (start + last >= fileSize) throw notWhole(name);
    return { architecture };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function skip(name: string, cursor: Cursor, kind: number): void {
  if (kind === TEXT) return cursor.skip(cursor.uint64());
  if (kind !== LIST) return cursor.skip(sizeOf(name, kind));
  const inner = cursor.uint32();
  const items = count(name, cursor.uint64());
  if (inner === TEXT || inner === LIST) for (let index = 0; index < items; index += 1) skip(name, cursor, inner);
  else cursor.skip(items * sizeOf(name, inner));
}

function sizeOf(name: string, kind: number): number {
  const size = SIZES[kind];
  if (size === undefined) throw noModel(name);
  return size;
}

function count(name: string, value: number): number {
  if (value > MOST_ITEMS) throw noModel(name);
  return value;
}

/** Reads forward; a RangeError says that the bytes end. */
class Cursor {
  readonly #view: DataView;
  at = 0;

  constructor(view: DataView) {
    this.#view = view;
  }

  uint32(): number {
    const value = this.#view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  /** Beyond 2^53 it is inexact, and beyond every limit. */
  uint64(): number {
    const value = Number(this.#view.getBigUint64(this.at, true));
    this.at += 8;
    return value;
  }

  text(): string {
    const length = this.uint64();
    const from = this.at;
    this.skip(length);
    return new TextDecoder().decode(new Uint8Array(this.#view.buffer, this.#view.byteOffset + from, length));
  }

  skip(bytes: number): void {
    if (this.at + bytes > this.#view.byteLength) throw new RangeError("the bytes end");
    this.at += bytes;
  }
}
