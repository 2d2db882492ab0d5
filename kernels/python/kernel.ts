/**
 * The outside part of the Python kernel: starts the worker, answers what it waits for, ends what does not end by
 * itself. An interrupt has three stages: cancel what is awaited, raise KeyboardInterrupt through shared memory, and at
 * last end the worker and start another one on the same channel.
 */
import type { Channel } from "#core/base/channel.ts";
import { Emitter } from "#core/base/events.ts";
import type { Kernel, KernelHost, KernelStart, KernelWorker } from "#core/kernel/kernel.ts";
import type { ExecuteRequest, FromKernel, ToKernel } from "#core/kernel/messages.ts";
import { newOwner, releaseOwner } from "#core/workspace/protocol.ts";
import { newControl, raiseInterrupt, writeAnswer } from "./control.ts";
import type { FromWorker, SharedParts, ToWorker } from "./wire.ts";

/** Milliseconds after the interrupt request. */
const RAISE_AFTER = 100;
const ASK_AGAIN_EVERY = 1000;
const RESTART_AFTER = 3000;
/** A restored interpreter that says nothing for so long does not work. */
const RESTORE_SILENCE = 10_000;

export interface PythonKernelOptions {
  /** Milliseconds after which an interrupted cell costs the kernel. */
  readonly restartAfter?: number;
}

/** What starts have in common: the compiled interpreter and snapshot, and whether restoring has failed here. */
interface Memory {
  readonly parts: Map<string, SharedParts>;
  readonly plain: Set<string>;
}

/** A Python kernel. Its later starts are faster than the first, since they share the compiled interpreter. */
export function createPythonKernel(options: PythonKernelOptions = {}): Kernel {
  const memory: Memory = { parts: new Map(), plain: new Set() };
  return {
    spec: {
      language: "python",
      displayName: "Python",
      kernelspec: "python3",
      languageInfo: {
        name: "python",
        version: "3.14.2",
        mimetype: "text/x-python",
        file_extension: ".py",
        pygments_lexer: "ipython3",
        codemirror_mode: { name: "ipython", version: 3 },
        nbconvert_exporter: "python",
      },
      magics: ["%%python", "%%python3", "%%py"],
    },
    start: (start) => Promise.resolve(new RunningPython(start, memory, options.restartAfter ?? RESTART_AFTER).channel),
  };
}

/** The Python kernel. */
export const pythonKernel: Kernel = createPythonKernel();

/** A question of the running cell that the session has been asked. */
interface Asked {
  readonly ask: number;
  readonly parent: string;
  /** The id of the kernel_request, or undefined for an input_request. */
  readonly request: string | undefined;
}

class RunningPython {
  readonly channel: Channel<FromKernel, ToKernel>;
  readonly #host: KernelHost;
  readonly #memory: Memory;
  readonly #restartAfter: number;
  readonly #out = new Emitter<FromKernel>();
  readonly #ended = new Emitter<string | undefined>();
  #early: FromKernel[] | undefined = [];
  #worker: KernelWorker | undefined;
  #control: SharedArrayBuffer | undefined;
  #owner: number | undefined;
  /** Requests that have no execute_reply yet, in order. The worker gets them once it is ready. */
  readonly #open: ExecuteRequest[] = [];
  /** Of them, those that have said busy. */
  readonly #busy = new Set<string>();
  /** Comms that the worker has open; they end with it. */
  readonly #comms = new Set<string>();
  #ready = false;
  #over = false;
  #asked: Asked | undefined;
  #rest: Uint8Array | undefined;
  #asks = 0;
  #interrupt:
    | { readonly request: string; readonly timers: Set<ReturnType<typeof setTimeout>>; seen: boolean }
    | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(start: KernelStart, memory: Memory, restartAfter: number) {
    this.#host = start.host;
    this.#memory = memory;
    this.#restartAfter = restartAfter;
    this.channel = {
      send: (message) => this.#receive(message),
      receive: (listener) => {
        const stop = this.#out.on(listener);
        const early = this.#early ?? [];
        this.#early = undefined;
        for (const message of early) this.#out.emit(message);
        return stop;
      },
      close: () => this.#end(undefined),
      onClose: (listener) => this.#ended.on(listener),
    };
    start.signal.addEventListener("abort", () => this.#end(undefined), { once: true });
    if (start.signal.aborted) this.#end(undefined);
    else this.#start();
  }

  get #key(): string {
    return this.#host.asset("pyodide/");
  }

