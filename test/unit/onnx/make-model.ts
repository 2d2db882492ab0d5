/** Writes small ONNX models for tests, field by field as onnx.proto numbers them: real files for the real onnxruntime. */

type Shape = readonly (number | string)[];

/** Element types by onnx.proto's TensorProto.DataType. */
const TYPES = { float32: 1, uint8: 2, int8: 3, int64: 7, string: 8, bool: 9, float64: 11 } as const;
type Type = keyof typeof TYPES;

export interface ModelParts {
  readonly inputs: Readonly<Record<string, readonly [Type, Shape]>>;
  readonly outputs: Readonly<Record<string, readonly [Type, Shape]>>;
  /** Operator, inputs, outputs, attributes, domain. */
  readonly nodes: readonly {
    readonly op: string;
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
    readonly domain?: string;
    readonly attributes?: Readonly<Record<string, number | string | readonly number[]>>;
  }[];
  readonly weights?: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;
  /** Weights whose bytes are in a file beside the model. */
  readonly external?: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly file: string; readonly length: number }>
  >;
  readonly opset?: number;
  readonly opsets?: Readonly<Record<string, number>>;
}

const varint = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
};
const number = (field: number, value: number): Uint8Array => Uint8Array.from([...varint(field * 8), ...varint(value)]);
const bytes = (field: number, value: Uint8Array | string): Uint8Array => {
  const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return join(Uint8Array.from([...varint(field * 8 + 2), ...varint(content.length)]), content);
};
const join = (...pieces: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(pieces));

const shapeOf = (shape: Shape): Uint8Array =>
  join(...shape.map((size) => bytes(1, typeof size === "number" ? number(1, size) : bytes(2, size))));
const valueInfo = (name: string, [type, shape]: readonly [Type, Shape]): Uint8Array =>
  join(bytes(1, name), bytes(2, bytes(1, join(number(1, TYPES[type]), bytes(2, shapeOf(shape))))));

/** The value and type of an AttributeProto. */
function attribute(value: number | string | readonly number[]): Uint8Array {
  if (typeof value === "number") return join(number(3, value), number(20, 2));
  if (typeof value === "string") return join(bytes(4, value), number(20, 3));
  return join(...value.map((item) => number(8, item)), number(20, 7));
}

/** The bytes of a model. */
export function makeModel(parts: ModelParts): Uint8Array {
  const nodes = parts.nodes.map(({ op, inputs, outputs, domain, attributes }) =>
    bytes(
      1,
      join(
        ...inputs.map((name) => bytes(1, name)),
        ...outputs.map((name) => bytes(2, name)),
        bytes(4, op),
        ...Object.entries(attributes ?? {}).map(([name, value]) => bytes(5, join(bytes(1, name), attribute(value)))),
        ...(domain === undefined ? [] : [bytes(7, domain)]),
      ),
    ),
  );
  const weights = Object.entries(parts.weights ?? {}).map(([name, { shape, data }]) =>
    bytes(
      5,
      join(
        ...shape.map((size) => number(1, size)),
        number(2, 1),
        bytes(8, name),
        bytes(9, new Uint8Array(data.buffer)),
      ),
    ),
  );
  const external = Object.entries(parts.external ?? {}).map(([name, { shape, file, length }]) =>
    bytes(
      5,
      join(
        ...shape.map((size) => number(1, size)),
        number(2, 1),
        bytes(8, name),
        bytes(13, join(bytes(1, "location"), bytes(2, file))),
        bytes(13, join(bytes(1, "length"), bytes(2, String(length)))),
        number(14, 1),
      ),
    ),
  );
  const graph = join(
    ...nodes,
    bytes(2, "test"),
    ...weights,
    ...external,
    ...Object.entries(parts.inputs).map(([name, info]) => bytes(11, valueInfo(name, info))),
    ...Object.entries(parts.outputs).map(([name, info]) => bytes(12, valueInfo(name, info))),
  );
  const opsets = { "": parts.opset ?? 17, ...parts.opsets };
  return join(
    number(1, 8),
    bytes(2, "kroma-test"),
    bytes(7, graph),
    ...Object.entries(opsets).map(([domain, version]) => bytes(8, join(bytes(1, domain), number(2, version)))),
  );
}

/** y = x · w + b, with two columns out of three; `last` is the last of the weights. */
export const linear = (last = 6): Uint8Array =>
  makeModel({
    inputs: { x: ["float32", ["batch", 3]] },
    outputs: { y: ["float32", ["batch", 2]] },
    nodes: [
      { op: "MatMul", inputs: ["x", "w"], outputs: ["product"] },
      { op: "Add", inputs: ["product", "b"], outputs: ["y"] },
    ],
    weights: {
      w: { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, last) },
      b: { shape: [2], data: Float32Array.of(10, 20) },
    },
  });
