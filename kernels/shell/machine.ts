/**
 * The emulated PC: v86 with the devices that our images expect, and the one stream to the agent inside. Used by the
 * kernel's worker and by the recipe that makes the image, so that a saved state always meets the machine it came from.
 */
import type { MuxPort } from "./mux.ts";

/** What we use of v86's class. */
export interface Emulator {
  readonly v86: { readonly cpu: { readonly devices: { readonly virtio_console?: ConsoleDevice } } };
  readonly bus: { send(name: string, data: unknown): void };
  add_listener(event: string, listener: (value: never) => void): void;
  save_state(): Promise<ArrayBuffer>;
  stop(): Promise<void>;
  run(): Promise<void>;
  destroy(): Promise<void>;
}
/** v86's console device, which tells the guest's driver what its ports are and that it took what was written to them. */
interface ConsoleDevice {
  readonly virtio: { readonly queues: readonly { flush_replies(): void }[]; raise_irq(type: number): void };
  SendEvent(port: number, event: number, value: number): void;
}
export type EmulatorClass = new (options: Readonly<Record<string, unknown>>) => Emulator;

/** A block device as v86 wants it. */
export interface DiskDevice {
  readonly byteLength: number;
}

/** Answers one 9P2000.L request. */
export type FileServer = (request: Uint8Array, reply: (answer: Uint8Array) => void) => void;

export interface MachineOptions {
  readonly emulator: EmulatorClass;
  /** v86.wasm. */
  readonly wasm: BufferSource;
  readonly bios: ArrayBuffer;
  readonly vgaBios: ArrayBuffer;
  readonly memory: number;
  readonly vgaMemory: number;
  readonly disk: DiskDevice;
  /** The disk for what the machine changes; the guest sees it as /dev/sdb. */
  readonly layer: DiskDevice;
  readonly files: FileServer;
  readonly boot:
    | { readonly state: ArrayBuffer }
    | { readonly kernel: ArrayBuffer; readonly initrd: ArrayBuffer; readonly commandLine: string };
}

