/**
 * The Linux machine beside its own agent: what a cell costs over the agent starting the same program, how soon a restored
 * machine answers, and how fast it writes. In Node, without the kernel's worker between.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import type { ImageManifest } from "#kernels/shell/image.ts";
import { ChunkDisk } from "#kernels/shell/disk.ts";
import { type EmulatorClass, noFiles, startMachine } from "#kernels/shell/machine.ts";
import { Mux } from "#kernels/shell/mux.ts";
import { Shell } from "#kernels/shell/shell.ts";
import { cacheFolder } from "#app/node/paths.ts";
import { ensureImage } from "#vm-images/exchange/ensure.ts";
import { median } from "./browser.ts";
import type { Figure } from "./run.ts";

const CALLS = 40;
const WRITTEN = 16 << 20;

/** Restores the built image and measures it. */
export async function benchMachine(): Promise<readonly Figure[]> {
  const folder = await ensureImage({ cache: cacheFolder(), log: (line) => console.error(line) });
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as ImageManifest;
  const bytes = async (file: string): Promise<ArrayBuffer> => new Uint8Array(await readFile(join(folder, file))).buffer;
  const [{ V86 }, wasm, bios, vgaBios, state] = await Promise.all([
    import("v86"),
    readFile(new URL("v86.wasm", import.meta.resolve("v86"))),
    bytes(manifest.bios.file),
    bytes(manifest.vgaBios.file),
    bytes(manifest.state.file),
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
    files: noFiles,
    boot: { state },
  });
  const mux = new Mux(machine.port, {
    onBroken: (reason) => {
      throw new Error(reason);
    },
  });
  await mux.greet(true);
  await mux.run(["/bin/true"]);
  const answered = performance.now() - begun;
  const shell = new Shell(mux, { onOutput: (_stream, _bytes, used) => used(), onWant: () => undefined });
  await shell.start();

  const time = async (work: () => Promise<unknown>): Promise<number> => {
    const from = performance.now();
    await work();
    return performance.now() - from;
  };
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
  await machine.stop();
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
      name: "restored state to an answered command",
      value: answered,
      unit: "ms",
      goal: 800,
      detail: `state of ${(manifest.state.size / 1e6).toFixed(1)} MB, packed`,
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
