/**
 * The SQL kernel's worker program, in a browser's worker and in a thread of Node. The first message is a SqlInit, all others
 * are ToKernel; everything it says is FromKernel.
 */
import { Table } from "apache-arrow";
import type { CompleteRequest, ExecuteRequest, FromKernel, ToKernel } from "#core/kernel/messages.ts";
import type { Ping, Pong } from "#core/kernel/watch.ts";
import { KromaError } from "#core/base/errors.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { checkValueName, setValue } from "#core/workspace/values.ts";
import { readAttachment } from "./attached.ts";
import { completeSql } from "./complete.ts";
import { Database } from "./database.ts";
import { describeFailure, Interrupted } from "./failures.ts";
import { Imports } from "./imports.ts";
import type { SqlInit } from "./init.ts";
import { bundleOf, INLINE_BYTES, type QueryResult, readResult, rowsOf, textOfResult } from "./result.ts";
import { splitScript, type Statement } from "./script.ts";
import { Variables } from "./variables.ts";

/** Cells of a named result that become a list of rows, which every language can read; more are an Arrow table. */
const ROW_CELLS = 2_000_000;
/** Tables that one statement may take in. */
const MOST_IMPORTS = 50;
const NOTHING: QueryResult = { bytes: new Uint8Array(), table: new Table() };
const RESULTS = ".kroma/results";

const post = (message: FromKernel | Pong): void => self.postMessage(message);

let kernel: SqlKernel | undefined;
const early: ToKernel[] = [];
self.addEventListener("message", ({ data }: MessageEvent<SqlInit | ToKernel | Ping>) => {
  if (data.type === "init") void begin(data);
  else if (data.type === "ping") post({ type: "pong" });
  else if (kernel) kernel.receive(data);
  else early.push(data);
});

async function begin(init: SqlInit): Promise<void> {
  let files: SyncFs | undefined;
  const connect = (): SyncFs => {
    if (!init.workspace) throw new KromaError("unavailable", "The workspace can't be reached here.");
    files ??= new SyncFs(init.workspace, { owner: init.owner });
    return files;
  };
  try {
    const onProgress = (bytes: number): void => {
      const stage = `Loading SQL, ${(bytes / 1e6).toFixed(0)} MB`;
      post({ type: "status", status: "starting", stage });
    };
    const database = await Database.open({ assets: init.assets, connect, onProgress });
    kernel = new SqlKernel(database, connect);
    post({ type: "status", status: "idle" });
    for (const message of early.splice(0)) kernel.receive(message);
  } catch (error) {
    die(error);
  }
}

/** A failure to fetch the engine is thrown where nobody waits for it. */
self.addEventListener("unhandledrejection", (event) => {
  if (!kernel) die(event.reason);
});

function die(error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  post({ type: "status", status: "dead", reason: `SQL could not be loaded: ${why}` });
}

class SqlKernel {
  readonly #database: Database;
  readonly #imports: Imports;
  readonly #variables: Variables;
  readonly #connect: () => SyncFs;
  readonly #queue: ExecuteRequest[] = [];
  #isRunning = false;
  #isStopped = false;
  #count = 0;

  constructor(database: Database, connect: () => SyncFs) {
    this.#database = database;
    this.#connect = connect;
    this.#imports = new Imports(database, connect);
    this.#variables = new Variables(connect, post);
  }

  receive(message: ToKernel): void {
    switch (message.type) {
      case "execute_request":
        this.#queue.push(message);
        if (!this.#isRunning) void this.#drain();
        return;
      case "interrupt_request":
        this.#isStopped = this.#isRunning;
        this.#variables.stop();
        return;
      case "kernel_reply":
        return this.#variables.hear(message);
      case "complete_request":
        return this.#complete(message);
      case "inspect_request":
        return post({ type: "inspect_reply", parent: message.id, data: undefined });
      default:
    }
  }

  #complete({ id: parent, code, cursor }: CompleteRequest): void {
    const names = this.#imports.names();
    post({
      type: "complete_reply",
      parent,
      ...completeSql(code, cursor, (text) => this.#database.ask(text), names),
    });
  }

  async #drain(): Promise<void> {
    this.#isRunning = true;
    for (let request = this.#queue.shift(); request; request = this.#queue.shift()) {
      this.#isStopped = false;
      await this.#execute(request);
    }
    this.#isRunning = false;
  }

