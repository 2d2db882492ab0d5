/** `kroma.ml` in TypeScript cells. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { KernelDriver } from "../typescript/kernel-driver.ts";
import { startFileServer } from "../models/file-server.ts";
import { linear, makeModel } from "./make-model.ts";

let folder: string;
let host: NodeHost;
let kernel: KernelDriver;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-ml-"));
  await writeFile(join(folder, "linear.onnx"), linear());
  host = await createNodeHost({ folder, cache: join(folder, ".cache") });
  kernel = await KernelDriver.start(typescriptKernel, host);
  await kernel.run(`const model = await kroma.ml.load("linear.onnx")`);
}, 120_000);
afterAll(async () => {
  kernel.close();
  await host.close();
  await rm(folder, { recursive: true });
});

test("a model tells what it takes and gives", async () => {
  expect(await kernel.show("[model.name, model.inputs, model.outputs[0].name, model.info.bytes > 100]")).toBe(
    "[\n  'linear.onnx',\n  [ { name: 'x', type: 'float32', shape: [ 'batch', 3 ] } ],\n  'y',\n  true\n]",
  );
});

test("typed arrays, lists, and data with a shape run; arrays that were given stay whole", async () => {
  expect(await kernel.show("const x = Float32Array.of(1, 2, 3); [...(await model.run({ x })).y.data, x.length]")).toBe(
    "[ 32, 48, 3 ]",
  );
  expect(await kernel.show("(await model.run({ x: [[1, 2, 3], [1, 1, 1]] })).y.dims")).toBe("[ 2, 2 ]");
  expect(await kernel.show("(await model.run({ x: { data: x, shape: [1, 3] } })).y.type")).toBe("'float32'");
  expect(await kernel.show("(await model.run({ x: new kroma.ml.Tensor('float32', x, [1, 3]) })).y.shape")).toBe(
    "[ 1, 2 ]",
  );
});

test("an output can be handed to other languages as the array it is", async () => {
  const said = await kernel.show("const { y } = await model.run({ x }); kroma.set('y', y); kroma.get('y').shape");
  expect(said).toBe("[ 1, 2 ]");
});

test("what does not suit is an error that the cell can catch", async () => {
  expect(
    await kernel.show("await model.run({ x: new Float64Array(3) }).catch((e) => [e.name, e.code, e.message])"),
  ).toBe(
    `[\n  'KromaError',\n  'invalid',\n  'Input "x" was given float64 [3], but the model wants float32 [batch, 3].'\n]`,
  );
  expect(await kernel.show("await model.run({ x: [[1, 2, 3], [1]] }).catch((e) => e.message)")).toBe(
    `'Input "x" was given lists of different lengths: 4 elements are no [2, 3].'`,
  );
});

test("what runs a model is told, and WebGPU is refused where there is none", async () => {
  expect(await kernel.show("[model.info.device, model.info.deviceReason.length > 0]")).toBe("[ 'cpu', true ]");
  expect(await kernel.show("await kroma.ml.load('linear.onnx', { device: 'webgpu' }).catch((e) => e.code)")).toBe(
    "'unavailable'",
  );
});

test("a signal ends the waiting", async () => {
  const said = await kernel.show(
    "const stop = new AbortController(); const going = model.run({ x }, { signal: stop.signal }); stop.abort(); await going.catch((e) => e.name)",
  );
  expect(said).toBe("'AbortError'");
});

test("what was disposed of runs no more", async () => {
  expect(
    await kernel.show(
      "const other = await kroma.ml.load('linear.onnx'); await other.dispose(); await other.run({ x }).catch((e) => e.code)",
    ),
  ).toBe("'missing'");
});

test("a model from the web tells how far it is, goes on after a break, and is fetched once", async () => {
  const server = await startFileServer();
  const length = 3 * 1024 * 1024;
  const big = makeModel({
    inputs: { x: ["float32", [1]] },
    outputs: { y: ["float32", [length]] },
    nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    weights: { w: { shape: [length], data: new Float32Array(length).fill(2) } },
  });
  server.files.set("/big.onnx", big);
  server.keptIn = join(folder, ".cache/onnx");
  server.cutAfter = 5 * 1024 * 1024;
  await kernel.run(`const url = "${server.url}/big.onnx"`);
  expect(await kernel.show("await kroma.ml.load(url).catch((e) => e.code)")).toBe("'unavailable'");
  expect(await kernel.show("(await kroma.ml.stored()).map(({ bytes, total }) => [bytes, total])")).toBe(
    `[ [ ${5 * 1024 * 1024}, ${big.length} ] ]`,
  );
  const said = await kernel.show(
    "const told = []; const big = await kroma.ml.load(url, { onProgress: ({ bytes }) => told.push(bytes) }); [told.length > 3, told.at(-1), (await big.run({ x: [1] })).y.data[5]]",
  );
  expect(said).toBe(`[ true, ${big.length}, 3 ]`);
  expect(server.sent).toBe(big.length);
  await kernel.run("await kroma.ml.load(url)");
  expect(server.sent).toBe(big.length);
  expect(await kernel.show("await kroma.ml.forget(url); (await kroma.ml.stored()).length")).toBe("0");
  await server.close();
});

test("arrays are written as a file that is read again, in the other languages too", async () => {
  await kernel.run(`await kroma.ml.writeArrays("made/two.npz", {
    big: { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }, row: BigInt64Array.of(7n), list: [[1, 2], [3, 4]] })`);
  expect(
    await kernel.show(
      "const { big, row, list } = await kroma.ml.readArrays('made/two.npz'); [big.shape, [...big.data], row.data[0], list.shape, kroma.files.list('made').map((f) => f.name)]",
    ),
  ).toBe("[ [ 2, 3 ], [ 1, 2, 3, 4, 5, 6 ], 7n, [ 2, 2 ], [ 'two.npz' ] ]");
});

test("arrays that make no file are an error, and what was there stays", async () => {
  const said = (arrays: string) =>
    kernel.show(`await kroma.ml.writeArrays("made/two.npz", ${arrays}).catch((e) => e.message)`);
  expect(await said("{ x: { data: Float32Array.of(1, 2, 3), shape: [2, 2] } }")).toBe(
    `'The array "x" is float32 [2, 2], but has 12 bytes.'`,
  );
  expect(await said("{ 'a/b': [1] }")).toBe(`"An array's name has letters, digits, dots, hyphens and underscores."`);
  expect(await said("{ x: ['text'] }")).toContain("lists");
  expect(await kernel.show("(await kroma.ml.readArrays('made/two.npz')).row.data[0]")).toBe("7n");
});
