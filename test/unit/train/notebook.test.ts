/** The notebook that trains: interrupted anywhere and gone on with in a new kernel, it comes to the very same numbers. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost } from "#app/node/node-host.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { KernelDriver, type RunResult } from "../typescript/kernel-driver.ts";

const PATIENCE = 240_000;
const root = join(import.meta.dirname, "../../..");
let cells: ReadonlyMap<string, string>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-train-"));
  const file = JSON.parse(await readFile(join(root, "notebooks/train-digits.ipynb"), "utf8")) as {
    readonly cells: readonly { readonly id: string; readonly source: readonly string[] }[];
  };
  cells = new Map(file.cells.map(({ id, source }) => [id, source.join("").replace(/^%%typescript\n/, "")]));
});
afterAll(() => rm(folder, { recursive: true }));

/** The notebook's training, shorter: fewer digits, and as many epochs as are asked for. */
function trainingOf(epochs: number): string {
  const source = cells.get("train")!;
  const shorter = source
    .replace("epochs: 5,", `epochs: ${epochs},`)
    .replace("part(0, 8000)", "part(0, 1600)")
    .replace("part(8000, count)", "part(8000, 8400)");
  expect(shorter).toContain("part(0, 1600)");
  return shorter;
}

/** Runs the cells in a kernel that is new each time, as after a reload; `stop` interrupts it when it resolves. */
async function train(name: string, code: string, stop?: (checkpoint: string) => Promise<unknown>): Promise<RunResult> {
  const place = join(folder, name);
  await mkdir(place, { recursive: true });
  const host = await createNodeHost({ folder: place });
  const kernel = await KernelDriver.start(typescriptKernel, host);
  try {
    expect((await kernel.run(cells.get("data")!)).error).toBeUndefined();
    const { over } = kernel.begin(code);
    if (stop) {
      await stop(join(place, "digits.checkpoint.npz"));
      kernel.send({ type: "interrupt_request", id: "pause" });
    }
    return await over;
  } finally {
    kernel.close();
    await host.close();
  }
}

const checkpointOf = async (name: string): Promise<Record<string, Uint8Array>> =>
  unzipSync(await readFile(join(folder, name, "digits.checkpoint.npz")));

test(
  "paused and gone on with it gives what an unbroken run gives, to the last bit",
  async () => {
    const paused = await train("paused", trainingOf(1000), (checkpoint) =>
      expect.poll(() => existsSync(checkpoint), { timeout: PATIENCE }).toBe(true),
    );
    expect(paused.error?.ename).toBe("KeyboardInterrupt");
    const told = new TextDecoder().decode((await checkpointOf("paused"))["training.json"]);
    const { epoch } = JSON.parse(told) as { readonly epoch: number };

    const resumed = await train("paused", trainingOf(epoch + 2));
    const unbroken = await train("unbroken", trainingOf(epoch + 2));
    expect(unbroken.error).toBeUndefined();
    expect(String(unbroken.result?.["text/plain"])).toMatch(/^'\d\d\.\d % of 2000 digits .* are read right'$/);
    expect(resumed.result).toEqual(unbroken.result);
    const [one, other] = [await checkpointOf("paused"), await checkpointOf("unbroken")];
    expect(Object.keys(one).toSorted()).toEqual([
      "bias0.npy",
      "bias1.npy",
      "moment1.bias0.npy",
      "moment1.bias1.npy",
      "moment1.weights0.npy",
      "moment1.weights1.npy",
      "training.json",
      "weights0.npy",
      "weights1.npy",
    ]);
    expect(one).toEqual(other);
  },
  PATIENCE * 2,
);
