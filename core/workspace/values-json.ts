/**
 * Plain data as JSON and back, with what JSON lacks written as `{"$kroma": kind, …}` (VALUES.md, V4): numbers that
 * are not finite, large integers, dates, and bytes and arrays inside other data.
 */
import { KromaError } from "../base/errors.ts";
import { arrayOver, dtypeOf, elementBytes, isShapedArray, type NumberArray, toNumberArray } from "./npy.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const KEY = "$kroma";
const FLOATS: Readonly<Record<string, number>> = { NaN, Infinity, "-Infinity": -Infinity };

/** The JSON for a value. Throws `invalid` with the path of the first part that cannot travel (V5). */
export function toJson(value: unknown): Json {
  return encode(value, "value", new Set());
}

/** The value for a JSON that `toJson`, or another language, made. Unknown kinds are `corrupt`. */
export function fromJson(json: Json): unknown {
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map(fromJson);
  const fields = json as { readonly [key: string]: Json };
  return Object.hasOwn(fields, KEY) ? special(fields) : fieldsOf(fields);
}

function encode(value: unknown, path: string, above: Set<unknown>): Json {
  switch (typeof value) {
    case "string":
      return value;
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? (Object.is(value, -0) ? 0 : value) : { [KEY]: "float", value: String(value) };
    case "bigint":
      return isSafe(value) ? Number(value) : { [KEY]: "bigint", value: String(value) };
    case "object":
      break;
    default:
      throw new KromaError(
        "invalid",
        `${path} cannot travel: it is ${typeof value === "undefined" ? "" : "a "}${typeof value}.`,
      );
  }
  if (value === null) return null;
  if (above.has(value)) throw new KromaError("invalid", `${path} cannot travel: it contains itself.`);
  above.add(value);
  try {
    return encodeObject(value, path, above);
  } finally {
    above.delete(value);
  }
}

function encodeObject(value: object, path: string, above: Set<unknown>): Json {
  if (Array.isArray(value)) {
    // Not map(): that skips holes, which cannot travel.
    return Array.from(value, (item, index) => encode(item, `${path}[${index}]`, above));
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new KromaError("invalid", `${path} cannot travel: it is an invalid date.`);
    return { [KEY]: "date", value: value.toISOString() };
  }
  if (value instanceof ArrayBuffer) return { [KEY]: "bytes", value: toBase64(new Uint8Array(value)) };
  if (value instanceof Uint8Array) return { [KEY]: "bytes", value: toBase64(value) };
  const numbers = toNumberArray(value);
  if (numbers) return arrayJson(numbers, [numbers.length]);
  if (isShapedArray(value)) return arrayJson(value.data, value.shape);
  if (value instanceof Map) {
    const fields: [string, Json][] = [];
    for (const [key, item] of value) {
      if (typeof key !== "string") throw new KromaError("invalid", `${path} cannot travel: a key is no string.`);
      fields.push([key, encode(item, step(path, key), above)]);
    }
    return wrapped(Object.fromEntries(fields));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object of another realm (a frame, a vm context) has that realm's Object.prototype.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new KromaError("invalid", `${path} cannot travel: it is a ${value.constructor.name || "class instance"}.`);
  }
  const fields = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => [key, encode(item, step(path, key), above)] as const);
  return wrapped(Object.fromEntries(fields));
}

const arrayJson = (array: NumberArray, shape: readonly number[]): Json => ({
  [KEY]: "array",
  dtype: dtypeOf(array),
  shape: [...shape],
  value: toBase64(elementBytes(array)),
});

const step = (path: string, key: string): string =>
  /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;

const wrapped = (fields: { readonly [key: string]: Json }): Json =>
  Object.hasOwn(fields, KEY) ? { [KEY]: "object", value: fields } : fields;

const isSafe = (value: bigint): boolean =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER);

const fieldsOf = (fields: { readonly [key: string]: Json }): unknown =>
  Object.fromEntries(Object.entries(fields).map(([key, item]) => [key, fromJson(item)]));

function special(json: { readonly [key: string]: Json }): unknown {
  const { [KEY]: kind, value, dtype, shape } = json;
  if (kind === "object" && typeof value === "object" && value !== null && !Array.isArray(value)) {
    return fieldsOf(value as { readonly [key: string]: Json });
  }
  if (typeof value === "string") {
    if (kind === "float" && Object.hasOwn(FLOATS, value)) return FLOATS[value];
    if (kind === "bigint" && /^-?\d+$/.test(value)) return BigInt(value);
    if (kind === "date" && !Number.isNaN(Date.parse(value))) return new Date(value);
    if (kind === "bytes") return fromBase64(value);
    if (kind === "array" && typeof dtype === "string" && Array.isArray(shape)) {
      const sizes = shape.map(Number);
      const data = arrayOver(
        dtype,
        fromBase64(value),
        sizes.reduce((product, size) => product * size, 1),
      );
      return sizes.length === 1 ? data : { data, shape: sizes };
    }
  }
  throw new KromaError("corrupt", `The value has a part of an unknown kind, ${JSON.stringify(kind)}.`);
}

const CHUNK = 0x8000;

/** Base64 without line breaks. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (error) {
    throw new KromaError("corrupt", "The value has bytes that are not base64.", { cause: error });
  }
}
