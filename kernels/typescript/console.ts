/** The console of cells: each method writes text to a stream of the cell. */
import { tableText } from "./console-table.ts";
import { inspect, type InspectOptions } from "./inspect.ts";

export type Write = (name: "stdout" | "stderr", text: string) => void;

/** Levels that console.log shows, as Node's. */
const DEPTH = 2;

/** The arguments of console.log as text: %-formats first, then the rest, spaces between. */
export function formatLog(values: readonly unknown[]): string {
  const rest = [...values];
  let text = "";
  if (typeof rest[0] === "string" && rest.length > 1 && rest[0].includes("%")) {
    const pattern = rest.shift() as string;
    text = pattern.replace(/%[sdifjoOc%]/g, (mark) => {
      if (mark === "%%") return "%";
      return rest.length === 0 ? mark : formatMark(mark, rest.shift());
    });
    if (rest.length > 0) text += " ";
  }
  return text + rest.map((value) => (typeof value === "string" ? value : inspect(value, { depth: DEPTH }))).join(" ");
}

function formatMark(mark: string, value: unknown): string {
  switch (mark) {
    case "%s":
      if (typeof value === "number" || typeof value === "bigint") return inspect(value);
      return typeof value === "object" && value !== null && !saysItself(value)
        ? inspect(value, { depth: 0 })
        : String(value);
    case "%d":
      if (typeof value === "bigint") return inspect(value);
      return inspect(typeof value === "symbol" ? Number.NaN : Number(value));
    case "%i":
      if (typeof value === "bigint") return inspect(value);
      return inspect(Number.parseInt(typeof value === "symbol" ? "" : String(value), 10));
    case "%f":
      return inspect(Number.parseFloat(typeof value === "symbol" ? "" : String(value)));
    case "%j":
      return safeJson(value);
    case "%o":
      return inspect(value, { depth: 4 });
    case "%O":
      return inspect(value, { depth: DEPTH });
    default:
      return "";
  }
}

/** Whether the user's code says what the object is as a string. */
function saysItself(value: object): boolean {
  for (let object: object | null = value; object; object = Object.getPrototypeOf(object) as object | null) {
    for (const key of ["toString", Symbol.toPrimitive]) {
      const method = Object.getOwnPropertyDescriptor(object, key)?.value as unknown;
      if (typeof method === "function")
        return !/\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(method));
    }
  }
  return false;
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "undefined";
  } catch {
    return "[Circular]";
  }
}

function dirOptions(depth: number | null | undefined): InspectOptions {
  return { depth: depth === null ? Number.POSITIVE_INFINITY : (depth ?? DEPTH), custom: false };
}

/** A console over a way to write. */
export function makeConsole(write: Write, now: () => number): Console {
  let indent = "";
  const counts = new Map<string, number>();
  const timers = new Map<string, number>();
  const say = (name: "stdout" | "stderr", text: string) =>
    write(name, `${indent === "" ? text : indent + text.replaceAll("\n", `\n${indent}`)}\n`);
  const out = (...values: unknown[]) => say("stdout", formatLog(values));
  const error = (...values: unknown[]) => say("stderr", formatLog(values));
  const elapsed = (label: string) => {
    const since = timers.get(label);
    return since === undefined ? undefined : now() - since;
  };
  const duration = (milliseconds: number) =>
    milliseconds >= 1000 ? `${(milliseconds / 1000).toFixed(3)}s` : `${milliseconds.toFixed(3)}ms`;
  const tell = (method: string, label: string, values: readonly unknown[]) => {
    const time = elapsed(label);
    if (time === undefined) error(`Warning: No such label '${label}' for console.${method}()`);
    else out(`${label}: ${duration(time)}`, ...values);
  };
  const group = (...values: unknown[]) => {
    if (values.length > 0) out(...values);
    indent += "  ";
  };
  const made = {
    log: out,
    info: out,
    debug: out,
    warn: error,
    error,
    dir: (value: unknown, options?: { readonly depth?: number | null }) =>
      say("stdout", inspect(value, dirOptions(options?.depth))),
    dirxml: out,
    table: (data: unknown, columns?: readonly string[]) =>
      say("stdout", typeof data === "object" && data !== null ? tableText(data, columns) : formatLog([data])),
    assert: (condition: unknown, ...values: unknown[]) => {
      if (condition) return;
      if (typeof values[0] === "string") error(`Assertion failed: ${values[0]}`, ...values.slice(1));
      else error("Assertion failed", ...values);
    },
    trace: (...values: unknown[]) => {
      const frames = inspect(new Error("trace")).split("\n").slice(1);
      say("stderr", [values.length === 0 ? "Trace" : `Trace: ${formatLog(values)}`, ...frames].join("\n"));
    },
    count: (label = "default") => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      out(`${label}: ${counts.get(label)}`);
    },
    countReset: (label = "default") => {
      if (!counts.delete(label)) error(`Warning: Count for '${label}' does not exist`);
    },
    time: (label = "default") => {
      if (timers.has(label)) error(`Warning: Label '${label}' already exists for console.time()`);
      else timers.set(label, now());
    },
    timeLog: (label = "default", ...values: unknown[]) => tell("timeLog", label, values),
    timeEnd: (label = "default") => {
      tell("timeEnd", label, []);
      timers.delete(label);
    },
    timeStamp: () => undefined,
    profile: () => undefined,
    profileEnd: () => undefined,
    group,
    groupCollapsed: group,
    groupEnd: () => {
      indent = indent.slice(2);
    },
    clear: () => undefined,
  };
  return made as unknown as Console;
}
