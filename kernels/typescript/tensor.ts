/** Tensors as cells have them: typed arrays with a shape, under the names that onnxruntime gives their types. */
import { KromaError } from "#core/base/errors.ts";
import { TYPED_ARRAYS } from "#core/kernel/typed-arrays.ts";

type Elements = ArrayBufferView | readonly string[];

interface TypedArrayConstructor {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): ArrayBufferView;
}

const scope = globalThis as unknown as { readonly Float16Array?: TypedArrayConstructor };
/** The typed array of each of onnxruntime's types. */
export const ARRAYS: Readonly<Record<string, TypedArrayConstructor>> = {
  ...TYPED_ARRAYS,
  float16: scope.Float16Array ?? Uint16Array,
};

/**
 * A tensor: its elements in row order and its shape. It has just these two own properties, so that kroma.set hands it on
 * as the array it is.
 */
export class Tensor {
  readonly data: Elements;
  readonly shape: readonly number[];
  readonly #type: string;

  constructor(type: string, data: Elements, shape: readonly number[]) {
    this.data = data;
    this.shape = shape;
    this.#type = type;
  }

  /** "float32", "int64", "string" …, as onnxruntime names them. */
  get type(): string {
    return this.#type;
  }

  /** The shape, by onnxruntime's name for it. */
  get dims(): readonly number[] {
    return this.shape;
  }
}

/** True for typed arrays. */
export const isView = (value: unknown): value is ArrayBufferView =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

/** The elements' own bytes, in a buffer that can move. */
export function copied(data: ArrayBuffer | ArrayBufferView): ArrayBuffer {
  if (data instanceof ArrayBuffer) return data.slice();
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice().buffer;
}

/** The type of an array as onnxruntime names it; `wanted` decides between those that look alike. Throws `invalid`. */
export function typeOf(view: ArrayBufferView, wanted: string | undefined): string {
  if (wanted === "bool" && view instanceof Uint8Array) return "bool";
  if (view instanceof Uint8ClampedArray) return "uint8";
  for (const [type, array] of Object.entries(ARRAYS)) {
    if (type !== "bool" && view instanceof (array as never)) return type;
  }
  throw new KromaError("invalid", `${view.constructor.name} is no array that a model takes.`);
}
