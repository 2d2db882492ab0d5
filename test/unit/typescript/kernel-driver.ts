/** Drives a kernel as a session does, for tests: runs code, collects what it says, answers what it asks. */
import type { Channel } from "#core/base/channel.ts";
import type { Kernel, KernelHost } from "#core/kernel/kernel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";

type Message<Type extends FromKernel["type"]> = Extract<FromKernel, { type: Type }>;

/** What came of one request. */
export interface RunResult {
  readonly status: "ok" | "error" | "aborted";
  readonly messages: readonly FromKernel[];
  readonly stdout: string;
  readonly stderr: string;
  readonly result: Readonly<Record<string, unknown>> | undefined;
  readonly displays: readonly Readonly<Record<string, unknown>>[];
  readonly error: Message<"error"> | undefined;
}

export class KernelDriver {
  readonly all: FromKernel[] = [];
  /** The kernels beside it that run, by language. */
  readonly others = new Map<string, KernelDriver>();
  readonly #channel: Channel<FromKernel, ToKernel>;
  readonly #ended = new Map<string, (status: RunResult["status"]) => void>();
  readonly #waits: {
    readonly fits: (message: FromKernel) => boolean;
    readonly resolve: (message: FromKernel) => void;
  }[] = [];
  #count = 0;

  private constructor(channel: Channel<FromKernel, ToKernel>) {
    this.#channel = channel;
    channel.receive((message) => {
      this.all.push(message);
      for (const wait of this.#waits.filter(({ fits }) => fits(message))) {
        this.#waits.splice(this.#waits.indexOf(wait), 1);
        wait.resolve(message);
      }
      // Other kernels are asked only if they run, and none does unless a test answers for it.
      if (message.type === "kernel_request" && message.ifRunning) void this.#answer(message);
      if (message.type === "status" && message.status === "idle" && message.parent !== undefined)
        this.#finish(message.parent);
      if (message.type === "execute_reply" && message.status === "aborted") this.#finish(message.parent);
    });
  }

  static async start(kernel: Kernel, host: KernelHost): Promise<KernelDriver> {
    const driver = new KernelDriver(await kernel.start({ host, signal: new AbortController().signal }));
    await driver.next((message) => message.type === "status" && message.status === "idle");
    return driver;
  }

  /** The next message that fits, or one that has come already since `from`. */
  next(fits: (message: FromKernel) => boolean, from = this.all.length): Promise<FromKernel> {
    const already = this.all.slice(from).find(fits);
    if (already) return Promise.resolve(already);
    return new Promise((resolve) => this.#waits.push({ fits, resolve }));
  }

  /** Hears all that comes from now on; returns the way to stop. */
  listen(listener: (message: FromKernel) => void): () => void {
    return this.#channel.receive(listener);
  }

  send(message: ToKernel): void {
    this.#channel.send(message);
  }

  /** Starts a run; the id at once, the result when it is over. */
  begin(code: string, name?: string): { readonly id: string; readonly over: Promise<RunResult> } {
    const id = `run-${++this.#count}`;
    const over = new Promise<RunResult["status"]>((resolve) => this.#ended.set(id, resolve)).then((status) =>
      this.#collect(id, status),
    );
    this.send({ type: "execute_request", id, code, name: name ?? `cell ${this.#count}` });
    return { id, over };
  }

  run(code: string, name?: string): Promise<RunResult> {
    return this.begin(code, name).over;
  }

  /** The result's plain text, or the error's name and message. */
  async show(code: string): Promise<string> {
    const { result, error } = await this.run(code);
    if (error) return `${error.ename}: ${error.evalue}`;
    return result === undefined ? "" : String(result["text/plain"]);
  }

  close(): void {
    this.#channel.close();
  }

  async #answer({ id, language, code }: Message<"kernel_request">): Promise<void> {
    const run = await this.others.get(language)?.run(code);
    this.send({ type: "kernel_reply", parent: id, status: run?.status ?? "error", stdout: run?.stdout ?? "" });
  }

  #finish(id: string): void {
    const reply = this.all.find((message) => message.type === "execute_reply" && message.parent === id) as
      | Message<"execute_reply">
      | undefined;
    if (!reply) return;
    this.#ended.get(id)?.(reply.status);
    this.#ended.delete(id);
  }

  #collect(id: string, status: RunResult["status"]): RunResult {
    const messages = this.all.filter((message) => "parent" in message && message.parent === id);
    const text = (name: string) =>
      messages.map((message) => (message.type === "stream" && message.name === name ? message.text : "")).join("");
    return {
      status,
      messages,
      stdout: text("stdout"),
      stderr: text("stderr"),
      result: messages.find((message) => message.type === "execute_result")?.data,
      displays: messages.flatMap((message) => (message.type === "display_data" ? [message.data] : [])),
      error: messages.find((message) => message.type === "error"),
    };
  }
}
