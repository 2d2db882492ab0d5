/**
 * The Python kernel's worker program, in a browser's worker and in a Node thread. Takes PythonInit, starts the
 * interpreter, then runs requests one at a time; interrupts, completion and comms are handled between Python's steps.
 */
import type { ExecuteRequest, FromKernel, ToKernel } from "#core/kernel/messages.ts";
import { giveUpPowers } from "./powers.ts";
import { WorkerControl } from "./control.ts";
import { startInterpreter, type Python, type Started, type StartOptions } from "./interpreter.ts";
import { PythonHost } from "./python-host.ts";
import type { FromWorker, PythonInit, ToWorker } from "./wire.ts";
import { mountWorkspace } from "./workspace.ts";

/** The functions of `_kroma.worker` (Python). Each takes and gives plain strings. */
interface PythonSide {
  setup(host: PythonHost): { toJs(): number[]; destroy(): void };
  enter(directory: string): void;
  run(code: string, name: string | undefined, silent: boolean, stored: boolean): Promise<string>;
  interrupt(): boolean;
  complete(code: string, cursor: number): string;
  inspect(code: string, cursor: number): string;
  comm(message: string, buffers: readonly ArrayBuffer[]): void;
  selfCheck(callback: (value: number) => number): Promise<number>;
}

const scope = self as unknown as {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<ToWorker>) => void): void;
};
const post = (message: FromWorker, transfer: Transferable[] = []) => scope.postMessage(message, transfer);

/** Source text of Python modules, as the build writes it. */
type ModuleBundle = Readonly<Record<string, { readonly source: string; readonly package: boolean }>>;

async function installModules(python: Python, assets: string): Promise<void> {
  const response = await fetch(`${assets}pyodide/kroma_runtime.json`);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  const bundle = (await response.json()) as ModuleBundle;
  const scope = python.toPy({ modules: bundle, __name__: "bootstrap" }) as ReturnType<Python["toPy"]>;
  python.runPython(bundle["bootstrap"]?.source ?? "", { globals: scope, filename: "<kroma>/bootstrap.py" });
  python.runPython("install(modules)", { globals: scope });
}

class PythonWorker {
  readonly #side: PythonSide;
  readonly #host: PythonHost;
  readonly #control: WorkerControl | undefined;
  readonly #queue: ExecuteRequest[] = [];
  #running = false;

  constructor(side: PythonSide, host: PythonHost, control: WorkerControl | undefined) {
    this.#side = side;
    this.#host = host;
    this.#control = control;
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case "execute_request":
        this.#queue.push(message);
        if (!this.#running) void this.#runAll();
        return;
      case "interrupt_request":
        // The event loop is alive, so KeyboardInterrupt must not be raised: it could hit the loop itself.
        this.#control?.clearInterrupt();
        if (this.#running) this.#side.interrupt();
        post({ type: "interrupt_seen" });
        return;
      case "complete_request":
      case "inspect_request":
        this.#look(message);
        return;
      case "comm_open":
      case "comm_msg":
      case "comm_close": {
        const { buffers, ...plain } = message as Extract<ToKernel, { type: "comm_msg" }>;
        this.#safely(() => this.#side.comm(JSON.stringify(plain), buffers ?? []));
        return;
      }
      case "ping":
        post({ type: "pong" });
        return;
      case "answer_later":
        this.#host.answerLater(message.ask, message.bytes);
        return;
      default:
        return;
    }
  }

  async #runAll(): Promise<void> {
    this.#running = true;
    for (let request = this.#queue.shift(); request; request = this.#queue.shift()) {
      await this.#run(request);
    }
    this.#running = false;
  }

