/** A session as a function, with kernels that are played by the test: what was sent to them is kept, in order. */
import type { CellId, Language, RunId } from "#core/base/ids.ts";
import { sourceHash } from "#core/base/source-hash.ts";
import type { KernelSpec } from "#core/kernel/kernel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import type { Cell, Notebook, NotebookOperation, Run } from "#core/notebook/model.ts";
import { apply } from "#core/session/apply.ts";
import type { SessionEffect } from "#core/session/effects.ts";
import { type SessionModel, emptyModel } from "#core/session/model.ts";
import type { SessionOperation } from "#core/session/operations.ts";
import type { CellState } from "#core/session/state.ts";

export const specs: readonly KernelSpec[] = [
  { language: "python", displayName: "Python", languageInfo: {}, kernelspec: "python3", magics: [] },
  { language: "typescript", displayName: "TypeScript", languageInfo: {}, kernelspec: "typescript", magics: [] },
  { language: "shell", displayName: "Linux shell", languageInfo: {}, kernelspec: "bash", magics: ["%%bash"] },
];

export const id = (name: string): CellId => name as CellId;

export function code(name: string, source: string, language: Language = "python"): Cell {
  return { id: id(name), kind: "code", language, source, textVersion: 0, metadata: {}, run: undefined };
}

/** A log entry: replaying all of them gives the same state. */
export interface Logged {
  readonly operation: SessionOperation;
  readonly now: number;
}

export const freshModel = (): SessionModel => emptyModel({ prefix: "test", specs, runner: "here" });

/** One session in a test. The document takes what the session writes, when `settle` is called. */
export class World {
  state: SessionModel = freshModel();
  now = 1_000_000;
  notebook: Notebook;
  readonly log: Logged[] = [];
  readonly effects: SessionEffect[] = [];
  readonly sent = new Map<Language, ToKernel[]>();
  readonly live = new Map<Language, number>();
  readonly #writes: NotebookOperation[] = [];
  readonly #aborted: RunId[] = [];

  constructor(cells: readonly Cell[]) {
    this.notebook = { title: "Test", language: "python", metadata: {}, cells };
    this.send({ type: "notebook_changed", notebook: this.notebook, cells: undefined });
  }

  /** The effects, or undefined when the operation made no sense. */
  send(operation: SessionOperation): readonly SessionEffect[] | undefined {
    this.now += 1;
    this.log.push({ operation, now: this.now });
    const applied = apply(this.state, operation, this.now);
    if (!applied) return undefined;
    this.state = applied.state;
    this.effects.push(...applied.effects);
    for (const effect of applied.effects) this.#perform(effect);
    return applied.effects;
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case "start_kernel":
        this.live.set(effect.language, effect.generation);
        this.sent.set(effect.language, []);
        return;
      case "stop_kernel":
        if (this.live.get(effect.language) === effect.generation) this.live.delete(effect.language);
        return;
      case "send":
        if (this.live.get(effect.language) === effect.generation) this.sent.get(effect.language)?.push(effect.message);
        return;
      case "change":
        this.#writes.push(...effect.operations);
        return;
      case "settle_aborted":
        this.#aborted.push(effect.run);
        return;
      case "rewrite_run":
        this.#writes.push({ type: "set_run", cell: effect.cell, run: effect.run });
        return;
      default:
    }
  }

  /** The kernel says something. */
  say(language: Language, ...messages: FromKernel[]): readonly SessionEffect[] | undefined {
    const generation = this.live.get(language) ?? -1;
    return this.send({ type: "kernel_messages", language, generation, messages });
  }

  /** The kernel has started. */
  ready(...languages: Language[]): void {
    for (const language of languages) this.say(language, { type: "status", status: "idle" });
  }

  run(...names: string[]): void {
    this.send({ type: "run_cells", cells: names.map(id) });
  }

  cell(name: string): CellState {
    const state = this.state.cells.get(id(name));
    if (!state) throw new Error(`no cell ${name}`);
    return state;
  }

  /** The request that runs this cell now. */
  request(name: string): RunId {
    const run = [...this.state.runs.values()].find(({ cell }) => cell === id(name));
    if (!run) throw new Error(`${name} does not run`);
    return run.id;
  }

  /** The cell's kernel ends its run. */
  reply(name: string, status: "ok" | "error" = "ok", count = 1): void {
    const parent = this.request(name);
    const language = this.state.runs.get(parent)?.language ?? "";
    this.say(language, { type: "execute_reply", parent, status, count }, { type: "status", status: "idle", parent });
  }

  progress(): string {
    return this.state.notebook.cells.map((cell) => `${cell.id}:${this.state.cells.get(cell.id)?.progress}`).join(" ");
  }

  edit(change: (cells: readonly Cell[]) => readonly Cell[]): void {
    this.notebook = { ...this.notebook, cells: change(this.notebook.cells) };
    this.send({ type: "notebook_changed", notebook: this.notebook, cells: undefined });
  }

  type(name: string, source: string): void {
    this.edit((cells) => cells.map((cell) => (cell.id === name ? { ...cell, source } : cell)));
  }

  /** Some time has passed: aborted runs are settled, and the document has what was written to it. */
  settle(): void {
    for (const run of this.#aborted.splice(0)) this.send({ type: "aborted_settled", run });
    const writes = this.#writes.splice(0);
    for (const write of writes) {
      if (write.type === "set_metadata") {
        this.notebook = { ...this.notebook, metadata: { ...this.notebook.metadata, ...write.metadata } };
      }
      if (write.type !== "set_run" && write.type !== "clear_run") continue;
      const run = write.type === "set_run" ? write.run : undefined;
      this.edit((cells) => cells.map((cell) => (cell.id === write.cell ? { ...cell, run } : cell)));
    }
  }
}

export function finishedRun(name: string, source: string, status: Run["status"] = "ok"): Run {
  const base = { count: 1, started: 5, ms: 5, sourceHash: sourceHash(source) };
  const output = { output_type: "stream", name: "stdout", text: `${name}\n` } as const;
  return { id: name as RunId, status, ...base, outputs: [output] };
}
