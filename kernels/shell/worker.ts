/**
 * The shell kernel's worker program, in a page and in a Node thread: v86 runs in here. Restores the machine from its
 * saved state (or boots it when the state is of another make), mounts the workspace, and runs cells one at a time.
 */
import { KromaError } from "#core/base/errors.ts";
import { WORKSPACE_DIRECTORY } from "#core/kernel/kernel.ts";
import type {
  CompleteReply,
  CompleteRequest,
  ExecuteRequest,
  InspectRequest,
  ToKernel,
} from "#core/kernel/messages.ts";
import type { ToTerminal } from "#core/kernel/terminals.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { completionPlace, written } from "./completion.ts";
import { ChunkDisk } from "./disk.ts";
import { fileServer } from "./files.ts";
import {
  forgetOtherImages,
  type ImageManifest,
  type ImagePart,
  loadChunk,
  loadManifest,
  loadPart,
  sha256,
} from "./image.ts";
import { imageSource } from "./image-source.ts";
import { keptDisk } from "./kept-disk.ts";
import type { LayerDisk } from "./layer-disk.ts";
import { mountLayer } from "./layer-mount.ts";
import { DEVICES, type EmulatorClass, type Machine, startMachine } from "./machine.ts";
import { AGENT_VERSION, Mux } from "./mux.ts";
import { OutputGatherer } from "./output.ts";
import { Rest } from "./rest.ts";
import { usesPython } from "./scripts.ts";
import { Services } from "./services.ts";
import { type CellEnd, Shell } from "./shell.ts";
import { Activity } from "./activity.ts";
import { Requests } from "./requests.ts";
import { Terminals } from "./terminals.ts";
import type { FromWorker, MachineStoreMessage, ShellInit, ToWorker } from "./wire.ts";

declare const self: {
  postMessage(message: FromWorker, transfer?: readonly ArrayBuffer[]): void;
  addEventListener(type: "message", listener: (event: { readonly data: ToWorker }) => void): void;
};

/** A restored machine answers at once; one that does not is of no use. */
const RESTORE_PATIENCE = 30_000;
const BOOT_PATIENCE = 600_000;
/**
 * After an interrupt: when to tell bash again if it runs no program of its own group (it can miss one, SPEC.md A10), when
 * to kill the foreground program, and when the shell. An emulated Python takes its time to end.
 */
const REPEAT_AFTER = [1000, 3500];
const KILL_AFTER = 3000;
const KILL_SHELL_AFTER = 10_000;

/**
 * Counts the programs in the machine beside itself. A thread of the kernel has no command line; the Python that is kept
 * ready rests once it is ready, and its copies have programs that stand for them.
 */
const COUNT_PROGRAMS =
  'n=0; for d in /proc/[0-9]*; do [ "$d" = "/proc/$$" ] && continue; l=; read -r l 2>/dev/null <"$d/cmdline"; case $l in "") ;; */kroma/python.py*--zygote*) [ -S /run/kroma/python.sock ] || n=$((n+1)) ;; *) n=$((n+1)) ;; esac; done; echo $n';
/** The agent and the cells' shell. */
const PROGRAMS_OF_OURS = 2;

/** After a cell its changes go to the disk, unless another cell follows at once. */
const SAVE_AFTER = 300;
const LOST = "the storage that holds its disk does not answer. Reload the page to start it again.";

/**
 * How often a machine in which nothing has been asked for goes through the usual commands: the first three rounds have the
 * emulator compile nearly all that it will; commands after ten are no quicker, and the seven take twice as long as the three.
 */
const WARM_ROUNDS = "3";

const say = (message: FromWorker): void => self.postMessage(message);
const queue: ExecuteRequest[] = [];
let running: { readonly request: ExecuteRequest; interrupted: boolean } | undefined;
let timers: ReturnType<typeof setTimeout>[] = [];
/** Output belongs to the running cell, or to the last one that ran. */
let parent = "";
let count = 0;
let note = "";
let savesAt: ReturnType<typeof setTimeout> | undefined;
/** What the page says of the machine's store. */
let storeIs: (store: MachineStoreMessage) => void = () => undefined;
const machineStore = new Promise<MachineStoreMessage>((resolve) => (storeIs = resolve));
let savesAtOnce = false;
let stopWarmUp: () => void = () => undefined;
/** A machine that answers. */
interface System {
  readonly machine: Machine;
  readonly mux: Mux;
}

