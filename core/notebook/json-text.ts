/**
 * JSON from files: read with the built-in parser, and where that refuses, again by hand to say the line, the column and
 * the reason. Python writes NaN and Infinity, which are no JSON; they become null, as Jupyter's page makes them.
 */
import { KromaError } from "../base/errors.ts";

/** What was read, and whether numbers that JSON does not know were dropped. */
export interface ParsedJson {
  readonly value: unknown;
  readonly droppedNumbers: number;
  /** Whole numbers that a JavaScript number can't hold, with where they stand. */
  readonly bigNumbers: readonly BigNumber[];
}

/** A whole number as it was written, and the keys and indices that lead to it. */
export interface BigNumber {
  readonly path: readonly (string | number)[];
  readonly text: string;
}

/** A number to be written as it stands. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Deeper values are refused: each level costs stack in every program that reads the notebook. */
export const DEEPEST = 200;

/** The value of a JSON text. `invalid` with the place and the reason when it is none, `exhausted` when it nests too deep. */
export function parseJsonText(text: string): ParsedJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const other = otherKind(text);
    if (other !== undefined) throw new KromaError("invalid", other);
    // Stack or grammar: the slow parser tells which.
    return parseSlowly(text);
  }
  checkDepth(value, 0);
  return MAYBE_BIG.test(text) ? parseSlowly(text) : { value, droppedNumbers: 0, bigNumbers: [] };
}

