/** `kroma.ml.pipeline` for cells: models of transformers with what belongs to them, run by the service "pipelines". */
import { KromaError } from "#core/base/errors.ts";
import type { AskOptions, ServiceClient } from "./services.ts";
import { ARRAYS, copied, isView, Tensor, typeOf } from "./tensor.ts";

/** Which of a model's files, and how its loading is watched. */
export interface PipelineOptions {
  /** Of a hub's repository: a branch, a tag or a commit; "main" without it. */
  readonly revision?: string;
  /** How weights are stored: "fp32", "fp16", "q8", "q4" …; without it what the model says, else "q8" if it is there, else "fp32". */
  readonly dtype?: string;
  /** The name of the model's file without its ending; "model" without it. */
  readonly file?: string;
  /** The folder in which it is; "onnx" without it. */
  readonly subfolder?: string;
  readonly signal?: AbortSignal;
  /** Told how far each download is; `total` is unknown when the server does not tell. */
  readonly onProgress?: (progress: { readonly url: string; readonly bytes: number; readonly total?: number }) => void;
}

/** What a call may be given beside the options of its task. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Told of each piece of text as it is written, by tasks that write. */
  readonly onText?: (text: string) => void;
  readonly [option: string]: unknown;
}

/** A pipeline: called with what its task takes, it gives what its task gives. Let go of it with `dispose`. */
export interface Pipeline {
  (...given: readonly unknown[]): Promise<unknown>;
  readonly task: string;
  readonly model: string;
  /** How its weights are stored; undefined where the model decides. */
  readonly dtype: string | undefined;
  dispose(): Promise<void>;
}

interface Opened {
  readonly pipeline: string;
  readonly task: string;
  readonly model: string;
  readonly dtype?: string;
}

const SERVICE = "pipelines";
const DEEPEST = 32;

/** The function `kroma.ml.pipeline` of one worker. */
export function makePipelines(
  client: ServiceClient,
): (task: string, model: string, options?: PipelineOptions) => Promise<Pipeline> {
  const release = (pipeline: string): Promise<unknown> => client.ask(SERVICE, "release", { pipeline });
  const collected = new FinalizationRegistry((pipeline: string) => {
    void release(pipeline).catch(() => undefined);
  });
  return async (task, model, { signal, onProgress, ...which } = {}) => {
    const answer = await client.ask(
      SERVICE,
      "open",
      { task, model, ...which },
      { signal, onProgress: onProgress as AskOptions["onProgress"] },
    );
    const { pipeline, dtype, ...names } = answer.value as Opened;
    let isDisposed = false;
    const call = async (...given: readonly unknown[]): Promise<unknown> => {
      if (isDisposed) throw new KromaError("missing", `The pipeline of ${model} was disposed of. Make it again.`);
      const [values, { signal: stop, onText, ...options }] = apart(given);
      const buffers: ArrayBuffer[] = [];
      const value = { pipeline, given: toWire(values, buffers), options: toWire(options, buffers) };
      const result = await client.ask(SERVICE, "run", value, {
        buffers,
        signal: stop,
        onProgress: (told) => onText?.((told as { readonly text: string }).text),
      });
      return fromWire(result.value, result.buffers ?? []);
    };
    const made: Pipeline = Object.assign(call, {
      task: names.task,
      model: names.model,
      dtype,
      dispose: async (): Promise<void> => {
        if (isDisposed) return;
        isDisposed = true;
        collected.unregister(made);
        await release(pipeline);
      },
    });
    collected.register(made, pipeline, made);
    return made;
  };
}

/** What was given, and the options behind it. */
function apart(given: readonly unknown[]): [readonly unknown[], CallOptions] {
  const last = given.at(-1);
  const isOptions =
    given.length > 1 && typeof last === "object" && last !== null && Object.getPrototypeOf(last) === Object.prototype;
  return isOptions ? [given.slice(0, -1), last as CallOptions] : [given, {}];
}

/** Bytes, arrays and tensors go as buffers, and all else as it is (plugins/transformers/values.ts). */
function toWire(value: unknown, buffers: ArrayBuffer[], depth = 0): unknown {
  if (depth > DEEPEST) throw new KromaError("invalid", "What the pipeline was given is nested too deep.");
  if (typeof value === "function") throw new KromaError("invalid", "A pipeline can't be given a function here.");
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof ArrayBuffer || value instanceof Uint8Array) {
    buffers.push(copied(value));
    return { $kroma: "bytes", buffer: buffers.length - 1 };
  }
  const { data, shape } = isView(value) ? { data: value, shape: [(value as Uint8Array).length] } : arrayIn(value);
  if (data) {
    buffers.push(copied(data));
    const type = value instanceof Tensor ? value.type : typeOf(data, undefined);
    return { $kroma: "array", type, dims: [...shape], buffer: buffers.length - 1 };
  }
  if (Array.isArray(value)) return value.map((item) => toWire(item, buffers, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toWire(item, buffers, depth + 1)]));
}

/** An array with its shape, as tensors and values of other languages have it. */
function arrayIn(value: object): { readonly data?: ArrayBufferView; readonly shape: readonly number[] } {
  if (!("data" in value) || !("shape" in value) || !isView(value.data) || !Array.isArray(value.shape))
    return { shape: [] };
  return { data: value.data, shape: value.shape as readonly number[] };
}

function fromWire(value: unknown, buffers: readonly ArrayBuffer[]): unknown {
  if (Array.isArray(value)) return value.map((item) => fromWire(item, buffers));
  if (typeof value !== "object" || value === null) return value;
  if (!("$kroma" in value))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fromWire(item, buffers)]));
  const { type, dims, buffer } = value as unknown as { type: string; dims: readonly number[]; buffer: number };
  const array = ARRAYS[type] ?? Uint8Array;
  return new Tensor(type, new array(buffers[buffer] ?? new ArrayBuffer(0)), dims);
}