let system:
  | {
      readonly mux: Mux;
      readonly shell: Shell;
      readonly rest: Rest;
      readonly terminals: Terminals;
      /** What it changes is kept. */
      readonly kept: boolean;
    }
  | undefined;
/** What was sent to terminals before there was a machine. */
const early: ToTerminal[] = [];

let agent: Mux | undefined;
/** What the notebook does for the machine's programs. */
const services = new Services({
  say(message) {
    // A display comes after what was written before it (K6).
    if (message.type === "display_data") output.flush();
    say(message);
  },
  parent: () => parent || undefined,
  ask: (message, transfer) => self.postMessage(message, transfer),
  mux() {
    if (!agent) throw new Error("Something called from a machine that does not run");
    return agent;
  },
  note: (text) => output.note(text),
});

const activity = new Activity(say);
const requests = new Requests(say);

const output = new OutputGatherer((piece) => say({ type: "stream", parent, ...piece }));

self.addEventListener("message", ({ data }) => {
  if (data.type === "init") void start(data).catch(die);
  else if (data.type === "taken") output.taken(data.size);
  else if (data.type === "machine_store") storeIs(data);
  else if (data.type === "ping") say({ type: "pong" });
  else if (data.type === "service_reply") services.take(data);
  else if (data.type === "service_progress") return;
  else receive(data);
});

function die(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  say({ type: "status", status: "dead", reason: error instanceof KromaError ? reason : `Linux stopped: ${reason}` });
}

function receive(message: ToKernel): void {
  switch (message.type) {
    case "execute_request":
      queue.push(message);
      return next();
    case "interrupt_request":
      return interrupt();
    case "input_reply":
      if (running?.request.id === message.parent) system?.shell.type(message.value);
      return;
    case "terminal_open":
    case "terminal_input":
    case "terminal_resize":
    case "terminal_taken":
    case "terminal_close":
    case "terminal_jobs_request":
      if (system) system.terminals.take(message);
      else early.push(message);
      return;
    case "web_hosts":
      return services.web.allow(message.hosts);
    case "job_end":
      return activity.end(message.pid);
    case "http_request":
    case "http_taken":
    case "http_send":
    case "http_cancel":
      return requests.take(message);
    case "kernel_output":
    case "kernel_reply":
      return services.take(message);
    case "complete_request":
      return void complete(message).catch(() =>
        say({ type: "complete_reply", parent: message.id, matches: [], start: message.cursor, end: message.cursor }),
      );
    case "inspect_request":
      return void inspect(message).catch(() => say({ type: "inspect_reply", parent: message.id, data: undefined }));
    default:
  }
}

function next(): void {
  if (running || !system) return;
  const request = queue.shift();
  const { shell, rest } = system;
  if (request) void execute(request, shell, rest).catch(die);
}

async function execute(request: ExecuteRequest, shell: Shell, rest: Rest): Promise<void> {
  running = { request, interrupted: false };
  parent = request.id;
  stopWarmUp();
  if (!request.silent && request.storeHistory !== false) count++;
  say({ type: "status", status: "busy", parent });
  if (note) {
    output.note(note);
    note = "";
  }
  activity.cellBegins();
  const end = await rest.during(() => shell.run(request.code, count));
  activity.cellEnded();
  if (end.shell !== "same") output.note(endNote(end));
  output.flush();
  if (savesAtOnce) await rest.during(() => save());
  const interrupted = running.interrupted && end.status !== 0;
  for (const timer of timers) clearTimeout(timer);
  timers = [];
  reply(request, end.status, interrupted);
  running = undefined;
  saveSoon();
  next();
}

function saveSoon(): void {
  clearTimeout(savesAt);
  const machine = system;
  if (!machine?.kept) return;
  savesAt = setTimeout(() => {
    if (!running) void machine.rest.during(() => save()).catch(() => undefined);
  }, SAVE_AFTER);
}

/** Has what was changed on the disk. */
async function save(): Promise<void> {
  if (system?.kept) await system.mux.run(["/bin/sync"]);
}

function reply(request: ExecuteRequest, status: number, interrupted: boolean): void {
  const failed = interrupted || status !== 0;
  if (failed) {
    const ename = interrupted ? "KeyboardInterrupt" : "ShellError";
    const evalue = interrupted ? "" : statusInWords(status);
    const line = evalue ? `${ename}: ${evalue}` : ename;
    say({ type: "error", parent: request.id, ename, evalue, traceback: [`\u001b[31m${line}\u001b[39m`] });
  }
  say({
    type: "execute_reply",
    parent: request.id,
    status: failed ? "error" : "ok",
    count: request.silent || request.storeHistory === false ? undefined : count,
  });
  say({ type: "status", status: "idle", parent: request.id });
}

