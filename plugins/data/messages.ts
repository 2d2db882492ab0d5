/** What a table on the screen and its worker say to each other. */
import type { Summary, View } from "./data-table.ts";

export type TableFormat = "csv" | "tsv" | "parquet" | "arrow";

export interface ColumnInfo {
  readonly name: string;
  readonly kind: "number" | "time" | "truth" | "text";
}

export type ToTable =
  /** First, and once. */
  | { readonly type: "open"; readonly file: Blob; readonly format: TableFormat }
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
