/**
 * Dense networks as ONNX files, for `kroma.ml.exportDense`: what was trained in a cell, whatever trained it, becomes a model
 * that runs everywhere. Layers of weights, a bias and an activation; the fields are those of onnx.proto.
 */
import { concatenate } from "../base/bytes.ts";
import { KromaError } from "../base/errors.ts";

const ACTIVATIONS = { relu: "Relu", tanh: "Tanh", sigmoid: "Sigmoid", softmax: "Softmax" } as const;

/** One layer: activation(x · weights + bias). */
export interface DenseLayer {
  /** Of shape [inputs, outputs], row by row. */
  readonly weights: { readonly data: ArrayLike<number>; readonly shape: readonly number[] };
  readonly bias: ArrayLike<number>;
  readonly activation?: keyof typeof ACTIVATIONS;
}

const OPSET = 17;
const IR = 8;
const FLOAT = 1;

/**
 * The bytes of a model with the input `x`, float32 [batch, inputs], and the output `y`, [batch, outputs]. Throws `invalid`
 * where the shapes of layers do not follow one another.
 */
export function exportDense(layers: readonly DenseLayer[]): Uint8Array<ArrayBuffer> {
  const nodes: Uint8Array[] = [];
  const weights: Uint8Array[] = [];
  let size: number | undefined;
  let name = "x";
  for (const [index, { weights: matrix, bias, activation }] of layers.entries()) {
    const [inputs = 0, outputs = 0] = matrix.shape;
    const says = (why: string): KromaError =>
      new KromaError("invalid", `Layer ${index + 1} can't be exported: ${why}.`);
    if (matrix.shape.length !== 2 || matrix.data.length !== inputs * outputs)
      throw says(`its weights have the shape [${matrix.shape.join(", ")}] and ${matrix.data.length} elements`);
    if (size !== undefined && inputs !== size)
      throw says(`it takes ${inputs} numbers, and the layer before gives ${size}`);
    if (bias.length !== outputs) throw says(`its bias has ${bias.length} elements and not ${outputs}`);
    const operator = activation && ACTIVATIONS[activation];
    if (activation !== undefined && !operator) throw says(`there is no activation "${String(activation)}" here`);
    size = outputs;
    weights.push(tensor(`w${index}`, [inputs, outputs], matrix.data), tensor(`b${index}`, [outputs], bias));
    const isLast = index === layers.length - 1;
    const sum = isLast && !operator ? "y" : `sum${index}`;
    nodes.push(node("Gemm", [name, `w${index}`, `b${index}`], sum));
    name = sum;
    if (!operator) continue;
    const active = isLast ? "y" : `active${index}`;
    nodes.push(node(operator, [name], active));
    name = active;
  }
  if (size === undefined) throw new KromaError("invalid", "A model without layers can't be exported.");
  const inputs = layers[0]?.weights.shape[0] ?? 0;
  const graph = [
    ...nodes.map((bytes) => field(1, bytes)),
    field(2, "dense"),
    ...weights.map((bytes) => field(5, bytes)),
    field(11, valueInfo("x", inputs)),
    field(12, valueInfo("y", size)),
  ];
  const opset = concatenate([field(1, ""), whole(2, OPSET)]);
  return concatenate([whole(1, IR), field(2, "Kroma"), field(7, concatenate(graph)), field(8, opset)]);
}

const node = (operator: string, inputs: readonly string[], output: string): Uint8Array =>
  concatenate([...inputs.map((name) => field(1, name)), field(2, output), field(4, operator)]);

const tensor = (name: string, shape: readonly number[], data: ArrayLike<number>): Uint8Array =>
  concatenate([
    ...shape.map((size) => whole(1, size)),
    whole(2, FLOAT),
    field(8, name),
    field(9, new Uint8Array(Float32Array.from(data).buffer)),
  ]);

function valueInfo(name: string, size: number): Uint8Array {
  const shape = concatenate([field(1, field(2, "batch")), field(1, whole(1, size))]);
  return concatenate([field(1, name), field(2, field(1, concatenate([whole(1, FLOAT), field(2, shape)])))]);
}

/** A number of protobuf's, seven bits at a time. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

const whole = (number: number, value: number): Uint8Array => Uint8Array.from([...varint(number * 8), ...varint(value)]);

function field(number: number, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return concatenate([Uint8Array.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}
