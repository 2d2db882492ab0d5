/**
 * The outside part of the Python kernel: starts the worker, answers what it waits for, ends what does not end by
 * itself and starts another one on the same channel.
 */
import type { Channel } from "#core/base/channel.ts";
import { KernelEnd } from "#core/kernel/kernel-end.ts";
import type { Kernel, KernelHost, KernelStart } from "#core/kernel/kernel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import { isInterruptPending, raiseInterrupt, writeAnswer } from "./control.ts";
import { Inside } from "./inside.ts";
import { Interruption } from "./interruption.ts";
import { fetchForPython } from "./page-fetch.ts";
import { Spares } from "./spares.ts";
import { Starts } from "./starts.ts";
import type { FromWorker } from "./wire.ts";

/** A restored interpreter that says nothing for so long does not work. */
const RESTORE_SILENCE = 10_000;
const SPARE_AFTER = 5000;

export interface PythonKernelOptions {
  /** Milliseconds after which an interrupted cell costs the kernel. */
  readonly restartAfter?: number;
  /** Milliseconds without a cell after which a spare interpreter is made, where the host has room for one. */
  readonly spareAfter?: number;
  /** Milliseconds between two looks at whether the worker answers. */
  readonly beat?: number;
}

/** What the starts of one kernel share. */
interface Shared {
  readonly options: PythonKernelOptions;
  readonly starts: Starts;
  readonly spares: Spares;
}

/** A Python kernel. Its later starts are faster than the first, since they share the compiled interpreter. */
export function createPythonKernel(options: PythonKernelOptions = {}): Kernel {
  const starts = new Starts();
  const shared: Shared = { options, starts, spares: new Spares(starts) };
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
    start: (start) => Promise.resolve(new RunningPython(start, shared).channel),
    prepare: (host) => shared.spares.prepareFirst(host),
    forget: (host) => shared.spares.drop(host),
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
  /** Ends the fetch, or the request to a service, that the answer waits for. */
  readonly fetching?: AbortController;
}

class RunningPython {
  readonly #host: KernelHost;
  readonly #shared: Shared;
  readonly #end: KernelEnd;
  #inside: Inside | undefined;
  /** The worker has its interpreter; before that it gets no requests. */
  #ready = false;
  #asked: Asked | undefined;
  #rest: Uint8Array | undefined;
  #asks = 0;
  #interruption: { readonly request: string; readonly stages: Interruption } | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #stopPreparing: (() => void) | undefined;

