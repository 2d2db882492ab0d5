/** `kroma.ml.train` in TypeScript cells, on the real service, worker and onnxruntime. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import type { FromKernel } from "#core/kernel/messages.ts";
import { headerOf, SLOT_COUNT, slotOwner } from "#core/workspace/protocol.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { KernelDriver } from "../typescript/kernel-driver.ts";

const PATIENCE = 120_000;
let folder: string;
let host: NodeHost;
let kernel: KernelDriver;
/** The workspace as the kernels see it: what they write comes to the disk later. */
let files: SyncFs;

/** Two classes that a line does not part. */
const DATA = `
  const count = 96;
  const x = Float32Array.from({ length: 2 * count }, (_, index) => Math.sin(index * 12.9898));
  const y = Uint8Array.from({ length: count }, (_, row) => Number(x[2 * row] * x[2 * row + 1] > 0));
  const layers = [{ units: 8, activation: "relu" }, { dropout: 0.1 }, { units: 2 }];
  const optimizer = { name: "adam", learningRate: 0.03 };
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-train-"));
  host = await createNodeHost({ folder });
  files = new SyncFs(host.workspace!);
  kernel = await KernelDriver.start(typescriptKernel, host);
  expect((await kernel.run(DATA)).error).toBeUndefined();
});

/** What a cell's last expression comes to. */
async function value(code: string): Promise<unknown> {
  const { error } = await kernel.run(code.replace(/([^;]*)$/, "kroma.set('said', $1)"));
  expect(error).toBeUndefined();
  return JSON.parse(files.readText(".kroma/values/said.json"));
}

afterAll(async () => {
  kernel.close();
  files.release();
  await host.close();
  await rm(folder, { recursive: true });
});

test(
  "a network learns, tells how far it is, and onnxruntime gives the answers that it gives",
  async () => {
    const said = await value(`
      const told = [];
      const trained = await kroma.ml.train({ x, y, layers, optimizer, epochs: 40, seed: 7, validation: { x, y },
        onProgress: ({ step, loss }, history) => told.push([step, loss, history.length]) });
      const model = await kroma.ml.load(trained.onnx);
      const scores = (await model.run({ x: { data: x, shape: [count, 2] } })).y;
      const right = Array.from(y).filter((label, row) => Number(scores.data[2 * row + 1] > scores.data[2 * row]) === label).length;
      const { history, accuracy, validationAccuracy } = trained;
      [history.length, told.length >= 40, told.at(-1)[2], history[0].loss > 3 * trained.loss, accuracy > 0.8,
        right / count === validationAccuracy, right / count > 0.95, trained.layers[0].weights.shape,
        kroma.ml.exportDense(trained.layers).length === trained.onnx.length]`);
    expect(said).toEqual([120, true, 120, true, true, true, true, [2, 8], true]);
  },
  PATIENCE,
);

const slotsTaken = (): number =>
  Array.from({ length: SLOT_COUNT }, (_, slot) => slotOwner(headerOf(host.workspace!), slot)).filter(
    (owner) => owner !== 0,
  ).length;

/** What a checkpoint says of itself. */
function descriptionOf(name: string): { readonly epoch: number; readonly step: number } {
  const entries = unzipSync(files.readFile(name));
  return JSON.parse(new TextDecoder().decode(entries["training.json"])) as { epoch: number; step: number };
}

/** Trains until it was told of some steps, and stops. */
const stopAfter = (checkpoint: string, steps: number): string => `
  const stopping = new AbortController();
  let seen = 0;
  await kroma.ml.train({ x, y, layers, optimizer, epochs: 1_000_000, seed: 7, checkpoint: "${checkpoint}",
    signal: stopping.signal, onProgress: () => ++seen > ${steps} && stopping.abort(new Error("enough")) });
