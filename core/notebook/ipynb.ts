/**
 * Jupyter's notebook files in and out. A valid 4.5 file that is not changed comes out as the same JSON value: what the
 * model does not hold (a source that was a string and not a list, an output of an unknown type, extra fields) is kept
 * as a shape beside what it belongs to, and counts only while that is unchanged. Everything of our own is under
 * `metadata.kroma`, and only where Jupyter's fields can't say it.
 */
import { KromaError } from "../base/errors.ts";
import type { CellId, RunId } from "../base/ids.ts";
import { sourceHash } from "../base/source-hash.ts";
import type { MimeBundle } from "../kernel/mime.ts";
import { canonicalJson, isSameJson } from "../base/canonical-json.ts";
import { isCellId, normaliseText } from "./cell-text.ts";
import { checkFileSize } from "./file-size.ts";
import type { ReadResult } from "./formats.ts";
import {
  defaultMagic,
  detectLanguage,
  fieldsOf,
  kernelMetadata,
  mainLanguage,
  withMagic,
  type CellLanguage,
} from "./ipynb-languages.ts";
import {
  joinText,
  readBundle,
  readOutput,
  splitLines,
  writeBundle,
  writeOutput,
  type OutputShape,
} from "./ipynb-outputs.ts";
import { formatJson, NumberText, parseJsonText, type BigNumber } from "./json-text.ts";
import type { Cell, CellKind, CellShape, Notebook, NotebookShape, Run } from "./model.ts";
import { upgradeNotebook } from "./nbformat-upgrade.ts";

type Fields = Readonly<Record<string, unknown>>;

const MINOR = 5;
const CELL_FIELDS: readonly string[] = ["id", "cell_type", "metadata", "source"];
const CODE_FIELDS: readonly string[] = ["outputs", "execution_count"];
const NOTEBOOK_FIELDS: readonly string[] = ["cells", "metadata", "nbformat", "nbformat_minor"];
const KINDS: readonly unknown[] = ["code", "markdown", "raw"];

/**
 * A notebook of a file's bytes: nbformat 4.0 and later, 3, 2 and 1. The title is "" unless the file has one. A file
 * that is no notebook is refused as `invalid`, with the place and the reason; one that is too big as `exhausted`.
 */
export function readIpynb(bytes: Uint8Array): ReadResult {
  checkFileSize(bytes.length);
  const warnings: string[] = [];
  const { value, droppedNumbers, bigNumbers } = parseJsonText(decode(bytes));
  if (droppedNumbers > 0)
    warnings.push(`${droppedNumbers} numbers that JSON does not know (NaN, Infinity) became null.`);
  const file = upgradeNotebook(value);
  const { cells, metadata } = file;
  if (!Array.isArray(cells)) throw new KromaError("invalid", 'The file is not a notebook: "cells" is no list.');
  if (metadata !== undefined && !isFields(metadata)) {
    throw new KromaError("invalid", 'The file is not a notebook: "metadata" is no object.');
  }
  const main = mainLanguage(metadata ?? {});
  const ids = new CellIds(cells, warnings);
  const title = fieldsOf(metadata)["title"];
  const numbers = value === file ? bigNumbers.map(({ path, text }) => ({ path: ids.byId(path), text })) : [];
  const shape = notebookShape(file, typeof title === "string" ? title : "", main, numbers);
  return {
    notebook: {
      title: shape.title ?? "",
      language: main,
      metadata: metadata ?? {},
      cells: cells.map((cell: unknown, index) => readCell(cell, index, main, ids)),
      shape,
    },
    warnings,
  };
}

/** The notebook as a file of nbformat 4.5, written as Jupyter writes it. */
export function writeIpynb(notebook: Notebook): string {
  const metadata = writeMetadata(notebook);
  const main = mainLanguage(metadata);
  let file: unknown = {
    ...notebook.shape?.extra,
    cells: notebook.cells.map((cell) => writeCell(cell, main)),
    metadata,
    nbformat: 4,
    nbformat_minor: Math.max(MINOR, notebook.shape?.minor ?? MINOR),
  };
  for (const { path, text } of notebook.shape?.numbers ?? []) file = withNumber(file, path, text);
  return `${formatJson(file)}\n`;
}

function notebookShape(file: Fields, title: string, language: string, numbers: readonly BigNumber[]): NotebookShape {
  const extra = others(file, NOTEBOOK_FIELDS);
  const minor = file["nbformat_minor"];
  return {
    title,
    language,
    ...(typeof minor === "number" && minor > MINOR ? { minor } : {}),
    ...(extra ? { extra } : {}),
    ...(numbers.length > 0 ? { numbers } : {}),
  };
}

