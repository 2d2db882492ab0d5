/** Optimisers, as functions of jax-js: what is kept of each parameter between steps, and the step itself. */
import { numpy as np } from "@jax-js/jax";
import type { Optimizer } from "./request.ts";

const EPSILON = 1e-8;

/** Arrays in the parameters' shapes that the optimiser keeps: a velocity, or two moments. */
export const momentsKept = (optimizer: Optimizer): number =>
  optimizer.name === "adam" ? 2 : optimizer.momentum > 0 ? 1 : 0;

/** Numbers that change from step to step, for `update`; steps count from 1. They are computed alike by every engine. */
export function stepScales(optimizer: Optimizer): (step: number) => Float32Array<ArrayBuffer> {
  if (optimizer.name === "sgd") return () => new Float32Array(2);
  const { beta1, beta2 } = optimizer;
  let done = 0;
  let power1 = 1;
  let power2 = 1;
  return (step) => {
    for (; done < step; done++) {
      power1 *= beta1;
      power2 *= beta2;
    }
    return Float32Array.of(1 / (1 - power1), 1 / (1 - power2));
  };
}

/**
 * The parameters and what is kept of them after one step. Gradient descent with momentum as Sutskever et al. (2013) write it;
 * Adam by Kingma and Ba (2015). Uses up all that it is given.
 */
export function update(
  optimizer: Optimizer,
  parameters: readonly np.Array[],
  gradients: readonly np.Array[],
  moments: readonly (readonly np.Array[])[],
  scales: np.Array,
): { readonly parameters: np.Array[]; readonly moments: np.Array[][] } {
  const at = (list: readonly np.Array[] | undefined, index: number): np.Array => list?.[index] as np.Array;
  const { learningRate } = optimizer;
  if (optimizer.name === "adam") {
    const { beta1, beta2 } = optimizer;
    const [scale1, scale2] = np.split(scales, 2) as [np.Array, np.Array];
    const first = gradients.map((slope, index) =>
      at(moments[0], index)
        .mul(beta1)
        .add(slope.ref.mul(1 - beta1)),
    );
    const second = gradients.map((slope, index) =>
      at(moments[1], index)
        .mul(beta2)
        .add(np.square(slope).mul(1 - beta2)),
    );
    const next = parameters.map((values, index) =>
      values.sub(
        at(first, index)
          .ref.mul(scale1.ref)
          .mul(learningRate)
          .div(np.sqrt(at(second, index).ref.mul(scale2.ref)).add(EPSILON)),
      ),
    );
    scale1.dispose();
    scale2.dispose();
    return { parameters: next, moments: [first, second] };
  }
  scales.dispose();
  const velocity =
    optimizer.momentum > 0
      ? gradients.map((slope, index) => at(moments[0], index).mul(optimizer.momentum).add(slope))
      : undefined;
  const steps = velocity?.map((values) => values.ref) ?? gradients;
  return {
    parameters: parameters.map((values, index) => values.sub(at(steps, index).mul(learningRate))),
    moments: velocity ? [velocity] : [],
  };
}
