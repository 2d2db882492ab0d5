/**
 * The host's end of the agent's protocol (vm-images/agent/SPEC.md has the rules, A1 ...): processes, terminals, sockets,
 * files, the clock and entropy of the Linux machine over one byte stream. Runs in a worker and in Node. The guest may be
 * hostile (its root can write to the stream): what breaks a rule ends the connection, never the program.
 */
import { KromaError } from "#core/base/errors.ts";

/** Version of the protocol this end speaks (A2). */
export const AGENT_VERSION = 4;
/** Most bytes of the payload of a frame that is sent (A1). */
export const PAYLOAD = 4091;
/** Most bytes of the payload of one that comes. */
export const GUEST_PAYLOAD = 16379;
/** Bytes a channel may send before the host says it used them (A7). */
export const OUTPUT_WINDOW = 256 * 1024;
/** Bytes under way to a channel's input (A8). */
const INPUT_WINDOW = 64 * 1024;
/** Frames sent and not acknowledged (A3): the console has 16 buffers and drops what finds none free. */
const FRAME_WINDOW = 12;

const HOST = {
  spawn: 1,
  data: 2,
  eof: 3,
  signal: 4,
  resize: 5,
  setTime: 6,
  seed: 7,
  credit: 8,
  ping: 9,
  dial: 10,
  close: 11,
  tty: 12,
  file: 13,
  mount: 14,
  watch: 15,
  hello: 16,
  root: 17,
  look: 18,
} as const;
const GUEST = {
  out: 65,
  err: 66,
  ctl: 67,
  tty: 68,
  exit: 69,
  gone: 70,
  hello: 71,
  open: 72,
  ack: 73,
  pong: 74,
  wrote: 75,
  fail: 76,
  want: 77,
  result: 78,
  seen: 79,
  crowd: 80,
  pad: 81,
} as const;

const SIGNAL_TARGETS = ["group", "process", "foreground", "own group in the foreground"] as const;
/** Whom a signal is for (A10). */
export type SignalTarget = (typeof SIGNAL_TARGETS)[number];

/** The byte stream to the guest: one frame a call, and whatever comes. */
export interface MuxPort {
  send(frame: Uint8Array): void;
  receive(listener: (bytes: Uint8Array) => void): void;
}

/** Which of a process's streams bytes came from; `ctl` and `tty` only from a shell. */
export type GuestStream = "out" | "err" | "ctl" | "tty";

/** What the owner of a process or socket wants to hear. */
export interface StreamListener {
  /** Bytes are the listener's to keep. It must call `consumed` on the stream when it is done with them. */
  onData(stream: GuestStream, bytes: Uint8Array): void;
  /** A dialled connection is there. */
  onOpen?(): void;
  /** The guest has taken input: `queued` is less. */
  onTaken?(): void;
  /** The process ended with this status (128 + signal if killed); its background children may still write. */
  onExit?(status: number): void;
  /** Nothing can come any more. */
  onGone?(): void;
  /** It could not be started. */
  onFail?(reason: string): void;
  /** Somebody reads the cell's terminal; `echo` is false while typing is hidden (A12). */
  onWant?(echo: boolean): void;
}

export interface SpawnOptions {
  /** pipes: three pipes. terminal: all on a pseudo-terminal. shell: SPEC.md A6. */
  readonly mode?: "pipes" | "terminal" | "shell";
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly columns?: number;
  readonly rows?: number;
}

/** One process or socket of the guest. */
export interface GuestStreamHandle {
  readonly id: number;
  /** Queues input. */
  write(bytes: Uint8Array): void;
  /** Bytes of input that the guest has not taken yet. */
  readonly queued: number;
  /** End of input, after what was queued. */
  end(): void;
  /** Types on the cell's terminal (shell mode). */
  type(bytes: Uint8Array): void;
  /** Looks for somebody who reads the cell's terminal and says so once; false stops it. */
  watch(on: boolean): void;
  /** Says that so many bytes were used: only then more may come. */
  consumed(bytes: number): void;
  signal(number: number, target: SignalTarget): void;
  resize(columns: number, rows: number): void;
  /** Hangs up. Nothing is heard of it any more. */
  close(): void;
}

