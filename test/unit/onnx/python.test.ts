/** `kroma.ml` in Python cells. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import { pythonKernel } from "#kernels/python/kernel.ts";
import { KernelDriver } from "../typescript/kernel-driver.ts";
import { linear, makeModel } from "./make-model.ts";

let folder: string;
let host: NodeHost;
let kernel: KernelDriver;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-ml-"));
  await writeFile(join(folder, "linear.onnx"), linear());
  await writeFile(
    join(folder, "same.onnx"),
    makeModel({
      inputs: { s: ["string", [2, 2]], f: ["bool", [2]], big: ["float32", ["n"]] },
      outputs: { t: ["string", [2, 2]], g: ["bool", [2]], huge: ["float32", ["n"]] },
      nodes: [
        { op: "Identity", inputs: ["s"], outputs: ["t"] },
        { op: "Not", inputs: ["f"], outputs: ["g"] },
        { op: "Identity", inputs: ["big"], outputs: ["huge"] },
      ],
    }),
  );
  host = await createNodeHost({ folder });
  kernel = await KernelDriver.start(pythonKernel, host);
  expect((await kernel.run("import kroma, array\nmodel = kroma.ml.load('linear.onnx')")).error).toBeUndefined();
});
afterAll(async () => {
  kernel.close();
  await host.close();
  await rm(folder, { recursive: true });
});

test("a model tells what it takes and gives", async () => {
  expect(await kernel.show("model")).toBe("<Model linear.onnx: x: float32 ['batch', 3] -> y: float32 ['batch', 2]>");
  expect(await kernel.show("model.info['opsets'], model.inputs[0].shape")).toBe("({'': 17}, ('batch', 3))");
});

test("array, memoryview and lists run, blocking or awaited", async () => {
  expect(await kernel.show("x = array.array('f', [1, 2, 3]); model.run({'x': x})['y'].tolist()")).toBe(
    "[[32.0, 48.0]]",
  );
  expect(await kernel.show("model.run(x=memoryview(x).cast('B').cast('f', [1, 3]))['y'].shape")).toBe("(1, 2)");
  expect(
    await kernel.show("(await (await kroma.ml.load('linear.onnx')).run(x=[[1, 2, 3], [1, 1, 1]]))['y'].tolist()"),
  ).toBe("[[32.0, 48.0], [19.0, 32.0]]");
  expect(await kernel.show("model.run(x=memoryview(b'').cast('f'))['y'].tolist()")).toBe("[]");
});

test("strings and truth values travel, and an array of many pieces comes whole", async () => {
  await kernel.run("same = kroma.ml.load('same.onnx')\nbig = array.array('f', range(1_000_000))");
  expect(
    await kernel.show(
      "o = same.run(s=[['a', 'bé'], ['', 'd']], f=[True, False], big=big); o['t'], o['g'].tolist(), o['huge'] == big",
    ),
  ).toBe("([['a', 'bé'], ['', 'd']], [False, True], True)");
});

test("what runs a model is told, and may be asked for", async () => {
  expect(await kernel.show("kroma.ml.load('linear.onnx', device='wasm').info['device'], model.info['device']")).toBe(
    "('cpu', 'cpu')",
  );
  const { error } = await kernel.run("kroma.ml.load('linear.onnx', device='webgpu')");
  expect(JSON.stringify(error)).toContain("Models run by WebGPU in a browser only");
});

test("an output can be handed to other languages as the array it is", async () => {
  expect(await kernel.show("kroma.set('y', model.run(x=x)['y']); kroma.get('y').tolist()")).toBe("[[32.0, 48.0]]");
});

test.each([
  [
    "model.run(x=array.array('d', [1, 2, 3]))",
    "ValueError",
    'Input "x" was given float64 [3], but the model wants float32 [batch, 3].',
  ],
  [
    "model.run(x=[[1, 2, 3], [1]])",
    "ValueError",
    'Input "x" was given lists of different lengths: 4 elements are no [2, 3].',
  ],
  ["model.run(y=[1])", "ValueError", 'The model has no input "y". It has: x (float32 [batch, 3]).'],
  ["kroma.ml.load('none.onnx')", "FileNotFoundError", /^There is no file none\.onnx in the workspace/],
  ["kroma.ml.load(b'<!doctype html>')", "ValueError", /^the model is not an ONNX model: it is a web page/],
])("%s says what is wrong", async (code, ename, evalue) => {
  const { error } = await kernel.run(code);
  expect(error?.ename).toBe(ename);
  expect(error?.evalue).toMatch(evalue);
});

test("a file that only Python sees is loaded too", async () => {
  expect(
    await kernel.show(
      "import shutil; shutil.copy('linear.onnx', '/tmp/mine.onnx'); kroma.ml.load('/tmp/mine.onnx').info['bytes'] > 100",
    ),
  ).toBe("True");
});

test("what was disposed of runs no more, and the service knows", async () => {
  expect(
    await kernel.show(
      "with kroma.ml.load('same.onnx') as m: pass\n[h['holders'] for h in kroma.ml.status()['models'] if 'same.onnx' in h['names']]",
    ),
  ).toBe("[1]");
  expect((await kernel.run("m.run()")).error?.evalue).toBe("same.onnx was disposed of. Load it again.");
});

test("arrays are written as a file that is read again", async () => {
  await kernel.run(
    "kroma.ml.write_arrays('two.npz', row=array.array('d', [1, 2]), square=memoryview(bytes(16)).cast('f', [2, 2]), more=[[1, 2, 3]])",
  );
  expect(
    await kernel.show(
      "arrays = kroma.ml.read_arrays('two.npz'); arrays['row'].tolist(), arrays['square'].shape, arrays['more'].tolist()",
    ),
  ).toBe("([1.0, 2.0], (2, 2), [[1.0, 2.0, 3.0]])");
  expect(await kernel.show("kroma.ml.write_arrays('two.npz', {'a b': [1]})")).toContain("An array's name has letters");
});
