/**
 * Models by WebGPU in the built app, on the graphics processor that Chromium has as a program (SwiftShader): one that gives the same
 * answer there, and one that can't, since it makes its numbers up.
 */
import { expect, it } from "vitest";
import { linear, makeModel } from "../unit/onnx/make-model.ts";
import { Visit } from "./visit.ts";

const visit = new Visit("webgpu", ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]);

const random = (): Uint8Array =>
  makeModel({
    inputs: { x: ["float32", [1, 3]] },
    outputs: { y: ["float32", [1, 3]] },
    nodes: [
      { op: "RandomNormal", inputs: [], outputs: ["noise"], attributes: { shape: [1, 3] } },
      { op: "Add", inputs: ["x", "noise"], outputs: ["y"] },
    ],
  });

function notebook(): Buffer {
  const files = Object.entries({ "linear.onnx": linear(), "random.onnx": random() });
  const written = files.map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]);
  const source = `for (const [name, text] of ${JSON.stringify(written)})
  kroma.files.write(name, Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
const x = Float32Array.of(1, 2, 3);
const told = async (name) => {
  const model = await kroma.ml.load(name, { device: "webgpu" });
  const before = model.info.device;
  await model.run({ x });
  const { y } = await model.run({ x });
  console.log(name, before, "then", model.info.device, [...y.data].length, model.info.deviceReason);
  return y;
};
console.log("sums", ...(await told("linear.onnx")).data);
await told("random.onnx");
console.log("the end");`;
  const metadata = { kroma: { language: "typescript" } };
  const cell = { id: "gpu", cell_type: "code", source, outputs: [], execution_count: null, metadata };
  return Buffer.from(JSON.stringify({ cells: [cell], metadata: {}, nbformat: 4, nbformat_minor: 5 }));
}

it("runs a model there that gives the same answer, says why another one does not, and knows it the next time", async () => {
  const page = await visit.open();
  const asked: string[] = [];
  page.context().on("request", (request) => {
    if (request.url().includes("/assets/onnx-webgpu/")) asked.push(request.url());
  });
  const chosen = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await (await chosen).setFiles({ name: "gpu.ipynb", mimeType: "application/x-ipynb+json", buffer: notebook() });
  const output = page.locator("[data-cell=gpu] [data-output]");
  await page.locator("[data-cell=gpu]").waitFor({ state: "attached" });
  expect(asked).toEqual([]);
  await page.getByRole("button", { name: "Run all" }).click();
  await output.getByText("the end").waitFor({ timeout: 240_000 });
  const same = "WebGPU gave the same answer as the processor: floats differ by";
  const different = "WebGPU gave another answer than the processor: its output";
  const first = await output.first().innerText();
  expect(first).toContain(`linear.onnx wasm then webgpu 2 ${same}`);
  expect(first).toContain("sums 32 48");
  expect(first).toContain(`random.onnx wasm then wasm 3 ${different}`);
  expect(asked.some((url) => url.endsWith("/ort.webgpu.min.mjs"))).toBe(true);

  await page.getByRole("button", { name: "Models", exact: true }).click();
  const panel = page.getByRole("complementary", { name: "Models" });
  await panel.getByText("; now: linear.onnx").waitFor();
  await panel.getByText(`it runs on the graphics processor: ${same}`).waitFor();
  await panel.getByText(`it runs on the processor: ${different}`).waitFor();

  await page.reload();
  await page.locator("[data-cell=gpu]").waitFor({ state: "attached" });
  await page.getByRole("button", { name: "Run all" }).click();
  await output.getByText(`linear.onnx webgpu then webgpu 2 ${same}`).waitFor({ timeout: 240_000 });
  await output.getByText(`random.onnx wasm then wasm 3 ${different}`).waitFor({ timeout: 240_000 });
}, 600_000);
