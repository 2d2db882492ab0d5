/**
 * One start of a kernel, as the runner holds it: the channel, the messages that wait to be applied together, and the
 * questions (completion, inspection) whose answers are not part of the session's state.
 */
import type { Channel } from "../base/channel.ts";
import type { Kernel, KernelStart } from "../kernel/kernel.ts";
import type {
  CommClose,
  CommMessage,
  CommOpen,
  CompleteReply,
  FromKernel,
  InspectReply,
  ToKernel,
} from "../kernel/messages.ts";
import type { FromMachine } from "../kernel/machine.ts";
import type { FromTerminal } from "../kernel/terminals.ts";

/** Messages of outputs wait at most so long for others, so that a screen frame costs one application. */
const BATCH_MILLISECONDS = 16;

export interface ConnectionListener {
  messages(messages: readonly FromKernel[]): void;
  comm(message: CommOpen | CommMessage | CommClose): void;
  terminal(message: FromTerminal): void;
  machine(message: Exclude<FromMachine, { type: "machine_activity" | "web_wanted" }>): void;
  closed(reason: string | undefined): void;
}

/** A kernel that starts or runs. After `stop` it says nothing more. */
export class KernelConnection {
  readonly #listener: ConnectionListener;
  readonly #abort = new AbortController();
  readonly #questions = new Map<string, (reply: CompleteReply | InspectReply | undefined) => void>();
  #channel: Channel<FromKernel, ToKernel> | undefined;
  /** What was sent before the channel was there. */
  readonly #early: { readonly message: ToKernel; readonly transfer: readonly Transferable[] | undefined }[] = [];
  #waiting: FromKernel[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastFlush = 0;
  #flushesSoon = false;
  #ended = false;

  /** The kernel starts when `ready` has resolved; at once if there is none. */
  constructor(kernel: Kernel, given: Omit<KernelStart, "signal">, listener: ConnectionListener, ready?: Promise<void>) {
    this.#listener = listener;
    // A start that throws in its first step is the same as one that fails later.
    const start = async (): Promise<Channel<FromKernel, ToKernel>> => {
      if (ready) await ready;
      return kernel.start({ ...given, signal: this.#abort.signal });
    };
    start().then(
      (channel) => this.#open(channel),
      (error: unknown) => this.#end(error instanceof Error ? error.message : String(error)),
    );
  }

  send(message: ToKernel, transfer?: readonly Transferable[]): void {
    if (this.#channel) this.#channel.send(message, transfer);
    else if (!this.#ended) this.#early.push({ message, transfer });
  }

  /** Resolves with the kernel's answer, or with undefined when the kernel ends first. */
  ask(
    message: Extract<ToKernel, { type: "complete_request" | "inspect_request" }>,
  ): Promise<CompleteReply | InspectReply | undefined> {
    const channel = this.#channel;
    if (!channel || this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#questions.set(message.id, resolve);
      channel.send(message);
    });
  }

  /** Ends the kernel at once; messages not yet applied are dropped. */
  stop(): void {
    if (this.#ended) return;
    this.#finish();
    this.#abort.abort();
    this.#channel?.close();
  }

  #open(channel: Channel<FromKernel, ToKernel>): void {
    this.#channel = channel;
    if (this.#ended) return channel.close();
    channel.onClose((reason) => this.#end(reason));
    channel.receive((message) => this.#take(message));
    for (const { message, transfer } of this.#early.splice(0)) channel.send(message, transfer);
  }

  #take(message: FromKernel): void {
    if (this.#ended) return;
    switch (message.type) {
      case "complete_reply":
      case "inspect_reply": {
        const resolve = this.#questions.get(message.parent);
        this.#questions.delete(message.parent);
        return resolve?.(message);
      }
      case "comm_open":
      case "comm_msg":
      case "comm_close":
        this.#flush();
        return this.#listener.comm(message);
      case "terminal_output":
      case "terminal_exit":
      case "terminal_jobs_reply":
        return this.#listener.terminal(message);
      case "port_open":
      case "http_response":
      case "http_data":
      case "http_end":
        return this.#listener.machine(message);
      case "stream":
      case "display_data":
      case "update_display_data":
      case "clear_output": {
        this.#waiting.push(message);
        const due = this.#lastFlush + BATCH_MILLISECONDS - performance.now();
        if (due <= 0) this.#flushSoon();
        else this.#timer ??= setTimeout(() => this.#flush(), due);
        return;
      }
      default:
        this.#waiting.push(message);
        this.#flushSoon();
    }
  }

  /** At the end of this turn, not inside the kernel's own call: an answer must not come in the middle of that. */
  #flushSoon(): void {
    if (this.#flushesSoon) return;
    this.#flushesSoon = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (this.#ended) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushesSoon = false;
    this.#lastFlush = performance.now();
    if (this.#waiting.length === 0) return;
    const messages = this.#waiting;
    this.#waiting = [];
    this.#listener.messages(messages);
  }

  #end(reason: string | undefined): void {
    if (this.#ended) return;
    this.#flush();
    if (this.#ended) return;
    this.#finish();
    this.#listener.closed(reason);
  }

  #finish(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const resolve of this.#questions.values()) resolve(undefined);
    this.#questions.clear();
  }
}