  /** Answers one request (K1, K2); never rejects. */
  async #execute(request: ExecuteRequest): Promise<void> {
    const { id: parent, silent, storeHistory } = request;
    const isCounted = silent !== true && storeHistory !== false;
    if (isCounted) this.#count += 1;
    post({ type: "status", status: "busy", parent });
    let status: "ok" | "error" = "ok";
    let line = 1;
    try {
      this.#imports.forgetVariables();
      for (const [index, statement] of splitScript(request.code).entries()) {
        line = statement.line;
        const result = await this.#query(statement, parent);
        if (silent !== true) this.#show(request, statement, result, index);
      }
    } catch (error) {
      status = "error";
      post({ type: "error", parent, ...describeFailure(error, line) });
    }
    post({ type: "execute_reply", parent, status, count: isCounted ? this.#count : undefined });
    post({ type: "status", status: "idle", parent });
  }

  /** Runs a statement; what it names and DuckDB does not know is taken in, if it is there. */
  async #query({ text, name }: Statement, parent: string): Promise<QueryResult> {
    if (name !== undefined) checkValueName(name);
    this.#imports.refresh();
    const attachment = readAttachment(text, this.#connect);
    if (attachment && (attachment.type === "attach" || this.#imports.isAttached(attachment.schema))) {
      await this.#imports.attach(attachment);
      return NOTHING;
    }
    for (let tries = 0; ; tries += 1) {
      let failure: unknown;
      try {
        const result = readResult(await this.#database.query(text, () => this.#isStopped));
        if (name !== undefined) this.#keep(name, result);
        return result;
      } catch (error) {
        failure = error;
      }
      if (this.#isStopped && !(failure instanceof Interrupted)) throw new Interrupted("The query was interrupted.");
      const wanted = wantedTable(failure);
      if (wanted === undefined || tries >= MOST_IMPORTS) throw failure;
      if (await this.#imports.take(wanted, () => this.#isStopped)) continue;
      const variable = this.#imports.has(wanted) ? undefined : await this.#variables.find(wanted, parent);
      if (this.#isStopped) throw new Interrupted("The query was interrupted.");
      if (!variable) throw failure;
      this.#imports.takeVariable(wanted, variable);
    }
  }

  #keep(name: string, { bytes, table }: QueryResult): void {
    this.#imports.forget(name);
    const isSmall = table.numRows * table.schema.fields.length <= ROW_CELLS;
    const arrow = { isTable: () => !isSmall, encode: () => bytes, decode: () => undefined };
    setValue(this.#connect(), name, isSmall ? rowsOf(table) : table, arrow);
  }

  #show({ id: parent, cell }: ExecuteRequest, { text }: Statement, result: QueryResult, index: number): void {
    const said = textOfResult(result, text);
    if (said !== undefined) {
      if (said !== "") post({ type: "stream", parent, name: "stdout", text: said });
      return;
    }
    let path: string | undefined;
    if (result.bytes.length > INLINE_BYTES) {
      path = `${RESULTS}/${cell ?? "result"}-${index + 1}.arrow`;
      this.#connect().writeFile(path, result.bytes);
    }
    post({ type: "display_data", parent, data: bundleOf(result, path), metadata: {} });
  }
}

/** The table that a failure says is missing. */
function wantedTable(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof KromaError || error instanceof Interrupted) return undefined;
  const found =
    /Table with name (.+?) does not exist!/.exec(error.message) ??
    /No extension found that is capable of reading the file "([^"]+)"/.exec(error.message);
  return found?.[1];
}
