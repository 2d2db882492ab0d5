/**
 * The outside part of the TypeScript kernel. An interrupt first asks the worker, which can end a cell where it waits and
 * keeps all variables; a cell that never waits is ended with its worker, and a new one, started meanwhile, takes its
 * place on the same channel.
 */
import type { Channel } from "#core/base/channel.ts";
import { KernelEnd } from "#core/kernel/kernel-end.ts";
import type { Kernel, KernelHost, KernelStart, KernelWorker } from "#core/kernel/kernel.ts";
import type { ExecuteRequest, FromKernel, ToKernel } from "#core/kernel/messages.ts";
import { ServiceRequests } from "#core/kernel/service-host.ts";
import type { ServiceCancel, ServiceRequest } from "#core/kernel/services.ts";
import type { Ping, Pong } from "#core/kernel/watch.ts";
import { newOwner, releaseOwner } from "#core/workspace/protocol.ts";
import { answerBlocked, interruptBlocked, newControl, type TypeScriptInit } from "./control.ts";

/** Milliseconds that a worker has to end its cell by itself. */
const PATIENCE = 100;

export interface TypeScriptKernelOptions {
  /** Milliseconds between two looks at whether the worker answers. */
  readonly beat?: number;
}

/** A TypeScript kernel. */
export const createTypeScriptKernel = (options: TypeScriptKernelOptions = {}): Kernel => ({
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
  start: (start) => Promise.resolve(new RunningTypeScript(start, options).channel),
});

/** The TypeScript kernel. */
export const typescriptKernel: Kernel = createTypeScriptKernel();

/** One worker with what it was given. */
interface Inside {
  readonly worker: KernelWorker;
  readonly control: SharedArrayBuffer | undefined;
  readonly owner: number;
  readonly services: ServiceRequests;
}

class RunningTypeScript {
  readonly #host: KernelHost;
  readonly #end: KernelEnd;
  #inside: Inside | undefined;
  /** Started at an interrupt, to be there when the other must go. */
  #spare: Inside | undefined;
  #ready = false;
  #force: ReturnType<typeof setTimeout> | undefined;

  constructor({ host, signal }: KernelStart, { beat }: TypeScriptKernelOptions) {
    this.#host = host;
    this.#end = new KernelEnd(signal, {
      receive: (message, transfer) => this.#receive(message, transfer),
      ping: () => this.#inside?.worker.port.postMessage({ type: "ping" } satisfies Ping, []),
      beat,
      ended: () => {
        this.#calm();
        this.#drop(this.#inside);
        this.#drop(this.#spare);
      },
    });
    if (!this.#end.over) this.#begin(this.#spawn());
  }

  get channel(): Channel<FromKernel, ToKernel> {
    return this.#end.channel;
  }

  #spawn(): Inside {
    const shared = typeof SharedArrayBuffer === "undefined" ? undefined : newControl();
    const worker = this.#host.spawn("typescript");
    const services = new ServiceRequests(this.#host.services, (reply, transfer) =>
      worker.port.postMessage(reply, [...transfer]),
    );
    return { worker, control: shared, owner: newOwner(), services };
  }

  #begin(inside: Inside): void {
    this.#inside = inside;
    this.#ready = false;
    const { port } = inside.worker;
    const isCurrent = (): boolean => this.#inside === inside && !this.#end.over;
    port.addEventListener("message", (event: MessageEvent) => {
      if (isCurrent()) this.#hear(inside, event.data as FromKernel | Pong | ServiceRequest | ServiceCancel);
    });
    port.start?.();
    inside.worker.onError((reason) => {
      if (isCurrent()) this.#end.die(`The TypeScript worker has failed: ${reason}`);
    });
    this.#end.say({ type: "status", status: "starting", stage: "Starting TypeScript" });
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

  #hear(inside: Inside, message: FromKernel | Pong | ServiceRequest | ServiceCancel): void {
    if (message.type === "pong") return this.#end.heard();
    if (message.type === "service_request" || message.type === "service_cancel") return inside.services.take(message);
    if (message.type === "execute_reply") this.#calm();
    this.#end.say(message);
    if (message.type !== "status" || message.parent !== undefined || message.status !== "idle") return;
    this.#ready = true;
    for (const request of this.#end.open) this.#inside?.worker.port.postMessage(request, []);
  }

  #receive(message: ToKernel, transfer: readonly Transferable[]): void {
    const inside = this.#inside;
    if (!inside || (message.type === "execute_request" && !this.#ready)) return;
    if (message.type === "interrupt_request") return this.#interrupt(inside, message.id);
    if (message.type === "input_reply" && inside.control && answerBlocked(inside.control, message.value)) return;
    inside.worker.port.postMessage(message, [...transfer]);
  }

  #interrupt(inside: Inside, id: string): void {
    const running = this.#end.open[0];
    // Something that an earlier cell left behind does not end.
    if (!running && this.#end.silent) return this.#renew();
    if (!running || this.#force !== undefined) return;
    if (!this.#ready) return this.#end.abortAll();
    if (inside.control) interruptBlocked(inside.control);
    inside.worker.port.postMessage({ type: "interrupt_request", id }, []);
    this.#spare ??= this.#spawn();
    this.#force = setTimeout(() => this.#replace(running), PATIENCE);
  }

  #calm(): void {
    clearTimeout(this.#force);
    this.#force = undefined;
  }

  /** The cell does not end: its worker does. */
  #replace({ id: parent }: ExecuteRequest): void {
    this.#calm();
    const text = "The cell did not stop by itself, so TypeScript was started again: its variables are gone.";
    this.#end.say({
      type: "error",
      parent,
      ename: "KeyboardInterrupt",
      evalue: text,
      traceback: [`\u001b[31mKeyboardInterrupt\u001b[39m: ${text}`],
    });
    this.#renew();
  }

  /** Another worker takes the place of this one. */
  #renew(): void {
    this.#end.abortAll();
    const next = this.#spare ?? this.#spawn();
    this.#spare = undefined;
    this.#drop(this.#inside);
    this.#end.closeComms();
    this.#begin(next);
  }

  #drop(inside: Inside | undefined): void {
    inside?.worker.terminate();
    inside?.services.close();
    if (inside && this.#host.workspace) releaseOwner(this.#host.workspace, inside.owner);
  }
}
