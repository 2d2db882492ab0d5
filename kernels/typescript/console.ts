/** The console of cells: each method writes text to a stream of the cell. */
import { inspect } from "./inspect.ts";

export type Write = (name: "stdout" | "stderr", text: string) => void;

/** The arguments of console.log as text: %-formats first, then the rest, spaces between. */
export function formatLog(values: readonly unknown[]): string {
  const rest = [...values];
  let text = "";
  if (typeof rest[0] === "string" && rest.length > 1 && rest[0].includes("%")) {
    const pattern = rest.shift() as string;
    text = pattern.replace(/%[sdifjoOc%]/g, (mark) => {
      if (mark === "%%") return "%";
      if (rest.length === 0) return mark;
      const value = rest.shift();
      if (mark === "%s")
        return typeof value === "string"
          ? value
          : typeof value === "object" && value !== null
            ? inspect(value, { depth: 1 })
            : String(value);
      if (mark === "%d") return typeof value === "bigint" ? `${value}n` : String(Number(value));
      if (mark === "%i") return typeof value === "bigint" ? `${value}n` : String(Number.parseInt(String(value), 10));
      if (mark === "%f") return String(Number.parseFloat(String(value)));
      if (mark === "%j") return safeJson(value);
      return mark === "%c" ? "" : inspect(value);
    });
    if (rest.length > 0) text += " ";
  }
  return text + rest.map((value) => (typeof value === "string" ? value : inspect(value))).join(" ");
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "undefined";
  } catch {
    return "[Circular]";
  }
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
  const timeLog = (label = "default", ...values: unknown[]) => {
    const time = elapsed(label);
    if (time === undefined) error(`No such label '${label}' for console.timeLog()`);
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
      say(
        "stdout",
        inspect(
          value,
          options?.depth === null ? { depth: 100 } : options?.depth === undefined ? {} : { depth: options.depth },
        ),
      ),
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
    countReset: (label = "default") => void counts.delete(label),
    time: (label = "default") => void timers.set(label, now()),
    timeLog,
    timeEnd: (label = "default") => {
      timeLog(label);
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

/** A table in lines, as Node draws it. */
function tableText(data: object, columns?: readonly string[]): string {
  const show = (value: unknown) => inspect(value, { depth: 0, width: 60, items: 10 });
  const entries: [string, unknown][] =
    data instanceof Map
      ? [...data].map(([key, value], index) => [String(index), { Key: key as unknown, Values: value as unknown }])
      : data instanceof Set
        ? [...data].map((value: unknown, index) => [String(index), value])
        : Object.entries(data);
  const names: string[] = [];
  let hasValues = false;
  for (const [, row] of entries) {
    if (typeof row === "object" && row !== null)
      for (const key of Object.keys(row)) if (!names.includes(key)) names.push(key);
    if (typeof row !== "object" || row === null) hasValues = true;
  }
  const shown = columns ? [...columns] : names;
  const head = ["(index)", ...shown, ...(hasValues && !columns ? ["Values"] : [])];
  const rows = entries.map(([index, row]) => {
    const isRecord = typeof row === "object" && row !== null;
    const cells = shown.map((name) =>
      isRecord && Object.hasOwn(row, name) ? show((row as Record<string, unknown>)[name]) : "",
    );
    return [index, ...cells, ...(hasValues && !columns ? [isRecord ? "" : show(row)] : [])];
  });
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)) + 2);
  const line = (left: string, middle: string, right: string) =>
    left + widths.map((width) => "─".repeat(width)).join(middle) + right;
  const row = (cells: readonly string[]) =>
    `│${cells.map((cell, column) => ` ${cell}`.padEnd(widths[column]!)).join("│")}│`;
  return [line("┌", "┬", "┐"), row(head), line("├", "┼", "┤"), ...rows.map(row), line("└", "┴", "┘")].join("\n");
}
