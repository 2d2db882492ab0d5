/** `kroma ml pipeline` as it is typed in the Linux machine: words and standard input in, JSON out. */
import { KromaError } from "#core/base/errors.ts";
import type { TypedCommand } from "#core/kernel/typed-command.ts";
import type { AskedPipeline, Pipelines } from "./pipelines.ts";
import { taskOf } from "./tasks.ts";
import { writeValue } from "./values.ts";

/** What a command ends with. */
export interface CommandResult {
  readonly status: number;
  /** For standard output. */
  readonly out: string;
  /** For standard error. */
  readonly complaint: string;
}

const USAGE = `usage: kroma ml pipeline TASK MODEL [--NAME VALUE]... [INPUT]
Runs a pipeline of transformers outside of this machine and prints what it gives as JSON. MODEL is a folder below /workspace,
OWNER/NAME of the model hub, or ipfs://CID. INPUT is a text, or the path of a picture or a sound; without it, or as "-", standard
input is taken.
  --NAME VALUE   an option of the task, as --top_k 3; VALUE is JSON if it reads as JSON, else a text
  --dtype TYPE, --revision NAME, --file NAME, --subfolder NAME   which of the model's files
`;

/** Words of the command that choose files; all others are the task's. */
const CHOICES: readonly string[] = ["dtype", "revision", "file", "subfolder"];

/** Carries out a command. What it fails with is for standard error; only a lost signal rejects. */
export async function performCommand(
  pipelines: Pick<Pipelines, "open" | "run" | "release">,
  typed: TypedCommand,
): Promise<CommandResult> {
  try {
    return await perform(pipelines, typed);
  } catch (error) {
    typed.signal.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    const complaint = `kroma ml pipeline: ${error.message}\n${error instanceof WrongUse ? USAGE : ""}`;
    return { status: error instanceof WrongUse ? 2 : 1, out: "", complaint };
  }
}

class WrongUse extends Error {}

async function perform(
  pipelines: Pick<Pipelines, "open" | "run" | "release">,
  { client, words, directory, input, signal }: TypedCommand,
): Promise<CommandResult> {
  if (words[0] === "--help") return { status: 0, out: USAGE, complaint: "" };
  const { places, options } = readWords(words);
  const [name, model, written, ...more] = places;
  if (name === undefined || model === undefined) throw new WrongUse("which task, and which model?");
  if (more.length > 0) throw new WrongUse("one input, please; write a text of several words in quotes");
  const task = taskOf(name);
  const isInput = written === undefined || written === "-";
  // The newline that ends a text is the shell's, and not the text's.
  const text = (): string => new TextDecoder().decode(input).replace(/\r?\n$/, "");
  const typed = task.takes === "text" ? written : absolute(written ?? "", directory);
  const first = isInput ? (task.takes === "text" ? text() : input.slice()) : typed;
  const choices = Object.fromEntries(
    CHOICES.flatMap((choice) => (options.has(choice) ? [[choice, String(options.get(choice))]] : [])),
  );
  const asked: AskedPipeline = { task: name, model: sourceOf(model, directory), ...choices };
  const { pipeline } = await pipelines.open(client, asked, signal, () => undefined);
  try {
    const rest = Object.fromEntries([...options].filter(([option]) => !CHOICES.includes(option)));
    const given = await pipelines.run(client, pipeline, {
      given: [first],
      options: rest,
      signal,
      onText: () => undefined,
    });
    return { status: 0, out: `${JSON.stringify(listed(given))}\n`, complaint: "" };
  } finally {
    await pipelines.release(client, pipeline);
  }
}

function readWords(words: readonly string[]): {
  readonly places: readonly string[];
  readonly options: ReadonlyMap<string, unknown>;
} {
  const places: string[] = [];
  const options = new Map<string, unknown>();
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const option = /^--([A-Za-z]\w*(?:-\w+)*)(?:=(.*))?$/s.exec(word);
    if (!option) {
      if (word.startsWith("-") && word !== "-") throw new WrongUse(`unknown option ${word}`);
      places.push(word);
      continue;
    }
    const value = option[2] ?? words[++at];
    if (value === undefined) throw new WrongUse(`${word} wants a value`);
    options.set((option[1] ?? "").replaceAll("-", "_"), valueOf(value));
  }
  return { places, options };
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** A model as typed: a path that looks like one is relative to where it was typed. */
const sourceOf = (word: string, directory: string): string =>
  /^\.{1,2}(?:\/|$)/.test(word) ? absolute(word, directory) : word;

const absolute = (path: string, directory: string): string => (path.startsWith("/") ? path : `${directory}/${path}`);

/** What a pipeline gave as JSON has it: arrays are lists in lists. */
function listed(given: unknown): unknown {
  const { value, buffers } = writeValue(given);
  const list = (item: unknown): unknown => {
    if (Array.isArray(item)) return item.map(list);
    if (typeof item !== "object" || item === null) return item;
    const { $kroma, type, dims, buffer } = item as { $kroma?: string; type: string; dims: number[]; buffer: number };
    if ($kroma === "array") return listOf(type, dims, buffers[buffer] ?? new ArrayBuffer());
    return Object.fromEntries(Object.entries(item).map(([name, one]) => [name, list(one)]));
  };
  return list(value);
}

function listOf(type: string, dims: readonly number[], buffer: ArrayBuffer): unknown {
  let level: readonly unknown[] = numbersOf(type, buffer);
  for (const length of dims.slice(1).toReversed())
    level = Array.from({ length: level.length / (length || 1) }, (_, at) =>
      level.slice(at * length, (at + 1) * length),
    );
  return level;
}

function numbersOf(type: string, buffer: ArrayBuffer): readonly number[] {
  if (type === "float32") return [...new Float32Array(buffer)];
  if (type === "float64") return [...new Float64Array(buffer)];
  if (type === "int64") return Array.from(new BigInt64Array(buffer), Number);
  if (type === "int32") return [...new Int32Array(buffer)];
  if (type === "uint8" || type === "bool") return [...new Uint8Array(buffer)];
  throw new KromaError("invalid", `Arrays of ${type} can't be printed.`);
}