`;

test(
  "stopped and gone on with, it comes to the very numbers of one that was not stopped; another training leaves the file alone",
  async () => {
    await value("1");
    const before = slotsTaken();
    const [first, second] = [await kernel.run(stopAfter("a.npz", 5)), await kernel.run(stopAfter("a.npz", 20))];
    expect([first.error?.evalue, second.error?.evalue]).toEqual(["enough", "enough"]);
    const { epoch, step } = descriptionOf("a.npz");
    const both = `
      const options = { x, y, layers, optimizer, epochs: ${epoch + 2}, seed: 7 };
      const resumed = await kroma.ml.train({ ...options, checkpoint: "a.npz" });
      const unbroken = await kroma.ml.train(options);
      [resumed.resumed, resumed.onnx.every((byte, at) => byte === unbroken.onnx[at]),
        JSON.stringify(resumed.history) === JSON.stringify(unbroken.history)]`;
    expect(await value(both)).toEqual([{ epoch, step }, true, true]);

    // Its workers have let go of the workspace, which has places for 16.
    await expect.poll(slotsTaken, { timeout: PATIENCE }).toBe(before);

    const kept = files.readFile("a.npz");
    const other = `kroma.ml.train({ x, y, layers, optimizer, seed: 8, checkpoint: "a.npz" })`;
    expect((await kernel.run(other)).error?.evalue).toBe(
      'a.npz is a checkpoint of another training: its "seed" is 7, and here it is 8. Remove it to begin anew, or name another file.',
    );
    const data = `kroma.ml.train({ x: x.map((value) => 2 * value), y, layers, optimizer, seed: 7, checkpoint: "a.npz" })`;
    expect((await kernel.run(data)).error?.evalue).toMatch(
      /^a\.npz is a checkpoint of another training: it has learned from other/,
    );
    const shorter = `kroma.ml.train({ x, y, layers, optimizer, epochs: 1, seed: 7, checkpoint: "a.npz" })`;
    expect((await kernel.run(shorter)).error?.evalue).toMatch(
      /^"epochs" is 1, and a\.npz has come to epoch \d+ already/,
    );
    files.writeFile("b.npz", kept.subarray(0, 200));
    const damaged = `kroma.ml.train({ x, y, layers, checkpoint: "b.npz" })`;
    expect((await kernel.run(damaged)).error?.evalue).toMatch(
      /^b\.npz is no checkpoint of a training: it is no \.npz archive/,
    );
    expect(files.readFile("a.npz")).toEqual(kept);
  },
  PATIENCE,
);

test(
  "it goes on when its kernel ends, is heard of again from the next one, and stops with the cell's interrupt",
  async () => {
    const other = await KernelDriver.start(typescriptKernel, host);
    await other.run(DATA);
    const endless = `await kroma.ml.train({ x, y, layers, optimizer, epochs: 1_000_000, seed: 7, checkpoint: "long.npz",
      onProgress: ({ step }) => console.log(step) })`;
    const hears = (message: FromKernel) => message.type === "stream" && message.name === "stdout";
    let told = other.next(hears);
    void other.begin(endless).over;
    await told;
    other.close();
    // A file that is replaced while it is read is gone for its reader: then it is read again.
    const reached = () => descriptionOf("long.npz").epoch;
    let epoch = 0;
    await expect.poll(() => (epoch = reached()), { timeout: PATIENCE }).toBeGreaterThan(0);
    await expect.poll(reached, { timeout: PATIENCE }).toBeGreaterThan(epoch + 2);

    told = kernel.next(hears);
    const { over } = kernel.begin(endless);
    await told;
    kernel.send({ type: "interrupt_request", id: "stop" });
    expect((await over).error?.ename).toBe("KeyboardInterrupt");
    // Whoever asks next waits for it to have stopped.
    expect((await kernel.run(stopAfter("long.npz", 0))).error?.evalue).toBe("enough");
    expect(reached()).toBeGreaterThan(epoch + 2);
  },
  PATIENCE,
);

test.each([
  ["layers: []", '"layers" can\'t be used: there is none.'],
  ["layers: [{ units: 0 }]", '"layers.0.units" can\'t be used: it has to be 1 or more.'],
  ["layers: [{ unit: 1 }]", '"layers.0" can\'t be used: a layer is { units, activation }'],
  ["layers: [{ units: 3, activation: 'gelu' }]", '"layers.0" can\'t be used: a layer is { units, activation }'],
  ["layers, epoch: 3", '"epoch" can\'t be used: there is no such option.'],
  ["layers, optimizer: 'rmsprop'", '"optimizer" can\'t be used: it is { name: "sgd", learningRate, momentum } or'],
  ["layers, loss: 'mae'", '"loss" can\'t be used: it is "softmaxCrossEntropy" or "mse".'],
  ["layers, checkpoint: '../x.npz'", "../x.npz is no file below /workspace"],
  ["layers, y: undefined", '"y" is missing.'],
  ["layers, x: { data: x, shape: [90, 2] }", '"x" is float32 [90, 2], but has 768 bytes.'],
  ["layers, x: x.map((value, at) => at === 6 ? NaN : value)", '"x" has NaN in row 3: networks learn from finite'],
  ["layers, y: y.map(() => 2)", '"y" has the label 2 in row'],
  [
    "layers, optimizer: { name: 'sgd', learningRate: 1e30 }, loss: 'mse', y: { data: x, shape: [96, 2] }",
    "The loss is ",
  ],
])("what can't be trained is refused by name: %s", async (options, sentence) => {
  const { error } = await kernel.run(`await kroma.ml.train({ x, y, epochs: 9, ${options} })`);
  expect(error?.ename).toBe("KromaError");
  expect(error?.evalue).toContain(sentence);
});
