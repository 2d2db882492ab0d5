/**
 * Old notebook formats as nbformat 4: what nbformat's own converters do (its v2, v3 and v4 `convert.py`), for JSON
 * values that were not checked. Version 1 was never released in a program that people used, but its cells are as
 * plain: code and text.
 */
import { KromaError } from "../base/errors.ts";
import { fieldsOf } from "./ipynb-languages.ts";
import { joinText } from "./ipynb-outputs.ts";

type Fields = Readonly<Record<string, unknown>>;

const MIMES: Readonly<Record<string, string>> = {
  text: "text/plain",
  html: "text/html",
  svg: "image/svg+xml",
  png: "image/png",
  jpeg: "image/jpeg",
  latex: "text/latex",
  json: "application/json",
  javascript: "application/javascript",
};

/** The notebook as nbformat 4, from whatever version it says it is. `invalid` when it is no notebook or too new. */
export function upgradeNotebook(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new KromaError("invalid", "The file is not a notebook: it holds no object.");
  }
  const notebook = value as Fields;
  const version = notebook["nbformat"] ?? (looksLikeFirst(notebook) ? 1 : undefined);
  if (version === undefined) {
    throw new KromaError("invalid", 'The file is not a notebook: it has no "nbformat" number.');
  }
  switch (version) {
    case 4:
      return notebook;
    case 3:
    case 2:
      return upgradeWorksheets(notebook);
    case 1:
      return {
        nbformat: 4,
        nbformat_minor: 5,
        metadata: {},
        cells: listOf(notebook["cells"], "cells").map((cell) => upgradeFirst(fieldsOf(cell))),
      };
    default:
      throw new KromaError(
        "invalid",
        typeof version === "number" && version > 4
          ? `The notebook is in nbformat ${version}, which is newer than Kroma knows (4).`
          : `The file is not a notebook: its "nbformat" is ${JSON.stringify(version)}.`,
      );
  }
}

function upgradeWorksheets(notebook: Fields): Fields {
  const { name, signature: _, ...metadata } = fieldsOf(notebook["metadata"]);
  const sheets = listOf(notebook["worksheets"], "worksheets");
  const cells = sheets.flatMap((sheet, index) => listOf(fieldsOf(sheet)["cells"], `worksheets[${index}].cells`));
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: typeof name === "string" && name !== "" ? { ...metadata, title: name } : metadata,
    cells: cells.map((cell) => upgradeCell(fieldsOf(cell))),
  };
}

function upgradeCell(cell: Fields): Fields {
  const metadata = fieldsOf(cell["metadata"]);
  const source = joinText(cell["source"]) ?? "";
  switch (cell["cell_type"]) {
    case "code": {
      const collapsed = cell["collapsed"];
      const { language } = cell;
      return {
        cell_type: "code",
        metadata: {
          ...metadata,
          ...(typeof collapsed === "boolean" ? { collapsed } : {}),
          // Version 3 could mix languages; that of a cell is told as VS Code tells it.
          ...(typeof language === "string" && language !== "python" ? { vscode: { languageId: language } } : {}),
        },
        source: cell["input"] ?? "",
        execution_count: numberOrNull(cell["prompt_number"]),
        outputs: listOf(cell["outputs"] ?? [], "outputs").map((output) => upgradeOutput(fieldsOf(output))),
      };
    }
    case "heading": {
      const level = cell["level"];
      const marks = "#".repeat(typeof level === "number" ? Math.min(Math.max(level, 1), 6) : 1);
      return { cell_type: "markdown", metadata, source: `${marks} ${source.split(/\r\n|\r|\n/).join(" ")}` };
    }
    case "html":
    case "markdown":
      return { cell_type: "markdown", metadata, source };
    case "raw":
      return { cell_type: "raw", metadata, source };
    default:
      return cell;
  }
}

function upgradeOutput(output: Fields): Fields {
  const { output_type: type, metadata, prompt_number: count, ...rest } = output;
  switch (type) {
    case "pyout":
    case "display_data": {
      const data = byMime(rest);
      const json = joinText(data["application/json"]);
      if (json !== undefined) data["application/json"] = parsed(json);
      const common = { data, metadata: byMime(fieldsOf(metadata)) };
      return type === "pyout"
        ? { output_type: "execute_result", ...common, execution_count: numberOrNull(count) }
        : { output_type: "display_data", ...common };
    }
    case "pyerr": {
      const { ename, evalue, traceback } = rest;
      return { output_type: "error", ename: ename ?? "", evalue: evalue ?? "", traceback: traceback ?? [] };
    }
    case "stream":
      return { output_type: "stream", name: rest["stream"] ?? "stdout", text: rest["text"] ?? "" };
    default:
      return output;
  }
}

/** Short names of version 3, and `output_text` of version 2, as MIME types. */
function byMime(data: Fields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [MIMES[key.replace(/^output_/, "")] ?? key, value]),
  );
}

function looksLikeFirst(notebook: Fields): boolean {
  const { cells } = notebook;
  return (
    Array.isArray(cells) &&
    cells.length > 0 &&
    cells.every((cell) => joinText(fieldsOf(cell)["code"] ?? fieldsOf(cell)["text"]) !== undefined)
  );
}

function upgradeFirst(cell: Fields): Fields {
  const code = joinText(cell["code"]);
  if (code === undefined) return { cell_type: "markdown", metadata: {}, source: joinText(cell["text"]) ?? "" };
  return {
    cell_type: "code",
    metadata: {},
    source: code,
    execution_count: numberOrNull(cell["prompt_number"]),
    outputs: [],
  };
}

function listOf(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new KromaError("invalid", `The file is not a notebook: "${name}" is no list.`);
}

const numberOrNull = (value: unknown): number | null => (typeof value === "number" ? value : null);

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return json;
  }
}
