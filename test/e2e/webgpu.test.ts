/**
 * Models by WebGPU in the built app, on the graphics processor that Chromium has as a program (SwiftShader): one that gives the same
 * answer there, and one that can't, since it makes its numbers up; then the device is taken away.
 */
import type { Page, Worker } from "playwright";
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
  const sources = {
    wake: `await kroma.ml.status(); console.log("awake");`,
    gpu: source,
    later: `const again = await kroma.ml.load("linear.onnx");
console.log(...(await again.run({ x })).y.data, again.info.device, again.info.deviceReason);
console.log(await kroma.ml.load("linear.onnx", { device: "webgpu" }).catch(({ message }) => message));`,
  };
  const metadata = { kroma: { language: "typescript" } };
  const cells = Object.entries(sources).map(([id, text]) => {
    return { id, cell_type: "code", source: text, outputs: [], execution_count: null, metadata };
  });
  return Buffer.from(JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 }));
}

async function run(page: Page, cell: string): Promise<void> {
  await page.locator(`[data-cell=${cell}] .cm-content`).click();
  await page.keyboard.press("Control+Enter");
}

/** The worker of models, in which the devices that are given out are noted. */
async function watchDevices(page: Page): Promise<Worker> {
  const worker = page.workers().find((one) => one.url().includes("models.worker"));
  if (!worker) throw new Error("the models have no worker");
  await worker.evaluate(() => {
    interface Adapter {
      requestDevice(asked: unknown): Promise<unknown>;
    }
    const scope = globalThis as unknown as { GPUAdapter: { prototype: Adapter }; devices: unknown[] };
    const { prototype } = scope.GPUAdapter;
    const request = prototype.requestDevice;
    scope.devices = [];
    prototype.requestDevice = async function (this: Adapter, asked) {
      const device = await request.call(this, asked);
      scope.devices.push(device);
      return device;
    };
  });
  return worker;
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
  await run(page, "wake");
  await page.locator("[data-cell=wake] [data-output]").getByText("awake").waitFor();
  const worker = await watchDevices(page);
  expect(asked).toEqual([]);
  await run(page, "gpu");
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

  await worker.evaluate(() => {
    for (const device of (globalThis as unknown as { devices: { destroy(): void }[] }).devices) device.destroy();
  });
  await panel.getByText(/it runs on the processor: the graphics processor was lost/).waitFor();
  await run(page, "later");
  const later = page.locator("[data-cell=later] [data-output]");
  await later.getByText("32 48 wasm the graphics processor was lost: ").waitFor();
  await later.getByText("models run on the processor from now on.").waitFor();

  await page.reload();
  await page.locator("[data-cell=gpu]").waitFor({ state: "attached" });
  await run(page, "gpu");
  await output.getByText(`linear.onnx webgpu then webgpu 2 ${same}`).waitFor({ timeout: 240_000 });
  await output.getByText(`random.onnx wasm then wasm 3 ${different}`).waitFor({ timeout: 240_000 });
}, 600_000);
