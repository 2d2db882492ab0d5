/** What becomes of trainings whose worker says nothing: threads that hear messages and do not answer. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startThread } from "#app/node/thread-worker.ts";
import type { RunningService, ServiceAnswer } from "#core/kernel/services.ts";
import { startTrainings } from "#plugins/train/service.ts";

let folder: string;
let program: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-train-"));
  const file = join(folder, "silent.mjs");
  await writeFile(file, "addEventListener('message', () => undefined);");
  program = pathToFileURL(file).href;
});
afterAll(() => rm(folder, { recursive: true }));

/** The service with such threads. */
async function silent(patience?: number) {
  const threads: ReturnType<typeof startThread>[] = [];
  const spawn = () => {
    const thread = startThread({ program, cacheDirectory: folder, readable: [] });
    threads.push(thread);
    return thread;
  };
  const place = { spawn, asset: (path: string) => path, workspace: undefined, foreign: false };
  return { threads, service: await startTrainings(place, patience) };
}

function begin(service: RunningService, signal = new AbortController().signal): Promise<ServiceAnswer> {
  const value = {
    layers: [{ units: 1 }],
    loss: "mse",
    optimizer: { name: "adam" },
    epochs: 1,
    batchSize: 1,
    seed: 0,
    tensors: [
      { name: "x", type: "float32" },
      { name: "y", type: "float32" },
    ],
  };
  const buffers = [new ArrayBuffer(4), new ArrayBuffer(4)];
  return service.call({ client: "a", method: "start", value, buffers, signal });
}

test("one that does not stop when it is given up is ended with its worker", async () => {
  const { service, threads } = await silent(1);
  const abort = new AbortController();
  const begun = begin(service, abort.signal);
  const reason = new Error("enough");
  await expect.poll(() => threads.length, { timeout: 60_000 }).toBe(1);
  abort.abort(reason);
  await expect(begun).rejects.toBe(reason);
  await threads[0]!.ended;
  service.close();
});

test("one without a checkpoint ends with who asked for it; no more than four run, and none when the notebook is closed", async () => {
  const { service, threads } = await silent();
  const told = (answer: Promise<ServiceAnswer>) => answer.then(String, (error: Error) => error.message);
  const left = told(begin(service));
  await expect.poll(() => threads.length, { timeout: 60_000 }).toBe(1);
  service.leave("a");
  expect(await left).toBe("Nobody waits for it any more.");
  await threads[0]!.ended;

  const four = [1, 2, 3, 4].map(() => told(begin(service)));
  await expect.poll(() => threads.length, { timeout: 60_000 }).toBe(5);
  expect(await told(begin(service))).toBe("4 trainings run already. Interrupt one, or wait for its end.");
  service.close();
  expect(await Promise.all(four)).toEqual(Array(4).fill("The notebook was closed."));
  await Promise.all(threads.map(({ ended }) => ended));
});

test("a training that is over, and a request that is none, are refused", async () => {
  const { service } = await silent();
  const ask = (method: string, value: unknown) =>
    service.call({ client: "a", method, value, buffers: [], signal: new AbortController().signal });
  const follow = ask("follow", { training: "training-9", told: 0, have: 0, soon: true });
  await expect(follow).rejects.toThrow("This training is over.");
  await expect(ask("follow", { training: "training-9" })).rejects.toThrow('"told" can\'t be used: it is missing.');
  await expect(ask("fit", {})).rejects.toThrow('Trainings can\'t be asked for "fit".');
  await expect(ask("start", 3)).rejects.toThrow("This is no training");
  service.close();
});
