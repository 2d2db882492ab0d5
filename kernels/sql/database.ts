/**
 * DuckDB, opened in this worker over the workspace. A query runs in steps of some 100 ms, between which it can be given up.
 * The engine reaches no network: what it would ask with is taken away once it is loaded.
 */
import { DataType, tableFromIPC } from "apache-arrow";
import { concatenate } from "#core/base/bytes.ts";
import { KromaError } from "#core/base/errors.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import type { EngineBindings, EngineLibrary } from "./engine.ts";
import { Interrupted } from "./failures.ts";
import { IMPORTS, type ImportTarget, quoted } from "./imports.ts";
import { giveUpNetwork } from "./network.ts";
import { workspaceRuntime } from "./runtime.ts";

/** Bytes of rows that a statement may give back. */
const MOST_BYTES = 512 * 1024 * 1024;
/** Milliseconds of fetching rows between two looks at whether they are still wanted. */
const LOOK = 50;

/** Of each connection: one's own tables come first. */
const SEARCH_PATH = `SET search_path = 'main,${IMPORTS}'`;
const SET_UP = `
SET autoinstall_known_extensions = false;
SET autoload_known_extensions = false;
CREATE SCHEMA ${IMPORTS};
CREATE MACRO ${IMPORTS}.read_parquet(path) AS TABLE FROM query_table('"' || path || '"');
CREATE MACRO ${IMPORTS}.read_json(path) AS TABLE FROM query_table('"' || path || '"');
CREATE MACRO ${IMPORTS}.read_json_auto(path) AS TABLE FROM query_table('"' || path || '"');
CREATE MACRO ${IMPORTS}.sqlite_scan(path, name) AS TABLE FROM query_table('"' || path || '/' || name || '"');
CREATE MACRO ${IMPORTS}.read_arrow(path) AS TABLE FROM query_table('"' || path || '"');
CREATE TYPE ${IMPORTS}.JSON AS VARCHAR;
CREATE MACRO ${IMPORTS}."current_date"() AS now()::TIMESTAMP::DATE;
CREATE MACRO ${IMPORTS}."current_localtimestamp"() AS now()::TIMESTAMP;
CREATE MACRO ${IMPORTS}.today() AS now()::TIMESTAMP::DATE;
`;

export interface DatabaseOptions {
  /** Folder of the site's assets, ending in "/". */
  readonly assets: string;
  /** The workspace; throws where there is none. */
  readonly connect: () => SyncFs;
  readonly onProgress: (bytesLoaded: number) => void;
}

export class Database implements ImportTarget {
  readonly #engine: EngineBindings;
  readonly #connection: number;
  /** For questions beside the query that runs. */
  readonly #aside: number;

  private constructor(engine: EngineBindings) {
    this.#engine = engine;
    this.#connection = engine.connect().useUnsafe((_, connection) => connection);
    this.#aside = engine.connect().useUnsafe((_, connection) => connection);
  }

  /** Loads the engine and opens a database in memory. */
  static async open({ assets, connect, onProgress }: DatabaseOptions): Promise<Database> {
    const engine = await withoutNode(async () => {
      const library = (await import(/* @vite-ignore */ `${assets}duckdb/duckdb.js`)) as EngineLibrary;
      const mainModule = `${assets}duckdb/duckdb-eh.wasm`;
      const runtime = { ...library.DEFAULT_RUNTIME, ...workspaceRuntime(connect) };
      const bundles = { mvp: { mainModule }, eh: { mainModule } };
      const bindings = await library.createDuckDB(bundles, new library.VoidLogger(), runtime);
      await bindings.instantiate(({ bytesLoaded }) => onProgress(bytesLoaded));
      return bindings;
    });
    giveUpNetwork();
    engine.open({ path: ":memory:", query: { castDecimalToDouble: true, castDurationToTime64: true } });
    const database = new Database(engine);
    database.run(SET_UP);
    for (const connection of [database.#connection, database.#aside]) engine.runQuery(connection, SEARCH_PATH);
    return database;
  }

  /** Runs a statement of ours to its end. */
  run(text: string): void {
    this.#engine.runQuery(this.#aside, text);
  }

  insert(name: string, arrow: Uint8Array): void {
    this.#engine.insertArrowFromIPCStream(this.#aside, arrow, { name, schema: IMPORTS, create: true });
  }

  /** Asks something short, whatever else runs; an Arrow stream. */
  ask(text: string): Uint8Array {
    return this.#engine.runQuery(this.#aside, text);
  }

  /** Runs one statement; its rows as an Arrow stream. Throws `Interrupted` soon after `isStopped` says so. */
  async query(text: string, isStopped: () => boolean): Promise<Uint8Array> {
    // An extension would be fetched, and DuckDB's own refusal comes only after it tried.
    if (/^(?:FORCE\s+)?(?:INSTALL|LOAD)\b/i.test(text)) {
      throw new KromaError(
        "denied",
        "Kroma's SQL has no extensions: it is DuckDB as it stands, and asks no other host.",
      );
    }
    let head = await this.#head(text, isStopped);
    const enums = enumsOf(head);
    if (enums.length > 0 && /^(?:SELECT|FROM|WITH|VALUES|TABLE)\b/i.test(text)) {
      // Rows that come piece by piece come without the words of an ENUM.
      this.#engine.cancelPendingQuery(this.#connection);
      const words = enums.map((name) => `${quoted(name)}::VARCHAR AS ${quoted(name)}`).join(", ");
      head = await this.#head(`SELECT * REPLACE (${words}) FROM (\n${text}\n)`, isStopped);
    }
    const pieces = [head];
    let size = head.length;
    let looked = performance.now();
    for (;;) {
      if (performance.now() - looked > LOOK) {
        await this.#lookUp(isStopped);
        looked = performance.now();
      }
      const piece = this.#engine.fetchQueryResults(this.#connection);
      if (piece === null) continue;
      if (piece.length === 0) break;
      size += piece.length;
      if (size > MOST_BYTES) {
        this.#engine.cancelPendingQuery(this.#connection);
        throw new KromaError("exhausted", "The result has over 512 MB. Ask for less of it, or COPY it to a file.");
      }
      pieces.push(piece);
    }
    return concatenate(pieces);
  }

  async #head(text: string, isStopped: () => boolean): Promise<Uint8Array> {
    let head = this.#engine.startPendingQuery(this.#connection, text, true);
    while (head === null) {
      await this.#lookUp(isStopped);
      head = this.#engine.pollPendingQuery(this.#connection);
    }
    return head;
  }

  async #lookUp(isStopped: () => boolean): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (!isStopped()) return;
    this.#engine.cancelPendingQuery(this.#connection);
    try {
      // Only then is the connection free again.
      this.#engine.pollPendingQuery(this.#connection);
    } catch {
      // It says that it was cancelled.
    }
    throw new Interrupted("The query was interrupted.");
  }
}

/** Names of the columns that are ENUMs, from a schema. */
function enumsOf(head: Uint8Array): readonly string[] {
  const { fields } = tableFromIPC(head).schema;
  return fields.filter(({ type }) => DataType.isDictionary(type)).map(({ name }) => name);
}

/**
 * Does something while Node does not show: the engine's program for browsers is used in both, so that answers are the same,
 * and it would look for modules of Node's.
 */
async function withoutNode<T>(work: () => Promise<T>): Promise<T> {
  const scope = globalThis as { process?: unknown };
  const node = Object.getOwnPropertyDescriptor(scope, "process");
  if (!node?.configurable) return work();
  delete scope.process;
  try {
    return await work();
  } finally {
    Object.defineProperty(scope, "process", node);
  }
}