/** A running machine. */
export interface Machine {
  readonly port: MuxPort;
  /** What the machine writes on its serial line: the kernel's messages, as text. */
  onSerial(listener: (text: string) => void): void;
  save(): Promise<ArrayBuffer>;
  /** Stops the emulator where it is; `resume` goes on from there. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * v86 compiles guest code by the page, and up to three pages that jump to each other into one module. A restored machine
 * has no compiled code at all, and for short programs the big modules cost more to compile than they save: with one page
 * a module, the first minute of a shell takes half the time and half the CPU, and long loops are no slower.
 */
const JIT_MAX_PAGES = 1;
interface EmulatorExports {
  set_jit_config?(index: number, value: number): void;
  zero_memory(address: number, length: number): void;
}

/** The devices that `startMachine` gives a machine: a state is of use only to a machine that has the same. */
export const DEVICES = "virtio_console:plain virtio_balloon handle9p hda hdb";

/**
 * Before v86 restores a state it zeroes the whole memory, which is new and zero already: that costs a quarter of a gigabyte
 * of real memory, for pages that the guest may never use, and the time to write them.
 */
function withoutFirstZeroing(exports: EmulatorExports, memory: number): EmulatorExports {
  let isNew = true;
  return {
    ...exports,
    zero_memory(address, length) {
      if (!isNew || address !== 0 || length !== memory) return exports.zero_memory(address, length);
      isNew = false;
    },
  };
}

/** The agent's port of the console device. */
const PORT = 1;
/** Virtio 1.2, 5.3.6.2: the event that makes a port a console. */
const CONSOLE_PORT = 1 << 2;

/** The queue of what the agent writes (Virtio 1.2, 5.3.2). */
const OUTPUT_QUEUE = 2 * PORT + 3;

/**
 * v86 takes what is written before the driver's "notify" returns, and then interrupts the guest to say so. Linux's driver
 * has no use of that: it looks for buffers that were taken before each write, and those of this queue always were.
 */
function takeOutputQuietly(emulator: Emulator): void {
  const virtio = emulator.v86.cpu.devices.virtio_console?.virtio;
  const queue = virtio?.queues[OUTPUT_QUEUE];
  if (typeof virtio?.raise_irq !== "function" || typeof queue?.flush_replies !== "function") {
    throw new Error("this v86 has another console device");
  }
  const flush = queue.flush_replies.bind(queue);
  const raise = virtio.raise_irq.bind(virtio);
  let isQuiet = false;
  virtio.raise_irq = (type) => {
    if (!isQuiet) raise(type);
  };
  queue.flush_replies = () => {
    isQuiet = true;
    flush();
    isQuiet = false;
  };
}

/**
 * v86 tells the guest that each port is a console. Linux then puts a terminal before it, which takes what comes 16 bytes
 * at a time, hands it on in a thread, and cuts what is written into pieces of 2 KiB. A plain port costs a fourth.
 */
function makePortPlain(emulator: Emulator): void {
  const device = emulator.v86.cpu.devices.virtio_console;
  if (typeof device?.SendEvent !== "function") throw new Error("this v86 has another console device");
  const send = device.SendEvent.bind(device);
  device.SendEvent = (port, event, value) => {
    if (port !== PORT || event !== CONSOLE_PORT) send(port, event, value);
  };
}

/** Resolves when the machine runs. */
export async function startMachine(options: MachineOptions): Promise<Machine> {
  const { boot } = options;
  const start =
    "state" in boot
      ? { initial_state: { buffer: boot.state } }
      : { bzimage: { buffer: boot.kernel }, initrd: { buffer: boot.initrd }, cmdline: boot.commandLine };
  const emulator = new options.emulator({
    wasm_fn: async (imports: WebAssembly.Imports) => {
      const { instance } = await WebAssembly.instantiate(options.wasm, imports);
      const exports = instance.exports as unknown as EmulatorExports;
      exports.set_jit_config?.(JIT_MAX_PAGES, 1);
      return withoutFirstZeroing(exports, options.memory);
    },
    memory_size: options.memory,
    vga_memory_size: options.vgaMemory,
    bios: { buffer: options.bios },
    vga_bios: { buffer: options.vgaBios },
    hda: options.disk,
    hdb: options.layer,
    filesystem: { handle9p: options.files },
    virtio_console: true,
    virtio_balloon: true,
    disable_speaker: true,
    disable_keyboard: true,
    disable_mouse: true,
    autostart: true,
    ...start,
  });
  const listeners: ((text: string) => void)[] = [];
  emulator.add_listener("serial0-output-byte", (byte: number) => {
    for (const listener of listeners) listener(String.fromCharCode(byte));
  });
  const port: MuxPort = {
    send: (frame) => emulator.bus.send(`virtio-console${PORT}-input-bytes`, frame),
    receive: (listener) => emulator.add_listener(`virtio-console${PORT}-output-bytes`, listener),
  };
  await new Promise<void>((resolve) => emulator.add_listener("emulator-started", () => resolve()));
  // No instruction has run yet.
  makePortPlain(emulator);
  takeOutputQuietly(emulator);
  return {
    port,
    onSerial: (listener) => void listeners.push(listener),
    save: () => emulator.save_state(),
    pause: () => emulator.stop(),
    resume: () => emulator.run(),
    stop: async () => {
      await emulator.stop();
      await emulator.destroy();
    },
  };
}

/** A file server that has no files: nothing can be mounted from it. */
export const noFiles: FileServer = (request, reply) => {
  const answer = new Uint8Array(11);
  const view = new DataView(answer.buffer);
  view.setUint32(0, answer.length, true);
  answer[4] = 7;
  answer.set(request.subarray(5, 7), 5);
  view.setUint32(7, 95, true);
  reply(answer);
};
