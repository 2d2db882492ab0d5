/**
 * NumPy's file format for arrays, version 1.0 to write, 1.0 to 3.0 to read: numpy.lib.format,
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. Numbers only.
 */
import { KromaError } from "../base/errors.ts";

/** The typed arrays that travel. Uint8ClampedArray goes as Uint8Array. */
export type NumberArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** An array of any number of dimensions but one, in C order; in TypeScript it comes and goes as this. */
export interface ShapedArray {
  readonly data: NumberArray;
  readonly shape: readonly number[];
}

type NumberArrayConstructor = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, offset: number, length: number): NumberArray;
};

/** NumPy's names for the element types. */
const TYPES: Readonly<Record<string, NumberArrayConstructor>> = {
  "|i1": Int8Array,
  "|u1": Uint8Array,
  "|b1": Uint8Array,
  "<i2": Int16Array,
  "<u2": Uint16Array,
  "<i4": Int32Array,
  "<u4": Uint32Array,
  "<f4": Float32Array,
  "<f8": Float64Array,
  "<i8": BigInt64Array,
  "<u8": BigUint64Array,
};
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const ALIGNMENT = 64;

/** NumPy's name of an array's element type: "<f8". */
export function dtypeOf(array: NumberArray): string {
  for (const [dtype, type] of Object.entries(TYPES)) if (array instanceof (type as never)) return dtype;
  throw new KromaError("invalid", "Not an array of numbers that travels.");
}

/** A view as the typed array it is, if it is one that travels as npy; Uint8Array travels as bytes instead. */
export function toNumberArray(value: unknown): NumberArray | undefined {
  if (value instanceof Uint8ClampedArray) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (!ArrayBuffer.isView(value) || value instanceof DataView || value instanceof Uint8Array) return undefined;
  return Object.values(TYPES).some((type) => value instanceof (type as never)) ? (value as NumberArray) : undefined;
}

/** Whether a value is an object of just `data` and a `shape` that fits it. */
export function isShapedArray(value: unknown): value is ShapedArray {
  if (typeof value !== "object" || value === null || !("data" in value) || !("shape" in value)) return false;
  if (Object.keys(value).length !== 2) return false;
  const { data, shape } = value;
  if (!Array.isArray(shape) || !shape.every((size) => Number.isInteger(size) && size >= 0)) return false;
  const numbers = data instanceof Uint8Array ? data : toNumberArray(data);
  return numbers?.length === shape.reduce((product: number, size: number) => product * size, 1);
}

/** The elements' bytes, little endian, as they lie in memory: all platforms of ours are little endian. */
export function elementBytes(array: NumberArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** An array of a type over bytes; a view where they are aligned, otherwise a copy. Throws `corrupt`. */
export function arrayOver(dtype: string, bytes: Uint8Array, length: number): NumberArray {
  const swapped = dtype.startsWith(">");
  const type = TYPES[swapped ? `<${dtype.slice(1)}` : dtype];
  if (!type) throw new KromaError("corrupt", `Arrays of type ${dtype} do not travel.`);
  const size = length * type.BYTES_PER_ELEMENT;
  if (bytes.length < size) throw new KromaError("corrupt", "The array is cut short.");
  let part = bytes.subarray(0, size);
  if (swapped || part.byteOffset % type.BYTES_PER_ELEMENT !== 0) part = part.slice();
  if (swapped)
    for (let at = 0; at < size; at += type.BYTES_PER_ELEMENT) part.subarray(at, at + type.BYTES_PER_ELEMENT).reverse();
  return new type(part.buffer, part.byteOffset, length);
}

/** A file of version 1.0 in C order; the array's data are copied once. `dtype` tells truth values ("|b1") from numbers. */
export function writeNpy(
  array: NumberArray,
  shape: readonly number[],
  dtype: string = dtypeOf(array),
): Uint8Array<ArrayBuffer> {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  let header = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const before = MAGIC.length + 4;
  header = `${header.padEnd(Math.ceil((before + header.length + 1) / ALIGNMENT) * ALIGNMENT - before - 1)}\n`;
  const bytes = new Uint8Array(before + header.length + array.byteLength);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint16(MAGIC.length, 0x0100);
  new DataView(bytes.buffer).setUint16(MAGIC.length + 2, header.length, true);
  bytes.set(new TextEncoder().encode(header), before);
  bytes.set(elementBytes(array), before + header.length);
  return bytes;
}

/** Reads a file; the data are a view of `bytes` where they are aligned and in C order. Throws `corrupt`. */
export function readNpy(bytes: Uint8Array): ShapedArray & { readonly dtype: string } {
  const major = bytes[MAGIC.length] ?? 0;
  if (!MAGIC.every((byte, i) => bytes[i] === byte) || major < 1 || major > 3 || bytes.length < 12) {
    throw new KromaError("corrupt", "The value is not a NumPy file.");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const before = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const header = new TextDecoder().decode(bytes.subarray(before, before + length));
  const dtype = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (dtype === undefined || order === undefined || sizes === undefined) {
    throw new KromaError("corrupt", "The NumPy file holds no plain array of numbers.");
  }
  const shape = sizes
    .split(",")
    .map((size) => size.trim())
    .filter((size) => size !== "")
    .map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  const data = arrayOver(dtype, bytes.subarray(before + length), count);
  return { data: order === "True" && shape.length > 1 ? toRowOrder(data, shape) : data, shape, dtype };
}

/** Fortran's order (first index fastest) to C's. */
function toRowOrder(columns: NumberArray, shape: readonly number[]): NumberArray {
  const rows = columns.slice();
  const index = shape.map(() => 0);
  for (let at = 0; at < rows.length; at++) {
    let from = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) from = from * (shape[axis] ?? 1) + (index[axis] ?? 0);
    (rows as Float64Array)[at] = (columns as Float64Array)[from] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] ?? 0) + 1;
      if ((index[axis] ?? 0) < (shape[axis] ?? 1)) break;
      index[axis] = 0;
    }
  }
  return rows;
}
