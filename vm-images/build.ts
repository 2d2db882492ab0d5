/**
 * Builds the Linux image (`kroma vm build [--update]`). Needs no root, no C compiler and no emulator on the host
 * beyond this project's own: packages are unpacked by Debian's dpkg-deb, file systems are written here, the agent is
 * compiled inside the guest, and the machine is booted once and saved. The result is a folder named by the hash of
 * everything it was made from.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { KromaError } from "#core/base/errors.ts";
import { ChunkDisk } from "#kernels/shell/disk.ts";
import type { ImageManifest, ImagePart } from "#kernels/shell/image.ts";
import { LayerDisk } from "#kernels/shell/layer-disk.ts";
import { packBlocks } from "#kernels/shell/layer-store.ts";
import { type EmulatorClass, type Machine, noFiles, startMachine } from "#kernels/shell/machine.ts";
import { AGENT_VERSION, Mux } from "#kernels/shell/mux.ts";
import { compileModules } from "./byte-code.ts";
import { type LockedPackage, PackageSource } from "./debian.ts";
import {
  VALUES_SOURCE,
  busyboxOf,
  compilerDisk,
  firmware,
  firstFileSystem,
  kernelParts,
  machineTree,
  ownFile,
} from "./layout.ts";
import { kernelOf, type Lock, lockText, readLock, updateLock, usableLock } from "./lock.ts";
import { hash, packState, writeChunks, writeDeflated } from "./pack.ts";
import { BUSYBOX, CHUNK, LAYER_SIZE, MACHINE, PACKAGES, SUITE } from "./recipe.ts";
import { squashfs, tablesOf } from "./squashfs.ts";

/** A machine that has not answered by then never will, however busy this computer is; milliseconds. */
const PATIENCE = 900_000;
/** What a machine has used when its state is saved: what most cells use, and all that the shell of the cells reads first. */
const COMMANDS = ". /usr/lib/kroma/warm 2";
const CELLS_SHELL = "/bin/bash --noprofile --rcfile /usr/lib/kroma/shellrc --noediting -i </dev/null 63>/dev/null";

export interface BuildOptions {
  /** Kroma's cache folder; images go to its "vm". */
  readonly cache: string;
  readonly log: (line: string) => void;
  /** Renew packages.lock.json first. */
  readonly update?: boolean;
}

/** The folder of the image for the present recipe, if it has been built. */
export async function findImage(cache: string): Promise<string | undefined> {
  const name = await recipeHash();
  const instead = join(cache, "vm", `${name}.instead`);
  // Of packages that are gone others took the place, and the image has the name of what is in it.
  const folder = join(cache, "vm", existsSync(instead) ? await readFile(instead, "utf8") : name);
  return existsSync(join(folder, "manifest.json")) ? folder : undefined;
}

