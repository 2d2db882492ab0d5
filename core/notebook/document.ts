/**
 * The notebook as an Automerge document, and how plain cells are read out of it. Rules that hold for every peer:
 *  - cells live in a map by id and are never removed from it; order is by (position, id);
 *  - a deleted cell carries the hash of the source its deleter saw, and is hidden only while its source still has
 *    that hash, so typing at the same time brings it back;
 *  - every map that two peers may add to is made in the first change;
 *  - only `source` is collaborative text; all other strings are scalars, and JSON values are canonical JSON in one.
 * A peer may send anything, so reading trusts no field.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import type { CellId, RunId } from "../base/ids.ts";
import { sourceHash } from "../base/source-hash.ts";
import type { MimeBundle } from "../kernel/mime.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { isCellId, normaliseText } from "./cell-text.ts";
import { SCHEMA } from "./migrations.ts";
import type { Cell, CellKind, CellShape, Notebook, NotebookShape, Run, RunStatus } from "./model.ts";
import { readVersions } from "./named-versions.ts";
import { comparePlaced, evenPositions, type Placed } from "./position.ts";
import type { RunBody } from "./run-body.ts";

type Scalar = Automerge.ImmutableString;

/** A cell as it is stored. */
export interface CellRecord {
  position: Scalar;
  kind: Scalar;
  language: Scalar;
  source: string;
  /** Canonical JSON by key; keys carry a dot in front, so that none of them can mean something to JavaScript. */
  metadata: Record<string, Scalar>;
  attachments?: Scalar;
  shape?: Scalar;
  /** Hash of the source at deletion. */
  deleted?: Scalar;
  /** The cell it was split from, the cell it was merged into. */
  from?: Scalar;
  into?: Scalar;
  run?: Scalar;
}

/** A run as it is stored: its outputs as canonical JSON, or the CID of the block that has them. */
export interface RunRecord {
  cell: Scalar;
  status: Scalar;
  count?: number;
  started?: number;
  ms?: number;
  sourceHash: Scalar;
  body?: Scalar;
  block?: Scalar;
}

/** The root. */
export interface NotebookRecord {
  schema: number;
  title: Scalar;
  language: Scalar;
  metadata: Record<string, Scalar>;
  shape: Scalar;
  cells: Record<string, CellRecord>;
  runs: Record<string, RunRecord>;
  comments: Record<string, unknown>;
}

export type NotebookDocument = Automerge.Doc<NotebookRecord>;

const KINDS: readonly string[] = ["code", "markdown", "raw"];
const STATUSES: readonly string[] = ["running", "ok", "error", "aborted", "lost", "imported"];
// Part of what is hashed: raise it when the same file shall make another first change.
const IMPORTER = "kroma-import-1";

/** A string that is one value, not collaborative text. */
export const scalar = (text: string): Scalar => new Automerge.ImmutableString(text);
/** A JSON value as one scalar. */
export const jsonScalar = (value: unknown): Scalar => scalar(canonicalJson(value));
/** The key of a metadata entry in the document. */
export const metadataKey = (key: string): string => `.${key}`;

/** The fields of a new cell; `position` decides where it is. */
export function cellRecord(
  cell: Pick<Cell, "kind" | "language" | "source" | "metadata"> & Partial<Pick<Cell, "attachments" | "shape">>,
  position: string,
): CellRecord {
  return {
    position: scalar(position),
    kind: scalar(cell.kind),
    language: scalar(cell.language),
    source: normaliseText(cell.source),
    metadata: metadataRecord(cell.metadata),
    ...(cell.attachments ? { attachments: jsonScalar(cell.attachments) } : {}),
    ...(cell.shape ? { shape: jsonScalar(cell.shape) } : {}),
  };
}

/** The fields of a run, with what `storeRunBody` made of its outputs. */
export function runRecord(cell: CellId, run: Run, body: RunBody): RunRecord {
  return {
    cell: scalar(cell),
    status: scalar(run.status),
    ...(run.count === undefined ? {} : { count: run.count }),
    ...(run.started === undefined ? {} : { started: run.started }),
    ...(run.ms === undefined ? {} : { ms: run.ms }),
    sourceHash: scalar(run.sourceHash),
    ...("json" in body ? { body: scalar(body.json) } : { block: scalar(body.cid) }),
  };
}

