/** What a machine costs that does nothing: the processor while it is kept awake, and once it rests; and memory. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder } from "#app/node/paths.ts";
import { ensureImage } from "#vm-images/exchange/ensure.ts";
import type { IdleCost } from "./idle-process.ts";
import type { Figure } from "./run.ts";

/** Measures the first state's machine in a process of its own. */
export async function benchIdleMachine(): Promise<readonly Figure[]> {
  await ensureImage({ cache: cacheFolder(), log: (line) => console.error(line) });
  const program = fileURLToPath(new URL("idle-process.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program]);
  const { nothing, awake, rested, memory, without } = JSON.parse(stdout) as IdleCost;
  const before = `a process with the same host and no machine ${nothing.toFixed(2)} %`;
  return [
    {
      name: "processor of a machine that waits and is kept awake",
      value: awake,
      unit: "% of a core",
      goal: 2,
      detail: before,
    },
    { name: "processor of a machine that rests", value: rested, unit: "% of a core", goal: 0.5, detail: before },
    {
      name: "memory of the process with the first machine",
      value: memory,
      unit: "MB",
      goal: 450,
      detail: `${without.toFixed(0)} MB before it`,
    },
  ];
}