/** Builds the image unless it is there; resolves with its folder. */
export async function buildImage(options: BuildOptions): Promise<string> {
  const { cache, log } = options;
  const source = new PackageSource(join(cache, "apt"), SUITE, log);
  if (options.update) await updateLock(source, log);
  const wanted = await readLock(source, log);
  const present = await findImage(cache);
  if (present) return present;

  const lock = await usableLock(wanted, source, log);
  const name = await recipeHash(lock);
  const folder = join(cache, "vm", name);
  if (lock !== wanted) {
    await mkdir(join(cache, "vm"), { recursive: true });
    await writeFile(join(cache, "vm", `${await recipeHash()}.instead`), name);
    if (existsSync(join(folder, "manifest.json"))) return folder;
  }
  const files = await source.fetch([...lock.image, ...lock.compiler]);
  const fileOf = (name: string) => files.get(name) ?? "";
  const machine = { kernel: kernelOf(lock), firmware: PACKAGES.firmware, busybox: BUSYBOX };

  log("Unpacking the kernel");
  const kernel = await kernelParts(fileOf(machine.kernel));
  const busybox = await busyboxOf(fileOf(machine.busybox));
  const parts = {
    kernel: kernel.kernel,
    initrd: await firstFileSystem(kernel, busybox),
    bios: await firmware(fileOf(machine.firmware), "bios.bin"),
    vgaBios: await firmware(fileOf(machine.firmware), "vgabios-stdvga.bin"),
  };
  const sources = {
    "agent.c": await ownFile("agent/agent.c"),
    "crowd.c": await ownFile("agent/crowd.c"),
    "crowd.h": await ownFile("agent/crowd.h"),
    "look.c": await ownFile("agent/look.c"),
    "look.h": await ownFile("agent/look.h"),
    "kroma.c": await ownFile("agent/kroma.c"),
    "python.c": await ownFile("agent/python.c"),
    "call.c": await ownFile("agent/call.c"),
    "kroma.h": await ownFile("agent/kroma.h"),
  };
  const agent = await compiledAgent(cache, log, lock.compiler, parts, sources, () =>
    compilerDisk(
      lock.compiler.map((entry) => fileOf(entry.name)),
      busybox,
      sources,
    ),
  );

  log("Writing the disk");
  const outside = new Set<string>(Object.values(machine));
  const programs = lock.image.filter((entry) => !outside.has(entry.name));
  const tree = await machineTree(
    programs.map((entry) => fileOf(entry.name)),
    Object.values(machine).map(fileOf),
    busybox,
    agent,
  );
  await compileModules(tree, log);
  const disk = squashfs(tree);
  const work = `${folder}.part-${process.pid}`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  log(`Packing the disk (${(disk.length / 1e6).toFixed(0)} MB) while Linux starts to save its state`);
  const [chunks, saved] = await Promise.all([writeChunks(work, disk), savedState(parts, disk, log)]);
  const write = async (file: string, bytes: Uint8Array): Promise<ImagePart> => {
    await writeFile(join(work, file), bytes);
    return { file, size: bytes.length, sha256: hash(bytes) };
  };
  log("Packing the states");
  const [state, science] = await Promise.all([packState(saved.state), packState(saved.science)]);
  const emulator = await readEmulator();
  const manifest: ImageManifest = {
    format: 2,
    recipe: name,
    emulator: { version: emulator.version, wasm: hash(emulator.wasm) },
    agent: AGENT_VERSION,
    memory: MACHINE.memory,
    vgaMemory: MACHINE.vgaMemory,
    devices: MACHINE.devices,
    commandLine: MACHINE.commandLine,
    state: await write("state.zst", state),
    science: await write("science.zst", science),
    kernel: await write("kernel", parts.kernel),
    initrd: await write("initrd", parts.initrd),
    bios: await write("bios.bin", parts.bios),
    vgaBios: await write("vgabios.bin", parts.vgaBios),
    disk: { size: disk.length, chunk: CHUNK, chunks, warm: chunksOfTables(disk) },
    layer: { size: LAYER_SIZE, template: await writeDeflated(work, "layer", saved.layer) },
    packages: lock.image.map((entry) => ({ name: entry.name, version: entry.version })),
  };
  await writeFile(join(work, "manifest.json"), JSON.stringify(manifest));
  await rename(work, folder).catch(async (error: unknown) => {
    // Another process has just built the same image.
    if (!existsSync(join(folder, "manifest.json"))) throw error;
    await rm(work, { recursive: true, force: true });
  });
  log(`The Linux image is ready: ${folder}`);
  return folder;
}

async function readEmulator(): Promise<{ wasm: Uint8Array<ArrayBuffer>; library: Uint8Array; version: string }> {
  const library = import.meta.resolve("v86");
  const description = JSON.parse(await readFile(new URL("../package.json", library), "utf8")) as { version: string };
  const wasm = new Uint8Array(await readFile(new URL("v86.wasm", library)));
  return { wasm, library: await readFile(new URL(library)), version: description.version };
}

/** Hash of all that an image is made from: this folder, the emulator, what boots and talks to it; with another lock. */
export async function recipeHash(lock?: Lock): Promise<string> {
  const emulator = await readEmulator();
  const sum = createHash("sha256").update(emulator.wasm).update(emulator.library);
  for (const folder of ["./", "./agent/", "./guest/"]) {
    for (const name of (await readdir(new URL(folder, import.meta.url))).sort()) {
      if (!/\.(ts|c|h|py|sh|bash|lock\.json)$/.test(name)) continue;
      const content = await ownFile(folder + name);
      // However the lock file is laid out, it is what it says that counts.
      const isLock = name.endsWith(".lock.json");
      sum
        .update(name)
        .update(isLock ? lockText(lock ?? (JSON.parse(new TextDecoder().decode(content)) as Lock)) : content);
    }
  }
  for (const name of ["../kernels/shell/machine.ts", VALUES_SOURCE]) sum.update(await ownFile(name));
  return sum.digest("hex").slice(0, 16);
}

/** The chunks that hold where each file of the disk is: what any program that is not in the state yet asks for first. */
function chunksOfTables(disk: Uint8Array): number[] {
  const first = Math.floor(tablesOf(disk) / CHUNK);
  return Array.from({ length: Math.ceil(disk.length / CHUNK) - first }, (_, index) => first + index);
}

type BootParts = Readonly<Record<"kernel" | "initrd" | "bios" | "vgaBios", Uint8Array>>;

async function boot(
  parts: BootParts,
  disk: ChunkDisk,
  commandLine: string,
  layer = new LayerDisk({ size: LAYER_SIZE }),
): Promise<Machine> {
  const { V86 } = await import("v86");
  const emulator = await readEmulator();
  return startMachine({
    emulator: V86 as unknown as EmulatorClass,
    wasm: emulator.wasm,
    bios: buffer(parts.bios),
    vgaBios: buffer(parts.vgaBios),
    memory: MACHINE.memory,
    vgaMemory: MACHINE.vgaMemory,
    disk,
    layer,
    files: noFiles,
    boot: { kernel: buffer(parts.kernel), initrd: buffer(parts.initrd), commandLine },
  });
}