function statusInWords(status: number): string {
  const signals: Readonly<Record<number, string>> = {
    1: "SIGHUP",
    2: "SIGINT",
    6: "SIGABRT",
    9: "SIGKILL",
    11: "SIGSEGV",
    13: "SIGPIPE",
    15: "SIGTERM",
  };
  const signal = signals[status - 128];
  return `exit status ${status}${signal ? ` (${signal})` : ""}`;
}

function endNote(end: CellEnd): string {
  return end.shell === "new"
    ? `kroma: the shell ended with status ${end.status}; a new one goes on in ${WORKSPACE_DIRECTORY}\n`
    : `kroma: "set -e" ended the shell with status ${end.status}; a new one goes on with its variables and directory\n`;
}

function crowdNote(ended: number): string {
  return `kroma: Linux had more processes than it has room for; the ${ended} that belonged together were ended\n`;
}

function interrupt(): void {
  const shell = system?.shell;
  if (running && shell) {
    running.interrupted = true;
    shell.interrupt("politely");
    const own = running;
    const later = (how: "again" | "foreground" | "shell", after: number) =>
      setTimeout(() => running === own && shell.interrupt(how), after);
    for (const after of REPEAT_AFTER) timers.push(later("again", after));
    timers.push(later("foreground", KILL_AFTER), later("shell", KILL_SHELL_AFTER));
    return;
  }
  // Not started yet: the cell that waits for Linux is given up.
  const waiting = queue.shift();
  if (!waiting) return;
  say({ type: "status", status: "busy", parent: waiting.id });
  reply(waiting, 130, true);
}

async function complete(message: CompleteRequest): Promise<void> {
  const place = completionPlace(message.code, message.cursor);
  const machine = system;
  const found = machine
    ? await machine.rest.during(
        async () => (await machine.shell.complete(place.kind, place.word)) ?? completeBeside(machine, place),
      )
    : [];
  const reply: CompleteReply = {
    type: "complete_reply",
    parent: message.id,
    matches: [...new Set(found)].sort().map((match) => ({ label: written(match, place), kind: place.kind })),
    start: place.start,
    end: place.end,
  };
  say(reply);
}

/** While a cell runs its shell cannot be asked: another one completes commands and files, in the same directory. */
async function completeBeside(
  { mux, shell }: { mux: Mux; shell: Shell },
  place: { kind: "command" | "variable" | "file"; word: string },
): Promise<string[]> {
  const option = { command: "-c", file: "-f", variable: "-v" }[place.kind];
  const { stdout } = await mux.run(["/bin/bash", "-c", 'compgen "$1" -- "$2"', "bash", option, place.word || "./"], {
    directory: `/proc/${shell.pid}/cwd`,
  });
  return stdout.split("\n").filter(Boolean);
}

async function inspect(message: InspectRequest): Promise<void> {
  const before = /[\w.+-]*$/.exec(message.code.slice(0, message.cursor))?.[0] ?? "";
  const word = before + (/^[\w.+-]*/.exec(message.code.slice(message.cursor))?.[0] ?? "");
  const machine = system;
  const text = word && machine ? await machine.rest.during(() => described(machine.mux, word)) : "";
  say({ type: "inspect_reply", parent: message.id, data: text ? { "text/plain": text } : undefined });
}

async function described(mux: Mux, word: string): Promise<string> {
  const script =
    'help -m -- "$1" 2>/dev/null || { type -- "$1" 2>/dev/null && timeout 2 "$(type -P -- "$1")" --help 2>&1 </dev/null | head -n 60; }';
  return (await mux.run(["/bin/bash", "-c", script, "bash", word])).stdout.trim();
}

