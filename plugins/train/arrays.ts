/** Arrays that came with a request, as a dataset. */
import { KromaError } from "#core/base/errors.ts";
import type { Dataset, Numbers } from "./dataset.ts";
import type { WireTensor } from "./request.ts";

interface TypedArray {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): Numbers;
}

const ARRAYS: Readonly<Record<string, TypedArray>> = {
  bool: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** An array with its elements. */
export interface GivenArray {
  readonly tensor: WireTensor;
  readonly buffer: ArrayBuffer;
}

/**
 * Rows of `x` with their targets in `y`: the first dimension counts the rows, the others are laid out flat. A flat `x` has as many
 * rows as `y`. Throws `invalid` for other types, no rows, and parts that do not fit.
 */
export function arrayDataset(x: GivenArray, y: GivenArray, digest: string): Dataset {
  const targets = elementsOf(y);
  const inputs = elementsOf(x);
  const rows = targets.shape[0] ?? 1;
  if (rows === 0 || inputs.count === 0) {
    const empty = rows === 0 || targets.count === 0 ? y : x;
    throw new KromaError("invalid", `"${empty.tensor.name}" has no rows: there is nothing to learn from.`);
  }
  const given = x.tensor.dims === undefined ? undefined : (inputs.shape[0] ?? 1);
  if (given !== undefined && given !== rows)
    throw new KromaError(
      "invalid",
      `"${x.tensor.name}" has ${given} rows (${inputs.said}), and "${y.tensor.name}" has ${rows} (${targets.said}).`,
    );
  if (inputs.count % rows !== 0)
    throw new KromaError(
      "invalid",
      `"${x.tensor.name}" has ${inputs.count} numbers, which are no ${rows} rows, as "${y.tensor.name}" has.`,
    );
  return {
    names: { x: x.tensor.name, y: y.tensor.name },
    inputs: inputs.count / rows,
    targets: targets.count / rows,
    chunks: [rows],
    digest,
    read: () => Promise.resolve({ x: inputs.data, y: targets.data }),
  };
}

function elementsOf({ tensor: { name, type, dims }, buffer }: GivenArray) {
  const array = Object.hasOwn(ARRAYS, type) ? ARRAYS[type] : undefined;
  if (!array)
    throw new KromaError(
      "invalid",
      `"${name}" is of type ${type}, and networks learn from ${Object.keys(ARRAYS).join(", ")}.`,
    );
  const count = buffer.byteLength / array.BYTES_PER_ELEMENT;
  const shape = dims ?? [count];
  const said = `${type} [${shape.join(", ")}]`;
  if (!Number.isInteger(count) || shape.reduce((product, size) => product * size, 1) !== count)
    throw new KromaError("invalid", `"${name}" is ${said}, but has ${buffer.byteLength} bytes.`);
  return { data: new array(buffer), shape, count, said };
}