  async #run(request: ExecuteRequest): Promise<void> {
    const parent = request.id;
    this.#host.parent = parent;
    post({ type: "status", status: "busy", parent });
    this.#control?.clearInterrupt();
    let reply: { status: "ok" | "error"; count: number | undefined };
    try {
      const { code, name, silent = false, storeHistory = true } = request;
      const answer = JSON.parse(await this.#side.run(code, name, silent, storeHistory)) as {
        status: "ok" | "error";
        count: number | null;
      };
      reply = { status: answer.status, count: answer.count ?? undefined };
    } catch (error) {
      // Only an interrupt that hits the few lines around the user's code comes here.
      const name = String((error as { type?: unknown }).type ?? "KeyboardInterrupt");
      post({ type: "error", parent, ename: name, evalue: "", traceback: [name] });
      reply = { status: "error", count: undefined };
    }
    this.#control?.clearInterrupt();
    this.#host.drain();
    post({ type: "execute_reply", parent, ...reply });
    post({ type: "status", status: "idle", parent });
  }

  #look(message: Extract<ToKernel, { type: "complete_request" | "inspect_request" }>): void {
    const { code, cursor, id: parent } = message;
    let reply: FromKernel;
    try {
      reply =
        message.type === "complete_request"
          ? { type: "complete_reply", parent, ...JSON.parse(this.#side.complete(code, cursor)) }
          : { type: "inspect_reply", parent, data: JSON.parse(this.#side.inspect(code, cursor)) ?? undefined };
    } catch {
      reply =
        message.type === "complete_request"
          ? { type: "complete_reply", parent, matches: [], start: cursor, end: cursor }
          : { type: "inspect_reply", parent, data: undefined };
    }
    post(reply);
  }

  #safely(action: () => void): void {
    try {
      action();
    } catch (error) {
      const parent = this.#host.parent;
      if (parent) post({ type: "stream", parent, name: "stderr", text: `${messageOf(error)}\n` });
    } finally {
      this.#host.drain();
    }
  }
}

/** An interpreter with Kroma's modules in it, checked, that knows no notebook yet. */
interface Prepared {
  readonly started: Started;
  readonly side: PythonSide;
  /** Milliseconds after the first message, by what was reached. */
  readonly ms: Record<string, number>;
  mark(what: string): void;
}

/** Starts the interpreter. What goes wrong is said, and then there is none. */
async function prepare(options: StartOptions): Promise<Prepared | undefined> {
  const begin = performance.now();
  const ms: Record<string, number> = {};
  const mark = (what: string) => {
    ms[what] = Math.round(performance.now() - begin);
  };
  const failed = (error: unknown, snapshot: boolean) => {
    post({ type: snapshot ? "restore_failed" : "start_failed", reason: messageOf(error) });
    return undefined;
  };
  let started: Started;
  try {
    started = await startInterpreter(options, mark, () => post({ type: "restoring" }));
  } catch (error) {
    return failed(error, !options.plain);
  }
  const { python, snapshot } = started;
  try {
    if (!snapshot) await installModules(python, options.assets);
    const side = python.pyimport("_kroma.worker") as unknown as PythonSide;
    // The answer proves bytecode, an await and a callback through a proxy.
    if (snapshot && (await side.selfCheck((value) => value + 1)) !== 3) throw new Error("the self-check failed");
    return { started, side, ms, mark };
  } catch (error) {
    return failed(error, snapshot);
  }
}

/** Gives the interpreter its notebook. */
function begin({ started, side, ms, mark }: Prepared, init: PythonInit): PythonWorker | undefined {
  const { python, snapshot } = started;
  try {
    started.limitMemory(init.settings.pythonMemory);
    const control = init.control && new WorkerControl(init.control);
    const host = new PythonHost(python, control, init, post);
    host.attach(side.setup(host));
    const mounted = mountWorkspace(started, init.workspace, init.owner, () => control?.interrupted ?? false);
    side.enter("/workspace");
    if (!mounted) {
      post({
        type: "status",
        status: "starting",
        stage: "Python without the shared workspace: files stay in its memory",
      });
    }
    if (!init.shared) post({ type: "shared", parts: started.parts });
    if (init.foreign) giveUpPowers();
    outliveUncaughtErrors(host);
    mark("ready");
    post({ type: "ready", snapshot, ms });
    return new PythonWorker(side, host, control);
  } catch (error) {
    post({ type: snapshot ? "restore_failed" : "start_failed", reason: messageOf(error) });
    return undefined;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** An error in a callback that nobody waits for is told below the cell; it does not end the kernel. */
function outliveUncaughtErrors(host: PythonHost): void {
  const tell = (error: unknown) => {
    post({ type: "stream", parent: host.parent, name: "stderr", text: `${messageOf(error).trimEnd()}\n` });
  };
  const node = (globalThis as { process?: { on?: (event: string, listener: (error: unknown) => void) => void } })
    .process;
  if (node?.on) {
    node.on("uncaughtException", tell);
    node.on("unhandledRejection", tell);
    return;
  }
  self.addEventListener("error", (event) => {
    event.preventDefault();
    tell(event.error ?? event.message);
  });
  self.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    tell(event.reason);
  });
}

let prepared: Promise<Prepared | undefined> | undefined;
let worker: Promise<PythonWorker | undefined> | undefined;
scope.addEventListener("message", ({ data }) => {
  if (data.type === "prepare") {
    prepared = prepare({ ...data, plain: false });
    void prepared.then((ready) => ready && post({ type: "prepared" }));
  } else if (data.type === "init") {
    if (!prepared) {
      post({ type: "status", status: "starting", stage: data.plain ? "Loading Python" : "Restoring Python" });
      prepared = prepare(data);
    }
    worker = prepared.then((ready) => ready && begin(ready, data));
  } else void worker?.then((running) => running?.receive(data));
});