function wholeDisk(image: Uint8Array): ChunkDisk {
  return new ChunkDisk({
    size: image.length,
    chunk: CHUNK,
    source: async (index) => image.subarray(index * CHUNK, (index + 1) * CHUNK),
    onError: (error) => {
      throw error;
    },
  });
}

/** The agent's program, compiled in a guest of its own; kept by the hash of what it is made from. */
async function compiledAgent(
  cache: string,
  log: (line: string) => void,
  compiler: readonly LockedPackage[],
  parts: BootParts,
  sources: Readonly<Record<string, Uint8Array>>,
  disk: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const script = await ownFile("guest/compile.sh");
  const sum = createHash("sha256").update(script).update(JSON.stringify(compiler));
  for (const source of Object.values(sources)) sum.update(source);
  const key = sum.digest("hex").slice(0, 16);
  const kept = join(cache, "agents", key);
  if (existsSync(kept)) return readFile(kept);
  log("Compiling the agent in Linux");
  const machine = await boot(
    parts,
    wholeDisk(await disk()),
    `${MACHINE.commandLine} kroma.init=/usr/lib/kroma/compile`,
  );
  const said = await serialUntil(machine, /KROMA-(END|FAILED|PANIC)/, PATIENCE);
  await machine.stop();
  const body = /KROMA-BEGIN\s+([A-Za-z0-9+/=\s]+?)\s*KROMA-END/.exec(said)?.[1];
  if (!body) throw new KromaError("invalid", `the agent did not compile:\n${said.slice(-3000)}`);
  const program = gunzipSync(Buffer.from(body.replace(/\s+/g, ""), "base64"));
  await mkdir(join(cache, "agents"), { recursive: true });
  await writeFile(kept, program);
  return program;
}

/** Boots the machine, uses it a little so that the first cell finds its tools in memory, and saves it. */
async function savedState(
  parts: BootParts,
  image: Uint8Array,
  log: (line: string) => void,
): Promise<{ state: Uint8Array; science: Uint8Array; layer: Uint8Array }> {
  const started = performance.now();
  const disk = wholeDisk(image);
  const layer = new LayerDisk({ size: LAYER_SIZE });
  const machine = await boot(parts, disk, MACHINE.commandLine, layer);
  let serial = "";
  machine.onSerial((text) => (serial += text));
  const mux = new Mux(machine.port, { onBroken: (reason) => log(reason) });
  const run = async (script: string) => {
    const result = await mux.run(["/bin/bash", "-c", script]);
    if (result.status !== 0) throw new KromaError("invalid", `in the new machine: ${result.stderr}`);
    return result.stdout;
  };
  await within(mux.greet(false), PATIENCE, () => `Linux did not start:\n${serial.slice(-3000)}`);
  log(`Linux started in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  await run(`${new TextDecoder().decode(await ownFile("guest/format.sh"))}`.replaceAll("$1", "/dev/sdb"));
  const save = async (what: string, ...warmUp: readonly string[]): Promise<Uint8Array> => {
    await run("sync; echo 3 >/proc/sys/vm/drop_caches");
    // What these read stays in the state, so that a first cell finds it in memory. Not even the names of files may be dropped
    // after that: this kernel drops the contents with them.
    for (const script of warmUp) await run(script);
    await run("sync");
    for (let round = 0; round < 20; round++) await mux.ping();
    const state = new Uint8Array(await machine.save());
    log(`State of ${(state.length / 1e6).toFixed(1)} MB saved, ${what}`);
    return state;
  };
  const tools = new TextDecoder().decode(await ownFile("guest/tools.sh"));
  const state = await save("base", tools, COMMANDS, CELLS_SHELL);
  await run("/usr/lib/kroma/science start");
  const science = await save("science", tools, COMMANDS, CELLS_SHELL, "/usr/lib/kroma/science use");
  await machine.stop();
  return { state, science, layer: packBlocks(layer.blocks) };
}

async function serialUntil(machine: Machine, pattern: RegExp, milliseconds: number): Promise<string> {
  let said = "";
  const heard = new Promise<string>((resolve) => {
    machine.onSerial((text) => {
      said += text;
      if (text === "\n" && pattern.test(said.slice(-40))) resolve(said);
    });
  });
  return within(heard, milliseconds, () => `Linux did not answer:\n${said.slice(-3000)}`);
}

function within<T>(promise: Promise<T>, milliseconds: number, message: () => string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new KromaError("unavailable", message())), milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function buffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
