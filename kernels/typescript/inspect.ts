/**
 * Values as text, as Node's util.inspect shows them: nested, cut where long, cycles named. Never calls the user's
 * getters and never throws, whatever the value does. Differs where a program cannot look: the state of a promise, what
 * an iterator would give, the target of a proxy.
 */
import { platformParts } from "./inspect-platform.ts";
import { keyLabel, quote } from "./inspect-text.ts";
import { layOut } from "./inspect-layout.ts";

/** How much is shown. */
export interface InspectOptions {
  /** Levels of nesting. */
  readonly depth?: number;
  /** Elements of arrays, maps and sets. */
  readonly items?: number;
  /** Code units of a string inside a value. */
  readonly stringLength?: number;
  /** Columns before a value goes over several lines. */
  readonly width?: number;
  /** False: what a value says of itself is not asked for. */
  readonly custom?: boolean;
}

/** A value may say itself how it is shown: a method under one of these names gives text or another value. */
export const CUSTOM_INSPECT: readonly symbol[] = [
  Symbol.for("Deno.customInspect"),
  Symbol.for("nodejs.util.inspect.custom"),
];

interface State {
  readonly depth: number;
  readonly items: number;
  readonly stringLength: number;
  readonly width: number;
  readonly custom: boolean;
  readonly path: object[];
  readonly circular: Map<object, number>;
  /** Columns that the present place is indented by. */
  indent: number;
  /** The level of the value with parts that was entered last. */
  entered: number;
  /** Properties that may still be shown. */
  budget: number;
}

/** The text of a value; a string at the top is quoted. */
export function inspect(value: unknown, options: InspectOptions = {}): string {
  const state: State = {
    depth: options.depth ?? 4,
    items: options.items ?? 100,
    stringLength: options.stringLength ?? 10_000,
    width: options.width ?? 80,
    custom: options.custom ?? true,
    path: [],
    circular: new Map(),
    indent: 0,
    entered: 0,
    budget: 50_000,
  };
  try {
    return format(value, state, 0);
  } catch (error) {
    return `[value that cannot be shown: ${error instanceof Error ? error.message : "it threw"}]`;
  }
}

function format(value: unknown, state: State, depth: number): string {
  switch (typeof value) {
    case "string":
      return formatString(value, state);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "symbol":
      return value.toString();
    case "undefined":
    case "boolean":
      return String(value);
    default:
      return value === null ? "null" : formatObject(value as object, state, depth);
  }
}

function formatString(whole: string, state: State): string {
  const more = whole.length - state.stringLength;
  const text = more > 0 ? whole.slice(0, state.stringLength) : whole;
  const trailer = more > 0 ? `... ${more} more character${more === 1 ? "" : "s"}` : "";
  const isLong = text.length > 16 && text.length > state.width - state.indent - 4;
  return (
    (isLong
      ? text
          .split(/(?<=\n)/)
          .map(quote)
          .join(" +\n  ")
      : quote(text)) + trailer
  );
}

/** Formats a part of a value, which stands two columns further in. */
function inner(value: unknown, state: State, depth: number): string {
  state.indent += 2;
  const text = format(value, state, depth + 1);
  state.indent -= 2;
  return text;
}

/** A value's own string tag, if it is no property that is listed anyway. */
function tagOf(value: object): string {
  try {
    const tag: unknown = (value as Record<symbol, unknown>)[Symbol.toStringTag];
    return typeof tag === "string" && !Object.prototype.propertyIsEnumerable.call(value, Symbol.toStringTag) ? tag : "";
  } catch {
    return "";
  }
}

const kindOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1);

/** The name of what made it; undefined if it descends from nothing that has one. */
function constructorName(value: object): string | undefined {
  for (let object: object | null = value; object; object = Object.getPrototypeOf(object) as object | null) {
    const found = Object.getOwnPropertyDescriptor(object, "constructor")?.value as unknown;
    if (typeof found === "function" && found.name !== "" && isInstance(value, found)) return String(found.name);
  }
  return undefined;
}

function isInstance(value: object, constructor: Function): boolean {
  try {
    return value instanceof constructor;
  } catch {
    return false;
  }
}

function custom(value: object, state: State, depth: number): string | undefined {
  for (const symbol of CUSTOM_INSPECT) {
    const method = (value as Record<symbol, unknown>)[symbol];
    // A prototype speaks for its instances, not for itself.
    const own = Object.getOwnPropertyDescriptor(value, "constructor")?.value as { prototype?: unknown } | undefined;
    if (typeof method !== "function" || own?.prototype === value) continue;
    const shown: unknown = method.call(
      value,
      state.depth - depth,
      { colors: false, depth: state.depth, stylize: (text: string) => text },
      inspect,
    );
    if (shown === value) return undefined;
    return typeof shown === "string" ? shown : format(shown, state, depth);
  }
  return undefined;
}

