/** `kroma.ml.train` in Python cells. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import type { FromKernel } from "#core/kernel/messages.ts";
import { pythonKernel } from "#kernels/python/kernel.ts";
import { makeParquet } from "../data/make-parquet.ts";
import { KernelDriver } from "../typescript/kernel-driver.ts";

let folder: string;
let host: NodeHost;
let kernel: KernelDriver;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-train-"));
  const rows = Array.from({ length: 60 }, (_, row) => Math.sin(row * 12.9898));
  const columns = { a: rows, b: rows.map((value) => 2 * value + 0.5) };
  await writeFile(join(folder, "line.parquet"), makeParquet(columns, false, 25));
  host = await createNodeHost({ folder });
  kernel = await KernelDriver.start(pythonKernel, host);
  const data = `
import kroma, array, math
x = [[math.sin(12.9898 * (2 * row + column)) for column in (0, 1)] for row in range(96)]
y = array.array("B", [a * b > 0 for a, b in x])
recipe = dict(layers=[{"units": 8, "activation": "relu"}, {"units": 2}], optimizer={"name": "adam", "learning_rate": 0.03}, seed=7)
`;
  expect((await kernel.run(data)).error).toBeUndefined();
});
afterAll(async () => {
  kernel.close();
  await host.close();
  await rm(folder, { recursive: true });
});

test("a network learns from lists and arrays, and its ONNX file gives its answers", async () => {
  const { error, stdout } = await kernel.run(`
told = []
trained = kroma.ml.train(x, y, **recipe, epochs=40, validation=(x, y), on_progress=lambda point, history: told.append(point))
scores = kroma.ml.load(trained.onnx).run(x=x)["y"].tolist()
right = sum((b > a) == label for (a, b), label in zip(scores, y)) / len(y)
print(len(trained.history), len(told) > 1, trained.history[0]["loss"] > 3 * trained.loss, right == trained.validation_accuracy, right > 0.95)
print(trained.layers[0]["weights"].shape, trained.layers[1]["activation"], trained.resumed, sorted(trained.history[-1]))
`);
  expect(error).toBeUndefined();
  expect(stdout).toBe(
    "120 True True True True\n(2, 8) None None ['accuracy', 'epoch', 'loss', 'step', 'validation_accuracy', 'validation_loss']\n",
  );
});

test("columns of a file are learned from, with mean squared error, blocking or awaited", async () => {
  const code = `await kroma.ml.train("a", "b", file="line.parquet", layers=[{"units": 1}], loss="mse", epochs=60,
      optimizer={"name": "sgd", "learning_rate": 0.1, "momentum": 0.9})`;
  await kernel.run(`trained = ${code}`);
  expect(
    await kernel.show(
      "[round(float(part[0] if name == 'bias' else part[0, 0]), 1) for name, part in trained.layers[0].items() if part]",
    ),
  ).toBe("[2.0, 0.5]");
  // Where a page has no shared memory, each answer is awaited.
  const awaited = `
from _kroma import training
async def answer(value):
    return value
def steps():
    first = yield answer(1)
    second = yield answer(2)
    return first + second
await training._run(steps())`;
  expect(await kernel.show(awaited)).toBe("3");
});

test("interrupted, and stopped by an error of its own, it goes on from its checkpoint", async () => {
  const endless = `kroma.ml.train(x, y, **recipe, epochs=1_000_000, checkpoint="p.npz", on_progress=lambda point, history: print(len(history)))`;
  const told = kernel.next((message: FromKernel) => message.type === "stream" && message.name === "stdout");
  const { over } = kernel.begin(endless);
  await told;
  kernel.send({ type: "interrupt_request", id: "stop" });
  expect((await over).error?.ename).toBe("KeyboardInterrupt");
  expect((await kernel.run(endless.replace("print(len(history))", "1 / 0"))).error?.ename).toBe("ZeroDivisionError");
  const { error } = await kernel.run(endless.replace("1_000_000", "1"));
  expect(error?.evalue).toMatch(/^"epochs" is 1, and p\.npz has come to epoch \d+ already/);
});

test.each([
  ["y, x", "ValueError", '"y" has -'],
  ["x, y[:3]", "ValueError", '"x" has 96 rows (float32 [96, 2]), and "y" has 3 (uint8 [3]).'],
  ["x, y, batch_size=0", "ValueError", '"batch_size" can\'t be used: it has to be 1 or more.'],
  ["x, y, loss='hinge'", "ValueError", '"loss" can\'t be used: it is "softmax_cross_entropy" or "mse".'],
  ["x, y, checkpoint='/tmp/a.npz'", "ValueError", "/tmp/a.npz is no file below /workspace"],
  ["'a', 'b', file='none.parquet'", "FileNotFoundError", "There is no file none.parquet in the workspace."],
])("what can't be trained is refused by name: %s", async (given, name, sentence) => {
  const { error } = await kernel.run(`kroma.ml.train(${given}, **recipe)`);
  expect(error?.ename).toBe(name);
  expect(error?.evalue).toContain(sentence);
});
