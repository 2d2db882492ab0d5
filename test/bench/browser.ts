/** Chromium for benchmarks: an empty or a kept profile, and the CPU seconds of its whole process tree. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type BrowserContext, chromium } from "playwright";
import { chromiumArguments, chromiumPath } from "../chromium.ts";

const TICKS_PER_SECOND = 100;
/** CPU seconds in one second. */
const AT_REST = 0.05;

/** A browser with a profile folder of its own. */
export interface Browser {
  readonly context: BrowserContext;
  /** CPU seconds (user and system) that all its processes have used so far, ended ones included. */
  cpuSeconds(): number;
  /**
   * Waits until it does nothing. Chromium 156 starts with windows of its own (the address bar's, in WebUI) that take
   * about 2 CPU seconds while the first page loads: as much as that page, and different each time.
   */
  rest(): Promise<void>;
  close(): Promise<void>;
}

/** A new profile folder; give it to `openBrowser`, and remove it with `removeProfile`. */
export const newProfile = (): string => mkdtempSync(join(tmpdir(), "kroma-bench-"));
export const removeProfile = (profile: string): void =>
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });

interface ProcessTimes {
  readonly parent: number;
  readonly ticks: number;
}

function processTimes(): Map<number, ProcessTimes> {
  const times = new Map<number, ProcessTimes>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      // proc(5): fields 4 (parent) and 14 to 17 (own and waited-for children's user and system ticks)
      const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
      times.set(Number(name), { parent: Number(fields[1]), ticks });
    } catch {
      // it ended while we looked
    }
  }
  return times;
}

function rootOf(profile: string): number {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8");
      if (command.includes(`--user-data-dir=${profile}`) && !command.includes("--type=")) return Number(name);
    } catch {
      // it ended while we looked
    }
  }
  throw new Error("the browser's process is not there");
}

/** Starts Chromium on a profile folder. */
export async function openBrowser(profile: string): Promise<Browser> {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath,
    args: [...chromiumArguments],
    viewport: { width: 1280, height: 800 },
  });
  const root = rootOf(profile);
  const cpuSeconds = (): number => {
    const times = processTimes();
    const isOurs = (id: number): boolean => id === root || (times.has(id) && isOurs(times.get(id)?.parent ?? 0));
    let ticks = 0;
    for (const [id, time] of times) if (isOurs(id)) ticks += time.ticks;
    return ticks / TICKS_PER_SECOND;
  };
  return {
    context,
    cpuSeconds,
    async rest() {
      for (let before = 0, now = cpuSeconds(); now - before > AT_REST;) {
        await setTimeout(1000);
        [before, now] = [now, cpuSeconds()];
      }
    },
    close: () => context.close(),
  };
}

/** The middle value; of an even number the lower middle one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}
