/**
 * What goes into pipelines and comes out, as it crosses to the kernels: plain data in which bytes and arrays stand as
 * `{ $kroma: "bytes" | "array", buffer, … }`, with their elements in the buffer of that number. The kernels write and read the same
 * (kernels/typescript/pipelines.ts, kernels/python/python/_kroma/pipelines.py).
 */
import { array, integer, literal, minValue, number, object, picklist, pipe, safeParse, union } from "valibot";
import { KromaError } from "#core/base/errors.ts";
import { TYPED_ARRAYS } from "#core/kernel/typed-arrays.ts";

/** An array with its shape, as it was given. */
export class GivenArray {
  readonly type: keyof typeof TYPED_ARRAYS;
  readonly dims: readonly number[];
  readonly data: InstanceType<(typeof TYPED_ARRAYS)[keyof typeof TYPED_ARRAYS]>;

  constructor(type: keyof typeof TYPED_ARRAYS, dims: readonly number[], data: GivenArray["data"]) {
    this.type = type;
    this.dims = dims;
    this.data = data;
  }
}

const DEEPEST = 32;
const size = pipe(number(), integer(), minValue(0));
const marked = union([
  object({ $kroma: literal("bytes"), buffer: size }),
  object({
    $kroma: literal("array"),
    type: picklist(Object.keys(TYPED_ARRAYS) as (keyof typeof TYPED_ARRAYS)[]),
    dims: array(size),
    buffer: size,
  }),
]);

/** A value with its bytes (Uint8Array) and arrays (GivenArray) in their places. Throws `invalid`. */
export function readValue(value: unknown, buffers: readonly ArrayBuffer[], depth = 0): unknown {
  if (depth > DEEPEST) throw new KromaError("invalid", "What the pipeline was given is nested too deep.");
  if (Array.isArray(value)) return value.map((item) => readValue(item, buffers, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  if (!("$kroma" in value))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, readValue(item, buffers, depth + 1)]));
  const read = safeParse(marked, value);
  const buffer = read.success ? buffers[read.output.buffer] : undefined;
  if (!read.success || !buffer) throw new KromaError("invalid", "What the pipeline was given has no such bytes.");
  if (read.output.$kroma === "bytes") return new Uint8Array(buffer);
  const { type, dims } = read.output;
  const bytes = TYPED_ARRAYS[type].BYTES_PER_ELEMENT * dims.reduce((product, length) => product * length, 1);
  if (bytes !== buffer.byteLength)
    throw new KromaError("invalid", `${type} [${dims.join(", ")}] has ${bytes} bytes and not ${buffer.byteLength}.`);
  return new GivenArray(type, dims, new TYPED_ARRAYS[type](buffer));
}

interface TensorLike {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView | readonly unknown[];
}

interface PictureLike {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: ArrayBufferView;
}

/** What a pipeline gave, ready to be sent: arrays of numbers as buffers, everything else as plain data. */
export function writeValue(value: unknown): { readonly value: unknown; readonly buffers: readonly ArrayBuffer[] } {
  const buffers: ArrayBuffer[] = [];
  const array = (
    type: string,
    dims: readonly number[],
    { buffer, byteOffset, byteLength }: ArrayBufferView,
  ): unknown => {
    buffers.push(new Uint8Array(buffer, byteOffset, byteLength).slice().buffer);
    return { $kroma: "array", type, dims: [...dims], buffer: buffers.length - 1 };
  };
  const write = (item: unknown, depth: number): unknown => {
    if (typeof item === "bigint") return Number(item);
    if (typeof item === "function" || typeof item === "symbol" || depth > DEEPEST) return undefined;
    if (typeof item !== "object" || item === null) return item;
    if (Array.isArray(item)) return item.map((one) => write(one, depth + 1));
    if (isTensor(item))
      return ArrayBuffer.isView(item.data) ? array(item.type, item.dims, item.data) : nested([...item.data], item.dims);
    if (isPicture(item)) return array("uint8", [item.height, item.width, item.channels], item.data);
    if (ArrayBuffer.isView(item)) {
      const type = Object.entries(TYPED_ARRAYS).find(([, kind]) => item instanceof kind)?.[0];
      return type === undefined ? undefined : array(type, [(item as Uint8Array).length], item);
    }
    return Object.fromEntries(Object.entries(item).map(([name, one]) => [name, write(one, depth + 1)]));
  };
  return { value: write(value, 0), buffers };
}

const isTensor = (item: object): item is TensorLike =>
  "dims" in item && "data" in item && "type" in item && Array.isArray(item.dims);

const isPicture = (item: object): item is PictureLike =>
  "width" in item && "height" in item && "channels" in item && "data" in item && ArrayBuffer.isView(item.data);

/** Elements of a tensor that are no numbers, as lists in lists. */
function nested(flat: readonly unknown[], dims: readonly number[]): unknown {
  let level = flat;
  for (const length of dims.slice(1).toReversed())
    level = Array.from({ length: level.length / (length || 1) }, (_, at) =>
      level.slice(at * length, (at + 1) * length),
    );
  return level;
}
