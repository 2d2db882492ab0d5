/**
 * What a cell costs beyond the work in it: a message to a kernel and back beside a message to a bare worker and back,
 * and a Python kernel restarted, with a spare and without, beside one started plainly.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Channel } from "#core/base/channel.ts";
import type { Kernel, KernelHost } from "#core/kernel/kernel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import { createPythonKernel, pythonKernel } from "#kernels/python/kernel.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import { median } from "./browser.ts";
import type { Figure } from "./run.ts";

const CALLS = 200;
let requests = 0;

async function start(kernel: Kernel, host: KernelHost): Promise<Channel<FromKernel, ToKernel>> {
  return kernel.start({ host, signal: new AbortController().signal });
}

/** Runs code and resolves with the milliseconds until its reply. */
function run(channel: Channel<FromKernel, ToKernel>, code: string): Promise<number> {
  const id = `bench-${requests++}`;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const stop = channel.receive((message) => {
      if (message.type !== "execute_reply" || message.parent !== id) return;
      stop();
      if (message.status === "ok") resolve(performance.now() - started);
      else reject(new Error(`${code} ended with ${message.status}`));
    });
    channel.send({ type: "execute_request", id, code });
  });
}

async function repeated(calls: number, call: (index: number) => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < calls; index++) times.push(await call(index));
  return median(times.slice(Math.floor(calls / 5)));
}

async function bareRoundTrip(): Promise<number> {
  const worker = new Worker(
    `require("node:worker_threads").parentPort.on("message", function (m) { this.postMessage(m); })`,
    { eval: true },
  );
  const call = (index: number) => {
    const started = performance.now();
    return new Promise<number>((resolve) => {
      worker.once("message", () => resolve(performance.now() - started));
      worker.postMessage({ type: "execute_request", id: String(index), code: "1 + 1" });
    });
  };
  const time = await repeated(CALLS, call);
  await worker.terminate();
  return time;
}

/** Closes a kernel that has a spare, starts it again and runs a cell. */
async function restartWithSpare(node: NodeHost, without: number): Promise<Figure> {
  const kernel = createPythonKernel({ spareAfter: 0 });
  let prepared: (() => void) | undefined;
  const host: KernelHost = {
    ...node,
    whenAtRest(work) {
      work();
      return () => undefined;
    },
    spawn(program) {
      const worker = node.spawn(program);
      worker.port.addEventListener("message", ({ data }: MessageEvent<{ type: string }>) => {
        if (data.type === "prepared") prepared?.();
      });
      return worker;
    },
  };
  const times: number[] = [];
  let ready = new Promise<void>((resolve) => (prepared = resolve));
  let channel = await start(kernel, host);
  for (let round = 0; round < 5; round++) {
    await run(channel, "1+1");
    await ready;
    ready = new Promise<void>((resolve) => (prepared = resolve));
    const again = performance.now();
    channel.close();
    channel = await start(kernel, host);
    await run(channel, "1+1");
    times.push(performance.now() - again);
  }
  channel.close();
  kernel.forget?.(host);
  return {
    name: "Python restarted with a spare",
    value: median(times),
    unit: "ms",
    goal: 100,
    detail: `from closing to the answer of 1+1; without a spare ${without.toFixed(0)} ms`,
  };
}

/** Round trips and restarts, in Node threads. */
export async function benchKernels(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "kroma-bench-"));
  const host = await createNodeHost({ folder });
  const figures: Figure[] = [];
  try {
    const bare = await bareRoundTrip();
    for (const [kernel, goal] of [
      [typescriptKernel, 1],
      [pythonKernel, 2],
    ] as const) {
      const channel = await start(kernel, host);
      await run(channel, "1 + 1");
      const time = await repeated(CALLS, (index) => run(channel, `${index} + 1`));
      figures.push({
        name: `${kernel.spec.displayName} cell over a bare message`,
        value: time - bare,
        unit: "ms",
        goal,
        detail: `${time.toFixed(2)} ms, a bare worker message ${bare.toFixed(2)} ms`,
      });
      channel.close();
    }
    const plain: number[] = [];
    const restarted: number[] = [];
    for (let round = 0; round < 5; round++) {
      const begun = performance.now();
      const worker = new Worker(
        `const { workerData: url } = require("node:worker_threads"); import(url).then(async ({ loadPyodide }) => { const py = await loadPyodide({ indexURL: new URL('.', url).pathname }); py.runPython("1+1"); require("node:worker_threads").parentPort.postMessage("2"); })`,
        { eval: true, workerData: import.meta.resolve("pyodide") },
      );
      await new Promise((resolve) => worker.once("message", resolve));
      plain.push(performance.now() - begun);
      await worker.terminate();
      const again = performance.now();
      const channel = await start(pythonKernel, host);
      await run(channel, "1+1");
      restarted.push(performance.now() - again);
      channel.close();
    }
    figures.push({
      name: "Python restarted",
      value: median(restarted) / median(plain),
      unit: "×",
      goal: 0.15,
      detail: `${median(restarted).toFixed(0)} ms, a plain first start ${median(plain).toFixed(0)} ms`,
    });
    figures.push(await restartWithSpare(host, median(restarted)));
    return figures;
  } finally {
    await host.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