function formatObject(value: object, state: State, depth: number): string {
  if (state.custom) {
    const own = custom(value, state, depth);
    if (own !== undefined) return own;
  }
  if (state.path.includes(value)) {
    const number = state.circular.get(value) ?? state.circular.size + 1;
    state.circular.set(value, number);
    return `[Circular *${number}]`;
  }
  if (state.budget <= 0) return "...";
  const shape = shapeOf(value, state);
  const keys = shape.keys;
  if (shape.parts === undefined && keys.length === 0)
    return shape.base === "" || shape.base === undefined ? `${shape.open}${shape.close}` : shape.base;
  if (depth > state.depth) return isTerse(value) ? shape.base! : labelOf(value);
  const { path, indent } = state;
  path.push(value);
  state.entered = depth;
  let parts: string[];
  try {
    parts = [...(shape.parts?.(depth) ?? []), ...properties(value, keys, state, depth)];
  } finally {
    path.pop();
    state.indent = indent;
  }
  const number = state.circular.get(value);
  const reference = number === undefined ? "" : `<ref *${number}>`;
  return layOut({
    base: [reference, shape.base ?? ""].filter((text) => text !== "").join(" "),
    open: shape.open,
    close: shape.close,
    parts,
    indent: state.indent,
    width: state.width,
    nested: state.entered - depth,
    ...(shape.array === undefined ? {} : { array: { values: shape.array, isCut: shape.array.length > state.items } }),
  });
}

/** Whether what it is called says more than its kind. */
const isTerse = (value: object) => value instanceof Error || value instanceof RegExp;

/** What stands for a value that is too deep to be shown. */
function labelOf(value: object): string {
  const name = constructorName(value);
  const label = prefixOf(name, tagOf(value), kindOf(value)).trim();
  return name === undefined ? label : `[${label}]`;
}

/** What a value of its kind looks like. */
interface Shape {
  /** Text that stands for the value itself; its properties follow in braces if there are any. */
  readonly base?: string;
  readonly open: string;
  readonly close: string;
  readonly keys: readonly (string | symbol)[];
  /** What it holds besides properties; undefined if it cannot or does not hold any. */
  readonly parts?: (depth: number) => readonly string[];
  readonly array?: ArrayLike<unknown>;
}

function ownKeys(value: object): (string | symbol)[] {
  // Millions of indices are not worth the search for a name among them.
  if (Array.isArray(value) && value.length > 1e5) return [];
  return Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
}

const withoutIndices = (keys: readonly (string | symbol)[]) =>
  keys.filter((key) => typeof key === "symbol" || !/^(?:0|[1-9]\d*)$/.test(key));

/** `Foo [Tag] ` before a bracket. */
function prefixOf(name: string | undefined, tag: string, fallback: string, size = ""): string {
  if (name === undefined)
    return `[${fallback}${size}: null prototype] ${tag !== "" && tag !== fallback ? `[${tag}] ` : ""}`;
  const at = tag === "" ? 0 : name.indexOf(tag);
  const after = name[at + tag.length];
  // `ArrayIterator` says already that it is an `Iterator`, `Mapper` does not say that it is a `Map`.
  const isSaid = tag === "" || (at !== -1 && (after === undefined || after !== after.toLowerCase()));
  return `${name}${size} ${isSaid ? "" : `[${tag}] `}`;
}

