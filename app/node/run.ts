/**
 * `kroma run`: the page's own document, session and kernels, without the page. Cells run one after another in notebook
 * order (as nbclient does), so that what is printed and written is the same each time; kernels start side by side.
 */
import { existsSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readAddress, type ArtefactAddress } from "#core/artefact/address.ts";
import { channelPair } from "#core/base/channel.ts";
import type { CellId } from "#core/base/ids.ts";
import { isHostName } from "#core/kernel/machine.ts";
import { LibraryClient, type NotebookClient } from "#core/notebook/client.ts";
import { DocumentHost } from "#core/notebook/host.ts";
import type { FromDocument, ToDocument } from "#core/notebook/messages.ts";
import type { Cell } from "#core/notebook/model.ts";
import { Session } from "#core/session/session.ts";
import type { CellState } from "#core/session/state.ts";
import { MemoryBlockStore, MemoryDocStore } from "#core/store/memory.ts";
import { openScratch } from "./artefacts/scratch.ts";
import { chatFromEnvironment } from "./chat.ts";
import { type Terminal, UsageError } from "./cli-error.ts";
import { notebookFile } from "./convert.ts";
import { checkWritable, formatOf, readInput, writeAtomically } from "./files.ts";
import { kernels } from "./kernels.ts";
import { createNodeHost } from "./node-host.ts";
import { OutputPrinter } from "./output-printer.ts";
import { modelTokensFromEnvironment, settingsFromEnvironment } from "./settings.ts";

/** A cell that does not end within this after an interrupt is left behind with its kernel. */
const INTERRUPT_MILLISECONDS = 10_000;

interface RunOptions {
  readonly file: string;
  /** A whole path: the process may go into another folder meanwhile. */
  readonly output: string | undefined;
  readonly json: boolean;
  readonly timeout: number | undefined;
  readonly allowErrors: boolean;
  readonly stdin: string | undefined;
  readonly machine: string | undefined;
  readonly quiet: boolean;
  /** Hosts that programs of the Linux machine may reach. */
  readonly allowNet: readonly string[];
  /** The artefact to run, in place of a file. */
  readonly artefact: ArtefactAddress | undefined;
  /** Who has it, and what its cells load by CID. */
  readonly from: readonly string[];
}

/** What `--json` says of a cell. */
interface CellReport {
  readonly id: string;
  readonly language: string;
  readonly status: "ok" | "error" | "skipped";
  readonly ms: number;
  readonly error?: { readonly ename: string; readonly evalue: string };
}

/** Runs a notebook; the answer is the exit status. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const options = readOptions(args);
  if (options.output !== undefined) {
    formatOf(options.output);
    await checkWritable(options.output);
  }
  const input = options.stdin === undefined ? undefined : new TextDecoder().decode(await readInput(options.stdin));
  const foreign = options.artefact && (await openScratch(options.artefact, terminal, options));
  try {
    return await runFile(foreign ? { ...options, file: foreign.notebook } : options, input, terminal, foreign?.folder);
  } finally {
    await foreign?.remove();
  }
}

/** Runs the notebook of a file; with `scratch`, as a stranger's: there its files are, and its kernels give up powers first. */
async function runFile(
  options: RunOptions,
  input: string | undefined,
  terminal: Terminal,
  scratch: string | undefined,
): Promise<number> {
  const { library, notebook } = await openNotebook(options, terminal);
  const folder = scratch ?? (options.file === "-" ? process.cwd() : dirname(resolve(options.file)));
  const host = await createNodeHost({
    folder,
    foreign: scratch !== undefined,
    from: options.from,
    settings: { ...settingsFromEnvironment(process.env), webHosts: options.allowNet },
    modelTokens: modelTokensFromEnvironment(process.env),
    chat: (place) => chatFromEnvironment(process.env, place, folder),
    ...(options.machine === undefined
      ? {}
      : { machine: { folder: options.machine, report: (sentence: string) => terminal.say(sentence) } }),
  });
  const session = new Session({ notebook, kernels, host });
  const runner = new NotebookRunner(session, options, terminal, linesOf(input));
  let status: number;
  try {
    status = await runner.runAll();
  } finally {
    await session.close();
    await host.close();
  }
  if (options.output !== undefined) {
    await writeAtomically(options.output, notebookFile(notebook.notebook, options.output));
    if (!options.quiet) terminal.say(`wrote ${relative(process.cwd(), options.output)}`);
  }
  library.close();
  return status;
}

