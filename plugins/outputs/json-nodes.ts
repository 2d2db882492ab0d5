/** A JSON value as the nodes of a tree: what a node's line says, and its children, long lists in parts of 100. */

export interface JsonNode {
  /** Undefined for the root and for parts of a list. */
  readonly key: string | number | undefined;
  readonly value: unknown;
  readonly path: readonly (string | number)[];
  /** Set for a part: the node stands for these children of `value`. */
  readonly part?: { readonly start: number; readonly end: number };
}

export type JsonKind = "list" | "object" | "part" | "string" | "number" | "literal";

const PART = 100;
const WORDS = 300;

/** The children, made when asked for. */
export function childrenOf(node: JsonNode): readonly JsonNode[] {
  const { value, path } = node;
  if (typeof value !== "object" || value === null) return [];
  const names = Array.isArray(value) ? undefined : Object.keys(value);
  const start = node.part?.start ?? 0;
  const end = node.part?.end ?? (names ?? (value as readonly unknown[])).length;
  const size = partSize(end - start);
  const children: JsonNode[] = [];
  for (let at = start; at < end; at += size) {
    const key = names?.[at] ?? at;
    if (size > 1) children.push({ key: undefined, value, path, part: { start: at, end: Math.min(at + size, end) } });
    else children.push({ key, value: (value as Record<string | number, unknown>)[key], path: [...path, key] });
  }
  return children;
}

/** One line about a node. */
export function summaryOf(node: JsonNode): { words: string; kind: JsonKind } {
  const { value, part } = node;
  if (part) return { words: `${part.start} … ${part.end - 1}`, kind: "part" };
  if (Array.isArray(value))
    return {
      words: value.length === 0 ? "[]" : `[…] ${count(value.length, "item")}`,
      kind: value.length === 0 ? "literal" : "list",
    };
  if (typeof value === "object" && value !== null) {
    const length = Object.keys(value).length;
    return { words: length === 0 ? "{}" : `{…} ${count(length, "key")}`, kind: length === 0 ? "literal" : "object" };
  }
  if (typeof value === "string") {
    const words = JSON.stringify(value.length > WORDS ? value.slice(0, WORDS) : value);
    return {
      words: value.length > WORDS ? `${words.slice(0, -1)}…" ${count(value.length, "character")}` : words,
      kind: "string",
    };
  }
  return { words: String(value), kind: typeof value === "number" ? "number" : "literal" };
}

/** The way to a node as code that reads it: `["a b"][3].c`, from the root `$`. */
export function pathOf(node: JsonNode): string {
  const steps = node.path.map((key) =>
    typeof key === "number" ? `[${key}]` : /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`,
  );
  return `$${steps.join("")}`;
}

/** How many children a part holds, so that no list has more than 100 lines; 1 means no parts. */
function partSize(length: number): number {
  let size = 1;
  while (length / size > PART) size *= PART;
  return size;
}

function count(amount: number, word: string): string {
  return `${amount.toLocaleString("en")} ${word}${amount === 1 ? "" : "s"}`;
}
