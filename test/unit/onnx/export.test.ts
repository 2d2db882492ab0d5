/** Dense networks as ONNX files, read by the real onnxruntime; and arrays that cells read from files. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import { writeNpy } from "#core/workspace/npy.ts";
import { exportDense } from "#core/kernel/onnx-export.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { KernelDriver } from "../typescript/kernel-driver.ts";

let folder: string;
let host: NodeHost;
let kernel: KernelDriver;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-export-"));
  const values = { "a.npy": writeNpy(Float64Array.of(1, 2), [2, 1]), "b.npy": writeNpy(Uint8Array.of(9), [1]) };
  await writeFile(join(folder, "two.npz"), zipSync(values));
  await writeFile(join(folder, "one.npy"), values["a.npy"]);
  host = await createNodeHost({ folder });
  kernel = await KernelDriver.start(typescriptKernel, host);
});
afterAll(async () => {
  kernel.close();
  await host.close();
  await rm(folder, { recursive: true });
});

test("layers become a model whose answers are theirs", async () => {
  const said = await kernel.show(`const file = kroma.ml.exportDense([
    { weights: { data: [1, -1, 2, 0, 0, 3], shape: [3, 2] }, bias: [0.5, 0], activation: "relu" },
    { weights: { data: [1, 2], shape: [2, 1] }, bias: [-1] },
  ]);
  const model = await kroma.ml.load(file, { name: "mine" });
  const { y } = await model.run({ x: [[1, 1, 1], [-5, 0, 0]] });
  [model.inputs[0].shape, y.dims, [...y.data], model.info.producer]`);
  // relu(1+2+0.5, -1+0+3) = (3.5, 2) -> 3.5 + 4 - 1; relu(-4.5, 5) = (0, 5) -> 10 - 1
  expect(said).toBe("[ [ 'batch', 3 ], [ 2, 1 ], [ 6.5, 9 ], 'Kroma' ]");
});

test("every activation is onnxruntime's, at the end too", async () => {
  const said = await kernel.show(`const results = [];
  for (const activation of ["relu", "tanh", "sigmoid", "softmax"]) {
    const file = kroma.ml.exportDense([{ weights: { data: [1, 2], shape: [1, 2] }, bias: [0, 0], activation }]);
    const { y } = await (await kroma.ml.load(file)).run({ x: [[1]] });
    results.push(Math.round(y.data[1] * 1000) / 1000);
  }
  results`);
  expect(said).toBe("[ 2, 0.964, 0.881, 0.731 ]");
});

test("layers that do not follow one another are refused by number", () => {
  const layer = (inputs: number, outputs: number) => ({
    weights: { data: new Float32Array(inputs * outputs), shape: [inputs, outputs] },
    bias: new Float32Array(outputs),
  });
  expect(() => exportDense([layer(3, 2), layer(4, 1)])).toThrow(
    "Layer 2 can't be exported: it takes 4 numbers, and the layer before gives 2.",
  );
  expect(() => exportDense([{ ...layer(3, 2), bias: [1] }])).toThrow("its bias has 1 elements and not 2");
  expect(() => exportDense([{ ...layer(3, 2), activation: "swish" as "relu" }])).toThrow('no activation "swish"');
  expect(() => exportDense([])).toThrow("without layers");
});

test("arrays are read from .npz and .npy files by name", async () => {
  expect(
    await kernel.show(`const { a, b } = await kroma.ml.readArrays("two.npz"); [a.type, a.shape, [...a.data], b.type]`),
  ).toBe("[ 'float64', [ 2, 1 ], [ 1, 2 ], 'uint8' ]");
  expect(await kernel.show(`[...(await kroma.ml.readArrays("one.npy")).array.data]`)).toBe("[ 1, 2 ]");
  expect(await kernel.show(`await kroma.ml.readArrays("none.npz").catch((e) => e.code)`)).toBe("'missing'");
});
