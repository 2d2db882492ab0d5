/** The object that Python's side calls: streams out of the interpreter's memory, messages, questions, sleep, fetch. */
import { concatenate } from "#core/base/bytes.ts";
import type { FromKernel } from "#core/kernel/messages.ts";
import type { WorkerControl } from "./control.ts";
import type { Python } from "./interpreter.ts";
import { openWheelStore, type WheelStore } from "./wheel-store.ts";
import type { AskedRequest, FromWorker, PythonInit, ServiceAsk } from "./wire.ts";

const STREAMS = ["stdout", "stderr"] as const;
/** Text waits at most this long for more of it, in milliseconds. */
const STREAM_DELAY = 16;

export class PythonHost {
  /** The request that outputs belong to. */
  parent = "";
  readonly canBlock: boolean;
  readonly #python: Python;
  readonly #control: WorkerControl | undefined;
  readonly #init: PythonInit;
  readonly #post: (message: FromWorker, transfer?: Transferable[]) => void;
  readonly #decoders = [new TextDecoder(), new TextDecoder()];
  readonly #wheels: WheelStore | undefined;
  readonly #later = new Map<number, (bytes: Uint8Array) => void>();
  #bytes = 0;
  #state = 0;
  /** When text was first seen that has not been sent; 0 if there is none. */
  #waiting = 0;
  #looks = 0;
  #asks = 0;

  constructor(
    python: Python,
    control: WorkerControl | undefined,
    init: PythonInit,
    send: (message: FromWorker, transfer?: Transferable[]) => void,
  ) {
    this.#python = python;
    this.#control = control;
    this.#init = init;
    this.#post = send;
    this.canBlock = control !== undefined;
    this.#wheels = init.foreign ? undefined : openWheelStore();
  }

