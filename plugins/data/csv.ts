/**
 * Separated values (RFC 4180), read piece by piece so that the first rows are there at once. A cell is kept as the place
 * of its bytes, and as a number as long as all of its column are: a million rows make no million strings.
 */
import { type Column, numberColumn } from "./columns.ts";

const QUOTE = 0x22;
const LINE = 0x0a;
const RETURN = 0x0d;
/** More columns than this are a mistake, or an attack. */
const MOST_COLUMNS = 2000;
const FIRST_ROWS = 1024;

interface Growing {
  readonly name: string;
  /** Where each cell begins and ends in the bytes. */
  starts: Uint32Array;
  ends: Uint32Array;
  values: Float64Array;
  isNumber: boolean;
  hasNumber: boolean;
}

/** Reads bytes; call `read` until it says that all is read. */
export class CsvReader {
  readonly #bytes: Uint8Array;
  readonly #separator: number;
  readonly #decoder = new TextDecoder();
  readonly #columns: Growing[] = [];
  #at = 0;
  #rows = 0;
  /** Columns of the head, also those that are not read. */
  #width = 0;
  /** Rows with more cells than the head. */
  #longer = 0;
  /** The row whose quote is not closed; 0 is the head. */
  #unclosed: number | undefined;

  /** `separator` is a character of one byte; undefined: it is told from the first line. */
  constructor(bytes: Uint8Array, separator?: string) {
    this.#bytes = bytes;
    // A byte order mark is not part of the first name.
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.#at = 3;
    this.#separator = (separator ?? this.#guess()).charCodeAt(0);
    for (const name of this.#head()) {
      const [starts, ends] = [new Uint32Array(FIRST_ROWS), new Uint32Array(FIRST_ROWS)];
      const values = new Float64Array(FIRST_ROWS);
      this.#columns.push({ name, starts, ends, values, isNumber: true, hasNumber: false });
    }
  }

