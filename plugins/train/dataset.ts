/** Rows to learn from, in chunks that are read one at a time, and the batches that are made of them. */
import { KromaError } from "#core/base/errors.ts";
import { randomNumbers, shuffled, USES } from "./random.ts";
import type { Loss } from "./request.ts";

/** Numbers in row order. */
export type Numbers = ArrayLike<number> | ArrayLike<bigint>;

/** Some rows. */
export interface Chunk {
  /** `inputs` of the dataset for each row. */
  readonly x: Numbers;
  /** `targets` of the dataset for each row. */
  readonly y: Numbers;
}

/** Rows in chunks. */
export interface Dataset {
  /** What sentences call it and its two parts. */
  readonly names: { readonly x: string; readonly y: string };
  readonly inputs: number;
  readonly targets: number;
  /** The rows of each chunk. */
  readonly chunks: readonly number[];
  /** Tells this data from others. */
  readonly digest: string;
  read(chunk: number): Promise<Chunk>;
}

/** Rows for one step. `y` is what the loss compares with: labels have become rows of zeros with a one. */
export interface Batch {
  readonly rows: number;
  readonly x: Float32Array<ArrayBuffer>;
  readonly y: Float32Array<ArrayBuffer>;
}

/** How rows are batched. */
export interface Batching {
  readonly size: number;
  readonly loss: Loss;
  /** Numbers that the network gives for a row. */
  readonly outputs: number;
  /** The order of the rows; without it they come as they are. */
  readonly order?: { readonly seed: number; readonly epoch: number };
  /** Batches to leave out at the beginning. */
  readonly from?: number;
}

/** All rows there are. */
export const rowsOf = ({ chunks }: Dataset): number => chunks.reduce((sum, rows) => sum + rows, 0);

/** Throws `invalid` unless the network's outputs can be compared with this data's targets. */
export function checkTargets({ names, targets }: Dataset, loss: Loss, outputs: number): void {
  if (targets === outputs || (loss === "softmaxCrossEntropy" && targets === 1)) return;
  const wanted = loss === "softmaxCrossEntropy" ? `a label, or ${outputs} numbers` : `${outputs} numbers`;
  const has = targets === 1 ? "1 number" : `${targets} numbers`;
  throw new KromaError(
    "invalid",
    `"${names.y}" has ${has} for each row, and the last layer gives ${outputs}: it should have ${wanted}.`,
  );
}

/**
 * The rows, batch after batch. In an order of chance, the chunks are shuffled and the rows within each: so only one chunk has to
 * be in memory. Throws `invalid` for a number or a label that can't be learned from, with its row.
 */
export async function* batchesOf(dataset: Dataset, batching: Batching): AsyncGenerator<Batch> {
  const { size, order, from = 0 } = batching;
  const { chunks } = dataset;
  const firstRows = chunks.map((_, index) => chunks.slice(0, index).reduce((sum, rows) => sum + rows, 0));
  const sequence = order
    ? shuffled(chunks.length, randomNumbers(order.seed, USES.chunks, order.epoch))
    : Uint32Array.from(chunks.keys());
  let left = rowsOf(dataset) - from * size;
  let skip = from * size;
  let batch: Filling | undefined;
  for (const chunk of sequence) {
    const rows = chunks[chunk] ?? 0;
    if (skip >= rows) {
      skip -= rows;
      continue;
    }
    const read = await dataset.read(chunk);
    const within = order && shuffled(rows, randomNumbers(order.seed, USES.rows, order.epoch, chunk));
    for (let at = skip; at < rows; at++) {
      batch ??= new Filling(dataset, batching, Math.min(size, left));
      const row = within?.[at] ?? at;
      batch.add(read, row, firstRows[chunk] ?? 0);
      if (!batch.isFull) continue;
      left -= batch.rows;
      yield batch;
      batch = undefined;
    }
    skip = 0;
  }
}

/** A batch while it is filled. */
class Filling implements Batch {
  readonly rows: number;
  readonly x: Float32Array<ArrayBuffer>;
  readonly y: Float32Array<ArrayBuffer>;
  readonly #dataset: Dataset;
  readonly #batching: Batching;
  #filled = 0;

  constructor(dataset: Dataset, batching: Batching, rows: number) {
    this.#dataset = dataset;
    this.#batching = batching;
    this.rows = rows;
    this.x = new Float32Array(rows * dataset.inputs);
    this.y = new Float32Array(rows * batching.outputs);
  }

  get isFull(): boolean {
    return this.#filled === this.rows;
  }

  add({ x, y }: Chunk, row: number, firstRow: number): void {
    const { names, inputs, targets } = this.#dataset;
    const { loss, outputs } = this.#batching;
    const at = this.#filled++;
    copyRow(x, row, inputs, this.x, at, names.x, firstRow);
    if (loss === "softmaxCrossEntropy" && targets === 1) {
      const label = Number(y[row]);
      if (!Number.isInteger(label) || label < 0 || label >= outputs)
        throw new KromaError(
          "invalid",
          `"${names.y}" has the label ${label} in row ${firstRow + row}: with ${outputs} units in the last layer, labels are the whole numbers from 0 to ${outputs - 1}.`,
        );
      this.y[at * outputs + label] = 1;
      return;
    }
    copyRow(y, row, targets, this.y, at, names.y, firstRow);
    if (loss === "mse") return;
    const wrong = this.y.subarray(at * outputs, (at + 1) * outputs).find((value) => value < 0 || value > 1);
    if (wrong !== undefined)
      throw new KromaError(
        "invalid",
        `"${names.y}" has ${wrong} in row ${firstRow + row}: classes are labels, or a number from 0 to 1 for each.`,
      );
  }
}

function copyRow(
  from: Numbers,
  row: number,
  width: number,
  to: Float32Array,
  at: number,
  name: string,
  firstRow: number,
): void {
  for (let column = 0; column < width; column++) {
    const value = Number(from[row * width + column]);
    to[at * width + column] = value;
    if (!Number.isFinite(to[at * width + column]))
      throw new KromaError(
        "invalid",
        `"${name}" has ${value} in row ${firstRow + row}: networks learn from finite float32 numbers.`,
      );
  }
}
