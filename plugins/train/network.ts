/**
 * A network of dense layers and dropout: its parameters, and its answers as jax-js computes them. What goes into a function of
 * jax-js is used up by it; `.ref` keeps it for once more.
 */
import { nn, numpy as np } from "@jax-js/jax";
import { KromaError } from "#core/base/errors.ts";
import type { DenseLayer } from "#core/kernel/onnx-export.ts";
import { randomNumbers, USES } from "./random.ts";
import type { Layer, Loss } from "./request.ts";

type Activation = NonNullable<DenseLayer["activation"]>;

/** One layer with the numbers it takes and gives. */
export type PlannedLayer =
  | {
      readonly kind: "dense";
      readonly inputs: number;
      readonly units: number;
      readonly activation?: Activation | undefined;
    }
  | { readonly kind: "dropout"; readonly units: number; readonly rate: number };

/** Weights that a tab's memory can hold with their gradients and what an optimiser keeps of each. */
const MOST_WEIGHTS = 50_000_000;

/** The layers for rows of so many inputs. Throws `invalid` where they make no network for this loss. */
export function planNetwork(layers: readonly Layer[], inputs: number, loss: Loss): readonly PlannedLayer[] {
  const planned: PlannedLayer[] = [];
  let size = inputs;
  let weights = 0;
  for (const [index, layer] of layers.entries()) {
    const isLast = index === layers.length - 1;
    const refuse = (why: string): KromaError => new KromaError("invalid", `"layers.${index}" can't be used: ${why}.`);
    if ("dropout" in layer) {
      if (isLast) throw refuse("dropout can't be the last layer");
      planned.push({ kind: "dropout", units: size, rate: layer.dropout });
      continue;
    }
    const { units, activation } = layer;
    if (activation === "softmax" && !(isLast && loss === "softmaxCrossEntropy"))
      throw refuse('softmax belongs in the last layer, with the loss "softmaxCrossEntropy"');
    if (isLast && loss === "softmaxCrossEntropy" && activation !== undefined && activation !== "softmax")
      throw refuse('with the loss "softmaxCrossEntropy" the last layer has no activation, or softmax');
    weights += (size + 1) * units;
    planned.push({ kind: "dense", inputs: size, units, activation });
    size = units;
  }
  if (loss === "softmaxCrossEntropy" && size < 2)
    throw new KromaError(
      "invalid",
      'The loss "softmaxCrossEntropy" tells classes apart: the last layer needs 2 units or more.',
    );
  if (weights > MOST_WEIGHTS)
    throw new KromaError(
      "invalid",
      `The network has ${weights.toLocaleString("en")} weights, and at most ${MOST_WEIGHTS.toLocaleString("en")} can be trained here.`,
    );
  return planned;
}

/** Numbers that the network gives for a row. */
export const outputsOf = (layers: readonly PlannedLayer[]): number => layers.at(-1)?.units ?? 0;

/** The shapes of all parameters: the weights and then the bias of each dense layer. */
export const parameterShapes = (layers: readonly PlannedLayer[]): readonly (readonly number[])[] =>
  layers.flatMap((layer) => (layer.kind === "dense" ? [[layer.inputs, layer.units], [layer.units]] : []));

/**
 * Parameters to begin with. Weights are uniform, as He et al. (2015) found for relu and Glorot and Bengio (2010) for the others;
 * uniform numbers need no logarithm, which engines round differently. A bias is zero.
 */
export function firstParameters(layers: readonly PlannedLayer[], seed: number): readonly Float32Array[] {
  return layers.flatMap((layer, index) => {
    if (layer.kind !== "dense") return [];
    const { inputs, units, activation } = layer;
    const limit = Math.sqrt(6 / (activation === "relu" ? inputs : inputs + units));
    const random = randomNumbers(seed, USES.parameters, index);
    return [Float32Array.from({ length: inputs * units }, () => limit * (2 * random() - 1)), new Float32Array(units)];
  });
}

/** For each dropout layer and this batch: 0 for what is dropped, and what makes up for it for the rest. */
export function dropoutMasks(
  layers: readonly PlannedLayer[],
  rows: number,
  random: () => number,
): readonly { readonly data: Float32Array<ArrayBuffer>; readonly shape: number[] }[] {
  return layers.flatMap((layer) => {
    if (layer.kind !== "dropout") return [];
    const { units, rate } = layer;
    const kept = 1 / (1 - rate);
    return [
      { data: Float32Array.from({ length: rows * units }, () => (random() < rate ? 0 : kept)), shape: [rows, units] },
    ];
  });
}

/** The answers for rows, before a softmax at the end. Without masks nothing is dropped. Uses up all that it is given. */
export function answer(
  layers: readonly PlannedLayer[],
  parameters: readonly np.Array[],
  rows: np.Array,
  masks: readonly np.Array[] | undefined,
): np.Array {
  let values = rows;
  let parameter = 0;
  let mask = 0;
  const take = (list: readonly np.Array[], index: number): np.Array => list[index] as np.Array;
  for (const layer of layers) {
    if (layer.kind === "dropout") {
      if (masks) values = values.mul(take(masks, mask++));
      continue;
    }
    const weights = take(parameters, parameter++);
    values = np.matmul(values, weights).add(take(parameters, parameter++));
    if (layer.activation === "relu") values = nn.relu(values);
    else if (layer.activation === "tanh") values = np.tanh(values);
    else if (layer.activation === "sigmoid") values = nn.sigmoid(values);
  }
  return values;
}

/** The trained layers as they are exported: dropout is for training only. */
export function denseLayers(
  layers: readonly PlannedLayer[],
  parameters: readonly Float32Array[],
): readonly DenseLayer[] {
  const dense = layers.filter((layer) => layer.kind === "dense");
  return dense.map(({ inputs, units, activation }, index) => ({
    weights: { data: parameters[2 * index] ?? [], shape: [inputs, units] },
    bias: parameters[2 * index + 1] ?? [],
    ...(activation === undefined ? {} : { activation }),
  }));
}
