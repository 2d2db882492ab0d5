/**
 * Shared memory between the outside part of the kernel and its worker, for the one thing that messages cannot do: answer
 * a `prompt()` that blocks, or end it.
 */
import type { KernelInit } from "#core/kernel/kernel.ts";

/** What the TypeScript worker gets first. */
export interface TypeScriptInit extends KernelInit {
  /** Absent where there is no shared memory: prompt() then says what to use instead. */
  readonly control: SharedArrayBuffer | undefined;
  /** Number under which this worker holds its slot of the workspace. */
  readonly owner: number;
}

const STATE = 0;
const LENGTH = 1;
const IDLE = 0;
const WAITING = 1;
const ANSWERED = 2;
const ENDED = 3;
const INTERRUPTED = 4;
const TEXT_OFFSET = 16;
const MOST_BYTES = 1 << 18;

/** What a blocked question got: an answer, the end of the input, or an interrupt. */
export type Answer = { readonly value: string } | "end" | "interrupted";

export function newControl(): SharedArrayBuffer {
  return new SharedArrayBuffer(TEXT_OFFSET + MOST_BYTES);
}

const wordsOf = (control: SharedArrayBuffer) => new Int32Array(control, 0, 4);

function wake(control: SharedArrayBuffer, state: number): boolean {
  const words = wordsOf(control);
  if (Atomics.compareExchange(words, STATE, WAITING, state) !== WAITING) return false;
  Atomics.notify(words, STATE);
  return true;
}

/** Outside: answers a blocked question; false if none is blocked. Text beyond 256 KiB is cut off. */
export function answerBlocked(control: SharedArrayBuffer, value: string | undefined): boolean {
  const words = wordsOf(control);
  if (Atomics.load(words, STATE) !== WAITING) return false;
  if (value === undefined) return wake(control, ENDED);
  const bytes = new TextEncoder().encode(value).subarray(0, MOST_BYTES);
  new Uint8Array(control, TEXT_OFFSET).set(bytes);
  Atomics.store(words, LENGTH, bytes.length);
  return wake(control, ANSWERED);
}

/** Outside: ends a blocked question by an interrupt; false if none is blocked. */
export function interruptBlocked(control: SharedArrayBuffer): boolean {
  return wake(control, INTERRUPTED);
}

/** Worker: asks by `ask` and sleeps until there is an answer. */
export function waitForAnswer(control: SharedArrayBuffer, ask: () => void): Answer {
  const words = wordsOf(control);
  Atomics.store(words, STATE, WAITING);
  ask();
  while (Atomics.load(words, STATE) === WAITING) Atomics.wait(words, STATE, WAITING);
  const state = Atomics.exchange(words, STATE, IDLE);
  if (state === ENDED) return "end";
  if (state === INTERRUPTED) return "interrupted";
  return {
    value: new TextDecoder().decode(new Uint8Array(control, TEXT_OFFSET).slice(0, Atomics.load(words, LENGTH))),
  };
}
