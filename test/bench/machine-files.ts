/**
 * The machine's use of the workspace (9p): how fast it reads and writes a large file there, and what many small files
 * cost, each beside the machine's own memory. The files are a tree store in a thread, as a page's are.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WORKSPACE_DIRECTORY } from "#core/kernel/kernel.ts";
import { NineP } from "#core/workspace/p9.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { MOUNT_OPTIONS } from "#kernels/shell/files.ts";
import { startStore } from "../unit/workspace/start-store.ts";
import { median } from "./browser.ts";
import { restoreMachine } from "./machine.ts";
import type { Figure } from "./run.ts";

const ROUNDS = 5;
const LARGE = 16;
const SMALL = 2000;

/** Measures the workspace as the machine sees it. */
export async function benchMachineFiles(): Promise<readonly Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "kroma-bench-"));
  const store = await startStore({ directory });
  const nine = new NineP(new SyncFs(store.open.shared));
  let messages = 0;
  const files = (request: Uint8Array, answer: (bytes: Uint8Array) => void): void => {
    messages++;
    answer(nine.handle(request));
  };
  const { machine, mux } = await restoreMachine({ files });
  try {
    const error = await mux.mount("host9p", WORKSPACE_DIRECTORY, "9p", MOUNT_OPTIONS);
    if (error !== 0) throw new Error(`the workspace cannot be mounted (error ${error})`);
    const run = async (script: string): Promise<number> => {
      const from = performance.now();
      const { status, stderr } = await mux.run(["/bin/bash", "-c", script]);
      if (status !== 0) throw new Error(stderr);
      return performance.now() - from;
    };
    const times = { write: [] as number[], read: [] as number[], memory: [] as number[] };
    for (let round = -1; round < ROUNDS; round++) {
      const write = await run(`head -c ${LARGE}M /dev/zero >${WORKSPACE_DIRECTORY}/large`);
      const read = await run(`cat ${WORKSPACE_DIRECTORY}/large >/dev/null`);
      const memory = await run(`head -c ${LARGE}M /dev/zero >/tmp/large`);
      if (round < 0) continue;
      times.write.push(write);
      times.read.push(read);
      times.memory.push(memory);
    }
    const create = (place: string) =>
      run(`mkdir ${place}/many && cd ${place}/many && for ((i = 0; i < ${SMALL}; i++)); do echo $i >$i; done`);
    const inMemory = await create("/tmp");
    messages = 0;
    const created = await create(WORKSPACE_DIRECTORY);
    const each = messages / SMALL;
    const speed = (list: readonly number[]): string => `${((LARGE / median(list)) * 1000).toFixed(1)} MiB/s`;
    return [
      {
        name: "a MiB read from the workspace",
        value: median(times.read) / LARGE,
        unit: "ms",
        goal: 1000 / 60,
        detail: `${speed(times.read)} of a file of ${LARGE} MiB`,
      },
      {
        name: "a MiB written to the workspace",
        value: median(times.write) / LARGE,
        unit: "ms",
        goal: 1000 / 20,
        detail: `${speed(times.write)}, to the machine's memory ${speed(times.memory)}`,
      },
      {
        name: `${SMALL} small files made in the workspace`,
        value: created,
        unit: "ms",
        goal: 6000,
        detail: `${each.toFixed(1)} messages each; in the machine's memory ${inMemory.toFixed(0)} ms`,
      },
    ];
  } finally {
    await machine.stop();
    await store.open.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
