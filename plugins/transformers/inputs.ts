/** What cells and people give to a pipeline, as the library takes it: pictures and sounds come as paths, bytes or arrays. */
import { KromaError } from "#core/base/errors.ts";
import { resampled } from "#core/workspace/resample.ts";
import { decodeWav } from "#core/workspace/wav.ts";
import type { Library, LibraryPipeline } from "./library.ts";
import type { Task } from "./tasks.ts";
import { GivenArray } from "./values.ts";

/** What inputs are made with. */
export interface InputParts {
  readonly library: Pick<Library, "RawImage">;
  /** A file of the workspace. */
  readonly readFile: (path: string) => Uint8Array<ArrayBuffer> | undefined;
}

/** What models of sounds hear, if they don't say otherwise. */
const USUAL_RATE = 16_000;

/**
 * The arguments of a call: the first as the task takes it, further ones by their place or their name, and the options last. Throws
 * `invalid` for what the task does not take, `missing` for a file that is not there.
 */
export async function argumentsOf(
  parts: InputParts,
  task: Task,
  pipeline: LibraryPipeline,
  given: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
): Promise<readonly unknown[]> {
  const rest = { ...options };
  const further = task.further.map((name, index) => {
    const value = given[index + 1] ?? rest[name];
    delete rest[name];
    if (value === undefined) throw new KromaError("invalid", `${task.name} wants ${name} too.`);
    return plain(value);
  });
  if (given.length === 0) throw new KromaError("invalid", `${task.name} wants a ${task.takes}.`);
  if (given.length > task.further.length + 1) {
    const wanted = [`a ${task.takes}`, ...task.further].join(", ");
    throw new KromaError(
      "invalid",
      `${task.name} takes ${wanted} and options by their names, not ${given.length} values.`,
    );
  }
  const [first] = given;
  const one = (value: unknown): unknown => inputOf(parts, task, pipeline, value);
  const isBatch = Array.isArray(first) && task.takes !== "text";
  return [isBatch ? await Promise.all(first.map(one)) : await one(first), ...further, plain(rest)];
}

async function inputOf(parts: InputParts, task: Task, pipeline: LibraryPipeline, value: unknown): Promise<unknown> {
  if (task.takes === "text") return textOf(task, value);
  if (value instanceof GivenArray) return task.takes === "picture" ? pictureOf(parts, value) : soundOf(value);
  const bytes = typeof value === "string" ? parts.readFile(value) : value;
  if (bytes === undefined) throw new KromaError("missing", `There is no file ${String(value)} in the workspace.`);
  if (!(bytes instanceof Uint8Array))
    throw new KromaError("invalid", `${task.name} takes a ${task.takes}: a path, the bytes of its file, or an array.`);
  if (task.takes === "sound") {
    const { samples, sampleRate } = decodeWav(bytes);
    const wanted = pipeline.processor?.feature_extractor?.config?.sampling_rate;
    return resampled(samples, sampleRate, typeof wanted === "number" ? wanted : USUAL_RATE);
  }
  try {
    return await parts.library.RawImage.fromBlob(new Blob([bytes.slice()]));
  } catch (error) {
    throw new KromaError("invalid", "This is no picture that can be read here.", { cause: error });
  }
}

/** Texts, and what chat models take: messages. */
function textOf(task: Task, value: unknown): unknown {
  const isText = (one: unknown): boolean =>
    typeof one === "string" || (task.writes && typeof one === "object" && one !== null && !ArrayBuffer.isView(one));
  if (Array.isArray(value) ? value.length > 0 && value.every(isText) : typeof value === "string") return value;
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  throw new KromaError("invalid", `${task.name} takes a text, or a list of texts.`);
}

function pictureOf({ library }: InputParts, { type, dims, data }: GivenArray): unknown {
  const [height = 0, width = 0, channels = 1] = dims;
  if (type !== "uint8" || dims.length < 2 || dims.length > 3 || channels < 1 || channels > 4)
    throw new KromaError(
      "invalid",
      `A picture is uint8 [height, width, channels], and not ${type} [${dims.join(", ")}].`,
    );
  return new library.RawImage(data as Uint8Array, width, height, channels);
}

function soundOf({ type, dims, data }: GivenArray): unknown {
  if (!type.startsWith("float") || dims.length !== 1)
    throw new KromaError("invalid", `A sound is float32 [samples], and not ${type} [${dims.join(", ")}].`);
  return type === "float32" ? data : Float32Array.from(data as Float64Array);
}

/** Arrays among labels and options, as lists. */
function plain(value: unknown): unknown {
  if (value instanceof GivenArray) return [...(value.data as Iterable<unknown>)];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}
