/**
 * The outside part of the shell kernel: starts the worker in which Linux runs, passes messages on, says how much output
 * was taken, and speaks for the worker when it is dead (K7).
 */
import type { Channel } from "#core/base/channel.ts";
import { KernelEnd } from "#core/kernel/kernel-end.ts";
import type { Kernel, KernelStart, KernelWorker, MachineStore } from "#core/kernel/kernel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import { ServiceRequests } from "#core/kernel/service-host.ts";
import { newOwner, releaseOwner } from "#core/workspace/protocol.ts";
import { usesPython } from "./scripts.ts";
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
  readonly #end: KernelEnd;
  readonly #worker: KernelWorker | undefined;
  readonly #workspace: SharedArrayBuffer | undefined;
  readonly #services: ServiceRequests;
  readonly #owner = newOwner();
  /** Terminals without a terminal_exit. */
  readonly #terminals = new Set<string>();
  #machineStore: MachineStore | undefined;

  constructor({ host, signal, sources }: KernelStart) {
    this.#workspace = host.workspace;
    this.#services = new ServiceRequests(host.services, (reply, transfer) =>
      this.#worker?.port.postMessage(reply, [...transfer]),
    );
    this.#end = new KernelEnd(signal, {
      receive: (message) => {
        if (message.type === "terminal_open") this.#terminals.add(message.terminal);
        this.#post(message);
      },
      ping: () => this.#post({ type: "ping" }),
      ended: () => {
        this.#worker?.terminate();
        this.#services.close();
        if (this.#workspace) releaseOwner(this.#workspace, this.#owner);
      },
    });
    if (this.#end.over) return;
    this.#worker = host.spawn("shell");
    this.#worker.port.addEventListener("message", (event) => this.#hear(event.data as FromWorker));
    this.#worker.port.start?.();
    this.#worker.onError((message) => this.#die(`The Linux machine's worker failed: ${message}`));
    this.#post({
      type: "init",
      version: 1,
      workspace: host.workspace,
      settings: host.settings,
      foreign: host.foreign,
      assets: host.asset(""),
      owner: this.#owner,
      python: (sources?.() ?? []).some(usesPython),
      keeps: host.openMachine !== undefined,
    });
    void host.openMachine?.().then((store) => {
      if (this.#end.over) return;
      const { shared, atOnce = false } = store;
      this.#machineStore = store;
      this.#post({ type: "machine_store", shared, atOnce });
    });
  }

  get channel(): Channel<FromKernel, ToKernel> {
    return this.#end.channel;
  }

  #post(message: ToWorker): void {
    this.#worker?.port.postMessage(message, []);
  }

  #hear(message: FromWorker): void {
    if (this.#end.over) return;
    if (message.type === "pong") return this.#end.heard();
    if (message.type === "service_request" || message.type === "service_cancel") return this.#services.take(message);
    if (message.type === "machine_note") {
      const { text, isOver = false } = message;
      return isOver ? this.#machineStore?.withdraw(text) : this.#machineStore?.report(text);
    }
    if (message.type === "stream") {
      const { size, ...stream } = message;
      if (stream.text !== "") this.#end.say(stream);
      if (size > 0) this.#post({ type: "taken", size });
      return;
    }
    if (message.type === "status" && message.status === "dead") {
      return this.#die(message.reason ?? "The Linux machine ended.");
    }
    if (message.type === "terminal_exit") this.#terminals.delete(message.terminal);
    this.#end.say(message);
  }

  #die(reason: string): void {
    for (const terminal of this.#terminals) this.#end.say({ type: "terminal_exit", terminal, reason });
    this.#terminals.clear();
    this.#end.die(reason);
  }
}