/** JSON as Python's `json.dumps(indent=1, sort_keys=True, ensure_ascii=False)` writes it. */
export function formatJson(value: unknown, indent = ""): string {
  const inner = `${indent} `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((item) => inner + formatJson(item === undefined ? null : item, inner)).join(",\n")}\n${indent}]`;
  }
  if (value instanceof NumberText) return value.text;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const object = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(object).filter((key) => object[key] !== undefined);
  if (keys.length === 0) return "{}";
  const lines = keys.sort().map((key) => `${inner}${JSON.stringify(key)}: ${formatJson(object[key], inner)}`);
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

/** What people often have in place of a notebook. */
function otherKind(text: string): string | undefined {
  if (text.trim() === "") return "The file is empty.";
  if (/^\s*<(?:!doctype|html)\b/i.test(text)) {
    return "The file is a web page, not a notebook: save the notebook itself, not the page that shows it.";
  }
  const conflict = /^<{7} [\s\S]*?^={7}$/m.exec(text);
  if (conflict) {
    const line = text.slice(0, conflict.index).split("\n").length;
    return `The file has unresolved conflicts of a merge; the first starts in line ${line} ("<<<<<<<").`;
  }
  return undefined;
}

function parseSlowly(text: string): ParsedJson {
  const parser = new Parser(text);
  return { value: parser.parse(), droppedNumbers: parser.droppedNumbers, bigNumbers: parser.bigNumbers };
}

// 16 digits and more may be beyond 2 ** 53.
const MAYBE_BIG = /[:[,]\s*-?\d{16}/;

function checkDepth(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth >= DEEPEST) throw tooDeep();
  for (const item of Array.isArray(value) ? value : Object.values(value)) checkDepth(item, depth + 1);
}

function tooDeep(): KromaError {
  return new KromaError("exhausted", `The file nests values more than ${DEEPEST} levels deep.`);
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const NO_NUMBER = /-?(?:Infinity|NaN)/y;
// oxlint-disable-next-line no-control-regex -- JSON forbids just these in strings
const CONTROL = /[\u0000-\u001f]/;

class Parser {
  readonly #text: string;
  #at = 0;
  readonly #path: (string | number)[] = [];
  readonly bigNumbers: BigNumber[] = [];
  droppedNumbers = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): unknown {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail(`${this.#found()} after the end of the value`);
    return value;
  }

  #value(depth: number): unknown {
    this.#space();
    const character = this.#text[this.#at];
    if (character === "{") return this.#object(depth);
    if (character === "[") return this.#array(depth);
    if (character === '"') return this.#string();
    for (const [word, value] of [
      ["true", true],
      ["false", false],
      ["null", null],
    ] as const) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    if (this.#match(NO_NUMBER) !== undefined) {
      this.droppedNumbers += 1;
      return null;
    }
    const number = this.#match(NUMBER);
    if (number === undefined) this.#fail(`a value should stand here, not ${this.#found()}`);
    const value = Number(number);
    if (!Number.isSafeInteger(value) && /^-?\d+$/.test(number) && BigInt(number) !== BigInt(value)) {
      this.bigNumbers.push({ path: [...this.#path], text: number });
    }
    return value;
  }

  #object(depth: number): unknown {
    if (depth >= DEEPEST) throw tooDeep();
    const start = this.#at;
    this.#at += 1;
    const entries: [string, unknown][] = [];
    this.#space();
    if (this.#take("}")) return {};
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#failInside(start, "an object", "a key in quotes should stand here");
      const key = this.#string();
      this.#space();
      if (!this.#take(":")) this.#failInside(start, "an object", "a colon should stand here");
      entries.push([key, this.#valueInside(start, "an object", depth, key)]);
      this.#space();
      if (this.#take("}")) return Object.fromEntries(entries);
      if (!this.#take(",")) this.#failInside(start, "an object", "a comma or } should stand here");
    }
  }

  #array(depth: number): unknown {
    if (depth >= DEEPEST) throw tooDeep();
    const start = this.#at;
    this.#at += 1;
    const items: unknown[] = [];
    this.#space();
    if (this.#take("]")) return items;
    for (;;) {
      items.push(this.#valueInside(start, "a list", depth, items.length));
      this.#space();
      if (this.#take("]")) return items;
      if (!this.#take(",")) this.#failInside(start, "a list", "a comma or ] should stand here");
    }
  }

  #valueInside(start: number, what: string, depth: number, key: string | number): unknown {
    this.#space();
    if (this.#at >= this.#text.length) this.#failInside(start, what, "");
    this.#path.push(key);
    const value = this.#value(depth + 1);
    this.#path.pop();
    return value;
  }

  #string(): string {
    const start = this.#at;
    for (let at = start + 1; at < this.#text.length; at += 1) {
      const character = this.#text[at];
      if (character === "\\") at += 1;
      else if (character === '"') {
        const literal = this.#text.slice(start, at + 1);
        this.#at = at + 1;
        try {
          return JSON.parse(literal) as string;
        } catch {
          const control = CONTROL.exec(literal);
          this.#at = start + (control?.index ?? /\\(?:[^"\\/bfnrtu]|u(?![0-9a-fA-F]{4}))/.exec(literal)?.index ?? 0);
          this.#fail(
            control
              ? "a control character stands unescaped in a string"
              : "a string has an escape that JSON does not know",
          );
        }
      }
    }
    this.#at = this.#text.length;
    this.#fail(`the file ends inside a string that starts in ${place(this.#text, start)}; it seems cut off`);
  }

  #space(): void {
    while (/[ \t\n\r]/.test(this.#text[this.#at] ?? "")) this.#at += 1;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #found(): string {
    const character = this.#text[this.#at];
    return character === undefined ? "the end of the file" : JSON.stringify(character);
  }

  #failInside(start: number, what: string, reason: string): never {
    if (this.#at < this.#text.length) this.#fail(`${reason}, not ${this.#found()}`);
    this.#fail(`the file ends inside ${what} that starts in ${place(this.#text, start)}; it seems cut off`);
  }

  #fail(reason: string): never {
    throw new KromaError("invalid", `The file is not valid JSON. In ${place(this.#text, this.#at)}: ${reason}.`);
  }
}

function place(text: string, at: number): string {
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  return `line ${line}, column ${at - before.lastIndexOf("\n")}`;
}