  /** Takes the addresses of Python's stream buffer and its state, and hooks C's streams and the signal check. */
  attach(addresses: { toJs(): number[]; destroy(): void }): void {
    const [bytes, state] = addresses.toJs();
    addresses.destroy();
    this.#bytes = bytes ?? 0;
    this.#state = state ?? 0;
    for (const [number, set] of [this.#python.setStdout, this.#python.setStderr].entries()) {
      const write = (data: Uint8Array) => {
        this.drain();
        this.#stream(number, data);
        return data.length;
      };
      set.call(this.#python, { write });
    }
    const api = this.#python._api;
    api.on_fatal = (error) => this.#post({ type: "fatal", reason: fatalReason(error) });
    const control = this.#control;
    // Pyodide reads index 0 each time Python looks for signals: also the moment to let text go that has waited.
    const look = () => this.#look();
    const signals = {
      get 0() {
        look();
        return control?.takeInterrupt() ?? 0;
      },
      set 0(_value: number) {
        // takeInterrupt has cleared it.
      },
    };
    this.#python.setInterruptBuffer(signals as unknown as Int32Array);
  }

  #look(): void {
    if ((++this.#looks & 7) !== 0 || this.#python._module.HEAPU32[this.#state >> 2] === 0) return;
    const now = performance.now();
    if (this.#waiting === 0) this.#waiting = now;
    else if (now - this.#waiting > STREAM_DELAY) this.drain();
  }

  /** Sends the text in Python's buffer. */
  drain(): void {
    const words = this.#python._module.HEAPU32;
    const at = this.#state >> 2;
    const used = words[at] ?? 0;
    if (!this.#state || !used) return;
    this.#waiting = 0;
    const number = words[at + 1] ?? 0;
    words[at] = 0;
    this.#stream(number, this.#python._module.HEAPU8.subarray(this.#bytes, this.#bytes + used));
  }

  #stream(number: number, data: Uint8Array): void {
    // A character may be cut by the end of the buffer: the decoder keeps its first bytes.
    const text = this.#decoders[number]?.decode(data, { stream: true });
    if (text) this.#post({ type: "stream", parent: this.parent, name: STREAMS[number] ?? "stdout", text });
  }

  /** A protocol message as JSON, without its parent. */
  post(json: string): void {
    this.drain();
    this.#post({ parent: this.parent, ...JSON.parse(json) } as FromKernel);
  }

  /** The same with binary buffers, which are moved. */
  postBuffers(json: string, buffers: Uint8Array[]): void {
    this.drain();
    const moved = buffers.map((bytes) => bytes.slice().buffer as ArrayBuffer);
    this.#post({ parent: this.parent, ...JSON.parse(json), buffers: moved } as FromKernel, moved);
  }

  /** Asks and blocks. The answer as JSON, or "" when there is none. */
  ask(json: string): string {
    return new TextDecoder().decode(this.#await(JSON.parse(json) as AskedRequest, []));
  }

  /** Asks; the answer comes by message. For pages without shared memory. */
  async askLater(json: string): Promise<string> {
    return new TextDecoder().decode(await this.#promise(JSON.parse(json) as AskedRequest, []));
  }

  /** Asks a service and blocks; the bytes that service-answer.ts describes. */
  callService(json: string, buffers: Uint8Array<ArrayBuffer>[]): Uint8Array {
    const moved = buffers.map(movable);
    return this.#await({ type: "service_request", ...(JSON.parse(json) as ServiceAsk), buffers: moved }, moved);
  }

  /** The same without blocking. */
  async callServiceLater(json: string, buffers: Uint8Array<ArrayBuffer>[]): Promise<Uint8Array> {
    const moved = buffers.map(movable);
    return this.#promise({ type: "service_request", ...(JSON.parse(json) as ServiceAsk), buffers: moved }, moved);
  }

  /** Tells a service something that nobody waits for. */
  tellService(json: string): void {
    this.#post({ type: "service_tell", ...(JSON.parse(json) as ServiceAsk) });
  }

  #await(request: AskedRequest, moved: ArrayBuffer[]): Uint8Array {
    const control = this.#control;
    if (!control) throw new Error("There is no shared memory to wait on.");
    this.drain();
    const ask = ++this.#asks;
    this.#post({ type: "ask", ask, parent: this.parent, request }, moved);
    const pieces: Uint8Array[] = [];
    for (;;) {
      const piece = control.takeAnswer(ask);
      if (!piece) {
        this.#post({ type: "ask_over", ask });
        this.#python.checkInterrupt();
        continue;
      }
      pieces.push(piece.bytes);
      if (!piece.more) return pieces.length === 1 ? piece.bytes : concatenate(pieces);
      this.#post({ type: "ask_more", ask });
    }
  }

  async #promise(request: AskedRequest, moved: ArrayBuffer[]): Promise<Uint8Array> {
    this.drain();
    const ask = ++this.#asks;
    this.#post({ type: "ask", ask, parent: this.parent, request }, moved);
    return await new Promise((resolve) => this.#later.set(ask, resolve));
  }

  answerLater(ask: number, bytes: Uint8Array): void {
    this.#later.get(ask)?.(bytes);
    this.#later.delete(ask);
  }

  /** Sleeps; an interrupt ends it with KeyboardInterrupt. */
  sleep(seconds: number): void {
    this.drain();
    const end = performance.now() + seconds * 1000;
    while (this.#control && !this.#control.sleep(end - performance.now())) this.#python.checkInterrupt();
  }

  /** A URL's bytes; status 0 with a reason if it can't be reached. */
  async fetchBytes(
    url: string,
    accept: string,
  ): Promise<{ status: number; kind: string; why: string; body: Uint8Array }> {
    try {
      const response = await fetch(url, accept ? { headers: { accept } } : {});
      const body = new Uint8Array(await response.arrayBuffer());
      return { status: response.status, kind: response.headers.get("content-type") ?? "", why: "", body };
    } catch (error) {
      const cause = (error as { cause?: { code?: string } }).cause?.code;
      const why = cause ?? (error instanceof Error ? error.message : String(error));
      return { status: 0, kind: "", why, body: new Uint8Array() };
    }
  }

  /** A file kept by its sha256; undefined if it is not there. */
  async cacheRead(sha256: string): Promise<Uint8Array | undefined> {
    return await this.#wheels?.read(sha256);
  }

  async cacheWrite(sha256: string, bytes: Uint8Array): Promise<void> {
    await this.#wheels?.write(sha256, bytes);
  }

  /** Installs a wheel with compiled parts, which only Pyodide's own loader can link. */
  async installWheel(bytes: Uint8Array, filename: string): Promise<void> {
    const site = this.#python.runPython("import sysconfig; sysconfig.get_path('purelib')") as string;
    await this.#python._api.install(bytes, filename, site, undefined);
  }

  /** The settings, as JSON. */
  settings(): string {
    return JSON.stringify({ ...this.#init.settings, assets: this.#init.assets });
  }
}

/** The bytes in a buffer of their own, which can move. */
const movable = (bytes: Uint8Array<ArrayBuffer>): ArrayBuffer =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;

function fatalReason(error: unknown): string {
  const { name, message, status } = error as { name?: string; message?: string; status?: number };
  if (name === "Exit" || name === "ExitStatus" || status !== undefined) {
    return `Python has ended by itself (exit status ${status ?? 0}).`;
  }
  return `Python has crashed: ${message ?? String(error)}`;
}
