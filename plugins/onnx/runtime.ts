/** What the engine uses of onnxruntime: the same of onnxruntime-web in a page's worker and onnxruntime-node in a thread. */
import type { InferenceSession, Tensor } from "onnxruntime-web";

/** A file beside the model that holds weights, by the name the model uses. */
export interface ExternalData {
  readonly path: string;
  readonly data: Uint8Array;
}

/** A tensor's elements as onnxruntime has them. */
export type TensorData = Tensor["data"] | readonly string[];

/** Where a model runs: on the processor by WebAssembly or, in Node, by native code; or on the graphics processor. */
export type RunsOn = "wasm" | "cpu" | "webgpu";

/** One of the onnxruntimes. */
export interface Runtime {
  /** "onnxruntime-web 1.30.0 (WebAssembly, 3 threads)": for people. */
  readonly description: string;
  readonly runsOn: RunsOn;
  create(model: Uint8Array, external: readonly ExternalData[]): Promise<InferenceSession>;
  tensor(type: string, data: TensorData, dims: readonly number[]): Tensor;
}

/** Onnxruntime on a graphics processor. */
export interface GraphicsRuntime extends Runtime {
  /** Resolves, with what the browser says of it, when the graphics processor is gone: nothing runs there any more. */
  readonly lost: Promise<string>;
}

/** A graphics processor that there is. */
export interface Graphics {
  /** For people. */
  readonly name: string;
  /** Tells it, with the onnxruntime that would run on it, from others: what was found of a model on another says nothing. */
  readonly key: string;
  /** It is a program that runs on the processor, and slower than WebAssembly. */
  readonly isSoftware: boolean;
  /** Loads onnxruntime for it, which is 27 MB. */
  readonly load: () => Promise<GraphicsRuntime>;
}

const TYPED = {
  bool: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  float16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float64: Float64Array,
} as const;

/** A buffer as the typed array of a type. Half floats are what this platform's onnxruntime takes them for. */
export function elementsOf(type: string, buffer: ArrayBuffer): Tensor["data"] {
  const half = (globalThis as { Float16Array?: new (buffer: ArrayBuffer) => unknown }).Float16Array;
  if (type === "float16" && half) return new half(buffer) as Tensor["data"];
  const array = TYPED[type as keyof typeof TYPED];
  return new array(buffer);
}