function shapeOf(value: object, state: State): Shape {
  const name = constructorName(value);
  const tag = tagOf(value);
  const braces = (open: string, keys = ownKeys(value)) => ({ open: `${open}{`, close: "}", keys });
  const based = (base: string, keys = ownKeys(value)): Shape => ({ ...braces("", keys), base });
  const prefixed = (kind: string, base: string) => {
    const prefix = prefixOf(name, tag, kind);
    return based(prefix === `${kind} ` ? base : `${prefix}${base}`);
  };
  if (Array.isArray(value)) {
    const prefix = name === "Array" && tag === "" ? "" : prefixOf(name, tag, "Array", `(${value.length})`);
    const parts = (depth: number) => elements(value, state, depth);
    const keys = withoutIndices(ownKeys(value));
    return { open: `${prefix}[`, close: "]", keys, array: value, ...(value.length === 0 ? {} : { parts }) };
  }
  if (typeof value === "function") return based(functionText(value, name, tag));
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const array = value as unknown as ArrayLike<unknown>;
    const keys = array.length > 1e5 ? [] : withoutIndices(ownKeys(value));
    const open = `${prefixOf(name, tag, kindOf(value), `(${array.length})`)}[`;
    const parts = () =>
      cut(
        array.length,
        state,
        Array.from({ length: Math.min(array.length, state.items) }, (_, at) => format(array[at], state, 0)),
      );
    return { open, close: "]", keys, array, ...(array.length === 0 ? {} : { parts }) };
  }
  if (value instanceof Set) {
    const parts = (depth: number) =>
      cut(
        value.size,
        state,
        take(value, state.items).map((item) => inner(item, state, depth)),
      );
    return { ...braces(prefixOf(name, tag, "Set", `(${value.size})`)), ...(value.size === 0 ? {} : { parts }) };
  }
  if (value instanceof Map) {
    const entry =
      (depth: number) =>
      ([key, item]: readonly [unknown, unknown]) =>
        `${inner(key, state, depth)} => ${inner(item, state, depth)}`;
    const parts = (depth: number) => cut(value.size, state, take(value, state.items).map(entry(depth)));
    return { ...braces(prefixOf(name, tag, "Map", `(${value.size})`)), ...(value.size === 0 ? {} : { parts }) };
  }
  if (value instanceof Error) return errorShape(value, state);
  if (isElement(value))
    return based(value.outerHTML.length > 500 ? `${value.outerHTML.slice(0, 500)}…` : value.outerHTML, []);
  const kind = kindOf(value);
  if (value instanceof Date)
    return prefixed("Date", Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString());
  if (value instanceof RegExp) return prefixed("RegExp", RegExp.prototype.toString.call(value));
  if (value instanceof Promise)
    return { ...braces(prefixOf(name, tag, "Promise")), parts: () => ["<pending or settled>"] };
  if (value instanceof WeakMap || value instanceof WeakSet)
    return { ...braces(prefixOf(name, tag, kind)), parts: () => ["<items unknown>"] };
  if (value instanceof ArrayBuffer || kind === "SharedArrayBuffer") {
    const parts = () => bufferParts(value as ArrayBuffer);
    return { ...braces(prefixOf(name, tag, kind)), parts };
  }
  if (value instanceof DataView) {
    const parts = (depth: number) => [
      `[byteLength]: ${value.byteLength}`,
      `[byteOffset]: ${value.byteOffset}`,
      `[buffer]: ${inner(value.buffer, state, depth)}`,
    ];
    return { ...braces(prefixOf(name, tag, "DataView")), parts };
  }
  const boxed = boxedValue(value);
  if (boxed !== undefined) {
    const type = boxed.type === name ? boxed.type : `${boxed.type} (${name ?? "null prototype"})`;
    const keys = boxed.type === "String" ? withoutIndices(ownKeys(value)) : ownKeys(value);
    const shown = tag !== "" && tag !== name ? ` [${tag}]` : "";
    return based(`[${type}: ${format(boxed.value, state, 0)}]${shown}`, keys);
  }
  const platform = platformParts(value, name, tag);
  if (platform) {
    const parts = (depth: number) =>
      platform.map(({ name: key, value: item, isPair }) =>
        isPair ? `${quote(key)} => ${inner(item, state, depth)}` : `${keyLabel(key)}: ${inner(item, state, depth)}`,
      );
    return { ...braces(`${name} `, []), ...(platform.length === 0 ? {} : { parts }) };
  }
  if (kind === "Arguments" && tag === "") return braces("[Arguments] ");
  if (name === "Object" && tag === "") return braces("");
  return braces(prefixOf(name, tag, kind === tag && kind !== "Module" ? "Object" : kind));
}

function boxedValue(value: object): { readonly type: string; readonly value: unknown } | undefined {
  for (const type of [Number, String, Boolean, BigInt, Symbol]) {
    if (value instanceof type) {
      try {
        return { type: type.name, value: (type.prototype.valueOf as (this: unknown) => unknown).call(value) };
      } catch {
        return undefined; // only made to look like one
      }
    }
  }
  return undefined;
}

function isElement(value: object): value is { outerHTML: string } {
  const element = value as { nodeType?: unknown; outerHTML?: unknown };
  return element.nodeType === 1 && typeof element.outerHTML === "string";
}

function functionText(value: Function, constructor: string | undefined, tag: string): string {
  const source = Function.prototype.toString.call(value);
  const found = Object.getOwnPropertyDescriptor(value, "name")?.value as unknown;
  const name = typeof found === "string" ? found : "";
  const tagged = tag !== "" && tag !== constructor ? ` [${tag}]` : "";
  if (/^class\b[^]*\}$/.test(source)) {
    const parent = Object.getPrototypeOf(value) as { name?: unknown } | null;
    const base =
      constructor === undefined
        ? " extends [null prototype]"
        : typeof parent?.name === "string" && parent.name !== ""
          ? ` extends ${parent.name}`
          : "";
    return `[class ${name || "(anonymous)"}${constructor === "Function" || constructor === undefined ? "" : ` [${constructor}]`}${tagged}${base}]`;
  }
  const kind = kindOf(value);
  const type = /^(?:Async)?(?:Generator)?Function$/.test(kind) ? kind : "Function";
  const head = `[${type}${constructor === undefined ? " (null prototype)" : ""}${name === "" ? " (anonymous)" : `: ${name}`}]`;
  return `${head}${constructor === undefined || constructor === type ? "" : ` ${constructor}`}${tagged}`;
}