  get rows(): number {
    return this.#rows;
  }
  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }
  /** Part that is read, 0 to 1. */
  get progress(): number {
    return this.#bytes.length === 0 ? 1 : this.#at / this.#bytes.length;
  }

  /** Reads at most `most` more rows. Cells that a row lacks are empty; those beyond the head are passed over. */
  read(most: number): void {
    const bytes = this.#bytes;
    const columns = this.#columns;
    const separator = this.#separator;
    const goal = this.#rows + most;
    let at = this.#at;
    while (at < bytes.length && this.#rows < goal) {
      // A line with nothing in it is no row.
      if (bytes[at] === LINE || (bytes[at] === RETURN && (bytes[at + 1] ?? LINE) === LINE)) {
        at += bytes[at] === LINE ? 1 : 2;
        continue;
      }
      const row = this.#rows++;
      if (row >= (columns[0]?.starts.length ?? 0)) this.#grow();
      let index = 0;
      for (;;) {
        const start = at;
        let end: number;
        if (bytes[at] === QUOTE) {
          at = this.#pastQuotes(at + 1, row + 1);
          end = at;
          while (at < bytes.length && bytes[at] !== separator && bytes[at] !== LINE) at += 1;
        } else {
          while (at < bytes.length && bytes[at] !== separator && bytes[at] !== LINE) at += 1;
          end = bytes[at] !== separator && bytes[at - 1] === RETURN && at > start ? at - 1 : at;
        }
        const column = columns[index++];
        if (column) this.#put(column, row, start, end);
        if (at >= bytes.length || bytes[at] === LINE) break;
        at += 1;
      }
      if (index > this.#width) this.#longer += 1;
      for (; index < columns.length; index++) this.#put(columns[index]!, row, 0, 0);
      at += 1;
    }
    this.#at = at;
  }

  /** The columns with the rows that are read so far. */
  columns(): readonly Column[] {
    return this.#columns.map((column) => {
      const { name, starts, ends, values, isNumber, hasNumber } = column;
      const text = (row: number): string => this.#text(starts[row] ?? 0, ends[row] ?? 0);
      if (isNumber && hasNumber) return numberColumn(name, values.subarray(0, this.#rows), text);
      return { name, kind: "text", text };
    });
  }

  /** What a person should know of the file, each a sentence. */
  notes(): readonly string[] {
    const notes: string[] = [];
    const count = (number: number): string => number.toLocaleString("en");
    if (this.#bytes.length === 0) notes.push("The file is empty.");
    if (this.#width > MOST_COLUMNS) {
      notes.push(`The file has ${count(this.#width)} columns; the first ${count(MOST_COLUMNS)} are read.`);
    }
    if (this.#unclosed !== undefined) {
      const where = this.#unclosed === 0 ? "the head" : `row ${count(this.#unclosed)}`;
      notes.push(`A quote in ${where} is never closed: all that follows is in that cell.`);
    }
    if (this.#longer > 0) {
      const rows = this.#longer === 1 ? "1 row has" : `${count(this.#longer)} rows have`;
      notes.push(`${rows} more cells than the head; what is over is left out.`);
    }
    return notes;
  }

  #put(column: Growing, row: number, start: number, end: number): void {
    column.starts[row] = start;
    column.ends[row] = end;
    if (!column.isNumber) return;
    const value = this.#number(start, end);
    column.values[row] = value;
    if (!Number.isNaN(value)) column.hasNumber = true;
    else if (end > start) column.isNumber = false;
  }

  /** A plain number by its digits; longer and stranger ones by the language. NaN for nothing and for what is none. */
  #number(start: number, end: number): number {
    const bytes = this.#bytes;
    let at = start;
    const sign = bytes[at] === 0x2d ? -1 : 1;
    if (sign < 0) at += 1;
    let value = 0;
    let scale = 0;
    // Numbers that begin with a needless zero are names: of towns, of articles.
    if (bytes[at] === 0x30 && end - at > 1 && bytes[at + 1] !== 0x2e) return NaN;
    if (end - at > 15 || end - at < 1 || (bytes[at] === 0x2e && end - at === 1)) return this.#odd(start, end);
    for (; at < end; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        if (scale > 0) scale *= 10;
      } else if (bytes[at] === 0x2e && scale === 0) scale = 1;
      else return this.#odd(start, end);
    }
    // Both are exact, so their quotient is the nearest number there is.
    return (sign * value) / (scale || 1);
  }

  #odd(start: number, end: number): number {
    const length = end - start;
    const first = this.#bytes[start] ?? 0;
    if (length === 0 || length > 40 || (first > 0x39 && first !== 0x4e)) return NaN;
    const text = this.#text(start, end).trim();
    return /^[-+]?(?:(?:0|[1-9]\d*)\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? Number(text) : NaN;
  }

  #text(start: number, end: number): string {
    const text = this.#decoder.decode(this.#bytes.subarray(start, end));
    if (this.#bytes[start] !== QUOTE || end === start) return text;
    return text.replace(/^"|"$/g, "").replaceAll('""', '"');
  }

  /** The place after the closing quote; the end of the bytes where there is none. */
  #pastQuotes(from: number, row: number): number {
    const bytes = this.#bytes;
    for (let at = from; ; at += 2) {
      at = bytes.indexOf(QUOTE, at);
      if (at < 0) {
        this.#unclosed ??= row;
        return bytes.length;
      }
      if (bytes[at + 1] !== QUOTE) return at + 1;
    }
  }

  #grow(): void {
    for (const column of this.#columns) {
      const grown = <A extends Uint32Array | Float64Array>(old: A): A => {
        const next = new (old.constructor as new (length: number) => A)(old.length * 2);
        next.set(old);
        return next;
      };
      column.starts = grown(column.starts);
      column.ends = grown(column.ends);
      if (column.isNumber) column.values = grown(column.values);
    }
  }

  #guess(): string {
    const end = this.#bytes.indexOf(LINE, this.#at);
    const line = this.#decoder.decode(this.#bytes.subarray(this.#at, end < 0 ? this.#bytes.length : end));
    const count = (sign: string): number => line.split(sign).length;
    return [",", ";", "\t", "|"].reduce((best, sign) => (count(sign) > count(best) ? sign : best), ",");
  }

  /** The names of the first line; those that are missing or there twice are made up. */
  #head(): readonly string[] {
    const bytes = this.#bytes;
    const names: string[] = [];
    let at = this.#at;
    while (at < bytes.length) {
      const start = at;
      if (bytes[at] === QUOTE) at = this.#pastQuotes(at + 1, 0);
      while (at < bytes.length && bytes[at] !== this.#separator && bytes[at] !== LINE) at += 1;
      this.#width += 1;
      if (names.length < MOST_COLUMNS) names.push(this.#text(start, at).trim());
      if (at >= bytes.length || bytes[at] === LINE) break;
      at += 1;
    }
    this.#at = at + 1;
    const seen = new Map<string, number>();
    return names.map((name, index) => {
      const base = name === "" ? `column ${index + 1}` : name;
      const times = seen.get(base) ?? 0;
      seen.set(base, times + 1);
      return times === 0 ? base : `${base} (${times + 1})`;
    });
  }
}
