/**
 * The Linux machine beside its own agent: what a cell costs over the agent starting the same program, how soon the
 * restored machines answer, how fast one writes, and what a cell in Python costs. In Node, without the kernel's worker between.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";
import type { ImageManifest, ImagePart } from "#kernels/shell/image.ts";
import { ChunkDisk } from "#kernels/shell/disk.ts";
import { LayerDisk } from "#kernels/shell/layer-disk.ts";
import { type EmulatorClass, type FileServer, type Machine, noFiles, startMachine } from "#kernels/shell/machine.ts";
import { Mux } from "#kernels/shell/mux.ts";
import { Shell } from "#kernels/shell/shell.ts";
import { cacheFolder } from "#app/node/paths.ts";
import { ensureImage } from "#vm-images/exchange/ensure.ts";
import { median } from "./browser.ts";
import type { Figure } from "./run.ts";

const CALLS = 40;
const WRITTEN = 16 << 20;

/** A machine restored from the built image, without the kernel's worker. */
export interface Restored {
  readonly machine: Machine;
  readonly mux: Mux;
  readonly manifest: ImageManifest;
  /** Milliseconds since the emulator was started. */
  elapsed(): number;
}

/** What a machine is made with, unless it is the first state with an empty disk and no files. */
export interface RestoreOptions {
  /** The disk for what it changes. */
  readonly layer?: (size: number) => LayerDisk;
  readonly part?: (manifest: ImageManifest) => ImagePart;
  readonly files?: FileServer;
}

/** Restores the built image. */
export async function restoreMachine(options: RestoreOptions = {}): Promise<Restored> {
  const { layer = (size) => new LayerDisk({ size }), part = (manifest) => manifest.state, files = noFiles } = options;
  const folder = await ensureImage({ cache: cacheFolder(), log: (line) => console.error(line) });
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as ImageManifest;
  const bytes = async (file: string): Promise<ArrayBuffer> => new Uint8Array(await readFile(join(folder, file))).buffer;
  const [{ V86 }, wasm, bios, vgaBios, state] = await Promise.all([
    import("v86"),
    readFile(fileURLToPath(new URL("v86.wasm", import.meta.resolve("v86")))),
    bytes(manifest.bios.file),
    bytes(manifest.vgaBios.file),
    bytes(part(manifest).file),
  ]);
  const disk = new ChunkDisk({
    size: manifest.disk.size,
    chunk: manifest.disk.chunk,
    source: async (index) => {
      const chunk = manifest.disk.chunks[index];
      if (!chunk) throw new Error("the disk is shorter than its manifest says");
      return new Uint8Array(inflateRawSync(await readFile(join(folder, chunk.file))));
    },
    onError: (error) => {
      throw error;
    },
  });
  const begun = performance.now();
  const machine = await startMachine({
    emulator: V86 as unknown as EmulatorClass,
    wasm,
    bios,
    vgaBios,
    memory: manifest.memory,
    vgaMemory: manifest.vgaMemory,
    disk,
    layer: layer(manifest.layer.size),
    files,
    boot: { state },
  });
  const mux = new Mux(machine.port, {
    onBroken: (reason) => {
      throw new Error(reason);
    },
  });
  await mux.greet(true);
  return { machine, mux, manifest, elapsed: () => performance.now() - begun };
}

/** Restores the built image in both its states and measures it. */
export async function benchMachine(): Promise<readonly Figure[]> {
  const base = await answered((manifest) => manifest.state);
  const figures = await benchShell(base.mux);
  await base.machine.stop();
  const python = await answered(scienceOf);
  const cell = await benchPython(python.mux);
  await python.machine.stop();
  const [state, science] = [base.manifest.state, scienceOf(base.manifest)];
  const detail = (part: ImagePart, ping: number) =>
    `state of ${(part.size / 1e6).toFixed(1)} MB, packed; a ping then takes ${ping.toFixed(1)} ms`;
  return [
    ...figures,
    {
      name: "restored state to an answered command",
      value: base.milliseconds,
      unit: "ms",
      goal: 800,
      detail: detail(state, base.ping),
    },
    {
      name: "restored state with Python to an answered command",
      value: python.milliseconds,
      unit: "ms",
      goal: 1200,
      detail: detail(science, python.ping),
    },
    {
      name: "packed bytes of the first state",
      value: state.size / 1e6,
      unit: "MB",
      goal: 5,
      detail: `with Python ${(science.size / 1e6).toFixed(1)} MB`,
    },
    {
      name: "cell that imports NumPy, over one that runs /bin/true",
      value: cell.numpy / cell.true,
      unit: "×",
      goal: 8,
      detail: `${cell.numpy.toFixed(0)} ms over ${cell.true.toFixed(0)} ms`,
    },
  ];
}

function scienceOf({ science }: ImageManifest): ImagePart {
  if (!science) throw new Error("the image has no state with Python");
  return science;
}

/** Restores a state and runs a first command. */
async function answered(
  part: (manifest: ImageManifest) => ImagePart,
): Promise<Restored & { readonly milliseconds: number; readonly ping: number }> {
  const restored = await restoreMachine({ part });
  await restored.mux.run(["/bin/true"]);
  const milliseconds = restored.elapsed();
  const pings: number[] = [];
  for (let call = 0; call < CALLS; call++) pings.push(await time(() => restored.mux.ping()));
  return { ...restored, milliseconds, ping: median(pings) };
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function shellOf(mux: Mux): Shell {
  return new Shell(mux, { onOutput: (_stream, _bytes, used) => used(), onWant: () => undefined });
}

/** Milliseconds of a cell in Python that imports NumPy, and of one that does next to nothing; what is warm of each. */
export async function benchPython(mux: Mux): Promise<{ readonly numpy: number; readonly true: number }> {
  const shell = shellOf(mux);
  await shell.start();
  const [numpy, nothing]: [number[], number[]] = [[], []];
  for (let call = -3; call < CALLS / 4; call++) {
    const script = "#!/usr/bin/env python3\nimport numpy\nprint(numpy.arange(4).sum())";
    const times = [await time(() => shell.run(script)), await time(() => shell.run("/bin/true"))] as const;
    if (call >= 0) [numpy, nothing].forEach((list, index) => list.push(times[index] ?? 0));
  }
  return { numpy: median(numpy), true: median(nothing) };
}

async function benchShell(mux: Mux): Promise<readonly Figure[]> {
  const shell = shellOf(mux);
  await shell.start();
  const [ping, agent, cell]: [number[], number[], number[]] = [[], [], []];
  // What the emulator has not compiled yet is not what is compared.
  for (let call = -CALLS; call < CALLS; call++) {
    const times = [
      await time(() => mux.ping()),
      await time(() => mux.run(["/bin/true"])),
      await time(() => shell.run("/bin/true")),
    ] as const;
    if (call >= 0) [ping, agent, cell].forEach((list, index) => list.push(times[index] ?? 0));
  }
  const writing = await time(() => shell.run(`head -c ${WRITTEN} /dev/zero`));
  const [pinged, started, run] = [median(ping), median(agent), median(cell)];
  return [
    {
      name: "shell cell over the agent's start of the same program",
      value: run / started,
      unit: "×",
      goal: 3,
      detail: `cell ${run.toFixed(1)} ms, agent ${started.toFixed(1)} ms, ping ${pinged.toFixed(1)} ms`,
    },
    {
      name: "a MiB of output",
      value: writing / (WRITTEN >> 20),
      unit: "ms",
      goal: 125,
      detail: `${(((WRITTEN >> 20) / writing) * 1000).toFixed(1)} MiB/s`,
    },
  ];
}
