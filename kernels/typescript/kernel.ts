/**
 * The outside part of the TypeScript kernel. An interrupt first asks the worker, which can end a cell where it waits and
 * keeps all variables; a cell that never waits is ended with its worker, and a new one, started meanwhile, takes its
 * place on the same channel.
 */
import type { Channel } from "#core/base/channel.ts";
import { Emitter } from "#core/base/events.ts";
import type { Kernel, KernelHost, KernelStart, KernelWorker } from "#core/kernel/kernel.ts";
import type { ExecuteRequest, FromKernel, ToKernel } from "#core/kernel/messages.ts";
import { newOwner, releaseOwner } from "#core/workspace/protocol.ts";
import { answerBlocked, interruptBlocked, newControl, type TypeScriptInit } from "./control.ts";

/** Milliseconds that a worker has to end its cell by itself. */
const PATIENCE = 100;

/** The TypeScript kernel. */
export const typescriptKernel: Kernel = {
  spec: {
    language: "typescript",
    displayName: "TypeScript",
    kernelspec: "typescript",
    languageInfo: {
      name: "typescript",
      version: "5.9",
      mimetype: "text/typescript",
      file_extension: ".ts",
      pygments_lexer: "typescript",
      codemirror_mode: { name: "javascript", typescript: true },
      nbconvert_exporter: "script",
    },
    magics: ["%%typescript", "%%ts", "%%javascript", "%%js", "%%deno"],
  },
  start: (start) => Promise.resolve(new RunningTypeScript(start).channel),
};

/** One worker with what it was given. */
interface Inside {
  readonly worker: KernelWorker;
  readonly control: SharedArrayBuffer | undefined;
  readonly owner: number;
}

class RunningTypeScript {
  readonly channel: Channel<FromKernel, ToKernel>;
  readonly #host: KernelHost;
  readonly #out = new Emitter<FromKernel>();
  readonly #ended = new Emitter<string | undefined>();
  #early: FromKernel[] | undefined = [];
  #inside: Inside | undefined;
  /** Started at an interrupt, to be there when the other must go. */
  #spare: Inside | undefined;
  #ready = false;
  #over = false;
  /** Requests without an execute_reply, in order. */
  readonly #open: ExecuteRequest[] = [];
  readonly #busy = new Set<string>();
  /** Comms that the worker has open; they end with it. */
  readonly #comms = new Set<string>();
  #force: ReturnType<typeof setTimeout> | undefined;

  constructor({ host, signal }: KernelStart) {
    this.#host = host;
    this.channel = {
      send: (message, transfer) => this.#receive(message, transfer),
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
    signal.addEventListener("abort", () => this.#end(undefined), { once: true });
    if (signal.aborted) this.#end(undefined);
    else this.#begin(this.#spawn());
  }

  #say(message: FromKernel): void {
    if (this.#early) this.#early.push(message);
    else this.#out.emit(message);
  }

  #spawn(): Inside {
    const shared = typeof SharedArrayBuffer === "undefined" ? undefined : newControl();
    return { worker: this.#host.spawn("typescript"), control: shared, owner: newOwner() };
  }

  #begin(inside: Inside): void {
    this.#inside = inside;
    this.#ready = false;
    const { port } = inside.worker;
    port.addEventListener("message", (event: MessageEvent) => {
      if (this.#inside === inside) this.#hear(event.data as FromKernel);
    });
    port.start?.();
    inside.worker.onError((reason) => {
      if (this.#inside === inside) this.#die(`The TypeScript worker has failed: ${reason}`);
    });
    this.#say({ type: "status", status: "starting", stage: "Starting TypeScript" });
    const init: TypeScriptInit = {
      type: "init",
      version: 1,
      workspace: this.#host.workspace,
      settings: this.#host.settings,
      foreign: this.#host.foreign,
      assets: this.#host.asset(""),
      control: inside.control,
      owner: inside.owner,
    };
    port.postMessage(init, []);
  }

  #hear(message: FromKernel): void {
    if (message.type === "status") {
      if (message.parent === undefined && message.status === "idle") {
        this.#ready = true;
        this.#say(message);
        for (const request of this.#open) this.#inside?.worker.port.postMessage(request, []);
        return;
      }
      if (message.parent !== undefined && message.status === "busy") this.#busy.add(message.parent);
      else if (message.parent !== undefined) this.#busy.delete(message.parent);
    } else if (message.type === "execute_reply") this.#settle(message.parent);
    else if (message.type === "comm_open") this.#comms.add(message.comm);
    else if (message.type === "comm_close") this.#comms.delete(message.comm);
    this.#say(message);
  }

  #receive(message: ToKernel, transfer: readonly Transferable[] = []): void {
    const inside = this.#inside;
    if (this.#over || !inside) return;
    if (message.type === "execute_request") {
      this.#open.push(message);
      if (!this.#ready) return;
    } else if (message.type === "interrupt_request") return this.#interrupt(message.id);
    else if (message.type === "input_reply" && inside.control && answerBlocked(inside.control, message.value)) return;
    inside.worker.port.postMessage(message, [...transfer]);
  }

  #interrupt(id: string): void {
    const inside = this.#inside!;
    const running = this.#open[0];
    if (!running || this.#force !== undefined) return;
    if (!this.#ready) return this.#abortAll();
    if (inside.control) interruptBlocked(inside.control);
    inside.worker.port.postMessage({ type: "interrupt_request", id }, []);
    this.#spare ??= this.#spawn();
    this.#force = setTimeout(() => this.#replace(running), PATIENCE);
  }

  #settle(request: string): void {
    const index = this.#open.findIndex(({ id }) => id === request);
    if (index < 0) return;
    this.#open.splice(index, 1);
    clearTimeout(this.#force);
    this.#force = undefined;
  }

  /** The cell does not end: its worker does. */
  #replace({ id: parent }: ExecuteRequest): void {
    const text = "The cell did not stop by itself, so TypeScript was started again: its variables are gone.";
    this.#say({
      type: "error",
      parent,
      ename: "KeyboardInterrupt",
      evalue: text,
      traceback: [`\u001b[31mKeyboardInterrupt\u001b[39m: ${text}`],
    });
    this.#settle(parent);
    this.#say({ type: "execute_reply", parent, status: "aborted", count: undefined });
    if (this.#busy.delete(parent)) this.#say({ type: "status", status: "idle", parent });
    this.#abortAll();
    const next = this.#spare ?? this.#spawn();
    this.#spare = undefined;
    this.#drop(this.#inside);
    for (const comm of this.#comms) this.#say({ type: "comm_close", comm });
    this.#comms.clear();
    this.#begin(next);
  }

  #abortAll(): void {
    clearTimeout(this.#force);
    this.#force = undefined;
    for (const { id: parent } of this.#open.splice(0)) {
      this.#say({ type: "execute_reply", parent, status: "aborted", count: undefined });
      if (this.#busy.delete(parent)) this.#say({ type: "status", status: "idle", parent });
    }
  }

  #drop(inside: Inside | undefined): void {
    inside?.worker.terminate();
    if (inside && this.#host.workspace) releaseOwner(this.#host.workspace, inside.owner);
  }

  #die(reason: string): void {
    if (this.#over) return;
    this.#abortAll();
    this.#say({ type: "status", status: "dead", reason });
    this.#end(reason);
  }

  #end(reason: string | undefined): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#force);
    this.#drop(this.#inside);
    this.#drop(this.#spare);
    this.#inside = undefined;
    this.#spare = undefined;
    this.#ended.emit(reason);
  }
}
