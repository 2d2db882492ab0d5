/** A table with what is asked of it: which rows pass, in which order, and what a column comes to. */
import type { Column } from "./columns.ts";
import { filterOf } from "./filters.ts";
import { countUp, ordered } from "./order.ts";

/** How the rows are wanted. */
export interface View {
  /** The column by which they are sorted, and how. */
  readonly sort: { readonly column: number; readonly descending: boolean } | undefined;
  /** What is typed above the columns, by column. */
  readonly filters: Readonly<Record<number, string>>;
}

/** What a column of numbers comes to, over the rows that pass. */
export interface Summary {
  readonly count: number;
  readonly sum: number;
  readonly least: number;
  readonly most: number;
}

/** Characters of a cell on the screen: one of a hundred million is of no use there, and stops the page. */
const MOST_CHARACTERS = 2000;

export class DataTable {
  readonly columns: readonly Column[];
  readonly rows: number;
  /** The rows that pass, in order; undefined: all of them as they came. */
  #shown: Uint32Array | undefined;
  /** Another order of the same rows comes to the same. */
  #summed: { readonly of: object | undefined; readonly summaries: readonly (Summary | undefined)[] } | undefined;
  #filtered: { readonly key: string; readonly rows: Uint32Array | undefined } | undefined;

  constructor(columns: readonly Column[], rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** Rows that pass. */
  get length(): number {
    return this.#shown?.length ?? this.rows;
  }

  /** Shows the rows in another way. */
  look({ sort, filters }: View): void {
    const passing = this.#passing(filters);
    const column = sort && this.columns[sort.column];
    this.#shown = column ? ordered(passing ?? countUp(this.rows), column, sort.descending) : passing;
  }

  /** The cells of the shown rows `from` to `to`, as text. */
  cells(from: number, to: number): readonly (readonly string[])[] {
    const result: string[][] = [];
    for (let place = from; place < Math.min(to, this.length); place++) {
      const row = this.#shown?.[place] ?? place;
      result.push(this.columns.map((column) => shortened(column.text(row))));
    }
    return result;
  }

  /** What each column comes to; undefined for text, truth and time, whose sum means nothing. */
  summaries(): readonly (Summary | undefined)[] {
    const passing = this.#filtered;
    if (passing && this.#summed?.of === passing) return this.#summed.summaries;
    const summaries = this.columns.map((column) =>
      column.kind === "number" ? this.#summary(column.values) : undefined,
    );
    this.#summed = { of: passing, summaries };
    return summaries;
  }

  #summary(values: Float64Array): Summary {
    let [count, sum, correction, least, most] = [0, 0, 0, Infinity, -Infinity];
    const rows = this.#filtered?.rows;
    for (let place = 0; place < this.length; place++) {
      const value = values[rows ? rows[place]! : place]!;
      if (Number.isNaN(value)) continue;
      count += 1;
      // Kahan's summation: a million small numbers lose nothing beside their sum.
      const next = value - correction;
      const total = sum + next;
      correction = total - sum - next;
      sum = total;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    return { count, sum, least, most };
  }

  #passing(filters: View["filters"]): Uint32Array | undefined {
    const key = JSON.stringify(filters);
    if (this.#filtered?.key === key) return this.#filtered.rows;
    const tests = Object.entries(filters)
      .filter(([index, typed]) => typed.trim() !== "" && this.columns[Number(index)])
      .map(([index, typed]) => filterOf(this.columns[Number(index)]!, typed));
    let rows: Uint32Array | undefined;
    if (tests.length > 0) {
      const passing = new Uint32Array(this.rows);
      let count = 0;
      for (let row = 0; row < this.rows; row++) if (tests.every((test) => test(row))) passing[count++] = row;
      rows = passing.slice(0, count);
    }
    this.#filtered = { key, rows };
    return rows;
  }
}

const shortened = (text: string): string =>
  text.length > MOST_CHARACTERS ? text.slice(0, MOST_CHARACTERS).toWellFormed() : text;
