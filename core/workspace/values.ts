/**
 * Values that one language hands to another, as files: VALUES.md, rules V1 to V7. `encodeValue` and `decodeValue`
 * turn a value into bytes and back; the rest works on the workspace's values directory through a blocking client.
 * Arrow tables need the library, which the caller loads: it passes an `ArrowCodec`.
 */
import { KromaError } from "../base/errors.ts";
import { isShapedArray, readNpy, toNumberArray, writeNpy } from "./npy.ts";
import type { SyncFs } from "./sync-client.ts";
import { fromJson, toJson } from "./values-json.ts";
import { VALUES_DIRECTORY } from "./workspace.ts";

export type ValueExtension = "json" | "bin" | "npy" | "arrow";

/** In the order in which `get` looks for them. */
export const VALUE_EXTENSIONS: readonly ValueExtension[] = ["json", "bin", "npy", "arrow"];

export interface EncodedValue {
  readonly extension: ValueExtension;
  readonly bytes: Uint8Array;
}

/** Arrow tables in the IPC stream format, done by a library that the caller loaded. */
export interface ArrowCodec {
  isTable(value: unknown): boolean;
  encode(table: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;
const NAMES_IN_ERROR = 10;

/** Throws `invalid` unless the name is one (V1). */
export function checkValueName(name: string): void {
  if (NAME.test(name) && !name.includes("..")) return;
  const rule = "Names start with a letter or _, go on with letters, digits, _ . - and have no two dots in a row.";
  throw new KromaError("invalid", `${JSON.stringify(name)} is no name for a value. ${rule}`);
}

/** A value as bytes of the kind its type asks for (V3). Throws `invalid` with the path of what cannot travel (V5). */
export function encodeValue(value: unknown, arrow?: ArrowCodec): EncodedValue {
  if (value instanceof ArrayBuffer) return { extension: "bin", bytes: new Uint8Array(value) };
  if (value instanceof Uint8Array) return { extension: "bin", bytes: value };
  const numbers = toNumberArray(value);
  if (numbers) return { extension: "npy", bytes: writeNpy(numbers, [numbers.length]) };
  if (isShapedArray(value)) return { extension: "npy", bytes: writeNpy(value.data, value.shape) };
  if (arrow?.isTable(value)) return { extension: "arrow", bytes: arrow.encode(value) };
  return { extension: "json", bytes: new TextEncoder().encode(JSON.stringify(toJson(value))) };
}

/**
 * The value that bytes stand for. Bytes and one-dimensional arrays are views of `bytes` where they can be; arrays of
 * more dimensions are ShapedArrays. Throws `corrupt` if the bytes are not of their kind.
 */
export function decodeValue({ extension, bytes }: EncodedValue, arrow?: ArrowCodec): unknown {
  switch (extension) {
    case "bin":
      return bytes;
    case "npy": {
      const { data, shape } = readNpy(bytes);
      return shape.length === 1 ? data : { data, shape };
    }
    case "arrow":
      if (!arrow) throw new KromaError("unavailable", "Arrow tables need the library apache-arrow.");
      return arrow.decode(bytes);
    case "json":
      try {
        return fromJson(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
      } catch (error) {
        if (error instanceof KromaError) throw error;
        throw new KromaError("corrupt", "The value is not valid JSON.", { cause: error });
      }
  }
}

/** Stores a value under a name (V2): a reader sees the old one or the new one, whole. */
export function setValue(fs: SyncFs, name: string, value: unknown, arrow?: ArrowCodec): void {
  checkValueName(name);
  const { extension, bytes } = encodeValue(value, arrow);
  const path = pathOf(name, extension);
  const temporary = `${path}.tmp-${crypto.randomUUID()}`;
  try {
    fs.writeFile(temporary, bytes);
    fs.move(temporary, path);
  } catch (error) {
    if (fs.exists(temporary)) fs.remove(temporary);
    throw error;
  }
  for (const other of VALUE_EXTENSIONS) {
    if (other !== extension && fs.exists(pathOf(name, other))) fs.remove(pathOf(name, other));
  }
}

/** The bytes stored under a name, or undefined. If there are several (a writer was killed), the newest. */
export function findValue(fs: SyncFs, name: string): EncodedValue | undefined {
  checkValueName(name);
  let newest: { readonly extension: ValueExtension; readonly modified: number } | undefined;
  for (const extension of VALUE_EXTENSIONS) {
    const stat = fs.resolve(pathOf(name, extension));
    if (stat && (!newest || stat.modified > newest.modified)) newest = { extension, modified: stat.modified };
  }
  return newest && { extension: newest.extension, bytes: fs.readFile(pathOf(name, newest.extension)) };
}

/** The value stored under a name. Throws `missing` with up to ten names that exist (V6). */
export function getValue(fs: SyncFs, name: string, arrow?: ArrowCodec): unknown {
  const found = findValue(fs, name);
  if (found) return decodeValue(found, arrow);
  const names = listValues(fs);
  const some = names.slice(0, NAMES_IN_ERROR).join(", ") + (names.length > NAMES_IN_ERROR ? ", …" : "");
  const there = names.length === 0 ? "No values are set." : `There are: ${some}.`;
  throw new KromaError("missing", `No value is called ${name}. ${there}`);
}

/** The names of all values, sorted. */
export function listValues(fs: SyncFs): readonly string[] {
  if (!fs.exists(VALUES_DIRECTORY)) return [];
  const names = new Set<string>();
  for (const entry of fs.list(VALUES_DIRECTORY)) {
    const name = nameOfFile(entry.name);
    if (name !== undefined) names.add(name);
  }
  return [...names].sort();
}

/** Forgets a value; false if there was none. */
export function removeValue(fs: SyncFs, name: string): boolean {
  checkValueName(name);
  let removed = false;
  for (const extension of VALUE_EXTENSIONS) {
    if (!fs.exists(pathOf(name, extension))) continue;
    fs.remove(pathOf(name, extension));
    removed = true;
  }
  return removed;
}

const pathOf = (name: string, extension: ValueExtension): string => `${VALUES_DIRECTORY}/${name}.${extension}`;

function nameOfFile(file: string): string | undefined {
  const dot = file.lastIndexOf(".");
  const extension = file.slice(dot + 1);
  return VALUE_EXTENSIONS.some((one) => one === extension) && NAME.test(file.slice(0, dot))
    ? file.slice(0, dot)
    : undefined;
}
