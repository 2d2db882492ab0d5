/** Completion in SQL cells: tables, columns, values of other languages, functions and keywords. */
import { tableFromIPC } from "apache-arrow";
import type { CompleteReply } from "#core/kernel/messages.ts";

type Match = CompleteReply["matches"][number];

const MOST = 200;
const NAMES = `
SELECT DISTINCT table_name AS label, 'table' AS kind FROM information_schema.tables
UNION SELECT DISTINCT column_name, 'column' FROM duckdb_columns() WHERE NOT internal
UNION SELECT DISTINCT function_name, 'function' FROM duckdb_functions() WHERE function_name SIMILAR TO '[a-z_]\\w*'
UNION SELECT upper(keyword_name), 'keyword' FROM duckdb_keywords()`;
const ORDER = ["table", "column", "value", "keyword", "function"];

/** What fits at `cursor`. `ask` gives an Arrow stream; `values` are names that other languages gave. */
export function completeSql(
  code: string,
  cursor: number,
  ask: (text: string) => Uint8Array,
  values: readonly string[],
): Omit<CompleteReply, "type" | "parent"> {
  const typed = /[A-Za-z_]\w*$/.exec(code.slice(0, cursor))?.[0] ?? "";
  const start = cursor - typed.length;
  if (typed === "") return { matches: [], start, end: cursor };
  const known = tableFromIPC(ask(NAMES)).toArray() as readonly Readonly<Record<string, unknown>>[];
  const names: readonly Match[] = [
    ...known.map((row) => ({ label: String(row["label"]), kind: String(row["kind"]) })),
    ...values.map((label) => ({ label, kind: "value" })),
  ];
  const wanted = typed.toLowerCase();
  const fitting = names.filter(({ label }) => label.toLowerCase().startsWith(wanted));
  const rank = ({ kind = "" }: Match): number => ORDER.indexOf(kind);
  const sorted = [...fitting].sort((a, b) => rank(a) - rank(b) || (a.label < b.label ? -1 : 1));
  return { matches: sorted.slice(0, MOST), start, end: cursor };
}
