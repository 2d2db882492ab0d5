/** What the outside part of the Python kernel and its worker say to each other beyond the kernel protocol. */
import type { KernelInit } from "#core/kernel/kernel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import type { Ping, Pong } from "#core/kernel/watch.ts";

/** The first message: KernelInit and what the kernel itself needs. */
export interface PythonInit extends KernelInit {
  /** Shared words for interrupts and answers; undefined where there is no SharedArrayBuffer. */
  readonly control: SharedArrayBuffer | undefined;
  /** Compiled interpreter and snapshot of an earlier start. */
  readonly shared: SharedParts | undefined;
  /** Names this worker to the workspace's file server. */
  readonly owner: number | undefined;
  /** True: don't restore the snapshot. */
  readonly plain: boolean;
}

/** What a later start can have from the first: costs nothing to send again. */
export interface SharedParts {
  readonly module: WebAssembly.Module;
  readonly pack: ArrayBuffer | SharedArrayBuffer | undefined;
}

/** Before PythonInit, for a worker that is kept ready: restore the interpreter. */
export interface PythonPrepare {
  readonly type: "prepare";
  readonly assets: string;
  readonly shared: SharedParts | undefined;
}

export type ToWorker =
  | PythonPrepare
  | PythonInit
  | ToKernel
  | Ping
  /** The answer, where there is no shared memory to put it in. */
  | { readonly type: "answer_later"; readonly ask: number; readonly bytes: Uint8Array };

export type FromWorker =
  | FromKernel
  | Pong
  /** Sent before any code of the user's has run; later ones are not believed. */
  | { readonly type: "shared"; readonly parts: SharedParts }
  /** The snapshot's pages are in the heap; from now on silence means that it does not work. */
  | { readonly type: "restoring" }
  | { readonly type: "restore_failed"; readonly reason: string }
  /** Restored and checked: it waits for its init. */
  | { readonly type: "prepared" }
  | { readonly type: "ready"; readonly snapshot: boolean; readonly ms: Readonly<Record<string, number>> }
  | { readonly type: "start_failed"; readonly reason: string }
  /** The worker's event loop is alive: what was awaited has been cancelled. */
  | { readonly type: "interrupt_seen" }
  | { readonly type: "fatal"; readonly reason: string }
  /** Python waits for the answer: an input_request or kernel_request. */
  | { readonly type: "ask"; readonly ask: number; readonly parent: string; readonly request: AskedRequest }
  | { readonly type: "ask_more"; readonly ask: number }
  | { readonly type: "ask_over"; readonly ask: number }
  /** A service is told something; nobody waits for an answer. */
  | ({ readonly type: "service_tell" } & ServiceAsk);

/** What Python can ask. */
export type AskedRequest =
  | { readonly type: "input_request"; readonly prompt: string; readonly password: boolean }
  | { readonly type: "kernel_request"; readonly language: string; readonly code: string; readonly capture: boolean }
  | FetchRequest
  | ({ readonly type: "service_request"; readonly buffers: readonly ArrayBuffer[] } & ServiceAsk);

/** What is asked of a service (core/kernel/services.ts). */
export interface ServiceAsk {
  readonly service: string;
  readonly method: string;
  readonly value: unknown;
}

/** A fetch that Python waits for; the kernel answers it itself. */
export interface FetchRequest {
  readonly type: "fetch_request";
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  /** base64 */
  readonly body?: string;
  /** Seconds. */
  readonly timeout?: number;
}
