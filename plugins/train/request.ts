/** What a cell asks of the service, checked here once; and the sentences for what is wrong with it. */
import {
  array,
  boolean,
  check,
  type GenericSchema,
  getDotPath,
  type InferOutput,
  integer,
  literal,
  maxLength,
  maxValue,
  minLength,
  minValue,
  nonEmpty,
  number,
  optional,
  picklist,
  pipe,
  safeParse,
  strictObject,
  string,
  union,
} from "valibot";
import { KromaError } from "#core/base/errors.ts";

/** More layers, or units in one, are a mistake: networks of this size do not train in a tab. */
const MOST_LAYERS = 100;
const MOST_UNITS = 1_000_000;
const MOST_COLUMNS = 100_000;
const MOST_STEPS = 1e9;

const name = pipe(string(), nonEmpty("it is empty"), maxLength(4096, "it is too long"));
const whole = (least: number, most: number) =>
  pipe(
    number("it has to be a number"),
    integer("it has to be a whole number"),
    minValue(least, `it has to be ${least} or more`),
    maxValue(most, `it has to be ${most} or less`),
  );
const rate = pipe(
  number("it has to be a number"),
  check((value) => value > 0 && Number.isFinite(value), "it has to be above 0"),
);
const share = pipe(
  number("it has to be a number"),
  check((value) => value >= 0 && value < 1, "it has to be at least 0 and below 1"),
);

const layer = union(
  [
    strictObject({
      units: whole(1, MOST_UNITS),
      activation: optional(picklist(["relu", "tanh", "sigmoid", "softmax"])),
    }),
    strictObject({ dropout: share }),
  ],
  "a layer is { units, activation } with the activation relu, tanh, sigmoid or softmax, or { dropout } from 0 to below 1",
);

const optimizer = union(
  [
    strictObject({ name: literal("sgd"), learningRate: optional(rate, 0.01), momentum: optional(share, 0) }),
    strictObject({
      name: literal("adam"),
      learningRate: optional(rate, 0.001),
      beta1: optional(share, 0.9),
      beta2: optional(share, 0.999),
    }),
  ],
  'it is { name: "sgd", learningRate, momentum } or { name: "adam", learningRate, beta1, beta2 }',
);

const names = union([name, pipe(array(name), minLength(1, "it names no column"), maxLength(MOST_COLUMNS))]);
const table = strictObject({ file: name, x: names, y: names });

const tensor = strictObject({
  name: picklist(["x", "y", "validation.x", "validation.y"]),
  type: string(),
  dims: optional(pipe(array(whole(0, Number.MAX_SAFE_INTEGER)), maxLength(32))),
  strings: optional(array(string())),
});

/** All that decides the numbers of a training, beside its data and its length. */
const recipe = {
  layers: pipe(array(layer), minLength(1, "there is none"), maxLength(MOST_LAYERS, `more than ${MOST_LAYERS}`)),
  loss: picklist(["softmaxCrossEntropy", "mse"], 'it is "softmaxCrossEntropy" or "mse"'),
  optimizer,
  batchSize: whole(1, 1_000_000),
  seed: whole(0, 2 ** 32 - 1),
};

/** The schema of a recipe, for those who find one in a file. */
export const recipeSchema = strictObject(recipe);

const startRequest = strictObject({
  ...recipe,
  epochs: whole(1, MOST_STEPS),
  checkpoint: optional(name),
  tensors: pipe(array(tensor), maxLength(4)),
  table: optional(table),
  validationTable: optional(table),
});
const followRequest = strictObject({
  training: string(),
  /** What the last answer counted, and how many points of the history the asker has. */
  told: whole(0, MOST_STEPS),
  have: whole(0, MOST_STEPS),
  /** Answered as soon as there is more, and not only at the end. */
  soon: boolean(),
});
const stopRequest = strictObject({ training: string() });

/** What decides the numbers of a training, beside its data and its length. */
export type Recipe = InferOutput<typeof recipeSchema>;
export type Layer = Recipe["layers"][number];
export type Loss = Recipe["loss"];
export type Optimizer = Recipe["optimizer"];
/** Columns of a file of the workspace. */
export type TableSource = InferOutput<typeof table>;
/** An array on its way; its elements are in the message's buffer of the same place. */
export type WireTensor = InferOutput<typeof tensor>;
/** What is to be trained. */
export type StartRequest = InferOutput<typeof startRequest>;

/** A request to begin, checked. */
export const startOf = (value: unknown): StartRequest => checked(startRequest, value);
/** A request to hear of a training, checked. */
export const followOf = (value: unknown): InferOutput<typeof followRequest> => checked(followRequest, value);
/** The training that a request is about. */
export const stopOf = (value: unknown): string => checked(stopRequest, value).training;

/** The names that cells use for what the request calls otherwise. */
const SHOWN: readonly (readonly [RegExp, string])[] = [
  [/^validationTable/, "validation"],
  [/^table\.?/, ""],
];

function checked<Out>(schema: GenericSchema<unknown, Out>, value: unknown): Out {
  const result = safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = SHOWN.reduce((text, [from, to]) => text.replace(from, to), getDotPath(issue) ?? "");
  const missing = issue.type === "strict_object" && issue.expected !== "never" && issue.received === "undefined";
  const unknown = issue.expected === "never";
  const what = unknown ? "there is no such option" : missing ? "it is missing" : issue.message;
  throw new KromaError("invalid", path === "" ? `This is no training: ${what}.` : `"${path}" can't be used: ${what}.`);
}

/** What is told of a training on its way. */
export interface Point {
  /** From 1 on. */
  readonly epoch: number;
  /** Steps since the beginning of the training. */
  readonly step: number;
  /** Of the rows seen since the point before. */
  readonly loss: number;
  /** Part of them, 0 to 1, whose label was told right; for softmaxCrossEntropy. */
  readonly accuracy?: number | undefined;
  /** At the end of an epoch, where there are data to validate with. */
  readonly validationLoss?: number | undefined;
  readonly validationAccuracy?: number | undefined;
}