async function start(init: ShellInit): Promise<void> {
  const stage = (text: string, progress?: number) =>
    say({ type: "status", status: "starting", stage: text, ...(progress === undefined ? {} : { progress }) });
  services.web.allow(init.settings.webHosts ?? []);
  stage("Looking for Linux");
  const image = await imageSource(init.settings, init.assets);
  const manifest = await loadManifest(image, (text) => stage(`Making the Linux image, once: ${text}`));
  useSchedulingApi();
  const [library, wasm] = await Promise.all([
    import(/* @vite-ignore */ new URL("v86/libv86.mjs", init.assets).href) as Promise<{ V86: EmulatorClass }>,
    fetch(new URL("v86/v86.wasm", init.assets)).then((response) => response.arrayBuffer()),
  ]);
  const disk = new ChunkDisk({
    size: manifest.disk.size,
    chunk: manifest.disk.chunk,
    source: async (index) => {
      const chunk = manifest.disk.chunks[index];
      if (!chunk) throw new KromaError("corrupt", "the Linux image's disk is shorter than it should be");
      return loadChunk(image, chunk);
    },
    onError: (error) => output.note(`kroma: ${error instanceof Error ? error.message : String(error)}; trying again\n`),
  });
  const files = fileServer(init.workspace, init.owner);
  const layer = keptDisk(manifest.layer.size, {
    note: (text, isOver = false) => say({ type: "machine_note", text, isOver }),
    lost: () => die(new Error(LOST)),
  });
  const common = { emulator: library.V86, wasm, disk, layer, files: files.server, vgaMemory: manifest.vgaMemory };
  const parts = async <Name extends string>(wanted: Readonly<Record<Name, ImagePart>>) => {
    const names = Object.keys(wanted) as Name[];
    const total = names.reduce((sum, name) => sum + wanted[name].size, 0);
    const come = new Map<string, number>();
    const loaded = names.map(async (name) => {
      const bytes = await loadPart(image, wanted[name], (size) => {
        come.set(name, size);
        const done = [...come.values()].reduce((sum, value) => sum + value, 0) / total;
        stage("Downloading Linux", done);
      });
      return [name, bytes.buffer] as const;
    });
    return Object.fromEntries(await Promise.all(loaded)) as Record<Name, ArrayBuffer>;
  };

  const { kernel, initrd, bios, vgaBios } = manifest;
  /** A machine that is tried and found wanting says so to nobody. */
  let given: Machine | undefined;
  const connect = (machine: Machine) => {
    watchForPanic(machine, () => machine === given);
    return new Mux(machine.port, {
      onBroken: (reason) => machine === given && die(new KromaError("unavailable", reason)),
      onCall: services.accept,
      onSeen: (payload) => activity.seen(payload),
      onCrowd: (ended) => output.note(crowdNote(ended)),
    });
  };
  const restored = async (state: ImagePart): Promise<System> => {
    const loaded = await parts({ state, bios, vgaBios });
    stage("Restoring Linux");
    const machine = await within(
      startMachine({ ...common, ...loaded, memory: manifest.memory, boot: { state: loaded.state } }),
      RESTORE_PATIENCE,
      "The saved Linux machine cannot be restored.",
    );
    const mux = connect(machine);
    await within(mux.greet(true), RESTORE_PATIENCE, "The restored Linux machine does not answer.").catch(
      async (error: unknown) => {
        await machine.stop();
        throw error;
      },
    );
    return { machine, mux };
  };
  const booted = async (): Promise<System> => {
    const loaded = await parts({ kernel, initrd, bios, vgaBios });
    stage("Starting Linux");
    const machine = await startMachine({
      ...common,
      ...loaded,
      memory: init.settings.vmMemory,
      boot: { kernel: loaded.kernel, initrd: loaded.initrd, commandLine: manifest.commandLine },
    });
    const mux = connect(machine);
    given = machine;
    await within(mux.greet(false), BOOT_PATIENCE, "Linux did not start.");
    return { machine, mux };
  };
  const python = init.python || queue.some((request) => usesPython(request.code));
  const { machine, mux } = await firstOf([
    ...((await isOurs(manifest, wasm)) ? statesOf(manifest, python).map((state) => () => restored(state)) : []),
    booted,
  ]);
  given = machine;
  agent = mux;
  mux.setTime(Date.now());
  const kept = init.keeps && (await keepChanges(mux, layer, () => loadChunk(image, manifest.layer.template)));
  mux.seed(crypto.getRandomValues(new Uint8Array(64)));
  stage("Opening the workspace");
  if (files.options) {
    const error = await mux.mount("host9p", WORKSPACE_DIRECTORY, "9p", files.options);
    if (error !== 0) throw new KromaError("unavailable", `Linux cannot open the workspace (error ${error}).`);
  } else note = `kroma: there is no shared memory here, so ${WORKSPACE_DIRECTORY} is Linux's own and ends with it\n`;
  const shell = new Shell(mux, {
    onOutput: (stream, bytes, used) => output.add(stream, bytes, used),
    onWant: (hidden) => {
      output.flush();
      if (running) say({ type: "input_request", parent: running.request.id, prompt: "", password: hidden });
    },
  });
  await shell.start();
  const rest = new Rest({
    pause: async () => {
      await save();
      await machine.pause();
    },
    resume: async () => {
      await machine.resume();
      mux.setTime(Date.now());
    },
    isQuiet: async () => {
      const { stdout } = await mux.run(["/bin/sh", "-c", COUNT_PROGRAMS]);
      const isQuiet = Number(stdout) === PROGRAMS_OF_OURS + terminals.count && (await terminals.areQuiet());
      // A job that has just ended would stay on the screen while the machine rests.
      if (isQuiet) await activity.lookNow();
      return isQuiet;
    },
  });
  const terminals = new Terminals(mux, rest, say);
  activity.start(mux, rest);
  requests.start(mux, rest);
  system = { mux, shell, rest, terminals, kept };
  say({ type: "status", status: "idle" });
  for (const message of early.splice(0)) terminals.take(message);
  next();
  void prefetch(disk, manifest.disk.warm).then(() => forgetOtherImages(image, manifest));
  if (!running) warmUp(mux, rest);
}

