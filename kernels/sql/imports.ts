/**
 * Tables that are not DuckDB's own: values of other languages, and files that this build of DuckDB has no reader for (its
 * Parquet and JSON readers are extensions, which would be fetched from another host). Each becomes a table of a schema
 * of its own under the very name that was asked for, and goes when what it was made of has changed.
 */
import { tableFromIPC, tableToIPC } from "apache-arrow";
import { KromaError } from "#core/base/errors.ts";
import { isShapedArray } from "#core/workspace/npy.ts";
import { isDirectory } from "#core/workspace/protocol.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { decodeValue, findValue, listValues } from "#core/workspace/values.ts";
import { VALUES_DIRECTORY } from "#core/workspace/workspace.ts";
import { arrowTable, type Columns, columnsOf } from "./columns.ts";
import { readParquet } from "./parquet.ts";
import { workspacePath } from "./paths.ts";

/** The schema in which they are. */
export const IMPORTS = "kroma";
/** Bytes of a file that is read as a whole. */
const MOST_BYTES = 1024 * 1024 * 1024;

/** What the tables go into. */
export interface ImportTarget {
  run(text: string): void;
  insert(name: string, arrow: Uint8Array): void;
}

interface Source {
  readonly path: string;
  readonly version: string;
}

export class Imports {
  readonly #target: ImportTarget;
  readonly #connect: () => SyncFs;
  readonly #sources = new Map<string, Source>();

  constructor(target: ImportTarget, connect: () => SyncFs) {
    this.#target = target;
    this.#connect = connect;
  }

  /** Drops what has changed since it was taken in. Before each statement. */
  refresh(): void {
    for (const [name, { path, version }] of this.#sources) {
      if (this.#version(path) !== version) this.forget(name);
    }
  }

  /** Drops what was taken in under a name. */
  forget(name: string): void {
    if (this.#sources.delete(name)) this.#target.run(`DROP TABLE IF EXISTS ${IMPORTS}.${quoted(name)}`);
  }

  /** Takes in the table of this name; false if there is none. Throws a sentence for what is there and is no table. */
  async take(name: string): Promise<boolean> {
    if (this.#sources.has(name)) return false;
    const source = this.#find(name);
    if (!source) return false;
    const version = this.#version(source.path) ?? "";
    let arrow: Uint8Array;
    try {
      arrow = await source.read();
      this.#target.insert(name, arrow);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new KromaError("invalid", `${name} can't be read as a table. ${why}`, { cause: error });
    }
    this.#sources.set(name, { path: source.path, version });
    return true;
  }

  /** Names of values that are there, for completion. */
  names(): readonly string[] {
    try {
      return listValues(this.#connect());
    } catch {
      return [];
    }
  }

  #version(path: string): string | undefined {
    const stat = this.#connect().resolve(path);
    return stat && `${stat.inode} ${stat.size} ${stat.modified} ${stat.version}`;
  }

  #find(name: string): { readonly path: string; readonly read: () => Uint8Array | Promise<Uint8Array> } | undefined {
    const files = this.#connect();
    const ending = name.split(".").at(-1)?.toLowerCase() ?? "";
    const reader = Object.hasOwn(READERS, ending) ? READERS[ending] : undefined;
    if (reader) {
      const path = workspacePath(name);
      const stat = files.resolve(path);
      if (!stat || isDirectory(stat)) throw new KromaError("missing", "There is no such file in the workspace.");
      if (stat.size > MOST_BYTES) throw new KromaError("exhausted", "It is larger than 1 GB.");
      return { path, read: () => reader(files.readFile(path)) };
    }
    if (!/^[A-Za-z_][\w.-]*$/.test(name) || name.includes("..")) return undefined;
    const value = findValue(files, name);
    if (!value) return undefined;
    const path = `${VALUES_DIRECTORY}/${name}.${value.extension}`;
    if (value.extension === "arrow") return { path, read: () => readArrow(value.bytes) };
    return { path, read: () => asStream(valueColumns(decodeValue(value))) };
  }
}

const READERS: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array | Promise<Uint8Array>>> = {
  parquet: async (bytes) => asStream(await readParquet(bytes)),
  pq: async (bytes) => asStream(await readParquet(bytes)),
  arrow: readArrow,
  arrows: readArrow,
  feather: readArrow,
  json: readJson,
  jsonl: readJson,
  ndjson: readJson,
};

/** A name as SQL has it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const asStream = (columns: Columns): Uint8Array => tableToIPC(arrowTable(columns), "stream");

function valueColumns(value: unknown): Columns {
  if (!isShapedArray(value)) {
    if (value instanceof Uint8Array) throw new KromaError("invalid", "It holds bytes.");
    return columnsOf(value);
  }
  const [rows = 0, ...others] = value.shape;
  const width = others.reduce((product, size) => product * size, 1);
  const { data } = value;
  const column = (index: number): unknown[] => Array.from({ length: rows }, (_, row) => data[row * width + index]);
  return new Map(Array.from({ length: width }, (_, index) => [`column${index}`, column(index)]));
}

/** Also Feather files, which are Arrow's file format, and checked by being read: the engine trusts what it gets. */
function readArrow(bytes: Uint8Array): Uint8Array {
  let table: ReturnType<typeof tableFromIPC>;
  try {
    table = tableFromIPC(bytes);
  } catch (error) {
    throw new KromaError("corrupt", "It is not an Arrow file, or it is damaged.", { cause: error });
  }
  if (table.schema.fields.length === 0) throw new KromaError("corrupt", "It is not an Arrow file, or it is cut off.");
  return tableToIPC(table, "stream");
}

/** One JSON value, or one a line. */
function readJson(bytes: Uint8Array): Uint8Array {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new KromaError("corrupt", "It is not UTF-8 text.", { cause: error });
  }
  try {
    return asStream(columnsOf(JSON.parse(text)));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const rows = jsonLines(text);
    if (!rows) throw new KromaError("corrupt", `It is not JSON: ${error.message}.`, { cause: error });
    return asStream(columnsOf(rows));
  }
}

/** The values of a text with one on each line; undefined if its first line is none. */
function jsonLines(text: string): readonly unknown[] | undefined {
  const rows: unknown[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      rows.push(JSON.parse(line));
    } catch (error) {
      if (rows.length === 0) return undefined;
      throw new KromaError("corrupt", `Line ${index + 1} is not JSON.`, { cause: error });
    }
  }
  return rows;
}
