/**
 * What a user reads when their code throws: the error's name and message, the frames that are theirs (cells, modules of
 * the workspace, npm), the source line of the innermost with a caret, and the causes. Frames of the kernel are left out.
 * Reads V8's stack format; with another engine's the message stays, the frames go.
 */
import { inspect, setStackWriter } from "./inspect.ts";

/** Where code came from: how it is called, and its text for the source line. */
export interface SourceFile {
  readonly label: string;
  readonly source: string;
}

interface Frame {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** An error as the kernel's `error` message wants it. */
export interface ErrorReport {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
  readonly line: number | undefined;
}

const FRAME = /^\s*at (?:async )?(?:(.*?) \()?((?:[a-z][a-z+.-]*:\/\/|\/|kroma-cell-)[^()]*?):(\d+):(\d+)\)?$/;
const CELL = /^kroma-cell-\d+\.ts$/;
const MOST_FRAMES = 12;
const MOST_CAUSES = 5;

/** The texts that stacks may point into. */
export class Sources {
  readonly #files = new Map<string, SourceFile & { readonly generated: string }>();
  /** Errors of imports: the line of the cell that asked. */
  readonly #lines = new WeakMap<object, number>();
  /** Prefix of URLs whose frames are npm's shipped modules. */
  npm = "";

  constructor() {
    setStackWriter((error) => this.#plain(error));
  }

  /** Remembers a text under the name that stacks give. */
  add(url: string, file: SourceFile, generated: string): void {
    this.#files.set(url, { ...file, generated });
  }

  /** An error that happened because of this line of the running cell, though no frame says so. */
  at(error: unknown, line: number): void {
    if (typeof error === "object" && error !== null) this.#lines.set(error, line);
  }

  /** The request whose code the stack points into, innermost first, as the URLs it was compiled under. */
  cellsOf(error: unknown): readonly string[] {
    return this.#frames(error)
      .map((frame) => frame.file)
      .filter((file) => CELL.test(file));
  }

  /** An uncaught value as an error message. `cell` is the URL of the cell that ran. */
  report(error: unknown, cell?: string): ErrorReport {
    if (!(error instanceof Error)) {
      const value = describeThrown(error);
      return {
        ename: value.name,
        evalue: value.message,
        traceback: [red(value.name) + (value.message === "" ? "" : `: ${value.message}`)],
        line: undefined,
      };
    }
    const { name, message } = headOf(error);
    const traceback = this.#traceback(error, cell);
    const place = placeOf(error);
    const where =
      place.module === undefined || place.line === undefined ? "" : ` (${place.module}, line ${place.line})`;
    return { ename: name, evalue: `${message}${where}`, traceback, line: this.#lineOf(error, cell) };
  }

  /** The innermost line of a file that an error's stack points into. */
  lineIn(error: unknown, file: string): number | undefined {
    return this.#frames(error).find((frame) => frame.file === file)?.line;
  }

  #lineOf(error: Error, cell: string | undefined): number | undefined {
    const place = placeOf(error);
    if (place.module === undefined && place.line !== undefined) return place.line;
    const line = cell === undefined ? undefined : this.lineIn(error, cell);
    return line ?? this.#lines.get(error);
  }

  #traceback(error: Error, cell: string | undefined): string[] {
    const { name, message } = headOf(error);
    const lines = [`${red(name)}${message === "" ? "" : `: ${message}`}`];
    const place = placeOf(error);
    if (place.line !== undefined) {
      const file = place.module ?? cell ?? "";
      const known = this.#files.get(file);
      lines.push(`    at ${known?.label ?? file}, line ${place.line}`);
      if (known) lines.push(...excerpt(known.source, place.line, place.column));
    } else if (place.module !== undefined) lines.push(`    at ${this.#files.get(place.module)?.label ?? place.module}`);
    const isPlaced = place.line !== undefined && place.module === undefined;
    const asked = isPlaced || this.lineIn(error, cell ?? "") !== undefined ? undefined : this.#lines.get(error);
    if (asked !== undefined && cell !== undefined) {
      const known = this.#files.get(cell);
      lines.push(`    at ${known?.label ?? cell}, line ${asked}`);
      if (known && place.line === undefined) lines.push(...excerpt(known.source, asked, undefined));
    }
    let isFirst = place.line === undefined && asked === undefined;
    let last: string | undefined;
    let repeats = 0;
    // The engine's frames of a syntax error of ours say who read the code, not who wrote it.
    for (const frame of isPlaced ? [] : this.#frames(error).slice(0, MOST_FRAMES)) {
      const text = this.#frameText(frame);
      if (text === last) {
        if (++repeats === 1) lines.push("    … and the same again");
        continue;
      }
      lines.push(text);
      last = text;
      repeats = 0;
      if (!isFirst) continue;
      const known = this.#files.get(frame.file);
      if (!known) continue;
      isFirst = false;
      lines.push(...excerpt(known.source, frame.line, sourceColumn(known, frame)));
    }
    if (error instanceof AggregateError) {
      for (const inner of error.errors.slice(0, MOST_CAUSES) as unknown[])
        lines.push(...this.#inner("Holds", inner, cell));
    }
    let cause: unknown = error.cause;
    for (let count = 0; cause !== undefined && count < MOST_CAUSES; count++) {
      lines.push(...this.#inner("Caused by", cause, cell));
      cause = cause instanceof Error ? cause.cause : undefined;
    }
    return lines;
  }

  #inner(how: string, value: unknown, cell: string | undefined): string[] {
    if (!(value instanceof Error)) return [`${how}: ${inspect(value)}`];
    const { name, message } = headOf(value);
    const frames = this.#frames(value)
      .slice(0, 3)
      .map((frame) => this.#frameText(frame));
    const place = placeOf(value);
    const at =
      place.line === undefined
        ? []
        : [
            `    at ${this.#files.get(place.module ?? cell ?? "")?.label ?? place.module ?? "cell"}, line ${place.line}`,
          ];
    return [`${how}: ${red(name)}${message === "" ? "" : `: ${message}`}`, ...at, ...frames];
  }

  #plain(error: Error): string {
    const { name, message } = headOf(error);
    const frames = this.#frames(error)
      .slice(0, MOST_FRAMES)
      .map((frame) => this.#frameText(frame));
    return [`${name}${message === "" ? "" : `: ${message}`}`, ...frames].join("\n");
  }

  #frameText(frame: Frame): string {
    const label =
      this.#files.get(frame.file)?.label ??
      (this.npm !== "" && frame.file.startsWith(this.npm) ? `npm:${frame.file.slice(this.npm.length)}` : frame.file);
    const place = `${label}, line ${frame.line}`;
    return frame.name === "" ? `    at ${place}` : `    at ${frame.name} (${place})`;
  }

  #frames(error: unknown): readonly Frame[] {
    let stack: unknown;
    try {
      stack = error instanceof Error ? error.stack : undefined;
    } catch {
      return [];
    }
    if (typeof stack !== "string") return [];
    const frames: Frame[] = [];
    for (const line of stack.split("\n")) {
      const found = FRAME.exec(line);
      if (!found) continue;
      const file = found[2]!;
      const isOurs = !this.#files.has(file) && !(this.npm !== "" && file.startsWith(this.npm));
      if (isOurs) continue;
      const name = (found[1] ?? "")
        .replace(/^eval$|^Object\.eval$|^async$|^next$/, "")
        .replaceAll("__kroma_", "")
        .replace(/^new /, "new ")
        .replace(/ \[as .*\]$/, "");
      frames.push({ name, file, line: Number(found[3]), column: Number(found[4]) });
    }
    return frames;
  }
}

const red = (text: string) => `\u001b[31m${text}\u001b[39m`;

/** A syntax error of ours says where; see SourceError. */
function placeOf(error: Error): { readonly line?: number; readonly column?: number; readonly module?: string } {
  if (!(error instanceof SyntaxError)) return {};
  return error as { line?: number; column?: number; module?: string };
}

function headOf(error: Error): { readonly name: string; readonly message: string } {
  const text = (value: unknown) => (typeof value === "string" ? value : inspect(value));
  let name: string;
  let message: string;
  try {
    name = text(error.name);
    message = text(error.message);
  } catch {
    return { name: "Error", message: "an error that cannot be read" };
  }
  if (
    name === "Error" &&
    error.constructor?.name &&
    error.constructor !== Error &&
    typeof error.constructor.name === "string"
  )
    name = error.constructor.name;
  const isConstant =
    name === "TypeError" &&
    /^Cannot assign to read only property '[^']*' of object '#<(?:DedicatedWorkerGlobalScope|Window|Object|global)>'$|^Cannot assign to read only property '[^']*' of object '\[object global\]'$/.test(
      message,
    );
  return { name, message: isConstant ? "Assignment to constant variable." : message };
}