/** Puts the machine on the disk that the page keeps for it; false if it keeps none. */
async function keepChanges(mux: Mux, disk: LayerDisk, template: () => Promise<Uint8Array>): Promise<boolean> {
  const { shared, atOnce } = await machineStore;
  if (!shared) return false;
  savesAtOnce = atOnce;
  try {
    const { kept, note } = await mountLayer({ mux, disk, files: new SyncFs(shared), template });
    if (note !== undefined) say({ type: "machine_note", text: note });
    return kept;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    say({ type: "machine_note", text: `What Linux changes is not kept this time: ${reason}` });
    return false;
  }
}

/** Has the emulator compile what every command goes through, as long as nobody waits for the machine. */
function warmUp(mux: Mux, rest: Rest): void {
  let stopped = false;
  let stop = (): void => undefined;
  stopWarmUp = () => {
    stopped = true;
    stop();
  };
  void rest.during(async () => {
    // A cell may have come while the machine was woken.
    if (stopped) return;
    await new Promise<void>((resolve) => {
      const handle = mux.spawn(["/bin/bash", "/usr/lib/kroma/warm", WARM_ROUNDS], {
        onData: () => undefined,
        onExit: () => resolve(),
        onFail: () => resolve(),
      });
      stop = () => {
        handle.close();
        resolve();
      };
    });
  });
}

/**
 * Between two slices of work v86 asks another worker for a message, a thousand times a second, unless its page's
 * address asks for the scheduler's API. A worker of our own has no other use of its address.
 */
function useSchedulingApi(): void {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  if (!location) return;
  Object.defineProperty(globalThis, "location", { value: new URL("#use-scheduling-api", location.href) });
}

/** Brings the parts of the disk that every session reads, one after the other, while nothing waits for them. */
async function prefetch(disk: ChunkDisk, chunks: readonly number[]): Promise<void> {
  for (const index of chunks) await disk.prefetch(index).catch(() => undefined);
}

/** The saved states, the one that fits the notebook first. */
function statesOf(manifest: ImageManifest, python: boolean): readonly ImagePart[] {
  return python && manifest.science ? [manifest.science, manifest.state] : [manifest.state];
}

/** The first of several ways that works; the last one's failure is the failure. */
async function firstOf<T>(ways: readonly (() => Promise<T>)[]): Promise<T> {
  for (const way of ways.slice(0, -1)) {
    try {
      return await way();
    } catch {
      // The next way does without what this one lacked.
    }
  }
  const last = ways.at(-1);
  if (!last) throw new KromaError("missing", "there is no way to start Linux");
  return last();
}

/** A state fits only the emulator, devices and memory it was saved with. */
async function isOurs(manifest: ImageManifest, wasm: ArrayBuffer): Promise<boolean> {
  if (manifest.devices !== DEVICES || manifest.agent !== AGENT_VERSION) return false;
  const sum = await sha256(new Uint8Array(wasm));
  return sum === undefined || sum === manifest.emulator.wasm;
}

function watchForPanic(machine: Machine, isInUse: () => boolean): void {
  let last = "";
  machine.onSerial((text) => {
    last = (last + text).slice(-200);
    if (text === "\n" && last.includes("Kernel panic") && isInUse())
      die(new KromaError("unavailable", "The Linux kernel panicked. Restart the shell to go on."));
  });
}

function within<T>(promise: Promise<T>, milliseconds: number, message: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new KromaError("unavailable", message)), milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
