/** What the two parts of the shell kernel say to each other beyond the kernel's own messages. */
import type { KernelInit } from "#core/kernel/kernel.ts";
import type { FromKernel, StreamMessage, ToKernel } from "#core/kernel/messages.ts";
import type { Ping, Pong } from "#core/kernel/watch.ts";

/** The first message, with the number under which the worker uses the workspace. */
export interface ShellInit extends KernelInit {
  readonly owner: number;
  /** The notebook's cells use Python in the machine: one that has it ready is worth its bytes. */
  readonly python: boolean;
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

export type ToWorker = ShellInit | ToKernel | TakenMessage | Ping;
export type FromWorker = Exclude<FromKernel, StreamMessage> | SizedStream | Pong;
