/**
 * The list of a notebook's shared files as an Automerge document beside the notebook's own (SPEC.md, chapter "Files").
 * Its first change is the same bytes everywhere. Each path is a key with one scalar, the record as JSON, so that a file
 * is replaced as a whole. Of records that were written without knowledge of each other Automerge says the same one
 * everywhere; the others are shown beside it, so that nobody's file is lost. A peer may send anything: reading trusts
 * no field, and what is over the limits is passed over in the same way everywhere.
 */
import * as Automerge from "@automerge/automerge/slim";
import * as v from "valibot";
import { canonicalJson } from "../base/canonical-json.ts";
import { KromaError } from "../base/errors.ts";
import { blankPart } from "./blank-part.ts";
import type { ChunkLimits } from "./chunk-guard.ts";
import { mapOf, scalar, textOf } from "./document.ts";
import {
  besidePath,
  FILE_BLOCK_BYTES,
  isFilePath,
  MOST_FILE_BYTES,
  MOST_FILES,
  MOST_FILES_BYTES,
  type SharedFile,
} from "./files.ts";

export interface FilesRecord {
  schema: number;
  /** By "/" and the path: no name that JavaScript gives a meaning begins with it. */
  files: Record<string, Automerge.ImmutableString>;
}

export type FilesDocument = Automerge.Doc<FilesRecord>;

const cid = v.pipe(v.string(), v.regex(/^b[a-z2-7]{58}$/));
const size = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MOST_FILE_BYTES));
const time = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e15));
const StoredFile = v.pipe(
  v.object({
    cid,
    size,
    modified: time,
    executable: v.optional(v.literal(true)),
    /** Where one does not hold all of it; all but the last are full. */
    blocks: v.optional(v.pipe(v.array(cid), v.minLength(2), v.maxLength(MOST_FILE_BYTES / FILE_BLOCK_BYTES))),
  }),
  v.check((file) => (file.blocks?.length ?? 1) === Math.max(1, Math.ceil(file.size / FILE_BLOCK_BYTES))),
);
const Entry = v.union([v.object({ state: v.picklist(["deleted", "withheld"]) }), StoredFile]);

/** What is stored of a file. */
export type StoredFile = v.InferOutput<typeof StoredFile>;
type Entry = v.InferOutput<typeof Entry>;

/** A file as the document has it. */
export interface ListedFile extends Omit<SharedFile, "here"> {
  /** The blocks that it is made of, in order. */
  readonly blocks: readonly string[];
}

/** What the document says. */
export interface ListedFiles {
  readonly files: readonly ListedFile[];
  readonly deleted: readonly string[];
  readonly withheld: readonly string[];
  readonly leftOut: readonly string[];
}

/** What the files from one link may amount to: a list, no more. */
export const FILES_CHUNK_LIMITS: ChunkLimits = {
  operations: 100_000,
  inflated: 16 << 20,
  chunks: 10_000,
  actors: 2000,
};

/** The list before anybody shared a file: the same bytes on every machine. */
export const blankFiles = (): Uint8Array => blankPart("files", "files");

/** Everything that the document says, by path. */
export function readFiles(document: FilesDocument): ListedFiles {
  const found = new Map<string, Entry>();
  const copies = new Map<string, StoredFile>();
  for (const key of Object.keys(mapOf(document.files))) {
    const path = key.slice(1);
    if (!key.startsWith("/") || !isFilePath(path)) continue;
    const [first, ...others] = entriesOf(document, key);
    if (first) found.set(path, first);
    for (const other of others) if ("cid" in other) copies.set(copyPath(path, other), other);
  }
  // What is said of a path itself comes before what stands there only because of a conflict.
  for (const [path, copy] of copies) if (!found.has(path)) found.set(path, copy);
  // Nothing stands below a file.
  const isFile = (path: string): boolean => "cid" in (found.get(path) ?? {});
  const files: ListedFile[] = [];
  const leftOut: string[] = [];
  let bytes = 0;
  for (const [path, entry] of [...found].sort(([one], [other]) => (one < other ? -1 : 1))) {
    if (!("cid" in entry)) continue;
    bytes += entry.size;
    if (foldersOf(path).some(isFile) || files.length >= MOST_FILES || bytes > MOST_FILES_BYTES) {
      leftOut.push(path);
      bytes -= entry.size;
    } else files.push(listed(path, entry));
  }
  const inState = (state: "deleted" | "withheld"): readonly string[] =>
    [...found].flatMap(([path, entry]) => ("state" in entry && entry.state === state ? [path] : [])).sort();
  return { files, deleted: inState("deleted"), withheld: inState("withheld"), leftOut };
}

