/** What a training learns from: arrays and files as datasets, their batches, and networks that do not fit them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Field,
  FixedSizeList,
  Float32,
  Int32,
  Table,
  tableFromArrays,
  tableToIPC,
  vectorFromArray,
} from "apache-arrow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { startFolderWorkspace } from "#plugins/folder/folder.node.ts";
import { arrayDataset } from "#plugins/train/arrays.ts";
import { type Batching, batchesOf, checkTargets, type Dataset } from "#plugins/train/dataset.ts";
import { firstParameters, planNetwork } from "#plugins/train/network.ts";
import { randomNumbers, shuffled } from "#plugins/train/random.ts";
import type { Layer, WireTensor } from "#plugins/train/request.ts";
import { openTable } from "#plugins/train/table.ts";
import { makeParquet } from "../data/make-parquet.ts";

let folder: string;
let workspace: Awaited<ReturnType<typeof startFolderWorkspace>>;
let files: SyncFs;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-train-"));
  workspace = await startFolderWorkspace(folder);
  files = new SyncFs(workspace.shared);
});
afterAll(async () => {
  files.release();
  await workspace.close();
  await rm(folder, { recursive: true });
});

const given = (name: WireTensor["name"], type: string, data: ArrayBufferView<ArrayBuffer>, dims?: number[]) => ({
  tensor: { name, type, ...(dims ? { dims } : {}) },
  buffer: data.buffer,
});
const ten = (): Dataset =>
  arrayDataset(
    given(
      "x",
      "float64",
      Float64Array.from({ length: 20 }, (_, index) => index),
    ),
    given(
      "y",
      "int64",
      BigInt64Array.from({ length: 10 }, (_, row) => BigInt(row % 3)),
    ),
    "ten",
  );

const BATCHING: Batching = { size: 4, loss: "softmaxCrossEntropy", outputs: 3 };

/** The first number of each row, batch by batch, and the labels. */
async function collect(dataset: Dataset, batching: Batching): Promise<readonly (readonly number[])[]> {
  const batches: number[][] = [];
  for await (const { rows, x } of batchesOf(dataset, batching))
    batches.push(Array.from({ length: rows }, (_, row) => x[row * dataset.inputs] ?? NaN));
  return batches;
}

test("rows come in batches, the last of which may be smaller, and labels become rows with a one", async () => {
  expect(await collect(ten(), BATCHING)).toEqual([
    [0, 2, 4, 6],
    [8, 10, 12, 14],
    [16, 18],
  ]);
  const { value } = await batchesOf(ten(), BATCHING).next();
  expect([...value!.y]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0]);
});

