/**
 * The training itself: jax-js on WebAssembly, step after step, from a state that a checkpoint can hold. The same recipe, data and
 * seed give the same numbers, wherever it was stopped and gone on with in between.
 */
import { defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { KromaError } from "#core/base/errors.ts";
import { type Batch, batchesOf, type Dataset, rowsOf } from "./dataset.ts";
import { answer, dropoutMasks, outputsOf, type PlannedLayer } from "./network.ts";
import { stepScales, update } from "./optimizers.ts";
import { randomNumbers, USES } from "./random.ts";
import type { Point, Recipe } from "./request.ts";

/** All that a training goes on from. */
export interface TrainingState {
  readonly parameters: readonly Float32Array[];
  /** What the optimiser keeps of each parameter. */
  readonly moments: readonly (readonly Float32Array[])[];
  /** Epochs that are over. */
  readonly epoch: number;
  /** Steps of the next one that are. */
  readonly step: number;
  /** Sums since the last point of the history. */
  readonly sums: Sums;
  readonly history: readonly Point[];
}

/** Sums over rows. */
export interface Sums {
  readonly loss: number;
  readonly right: number;
  readonly rows: number;
}

export interface Training {
  readonly recipe: Recipe;
  readonly layers: readonly PlannedLayer[];
  readonly data: Dataset;
  readonly validation?: Dataset | undefined;
  readonly epochs: number;
}

/** What the loop does beside computing. */
export interface TrainingHooks {
  /** There are new points at the end of the history, or the last one has more. */
  onHistory(history: readonly Point[]): void;
  /** Writes what to go on from. */
  keep(state: TrainingState): void;
  /** Lets messages come in; true: the training is to stop here. */
  breathe(): Promise<boolean>;
  /** Milliseconds. */
  now(): number;
}

/** Points of the history in an epoch. */
const POINTS = 10;
/** Between looks at what has come in. */
const BREATH = 100;
/** Between checkpoints within an epoch. */
const KEEP_EVERY = 5000;
/** Rows that validation looks at at once. */
const VALIDATED_AT_ONCE = 256;

const NOTHING: Sums = { loss: 0, right: 0, rows: 0 };

/** Steps of an epoch. */
export const stepsOf = (data: Dataset, { batchSize }: Pick<Recipe, "batchSize">): number =>
  Math.ceil(rowsOf(data) / batchSize);

/** Trains to the last epoch, or until it is told to stop; the state it has come to. Throws `invalid` when the loss is no number any more. */
export async function train(training: Training, state: TrainingState, hooks: TrainingHooks): Promise<TrainingState> {
  const { recipe, layers, data, validation, epochs } = training;
  await init("wasm");
  defaultDevice("wasm");
  const machine = new Machine(recipe, layers, state);
  const steps = stepsOf(data, recipe);
  const every = Math.ceil(steps / POINTS);
  const batching = { loss: recipe.loss, outputs: outputsOf(layers) };
  const history = [...state.history];
  let { epoch, step, sums } = state;
  let breathed = hooks.now();
  let kept = breathed;
  const mayStop = async (): Promise<boolean> => {
    if (hooks.now() - breathed < BREATH) return false;
    const stops = await hooks.breathe();
    breathed = hooks.now();
    return stops;
  };
  const reached = async (): Promise<TrainingState> => ({ ...(await machine.read()), epoch, step, sums, history });

  while (epoch < epochs) {
    const order = { seed: recipe.seed, epoch };
    for await (const batch of batchesOf(data, { ...batching, size: recipe.batchSize, order, from: step })) {
      const random = randomNumbers(recipe.seed, USES.dropout, epoch, step);
      const { loss, right } = machine.step(batch, epoch * steps + step + 1, random);
      if (!Number.isFinite(loss)) throw noNumber(loss, epoch, step, recipe);
      step += 1;
      sums = { loss: sums.loss + loss * batch.rows, right: sums.right + right, rows: sums.rows + batch.rows };
      if (step % every === 0 || step === steps) {
        history.push({ epoch: epoch + 1, step: epoch * steps + step, ...meansOf(sums, recipe) });
        sums = NOTHING;
        hooks.onHistory(history);
      }
      if (await mayStop()) return reached();
      if (hooks.now() - kept < KEEP_EVERY) continue;
      hooks.keep(await reached());
      kept = hooks.now();
    }
    if (validation) {
      let validated = NOTHING;
      for await (const batch of batchesOf(validation, { ...batching, size: VALIDATED_AT_ONCE })) {
        const { loss, right } = machine.validate(batch);
        validated = {
          loss: validated.loss + loss * batch.rows,
          right: validated.right + right,
          rows: validated.rows + batch.rows,
        };
        if (await mayStop()) return reached();
      }
      const { loss, accuracy } = meansOf(validated, recipe);
      history.push({ ...(history.pop() as Point), validationLoss: loss, validationAccuracy: accuracy });
      hooks.onHistory(history);
    }
    epoch += 1;
    step = 0;
    hooks.keep(await reached());
    kept = hooks.now();
  }
  return reached();
}

const meansOf = ({ loss, right, rows }: Sums, { loss: kind }: Recipe): { loss: number; accuracy?: number } => ({
  loss: loss / rows,
  ...(kind === "softmaxCrossEntropy" ? { accuracy: right / rows } : {}),
});

const noNumber = (what: number, epoch: number, step: number, { optimizer }: Recipe): KromaError =>
  new KromaError(
    "invalid",
    `The loss is ${what} in step ${step + 1} of epoch ${epoch + 1}: the training has run away. A learning rate below ${optimizer.learningRate}, or inputs of a smaller size, may help.`,
  );

type Lists = readonly (readonly np.Array[])[];

/** The compiled steps and the arrays they work on. */
class Machine {
  readonly #layers: readonly PlannedLayer[];
  readonly #shapes: readonly number[][];
  readonly #scales: (step: number) => Float32Array<ArrayBuffer>;
  readonly #learn;
  readonly #judge;
  #parameters: np.Array[];
  #moments: np.Array[][];

  constructor({ loss: kind, optimizer }: Recipe, layers: readonly PlannedLayer[], state: TrainingState) {
    this.#layers = layers;
    this.#shapes = layers.flatMap((layer) =>
      layer.kind === "dense" ? [[layer.inputs, layer.units], [layer.units]] : [],
    );
    this.#scales = stepScales(optimizer);
    const load = (list: readonly Float32Array[]): np.Array[] =>
      list.map((data, index) => np.array(Float32Array.from(data), { shape: [...(this.#shapes[index] ?? [])] }));
    this.#parameters = load(state.parameters);
    this.#moments = state.moments.map(load);

    /** The mean loss of a batch, and how many of its rows are told right. */
    const judged = (answers: np.Array, wanted: np.Array): [np.Array, np.Array] => {
      if (kind === "mse") {
        const apart = answers.sub(wanted);
        return [np.square(apart).mean(), np.zeros([])];
      }
      const right = np.equal(np.argmax(answers.ref, 1), np.argmax(wanted.ref, 1)).astype(np.float32).sum();
      const rows = answers.shape[0] ?? 1;
      return [
        nn
          .logSoftmax(answers)
          .mul(wanted)
          .sum()
          .mul(-1 / rows),
        right,
      ];
    };
    const lossOf = (parameters: np.Array[], x: np.Array, y: np.Array, masks: np.Array[]) =>
      judged(answer(layers, parameters, x, masks), y);
    this.#learn = jit(
      (parameters: np.Array[], moments: Lists, x: np.Array, y: np.Array, masks: np.Array[], scales: np.Array) => {
        const [[loss, right], gradients] = valueAndGrad(lossOf as never, { hasAux: true })(
          ...([parameters.map(({ ref }) => ref), x, y, masks] as never),
        ) as unknown as [[np.Array, np.Array], np.Array[]];
        const next = update(optimizer, parameters, gradients, moments, scales);
        return [loss, right, next.parameters, next.moments] as never;
      },
    );
    this.#judge = jit(
      (parameters: np.Array[], x: np.Array, y: np.Array) =>
        judged(answer(layers, parameters, x, undefined), y) as never,
    );
  }

  /** One step; the loss before it, and how many rows were told right. */
  step(batch: Batch, count: number, random: () => number): { readonly loss: number; readonly right: number } {
    const masks = dropoutMasks(this.#layers, batch.rows, random).map(({ data, shape }) => np.array(data, { shape }));
    const { x, y } = arraysOf(batch);
    const scales = np.array(this.#scales(count));
    const [loss, right, parameters, moments] = this.#learn(
      this.#parameters,
      this.#moments,
      x,
      y,
      masks,
      scales,
    ) as unknown as [np.Array, np.Array, np.Array[], np.Array[][]];
    this.#parameters = parameters;
    this.#moments = moments;
    return { loss: loss.js() as number, right: right.js() as number };
  }

  validate(batch: Batch): { readonly loss: number; readonly right: number } {
    const { x, y } = arraysOf(batch);
    const parameters = this.#parameters.map(({ ref }) => ref);
    const [loss, right] = this.#judge(parameters, x, y) as unknown as [np.Array, np.Array];
    return { loss: loss.js() as number, right: right.js() as number };
  }

  /** What it has come to. Throws `invalid` when that is no numbers. */
  async read(): Promise<Pick<TrainingState, "parameters" | "moments">> {
    const all = (list: readonly np.Array[]): Promise<Float32Array[]> =>
      Promise.all(list.map(async ({ ref }) => Float32Array.from((await ref.data()) as Float32Array)));
    const parameters = await all(this.#parameters);
    if (parameters.some((values) => values.some((value) => !Number.isFinite(value))))
      throw new KromaError("invalid", "The weights are no finite numbers any more: a smaller learning rate may help.");
    return { parameters, moments: await Promise.all(this.#moments.map(all)) };
  }
}

function arraysOf({ rows, x, y }: Batch): { readonly x: np.Array; readonly y: np.Array } {
  return { x: np.array(x, { shape: [rows, x.length / rows] }), y: np.array(y, { shape: [rows, y.length / rows] }) };
}
