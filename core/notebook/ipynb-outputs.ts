/**
 * Outputs and MIME bundles between nbformat 4's JSON and ours. Files keep text as a string or as a list of lines; ours
 * is joined, and what a file had that ours can't say is kept as its shape, so that it comes out as it went in.
 */
import { isJsonMime, type MimeBundle } from "../kernel/mime.ts";
import { isSameJson } from "../base/canonical-json.ts";
import { fieldsOf } from "./ipynb-languages.ts";
import type { Output } from "./model.ts";

/** How a file wrote one output: as Jupyter would, with plain strings, or otherwise (then it is here whole). */
export type OutputShape = "lines" | "strings" | { readonly raw: unknown };

/** An output as read. */
export interface ReadOutput {
  readonly output: Output;
  readonly shape: OutputShape;
}

// After nbformat's v4/rwbase.py: these are split into lines like text/*.
const SPLIT_MIMES: readonly string[] = ["application/javascript", "image/svg+xml"];
const STREAMS: readonly unknown[] = ["stdout", "stderr"];

// Where Python's str.splitlines breaks; nbformat splits with it, so not only at line feeds.
const LINE = new RegExp(
  String.raw`[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]|$)`,
  "g",
);

/** Lines with their ends, as Python's str.splitlines(True) gives them. */
export function splitLines(text: string): string[] {
  return text.match(LINE)?.filter((line) => line !== "") ?? [];
}

/** A string, or a list of strings joined; undefined for anything else. */
export function joinText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return Array.isArray(value) && value.every((line) => typeof line === "string") ? value.join("") : undefined;
}

/** A MIME bundle with its text joined. */
export function readBundle(value: unknown): MimeBundle {
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).map(([type, data]) => [type, isJsonMime(type) ? data : (joinText(data) ?? data)]),
  );
}

/** A MIME bundle with its text in lines, as nbformat writes it. */
export function writeBundle(bundle: MimeBundle, strings = false): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(bundle).map(([type, data]) => [
      type,
      typeof data === "string" && !strings && (type.startsWith("text/") || SPLIT_MIMES.includes(type))
        ? splitLines(data)
        : data,
    ]),
  );
}

/** An output of a file; one that we have no word for becomes a note in its place, and is kept whole in its shape. */
export function readOutput(value: unknown): ReadOutput {
  const fields = fieldsOf(value);
  const output = convert(fields);
  for (const shape of ["lines", "strings"] as const) {
    if (isSameJson(writeOutput(output, shape), value)) return { output, shape };
  }
  return { output, shape: { raw: value } };
}

/** An output as nbformat 4.5 has it. */
export function writeOutput(output: Output, shape: OutputShape = "lines"): unknown {
  if (typeof shape === "object") return shape.raw;
  const strings = shape === "strings";
  switch (output.output_type) {
    case "stream":
      return {
        output_type: "stream",
        name: output.name,
        text: strings ? output.text : splitLines(output.text),
      };
    case "display_data":
      return { output_type: "display_data", data: writeBundle(output.data, strings), metadata: output.metadata };
    case "execute_result":
      return {
        output_type: "execute_result",
        data: writeBundle(output.data, strings),
        metadata: output.metadata,
        execution_count: output.execution_count ?? null,
      };
    case "error":
      return {
        output_type: "error",
        ename: output.ename,
        evalue: output.evalue,
        traceback: output.traceback,
      };
  }
}

function convert(fields: Readonly<Record<string, unknown>>): Output {
  const { output_type: type } = fields;
  switch (type) {
    case "stream":
      return {
        output_type: "stream",
        name: STREAMS.includes(fields["name"]) ? (fields["name"] as "stdout" | "stderr") : "stdout",
        text: joinText(fields["text"]) ?? "",
      };
    case "display_data":
      return { output_type: "display_data", data: readBundle(fields["data"]), metadata: fieldsOf(fields["metadata"]) };
    case "execute_result": {
      const count = fields["execution_count"];
      return {
        output_type: "execute_result",
        data: readBundle(fields["data"]),
        metadata: fieldsOf(fields["metadata"]),
        execution_count: typeof count === "number" ? count : undefined,
      };
    }
    case "error": {
      const traceback = fields["traceback"];
      return {
        output_type: "error",
        ename: joinText(fields["ename"]) ?? "Error",
        evalue: joinText(fields["evalue"]) ?? "",
        traceback: Array.isArray(traceback) ? traceback.map(String) : (joinText(traceback) ?? "").split("\n"),
      };
    }
    default: {
      const name = typeof type === "string" ? `"${type}"` : "no type";
      const data = { "text/plain": `[An output of ${name}, which Kroma does not know]` };
      return { output_type: "display_data", data, metadata: {} };
    }
  }
}
