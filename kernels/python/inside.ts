/**
 * One worker of the Python kernel, from outside: the shared words that reach into a computing Python, its name at the
 * workspace, and who hears it. It may be told to restore the interpreter first and get its notebook later.
 */
import { KromaError, toWireError } from "#core/base/errors.ts";
import type { KernelHost, KernelWorker } from "#core/kernel/kernel.ts";
import { newOwner, releaseOwner } from "#core/workspace/protocol.ts";
import { newControl } from "./control.ts";
import { encodeAnswer } from "./service-answer.ts";
import type { Starts } from "./starts.ts";
import type { FromWorker, ServiceAsk, SharedParts, ToWorker } from "./wire.ts";

export interface InsideListener {
  hear(message: FromWorker): void;
  /** The worker is of no use any more. */
  failed(reason: string): void;
}

export class Inside {
  readonly control: SharedArrayBuffer | undefined = typeof SharedArrayBuffer === "undefined" ? undefined : newControl();
  /** Who hears it; what a stopped worker had still to say goes nowhere. */
  listener: InsideListener | undefined;
  readonly #host: KernelHost;
  /** Its name at the services (R3). */
  readonly #client: string = crypto.randomUUID();
  readonly #worker: KernelWorker;
  #workspace: SharedArrayBuffer | undefined;
  #owner: number | undefined;

  constructor(host: KernelHost, listener: InsideListener) {
    this.#host = host;
    this.listener = listener;
    this.#worker = host.spawn("python");
    const { port } = this.#worker;
    port.addEventListener("message", (event: MessageEvent) => this.listener?.hear(event.data as FromWorker));
    port.addEventListener("messageerror" as "message", () =>
      this.listener?.failed("Python said something that can't be read."),
    );
    port.start?.();
    this.#worker.onError((reason) => this.listener?.failed(`Python's worker has failed: ${reason}`));
  }

  post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.port.postMessage(message, transfer);
  }

  /** Restores the interpreter and waits for `init`. */
  prepare(shared: SharedParts | undefined): void {
    this.post({ type: "prepare", assets: this.#host.asset(""), shared });
  }

  /** Gives it the notebook's workspace and settings as they are now. */
  init(starts: Starts): void {
    const host = this.#host;
    this.#workspace = host.workspace;
    this.#owner = this.#workspace && newOwner();
    const init: ToWorker = {
      type: "init",
      version: 1,
      workspace: this.#workspace,
      settings: host.settings,
      foreign: host.foreign,
      assets: host.asset(""),
      control: this.control,
      owner: this.#owner,
      shared: starts.parts(host),
      plain: starts.isPlain(host),
    };
    try {
      this.post(init);
    } catch {
      // The compiled module can't go everywhere (another agent cluster): then each start has its own.
      this.post({ ...init, shared: undefined });
    }
  }

  /** Asks a service in the worker's name; the answer as bytes. Never rejects. */
  async askService({ service, method, value }: ServiceAsk, buffers: readonly ArrayBuffer[], signal: AbortSignal) {
    try {
      const { services } = this.#host;
      if (!services) throw new KromaError("missing", "There are no services here.");
      const answer = await services.call(service, { client: this.#client, method, value, buffers, signal });
      return encodeAnswer({ value: answer.value }, answer.buffers ?? []);
    } catch (error) {
      return encodeAnswer({ error: toWireError(error) }, []);
    }
  }

  stop(): void {
    this.listener = undefined;
    this.#worker.terminate();
    this.#host.services?.leave(this.#client);
    // The workspace's server closes what the worker had open.
    if (this.#workspace && this.#owner !== undefined) releaseOwner(this.#workspace, this.#owner);
    this.#owner = undefined;
  }
}
