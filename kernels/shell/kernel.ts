/**
 * The outside part of the shell kernel: starts the worker in which Linux runs, passes messages on, says how much output
 * was taken, and speaks for the worker when it is dead (K7).
 */
import type { Channel } from "#core/base/channel.ts";
import { Emitter } from "#core/base/events.ts";
import type { Kernel, KernelStart, KernelWorker } from "#core/kernel/kernel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import { newOwner, releaseOwner } from "#core/workspace/protocol.ts";
import type { FromWorker, ToWorker } from "./wire.ts";

/** The Linux shell. */
export const shellKernel: Kernel = {
  spec: {
    language: "shell",
    displayName: "Linux shell",
    kernelspec: "bash",
    languageInfo: {
      name: "bash",
      mimetype: "text/x-sh",
      file_extension: ".sh",
      pygments_lexer: "bash",
      codemirror_mode: "shell",
    },
    magics: ["%%bash", "%%sh", "%%shell"],
    terminals: true,
  },
  start: (start) => Promise.resolve(new RunningShell(start).channel),
};

class RunningShell {
  readonly channel: Channel<FromKernel, ToKernel>;
  readonly #out = new Emitter<FromKernel>();
  readonly #ended = new Emitter<string | undefined>();
  readonly #worker: KernelWorker | undefined;
  readonly #workspace: SharedArrayBuffer | undefined;
  readonly #owner = newOwner();
  /** Requests without an execute_reply. */
  readonly #open = new Set<string>();
  readonly #busy = new Set<string>();
  /** Terminals without a terminal_exit. */
  readonly #terminals = new Set<string>();
  #early: FromKernel[] | undefined = [];
  #over = false;

  constructor({ host, signal }: KernelStart) {
    this.#workspace = host.workspace;
    this.channel = {
      send: (message) => this.#send(message),
      receive: (listener) => {
        const stop = this.#out.on(listener);
        const early = this.#early ?? [];
        this.#early = undefined;
        for (const message of early) this.#out.emit(message);
        return stop;
      },
      close: () => this.#end(undefined),
      onClose: (listener) => this.#ended.on(listener),
    };
    if (signal.aborted) return;
    this.#worker = host.spawn("shell");
    this.#worker.port.addEventListener("message", (event) => this.#receive(event.data as FromWorker));
    this.#worker.port.start?.();
    this.#worker.onError((message) => this.#die(`The Linux machine's worker failed: ${message}`));
    signal.addEventListener("abort", () => this.#end(undefined), { once: true });
    this.#post({
      type: "init",
      version: 1,
      workspace: host.workspace,
      settings: host.settings,
      foreign: host.foreign,
      assets: host.asset(""),
      owner: this.#owner,
    });
  }

  #post(message: ToWorker): void {
    this.#worker?.port.postMessage(message, []);
  }

  #send(message: ToKernel): void {
    if (this.#over) return;
    if (message.type === "execute_request") this.#open.add(message.id);
    if (message.type === "terminal_open") this.#terminals.add(message.terminal);
    this.#post(message);
  }

  #receive(message: FromWorker): void {
    if (this.#over) return;
    if (message.type === "stream") {
      const { size, ...stream } = message;
      if (stream.text !== "") this.#say(stream);
      if (size > 0) this.#post({ type: "taken", size });
      return;
    }
    if (message.type === "status") {
      if (message.status === "dead") return this.#die(message.reason ?? "The Linux machine ended.");
      if (message.parent !== undefined && message.status === "busy") this.#busy.add(message.parent);
      if (message.parent !== undefined && message.status === "idle") this.#busy.delete(message.parent);
    }
    if (message.type === "execute_reply") this.#open.delete(message.parent);
    if (message.type === "terminal_exit") this.#terminals.delete(message.terminal);
    this.#say(message);
  }

  #say(message: FromKernel): void {
    if (this.#early) this.#early.push(message);
    else this.#out.emit(message);
  }

  #die(reason: string): void {
    if (this.#over) return;
    for (const parent of this.#open) {
      if (!this.#busy.has(parent)) this.#say({ type: "status", status: "busy", parent });
      this.#say({ type: "execute_reply", parent, status: "aborted", count: undefined });
      this.#say({ type: "status", status: "idle", parent });
    }
    this.#open.clear();
    for (const terminal of this.#terminals) this.#say({ type: "terminal_exit", terminal, reason });
    this.#terminals.clear();
    this.#say({ type: "status", status: "dead", reason });
    this.#end(reason);
  }

  #end(reason: string | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#worker?.terminate();
    if (this.#workspace) releaseOwner(this.#workspace, this.#owner);
    this.#ended.emit(reason);
  }
}
