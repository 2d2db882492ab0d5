/** What the two parts of the shell kernel say to each other beyond the kernel's own messages. */
import type { KernelInit } from "#core/kernel/kernel.ts";
import type { FromKernel, StreamMessage, ToKernel } from "#core/kernel/messages.ts";
import type { ServiceCancel, ServiceProgress, ServiceReply, ServiceRequest } from "#core/kernel/services.ts";
import type { Ping, Pong } from "#core/kernel/watch.ts";

/** The first message, with the number under which the worker uses the workspace. */
export interface ShellInit extends KernelInit {
  readonly owner: number;
  /** The notebook's cells use Python in the machine: one that has it ready is worth its bytes. */
  readonly python: boolean;
  /** A `machine_store` message follows, for which the machine waits before it is used. */
  readonly keeps: boolean;
}

/** Where the machine keeps what it changes: a server's memory as for a workspace; absent, nothing is kept. */
export interface MachineStoreMessage {
  readonly type: "machine_store";
  readonly shared: SharedArrayBuffer | undefined;
  readonly atOnce: boolean;
}

/** What the person should know of the kept machine; or, when it is over, need not know any more. */
export interface MachineNote {
  readonly type: "machine_note";
  readonly text: string;
  readonly isOver?: boolean;
}

/** A stream message with its size in bytes, to be given back as `taken`. */
export interface SizedStream extends StreamMessage {
  readonly size: number;
}

/** The page has taken output of so many bytes. */
export interface TakenMessage {
  readonly type: "taken";
  readonly size: number;
}

export type ToWorker =
  | ShellInit
  | MachineStoreMessage
  | ToKernel
  | TakenMessage
  | ServiceReply
  | ServiceProgress
  | Ping;
export type FromWorker =
  | Exclude<FromKernel, StreamMessage>
  | SizedStream
  | MachineNote
  | ServiceRequest
  | ServiceCancel
  | Pong;
