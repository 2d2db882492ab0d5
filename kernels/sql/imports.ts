/**
 * Tables that are not DuckDB's own: values of other languages, and files that this build of DuckDB has no reader for (its
 * Parquet and JSON readers are extensions, which would be fetched from another host). Each becomes a table of a schema
 * of its own under the very name that was asked for, and goes when what it was made of has changed.
 */
import { tableFromIPC, tableToIPC } from "apache-arrow";
import { KromaError } from "#core/base/errors.ts";
import { SQLITE_COMPANIONS } from "#core/tables/sqlite.ts";
import { isShapedArray } from "#core/workspace/npy.ts";
import { isDirectory } from "#core/workspace/protocol.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { decodeValue, type EncodedValue, findValue, listValues } from "#core/workspace/values.ts";
import { VALUES_DIRECTORY } from "#core/workspace/workspace.ts";
import { Attached, type Attachment } from "./attached.ts";
import { arrowTable, type Columns, columnsOf } from "./columns.ts";
import { Interrupted } from "./failures.ts";
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
  /** undefined: a variable of another language, which nobody can see change. */
  readonly path: string | undefined;
  readonly version: string;
  /** Tables of attached files under their own names. */
  readonly views: readonly string[];
}

/** What is there under a name, and how it is read. */
interface Found {
  readonly path: string;
  readonly read: (isStopped: () => boolean) => Uint8Array | Promise<Uint8Array>;
}

/** A file of tables, and one of them. */
const SQLITE = /^(.+\.(?:db3?|sqlite3?))(?:\/(.+))?$/i;

export class Imports {
  readonly #target: ImportTarget;
  readonly #connect: () => SyncFs;
  readonly #sources = new Map<string, Source>();
  readonly #attached = new Attached();

  constructor(target: ImportTarget, connect: () => SyncFs) {
    this.#target = target;
    this.#connect = connect;
  }

  /** Drops what has changed since it was taken in. Before each statement. */
  refresh(): void {
    for (const [name, { path, version }] of this.#sources) {
      if (path !== undefined && this.#version(path) !== version) this.forget(name);
    }
  }

  /** Drops variables of other languages. Before each cell. */
  forgetVariables(): void {
    for (const [name, { path }] of this.#sources) if (path === undefined) this.forget(name);
  }

  /** Takes in a variable of another language. Throws a sentence if it is no table. */
  takeVariable(name: string, value: EncodedValue): void {
    this.forget(name);
    try {
      this.#target.insert(name, valueStream(value));
    } catch (error) {
      throw unreadable(name, error);
    }
    this.#sources.set(name, { path: undefined, version: "", views: [] });
  }

  /** True when something was taken in under this name. */
  has(name: string): boolean {
    return this.#sources.has(name);
  }

  /** Drops what was taken in under a name. */
  forget(name: string): void {
    const source = this.#sources.get(name);
    if (!source) return;
    this.#sources.delete(name);
    for (const view of source.views) this.#target.run(`DROP VIEW IF EXISTS ${view}`);
    this.#target.run(`DROP TABLE IF EXISTS ${IMPORTS}.${quoted(name)}`);
  }

  /** Attaches or detaches a file, as `readAttachment` has read it. */
  async attach(attachment: Attachment): Promise<void> {
    const { schema } = attachment;
    if (attachment.type === "attach") {
      if (attachment.isOptional && this.#attached.has(schema)) return;
      await this.#attached.add(this.#connect(), attachment);
      try {
        this.#target.run(`CREATE SCHEMA ${quoted(schema)}`);
      } catch (error) {
        this.#attached.remove(schema);
        throw error;
      }
    } else {
      this.#target.run(`DROP SCHEMA ${quoted(schema)} CASCADE`);
      this.#attached.remove(schema);
    }
  }

  /** True when a file is attached under this name. */
  isAttached(schema: string): boolean {
    return this.#attached.has(schema);
  }

  /** Takes in the table of this name; false if there is none. Throws a sentence for what is there and is no table. */
  async take(name: string, isStopped: () => boolean): Promise<boolean> {
    if (this.#sources.has(name)) return false;
    if (await this.#takeAttached(name, isStopped)) return true;
    const source = this.#find(name);
    if (!source) return false;
    const version = this.#version(source.path) ?? "";
    try {
      this.#target.insert(name, await source.read(isStopped));
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      throw unreadable(name, error);
    }
    this.#sources.set(name, { path: source.path, version, views: [] });
    return true;
  }

  /** The tables of that name in attached files, those aside that are there already; false if there are none. */
  async #takeAttached(name: string, isStopped: () => boolean): Promise<boolean> {
    let isNew = false;
    for (const { schema, path, table } of this.#attached.find(name)) {
      const full = `${path}/${table}`;
      const view = `${quoted(schema)}.${quoted(table)}`;
      if (this.#sources.get(full)?.views.includes(view)) continue;
      if (!this.#sources.has(full)) await this.take(full, isStopped);
      const source = this.#sources.get(full);
      if (!source) continue;
      this.#target.run(`CREATE VIEW ${view} AS FROM ${IMPORTS}.${quoted(full)}`);
      this.#sources.set(full, { ...source, views: [...source.views, view] });
      isNew = true;
    }
    return isNew;
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
    const files = this.#connect();
    const paths = SQLITE.test(path) ? [path, ...SQLITE_COMPANIONS.map((companion) => `${path}-${companion}`)] : [path];
    const stats = paths.map((one) => files.resolve(one));
    if (!stats[0]) return undefined;
    return stats.map((stat) => stat && `${stat.inode} ${stat.size} ${stat.modified} ${stat.version}`).join();
  }

  #find(name: string): Found | undefined {
    const files = this.#connect();
    const [, file, table] = SQLITE.exec(name) ?? [];
    if (file !== undefined) {
      const path = workspacePath(file);
      const read = async (isStopped: () => boolean): Promise<Uint8Array> => {
        const sqlite = await import("./sqlite.ts");
        return tableToIPC(
          table === undefined
            ? await sqlite.sqliteTables(files, path)
            : await sqlite.readSqlite(files, path, table, isStopped),
          "stream",
        );
      };
      return { path, read };
    }
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
    return { path, read: () => valueStream(value) };
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

const valueStream = (value: EncodedValue): Uint8Array =>
  value.extension === "arrow" ? readArrow(value.bytes) : asStream(valueColumns(decodeValue(value)));

function unreadable(name: string, error: unknown): KromaError {
  const why = error instanceof Error ? error.message : String(error);
  return new KromaError("invalid", `${name} can't be read as a table. ${why}`, { cause: error });
}

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
