/**
 * The session's runner: holds the state, performs effects, and turns what kernels, document and other tabs say into
 * operations. All rules are in apply.ts; here is only life.
 */
import type { Channel } from "../base/channel.ts";
import { Emitter } from "../base/events.ts";
import { type CellId, type Language, randomId } from "../base/ids.ts";
import type { Kernel, KernelHost } from "../kernel/kernel.ts";
import type { CompleteReply, InspectReply } from "../kernel/messages.ts";
import type { FromMachine, ToMachine } from "../kernel/machine.ts";
import type { FromTerminal, ToTerminal } from "../kernel/terminals.ts";
import type { Notebook, NotebookOperation, Run } from "../notebook/model.ts";
import { apply } from "./apply.ts";
import { type CommTraffic, CommRouter } from "./comm-router.ts";
import type { SessionEffect } from "./effects.ts";
import { type ConnectionListener, KernelConnection } from "./kernel-connection.ts";
import { MachineRouter } from "./machine-router.ts";
import { type SessionModel, emptyModel } from "./model.ts";
import type { SessionOperation, SessionRequest } from "./operations.ts";
import { RunWriter } from "./run-writer.ts";
import { runOf } from "./runs.ts";
import type { SessionState } from "./state.ts";
import { TabRelay } from "./tab-relay.ts";
import { TerminalRouter } from "./terminal-router.ts";

export type { CommTraffic } from "./comm-router.ts";

/** What a session needs of an open document; NotebookClient is one. */
export interface SessionDocument {
  readonly notebook: Notebook;
  onChange(listener: () => void): () => void;
  change(operations: readonly NotebookOperation[]): Promise<unknown>;
  runProgress(cell: CellId, run: Run): void;
  relay(payload: unknown): void;
  onRelay(listener: (payload: unknown) => void): () => void;
}

export interface SessionOptions {
  readonly notebook: SessionDocument;
  readonly kernels: readonly Kernel[];
  readonly host: KernelHost;
  readonly now?: () => number;
  /** Resolves when the host has all that kernels are given, the workspace above all: none starts before. */
  readonly ready?: () => Promise<void>;
  /** False: another tab runs this notebook. Change it later with the operation `runner_changed`. Default true. */
  readonly canRun?: boolean;
}

/** So long a kernel that gave a run up has to say why. */
const SETTLE_MILLISECONDS = 100;

/** What may be sent from outside. */
export type SessionInput = SessionRequest | Extract<SessionOperation, { type: "runner_changed" }>;

