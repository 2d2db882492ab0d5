/** DuckDB's errors, which are texts such as "Parser Error: syntax error at …\n\nLINE 2: …\n   ^", as a cell's. */
import { KromaError } from "#core/base/errors.ts";
import type { ErrorMessage } from "#core/kernel/messages.ts";

/** The query was given up. */
export class Interrupted extends Error {
  override readonly name = "KeyboardInterrupt";
}

/** What an error comes to for a statement that begins on `line` of its cell. */
export function describeFailure(
  error: unknown,
  line: number,
): Pick<ErrorMessage, "ename" | "evalue" | "traceback" | "line"> {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof Interrupted) return said("KeyboardInterrupt", text, undefined);
  if (error instanceof KromaError) return said("SqlError", text, line);
  const kind = /^([A-Z][\w-]*(?: [A-Z]\w*)*) Error: /.exec(text);
  const place = /^LINE (\d+): /m.exec(text);
  const at = place ? line + Number(place[1]) - 1 : line;
  const ename = kind?.[1] ? `${kind[1].replaceAll(/\W/g, "")}Error` : "SqlError";
  const hint = hintFor(text);
  const body = hint ?? withLine(text.slice(kind?.[0].length ?? 0), at);
  return said(ename, body, at);
}

function said(ename: string, text: string, line: number | undefined): ReturnType<typeof describeFailure> {
  // The page shows one line of it, and DuckDB's hint stands on the second.
  const evalue = (text.split("\n\nLINE ")[0] ?? text).replaceAll(/\s*\n\s*/g, " ").trim();
  const traceback = `\u001b[31m${ename}\u001b[39m: ${text}`.split("\n");
  return { ename, evalue, traceback, ...(line === undefined ? {} : { line }) };
}

/** The place once (the parser says it twice), counted in the cell's lines. */
function withLine(text: string, at: number): string {
  const [message = "", place] = text.split(/\n\nLINE \d+: /);
  return place === undefined ? message.trimEnd() : `${message.trimEnd()}\n\nLINE ${at}: ${place.trimEnd()}`;
}

/** DuckDB advises to install an extension; there are none here. */
function hintFor(text: string): string | undefined {
  const needed = /automatically install the required extension '(\w+)'/.exec(text)?.[1];
  if (needed) return `This needs DuckDB's extension ${needed}, which Kroma's SQL does not have.${advice(needed)}`;
  if (/function matches[^\n]*TIMESTAMP WITH TIME ZONE/.test(text)) {
    return `Times with a zone need DuckDB's extension icu, which Kroma's SQL does not have.${advice("icu")}`;
  }
  const wanted = /with name "?([^"\n]+?)"? is not in the catalog, but it exists in the (\w+) extension/.exec(text);
  if (wanted) {
    const [, name, extension] = wanted;
    return `${name} belongs to DuckDB's extension ${extension}, which Kroma's SQL does not have.${advice(extension)}`;
  }
  const file = /No extension found that is capable of reading the file "([^"]+)"/.exec(text)?.[1];
  return file && `${file} is of no kind that SQL can read. It reads CSV, Parquet, JSON, Arrow and SQLite files.`;
}

function advice(extension: string | undefined): string {
  if (extension === "parquet") return " Parquet files can be read, FROM 'file.parquet'; write them as CSV.";
  if (extension === "json")
    return " JSON files can be read, FROM 'file.json', and nested values in them are text: take them apart in Python or TypeScript, and name the rows with kroma.set.";
  if (extension === "icu")
    return " Times are in UTC here: now()::TIMESTAMP is the time, today() its date; write TIMESTAMP for TIMESTAMPTZ, and change zones in Python or TypeScript.";
  return "";
}