/** The document after a file was put there or taken away. `invalid` or `exhausted`, in words, when it may not be. */
export function applyFile(
  document: FilesDocument,
  path: string,
  entry: StoredFile | { readonly state: "deleted" | "withheld" },
  now: number,
): FilesDocument {
  if (!isFilePath(path)) throw new KromaError("invalid", `A file named “${path}” can't be shared.`);
  if ("cid" in entry) checkRoom(document, path, entry.size);
  const kept = conflictsAt(document, path);
  return Automerge.change(document, { time: Math.floor(now / 1000) }, (draft) => {
    // What stood beside another file because of a conflict gets a place of its own before the conflict is over.
    for (const [at, other] of kept) draft.files[`/${at}`] = scalar(canonicalJson(other));
    draft.files[`/${path}`] = scalar(canonicalJson(entry));
  });
}

/** What the conflict that this path has a part in must not lose: everything in it, under the path where it is shown. */
function conflictsAt(document: FilesDocument, path: string): readonly (readonly [string, Entry])[] {
  const kept: (readonly [string, Entry])[] = [];
  for (const key of Object.keys(mapOf(document.files))) {
    const [first, ...others] = entriesOf(document, key);
    const at = key.slice(1);
    const copies = others.flatMap((other) => ("cid" in other ? [[copyPath(at, other), other] as const] : []));
    if (!first || copies.length === 0 || (at !== path && !copies.some(([copy]) => copy === path))) continue;
    kept.push([at, first], ...copies.filter(([copy]) => entriesOf(document, `/${copy}`).length === 0));
  }
  return kept;
}

/** What is said of a path: what counts first, then other files that were put there without knowledge of it. */
function entriesOf(document: FilesDocument, key: string): readonly Entry[] {
  const files = mapOf(document.files);
  const winner = Object.hasOwn(files, key) ? readEntry(files[key]) : undefined;
  const conflicts = Object.values(Automerge.getConflicts(document.files as never, key as never) ?? {});
  const others = conflicts.map(readEntry).filter((entry) => entry !== undefined);
  const all = [...(winner ? [winner] : []), ...others];
  // To take a file out of what is shared counts above all; a file counts above a deletion that did not know of it.
  const first =
    all.find((entry) => "state" in entry && entry.state === "withheld") ?? all.find((entry) => "cid" in entry);
  if (!first) return all.slice(0, 1);
  if (!("cid" in first)) return [first];
  const rest = new Map(all.flatMap((entry) => ("cid" in entry && entry.cid !== first.cid ? [[entry.cid, entry]] : [])));
  return [first, ...[...rest.values()].sort((one, other) => (one.cid < other.cid ? -1 : 1))];
}

/** The last of a CID differ; the first are the same in all. */
const copyPath = (path: string, { cid: name }: StoredFile): string => besidePath(path, `other ${name.slice(-6)}`);

function readEntry(value: unknown): Entry | undefined {
  try {
    const entry = v.safeParse(Entry, JSON.parse(textOf(value)));
    return entry.success ? entry.output : undefined;
  } catch {
    return undefined;
  }
}

function listed(path: string, { cid: name, size: bytes, modified, executable, blocks }: StoredFile): ListedFile {
  return { path, cid: name, size: bytes, modified, executable: executable === true, blocks: blocks ?? [name] };
}

function checkRoom(document: FilesDocument, path: string, bytes: number): void {
  const { files } = readFiles(document);
  const others = files.filter((file) => file.path !== path);
  const above = new Set(foldersOf(path));
  if (others.some((file) => above.has(file.path) || file.path.startsWith(`${path}/`)))
    throw new KromaError("invalid", `“${path}” can't be shared: one of its folders is a file for the others.`);
  if (others.length >= MOST_FILES)
    throw new KromaError("exhausted", `“${path}” is not shared: a notebook shares at most ${MOST_FILES} files.`);
  if (others.reduce((sum, file) => sum + file.size, bytes) > MOST_FILES_BYTES)
    throw new KromaError(
      "exhausted",
      `“${path}” is not shared: the files of a notebook may have ${MOST_FILES_BYTES >> 20} MiB together.`,
    );
}

/** The folders that a path leads through: "a/b/c" through "a" and "a/b". */
function foldersOf(path: string): readonly string[] {
  const names = path.split("/");
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join("/"));
}
