/** The services of one open notebook: starts each when it is first asked for, and answers kernels' requests. */
import { KromaError, toWireError } from "../base/errors.ts";
import type {
  RunningService,
  Service,
  ServiceAnswer,
  ServiceCall,
  ServiceCancel,
  ServicePlace,
  ServiceProgress,
  ServiceReply,
  ServiceRequest,
} from "./services.ts";

/** What a KernelHost offers its kernels of services. */
export interface KernelServices {
  /** Asks a service by name. Rejects with `missing` when there is none of this name. */
  call(service: string, call: ServiceCall): Promise<ServiceAnswer>;
  /** A client has ended. */
  leave(client: string): void;
}

/** Starts services as they are asked for. One that could not start is tried again by the next call. */
export class ServiceHost implements KernelServices {
  readonly #services: ReadonlyMap<string, Service>;
  readonly #place: ServicePlace;
  readonly #running = new Map<string, Promise<RunningService>>();
  readonly #started = new Set<RunningService>();
  #closed = false;

  constructor(services: ReadonlyMap<string, Service>, place: ServicePlace) {
    this.#services = services;
    this.#place = place;
  }

  async call(service: string, call: ServiceCall): Promise<ServiceAnswer> {
    const running = await this.#start(service);
    call.signal.throwIfAborted();
    return running.call(call);
  }

  /** True once the service was asked for something. */
  isRunning(service: string): boolean {
    return this.#running.has(service);
  }

  leave(client: string): void {
    for (const service of this.#started) service.leave(client);
  }

  /** Ends all that was started. */
  close(): void {
    this.#closed = true;
    for (const running of this.#running.values())
      void running.then(
        (service) => service.close(),
        () => undefined,
      );
    this.#running.clear();
    this.#started.clear();
  }

  #start(name: string): Promise<RunningService> {
    const already = this.#running.get(name);
    if (already) return already;
    const service = this.#services.get(name);
    if (!service || this.#closed) {
      return Promise.reject(new KromaError("missing", `There is no service "${name}" in this Kroma.`));
    }
    const running = service.start(this.#place);
    this.#running.set(name, running);
    running.then(
      (started) => this.#closed || this.#started.add(started),
      () => this.#running.delete(name),
    );
    return running;
  }
}

/** The requests of one kernel's worker, as its outside part answers them. */
export class ServiceRequests {
  readonly #services: KernelServices | undefined;
  readonly #client: string = crypto.randomUUID();
  readonly #reply: (reply: ServiceReply | ServiceProgress, transfer: readonly ArrayBuffer[]) => void;
  readonly #open = new Map<string, AbortController>();

  constructor(
    services: KernelServices | undefined,
    reply: (reply: ServiceReply | ServiceProgress, transfer: readonly ArrayBuffer[]) => void,
  ) {
    this.#services = services;
    this.#reply = reply;
  }

  /** Answers in its time (R1); a cancelled request stays unanswered. */
  take(message: ServiceRequest | ServiceCancel): void {
    if (message.type === "service_cancel") {
      this.#open.get(message.request)?.abort();
      this.#open.delete(message.request);
      return;
    }
    void this.#answer(message);
  }

  /** The worker has ended: what it asked is given up. */
  close(): void {
    this.#services?.leave(this.#client);
    for (const abort of this.#open.values()) abort.abort();
    this.#open.clear();
  }

  async #answer({ id: parent, service, method, value, buffers }: ServiceRequest): Promise<void> {
    const abort = new AbortController();
    this.#open.set(parent, abort);
    let reply: ServiceReply;
    try {
      if (!this.#services) throw new KromaError("missing", "There are no services here.");
      const onProgress = (progress: unknown): void => {
        if (this.#open.has(parent)) this.#reply({ type: "service_progress", parent, value: progress }, []);
      };
      const call = { client: this.#client, method, value, buffers, signal: abort.signal, onProgress };
      const answer = await this.#services.call(service, call);
      reply = { type: "service_reply", parent, value: answer.value, buffers: answer.buffers ?? [] };
    } catch (error) {
      reply = { type: "service_reply", parent, error: toWireError(error) };
    }
    if (!this.#open.delete(parent)) return;
    this.#reply(reply, reply.buffers ?? []);
  }
}
