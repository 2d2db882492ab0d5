/** The service "ml" as a page or Node process has it: the engine's worker, started with the first call, and again after it broke. */
import { type Channel, portChannel } from "#core/base/channel.ts";
import { fromWireError, KromaError } from "#core/base/errors.ts";
import type { KernelWorker } from "#core/kernel/kernel.ts";
import type { RunningService, ServiceAnswer, ServiceCall, ServicePlace } from "#core/kernel/services.ts";
import type { EngineInit, FromEngine, ToEngine } from "./requests.ts";

/** The name under which hosts know the engine's worker program. */
const PROGRAM = "onnx";
/** What tells of, or changes, what all notebooks of this browser share. */
const OF_ALL_NOTEBOOKS: readonly string[] = ["stored", "forget"];

interface Waiting {
  readonly resolve: (answer: ServiceAnswer) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: ((value: unknown) => void) | undefined;
}

/** Starts the service; the worker comes with the first call. */
export const startModels = (place: ServicePlace): Promise<RunningService> => Promise.resolve(new Models(place));

class Models implements RunningService {
  readonly #place: ServicePlace;
  readonly #waiting = new Map<string, Waiting>();
  #engine: { readonly worker: KernelWorker; readonly channel: Channel<FromEngine, ToEngine | EngineInit> } | undefined;
  #count = 0;

  constructor(place: ServicePlace) {
    this.#place = place;
  }

  call({ client, method, value, buffers, signal, onProgress }: ServiceCall): Promise<ServiceAnswer> {
    if (this.#place.foreign && OF_ALL_NOTEBOOKS.includes(method))
      return Promise.reject(
        new KromaError("denied", "What other notebooks have fetched is not told to one that is not trusted."),
      );
    const id = `ml-${++this.#count}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      const { channel } = (this.#engine ??= this.#start());
      signal.addEventListener(
        "abort",
        () => {
          if (!this.#waiting.delete(id)) return;
          channel.send({ type: "cancel", call: id });
          reject(signal.reason);
        },
        { once: true },
      );
      channel.send({ type: "call", id, client, method, value, buffers }, buffers);
    });
  }

  leave(client: string): void {
    this.#engine?.channel.send({ type: "leave", client });
  }

  close(): void {
    this.#stop(new KromaError("aborted", "The notebook was closed."));
  }

  #start(): { readonly worker: KernelWorker; readonly channel: Channel<FromEngine, ToEngine | EngineInit> } {
    const worker = this.#place.spawn(PROGRAM);
    const channel = portChannel<FromEngine, ToEngine | EngineInit>(worker.port);
    worker.onError((reason) =>
      this.#stop(new KromaError("unavailable", `The engine that runs models has failed: ${reason}`)),
    );
    channel.receive((reply) => this.#hear(reply));
    channel.send({ type: "init", assets: this.#place.asset(""), workspace: this.#place.workspace });
    return { worker, channel };
  }

  #hear(message: FromEngine): void {
    if (message.type === "service_progress") return this.#waiting.get(message.parent)?.onProgress?.(message.value);
    const { parent, value, buffers, error, broken } = message;
    const waiting = this.#waiting.get(parent);
    this.#waiting.delete(parent);
    if (error) waiting?.reject(fromWireError(error));
    else waiting?.resolve({ value, buffers: buffers ?? [] });
    if (broken)
      this.#stop(new KromaError("unavailable", "The engine that runs models broke and was ended. Load again."));
  }

  /** Ends the worker; who waits is told why. The next call starts another. */
  #stop(reason: KromaError): void {
    this.#engine?.channel.close();
    this.#engine?.worker.terminate();
    this.#engine = undefined;
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}