function readOptions(args: readonly string[]): RunOptions {
  const { values, positionals } = parse(args);
  const [file, ...rest] = positionals;
  if (file === undefined) throw new UsageError("run: which notebook? Usage: kroma run FILE [options]");
  if (rest.length > 0) throw new UsageError(`run: one notebook at a time, not also ${rest.join(" ")}`);
  const artefact = existsSync(file) ? undefined : readAddress(file);
  if (file !== "-" && !artefact) formatOf(file);
  if (file === "-" && values.stdin === "-")
    throw new UsageError("run: standard input can't be both notebook and --stdin");
  const wrong = values["allow-net"]?.find((host) => !isHostName(host));
  if (wrong !== undefined) throw new UsageError(`run: --allow-net takes a host such as example.org, not "${wrong}"`);
  const timeout = values.timeout === undefined ? undefined : Number(values.timeout);
  if (timeout !== undefined && !(Number.isFinite(timeout) && timeout > 0)) {
    throw new UsageError(`run: --timeout takes a number of seconds above 0, not "${values.timeout}"`);
  }
  return {
    file,
    output: values.output === undefined ? undefined : resolve(values.output),
    json: values.json ?? false,
    timeout,
    allowErrors: values["allow-errors"] ?? false,
    stdin: values.stdin,
    machine: values.machine === undefined ? undefined : resolve(values.machine),
    quiet: values.quiet ?? false,
    allowNet: values["allow-net"] ?? [],
    artefact,
    from: values.from ?? [],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        output: { type: "string", short: "o" },
        json: { type: "boolean" },
        timeout: { type: "string" },
        "allow-errors": { type: "boolean" },
        "allow-net": { type: "string", multiple: true },
        from: { type: "string", multiple: true },
        stdin: { type: "string" },
        machine: { type: "string" },
        quiet: { type: "boolean", short: "q" },
      },
    });
  } catch (error) {
    throw new UsageError(`run: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function openNotebook(
  options: RunOptions,
  terminal: Terminal,
): Promise<{ library: LibraryClient; notebook: NotebookClient }> {
  const bytes = await readInput(options.file);
  const documents = new DocumentHost({
    store: new MemoryDocStore(),
    blocks: new MemoryBlockStore(),
    fileBlocks: new MemoryBlockStore(),
    automerge: import("@automerge/automerge").then(() => undefined),
  });
  const [page, host] = channelPair<FromDocument, ToDocument>();
  documents.connect(host);
  const library = new LibraryClient(page);
  try {
    const name = options.file === "-" ? standardInputName(bytes) : options.file;
    const { document, warnings } = await library.import(name, bytes);
    for (const warning of warnings) terminal.say(`${options.file}: ${warning}`);
    return { library, notebook: await library.open(document) };
  } catch (error) {
    throw new UsageError(`${options.file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What comes over standard input has no name: JSON is a notebook, the rest a script. */
function standardInputName(bytes: Uint8Array): string {
  const start = new TextDecoder().decode(bytes.subarray(0, 1000)).trimStart();
  if (start.startsWith("{")) return "standard-input.ipynb";
  return /^\/\/ ?%%/m.test(start) ? "standard-input.ts" : "standard-input.py";
}

function linesOf(text: string | undefined): string[] {
  if (text === undefined || text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split(/\r?\n/);
}

/** One notebook's way through its cells. */
class NotebookRunner {
  readonly #session: Session;
  readonly #options: RunOptions;
  readonly #terminal: Terminal;
  readonly #input: string[];
  readonly #stages = new Map<string, string>();
  #signal: "SIGINT" | "SIGTERM" | undefined;
  #signalled = 0;

  constructor(session: Session, options: RunOptions, terminal: Terminal, input: string[]) {
    this.#session = session;
    this.#options = options;
    this.#terminal = terminal;
    this.#input = input;
  }

  async runAll(): Promise<number> {
    const { notebook, kernels: available } = this.#session.state;
    const cells = notebook.cells.filter(({ kind }) => kind === "code");
    const languages = new Set(cells.filter(({ source }) => source.trim() !== "").map(({ language }) => language));
    const stop = this.#listenForSignals();
    this.#session.onChange(() => this.#sayStages());
    for (const language of languages) this.#session.send({ type: "start_kernel", language });

    let failed = false;
    for (const [index, cell] of cells.entries()) {
      const known = available.has(cell.language);
      const stopped = this.#signal !== undefined || (failed && !this.#options.allowErrors);
      if (!known)
        this.#terminal.say(`cell ${index + 1} (${cell.id}) is skipped: there is no kernel for "${cell.language}"`);
      if (!known || stopped) {
        this.#report({ id: cell.id, language: cell.language, status: "skipped", ms: 0 });
        continue;
      }
      const label = `cell ${index + 1} of ${cells.length}`;
      const report = await this.#runCell(cell, label);
      if (report.status === "error") failed = true;
      this.#report(report);
    }
    stop();
    if (this.#signal === "SIGINT") return 130;
    if (this.#signal === "SIGTERM") return 143;
    return failed ? 1 : 0;
  }

  async #runCell(cell: Cell, label: string): Promise<CellReport> {
    if (!this.#options.quiet) this.#terminal.say(`${label} (${cell.language}) runs`);
    const { state, timedOut } = await this.#finished(cell.id);
    const ms = Math.round(state.ms ?? 0);
    const base = { id: cell.id, language: cell.language, ms };
    if (state.progress === "done") {
      if (!this.#options.quiet) this.#terminal.say(`${label} is done after ${ms} ms`);
      return { ...base, status: "ok" };
    }
    const last = state.outputs.findLast((output) => output.output_type === "error");
    const error = timedOut
      ? { ename: "CellTimeoutError", evalue: `the cell did not end within ${this.#options.timeout} s` }
      : { ename: last?.ename ?? "Interrupted", evalue: last?.evalue ?? "" };
    const text = [error.ename, error.evalue.split("\n")[0]].filter((part) => part).join(": ");
    this.#terminal.say(`${label} (${cell.id}) failed: ${text}`);
    return { ...base, status: "error", error };
  }

  /** Asks for the cell and waits for its end, feeding it input and watching the clock. */
  #finished(id: CellId): Promise<{ state: CellState; timedOut: boolean }> {
    const session = this.#session;
    const printer = this.#options.json ? undefined : new OutputPrinter(this.#streams());
    return new Promise((resolve) => {
      let timedOut = false;
      let clock: ReturnType<typeof setTimeout> | undefined;
      const giveUp = () => session.send({ type: "restart" });
      const timeOut = () => {
        timedOut = true;
        session.send({ type: "interrupt" });
        clock = setTimeout(giveUp, INTERRUPT_MILLISECONDS);
      };
      const look = () => {
        const state = session.state.cells.get(id);
        if (!state) return;
        if (state.progress === "running" || state.progress === "queued") {
          if (state.progress === "running") {
            printer?.show(state.outputs);
            if (this.#options.timeout !== undefined) clock ??= setTimeout(timeOut, this.#options.timeout * 1000);
          }
          if (state.input) session.send({ type: "input_reply", cell: id, value: this.#input.shift() });
          return;
        }
        clearTimeout(clock);
        stop();
        printer?.show(state.outputs, true);
        resolve({ state, timedOut });
      };
      const stop = session.onChange(look);
      const before = session.state.cells.get(id);
      session.send({ type: "run_cells", cells: [id] });
      // A cell with nothing in it is done at once, and one that is gone never changes.
      if (session.state.cells.get(id) === before) look();
    });
  }

  #streams() {
    return {
      out: (text: string) => this.#terminal.out(text),
      error: (text: string) => void process.stderr.write(text),
    };
  }

  #report(report: CellReport): void {
    if (this.#options.json) this.#terminal.out(`${JSON.stringify(report)}\n`);
  }

  #sayStages(): void {
    if (this.#options.quiet) return;
    for (const { displayName, status, stage } of this.#session.state.kernels.values()) {
      const said = status === "starting" ? (stage ?? "starting") : "";
      if (this.#stages.get(displayName) === said) continue;
      this.#stages.set(displayName, said);
      if (said !== "") this.#terminal.say(`${displayName}: ${said}`);
    }
  }

  /** The first signal interrupts the cell and skips the rest; a later one ends the program at once. */
  #listenForSignals(): () => void {
    const listen = (signal: "SIGINT" | "SIGTERM") => {
      const handle = () => {
        // A terminal and the parent process may both pass the same key press on.
        if (this.#signal !== undefined && performance.now() - this.#signalled > 500) process.exit(130);
        if (this.#signal !== undefined) return;
        this.#signal = signal;
        this.#signalled = performance.now();
        this.#terminal.say("interrupted: the running cell is stopped and the rest skipped");
        this.#session.send({ type: "interrupt" });
        setTimeout(() => this.#session.send({ type: "restart" }), INTERRUPT_MILLISECONDS).unref();
      };
      process.on(signal, handle);
      return () => process.off(signal, handle);
    };
    const stops = [listen("SIGINT"), listen("SIGTERM")];
    return () => {
      for (const stop of stops) stop();
    };
  }
}
