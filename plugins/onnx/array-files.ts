/** Tensors as NumPy's files: .npy for one array, .npz (a ZIP archive of such) for several by name; or bare elements. */
import { unzipSync, zipSync } from "fflate";
import { KromaError } from "#core/base/errors.ts";
import { arrayOver, readNpy, writeNpy } from "#core/workspace/npy.ts";
import { described, ELEMENT_BYTES, elementCount, type WireTensor } from "./tensors.ts";

/** A tensor with its elements. */
export interface FileTensor {
  readonly tensor: WireTensor;
  readonly buffer: ArrayBuffer;
}

const DTYPES: Readonly<Record<string, string>> = {
  bool: "|b1",
  int8: "|i1",
  uint8: "|u1",
  int16: "<i2",
  uint16: "<u2",
  int32: "<i4",
  uint32: "<u4",
  int64: "<i8",
  uint64: "<u8",
  float32: "<f4",
  float64: "<f8",
};
const TYPES = new Map(Object.entries(DTYPES).map(([type, dtype]) => [dtype, type]));
/** An archive's arrays, unpacked, at most. */
const LARGEST_ARCHIVE = 1024 ** 3;

const isNpy = (bytes: Uint8Array): boolean => bytes[0] === 0x93 && bytes[1] === 0x4e && bytes[2] === 0x55;

/** One input from a file's bytes: an .npy, or bare elements of the type that the model wants. */
export function tensorOfFile(name: string, bytes: Uint8Array, wanted: string): FileTensor {
  if (!isNpy(bytes)) return { tensor: { name, type: wanted }, buffer: bytes.slice().buffer };
  const { data, shape, dtype } = readNpy(bytes);
  const type = TYPES.get(dtype.startsWith(">") ? `<${dtype.slice(1)}` : dtype) ?? dtype;
  const { buffer, byteOffset, byteLength } = data;
  return { tensor: { name, type, dims: shape }, buffer: new Uint8Array(buffer, byteOffset, byteLength).slice().buffer };
}

/** All arrays of an .npz, by name. */
export function tensorsOfArchive(path: string, bytes: Uint8Array): readonly FileTensor[] {
  let files: Record<string, Uint8Array>;
  let size = 0;
  try {
    files = unzipSync(bytes, {
      filter: ({ name, originalSize }) => name.endsWith(".npy") && (size += originalSize) <= LARGEST_ARCHIVE,
    });
  } catch (error) {
    throw new KromaError("corrupt", `${path} is no .npz archive.`, { cause: error });
  }
  if (size > LARGEST_ARCHIVE) throw new KromaError("exhausted", `${path} holds more than 1 GiB of arrays.`);
  return Object.entries(files).map(([name, content]) => tensorOfFile(name.slice(0, -".npy".length), content, ""));
}

/** An output as an .npy file, or as its bare elements. Throws `invalid` for strings and half floats. */
export function fileOfTensor({ tensor, buffer }: FileTensor, raw: boolean): Uint8Array<ArrayBuffer> {
  const { name, type, dims = [] } = tensor;
  const dtype = DTYPES[type];
  if (raw && type !== "string") return new Uint8Array(buffer);
  if (dtype === undefined)
    throw new KromaError("invalid", `The output "${name}" is ${type}, which .npy files do not hold.`);
  return writeNpy(arrayOver(dtype, new Uint8Array(buffer), elementCount(dims)), dims, dtype);
}

/** Arrays that came with a request, each with its shape. Throws `invalid` for a name or a size that is none. */
export function givenArrays(tensors: readonly WireTensor[], buffers: readonly ArrayBuffer[]): readonly FileTensor[] {
  return tensors.map((tensor, index) => {
    const buffer = buffers[index] ?? new ArrayBuffer();
    const dims = tensor.dims ?? [buffer.byteLength / (ELEMENT_BYTES[tensor.type] ?? 1)];
    if (!/^[\w.-]{1,200}$/.test(tensor.name))
      throw new KromaError("invalid", "An array's name has letters, digits, dots, hyphens and underscores.");
    if (tensor.type !== "string" && elementCount(dims) * (ELEMENT_BYTES[tensor.type] ?? 0) !== buffer.byteLength)
      throw new KromaError(
        "invalid",
        `The array "${tensor.name}" is ${described(tensor.type, dims)}, but has ${buffer.byteLength} bytes.`,
      );
    return { tensor: { ...tensor, dims }, buffer };
  });
}

/** Outputs as an .npz file. */
export function archiveOf(tensors: readonly FileTensor[]): Uint8Array<ArrayBuffer> {
  return zipSync(Object.fromEntries(tensors.map((each) => [`${each.tensor.name}.npy`, fileOfTensor(each, false)])), {
    level: 0,
  }) as Uint8Array<ArrayBuffer>;
}

/** The first elements as text, for people. */
export function preview({ tensor, buffer }: FileTensor, most = 6): string {
  const { type, strings, dims = [] } = tensor;
  const dtype = DTYPES[type];
  const count = elementCount(dims);
  const size = ELEMENT_BYTES[type] ?? 0;
  const shown = strings
    ? strings.slice(0, most).map((value) => JSON.stringify(value))
    : dtype === undefined
      ? []
      : [...arrayOver(dtype, new Uint8Array(buffer, 0, Math.min(most, count) * size), Math.min(most, count))].map(
          brief,
        );
  return shown.join(" ") + (count > shown.length ? " …" : "");
}

const brief = (value: number | bigint): string =>
  typeof value === "bigint" ? String(value) : String(Number(value.toPrecision(6)));
