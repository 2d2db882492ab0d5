/** A real Linux in a Node thread for tests: the built image, the kernel as the session uses it, a real folder. */
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KernelSettings } from "#core/kernel/kernel.ts";
import { createNodeHost } from "#app/node/node-host.ts";
import { cacheFolder } from "#app/node/paths.ts";
import { shellKernel } from "#kernels/shell/kernel.ts";
import { ensureImage } from "#vm-images/exchange/ensure.ts";
import { type Cells, cellsOf } from "../../conformance/cells.ts";

/** A started kernel. */
export interface Linux extends Cells {
  readonly folder: string;
  /** What was said about the machine's disk. */
  readonly notes: readonly string[];
}

/** Builds the image if there is none, and starts Linux from it. Rejects with the reason if the kernel dies. */
export async function startLinux(
  options: {
    readonly settings?: Partial<KernelSettings>;
    readonly sources?: readonly string[];
    /** Folder in which the machine keeps what it changes. */
    readonly machine?: string;
  } = {},
): Promise<Linux> {
  if (!options.settings?.vmImage) await ensureImage({ cache: cacheFolder(), log: (line) => console.error(line) });
  const work = await mkdtemp(join(tmpdir(), "kroma-shell-"));
  const folder = await mkdtemp(join(tmpdir(), "kroma-notebook-"));
  const emulator = fileURLToPath(new URL(".", import.meta.resolve("v86")));
  await symlink(emulator, join(work, "v86"));
  const notes: string[] = [];
  const host = await createNodeHost({
    folder,
    assets: work,
    settings: { ...options.settings },
    ...(options.machine === undefined
      ? {}
      : { machine: { folder: options.machine, report: (note: string) => void notes.push(note) } }),
  });
  const abort = new AbortController();
  const channel = await shellKernel.start({
    host,
    signal: abort.signal,
    sources: () => options.sources ?? [],
  });
  const close = async () => {
    channel.close();
    await host.close();
    await rm(work, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  };
  return { ...(await cellsOf(channel, close)), folder, notes };
}
