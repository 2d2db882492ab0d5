/**
 * What `kroma.ml` costs beside onnxruntime-web used bare in a worker, from each language, and onnxruntime-web beside
 * onnxruntime-node on one thread. All of one model (PP-OCRv4's detector), the least of many
 * runs each: on a machine that others share it is what the work itself takes.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright";
import * as ort from "onnxruntime-node";
import { createNodeHost } from "#app/node/node-host.ts";
import { shellKernel } from "#kernels/shell/kernel.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { KernelDriver } from "../unit/typescript/kernel-driver.ts";
import { newProfile, openBrowser, removeProfile } from "./browser.ts";
import type { Figure } from "./run.ts";
import { notebookOf, startServer } from "./server.ts";

const RUNS = 30;
const SHELL_RUNS = 15;
const SIDE = 160;
const root = join(import.meta.dirname, "../..");

const BARE = `<!doctype html><title>bare</title><link rel="icon" href="data:,"><script>
const worker = new Worker("/bare-ort-worker.mjs", { type: "module" });
worker.onmessage = ({ data }) => { window.least = data; };
</script>`;
const BARE_WORKER = `import * as ort from "/ort.mjs";
ort.env.wasm.wasmPaths = { wasm: "/assets/onnx/ort-wasm-simd-threaded.wasm", mjs: "/assets/onnx/ort-wasm-simd-threaded.mjs" };
ort.env.wasm.numThreads = Math.max(1, Math.min(8, navigator.hardwareConcurrency - 1));
const session = await ort.InferenceSession.create(new Uint8Array(await (await fetch("/assets/models/pp-ocr-v4-det.onnx")).arrayBuffer()));
const data = new Float32Array(3 * ${SIDE} * ${SIDE}).fill(0.5);
let least = Infinity;
for (let run = 0; run < ${RUNS}; run++) {
  const started = performance.now();
  await session.run({ x: new ort.Tensor("float32", data, [1, 3, ${SIDE}, ${SIDE}]) });
  least = Math.min(least, performance.now() - started);
}
postMessage(least);`;
const TYPESCRIPT = `const model = await kroma.ml.load("pp-ocr-v4-det");
const x = { data: new Float32Array(3 * ${SIDE} * ${SIDE}).fill(0.5), shape: [1, 3, ${SIDE}, ${SIDE}] };
let least = Infinity;
for (let run = 0; run < ${RUNS}; run++) {
  const started = performance.now();
  await model.run({ x });
  least = Math.min(least, performance.now() - started);
}
kroma.set("x", x);
console.log("least", least);`;
const PYTHON = `import kroma, time
model = kroma.ml.load("pp-ocr-v4-det")
x = kroma.get("x")
least = 1e9
for run in range(${RUNS}):
    started = time.perf_counter()
    model.run(x=x)
    least = min(least, time.perf_counter() - started)
print("least", least * 1000)`;
const SHELL = `cd /workspace
for run in $(seq ${SHELL_RUNS}); do
  started=\${EPOCHREALTIME/./}
  kroma --version >/dev/null
  echo "began $(( \${EPOCHREALTIME/./} - started ))"
  started=\${EPOCHREALTIME/./}
  kroma ml run pp-ocr-v4-det --input .kroma/values/x.npy --output out.npy
  echo "took $(( \${EPOCHREALTIME/./} - started ))"
done`;

/** Runs the cells one after the other; their texts. */
async function runCells(page: Page, count: number): Promise<readonly string[]> {
  const texts: string[] = [];
  for (let index = 0; index < count; index++) {
    const cell = page.locator(`[data-cell="cell-${index}"]`);
    await cell.getByRole("textbox").click();
    await page.keyboard.press("Control+Enter");
    await page.locator(`[data-cell="cell-${index}"][data-status=done]`).waitFor({ timeout: 300_000 });
    texts.push((await cell.locator("[data-output]").allInnerTexts()).join("\n"));
  }
  return texts;
}

