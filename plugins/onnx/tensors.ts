/**
 * Tensors as they cross from a cell to the engine and back, and the check of what a model is fed: each mistake is told
 * with the input's name, what was given and what was wanted. Types are named as in onnxruntime's JavaScript API.
 */
import { array, custom, maxLength, minValue, number, object, optional, pipe, safeInteger, string } from "valibot";
import { KromaError } from "#core/base/errors.ts";

/** Bytes of an element by type; strings travel as a list. */
export const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  float16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  int64: 8,
  uint64: 8,
  float64: 8,
};

/** A tensor on its way. Its elements are in the message's buffer of the same place, or in `strings`. */
export interface WireTensor {
  readonly name: string;
  readonly type: string;
  /** Absent: a flat array, which takes the shape that the model wants if its elements are as many. */
  readonly dims?: readonly number[] | undefined;
  readonly strings?: readonly string[] | undefined;
}

/** What a model says of an input or output. Dimensions that are not fixed have a name, or none (""). */
export interface ValueInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

const MOST_DIMENSIONS = 32;
const MOST_FEEDS = 4096;

const dims = pipe(array(pipe(number(), safeInteger(), minValue(0))), maxLength(MOST_DIMENSIONS));
const type = custom<string>((value) => value === "string" || Object.hasOwn(ELEMENT_BYTES, value as string), "no type");

/** The schema of the tensors in a request. */
export const wireTensors = pipe(
  array(
    object({
      name: string(),
      type,
      dims: optional(dims),
      strings: optional(array(string())),
    }),
  ),
  maxLength(MOST_FEEDS),
);

/** "float32 [batch, 3, 224, 224]", for sentences. */
export function described(type: string, shape: readonly (number | string)[] | undefined): string {
  return shape === undefined ? type : `${type} [${shape.map((size) => (size === "" ? "?" : size)).join(", ")}]`;
}

/** How many elements there are. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/**
 * The shape of each feed, in the order given, when all of them suit the model. Throws `invalid`: an unknown or missing
 * input, another type, a shape that does not fit, a buffer that does not hold what the shape says.
 */
export function checkFeeds(
  inputs: readonly ValueInfo[],
  feeds: readonly WireTensor[],
  buffers: readonly ArrayBuffer[],
): readonly (readonly number[])[] {
  const names = inputs.map(({ name }) => name);
  for (const { name } of feeds) {
    if (!names.includes(name)) {
      throw new KromaError("invalid", `The model has no input "${name}". It has: ${listed(inputs)}.`);
    }
  }
  const missing = inputs.filter(({ name }) => !feeds.some((feed) => feed.name === name));
  if (missing.length > 0) throw new KromaError("invalid", `An input is missing: ${listed(missing)}.`);
  return feeds.map((feed, index) => checkFeed(inputs[names.indexOf(feed.name)]!, feed, buffers[index]));
}

function checkFeed(wanted: ValueInfo, feed: WireTensor, buffer: ArrayBuffer | undefined): readonly number[] {
  const size = ELEMENT_BYTES[feed.type] ?? 0;
  const count = feed.type === "string" ? (feed.strings?.length ?? 0) : (buffer?.byteLength ?? 0) / size;
  const mismatch = (why = ""): KromaError => {
    const given = described(feed.type, feed.dims ?? [count]);
    const sentence = `Input "${feed.name}" was given ${given}, but the model wants ${described(wanted.type, wanted.shape)}${why}.`;
    return new KromaError("invalid", sentence, {
      details: { input: feed.name, given: { type: feed.type, shape: feed.dims ?? [count] }, wanted },
    });
  };
  if (feed.type !== wanted.type) throw mismatch();
  if (!Number.isInteger(count)) throw mismatch(`, and ${buffer?.byteLength} bytes are no whole number of elements`);
  const shape = feed.dims ?? filledShape(wanted.shape, count);
  if (!shape || !fits(shape, wanted.shape)) throw mismatch();
  if (elementCount(shape) !== count) throw mismatch(`, and there are ${count} elements, not ${elementCount(shape)}`);
  return shape;
}

/** Onnxruntime gives an empty shape both for scalars and for "unknown": any shape suits it. */
const fits = (shape: readonly number[], wanted: ValueInfo["shape"]): boolean =>
  wanted.length === 0 ||
  (shape.length === wanted.length && wanted.every((size, axis) => typeof size === "string" || size === shape[axis]));

/** The wanted shape with its one open dimension filled, for an array that is flat. */
function filledShape(wanted: ValueInfo["shape"], count: number): readonly number[] | undefined {
  if (wanted.length <= 1) return [count];
  const open = wanted.filter((size) => typeof size === "string").length;
  const fixed = elementCount(wanted.filter((size) => typeof size === "number"));
  if (open === 0) return wanted as readonly number[];
  if (open > 1 || fixed === 0 || count % fixed !== 0) return undefined;
  return wanted.map((size) => (typeof size === "number" ? size : count / fixed));
}

const listed = (infos: readonly ValueInfo[]): string =>
  infos.map(({ name, type, shape }) => `${name} (${described(type, shape)})`).join(", ");