/** `value` with the number at `path` written as it was in the file, if it is still that number. */
function withNumber(value: unknown, path: readonly (string | number)[], text: string): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value === Number(text) ? new NumberText(text) : value;
  if (typeof value !== "object" || value === null || value instanceof NumberText) return value;
  if (Array.isArray(value)) {
    const index = typeof key === "number" ? key : value.findIndex((cell) => fieldsOf(cell)["id"] === key);
    return index in value ? value.with(index, withNumber(value[index], rest, text)) : value;
  }
  return Object.hasOwn(value, key) ? { ...value, [key]: withNumber((value as Fields)[key], rest, text) } : value;
}

function writeMetadata(notebook: Notebook): Fields {
  const { shape, metadata, language, title } = notebook;
  const kernel = shape !== undefined && shape.language === language ? {} : kernelMetadata(language);
  const isImportedTitle = title === (shape?.title ?? "");
  const written: Fields = { ...kernel, ...metadata, ...(isImportedTitle ? {} : { title }) };
  if (mainLanguage(written) === language) return written;
  return { ...written, kroma: { ...fieldsOf(written["kroma"]), language } };
}

function readCell(value: unknown, index: number, main: string, ids: CellIds): Cell {
  const place = `cell ${index + 1}`;
  if (!isFields(value)) throw new KromaError("invalid", `The notebook is broken: ${place} is no object.`);
  const kind = value["cell_type"];
  if (!KINDS.includes(kind)) {
    throw new KromaError("invalid", `The notebook is broken: ${place} has the cell_type ${JSON.stringify(kind)}.`);
  }
  const original = value["source"] ?? "";
  const text = joinText(original);
  if (text === undefined) throw new KromaError("invalid", `The notebook is broken: the source of ${place} is no text.`);
  const metadata = value["metadata"] ?? {};
  if (!isFields(metadata)) {
    throw new KromaError("invalid", `The notebook is broken: the metadata of ${place} is no object.`);
  }
  const found: CellLanguage =
    kind === "code"
      ? detectLanguage(normaliseText(text), metadata, main)
      : { language: kind as string, source: normaliseText(text) };
  const id = ids.of(index);
  const attachments = isFields(value["attachments"])
    ? Object.fromEntries(Object.entries(value["attachments"]).map(([name, bundle]) => [name, readBundle(bundle)]))
    : undefined;
  const shape = cellShape(value, found, kind as CellKind, main, attachments);
  return {
    id,
    kind: kind as CellKind,
    language: found.language,
    source: found.source,
    textVersion: 0,
    metadata,
    ...(attachments ? { attachments } : {}),
    run: kind === "code" ? readRun(value, id, found.source, place) : undefined,
    ...(shape ? { shape } : {}),
  };
}

function cellShape(
  file: Fields,
  { source, language, magic }: CellLanguage,
  kind: CellKind,
  main: string,
  attachments: Readonly<Record<string, MimeBundle>> | undefined,
): CellShape | undefined {
  const original = file["source"] as string | readonly string[] | undefined;
  const isCanonical = original !== undefined && isSameJson(original, splitLines(withMagic(magic, source)));
  const extra = others(file, [
    ...CELL_FIELDS,
    ...(kind === "code" ? CODE_FIELDS : []),
    ...(attachments ? ["attachments"] : []),
  ]);
  const isOwnLanguage = kind === "code" && language !== main;
  const shape: CellShape = {
    ...(isCanonical || original === undefined ? {} : { source: { hash: sourceHash(source), value: original } }),
    ...(isOwnLanguage ? { language, ...(magic === undefined ? {} : { magic }) } : {}),
    ...(attachments && !isSameJson(writeAttachments(attachments), file["attachments"])
      ? { attachments: { hash: sourceHash(canonicalJson(attachments)), value: file["attachments"] } }
      : {}),
    ...(extra ? { extra } : {}),
  };
  return Object.keys(shape).length === 0 ? undefined : shape;
}

function readRun(cell: Fields, id: CellId, source: string, place: string): Run | undefined {
  const outputs = cell["outputs"] ?? [];
  if (!Array.isArray(outputs) || !outputs.every(isFields)) {
    throw new KromaError("invalid", `The notebook is broken: the outputs of ${place} are no list of objects.`);
  }
  const count = cell["execution_count"];
  if (outputs.length === 0 && typeof count !== "number") return undefined;
  const read = outputs.map(readOutput);
  return {
    id: `imported-${id}` as RunId,
    status: "imported",
    count: typeof count === "number" ? count : undefined,
    started: undefined,
    ms: undefined,
    sourceHash: sourceHash(source),
    outputs: read.map(({ output }) => output),
    ...(read.some(({ shape }) => shape !== "lines") ? { shape: read.map(({ shape }) => shape) } : {}),
  };
}

