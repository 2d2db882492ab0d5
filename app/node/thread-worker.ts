/** A Node worker thread behind the face of a browser's Worker. */
import { type TransferListItem, Worker } from "node:worker_threads";
import type { PortLike } from "#core/base/channel.ts";
import { Emitter } from "#core/base/events.ts";
import type { KernelWorker } from "#core/kernel/kernel.ts";
import type { KernelThreadData } from "./kernel-thread.ts";

type Listener = (event: MessageEvent) => void;

/**
 * Starts the thread of a kernel's worker program. It has no environment variables and no standard streams. With `confined`, it
 * may read these folders and nothing else of the disk, write nothing, and start no process and no thread (Node's permission
 * model, which holds for one thread: https://nodejs.org/api/permissions.html). The network is not confined by Node.
 */
export function startThread(
  data: Omit<KernelThreadData, "isConfined">,
  confined?: readonly string[],
): KernelWorker & { readonly ended: Promise<void> } {
  const worker = new Worker(new URL("./kernel-thread.ts", import.meta.url), {
    workerData: { ...data, isConfined: confined !== undefined } satisfies KernelThreadData,
    env: {},
    execArgv: ["--disable-warning=ExperimentalWarning", ...(confined ? confinement(confined) : [])],
    stdout: true,
    stderr: true,
  });
  // What a library writes to the process by itself is nobody's output; kernels speak in messages.
  worker.stdout.resume();
  worker.stderr.resume();
  const failed = new Emitter<string>();
  let over = false;
  worker.on("error", (error: unknown) => {
    over = true;
    failed.emit(error instanceof Error ? error.message : String(error));
  });
  const ended = new Promise<void>((resolve) => {
    worker.on("exit", (code) => {
      if (!over) failed.emit(`the thread ended with status ${code}`);
      over = true;
      resolve();
    });
  });
  return {
    port: workerPort(worker),
    terminate() {
      over = true;
      void worker.terminate();
    },
    onError: (listener) => failed.on(listener),
    ended,
  };
}

/** SQLite is not under the permission model: its files could be anywhere. */
const confinement = (folders: readonly string[]): readonly string[] => [
  "--permission",
  "--no-experimental-sqlite",
  ...folders.map((folder) => `--allow-fs-read=${folder}`),
];

/** A thread's message pipe as a PortLike. */
function workerPort(worker: Worker): PortLike {
  const forwards = new Map<Listener, (value: unknown) => void>();
  return {
    postMessage: (message, transfer) => worker.postMessage(message, transfer as readonly TransferListItem[]),
    addEventListener(type, listener) {
      if (forwards.has(listener)) return;
      const forward = (data: unknown) => listener({ type, data } as MessageEvent);
      forwards.set(listener, forward);
      worker.on(type, forward);
    },
    removeEventListener(type, listener) {
      const forward = forwards.get(listener);
      if (!forward) return;
      forwards.delete(listener);
      worker.off(type, forward);
    },
  };
}