async function native(): Promise<number> {
  const model = readFileSync(join(root, "dist/site/assets/models/pp-ocr-v4-det.onnx"));
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
  const data = new Float32Array(3 * SIDE * SIDE).fill(0.5);
  let least = Infinity;
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    await session.run({ x: new ort.Tensor("float32", data, [1, 3, SIDE, SIDE]) });
    least = Math.min(least, performance.now() - started);
  }
  return least;
}

/** The same model from the Linux machine and from TypeScript, both in Node. */
async function shellInNode(): Promise<{
  readonly shell: number;
  /** A program that does nothing. */
  readonly start: number;
  readonly typescript: number;
}> {
  const folder = mkdtempSync(join(tmpdir(), "kroma-bench-"));
  const host = await createNodeHost({ folder });
  try {
    const [code, linux] = await Promise.all([
      KernelDriver.start(typescriptKernel, host),
      KernelDriver.start(shellKernel, host),
    ]);
    const typescript = leastOf((await code.run(TYPESCRIPT)).stdout);
    const { stdout } = await linux.run(SHELL);
    const leastSaid = (word: string): number =>
      Math.min(...[...stdout.matchAll(new RegExp(`${word} (\\d+)`, "g"))].map((match) => Number(match[1]) / 1000));
    code.close();
    linux.close();
    return { shell: leastSaid("took"), start: leastSaid("began"), typescript };
  } finally {
    await host.close();
    rmSync(folder, { recursive: true });
  }
}

const leastOf = (text: string): number => Number(/least ([\d.]+)/.exec(text)?.[1]);

/** Models. */
export async function benchModels(): Promise<readonly Figure[]> {
  const server = await startServer();
  const profile = newProfile();
  const browser = await openBrowser(profile);
  try {
    server.pages.set(
      "/ort.mjs",
      readFileSync(join(root, "node_modules/onnxruntime-web/dist/ort.wasm.min.mjs"), "utf8"),
    );
    server.pages.set("/bare-ort.html", BARE);
    server.pages.set("/bare-ort-worker.mjs", BARE_WORKER);
    server.pages.set("/notebooks/models.ipynb", notebookOf([`%%typescript\n${TYPESCRIPT}`, PYTHON]));
    const bare = await browser.context.newPage();
    await bare.goto(`${server.url}/bare-ort.html`);
    const least = (await (
      await bare.waitForFunction("window.least", undefined, { timeout: 120_000 })
    ).jsonValue()) as number;
    await bare.close();

    const page = await browser.context.newPage();
    await page.goto(`${server.url}/?path=notebooks/models.ipynb`);
    const [typescript = "", python = ""] = await runCells(page, 2);
    await page.close();

    const inNode = await native();
    const shell = await shellInNode();
    const fromTypeScript = leastOf(typescript);
    const fromPython = leastOf(python);
    const over = `least of ${RUNS} runs of a detector at ${SIDE} × ${SIDE}`;
    return [
      {
        name: "kroma.ml from TypeScript, over onnxruntime-web bare",
        value: fromTypeScript - least,
        unit: "ms",
        goal: 1 + least * 0.05,
        detail: `${fromTypeScript.toFixed(1)} ms beside ${least.toFixed(1)} ms, ${over}`,
      },
      {
        name: "kroma.ml from Python, over TypeScript",
        value: fromPython - fromTypeScript,
        unit: "ms",
        goal: 3,
        detail: `${fromPython.toFixed(1)} ms`,
      },
      {
        name: "kroma ml run in the shell, over TypeScript and a program's start",
        value: shell.shell - shell.start - shell.typescript,
        unit: "ms",
        goal: 60,
        detail: `${shell.shell.toFixed(0)} ms with its files read and written, ${shell.start.toFixed(0)} ms for kroma --version, ${shell.typescript.toFixed(1)} ms from TypeScript, all in Node, least of ${SHELL_RUNS}`,
      },
      {
        name: "onnxruntime-web beside onnxruntime-node",
        value: least / inNode,
        unit: "×",
        goal: 5,
        detail: `${least.toFixed(1)} ms beside ${inNode.toFixed(1)} ms on one thread`,
      },
    ];
  } finally {
    await browser.close();
    removeProfile(profile);
    await server.close();
  }
}