function describeThrown(value: unknown): { readonly name: string; readonly message: string } {
  if (typeof value === "object" && value !== null) {
    // An error of another realm, or something made to look like one.
    const { name, message } = value as { name?: unknown; message?: unknown };
    if (typeof name === "string" && typeof message === "string") return { name, message };
  }
  return { name: "Uncaught", message: typeof value === "string" ? value : inspect(value) };
}

function excerpt(source: string, line: number, column: number | undefined): string[] {
  const text = source.split("\n")[line - 1];
  if (text === undefined || text.trim() === "") return [];
  const margin = `${line} | `;
  const shown = text.length > 160 ? `${text.slice(0, 160)}…` : text;
  const lines = [`  ${margin}${shown}`];
  if (column !== undefined && column <= 160)
    lines.push(`  ${" ".repeat(margin.length)}${text.slice(0, column - 1).replace(/[^\t]/g, " ")}^`);
  return lines;
}

/** Types are gone and names rewritten in what ran: finds the same word, of equal words the same one, in the source's line. */
function sourceColumn(file: SourceFile & { readonly generated: string }, frame: Frame): number | undefined {
  const ran = file.generated.split("\n")[frame.line - 1];
  const wrote = file.source.split("\n")[frame.line - 1];
  if (ran === undefined || wrote === undefined) return undefined;
  const word = /^(?:__kroma_)?([\w$]+|[^\w\s])/.exec(ran.slice(frame.column - 1))?.[1];
  if (word === undefined) return undefined;
  const isWord = /[\w$]/.test(word);
  const pattern = new RegExp(isWord ? `(?<![\\w$])${word.replaceAll("$", "\\$")}(?![\\w$])` : `\\${word}`, "g");
  const inWrote = [...wrote.matchAll(pattern)].map((found) => found.index);
  if (inWrote.length === 1) return inWrote[0]! + 1;
  const fromEnd = [...ran.slice(frame.column - 1).matchAll(pattern)].length;
  const index = inWrote.at(-fromEnd);
  return index === undefined ? undefined : index + 1;
}