  constructor({ host, signal }: KernelStart, shared: Shared) {
    this.#host = host;
    this.#shared = shared;
    this.#end = new KernelEnd(signal, {
      receive: (message) => this.#receive(message),
      ping: () => this.#inside?.post({ type: "ping" }),
      beat: shared.options.beat,
      ended: () => {
        this.#calm();
        this.#stop();
      },
    });
    if (!this.#end.over) this.#start();
  }

  get channel(): Channel<FromKernel, ToKernel> {
    return this.#end.channel;
  }

  #start(): void {
    const listener = {
      hear: (message: FromWorker) => this.#hear(message),
      failed: (reason: string) => this.#end.die(reason),
    };
    const spare = this.#shared.spares.take(this.#host);
    // It may have died in its sleep without a word.
    if (spare) this.#expectAnswer(() => this.#restart());
    this.#inside = spare ?? new Inside(this.#host, listener);
    this.#inside.listener = listener;
    this.#end.say({ type: "status", status: "starting", stage: "Loading Python" });
    this.#inside.init(this.#shared.starts);
  }

  #stop(): void {
    clearTimeout(this.#silence);
    this.#stopPreparing?.();
    this.#inside?.stop();
    this.#inside = undefined;
    this.#ready = false;
    this.#forgetAsked();
  }

  #restart(): void {
    this.#stop();
    this.#end.closeComms();
    this.#start();
  }

  #expectAnswer(otherwise: () => void): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(otherwise, RESTORE_SILENCE);
  }

  #startPlainly(reason: string): void {
    this.#shared.starts.setPlain(this.#host);
    this.#end.say({
      type: "status",
      status: "starting",
      stage: `Loading Python without its snapshot (${reason})`,
    });
    this.#restart();
  }

  /** When nothing has run for a while, a spare is made: not now, when the next cell may be about to come. */
  #prepareSpare(): void {
    this.#stopPreparing?.();
    const { whenAtRest } = this.#host;
    if (!whenAtRest) return;
    let stop: (() => void) | undefined;
    const timer = setTimeout(() => {
      stop = whenAtRest(() => this.#shared.spares.prepare(this.#host));
    }, this.#shared.options.spareAfter ?? SPARE_AFTER);
    this.#stopPreparing = () => {
      clearTimeout(timer);
      stop?.();
    };
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case "shared":
        if (!this.#ready) this.#shared.starts.share(this.#host, message.parts);
        return;
      case "restoring":
        this.#expectAnswer(() => this.#startPlainly("it did not answer"));
        return;
      case "restore_failed":
        this.#startPlainly(message.reason);
        return;
      case "start_failed":
        this.#end.die(`Python could not start: ${message.reason}`);
        return;
      case "prepared":
        return;
      case "pong":
        this.#end.heard();
        return;
      case "ready":
        clearTimeout(this.#silence);
        this.#ready = true;
        this.#end.say({ type: "status", status: "idle" });
        for (const request of this.#end.open) this.#inside?.post(request);
        this.#prepareSpare();
        return;
      case "interrupt_seen":
        this.#interruption?.stages.seen();
        return;
      case "fatal":
        this.#end.die(message.reason);
        return;
      case "ask":
        this.#ask(message);
        return;
      case "ask_more":
        this.#writeRest(message.ask);
        return;
      case "service_tell":
        void this.#inside?.askService(message, [], new AbortController().signal);
        return;
      case "ask_over":
        if (this.#asked?.ask === message.ask) this.#forgetAsked();
        return;
      case "execute_reply":
        if (this.#interruption?.request === message.parent) this.#calm();
        this.#end.say(message);
        if (this.#end.open.length === 0) this.#prepareSpare();
        return;
      default:
        this.#end.say(message);
    }
  }

  #ask({ ask, parent, request }: Extract<FromWorker, { type: "ask" }>): void {
    const id = `python-${++this.#asks}`;
    this.#rest = undefined;
    if (request.type === "kernel_request") {
      this.#asked = { ask, parent, request: id };
      this.#end.say({ ...request, id, parent });
    } else if (request.type === "fetch_request") {
      const fetching = new AbortController();
      const asked = { ask, parent, request: id, fetching };
      this.#asked = asked;
      void fetchForPython(request, fetching.signal).then((answer) => {
        if (this.#asked === asked) this.#answer(asked, answer);
      });
    } else if (request.type === "service_request") {
      const fetching = new AbortController();
      const asked = { ask, parent, request: id, fetching };
      this.#asked = asked;
      void this.#inside?.askService(request, request.buffers, fetching.signal).then((answer) => {
        if (this.#asked === asked) this.#answerBytes(asked, answer);
      });
    } else {
      this.#asked = { ask, parent, request: undefined };
      this.#end.say({ ...request, parent });
    }
  }

  #receive(message: ToKernel): void {
    switch (message.type) {
      case "execute_request":
        this.#stopPreparing?.();
        if (this.#ready) this.#inside?.post(message);
        return;
      case "interrupt_request":
        this.#interrupt();
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
        this.#inside?.post(message, [...(message.buffers ?? [])]);
        return;
      default:
        this.#inside?.post(message);
    }
  }

  #forgetAsked(): void {
    this.#asked?.fetching?.abort();
    this.#asked = undefined;
  }

  #answer(asked: Asked, value: object): void {
    this.#answerBytes(asked, new TextEncoder().encode(JSON.stringify(value)));
  }

  #answerBytes({ ask }: Asked, bytes: Uint8Array<ArrayBuffer>): void {
    this.#asked = undefined;
    if (this.#inside?.control) {
      this.#rest = bytes;
      this.#writeRest(ask);
    } else this.#inside?.post({ type: "answer_later", ask, bytes }, [bytes.buffer]);
  }

  #writeRest(ask: number): void {
    const control = this.#inside?.control;
    if (control && this.#rest) this.#rest = writeAnswer(control, ask, this.#rest);
  }

  #interrupt(): void {
    if (this.#interruption) return this.#interruption.stages.again();
    const request = this.#end.open[0]?.id;
    const control = this.#inside?.control;
    // Something between the cells computes: it is that which is to end.
    if (this.#end.silent && control) raiseInterrupt(control);
    // While nothing runs yet, what waits for the start is taken back.
    if (request === undefined || !this.#ready) return this.#end.abortAll();
    const inside = this.#inside;
    const stages = new Interruption(
      {
        ask: () => inside?.post({ type: "interrupt_request", id: request }),
        ...(control ? { raise: () => raiseInterrupt(control), wasRaised: () => !isInterruptPending(control) } : {}),
        giveUp: (why) => this.#endByForce(request, why),
      },
      this.#shared.options.restartAfter,
    );
    this.#interruption = { request, stages };
  }

  #calm(): void {
    this.#interruption?.stages.close();
    this.#interruption = undefined;
  }

  #endByForce(parent: string, why: string): void {
    this.#calm();
    const text = `${why}, so Python was restarted: its variables are gone.`;
    this.#end.say({
      type: "error",
      parent,
      ename: "KeyboardInterrupt",
      evalue: text,
      traceback: [`KeyboardInterrupt: ${text}`],
    });
    this.#end.settle(parent, "error");
    this.#end.abortAll();
    this.#restart();
  }
}
