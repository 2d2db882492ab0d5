/**
 * Dense networks as ONNX files, for `kroma.ml.exportDense`: what was trained in a cell, whatever trained it, becomes a model
 * that runs everywhere. Layers of weights, a bias and an activation; the fields are those of onnx.proto.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
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
  const nodes: Message[] = [];
  const weights: Message[] = [];
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
  const graph = message(
    ...nodes.map((node) => ({ 1: node })),
    { 2: "dense" },
    ...weights.map((weight) => ({ 5: weight })),
    { 11: valueInfo("x", inputs) },
    { 12: valueInfo("y", size) },
  );
  return message({ 1: IR, 2: "Kroma", 7: graph, 8: message({ 1: "", 2: OPSET }) });
}

/** A message's bytes. */
type Message = Uint8Array<ArrayBuffer>;

/** Fields by their numbers, each kind as protobuf writes it: integers, text, and bytes, which messages are too. */
type Fields = Readonly<Record<number, number | string | Uint8Array>>;

const node = (operator: string, inputs: readonly string[], output: string): Message =>
  message(...inputs.map((name) => ({ 1: name })), { 2: output, 4: operator });

const tensor = (name: string, shape: readonly number[], data: ArrayLike<number>): Message =>
  message(...shape.map((size) => ({ 1: size })), {
    2: FLOAT,
    8: name,
    9: new Uint8Array(Float32Array.from(data).buffer),
  });

function valueInfo(name: string, size: number): Message {
  const shape = message({ 1: message({ 2: "batch" }) }, { 1: message({ 1: size }) });
  return message({ 1: name, 2: message({ 1: message({ 1: FLOAT, 2: shape }) }) });
}

/** Parts follow one another, so that a field may be repeated. */
function message(...parts: readonly Fields[]): Message {
  const writer = new BinaryWriter();
  for (const [number, value] of parts.flatMap((part) => Object.entries(part))) {
    const isWhole = typeof value === "number";
    writer.tag(Number(number), isWhole ? WireType.Varint : WireType.LengthDelimited);
    if (isWhole) writer.int64(value);
    else if (typeof value === "string") writer.string(value);
    else writer.bytes(value);
  }
  return writer.finish();
}