/** What a finished command gave. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment that processes get unless told otherwise. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  USER: "root",
  LOGNAME: "root",
  SHELL: "/bin/bash",
  TERM: "xterm-256color",
  LANG: "C.UTF-8",
  TZ: "UTC",
  /** The agent's (A15). */
  http_proxy: "http://127.0.0.1:3128",
  https_proxy: "http://127.0.0.1:3128",
  no_proxy: "localhost,127.0.0.1",
};

/** Gives the listener of a new connection: a call over /run/kroma.sock, or what uses the machine's web proxy. */
export type OnCall = (handle: GuestStreamHandle, kind: "call" | "proxy") => StreamListener;

interface Channel {
  listener: StreamListener;
  readonly input: Uint8Array[];
  /** Bytes in `input`. */
  queued: number;
  underWay: number;
  ended: boolean;
  endSent: boolean;
  /** Bytes the guest may still send. */
  window: number;
  used: number;
}

/** The connection to one machine's agent. */
export class Mux {
  readonly #port: MuxPort;
  readonly #channels = new Map<number, Channel>();
  readonly #answers = new Map<number, (payload: Uint8Array) => void>();
  readonly #waiting: Uint8Array[] = [];
  readonly #onBroken: (reason: string) => void;
  readonly #onCall: OnCall | undefined;
  readonly #onSeen: (payload: Uint8Array) => void;
  readonly #onCrowd: (ended: number) => void;
  #unacknowledged = 0;
  #nextId = 0;
  #partial = new Uint8Array(0);
  #greeted: ((version: string) => void) | undefined;
  #broken: string | undefined;
  /** All answers that will never come if the connection breaks. */
  readonly #rejections = new Set<(reason: KromaError) => void>();