/** One open notebook that can run. */
export class Session {
  readonly #document: SessionDocument;
  readonly #kernels: ReadonlyMap<Language, Kernel>;
  readonly #host: KernelHost;
  readonly #now: () => number;
  readonly #ready: (() => Promise<void>) | undefined;
  readonly #changed = new Emitter<{ state: SessionState; operation: SessionOperation }>();
  readonly #connections = new Map<Language, { generation: number; connection: KernelConnection }>();
  readonly #comms: CommRouter;
  readonly #terminals: TerminalRouter;
  readonly #machine: MachineRouter;
  readonly #writer: RunWriter;
  readonly #tabs: TabRelay;
  readonly #stops: (() => void)[];
  #state: SessionModel;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#document = options.notebook;
    this.#host = options.host;
    this.#now = options.now ?? Date.now;
    this.#ready = options.ready;
    this.#kernels = new Map(options.kernels.map((kernel) => [kernel.spec.language, kernel]));
    this.#state = emptyModel({
      prefix: randomId(8),
      specs: options.kernels.map(({ spec }) => spec),
      runner: options.canRun === false ? "elsewhere" : "here",
    });
    this.#comms = new CommRouter(
      (language, message, transfer) => this.#connections.get(language)?.connection.send(message, transfer),
      () => this.#commHome(),
    );
    this.#terminals = new TerminalRouter({
      find: () => this.#terminalHome(),
      send: (language, message) => this.#connections.get(language)?.connection.send(message),
    });
    this.#machine = new MachineRouter({
      find: () => this.#runningMachine(),
      send: (language, message) => this.#connections.get(language)?.connection.send(message),
    });
    this.#writer = new RunWriter(options.notebook, (error) => this.#writeFailed(error));
    this.#tabs = new TabRelay({
      post: (message) => this.#document.relay(message),
      state: () => this.#state,
      onRequest: (request) => this.send(request),
      onMirror: (mirror) => this.#apply({ type: "mirrored", mirror }),
    });
    this.#readNotebook();
    this.#stops = [
      options.notebook.onChange(() => this.#readNotebook()),
      options.notebook.onRelay((payload) => this.#tabs.take(payload)),
    ];
    this.#tabs.announce();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Called after operations; for streams at most once in 16 ms for each kernel. Returns the way to stop. */
  onChange(listener: (state: SessionState, operation: SessionOperation) => void): () => void {
    return this.#changed.on(({ state, operation }) => listener(state, operation));
  }

  /** Asks for something. What came too late or makes no sense is ignored. */
  send(operation: SessionInput): void {
    // The document may hold typing that it has not announced yet: what is run is what is on the screen.
    this.#readNotebook();
    this.#apply(operation);
    if (operation.type === "runner_changed") this.#tabs.announce();
  }

  /** Widget messages from and to whichever kernel owns the comm. */
  get comms(): Channel<CommTraffic, CommTraffic> {
    return this.#comms.channel;
  }

  /** Terminals on the machine of the kernel that has one, which opening the first of them starts. */
  get terminals(): Channel<FromTerminal, ToTerminal> {
    return this.#terminals.channel;
  }

  /** The servers of the machine that the shell cells use: requests, and programs that ask for a preview. */
  get machine(): Channel<FromMachine, ToMachine> {
    return this.#machine.channel;
  }

  /** Completions at `cursor` (UTF-16) of the cell's code; undefined when its kernel does not run. */
  async complete(cell: CellId, code: string, cursor: number): Promise<CompleteReply | undefined> {
    const reply = await this.#connectionOf(cell)?.ask({ type: "complete_request", id: randomId(), code, cursor });
    return reply?.type === "complete_reply" ? reply : undefined;
  }

  /** What is known of the thing at `cursor`; undefined when the cell's kernel does not run. */
  async inspect(cell: CellId, code: string, cursor: number): Promise<InspectReply | undefined> {
    const reply = await this.#connectionOf(cell)?.ask({ type: "inspect_request", id: randomId(), code, cursor });
    return reply?.type === "inspect_reply" ? reply : undefined;
  }

  /** Ends all kernels and writes what is left to write; a run under way is written as aborted. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stops) stop();
    for (const { connection } of this.#connections.values()) connection.stop();
    this.#connections.clear();
    for (const kernel of this.#kernels.values()) kernel.forget?.(this.#host);
    this.#tabs.close();
    this.#comms.end();
    this.#terminals.end();
    this.#machine.end();
    for (const run of this.#state.runs.values()) {
      const ended: Run = { ...runOf(run), status: "aborted", ms: Math.max(0, this.#now() - run.started) };
      this.#writer.change([{ type: "set_run", cell: run.cell, run: ended }]);
    }
    await this.#writer.flush();
  }

  #apply(operation: SessionOperation): void {
    if (this.#closed) return;
    const applied = apply(this.#state, operation, this.#now());
    if (!applied) return;
    const changed = applied.state !== this.#state;
    this.#state = applied.state;
    for (const effect of applied.effects) this.#perform(effect);
    if (!changed) return;
    this.#tabs.changed();
    this.#changed.emit({ state: this.#state, operation });
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case "start_kernel":
        return this.#start(effect.language, effect.generation);
      case "stop_kernel": {
        const found = this.#connections.get(effect.language);
        if (found?.generation !== effect.generation) return;
        this.#connections.delete(effect.language);
        found.connection.stop();
        return this.#closeServices(effect.language, undefined);
      }
      case "send": {
        const found = this.#connections.get(effect.language);
        if (found?.generation === effect.generation) found.connection.send(effect.message);
        return;
      }
      case "change":
        return this.#writer.change(effect.operations);
      case "run_progress":
        return this.#writer.progress(effect.cell, effect.run);
      case "rewrite_run":
        return this.#writer.rewrite(effect.cell, effect.run);
      case "settle_aborted":
        setTimeout(() => this.#apply({ type: "aborted_settled", run: effect.run }), SETTLE_MILLISECONDS);
        return;
      case "relay":
        return this.#tabs.request(effect.request);
    }
  }

  #start(language: Language, generation: number): void {
    const kernel = this.#kernels.get(language);
    if (!kernel) return;
    const sources = () =>
      this.#state.notebook.cells
        .filter((cell) => cell.kind === "code" && cell.language === language)
        .map((cell) => cell.source);
    const cells = () =>
      this.#state.notebook.cells.map(({ id, kind, language: of, source }) => {
        return { id, kind, language: of, source, outputs: this.#state.cells.get(id)?.outputs ?? [] };
      });
    const listener: ConnectionListener = {
      messages: (messages) => this.#apply({ type: "kernel_messages", language, generation, messages }),
      comm: (message) => this.#comms.take(language, message),
      terminal: (message) => this.#terminals.take(message),
      machine: (message) => this.#machine.take(message),
      closed: (reason) => {
        if (this.#connections.get(language)?.generation === generation) this.#connections.delete(language);
        this.#closeServices(language, reason);
        this.#apply({ type: "kernel_closed", language, generation, reason });
      },
    };
    const connection = new KernelConnection(kernel, { host: this.#host, sources, cells }, listener, this.#ready?.());
    this.#connections.set(language, { generation, connection });
  }

  #readNotebook(): void {
    const { notebook } = this.#document;
    const before = this.#state.notebook;
    if (notebook === before) return;
    this.#apply({ type: "notebook_changed", notebook, cells: changedCells(before, notebook) });
  }

  #connectionOf(cell: CellId): KernelConnection | undefined {
    const language = this.#state.notebook.cells.find(({ id }) => id === cell)?.language;
    if (language === undefined || !this.#state.links.get(language)?.ready) return undefined;
    return this.#connections.get(language)?.connection;
  }

  /** Comms that the page opens go to the notebook's main kernel, or to any that runs. */
  #commHome(): Language | undefined {
    const main = this.#state.notebook.language;
    return this.#connections.has(main) ? main : this.#connections.keys().next().value;
  }

  #terminalHome(): { readonly language: Language } | { readonly reason: string } {
    const kernel = [...this.#kernels.values()].find(({ spec }) => spec.terminals);
    if (!kernel) return { reason: "No kernel here has terminals." };
    const { language, displayName } = kernel.spec;
    if (this.#state.runner === "elsewhere") {
      return { reason: "This notebook runs in another tab; its terminals are there." };
    }
    if (!this.#connections.has(language)) this.send({ type: "start_kernel", language });
    return this.#connections.has(language) ? { language } : { reason: `${displayName} could not be started.` };
  }

  #runningMachine(): { readonly language: Language } | { readonly reason: string } {
    const kernel = [...this.#kernels.values()].find(({ spec }) => spec.terminals);
    if (!kernel) return { reason: "No kernel here has a machine." };
    const { language, displayName } = kernel.spec;
    if (this.#state.runner === "elsewhere") {
      return { reason: "This notebook runs in another tab; what its servers serve is shown there." };
    }
    return this.#connections.has(language) ? { language } : { reason: `${displayName} does not run.` };
  }

  /** What went through a kernel that is no more. */
  #closeServices(language: Language, reason: string | undefined): void {
    this.#comms.closeAll(language);
    const name = this.#kernels.get(language)?.spec.displayName ?? language;
    this.#terminals.closeAll(language, reason ?? `${name} was restarted.`);
    this.#machine.closeAll(language, reason ?? `${name} was restarted.`);
  }

  #writeFailed(error: unknown): void {
    const text = `Outputs could not be written to the notebook: ${error instanceof Error ? error.message : String(error)}`;
    this.#apply({ type: "noticed", id: "write-failed", level: "error", text });
  }
}

/** The cells that differ, or undefined when their order does: look at all. */
function changedCells(before: Notebook, after: Notebook): readonly CellId[] | undefined {
  if (before.cells.length !== after.cells.length) return undefined;
  const changed: CellId[] = [];
  for (const [index, cell] of after.cells.entries()) {
    const old = before.cells[index];
    if (old === cell) continue;
    if (old?.id !== cell.id) return undefined;
    changed.push(cell.id);
  }
  return changed;
}
