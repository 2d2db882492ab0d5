/**
 * Where `kroma run --machine FOLDER` keeps what Linux changes: a folder with the disk in it, for one process at a time.
 * The lock is a file with the process's number; one that a killed process left is taken over.
 */
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { KromaError } from "#core/base/errors.ts";
import type { MachineStore } from "#core/kernel/kernel.ts";
import type { OpenWorkspace } from "#core/workspace/host.ts";
import { startFolderWorkspace } from "#plugins/folder/folder.node.ts";

/** The folder while this process has it. */
export interface MachineFolder {
  /** For KernelHost.openMachine. */
  openMachine(): Promise<MachineStore>;
  close(): Promise<void>;
}

/** Takes the folder, which is made if there is none. Rejects with `unavailable` if another process has it. */
export async function openMachineFolder(folder: string, report: (sentence: string) => void): Promise<MachineFolder> {
  await mkdir(folder, { recursive: true });
  const lock = join(folder, "lock");
  await takeLock(lock, folder);
  let served: OpenWorkspace | undefined;
  return {
    async openMachine() {
      await served?.close();
      served = await startFolderWorkspace(folder);
      const withdraw = (): void => report("There is room again: what Linux changed is stored.");
      return { shared: served.shared, atOnce: true, report, withdraw };
    },
    async close() {
      await served?.close();
      await rm(lock, { force: true });
    },
  };
}

async function takeLock(path: string, folder: string): Promise<void> {
  for (let tried = 0; ; tried++) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(String(process.pid));
      return await file.close();
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error) || error.code !== "EEXIST") throw error;
      const owner = Number(await readFile(path, "utf8").catch(() => ""));
      if (tried > 0 || isAlive(owner)) {
        throw new KromaError("unavailable", `another Kroma (process ${owner}) uses the machine in ${folder}`);
      }
      await rm(path, { force: true });
    }
  }
}

function isAlive(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return process_ > 0;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
