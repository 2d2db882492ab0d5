/**
 * A service whose work a worker program does (service-program.ts is its inside), as a page or Node process has it: the program is
 * started with the first call, and again after it broke.
 */
import { type Channel, portChannel } from "../base/channel.ts";
import { fromWireError, KromaError, toWireError } from "../base/errors.ts";
import type { KernelWorker } from "./kernel.ts";
import { answerOfPeers } from "./program-peers.ts";
import type { FromProgram, ProgramInit, ToProgram } from "./service-program.ts";
import type { AskedContent, RunningService, ServiceAnswer, ServiceCall, ServicePlace } from "./services.ts";

/** Which program, and how sentences speak of it. */
export interface ProgramServiceParts {
  /** The name under which hosts know the worker program. */
  readonly program: string;
  /** What it is, as a sentence begins: "The engine that runs models". */
  readonly title: string;
  /** Methods that tell of, or change, what all notebooks of this browser share. */
  readonly ofAllNotebooks: readonly string[];
  /** It fetches from model hubs, and is told what a person signs in with there. */
  readonly signsIn?: boolean;
}

interface Waiting {
  readonly resolve: (answer: ServiceAnswer) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: ((value: unknown) => void) | undefined;
}

/** A service that a worker program does; the worker comes with the first call. */
export class ProgramService implements RunningService {
  readonly #place: ServicePlace;
  readonly #parts: ProgramServiceParts;
  readonly #waiting = new Map<string, Waiting>();
  #running:
    | { readonly worker: KernelWorker; readonly channel: Channel<FromProgram, ToProgram | ProgramInit> }
    | undefined;
  /** Content that the program waits for. */
  readonly #fetching = new Map<string, AbortController>();
  #hub: string | undefined;
  #tokens = "[]";
  #count = 0;

  constructor(place: ServicePlace, parts: ProgramServiceParts) {
    this.#place = place;
    this.#parts = parts;
  }

  call({ client, method, value, buffers, signal, onProgress }: ServiceCall): Promise<ServiceAnswer> {
    if (this.#place.foreign && this.#parts.ofAllNotebooks.includes(method))
      return Promise.reject(
        new KromaError("denied", "What other notebooks have fetched is not told to one that is not trusted."),
      );
    const id = `call-${++this.#count}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      const { channel } = (this.#running ??= this.#start());
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
    this.#running?.channel.send({ type: "leave", client });
  }

  close(): void {
    this.#stop(new KromaError("aborted", "The notebook was closed."));
  }

  #start(): { readonly worker: KernelWorker; readonly channel: Channel<FromProgram, ToProgram | ProgramInit> } {
    const worker = this.#place.spawn(this.#parts.program);
    const channel = portChannel<FromProgram, ToProgram | ProgramInit>(worker.port);
    worker.onError((reason) => this.#stop(new KromaError("unavailable", `${this.#parts.title} has failed: ${reason}`)));
    channel.receive((reply) => this.#hear(reply));
    this.#hub = undefined;
    this.#tokens = "[]";
    channel.send({
      type: "init",
      assets: this.#place.asset(""),
      workspace: this.#place.workspace,
      isOffline: this.#place.isOffline ?? false,
    });
    return { worker, channel };
  }

  #tellHub(channel: Channel<FromProgram, ToProgram | ProgramInit>): void {
    const { modelHub, modelTokens = [] } = this.#place;
    if (modelHub !== this.#hub) channel.send({ type: "hub", hub: modelHub });
    this.#hub = modelHub;
    const tokens = JSON.stringify(modelTokens);
    if (this.#parts.signsIn === true && tokens !== this.#tokens) channel.send({ type: "tokens", tokens: modelTokens });
    this.#tokens = tokens;
  }

  /** Gives the program content by its CID. */
  async #give(id: string, asked: AskedContent): Promise<void> {
    const channel = this.#running?.channel;
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

  #hear(message: FromProgram): void {
    if (message.type === "content_request") return void this.#give(message.id, message.asked);
    if (message.type === "content_cancel") return this.#fetching.get(message.request)?.abort();
    if (message.type === "peers_request") {
      const channel = this.#running?.channel;
      return void answerOfPeers(this.#place.peers, message.id, message.question).then((said) => channel?.send(said));
    }
    if (message.type === "file_kept") return this.#place.peers?.keeps(message.url, message.cid, message.size);
    if (message.type === "service_progress") return this.#waiting.get(message.parent)?.onProgress?.(message.value);
    const { parent, value, buffers, error, broken } = message;
    const waiting = this.#waiting.get(parent);
    this.#waiting.delete(parent);
    if (error) waiting?.reject(fromWireError(error));
    else waiting?.resolve({ value, buffers: buffers ?? [] });
    if (broken) this.#stop(new KromaError("unavailable", `${this.#parts.title} broke and was ended. Load again.`));
  }

  /** Ends the worker; who waits is told why. The next call starts another. */
  #stop(reason: KromaError): void {
    this.#running?.channel.close();
    this.#running?.worker.terminate();
    this.#running = undefined;
    for (const abort of this.#fetching.values()) abort.abort();
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}
