/** The service "ml" as a page or Node process has it: the engine's worker, started with the first call, and again after it broke. */
import { type Channel, portChannel } from "#core/base/channel.ts";
import { fromWireError, KromaError, toWireError } from "#core/base/errors.ts";
import type { KernelWorker } from "#core/kernel/kernel.ts";
import type { AskedContent, RunningService, ServiceAnswer, ServiceCall, ServicePlace } from "#core/kernel/services.ts";
import type { EngineInit, FromEngine, ToEngine } from "./requests.ts";

/** The name under which hosts know the engine's worker program. */
const PROGRAM = "onnx";
/** What tells of, or changes, what all notebooks of this browser share. */
const OF_ALL_NOTEBOOKS: readonly string[] = ["stored", "forget", "fetch", "read", "pin"];

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
  /** Content that the engine waits for. */
  readonly #fetching = new Map<string, AbortController>();
  #hub: string | undefined;
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
      this.#tellHub(channel);
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
    this.#hub = undefined;
    channel.send({
      type: "init",
      assets: this.#place.asset(""),
      workspace: this.#place.workspace,
      isOffline: this.#place.isOffline ?? false,
    });
    return { worker, channel };
  }

  #tellHub(channel: Channel<FromEngine, ToEngine | EngineInit>): void {
    const { modelHub } = this.#place;
    if (modelHub === this.#hub) return;
    this.#hub = modelHub;
    channel.send({ type: "hub", hub: modelHub });
  }

  /** Gives the engine content by its CID. */
  async #give(id: string, asked: AskedContent): Promise<void> {
    const channel = this.#engine?.channel;
    const abort = new AbortController();
    this.#fetching.set(id, abort);
    try {
      const { content } = this.#place;
      if (!content) throw new KromaError("unavailable", "Nothing can be fetched by its CID here.");
      const bytes = await content.get(asked, {
        signal: abort.signal,
        onProgress: (here, total) => channel?.send({ type: "content_progress", parent: id, bytes: here, total }),
      });
      channel?.send({ type: "content", parent: id, bytes }, [bytes.buffer]);
    } catch (error) {
      channel?.send({ type: "content", parent: id, error: toWireError(error) });
    } finally {
      this.#fetching.delete(id);
    }
  }

  #hear(message: FromEngine): void {
    if (message.type === "content_request") return void this.#give(message.id, message.asked);
    if (message.type === "content_cancel") return this.#fetching.get(message.request)?.abort();
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
    for (const abort of this.#fetching.values()) abort.abort();
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}
