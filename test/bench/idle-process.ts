/** The program that idle-machine.ts starts: a Linux kernel in Node and nothing else, which tells what it costs as JSON. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { createNodeHost } from "#app/node/node-host.ts";
import { shellKernel } from "#kernels/shell/kernel.ts";

/** Percent of a core, and megabytes. */
export interface IdleCost {
  readonly nothing: number;
  readonly awake: number;
  readonly rested: number;
  readonly memory: number;
  readonly without: number;
}

/** What a machine does right after its start or a cell is not what is measured. */
const SETTLE = 4000;
const MEASURED = 6000;
/** The machine looks whether it may rest at most this often. */
const REST = 12_000;

const megabytes = (): number => process.memoryUsage.rss() / 1e6;

async function processor(): Promise<number> {
  const [from, before] = [performance.now(), process.cpuUsage()];
  await after(MEASURED);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1000 / (performance.now() - from)) * 100;
}

const folder = await mkdtemp(join(tmpdir(), "kroma-bench-"));
const host = await createNodeHost({ folder });
const [nothing, without] = [await processor(), megabytes()];
const channel = await shellKernel.start({ host, signal: new AbortController().signal });
const idle = (parent?: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = channel.receive((message) => {
      if (message.type !== "status") return;
      if (message.status === "dead") reject(new Error(message.reason));
      if (message.status !== "idle" || message.parent !== parent) return;
      stop();
      resolve();
    });
  });
const cell = (code: string): Promise<void> => {
  channel.send({ type: "execute_request", id: code, code });
  return idle(code);
};
await idle();
await cell("sleep 10000 &");
await after(SETTLE);
const [awake, memory] = [await processor(), megabytes()];
await cell("kill %1");
await after(REST);
const cost: IdleCost = { nothing, awake, rested: await processor(), memory, without };
console.log(JSON.stringify(cost));
channel.close();
await host.close();
await rm(folder, { recursive: true });