  #say(message: FromKernel): void {
    if (this.#early) this.#early.push(message);
    else this.#out.emit(message);
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker?.port.postMessage(message, transfer);
  }

  #start(): void {
    const worker = this.#host.spawn("python");
    this.#worker = worker;
    this.#owner = this.#host.workspace && newOwner();
    this.#ready = false;
    this.#control = typeof SharedArrayBuffer === "undefined" ? undefined : newControl();
    worker.port.addEventListener("message", (event: MessageEvent) => {
      if (this.#worker === worker) this.#hear(event.data as FromWorker);
    });
    worker.port.addEventListener("messageerror" as "message", () => {
      if (this.#worker === worker) this.#die("Python said something that can't be read.");
    });
    worker.port.start?.();
    worker.onError((reason) => {
      if (this.#worker === worker) this.#die(`Python's worker has failed: ${reason}`);
    });
    this.#say({ type: "status", status: "starting", stage: "Loading Python" });
    const init: ToWorker = {
      type: "init",
      version: 1,
      workspace: this.#host.workspace,
      settings: this.#host.settings,
      foreign: this.#host.foreign,
      assets: this.#host.asset(""),
      control: this.#control,
      owner: this.#owner,
      shared: this.#memory.parts.get(this.#key),
      plain: this.#memory.plain.has(this.#key) || rememberedPlain(this.#key),
    };
    try {
      this.#post(init);
    } catch {
      // The compiled module can't go everywhere (another agent cluster): then each start has its own.
      this.#post({ ...init, shared: undefined });
    }
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case "shared":
        if (!this.#ready) this.#memory.parts.set(this.#key, message.parts);
        return;
      case "restoring":
        this.#silence = setTimeout(() => this.#startPlainly("it did not answer"), RESTORE_SILENCE);
        return;
      case "restore_failed":
        this.#startPlainly(message.reason);
        return;
      case "start_failed":
        this.#die(`Python could not start: ${message.reason}`);
        return;
      case "ready":
        clearTimeout(this.#silence);
        this.#ready = true;
        this.#say({ type: "status", status: "idle" });
        for (const request of this.#open) this.#post(request);
        return;
      case "interrupt_seen":
        if (this.#interrupt) this.#interrupt.seen = true;
        return;
      case "fatal":
        this.#die(message.reason);
        return;
      case "ask": {
        const request = message.request.type === "kernel_request" ? `python-${++this.#asks}` : undefined;
        this.#asked = { ask: message.ask, parent: message.parent, request };
        this.#rest = undefined;
        const { parent } = message;
        if (message.request.type === "kernel_request") {
          this.#say({ ...message.request, id: request as string, parent });
        } else this.#say({ ...message.request, parent });
        return;
      }
      case "ask_more":
        if (this.#rest && this.#control) this.#rest = writeAnswer(this.#control, message.ask, this.#rest);
        return;
      case "ask_over":
        if (this.#asked?.ask === message.ask) this.#asked = undefined;
        return;
      case "execute_reply":
        this.#settle(message.parent);
        this.#say(message);
        return;
      case "status":
        if (message.parent !== undefined) {
          if (message.status === "busy") this.#busy.add(message.parent);
          else this.#busy.delete(message.parent);
        }
        this.#say(message);
        return;
      case "comm_open":
      case "comm_close":
        if (message.type === "comm_open") this.#comms.add(message.comm);
        else this.#comms.delete(message.comm);
        this.#say(message);
        return;
      default:
        this.#say(message);
    }
  }

  #receive(message: ToKernel): void {
    if (this.#over) return;
    switch (message.type) {
      case "execute_request":
        this.#open.push(message);
        if (this.#ready) this.#post(message);
        return;
      case "interrupt_request":
        this.#interruptNow();
        return;
      case "input_reply":
        if (this.#asked && this.#asked.request === undefined && this.#asked.parent === message.parent) {
          this.#answer(this.#asked, { value: message.value });
        }
        return;
      case "kernel_reply":
        if (this.#asked?.request === message.parent) this.#answer(this.#asked, { ...message });
        return;
      case "comm_open":
      case "comm_msg":
        this.#post(message, [...(message.buffers ?? [])]);
        return;
      default:
        this.#post(message);
    }
  }

  #answer(asked: Asked, value: object): void {
    this.#asked = undefined;
    const text = JSON.stringify(value);
    if (this.#control) this.#rest = writeAnswer(this.#control, asked.ask, new TextEncoder().encode(text));
    else this.#post({ type: "answer_later", ask: asked.ask, text });
  }

  #interruptNow(): void {
    const request = this.#open[0]?.id;
    if (request === undefined || this.#interrupt) return;
    if (!this.#ready) {
      // Nothing runs yet: what waits for the start is taken back.
      this.#abortAll();
      return;
    }
    this.#interrupt = { request, timers: new Set(), seen: false };
    this.#later(this.#restartAfter, () => this.#interruptByForce(request));
    this.#askToStop(request);
  }

  /** Cancels what is awaited; raises KeyboardInterrupt only in a worker that gets no messages, because it computes. */
  #askToStop(request: string): void {
    if (!this.#interrupt) return;
    this.#interrupt.seen = false;
    this.#post({ type: "interrupt_request", id: request });
    this.#later(RAISE_AFTER, () => {
      if (this.#interrupt?.seen === false && this.#control) raiseInterrupt(this.#control);
    });
    this.#later(ASK_AGAIN_EVERY, () => this.#askToStop(request));
  }

  #later(ms: number, action: () => void): void {
    const { timers } = this.#interrupt ?? {};
    const timer = setTimeout(() => {
      timers?.delete(timer);
      action();
    }, ms);
    timers?.add(timer);
  }

  #calm(): void {
    for (const timer of this.#interrupt?.timers ?? []) clearTimeout(timer);
    this.#interrupt = undefined;
  }

  #settle(request: string): void {
    const at = this.#open.findIndex(({ id }) => id === request);
    if (at >= 0) this.#open.splice(at, 1);
    if (this.#interrupt?.request === request) this.#calm();
  }

  #interruptByForce(request: string): void {
    const seconds = this.#restartAfter / 1000;
    const text = `The cell did not stop within ${seconds} s of the interrupt, so Python was restarted: its variables are gone.`;
    this.#say({
      type: "error",
      parent: request,
      ename: "KeyboardInterrupt",
      evalue: text,
      traceback: [`KeyboardInterrupt: ${text}`],
    });
    this.#settle(request);
    this.#say({ type: "execute_reply", parent: request, status: "error", count: undefined });
    if (this.#busy.delete(request)) this.#say({ type: "status", status: "idle", parent: request });
    this.#abortAll();
    this.#restart();
  }

  #restart(): void {
    this.#stopWorker();
    for (const comm of this.#comms) this.#say({ type: "comm_close", comm });
    this.#comms.clear();
    this.#start();
  }

  #stopWorker(): void {
    clearTimeout(this.#silence);
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#asked = undefined;
    // The workspace's server closes what the worker had open.
    if (this.#host.workspace && this.#owner !== undefined) releaseOwner(this.#host.workspace, this.#owner);
    this.#owner = undefined;
  }

  #startPlainly(reason: string): void {
    rememberPlain(this.#key);
    this.#memory.plain.add(this.#key);
    this.#say({ type: "status", status: "starting", stage: `Loading Python without its snapshot (${reason})` });
    this.#restart();
  }

  #abortAll(): void {
    for (const { id: parent } of this.#open.splice(0)) {
      this.#say({ type: "execute_reply", parent, status: "aborted", count: undefined });
      if (this.#busy.delete(parent)) this.#say({ type: "status", status: "idle", parent });
    }
    this.#calm();
  }

  #die(reason: string): void {
    if (this.#over) return;
    this.#abortAll();
    this.#say({ type: "status", status: "dead", reason });
    this.#end(reason);
  }

  #end(reason: string | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#calm();
    this.#stopWorker();
    this.#ended.emit(reason);
  }
}

/** The page's own memory of a browser in which the snapshot does not work; nothing elsewhere. */
function pageStorage(): { getItem(key: string): string | null; setItem(key: string, value: string): void } | undefined {
  const scope = globalThis as { document?: unknown; localStorage?: Storage };
  try {
    return scope.document === undefined ? undefined : scope.localStorage;
  } catch {
    return undefined;
  }
}
type Storage = NonNullable<ReturnType<typeof pageStorage>>;

/** Another browser version gets another try. */
const plainKey = (key: string) =>
  `kroma-python-plain ${key} ${(globalThis as { navigator?: { userAgent: string } }).navigator?.userAgent}`;

function rememberedPlain(key: string): boolean {
  return pageStorage()?.getItem(plainKey(key)) === "1";
}

function rememberPlain(key: string): void {
  try {
    pageStorage()?.setItem(plainKey(key), "1");
  } catch {
    // Storage is full or denied: it is tried again next time.
  }
}