  /**
   * `onCall` is asked for a listener when a program of the guest calls the host (A15); without it calls are hung up.
   * `onCrowd` hears how many processes were ended because there were too many (A19).
   */
  constructor(
    port: MuxPort,
    options: {
      onBroken?: (reason: string) => void;
      onCall?: OnCall;
      onSeen?: (payload: Uint8Array) => void;
      onCrowd?: (ended: number) => void;
    } = {},
  ) {
    this.#port = port;
    this.#onBroken = options.onBroken ?? (() => undefined);
    this.#onCall = options.onCall;
    this.#onSeen = options.onSeen ?? (() => undefined);
    this.#onCrowd = options.onCrowd ?? (() => undefined);
    port.receive((bytes) => this.#receive(bytes));
  }

  /** Why the connection is of no use any more, if it is. */
  get broken(): string | undefined {
    return this.#broken;
  }

  /** Waits for the agent's greeting; `ask` it first if the machine was restored and said it long ago (A2). */
  async greet(ask: boolean): Promise<void> {
    const hello = new Promise<string>((resolve) => (this.#greeted = resolve));
    if (ask) this.#send(HOST.hello, 0, Uint8Array.of(AGENT_VERSION));
    const said = await this.#unlessBroken(hello);
    if (said !== `kroma-agent ${AGENT_VERSION}`) {
      throw new KromaError(
        "invalid",
        `The Linux image's agent says "${said.slice(0, 40)}"; this Kroma speaks version ${AGENT_VERSION}.`,
      );
    }
  }

  /** Starts a program. What it writes goes to `listener`. */
  spawn(argv: readonly string[], listener: StreamListener, options: SpawnOptions = {}): GuestStreamHandle {
    const { mode = "pipes", environment = ENVIRONMENT, directory = "/", columns = 80, rows = 24 } = options;
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const strings = encode([...argv, "", ...variables, "", directory, ""].join("\0"));
    const payload = new Uint8Array(5 + strings.length);
    payload.set([mode === "shell" ? 2 : mode === "terminal" ? 1 : 0, columns, columns >> 8, rows, rows >> 8]);
    payload.set(strings, 5);
    const id = this.#open(listener);
    if (payload.length > PAYLOAD || argv.some((argument) => argument === "" || argument.includes("\0"))) {
      queueMicrotask(() => this.#fail(id, "The command line is too long, or has an empty argument."));
    } else this.#send(HOST.spawn, id, payload);
    return this.#handle(id);
  }

  /** Runs a program to its end and gives all it wrote; for small answers. */
  run(argv: readonly string[], options: SpawnOptions & { readonly input?: string } = {}): Promise<CommandResult> {
    const decoders = { out: new TextDecoder(), err: new TextDecoder() };
    const text = { out: "", err: "" };
    const done = new Promise<CommandResult>((resolve, reject) => {
      const handle = this.spawn(
        argv,
        {
          onData: (stream, bytes) => {
            if (stream === "out" || stream === "err") text[stream] += decoders[stream].decode(bytes, { stream: true });
            handle.consumed(bytes.length);
          },
          onExit: (status) => {
            resolve({ status, stdout: text.out + decoders.out.decode(), stderr: text.err + decoders.err.decode() });
            handle.close();
          },
          onFail: (reason) => reject(new KromaError("unavailable", `${argv[0]}: ${reason}`)),
        },
        options,
      );
      if (options.input !== undefined) handle.write(encode(options.input));
      handle.end();
    });
    return this.#unlessBroken(done);
  }

  /** Connects to a TCP port of the guest's loopback. */
  dial(port: number, listener: StreamListener): GuestStreamHandle {
    const id = this.#open(listener);
    this.#send(HOST.dial, id, Uint8Array.of(port, port >> 8));
    return this.#handle(id);
  }

  /** One round trip to the agent. */
  async ping(): Promise<void> {
    await this.#ask(HOST.ping, new Uint8Array(0));
  }

  /** Asks what runs, now and, unless 0, every so many milliseconds while the machine is awake; `onSeen` hears it (A18). */
  look(milliseconds: number): void {
    this.#send(HOST.look, 0, Uint8Array.of(milliseconds, milliseconds >> 8));
  }

  /** Sets the guest's clock (A11). */
  setTime(milliseconds: number): void {
    const payload = new Uint8Array(8);
    new DataView(payload.buffer).setBigUint64(0, BigInt(Math.round(milliseconds * 1000)), true);
    this.#send(HOST.setTime, 0, payload);
  }

  /** Gives the guest's kernel entropy, and a machine without an id one (A11). */
  seed(bytes: Uint8Array): void {
    this.#send(HOST.seed, 0, bytes.subarray(0, 512));
  }

  /** Writes a file of the guest, or a program; resolves when it is there (A13). */
  async writeFile(path: string, content: Uint8Array, kind: "file" | "program" = "file"): Promise<void> {
    const name = encode(`${path}\0`);
    const room = PAYLOAD - 1 - name.length;
    let answers: Promise<Uint8Array>[] = [];
    for (let at = 0; at === 0 || at < content.length; at += room) {
      const part = content.subarray(at, at + room);
      const payload = new Uint8Array(1 + name.length + part.length);
      payload[0] = (at === 0 ? 0 : 1) | (kind === "program" ? 2 : 0);
      payload.set(name, 1);
      payload.set(part, 1 + name.length);
      answers.push(this.#ask(HOST.file, payload));
      if (answers.length === 64) {
        check(await Promise.all(answers), path);
        answers = [];
      }
    }
    check(await Promise.all(answers), path);
  }

  /** Mounts a file system, or unmounts with an empty `type`. Gives Linux's error number, 0 for success (A14). */
  async mount(source: string, target: string, type: string, options: string): Promise<number> {
    return word(await this.#ask(HOST.mount, encode(`${source}\0${target}\0${type}\0${options}\0`)));
  }

  /** Has all that is started from now on see what is mounted at `path` as its root. Gives Linux's error number (A17). */
  async changeRoot(path: string): Promise<number> {
    return word(await this.#ask(HOST.root, encode(`${path}\0`)));
  }

  /** Ends the connection from this side. */
  close(reason: string): void {
    this.#break(reason, false);
  }

  #open(listener: StreamListener): number {
    const id = this.#freeId();
    this.#add(id, listener);
    return id;
  }

  #freeId(): number {
    do this.#nextId = (this.#nextId % 0x7fff) + 1;
    while (this.#channels.has(this.#nextId) || this.#answers.has(this.#nextId));
    return this.#nextId;
  }

  #add(id: number, listener: StreamListener): void {
    this.#channels.set(id, {
      listener,
      input: [],
      queued: 0,
      underWay: 0,
      ended: false,
      endSent: false,
      window: OUTPUT_WINDOW,
      used: 0,
    });
  }

  #handle(id: number): GuestStreamHandle {
    const own = this.#channels.get(id);
    const ifOpen = (action: (channel: Channel) => void) => {
      const channel = this.#channels.get(id);
      if (channel && (channel === own || own === undefined)) action(channel);
    };
    return {
      id,
      get queued() {
        return (own?.queued ?? 0) + (own?.underWay ?? 0);
      },
      write: (bytes) =>
        ifOpen((channel) => {
          channel.queued += bytes.length;
          for (let at = 0; at < bytes.length; at += PAYLOAD) channel.input.push(bytes.slice(at, at + PAYLOAD));
          this.#pumpInput(id, channel);
        }),
      end: () =>
        ifOpen((channel) => {
          channel.ended = true;
          this.#pumpInput(id, channel);
        }),
      type: (bytes) => ifOpen(() => this.#send(HOST.tty, id, bytes.subarray(0, PAYLOAD))),
      watch: (on) => ifOpen(() => this.#send(HOST.watch, id, Uint8Array.of(on ? 1 : 0))),
      consumed: (bytes) =>
        ifOpen((channel) => {
          channel.used += bytes;
          if (channel.used < OUTPUT_WINDOW / 2) return;
          channel.window += channel.used;
          this.#send(HOST.credit, id, bytesOf(channel.used));
          channel.used = 0;
        }),
      signal: (number, target) =>
        ifOpen(() => this.#send(HOST.signal, id, Uint8Array.of(number, SIGNAL_TARGETS.indexOf(target)))),
      resize: (columns, rows) =>
        ifOpen(() => this.#send(HOST.resize, id, Uint8Array.of(columns, columns >> 8, rows, rows >> 8))),
      close: () =>
        ifOpen(() => {
          this.#channels.delete(id);
          this.#send(HOST.close, id, new Uint8Array(0));
        }),
    };
  }

  #pumpInput(id: number, channel: Channel): void {
    while (channel.input.length > 0 && channel.underWay < INPUT_WINDOW) {
      const part = channel.input.shift() ?? new Uint8Array(0);
      channel.underWay += part.length;
      channel.queued -= part.length;
      this.#send(HOST.data, id, part);
    }
    if (channel.ended && channel.input.length === 0 && !channel.endSent) {
      channel.endSent = true;
      this.#send(HOST.eof, id, new Uint8Array(0));
    }
  }

  #ask(type: number, payload: Uint8Array): Promise<Uint8Array> {
    const id = this.#freeId();
    const answer = new Promise<Uint8Array>((resolve) => this.#answers.set(id, resolve));
    this.#send(type, id, payload);
    return this.#unlessBroken(answer);
  }

  #unlessBroken<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#broken !== undefined) return reject(new KromaError("unavailable", this.#broken));
      this.#rejections.add(reject);
      promise.then(resolve, reject).finally(() => this.#rejections.delete(reject));
    });
  }

  #send(type: number, id: number, payload: Uint8Array): void {
    if (this.#broken !== undefined) return;
    const frame = new Uint8Array(5 + payload.length);
    frame.set([payload.length, payload.length >> 8, type, id, id >> 8]);
    frame.set(payload, 5);
    this.#waiting.push(frame);
    this.#pump();
  }

  #pump(): void {
    while (this.#unacknowledged < FRAME_WINDOW) {
      const frame = this.#waiting.shift();
      if (!frame) return;
      this.#unacknowledged++;
      this.#port.send(frame);
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.#broken !== undefined) return;
    let data = bytes;
    if (this.#partial.length > 0) {
      data = new Uint8Array(this.#partial.length + bytes.length);
      data.set(this.#partial);
      data.set(bytes, this.#partial.length);
    }
    let at = 0;
    while (data.length - at >= 5) {
      const length = half(data, at);
      if (length > GUEST_PAYLOAD) return this.#break("The Linux machine sent a frame that is too long.", true);
      if (data.length - at < length + 5) break;
      this.#frame(data[at + 2] ?? 0, half(data, at + 3), data.slice(at + 5, at + 5 + length));
      if (this.#broken !== undefined) return;
      at += length + 5;
    }
    this.#partial = data.slice(at);
  }

  #frame(type: number, id: number, payload: Uint8Array): void {
    const channel = this.#channels.get(id);
    switch (type) {
      case GUEST.out:
        return this.#data(id, channel, "out", payload);
      case GUEST.err:
        return this.#data(id, channel, "err", payload);
      case GUEST.ctl:
        return this.#data(id, channel, "ctl", payload);
      case GUEST.tty:
        return this.#data(id, channel, "tty", payload);
      case GUEST.exit:
        if (payload.length !== 4) return this.#break("The Linux machine sent a malformed exit.", true);
        return channel?.listener.onExit?.(word(payload));
      case GUEST.gone:
        this.#channels.delete(id);
        return channel?.listener.onGone?.();
      case GUEST.fail:
        return this.#fail(id, new TextDecoder().decode(payload));
      case GUEST.want:
        return channel?.listener.onWant?.(payload[0] === 1);
      case GUEST.hello:
        this.#greeted?.(new TextDecoder().decode(payload));
        return;
      case GUEST.ack:
        return this.#acknowledge(payload);
      case GUEST.wrote:
        return this.#wrote(id, channel, payload);
      case GUEST.pong:
      case GUEST.result: {
        const answer = this.#answers.get(id);
        this.#answers.delete(id);
        answer?.(payload);
        return;
      }
      case GUEST.seen:
        return this.#onSeen(payload);
      case GUEST.crowd:
        if (payload.length !== 4) return this.#break("The Linux machine sent a malformed count.", true);
        return this.#onCrowd(word(payload));
      case GUEST.pad:
        return;
      case GUEST.open:
        return this.#call(id, payload[0] === 1 ? "proxy" : "call");
      default:
        return this.#break(`The Linux machine sent a frame of unknown type ${type}.`, true);
    }
  }

  #data(id: number, channel: Channel | undefined, stream: GuestStream, payload: Uint8Array): void {
    if (!channel) return;
    channel.window -= payload.length;
    if (channel.window < 0) return this.#break(`The Linux machine sent more than it may on channel ${id}.`, true);
    channel.listener.onData(stream, payload);
  }

  #acknowledge(payload: Uint8Array): void {
    const frames = payload.length === 2 ? half(payload, 0) : 0;
    if (frames === 0 || frames > this.#unacknowledged) {
      return this.#break("The Linux machine acknowledged frames it was never sent.", true);
    }
    this.#unacknowledged -= frames;
    this.#pump();
  }

  #wrote(id: number, channel: Channel | undefined, payload: Uint8Array): void {
    if (!channel) return;
    channel.underWay -= payload.length === 4 ? word(payload) : Number.NaN;
    if (!(channel.underWay >= 0))
      return this.#break(`The Linux machine took input it was never sent on channel ${id}.`, true);
    this.#pumpInput(id, channel);
    channel.listener.onTaken?.();
  }

  #fail(id: number, reason: string): void {
    const channel = this.#channels.get(id);
    this.#channels.delete(id);
    channel?.listener.onFail?.(reason);
  }

  /** A dialled connection is open, or (ids from 0x8000) a program of the guest calls. */
  #call(id: number, kind: "call" | "proxy"): void {
    const dialled = this.#channels.get(id);
    if (dialled) return dialled.listener.onOpen?.();
    if (id < 0x8000) return;
    this.#add(id, { onData: () => undefined });
    const handle = this.#handle(id);
    const channel = this.#channels.get(id);
    if (!this.#onCall || !channel) return handle.close();
    channel.listener = this.#onCall(handle, kind);
  }

  #break(reason: string, tell: boolean): void {
    if (this.#broken !== undefined) return;
    this.#broken = reason;
    const error = new KromaError("unavailable", reason);
    for (const reject of this.#rejections) reject(error);
    this.#rejections.clear();
    this.#answers.clear();
    this.#channels.clear();
    this.#waiting.length = 0;
    if (tell) this.#onBroken(reason);
  }
}

function check(results: readonly Uint8Array[], path: string): void {
  const error = results.map(word).find((result) => result !== 0);
  if (error !== undefined)
    throw new KromaError(
      error === 28 ? "exhausted" : "unavailable",
      `cannot write ${path} in the Linux machine (error ${error})`,
    );
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
function half(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}
function word(bytes: Uint8Array): number {
  return (half(bytes, 0) | (half(bytes, 2) << 16)) >>> 0;
}
function bytesOf(value: number): Uint8Array {
  return Uint8Array.of(value, value >> 8, value >> 16, value >> 24);
}