function errorShape(error: Error, state: State): Shape {
  const text = readStack(error);
  const at = text.indexOf("\n    at ");
  const base = at === -1 || state.path.length > 0 ? `[${at === -1 ? text : text.slice(0, at)}]` : text;
  const keys = ownKeys(error).filter((key) => !["stack", "message", "name", "cause", "errors"].includes(String(key)));
  const hidden = ["cause", "errors"].filter((key) => Object.hasOwn(error, key));
  const parts = (depth: number) =>
    hidden.map((key) => `[${key}]: ${inner((error as unknown as Record<string, unknown>)[key], state, depth)}`);
  return { base, open: "{", close: "}", keys, ...(hidden.length === 0 ? {} : { parts }) };
}

let readStack = (error: Error): string => `${error.name}: ${error.message}`;

/** How an error's stack is written; errors.ts sets it, so that frames name cells. */
export function setStackWriter(writer: (error: Error) => string): void {
  readStack = writer;
}

function take<T>(values: Iterable<T>, most: number): T[] {
  const taken: T[] = [];
  for (const value of values) {
    if (taken.length >= most) break;
    taken.push(value);
  }
  return taken;
}

/** Adds how many more there are. */
function cut(size: number, state: State, parts: readonly string[]): readonly string[] {
  const more = size - state.items;
  return more > 0 ? [...parts, `... ${more} more item${more === 1 ? "" : "s"}`] : parts;
}

function elements(array: readonly unknown[], state: State, depth: number): readonly string[] {
  const parts: string[] = [];
  let next = 0;
  // A sparse array may be billions long: only what is there is looked at.
  const indices = array.length > state.items ? firstIndices(array, state.items) : Object.keys(array).map(Number);
  for (const index of indices) {
    if (parts.length >= state.items || !(index < array.length)) break;
    if (index > next) {
      parts.push(holes(index - next));
      next = index;
      if (parts.length >= state.items) break;
    }
    parts.push(element(array, index, state, depth));
    next = index + 1;
  }
  const left = array.length - next;
  if (left > 0) parts.push(parts.length < state.items ? holes(left) : `... ${left} more item${left === 1 ? "" : "s"}`);
  return parts;
}

function firstIndices(array: readonly unknown[], most: number): readonly number[] {
  const dense = Array.from({ length: most }, (_, index) => index);
  if (dense.every((index) => Object.hasOwn(array, index))) return dense;
  return Object.keys(array).map(Number);
}

const holes = (count: number) => `<${count} empty item${count === 1 ? "" : "s"}>`;

function element(array: readonly unknown[], index: number, state: State, depth: number): string {
  const property = Object.getOwnPropertyDescriptor(array, index);
  state.budget--;
  return property && !("value" in property) ? accessor(property) : inner(array[index], state, depth);
}

function bufferParts(buffer: ArrayBuffer): readonly string[] {
  const bytes = new Uint8Array(buffer);
  const shown = Array.from(bytes.subarray(0, 50), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const more = bytes.length - 50;
  const rest = more > 0 ? ` ... ${more} more byte${more === 1 ? "" : "s"}` : "";
  return [`[Uint8Contents]: <${shown}${rest}>`, `[byteLength]: ${bytes.length}`];
}

const accessor = ({ get, set }: PropertyDescriptor): string =>
  get ? (set ? "[Getter/Setter]" : "[Getter]") : "[Setter]";

function properties(value: object, keys: readonly (string | symbol)[], state: State, depth: number): string[] {
  const parts: string[] = [];
  const isModule = tagOf(value) === "Module";
  for (const key of keys) {
    if (--state.budget < 0) {
      parts.push(`... ${keys.length - parts.length} more properties`);
      break;
    }
    const property = Object.getOwnPropertyDescriptor(value, key);
    if (!property) continue;
    const shown = isModule && property.get ? moduleValue(value, key, state, depth) : undefined;
    const text = shown ?? (property.get || property.set ? accessor(property) : inner(property.value, state, depth));
    parts.push(`${keyLabel(key)}: ${text}`);
  }
  return parts;
}

/** Exports of modules of ours are getters, for live bindings; to the user they are values. */
function moduleValue(value: object, key: string | symbol, state: State, depth: number): string | undefined {
  try {
    return inner((value as Record<string | symbol, unknown>)[key], state, depth);
  } catch {
    return "<uninitialized>";
  }
}
