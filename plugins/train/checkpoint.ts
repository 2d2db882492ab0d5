/**
 * What a training goes on from, as an .npz file of the workspace: the parameters and what the optimiser keeps of them, which NumPy
 * reads, and `training.json` with the rest. A file may come from anywhere, so it is checked when it is read.
 */
import { strToU8, unzipSync, zipSync } from "fflate";
import {
  array,
  finite,
  integer,
  literal,
  maxLength,
  minValue,
  number,
  optional,
  pipe,
  safeParse,
  strictObject,
  string,
} from "valibot";
import { KromaError } from "#core/base/errors.ts";
import { readNpy, writeNpy } from "#core/workspace/npy.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { type Recipe, recipeSchema } from "./request.ts";
import type { TrainingState } from "./trainer.ts";

/** What must be the same for a training to go on. */
export interface Identity {
  readonly recipe: Recipe;
  /** Digests of the data, and of those to validate with. */
  readonly data: string;
  readonly validation?: string | undefined;
}

const DESCRIPTION = "training.json";
/** A checkpoint, unpacked, at most. */
const LARGEST = 1024 ** 3;

const count = pipe(number(), integer(), minValue(0));
const value = pipe(number(), finite());
const point = strictObject({
  epoch: count,
  step: count,
  loss: value,
  accuracy: optional(value),
  validationLoss: optional(value),
  validationAccuracy: optional(value),
});
const description = strictObject({
  version: literal(1),
  recipe: recipeSchema,
  data: string(),
  validation: optional(string()),
  epoch: count,
  step: count,
  sums: strictObject({ loss: value, right: value, rows: count }),
  history: pipe(array(point), maxLength(10_000_000)),
});

/** Writes the state; the old file stays whole until the new one is. */
export function writeCheckpoint(
  files: SyncFs,
  path: string,
  identity: Identity,
  state: TrainingState,
  shapes: readonly (readonly number[])[],
): void {
  const { parameters, moments, ...rest } = state;
  const told = { version: 1, ...identity, ...rest };
  const entries: Record<string, Uint8Array> = { [DESCRIPTION]: strToU8(JSON.stringify(told)) };
  for (const [set, list] of [parameters, ...moments].entries()) {
    for (const [index, data] of list.entries())
      entries[entryName(set, index)] = writeNpy(data, shapes[index] ?? [data.length]);
  }
  files.writeFile(`${path}.part`, zipSync(entries, { level: 0 }));
  files.move(`${path}.part`, path);
}

/** "weights0.npy", "bias0.npy", "moment1.weights0.npy" … */
const entryName = (set: number, index: number): string =>
  `${set === 0 ? "" : `moment${set}.`}${index % 2 === 0 ? "weights" : "bias"}${Math.floor(index / 2)}.npy`;

/**
 * The state in a file; undefined when there is none. Throws `invalid` with what is different when it is of another training, and
 * `corrupt` when it is no checkpoint: either way the file stays.
 */
export function readCheckpoint(
  files: SyncFs,
  path: string,
  identity: Identity,
  shapes: readonly (readonly number[])[],
  moments: number,
): TrainingState | undefined {
  const stat = files.resolve(path);
  if (!stat) return undefined;
  const corrupt = (why: string, cause?: unknown): KromaError =>
    new KromaError("corrupt", `${path} is no checkpoint of a training: ${why}. Remove it, or name another file.`, {
      cause,
    });
  if (stat.size > LARGEST) throw corrupt("it is larger than 1 GiB");
  let entries: Record<string, Uint8Array>;
  try {
    let size = 0;
    entries = unzipSync(files.readFile(path), { filter: ({ originalSize }) => (size += originalSize) <= LARGEST });
  } catch (error) {
    throw corrupt("it is no .npz archive", error);
  }
  const text = entries[DESCRIPTION];
  if (!text) throw corrupt(`it has no ${DESCRIPTION}`);
  let told: unknown;
  try {
    told = JSON.parse(new TextDecoder().decode(text));
  } catch (error) {
    throw corrupt(`its ${DESCRIPTION} can't be read`, error);
  }
  const checked = safeParse(description, told);
  if (!checked.success) throw corrupt(`its ${DESCRIPTION} is not as it should be`);
  const { recipe, data, validation, epoch, step, sums, history } = checked.output;
  const other = difference(identity, { recipe, data, validation });
  if (other !== undefined)
    throw new KromaError(
      "invalid",
      `${path} is a checkpoint of another training: ${other}. Remove it to begin anew, or name another file.`,
    );
  const list = (set: number): Float32Array[] =>
    shapes.map((shape, index) => {
      const name = entryName(set, index);
      const bytes = entries[name];
      if (!bytes) throw corrupt(`it has no ${name}`);
      const array = readNpy(bytes);
      if (!(array.data instanceof Float32Array) || array.shape.join() !== shape.join())
        throw corrupt(`its ${name} is not float32 [${shape.join(", ")}]`);
      return array.data;
    });
  const kept = Array.from({ length: moments }, (_, index) => list(index + 1));
  return { parameters: list(0), moments: kept, epoch, step, sums, history };
}

/** What is different between two trainings, for a sentence. */
function difference(here: Identity, there: Identity): string | undefined {
  const keys = ["layers", "loss", "optimizer", "batchSize", "seed"] as const;
  for (const key of keys) {
    const [mine, other] = [JSON.stringify(here.recipe[key]), JSON.stringify(there.recipe[key])];
    if (mine !== other) return `its "${key}" is ${brief(other)}, and here it is ${brief(mine)}`;
  }
  if (here.data !== there.data) return "it has learned from other data";
  if (here.validation !== there.validation) return "it was validated with other data";
  return undefined;
}

const brief = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
