/** Completion and inspection on live values: no types, but what is really there. Never calls a getter. */
import type { CompleteReply, CompleteRequest, InspectReply, InspectRequest } from "#core/kernel/messages.ts";
import { inspect } from "./inspect.ts";
import type { Names } from "./scope.ts";

const KEYWORDS =
  "abstract as async await break case catch class const continue debugger declare default delete do else enum export extends false finally for from function if implements import in instanceof interface let new null of return satisfies static super switch this throw true try type typeof undefined using var void while yield".split(
    " ",
  );
const MOST = 500;
const CHAIN = /((?:[A-Za-z_$][\w$]*(?:\[\d+\])?\s*\??\.\s*)*)([A-Za-z_$][\w$]*)?$/;

function valueOf(object: unknown, key: string): unknown {
  if (object === null || object === undefined) return undefined;
  for (
    let holder: object | null = Object(object) as object;
    holder;
    holder = Object.getPrototypeOf(holder) as object | null
  ) {
    const property = Object.getOwnPropertyDescriptor(holder, key);
    if (!property) continue;
    if (!property.get) return property.value;
    // Exports of modules are getters of ours.
    return Object.prototype.toString.call(holder) === "[object Module]"
      ? (holder as Record<string, unknown>)[key]
      : undefined;
  }
  return undefined;
}

/** The value that a chain of names ("a.b[0].c") leads to. */
function follow(names: Names, chain: string): unknown {
  const steps = chain.split(/\s*\??\.\s*|\[(\d+)\]/).filter((step) => step !== undefined && step !== "");
  let value: unknown;
  for (const [index, step] of steps.entries()) value = index === 0 ? names.lookup(step) : valueOf(value, step);
  return value;
}

function kindOf(value: unknown): string {
  if (typeof value !== "function") return "property";
  return /^class\b/.test(Function.prototype.toString.call(value)) ? "class" : "function";
}

function members(object: unknown): { label: string; kind: string }[] {
  const found = new Map<string, string>();
  for (let holder = Object(object) as object | null; holder; holder = Object.getPrototypeOf(holder) as object | null) {
    if (holder === Object.prototype && found.size > 0) break;
    for (const name of Object.getOwnPropertyNames(holder)) {
      if (!/^[A-Za-z_$][\w$]*$/.test(name) || name === "constructor" || found.has(name)) continue;
      found.set(name, kindOf(Object.getOwnPropertyDescriptor(holder, name)?.value));
    }
  }
  return [...found].map(([label, kind]) => ({ label, kind }));
}

/** Names that could stand at the cursor. */
export function complete(request: CompleteRequest, names: Names): CompleteReply {
  const before = request.code.slice(0, request.cursor);
  const found = CHAIN.exec(before)!;
  const [chain, prefix] = [found[1] ?? "", found[2] ?? ""];
  const start = request.cursor - prefix.length;
  const reply = (matches: CompleteReply["matches"]): CompleteReply => ({
    type: "complete_reply",
    parent: request.id,
    matches,
    start,
    end: request.cursor,
  });
  const afterOtherValue =
    chain === "" && /[.)\]"'`]\s*$/.test(before.slice(0, start)) && /\.\s*$/.test(before.slice(0, start));
  if (afterOtherValue) return reply([]);
  const isMember = chain !== "";
  const value = isMember ? follow(names, chain) : undefined;
  if (isMember && (value === undefined || value === null)) return reply([]);
  const declared = new Set(names.declared);
  const candidates = isMember
    ? members(value)
    : [
        ...[...declared].map((label) => ({
          label,
          kind: typeof names.lookup(label) === "function" ? "function" : "variable",
        })),
        ...["kroma", "display", "clear", "html", "svg", "md"].map((label) => ({ label, kind: "function" })),
        ...KEYWORDS.map((label) => ({ label, kind: "keyword" })),
        ...members(globalThis).filter(({ label }) => !label.startsWith("__") && !declared.has(label)),
      ];
  const lower = prefix.toLowerCase();
  const seen = new Set<string>();
  const fitting = candidates.filter(
    ({ label }) => label.toLowerCase().startsWith(lower) && !seen.has(label) && seen.add(label),
  );
  return reply(fitting.slice(0, MOST));
}

/** What the name at the cursor is. */
export function inspectAt(request: InspectRequest, names: Names): InspectReply {
  const tail = /^[\w$]*/.exec(request.code.slice(request.cursor))![0];
  const found = /[A-Za-z_$][\w$]*(?:\s*\??\.\s*[A-Za-z_$][\w$]*|\[\d+\])*$/.exec(
    request.code.slice(0, request.cursor) + tail,
  );
  const chain = found?.[0];
  const first = chain === undefined ? undefined : /^[\w$]+/.exec(chain)![0];
  if (chain === undefined || first === undefined || !names.has(first))
    return { type: "inspect_reply", parent: request.id, data: undefined };
  const value = follow(names, chain);
  const text =
    typeof value === "function"
      ? `${Function.prototype.toString.call(value).split("\n").slice(0, 12).join("\n")}`
      : inspect(value, { depth: 2, items: 20, stringLength: 500 });
  const name =
    typeof value === "object" && value !== null
      ? ((value as { constructor?: { name?: string } }).constructor?.name ?? "object")
      : typeof value;
  return { type: "inspect_reply", parent: request.id, data: { "text/plain": `${chain}: ${name}\n${text}` } };
}
