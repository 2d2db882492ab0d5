/**
 * The shared memory between the outside part of the Python kernel and its worker. While Python runs, the worker can't
 * get messages; it can look at these words and sleep on them. The worker waits on DOORBELL, which is rung for both an
 * interrupt and an answer.
 */

/** Int32 words. */
export const INTERRUPT = 0;
const DOORBELL = 1;
/** The ask that the answer in the buffer belongs to. */
const ANSWER_ID = 2;
/** Bytes of the piece in the buffer. */
const ANSWER_SIZE = 3;
/** 1 if more pieces follow. */
const ANSWER_MORE = 4;

const BUFFER_OFFSET = 64;
/** Tensors travel here too: each piece costs a round trip. */
const BUFFER_SIZE = 1 << 20;
/** Pyodide's value for "raise KeyboardInterrupt". */
const RAISE = 2;

/** A new control block. */
export function newControl(): SharedArrayBuffer {
  return new SharedArrayBuffer(BUFFER_OFFSET + BUFFER_SIZE);
}

function ring(words: Int32Array): void {
  Atomics.add(words, DOORBELL, 1);
  Atomics.notify(words, DOORBELL);
}

/** Outside: makes the running Python code raise KeyboardInterrupt, also while it sleeps or waits for an answer. */
export function raiseInterrupt(control: SharedArrayBuffer): void {
  const words = new Int32Array(control, 0, 8);
  Atomics.store(words, INTERRUPT, RAISE);
  ring(words);
}

/** Outside: true while Python has not taken the interrupt that was last raised. */
export function isInterruptPending(control: SharedArrayBuffer): boolean {
  return Atomics.load(new Int32Array(control, 0, 8), INTERRUPT) !== 0;
}

/** Outside: writes the next piece of an answer; returns the bytes that did not fit, if any. */
export function writeAnswer(control: SharedArrayBuffer, ask: number, bytes: Uint8Array): Uint8Array | undefined {
  const words = new Int32Array(control, 0, 8);
  const piece = bytes.subarray(0, BUFFER_SIZE);
  const rest = bytes.length > BUFFER_SIZE ? bytes.subarray(BUFFER_SIZE) : undefined;
  new Uint8Array(control, BUFFER_OFFSET).set(piece);
  Atomics.store(words, ANSWER_SIZE, piece.length);
  Atomics.store(words, ANSWER_MORE, rest ? 1 : 0);
  Atomics.store(words, ANSWER_ID, ask);
  ring(words);
  return rest;
}

/** What the worker sees of the control block. */
export class WorkerControl {
  readonly #words: Int32Array;
  readonly #buffer: Uint8Array;

  constructor(control: SharedArrayBuffer) {
    this.#words = new Int32Array(control, 0, 8);
    this.#buffer = new Uint8Array(control, BUFFER_OFFSET);
  }

  /** Forgets an interrupt that came too late. */
  clearInterrupt(): void {
    Atomics.store(this.#words, INTERRUPT, 0);
  }

  /** Takes the interrupt: its value once, then 0. */
  takeInterrupt(): number {
    return Atomics.exchange(this.#words, INTERRUPT, 0);
  }

  get interrupted(): boolean {
    return Atomics.load(this.#words, INTERRUPT) !== 0;
  }

  /** Sleeps until `done`, an interrupt, or `ms` are over. True unless interrupted. */
  #wait(ms: number, done: () => boolean): boolean {
    const end = performance.now() + ms;
    for (;;) {
      const bell = Atomics.load(this.#words, DOORBELL);
      if (this.interrupted) return false;
      if (done()) return true;
      const left = end - performance.now();
      if (left <= 0) return true;
      Atomics.wait(this.#words, DOORBELL, bell, left);
    }
  }

  /** Sleeps. False if an interrupt came. */
  sleep(ms: number): boolean {
    return this.#wait(ms, () => false);
  }

  /** Waits for the next piece of the answer to `ask`; undefined if an interrupt came. */
  takeAnswer(ask: number): { readonly bytes: Uint8Array; readonly more: boolean } | undefined {
    if (!this.#wait(Infinity, () => Atomics.load(this.#words, ANSWER_ID) === ask)) return undefined;
    const size = Atomics.load(this.#words, ANSWER_SIZE);
    const more = Atomics.load(this.#words, ANSWER_MORE) === 1;
    const bytes = this.#buffer.slice(0, size);
    Atomics.store(this.#words, ANSWER_ID, 0);
    return { bytes, more };
  }
}
