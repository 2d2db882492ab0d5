/** How cells ask what plugins do (core/kernel/services.ts): requests to the outside part, and who waits for which. */
import { fromWireError } from "#core/base/errors.ts";
import type {
  ServiceAnswer,
  ServiceCancel,
  ServiceProgress,
  ServiceReply,
  ServiceRequest,
} from "#core/kernel/services.ts";

interface Waiting {
  readonly parent: string;
  readonly resolve: (answer: ServiceAnswer) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: ((value: unknown) => void) | undefined;
}

/** What a cell may say of a request beside its value. */
export interface AskOptions {
  /** They move: whoever gave them has them no more. */
  readonly buffers?: readonly ArrayBuffer[];
  readonly signal?: AbortSignal | undefined;
  /** Told how far it is, in a form that is the service's. */
  readonly onProgress?: ((value: unknown) => void) | undefined;
}

/** The requests of one worker. */
export class ServiceClient {
  readonly #send: (message: ServiceRequest | ServiceCancel, transfer: readonly ArrayBuffer[]) => void;
  readonly #parent: () => string;
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;

  /** `parent` is the request whose code runs now: its interrupt gives up what it waits for. */
  constructor(
    send: (message: ServiceRequest | ServiceCancel, transfer: readonly ArrayBuffer[]) => void,
    parent: () => string,
  ) {
    this.#send = send;
    this.#parent = parent;
  }

  /** Asks. Rejects with a KromaError, or with the signal's reason. */
  async ask(service: string, method: string, value: unknown, options: AskOptions = {}): Promise<ServiceAnswer> {
    const { buffers = [], signal, onProgress } = options;
    signal?.throwIfAborted();
    const id = `service-${++this.#count}`;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#giveUp(id);
        reject(signal?.reason);
      };
      const done = (): void => signal?.removeEventListener("abort", abort);
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.set(id, {
        parent: this.#parent(),
        onProgress,
        resolve: (answer) => {
          done();
          resolve(answer);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      this.#send({ type: "service_request", id, service, method, value, buffers }, buffers);
    });
  }

  /** The answer has come, or how far it is. */
  take(message: ServiceReply | ServiceProgress): void {
    if (message.type === "service_progress") return this.#waiting.get(message.parent)?.onProgress?.(message.value);
    const { parent, value, buffers, error } = message;
    const waiting = this.#waiting.get(parent);
    this.#waiting.delete(parent);
    if (error) waiting?.reject(fromWireError(error));
    else waiting?.resolve({ value, buffers: buffers ?? [] });
  }

  /** Gives up what a request's code waits for. Nobody waits any more, so nothing is told. */
  cancel(parent: string): void {
    for (const [id, waiting] of this.#waiting) if (waiting.parent === parent) this.#giveUp(id);
  }

  #giveUp(id: string): void {
    if (this.#waiting.delete(id)) this.#send({ type: "service_cancel", request: id }, []);
  }
}
