/**
 * A kernel's end of its channel, as the part outside the worker keeps it: what is said before anyone listens waits, and
 * the requests under way are known, so that K1, K2 and K7 (messages.ts) also hold for a worker that can't answer.
 * Ending the worker is the owner's business.
 */
import type { Channel } from "../base/channel.ts";
import { Emitter } from "../base/events.ts";
import type { ExecuteRequest, FromKernel, ToKernel } from "./messages.ts";
import { Watch } from "./watch.ts";

/** What the owner does when the session speaks, and once when the channel ends from either side. */
export interface KernelEndOwner {
  receive(message: ToKernel, transfer: readonly Transferable[]): void;
  ended(): void;
  /** Asks the worker for a sign of life, which is then given to `heard`. */
  ping(): void;
  /** Milliseconds from one such question to the next. */
  readonly beat?: number | undefined;
}

export class KernelEnd {
  /** The other end: what `Kernel.start` resolves with. */
  readonly channel: Channel<FromKernel, ToKernel>;
  readonly #owner: KernelEndOwner;
  readonly #watch: Watch;
  readonly #out = new Emitter<FromKernel>();
  readonly #ended = new Emitter<string | undefined>();
  readonly #open: ExecuteRequest[] = [];
  /** Requests that have said busy and not yet idle. */
  readonly #busy = new Set<string>();
  readonly #comms = new Set<string>();
  #early: FromKernel[] | undefined = [];
  #over = false;

  /** `signal` ends the channel, as the session's `close` does. */
  constructor(signal: AbortSignal, owner: KernelEndOwner) {
    this.#owner = owner;
    this.#watch = new Watch({
      // What computes answers when it is done.
      ask: () => (this.#busy.size > 0 ? this.#watch.heard() : owner.ping()),
      tell: (responding) => this.say({ type: "responding", responding }),
      beat: owner.beat,
    });
    this.channel = {
      send: (message, transfer = []) => {
        if (this.#over) return;
        if (message.type === "execute_request") this.#open.push(message);
        owner.receive(message, transfer);
      },
      receive: (listener) => {
        const stop = this.#out.on(listener);
        const early = this.#early ?? [];
        this.#early = undefined;
        for (const message of early) this.#out.emit(message);
        return stop;
      },
      close: () => this.end(undefined),
      onClose: (listener) => this.#ended.on(listener),
    };
    signal.addEventListener("abort", () => this.end(undefined), { once: true });
    if (signal.aborted) this.#over = true;
  }

  /** True once nothing is said or heard any more; from the start if the signal had already ended it. */
  get over(): boolean {
    return this.#over;
  }

  /** Requests without an execute_reply, in the order they came: the first is the one that runs. */
  get open(): readonly ExecuteRequest[] {
    return this.#open;
  }

  /** The worker runs nothing and does not answer. */
  get silent(): boolean {
    return this.#watch.silent;
  }

  /** The worker has given its sign of life. */
  heard(): void {
    this.#watch.heard();
  }

  /** Tells the session. */
  say(message: FromKernel): void {
    if (this.#over) return;
    this.#note(message);
    if (this.#early) this.#early.push(message);
    else this.#out.emit(message);
  }

  #note(message: FromKernel): void {
    if (message.type === "execute_reply") {
      const index = this.#open.findIndex(({ id }) => id === message.parent);
      if (index >= 0) this.#open.splice(index, 1);
    } else if (message.type === "status") {
      const { parent, status } = message;
      if (parent === undefined) {
        if (status === "idle") this.#watch.start();
        else this.#watch.stop();
      } else if (status === "busy") {
        this.#busy.add(parent);
        // A question that is open now waits for the end of the run.
        this.#watch.heard();
      } else this.#busy.delete(parent);
    } else if (message.type === "comm_open") this.#comms.add(message.comm);
    else if (message.type === "comm_close") this.#comms.delete(message.comm);
  }

  /** Answers a request in the worker's place. */
  settle(parent: string, status: "error" | "aborted"): void {
    this.say({ type: "execute_reply", parent, status, count: undefined });
    if (this.#busy.has(parent)) this.say({ type: "status", status: "idle", parent });
  }

  /** Answers all requests: nobody else will. */
  abortAll(): void {
    for (const { id } of this.#open.slice()) this.settle(id, "aborted");
  }

  /** The comms ended with their worker. */
  closeComms(): void {
    for (const comm of this.#comms) this.say({ type: "comm_close", comm });
  }

  /** K7: the kernel is dead, for a reason that a person can read. */
  die(reason: string): void {
    if (this.#over) return;
    this.abortAll();
    this.say({ type: "status", status: "dead", reason });
    this.end(reason);
  }

  end(reason: string | undefined): void {
    if (this.#over) return;
    this.#watch.stop();
    this.#over = true;
    this.#owner.ended();
    this.#ended.emit(reason);
  }
}