/**
 * The document that an import makes: one change whose bytes depend on nothing but the notebook, so that two peers who
 * import the same file can merge. `bodies` has the outputs of every run. Edit it only after loading it anew, under
 * another actor.
 */
export async function documentOf(notebook: Notebook, bodies: ReadonlyMap<RunId, RunBody>): Promise<NotebookDocument> {
  const positions = evenPositions(notebook.cells.length);
  const runs: Record<string, RunRecord> = {};
  const cells = notebook.cells.map((cell, index): [string, CellRecord] => {
    const record = cellRecord(cell, positions[index] as string);
    const body = cell.run && bodies.get(cell.run.id);
    if (cell.run && body) {
      runs[cell.run.id] = runRecord(cell.id, cell.run, body);
      record.run = scalar(cell.run.id);
    }
    return [cell.id, record];
  });
  const root: NotebookRecord = {
    schema: SCHEMA,
    title: scalar(notebook.title),
    language: scalar(notebook.language),
    metadata: metadataRecord(notebook.metadata),
    shape: scalar(notebook.shape ? canonicalJson(notebook.shape) : ""),
    cells: sortedRecord(cells),
    runs: sortedRecord(Object.entries(runs)),
    comments: {},
  };
  const seed = new TextEncoder().encode(`${IMPORTER}\0${canonicalJson(root)}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", seed));
  const actor = Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return Automerge.change(Automerge.init<NotebookRecord>({ actor }), { time: 0 }, (draft) => {
    Object.assign(draft, root);
  });
}

/** All cells with a place, deleted ones too, in order. */
export function allPlaced(document: NotebookDocument): Placed[] {
  return Object.keys(mapOf(document.cells))
    .map((id) => ({ id, position: textOf(document.cells[id]?.position) }))
    .sort(comparePlaced);
}

/** The values of a field that were written at the same time; undefined where there is only one. */
export type ConflictsOf = (record: CellRecord, field: "deleted") => readonly unknown[] | undefined;

const presentConflicts: ConflictsOf = (record, field) => {
  const conflicts = Automerge.getConflicts(record, field);
  return conflicts && Object.values(conflicts);
};

/** The cells that are there, in order. A document as it was once needs to be told its conflicts. */
export function cellOrder(document: NotebookDocument, conflictsOf: ConflictsOf = presentConflicts): CellId[] {
  return allPlaced(document)
    .filter(({ id }) => !isHidden(document, id, conflictsOf))
    .map(({ id }) => id as CellId);
}

/** True when the cell is deleted and nobody has typed in it since. A cell that never was, or is no cell, is hidden too. */
export function isHidden(document: NotebookDocument, id: string, conflictsOf: ConflictsOf = presentConflicts): boolean {
  const record = findRecord(document, id);
  if (record === undefined) return true;
  if (record.deleted === undefined) return false;
  const hash = sourceHash(sourceOf(record));
  return (conflictsOf(record, "deleted") ?? [record.deleted]).some((tombstone) => textOf(tombstone) === hash);
}

/** The stored cell, if there is one that can be shown at all. */
export function findRecord(document: NotebookDocument, id: string): CellRecord | undefined {
  const cells = mapOf(document.cells);
  if (!isCellId(id) || !Object.hasOwn(cells, id)) return undefined;
  const record: unknown = cells[id];
  return typeof record === "object" && record !== null ? (record as CellRecord) : undefined;
}

type Backend = ReturnType<typeof Automerge.getBackend>;

/** Automerge's name of the map of cells; `corrupt` where there is none. */
export function cellsObject(backend: Backend): string {
  const cells = backend.getWithType("_root", "cells");
  if (cells?.[0] !== "map") throw new KromaError("corrupt", "The cells of this notebook are broken.");
  return cells[1];
}

/** Automerge's name of a cell's text; `corrupt` where it is none. */
export function textObject(backend: Backend, cell: CellId): string {
  const record = backend.getWithType(cellsObject(backend), cell);
  const text = record?.[0] === "map" ? backend.getWithType(record[1], "source") : undefined;
  if (text?.[0] !== "text") throw new KromaError("corrupt", "The text of this cell is broken.");
  return text[1];
}

/** The source of a stored cell. */
export function sourceOf(record: CellRecord): string {
  const source: unknown = record.source;
  return typeof source === "string" ? source : "";
}

/** The cell as everyone else sees it. */
export function readCell(id: CellId, record: CellRecord, textVersion: number, run: Run | undefined): Cell {
  const kind = textOf(record.kind);
  const attachments = parseJson(record.attachments) as Record<string, MimeBundle> | undefined;
  const shape = parseJson(record.shape) as CellShape | undefined;
  return {
    id,
    kind: KINDS.includes(kind) ? (kind as CellKind) : "raw",
    language: textOf(record.language) || "raw",
    source: sourceOf(record),
    textVersion,
    metadata: readMetadata(record.metadata),
    ...(isObject(attachments) ? { attachments } : {}),
    run,
    ...(isObject(shape) ? { shape } : {}),
  };
}

/** Everything of a run but its outputs; undefined when there is no such run. */
export function readRun(document: NotebookDocument, id: string): Omit<Run, "outputs" | "shape"> | undefined {
  const runs = mapOf(document.runs);
  const record: unknown = Object.hasOwn(runs, id) ? runs[id] : undefined;
  if (!isObject(record)) return undefined;
  const status = textOf(record["status"]);
  return {
    id: id as RunId,
    status: STATUSES.includes(status) ? (status as RunStatus) : "lost",
    count: numberOf(record["count"]),
    started: numberOf(record["started"]),
    ms: numberOf(record["ms"]),
    sourceHash: textOf(record["sourceHash"]),
  };
}

/** Title, language, metadata, named versions and shape of the notebook. */
export function readHead(document: NotebookDocument): Omit<Notebook, "cells"> {
  const shape = parseJson(document.shape) as NotebookShape | undefined;
  const versions = readVersions(mapOf(document.metadata), textOf);
  return {
    title: textOf(document.title),
    language: textOf(document.language) || "python",
    metadata: readMetadata(document.metadata),
    ...(versions.length > 0 ? { versions } : {}),
    ...(isObject(shape) ? { shape } : {}),
  };
}

/** The string of a scalar or text; "" for anything else. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return Automerge.isImmutableString(value) ? value.toString() : "";
}

/** A map field as it is, or an empty map where a peer put something else. */
export function mapOf<T>(value: Record<string, T> | undefined): Readonly<Record<string, T>> {
  return isObject(value) ? value : {};
}

/** Metadata as scalars by key. */
export function metadataRecord(metadata: Readonly<Record<string, unknown>>): Record<string, Scalar> {
  const entries = Object.entries(metadata).filter(([, value]) => value !== undefined);
  return sortedRecord(entries.map(([key, value]) => [metadataKey(key), jsonScalar(value)]));
}

function readMetadata(record: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(record)) return {};
  return Object.fromEntries(
    Object.entries(record).flatMap(([key, value]) => {
      const parsed = parseJson(value);
      return key.startsWith(".") && parsed !== undefined ? [[key.slice(1), parsed]] : [];
    }),
  );
}

function sortedRecord<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function parseJson(value: unknown): unknown {
  const text = textOf(value);
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !Automerge.isImmutableString(value);
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** The document under a title that its file did not have, which therefore does not count as a change of the file. */
export function withTitle(document: NotebookDocument, title: string | undefined): NotebookDocument {
  if (title === undefined || title === textOf(document.title)) return document;
  return Automerge.change(document, (draft) => {
    draft.title = scalar(title.toWellFormed());
    const { shape } = readHead(document);
    if (shape) draft.shape = jsonScalar({ ...shape, title: title.toWellFormed() });
  });
}
