/**
 * Values as text, in the manner of Node's util.inspect: nested, cut where long, cycles named. Never calls the user's
 * getters and never throws, whatever the value does.
 */

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
  readonly path: object[];
  readonly circular: Map<object, number>;
  budget: number;
}

/** The text of a value; a string at the top is quoted. */
export function inspect(value: unknown, options: InspectOptions = {}): string {
  const state: State = {
    depth: options.depth ?? 4,
    items: options.items ?? 100,
    stringLength: options.stringLength ?? 10_000,
    width: options.width ?? 76,
    path: [],
    circular: new Map(),
    budget: 20_000,
  };
  try {
    return format(value, state, 0);
  } catch (error) {
    return `[value that cannot be shown: ${error instanceof Error ? error.message : "it threw"}]`;
  }
}

/** A string in quotes, as Node chooses them. */
export function quote(text: string): string {
  const mark = !text.includes("'")
    ? "'"
    : !text.includes('"')
      ? '"'
      : !text.includes("`") && !text.includes("${")
        ? "`"
        : "'";
  const escaped = text.replace(/[\\\p{Cc}]/gu, (char) => {
    const named: Readonly<Record<string, string>> = {
      "\\": "\\\\",
      "\n": "\\n",
      "\r": "\\r",
      "\t": "\\t",
      "\b": "\\b",
      "\f": "\\f",
      "\v": "\\v",
    };
    return named[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`;
  });
  return `${mark}${escaped.replaceAll(mark, mark === "'" ? "\\'" : mark)}${mark}`;
}

function format(value: unknown, state: State, depth: number): string {
  switch (typeof value) {
    case "string":
      return value.length > state.stringLength
        ? `${quote(value.slice(0, state.stringLength))}... ${value.length - state.stringLength} more characters`
        : quote(value);
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

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1);

function constructorName(value: object): string | undefined {
  for (let object: object | null = value; object; object = Object.getPrototypeOf(object) as object | null) {
    const found = Object.getOwnPropertyDescriptor(object, "constructor")?.value as unknown;
    if (typeof found === "function" && found.name !== "") return found.name;
  }
  return undefined;
}

function custom(value: object, state: State, depth: number): string | undefined {
  for (const symbol of CUSTOM_INSPECT) {
    const method = (value as Record<symbol, unknown>)[symbol];
    if (typeof method !== "function") continue;
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
  if (state.path.includes(value)) {
    const number = state.circular.get(value) ?? state.circular.size + 1;
    state.circular.set(value, number);
    return `[Circular *${number}]`;
  }
  if (--state.budget < 0) return "...";
  const own = custom(value, state, depth);
  if (own !== undefined) return own;
  state.path.push(value);
  try {
    const text = formatKind(value, state, depth);
    const number = state.circular.get(value);
    return number === undefined ? text : `<ref *${number}> ${text}`;
  } finally {
    state.path.pop();
  }
}

function formatKind(value: object, state: State, depth: number): string {
  const name = constructorName(value);
  if (typeof value === "function") return formatFunction(value, name, state, depth);
  if (value instanceof Error) return formatError(value, state, depth);
  const tag = tagOf(value);
  if (value instanceof Date && tag === "Date")
    return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (value instanceof Promise) return `Promise { <pending or settled> }`;
  if (value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef)
    return `${name ?? tag} { <items unknown> }`;
  if (value instanceof Number || value instanceof String || value instanceof Boolean)
    return `[${tag}: ${format(value.valueOf(), state, depth)}]`;
  if (isElement(value)) return value.outerHTML.length > 500 ? `${value.outerHTML.slice(0, 500)}…` : value.outerHTML;
  if (typeof URL === "function" && value instanceof URL) return `URL { ${quote(value.href)} }`;
  const isDeep = depth > state.depth;
  if (Array.isArray(value)) {
    if (isDeep) return "[Array]";
    const prefix = name === "Array" || name === undefined ? "" : `${name}(${value.length}) `;
    return group(
      prefix,
      "[",
      "]",
      [...elements(value, state, depth), ...properties(value, state, depth, true)],
      state,
      depth,
      value.length > 6,
    );
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const array = value as unknown as ArrayLike<unknown>;
    if (isDeep) return `[${name}]`;
    return group(`${name}(${array.length}) `, "[", "]", elements(array, state, depth), state, depth, true);
  }
  if (value instanceof ArrayBuffer || tag === "SharedArrayBuffer") {
    const bytes = new Uint8Array(value as ArrayBuffer);
    const shown = [...bytes.subarray(0, 50)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    return `${tag} { [Uint8Contents]: <${shown}${bytes.length > 50 ? ` ... ${bytes.length - 50} more bytes` : ""}>, byteLength: ${bytes.length} }`;
  }
  if (value instanceof Map) {
    if (isDeep) return `[${name}]`;
    const entries = limited(
      value,
      value.size,
      state,
      ([key, item]) => `${format(key, state, depth + 1)} => ${format(item, state, depth + 1)}`,
    );
    return group(
      `${name}(${value.size}) `,
      "{",
      "}",
      [...entries, ...properties(value, state, depth, false)],
      state,
      depth,
    );
  }
  if (value instanceof Set) {
    if (isDeep) return `[${name}]`;
    const entries = limited(value, value.size, state, (item) => format(item, state, depth + 1));
    return group(
      `${name}(${value.size}) `,
      "{",
      "}",
      [...entries, ...properties(value, state, depth, false)],
      state,
      depth,
    );
  }
  if (isDeep) return `[${name ?? "Object: null prototype"}]`;
  const isPlain = name === "Object" && tag === "Object";
  const label =
    name === undefined
      ? "[Object: null prototype] "
      : isPlain
        ? ""
        : tag !== "Object" && tag !== name
          ? `${name} [${tag}] `
          : `${name} `;
  const shown = tag === "Module" && name === undefined ? "[Module: null prototype] " : label;
  return group(shown, "{", "}", properties(value, state, depth, false), state, depth);
}

function isElement(value: object): value is { outerHTML: string } {
  const element = value as { nodeType?: unknown; outerHTML?: unknown };
  return element.nodeType === 1 && typeof element.outerHTML === "string";
}

function formatFunction(value: Function, kind: string | undefined, state: State, depth: number): string {
  const source = Function.prototype.toString.call(value);
  const name = Object.getOwnPropertyDescriptor(value, "name")?.value as unknown;
  const label = typeof name === "string" && name !== "" ? `: ${name}` : " (anonymous)";
  const parent = Object.getPrototypeOf(value) as { name?: unknown } | null;
  const head = /^class\b/.test(source)
    ? `[class${label.startsWith(":") ? ` ${String(name)}` : label}${typeof parent?.name === "string" && parent.name !== "" ? ` extends ${parent.name}` : ""}]`
    : `[${kind ?? "Function"}${label}]`;
  const own = depth > state.depth ? [] : properties(value, state, depth, false);
  return own.length === 0 ? head : group(`${head} `, "{", "}", own, state, depth);
}

function formatError(error: Error, state: State, depth: number): string {
  const text = readStack(error);
  const shown = depth === 0 ? text : `[${text.split("\n    at ")[0]}]`;
  const extra = properties(error, state, depth, false);
  if (error.cause !== undefined) extra.push(`[cause]: ${format(error.cause, state, depth + 1)}`);
  if (error instanceof AggregateError) extra.push(`[errors]: ${format(error.errors, state, depth + 1)}`);
  return extra.length === 0 ? shown : group(`${shown} `, "{", "}", extra, state, depth);
}

let readStack = (error: Error): string => `${error.name}: ${error.message}`;

/** How an error's stack is written; errors.ts sets it, so that frames name cells. */
export function setStackWriter(writer: (error: Error) => string): void {
  readStack = writer;
}

function* limited<T>(values: Iterable<T>, size: number, state: State, show: (value: T) => string): Iterable<string> {
  let count = 0;
  for (const value of values) {
    if (count++ >= state.items) {
      yield `... ${size - state.items} more item${size - state.items === 1 ? "" : "s"}`;
      return;
    }
    yield show(value);
  }
}

function elements(array: ArrayLike<unknown>, state: State, depth: number): string[] {
  const parts: string[] = [];
  let shown = 0;
  for (let index = 0; index < array.length; index++) {
    if (shown++ >= state.items) {
      const more = array.length - index;
      parts.push(`... ${more} more item${more === 1 ? "" : "s"}`);
      break;
    }
    if (!(index in array)) {
      let end = index;
      while (end < array.length && !(end in array) && end - index < 1e6) end++;
      if (end - index >= 1e6) end = array.length;
      parts.push(`<${end - index} empty item${end - index === 1 ? "" : "s"}>`);
      index = end - 1;
    } else parts.push(format(array[index], state, depth + 1));
  }
  return parts;
}

function properties(value: object, state: State, depth: number, isArray: boolean): string[] {
  const parts: string[] = [];
  const keys = Reflect.ownKeys(value);
  for (const key of keys) {
    if (isArray && typeof key === "string" && /^\d+$/.test(key)) continue;
    const property = Object.getOwnPropertyDescriptor(value, key);
    if (!property?.enumerable) continue;
    if (parts.length >= state.items * 2) {
      parts.push(`... ${keys.length - parts.length} more properties`);
      break;
    }
    const label = typeof key === "symbol" ? `[${key.toString()}]` : /^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key);
    const shown = tagOf(value) === "Module" && property.get ? moduleValue(value, key, state, depth) : undefined;
    if (shown !== undefined) parts.push(`${label}: ${shown}`);
    else if (property.get) parts.push(`${label}: [Getter${property.set ? "/Setter" : ""}]`);
    else if (property.set) parts.push(`${label}: [Setter]`);
    else parts.push(`${label}: ${format(property.value, state, depth + 1)}`);
  }
  return parts;
}

/** Exports of modules of ours are getters, for live bindings; to the user they are values. */
function moduleValue(value: object, key: string | symbol, state: State, depth: number): string | undefined {
  try {
    return format((value as Record<string | symbol, unknown>)[key], state, depth + 1);
  } catch {
    return "<uninitialized>";
  }
}

function group(
  prefix: string,
  open: string,
  close: string,
  parts: string[],
  state: State,
  depth: number,
  columns = false,
): string {
  if (parts.length === 0) return `${prefix}${open}${close}`;
  const length = parts.reduce((sum, part) => sum + part.length + 2, prefix.length + depth * 2);
  const isShort = length <= state.width && !parts.some((part) => part.includes("\n"));
  if (isShort) return `${prefix}${open} ${parts.join(", ")} ${close}`;
  const indent = "  ";
  const lines = columns ? inColumns(parts, state.width - depth * 2) : parts;
  return `${prefix}${open}\n${lines.map((line) => indent + line.replaceAll("\n", `\n${indent}`)).join(",\n")}\n${close}`;
}

/** Short entries of long arrays, several to a line. */
function inColumns(parts: readonly string[], width: number): readonly string[] {
  const last = parts.at(-1)!;
  const tail = last.startsWith("... ") ? [last] : [];
  const body = tail.length === 0 ? parts : parts.slice(0, -1);
  const widest = Math.max(...body.map((part) => part.length));
  if (widest > 20 || body.some((part) => part.includes("\n"))) return parts;
  const count = Math.max(
    1,
    Math.min(
      16,
      Math.floor(width / (widest + 2)),
      Math.ceil(Math.sqrt(2.5 * body.length * (widest + 2)) / (widest + 2)) || 1,
    ),
  );
  const isNumeric = body.every((part) => /^[-\d]/.test(part));
  const rows: string[] = [];
  for (let index = 0; index < body.length; index += count) {
    const row = body.slice(index, index + count);
    const isLast = (at: number) => at === row.length - 1;
    rows.push(
      row
        .map((part, at) =>
          isNumeric
            ? part.padStart(widest) + (isLast(at) ? "" : ", ")
            : isLast(at)
              ? part
              : `${part}, `.padEnd(widest + 2),
        )
        .join(""),
    );
  }
  return [...rows, ...tail];
}
