/**
 * A column of SQLite's values as numbers and one run of bytes: a million cells make no million objects. SQLite has types of
 * values, not of columns (https://sqlite.org/datatype3.html), so each cell says what it is.
 */
import type { SqliteLibrary } from "./sqlite.ts";

/** What a cell holds, in SQLite's numbers. */
export const SQLITE_INTEGER = 1;
export const SQLITE_FLOAT = 2;
export const SQLITE_TEXT = 3;
export const SQLITE_BLOB = 4;
export const SQLITE_NULL = 5;

export interface SqliteColumn {
  readonly name: string;
  /** What each cell holds. */
  readonly types: Uint8Array;
  /** Each number; NaN elsewhere. */
  readonly numbers: Float64Array;
  /** Integers that a double does not hold, by row. */
  readonly large: ReadonlyMap<number, bigint>;
  /** Text (UTF-8, unchecked) and blobs of all cells, one after the other, and where that of each cell ends. */
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
  /** True when some cell holds this. */
  has(type: number): boolean;
}

const FIRST_ROWS = 1024;
/** Cells shorter than this are copied byte by byte: a view of the memory costs more. */
const SHORT = 24;

/** A column that is being read. */
export class GrowingColumn {
  readonly #name: string;
  readonly #large = new Map<number, bigint>();
  #types = new Uint8Array(FIRST_ROWS);
  #numbers = new Float64Array(FIRST_ROWS);
  #ends = new Uint32Array(FIRST_ROWS);
  #bytes = new Uint8Array(FIRST_ROWS);
  #used = 0;
  #seen = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Takes the value of the statement's row in a column; rows come in order. */
  take({ wasm }: SqliteLibrary, statement: unknown, column: number, row: number): void {
    const { exports } = wasm;
    if (row >= this.#types.length) this.#grow();
    const type = exports.sqlite3_column_type(statement, column);
    this.#types[row] = type;
    this.#seen |= 1 << type;
    let value = NaN;
    if (type === SQLITE_INTEGER || type === SQLITE_FLOAT) {
      value = exports.sqlite3_column_double(statement, column);
      if (type === SQLITE_INTEGER && !Number.isSafeInteger(value))
        this.#large.set(row, exports.sqlite3_column_int64(statement, column));
    } else if (type !== SQLITE_NULL) {
      const at =
        type === SQLITE_TEXT
          ? exports.sqlite3_column_text(statement, column)
          : exports.sqlite3_column_blob(statement, column);
      this.#put(wasm.heap8u(), at, exports.sqlite3_column_bytes(statement, column));
    }
    this.#numbers[row] = value;
    this.#ends[row] = this.#used;
  }

  /** The column with so many rows. */
  made(rows: number): SqliteColumn {
    const seen = this.#seen;
    return {
      name: this.#name,
      types: this.#types.subarray(0, rows),
      numbers: this.#numbers.subarray(0, rows),
      large: this.#large,
      bytes: this.#bytes.subarray(0, this.#used),
      ends: this.#ends.subarray(0, rows),
      has: (type) => (seen & (1 << type)) !== 0,
    };
  }

  #put(memory: Uint8Array, at: number, length: number): void {
    const used = this.#used;
    if (used + length > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(used + length, this.#bytes.length * 2));
      bytes.set(this.#bytes.subarray(0, used));
      this.#bytes = bytes;
    }
    if (length < SHORT) for (let index = 0; index < length; index += 1) this.#bytes[used + index] = memory[at + index]!;
    else this.#bytes.set(memory.subarray(at, at + length), used);
    this.#used = used + length;
  }

  #grow(): void {
    const size = this.#types.length * 2;
    const grown = <A extends Uint8Array | Uint32Array | Float64Array>(old: A, next: A): A => {
      next.set(old);
      return next;
    };
    this.#types = grown(this.#types, new Uint8Array(size));
    this.#numbers = grown(this.#numbers, new Float64Array(size));
    this.#ends = grown(this.#ends, new Uint32Array(size));
  }
}

/** The bytes of a cell of text, or of a blob. */
export function bytesOf({ bytes, ends }: SqliteColumn, row: number): Uint8Array {
  return bytes.subarray(row === 0 ? 0 : ends[row - 1], ends[row]);
}