function writeCell(cell: Cell, main: string): Fields {
  const { kind, shape, run } = cell;
  const { source, metadata } = kind === "code" ? writeCode(cell, main) : writeText(cell);
  const attachments = cell.attachments && writeCellAttachments(cell.attachments, shape);
  return {
    ...shape?.extra,
    id: cell.id,
    cell_type: kind,
    metadata,
    source,
    ...(attachments ? { attachments } : {}),
    ...(kind === "code"
      ? {
          execution_count: run?.count ?? null,
          outputs: (run?.outputs ?? []).map((output, index) =>
            writeOutput(output, run?.shape?.[index] as OutputShape | undefined),
          ),
        }
      : {}),
  };
}

/** The source of a code cell, with the line that says its language where it is not the notebook's. */
function writeCode(
  cell: Cell,
  main: string,
): { readonly source: string | readonly string[]; readonly metadata: Fields } {
  const { language, shape } = cell;
  const isLanguageKept = language === (shape?.language ?? main);
  const magic = isLanguageKept ? shape?.magic : defaultMagic(language, main);
  const text = withMagic(magic, cell.source);
  const source = isLanguageKept ? keptSource(cell, text) : splitLines(text);
  if (detectLanguage(text, cell.metadata, main).language === language) return { source, metadata: cell.metadata };
  return { source, metadata: { ...cell.metadata, kroma: { ...fieldsOf(cell.metadata["kroma"]), language } } };
}

function writeText(cell: Cell): { readonly source: string | readonly string[]; readonly metadata: Fields } {
  return { source: keptSource(cell, cell.source), metadata: cell.metadata };
}

function keptSource({ source, shape }: Cell, text: string): string | readonly string[] {
  return shape?.source?.hash === sourceHash(source) ? shape.source.value : splitLines(text);
}

function writeCellAttachments(
  attachments: Readonly<Record<string, MimeBundle>>,
  shape: CellShape | undefined,
): unknown {
  const kept = shape?.attachments;
  return kept && kept.hash === sourceHash(canonicalJson(attachments)) ? kept.value : writeAttachments(attachments);
}

function writeAttachments(attachments: Readonly<Record<string, MimeBundle>>): Fields {
  return Object.fromEntries(Object.entries(attachments).map(([name, bundle]) => [name, writeBundle(bundle)]));
}

/** Ids for all cells: those of the file where they are fit, else ones made of content, so that they are always the same. */
class CellIds {
  readonly #ids: CellId[] = [];

  constructor(cells: readonly unknown[], warnings: string[]) {
    const given = cells.map((cell) => fieldsOf(cell)["id"]);
    const taken = new Set<unknown>(given);
    const used = new Set<unknown>();
    for (const [index, id] of given.entries()) {
      if (isCellId(id) && !used.has(id)) {
        used.add(id);
        this.#ids.push(id);
        continue;
      }
      if (id !== undefined) {
        const reason = isCellId(id) ? "was there before" : "is not allowed";
        warnings.push(`Cell ${index + 1} got a new id: "${String(id)}" ${reason}.`);
      }
      const fields = fieldsOf(cells[index]);
      const content = canonicalJson([fields["cell_type"] ?? null, fields["source"] ?? null]);
      let made = sourceHash(`${index} ${content}`) as CellId;
      while (taken.has(made)) made = sourceHash(`${made} ${content}`) as CellId;
      taken.add(made);
      used.add(made);
      this.#ids.push(made);
    }
  }

  /** A path in the file, with the cell's id for its index. */
  byId(path: readonly (string | number)[]): readonly (string | number)[] {
    const [root, index, ...rest] = path;
    return root === "cells" && typeof index === "number" ? [root, this.of(index), ...rest] : path;
  }

  of(index: number): CellId {
    return this.#ids[index] as CellId;
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const before = new TextDecoder().decode(bytes).split("\ufffd", 1)[0] as string;
    throw new KromaError(
      "invalid",
      `The file is not text in UTF-8: line ${before.split("\n").length} has other bytes.`,
    );
  }
}

function others(fields: Fields, known: readonly string[]): Fields | undefined {
  const entries = Object.entries(fields).filter(([key]) => !known.includes(key));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
