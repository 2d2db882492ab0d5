/** `kroma.ml.train` for cells: a network is trained by the service "train", outside of this worker. */
import { KromaError } from "#core/base/errors.ts";
import type { ServiceAnswer } from "#core/kernel/services.ts";
import { type Feed, toWire, type WireTensor } from "./ml.ts";
import type { ServiceClient } from "./services.ts";
import { Tensor } from "./tensor.ts";

/** Arrays of as many rows; or columns of a Parquet or Arrow file of the workspace, by name. */
export type TrainingData =
  | { readonly x: Feed; readonly y: Feed; readonly file?: undefined }
  | { readonly file: string; readonly x: string | readonly string[]; readonly y: string | readonly string[] };

/** What is told of a training on its way. */
export interface TrainingPoint {
  /** From 1 on. */
  readonly epoch: number;
  /** Steps since the beginning. */
  readonly step: number;
  /** Of the rows since the point before. */
  readonly loss: number;
  /** Part of them that was told right, 0 to 1, when there are classes. */
  readonly accuracy?: number;
  /** At the end of an epoch, when there are data to validate with. */
  readonly validationLoss?: number;
  readonly validationAccuracy?: number;
}

type History = readonly TrainingPoint[];

/** What is to be trained, and how. The names are Keras's. */
export type TrainOptions = TrainingData & {
  /** Dense layers, the last of which gives the answer, and dropout between them. */
  readonly layers: readonly (
    | { readonly units: number; readonly activation?: "relu" | "tanh" | "sigmoid" | "softmax" }
    | { readonly dropout: number }
  )[];
  /** For labels or classes, unless it is said; "mse" for numbers. */
  readonly loss?: "softmaxCrossEntropy" | "mse";
  /** Adam, unless it is said. */
  readonly optimizer?:
    | "sgd"
    | "adam"
    | { readonly name: "sgd"; readonly learningRate?: number; readonly momentum?: number }
    | { readonly name: "adam"; readonly learningRate?: number; readonly beta1?: number; readonly beta2?: number };
  /** Times that all rows are seen; 1 unless it is said. */
  readonly epochs?: number;
  /** Rows of a step; 32 unless it is said. */
  readonly batchSize?: number;
  /** The same seed gives the same numbers; 0 unless it is said. */
  readonly seed?: number;
  /** Rows that are not learned from, looked at after each epoch. */
  readonly validation?: TrainingData;
  /** An .npz file of the workspace that it goes on from when it was stopped. */
  readonly checkpoint?: string;
  /** Stops it, as the cell's interrupt does. */
  readonly signal?: AbortSignal;
  /** Told the last point, and all so far. */
  readonly onProgress?: (point: TrainingPoint, history: History) => void;
};

/** What came of a training. */
export interface Trained extends TrainingPoint {
  readonly history: History;
  /** As `exportDense` takes them. */
  readonly layers: readonly { readonly weights: Tensor; readonly bias: Float32Array; readonly activation?: string }[];
  /** The network as a file for `kroma.ml.load`: input `x`, output `y`. */
  readonly onnx: Uint8Array<ArrayBuffer>;
  /** Where it went on from a checkpoint: epochs that were over, and steps of the next. */
  readonly resumed?: { readonly epoch: number; readonly step: number };
}

interface News {
  /** Where `points` belong in the history. */
  readonly at: number;
  readonly points: History;
}

interface Over extends News {
  readonly layers: readonly { readonly shape: readonly number[]; readonly activation?: string }[];
}

/** `kroma.ml.train`. */
export function makeTrain(client: ServiceClient): (options: TrainOptions) => Promise<Trained> {
  return async (options) => {
    if (typeof options !== "object" || options === null)
      throw new KromaError("invalid", "kroma.ml.train takes an object: { x, y, layers, … }.");
    const { x, y, file, validation, signal, onProgress, optimizer = "adam", ...recipe } = options;
    const tensors: WireTensor[] = [];
    const buffers: ArrayBuffer[] = [];
    const add = (name: string, feed: Feed | undefined): void => {
      if (feed === undefined) throw new KromaError("invalid", `"${name}" is missing.`);
      const { tensor, buffer } = toWire(name, feed, undefined);
      tensors.push(tensor);
      buffers.push(buffer);
    };
    const columnsOf = (data: object, xName: string, yName: string): unknown => {
      const given = data as TrainingData;
      if (given.file !== undefined) return { file: given.file, x: given.x, y: given.y };
      add(xName, given.x);
      add(yName, given.y);
      return undefined;
    };
    const value = {
      loss: "softmaxCrossEntropy",
      epochs: 1,
      batchSize: 32,
      seed: 0,
      ...recipe,
      optimizer: typeof optimizer === "string" ? { name: optimizer } : optimizer,
      table: columnsOf({ x, y, file }, "x", "y"),
      validationTable: validation && columnsOf(validation, "validation.x", "validation.y"),
      tensors,
    };
    const started = (await client.ask("train", "start", value, { buffers, signal })).value as {
      readonly training: string;
      readonly resumed?: Trained["resumed"];
    };
    const history: TrainingPoint[] = [];
    const take = ({ at, points }: News): void => void history.splice(at, Infinity, ...points);
    const over = await hear(client, started.training, signal, (news) => {
      take(news);
      const last = history.at(-1);
      if (last) onProgress?.(last, [...history]);
    });
    const told = over.value as Over;
    take(told);
    return resultOf(told, over.buffers ?? [], history, started.resumed);
  };
}

/** The end of a training. What is thrown when it is told how far it is stops it; it rejects when it has stopped. */
async function hear(
  client: ServiceClient,
  training: string,
  signal: AbortSignal | undefined,
  onNews: (news: News) => void,
): Promise<ServiceAnswer> {
  const broken = new AbortController();
  const onProgress = (news: unknown): void => {
    try {
      onNews(news as News);
    } catch (error) {
      broken.abort(error);
    }
  };
  const gone = signal ? AbortSignal.any([signal, broken.signal]) : broken.signal;
  try {
    const value = { training, told: 0, have: 0, soon: false };
    return await client.ask("train", "follow", value, { signal: gone, onProgress });
  } catch (error) {
    if (gone.aborted) await client.ask("train", "stop", { training });
    throw error;
  }
}

function resultOf(
  { layers }: Over,
  buffers: readonly ArrayBuffer[],
  history: readonly TrainingPoint[],
  resumed: Trained["resumed"],
): Trained {
  const array = (index: number): Float32Array<ArrayBuffer> => new Float32Array(buffers[index] ?? new ArrayBuffer());
  return {
    ...(history.at(-1) as TrainingPoint),
    history,
    layers: layers.map(({ shape, activation }, index) => ({
      weights: new Tensor("float32", array(2 * index), shape),
      bias: array(2 * index + 1),
      ...(activation === undefined ? {} : { activation }),
    })),
    onnx: new Uint8Array(buffers.at(-1) ?? new ArrayBuffer()),
    ...(resumed ? { resumed } : {}),
  };
}
