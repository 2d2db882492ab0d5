/** What a table on the screen and its worker say to each other. */
import type { Summary, View } from "./data-table.ts";

export type TableFormat = "csv" | "tsv" | "parquet" | "arrow" | "sqlite";

/** What is read. */
export interface TableSource {
  readonly file: Blob;
  readonly format: TableFormat;
  /** Which of an SQLite file's tables; absent: the first. */
  readonly table?: string | undefined;
  /** What stands beside an SQLite file whose changes are not all in it. */
  readonly wal?: Blob | undefined;
  readonly journal?: Blob | undefined;
}

/** A table that a file has beside others. */
export interface TableInfo {
  readonly name: string;
  /** undefined: nobody has counted. */
  readonly rows: number | undefined;
}

export interface ColumnInfo {
  readonly name: string;
  readonly kind: "number" | "time" | "truth" | "text";
}

export type ToTable =
  /** First; again for another table of the same file. */
  | { readonly type: "open"; readonly source: TableSource }
  /** Asks for other rows or another order; only the last one asked for is answered. */
  | { readonly type: "look"; readonly look: number; readonly view: View }
  | { readonly type: "rows"; readonly look: number; readonly from: number; readonly to: number };

export type FromTable =
  /** The table as far as it is read; again when there is more, and last with `progress` 1. */
  | {
      readonly type: "table";
      readonly columns: readonly ColumnInfo[];
      readonly rows: number;
      readonly progress: number;
      /** What a person should know of the file, each a sentence. */
      readonly notes?: readonly string[];
      /** All tables of the file, and which one this is, where it can have several. */
      readonly tables?: readonly TableInfo[];
      readonly table?: string;
    }
  /** What a look shows. */
  | {
      readonly type: "looked";
      readonly look: number;
      readonly rows: number;
      readonly summaries: readonly (Summary | undefined)[];
    }
  | {
      readonly type: "rows";
      readonly look: number;
      readonly from: number;
      readonly cells: readonly (readonly string[])[];
    }
  | { readonly type: "failed"; readonly reason: string };
