/** The real Python kernel in a Node worker thread, and short ways to run cells in it. */
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Channel } from "#core/base/channel.ts";
import type { Kernel, KernelHost, KernelSettings } from "#core/kernel/kernel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import { createPythonKernel } from "#kernels/python/kernel.ts";
import { startThread } from "../../../app/node/thread-worker.ts";
import { buildPythonAssets } from "../../../app/node/setup/python-assets.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const ASSETS = join(ROOT, "dist/site/assets");

export const SETTINGS: KernelSettings = {
  wheelMirrors: [],
  npmMirrors: [],
  pythonMemory: 1 << 30,
  vmMemory: 1 << 28,
};

export interface HostOptions {
  readonly settings?: Partial<KernelSettings>;
  readonly foreign?: boolean;
  readonly cache?: string;
  readonly assets?: string;
  readonly workspace?: SharedArrayBuffer;
}

/** A host whose workers are Node threads, as the command line's. */
export function threadHost(options: HostOptions = {}): KernelHost {
  const assets = pathToFileURL(options.assets ?? ASSETS).href;
  return {
    spawn: (program) =>
      startThread({
        program: pathToFileURL(join(ROOT, `kernels/${program}/worker.ts`)).href,
        cacheDirectory: options.cache ?? join(tmpdir(), "kroma-test-no-cache"),
        readable: [`${assets}/`],
      }),
    asset: (path) => `${assets}/${path}`,
    workspace: options.workspace,
    settings: { ...SETTINGS, ...options.settings },
    foreign: options.foreign ?? false,
  };
}

/** All that one cell said. */
export interface CellResult {
  readonly status: "ok" | "error" | "aborted";
  readonly count: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** text/plain of the result. */
  readonly result: string | undefined;
  readonly error: Extract<FromKernel, { type: "error" }> | undefined;
  /** Its traceback without colour. */
  readonly traceback: string;
  readonly messages: readonly FromKernel[];
}

export interface RunOptions {
  readonly name?: string;
  readonly silent?: boolean;
  /** Lines for input(); a function sees the prompt; what is missing is end of file. */
  readonly input?: (request: Extract<FromKernel, { type: "input_request" }>) => string | undefined;
  readonly shell?: (
    request: Extract<FromKernel, { type: "kernel_request" }>,
  ) => Partial<Extract<ToKernel, { type: "kernel_reply" }>>;
  /** Called with each message as it comes. */
  readonly onMessage?: (message: FromKernel) => void;
}

/** A started kernel. */
export class Cells {
  readonly channel: Channel<FromKernel, ToKernel>;
  readonly #abort: AbortController;
  readonly log: FromKernel[] = [];
  readonly #listeners = new Set<(message: FromKernel) => void>();
  #ids = 0;

  constructor(channel: Channel<FromKernel, ToKernel>, abort: AbortController) {
    this.channel = channel;
    this.#abort = abort;
    channel.receive((message) => {
      this.log.push(message);
      for (const listener of Array.from(this.#listeners)) listener(message);
    });
  }

  listen(listener: (message: FromKernel) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async next<T extends FromKernel>(accept: (message: FromKernel) => message is T): Promise<T>;
  async next(accept: (message: FromKernel) => boolean): Promise<FromKernel>;
  async next(accept: (message: FromKernel) => boolean): Promise<FromKernel> {
    return await new Promise((done) => {
      const stop = this.listen((message) => {
        if (!accept(message)) return;
        stop();
        done(message);
      });
    });
  }

  async idle(): Promise<void> {
    if (this.log.some((message) => message.type === "status" && message.status === "idle")) return;
    await this.next((message) => message.type === "status" && message.status === "idle");
  }

  interrupt(): void {
    this.channel.send({ type: "interrupt_request", id: `i${++this.#ids}` });
  }

  async run(code: string, options: RunOptions = {}): Promise<CellResult> {
    const id = `r${++this.#ids}`;
    const messages: FromKernel[] = [];
    return await new Promise((done) => {
      const stop = this.listen((message) => {
        if (!("parent" in message) || message.parent !== id) return;
        messages.push(message);
        options.onMessage?.(message);
        if (message.type === "input_request") {
          const value = options.input?.(message);
          this.channel.send({ type: "input_reply", parent: id, ...(value === undefined ? {} : { value }) });
        }
        if (message.type === "kernel_request") {
          const reply = options.shell?.(message) ?? { status: "aborted" as const };
          this.channel.send({ type: "kernel_reply", parent: message.id, status: "ok", ...reply });
        }
        if (message.type !== "execute_reply") return;
        stop();
        const text = (name: string) =>
          messages.map((m) => (m.type === "stream" && m.name === name ? m.text : "")).join("");
        const error = messages.find((m) => m.type === "error");
        const result = messages.find((m) => m.type === "execute_result");
        done({
          status: message.status,
          count: message.count,
          stdout: text("stdout"),
          stderr: text("stderr"),
          result: result?.data["text/plain"] as string | undefined,
          error,
          // oxlint-disable-next-line no-control-regex
          traceback: (error?.traceback.join("\n") ?? "").replace(/\x1b\[[\d;]*m/g, ""),
          messages,
        });
      });
      this.channel.send({
        type: "execute_request",
        id,
        code,
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.silent === undefined ? {} : { silent: options.silent }),
      });
    });
  }

  async complete(code: string, cursor = code.length) {
    const id = `c${++this.#ids}`;
    const reply = this.next(
      (m): m is Extract<FromKernel, { type: "complete_reply" }> => m.type === "complete_reply" && m.parent === id,
    );
    this.channel.send({ type: "complete_request", id, code, cursor });
    return await reply;
  }

  async inspect(code: string, cursor = code.length) {
    const id = `s${++this.#ids}`;
    const reply = this.next(
      (m): m is Extract<FromKernel, { type: "inspect_reply" }> => m.type === "inspect_reply" && m.parent === id,
    );
    this.channel.send({ type: "inspect_request", id, code, cursor });
    return await reply;
  }

  close(): void {
    this.#abort.abort();
  }
}

let built: Promise<void> | undefined;

/** Makes the assets if they are not there, starts a kernel and waits until it is idle. */
export async function startPython(options: HostOptions & { kernel?: Kernel } = {}): Promise<Cells> {
  await mkdir(ASSETS, { recursive: true });
  await (built ??= buildPythonAssets(ASSETS, () => undefined));
  const abort = new AbortController();
  const channel = await (options.kernel ?? createPythonKernel()).start({
    host: threadHost(options),
    signal: abort.signal,
  });
  const cells = new Cells(channel, abort);
  await cells.idle();
  return cells;
}

export { ASSETS };
