/**
 * The outside part of a running SQL kernel. An interrupt asks the worker, which gives a query up between two of its steps
 * and keeps all tables; a step that takes too long is ended with its worker, and a new one takes its place.
 */
import type { Channel } from "#core/base/channel.ts";
import { KernelEnd } from "#core/kernel/kernel-end.ts";
import type { KernelHost, KernelStart, KernelWorker } from "#core/kernel/kernel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import type { Ping, Pong } from "#core/kernel/watch.ts";
import { newOwner, releaseOwner } from "#core/workspace/protocol.ts";
import type { SqlInit } from "./init.ts";

/** Milliseconds that a query has to end after an interrupt: DuckDB looks up every 100, but not within a join's step. */
const PATIENCE = 3000;

/** Starts one; its channel. */
export function startSql(start: KernelStart): Channel<FromKernel, ToKernel> {
  return new RunningSql(start).channel;
}

/** One worker with the number it has in the workspace. */
interface Inside {
  readonly worker: KernelWorker;
  readonly owner: number;
}

class RunningSql {
  readonly #host: KernelHost;
  readonly #end: KernelEnd;
  #inside: Inside | undefined;
  #isReady = false;
  #force: ReturnType<typeof setTimeout> | undefined;

  constructor({ host, signal }: KernelStart) {
    this.#host = host;
    this.#end = new KernelEnd(signal, {
      receive: (message) => this.#receive(message),
      ping: () => this.#inside?.worker.port.postMessage({ type: "ping" } satisfies Ping, []),
      ended: () => {
        this.#calm();
        this.#drop();
      },
    });
    if (!this.#end.over) this.#begin();
  }

  get channel(): Channel<FromKernel, ToKernel> {
    return this.#end.channel;
  }

  #begin(): void {
    const inside = { worker: this.#host.spawn("sql"), owner: newOwner() };
    this.#inside = inside;
    this.#isReady = false;
    const isCurrent = (): boolean => this.#inside === inside && !this.#end.over;
    const { port } = inside.worker;
    port.addEventListener("message", (event: MessageEvent) => {
      if (isCurrent()) this.#hear(event.data as FromKernel | Pong);
    });
    port.start?.();
    inside.worker.onError((reason) => {
      if (isCurrent()) this.#end.die(`The SQL worker has failed: ${reason}`);
    });
    this.#end.say({ type: "status", status: "starting", stage: "Starting SQL" });
    const init: SqlInit = {
      type: "init",
      version: 1,
      workspace: this.#host.workspace,
      settings: this.#host.settings,
      foreign: this.#host.foreign,
      assets: this.#host.asset(""),
      owner: inside.owner,
    };
    port.postMessage(init, []);
  }

  #hear(message: FromKernel | Pong): void {
    if (message.type === "pong") return this.#end.heard();
    if (message.type === "status" && message.status === "dead")
      return this.#end.die(message.reason ?? "SQL has ended.");
    if (message.type === "execute_reply") this.#calm();
    this.#end.say(message);
    if (message.type !== "status" || message.parent !== undefined || message.status !== "idle") return;
    this.#isReady = true;
    for (const request of this.#end.open) this.#inside?.worker.port.postMessage(request, []);
  }

  #receive(message: ToKernel): void {
    if (message.type === "interrupt_request") return this.#interrupt();
    if (message.type === "execute_request" && !this.#isReady) return;
    this.#inside?.worker.port.postMessage(message, []);
  }

  #interrupt(): void {
    const running = this.#end.open[0];
    if (!running || this.#force !== undefined) return;
    if (!this.#isReady) return this.#end.abortAll();
    this.#inside?.worker.port.postMessage({ type: "interrupt_request", id: running.id }, []);
    this.#force = setTimeout(() => this.#replace(running.id), PATIENCE);
  }

  #calm(): void {
    clearTimeout(this.#force);
    this.#force = undefined;
  }

  #replace(parent: string): void {
    this.#calm();
    const text = "The query did not stop by itself, so SQL was started again: its tables are gone.";
    const traceback = [`\u001b[31mKeyboardInterrupt\u001b[39m: ${text}`];
    this.#end.say({ type: "error", parent, ename: "KeyboardInterrupt", evalue: text, traceback });
    this.#end.abortAll();
    this.#drop();
    this.#begin();
  }

  #drop(): void {
    this.#inside?.worker.terminate();
    if (this.#inside && this.#host.workspace) releaseOwner(this.#host.workspace, this.#inside.owner);
    this.#inside = undefined;
  }
}
