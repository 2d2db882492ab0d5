/** What kernels say as streams and errors, read from the data of a bundle; anything missing is taken for empty. No DOM here. */
import { TerminalText } from "./terminal-text.ts";

export interface StreamData {
  readonly name: "stdout" | "stderr";
  readonly text: string;
}

export interface ErrorData {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
  readonly line: number | undefined;
}

/** `application/vnd.kroma.stream`. */
export function readStream(data: unknown): StreamData {
  const value = (data ?? {}) as Partial<StreamData>;
  return {
    name: value.name === "stderr" ? "stderr" : "stdout",
    text: typeof value.text === "string" ? value.text : "",
  };
}

/** `application/vnd.kroma.error`. */
export function readError(data: unknown): ErrorData {
  const value = (data ?? {}) as { ename?: unknown; evalue?: unknown; traceback?: unknown; line?: unknown };
  const traceback = Array.isArray(value.traceback)
    ? value.traceback.filter((line): line is string => typeof line === "string")
    : [];
  return {
    ename: typeof value.ename === "string" && value.ename !== "" ? value.ename : "Error",
    evalue: typeof value.evalue === "string" ? value.evalue : "",
    traceback,
    line: typeof value.line === "number" ? value.line : undefined,
  };
}

/** What stands behind the name in an error's sentence, without the place, which is said beside it. */
export function errorWords({ evalue, line }: ErrorData): string {
  const [words = "", ...more] = plainText(evalue).split("\n");
  // CPython ends the words of a SyntaxError with the place.
  const first = line === undefined ? words : words.replace(new RegExp(` \\([^()]+, line ${line}\\)$`), "");
  return first === "" ? "" : `: ${first}${more.length > 0 ? " …" : ""}`;
}

/** The sentence for a cell that somebody stopped; a kernel that had to be restarted says what is gone. */
export function stoppedWords({ evalue }: ErrorData): string {
  return /variables are gone|started again|restarted/.test(evalue)
    ? `Stopped. ${plainText(evalue)}`
    : "Stopped. What had been computed by then is kept.";
}

// oxlint-disable-next-line no-control-regex -- IPython colours its ruler
const RULER = /^(?:\u001b\[[\d;]*m)*-{20,}(?:\u001b\[[\d;]*m)*\n/;

/** The traceback as one text, without the ruler that IPython begins with. */
export function tidyTraceback(lines: readonly string[]): string {
  const text = lines.map((line) => line.replace(/\n$/, "")).join("\n");
  return text.replace(RULER, "");
}

/** False for a traceback that only repeats the sentence: nothing to unfold. */
export function tellsMore(trace: string, { ename, evalue }: ErrorData): boolean {
  const words = plainText(trace).trim();
  return words !== "" && (evalue.includes("\n") || ![`${ename}: ${evalue}`, evalue, ename].includes(words));
}

function plainText(words: string): string {
  const text = new TerminalText();
  text.push(words);
  return [...text.plain()].join("");
}