test("an epoch sees each row once, in an order that its seed and number give; it can begin at any batch", async () => {
  const order = { seed: 7, epoch: 2 };
  const all = await collect(ten(), { ...BATCHING, order });
  expect(all.flat().toSorted((a, b) => a - b)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
  expect(await collect(ten(), { ...BATCHING, order })).toEqual(all);
  expect(await collect(ten(), { ...BATCHING, order, from: 1 })).toEqual(all.slice(1));
  expect(await collect(ten(), { ...BATCHING, order, from: 3 })).toEqual([]);
  expect(await collect(ten(), { ...BATCHING, order: { seed: 7, epoch: 3 } })).not.toEqual(all);
  expect(await collect(ten(), { ...BATCHING, order: { seed: 8, epoch: 2 } })).not.toEqual(all);
});

test("random numbers are those of their seed and use, spread evenly, the same in every engine", () => {
  const numbers = Array.from({ length: 10_000 }, randomNumbers(1, 2));
  expect(numbers.slice(0, 3)).toEqual([0.11595255136489868, 0.7775972485542297, 0.8350458145141602]);
  expect(numbers.every((value) => value >= 0 && value < 1)).toBe(true);
  expect(numbers.reduce((sum, value) => sum + value, 0) / numbers.length).toBeCloseTo(0.5, 2);
  expect([...shuffled(5, randomNumbers(1, 3, 4, 5))].toSorted()).toEqual([0, 1, 2, 3, 4]);
  const [weights, bias] = firstParameters(planNetwork([{ units: 4, activation: "relu" }], 6, "mse"), 1);
  expect(Math.max(...weights!)).toBeLessThanOrEqual(1);
  expect([weights!.length, bias]).toEqual([24, new Float32Array(4)]);
});

/** Five rows in two record batches; `pixels` has two numbers for each. */
function arrowBytes(kind: "file" | "stream"): Uint8Array {
  const type = new FixedSizeList(2, new Field("item", new Float32()));
  const part = (rows: readonly number[]): Table =>
    new Table({
      a: vectorFromArray(rows, new Float32()),
      label: vectorFromArray(
        rows.map((row) => row % 2),
        new Int32(),
      ),
      pixels: vectorFromArray(
        rows.map((row) => [row, 10 * row]),
        type,
      ),
    });
  return tableToIPC(part([0, 1, 2]).concat(part([3, 4])), kind);
}

test.each(["file", "stream"] as const)(
  "an Arrow %s is read by record batches, lists among its columns",
  async (kind) => {
    files.writeFile(`${kind}.arrow`, arrowBytes(kind));
    const source = { file: `${kind}.arrow`, x: ["a", "pixels"], y: "label" };
    const data = await openTable(files, source, ["x", "y"]);
    expect([data.inputs, data.targets, data.chunks]).toEqual([3, 1, [3, 2]]);
    const { x, y } = await data.read(1);
    expect([[...(x as Float32Array)], [...(y as Float32Array)]]).toEqual([
      [3, 3, 30, 4, 4, 40],
      [1, 0],
    ]);
    const order = { seed: 1, epoch: 0 };
    const seen = await collect(data, { ...BATCHING, outputs: 2, order });
    expect(seen.flat().toSorted()).toEqual([0, 1, 2, 3, 4]);
    expect(await collect(data, { ...BATCHING, outputs: 2, order, from: 1 })).toEqual(seen.slice(1));
  },
);

test("a Parquet file is read by row groups; another content has another digest", async () => {
  const columns = { a: [1, 2, 3, 4, 5], b: [6n, 7n, 8n, 9n, 10n], name: ["p", "q", "r", "s", "t"] };
  const source = { file: "/workspace/t.parquet", x: "a", y: ["b"] };
  files.writeFile("t.parquet", makeParquet(columns, true, 2));
  const data = await openTable(files, source, ["x", "y"]);
  expect(data.chunks).toEqual([2, 2, 1]);
  const read = await Promise.all([0, 1, 2].map((chunk) => data.read(chunk)));
  expect(read.map(({ x, y }) => [[...(x as Float32Array)], [...(y as Float32Array)]])).toEqual([
    [
      [1, 2],
      [6, 7],
    ],
    [
      [3, 4],
      [8, 9],
    ],
    [[5], [10]],
  ]);
  files.writeFile("t.parquet", makeParquet({ ...columns, a: [1, 2, 3, 4, 6] }, true, 2));
  expect((await openTable(files, source, ["x", "y"])).digest).not.toBe(data.digest);

  const failing = async (change: object) => {
    const opened = openTable(files, { ...source, ...change }, ["x", "y"]).then((table) => table.read(0));
    return opened.then(String, (error: Error) => error.message);
  };
  expect(await failing({ file: "none.parquet" })).toBe("There is no file none.parquet in the workspace.");
  expect(await failing({ x: "c" })).toBe('t.parquet has no column "c". It has: a, b, name.');
  expect(await failing({ x: ["a", "name"] })).toBe(
    '"name" of t.parquet in row 0 has a string, and networks learn from numbers.',
  );
  files.writeFile("cut.parquet", files.readFile("t.parquet").subarray(0, 60));
  expect(await failing({ file: "cut.parquet" })).toMatch(/^cut\.parquet is damaged/);
  files.writeFile("t.csv", "a,b\n1,2\n");
  expect(await failing({ file: "t.csv" })).toBe("t.csv is neither a Parquet nor an Arrow file.");
  files.writeFile("none.arrow", tableToIPC(tableFromArrays({ a: new Float32Array(), b: new Float32Array() }), "file"));
  expect(await failing({ file: "none.arrow" })).toBe("none.arrow has no rows: there is nothing to learn from.");
});

test("arrays that do not belong together are refused by name", () => {
  const numbers = (name: "x" | "y", count: number, dims?: number[]) =>
    given(name, "float32", new Float32Array(count), dims);
  const make = (x: ReturnType<typeof given>, y: ReturnType<typeof given>) => () => arrayDataset(x, y, "");
  expect(make(numbers("x", 0), numbers("y", 0))).toThrow('"y" has no rows: there is nothing to learn from.');
  expect(make(numbers("x", 0, [0, 3]), numbers("y", 2))).toThrow('"x" has no rows');
  expect(make(numbers("x", 6, [2, 3]), numbers("y", 3))).toThrow(
    '"x" has 2 rows (float32 [2, 3]), and "y" has 3 (float32 [3]).',
  );
  expect(make(numbers("x", 7), numbers("y", 3))).toThrow('"x" has 7 numbers, which are no 3 rows, as "y" has.');
  expect(make(given("x", "string", new Uint8Array(1)), numbers("y", 3))).toThrow(
    '"x" is of type string, and networks learn from bool, int8',
  );
  expect(make(numbers("x", 12, [3, 2, 2]), numbers("y", 3))()).toMatchObject({ inputs: 4, targets: 1, chunks: [3] });
});

test("layers that make no network for a loss are refused by name, and targets that do not fit it", () => {
  const plan = (layers: readonly Layer[], loss: "mse" | "softmaxCrossEntropy") => () => planNetwork(layers, 4, loss);
  expect(plan([{ units: 2 }, { dropout: 0.1 }], "mse")).toThrow(
    "\"layers.1\" can't be used: dropout can't be the last",
  );
  expect(plan([{ units: 2, activation: "softmax" }], "mse")).toThrow("softmax belongs in the last layer");
  expect(plan([{ units: 2, activation: "relu" }], "softmaxCrossEntropy")).toThrow("has no activation, or softmax");
  expect(plan([{ units: 1 }], "softmaxCrossEntropy")).toThrow("the last layer needs 2 units or more");
  expect(plan([{ units: 1e6 }, { units: 1e6 }], "mse")).toThrow("The network has 1,000,006,000,000 weights");
  expect(() => checkTargets(ten(), "mse", 3)).toThrow(
    '"y" has 1 number for each row, and the last layer gives 3: it should have 3 numbers.',
  );
  expect(() => checkTargets(ten(), "softmaxCrossEntropy", 3)).not.toThrow();
});
