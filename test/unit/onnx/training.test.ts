/** The notebook that trains: interrupted anywhere and gone on with in a new kernel, it comes to the very same numbers. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost } from "#app/node/node-host.ts";
import { readNpy } from "#core/workspace/npy.ts";
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
function trainingOf(epochs: number, seed = 7): string {
  const source = cells.get("train")!;
  const shorter = source
    .replace("const epochs = 5;", `const epochs = ${epochs};`)
    .replace("const training = 8000;", "const training = 1600;")
    .replace("const seed = 7;", `const seed = ${seed};`);
  expect(shorter).not.toBe(source);
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

async function checkpointOf(name: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const arrays = unzipSync(await readFile(join(folder, name, "digits.checkpoint.npz")));
  return new Map(
    Object.entries(arrays)
      .map(([file, bytes]) => [file, Array.from(readNpy(bytes).data, Number)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

test(
  "paused and gone on with it gives what an unbroken run gives, to the last bit; another seed gives something else",
  async () => {
    const paused = await train("paused", trainingOf(1000), (checkpoint) =>
      expect.poll(() => existsSync(checkpoint), { timeout: PATIENCE }).toBe(true),
    );
    expect(paused.error?.ename).toBe("KeyboardInterrupt");
    const [seed, epoch = 0] = (await checkpointOf("paused")).get("place.npy")!;
    expect(seed).toBe(7);

    const resumed = await train("paused", trainingOf(epoch + 2));
    const unbroken = await train("unbroken", trainingOf(epoch + 2));
    expect(unbroken.error).toBeUndefined();
    expect(String(unbroken.result?.["text/plain"])).toMatch(/^'\d\d\.\d % of 8400 digits .* are read right'$/);
    expect(resumed.result).toEqual(unbroken.result);
    const [one, other] = [await checkpointOf("paused"), await checkpointOf("unbroken")];
    expect([...one.keys()]).toEqual([
      "b1.npy",
      "b2.npy",
      "losses.npy",
      "place.npy",
      "speed.b1.npy",
      "speed.b2.npy",
      "speed.w1.npy",
      "speed.w2.npy",
      "w1.npy",
      "w2.npy",
    ]);
    expect(one).toEqual(other);

    // It begins anew and does not go on from what another seed has made.
    await train("paused", trainingOf(1, 8));
    const anew = await checkpointOf("paused");
    expect(anew.get("place.npy")!.slice(0, 2)).toEqual([8, 1]);
    expect(anew.get("w2.npy")).not.toEqual(one.get("w2.npy"));
  },
  PATIENCE * 2,
);
