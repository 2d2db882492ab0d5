/** `kroma ml` as it is typed in the Linux machine: words in, text or the bytes of arrays out. Files are the workspace's. */
import { KromaError } from "#core/base/errors.ts";
import { concatenate } from "#core/base/bytes.ts";
import type { TypedCommand } from "#core/kernel/typed-command.ts";
import { workspacePath } from "#core/workspace/workspace-path.ts";
import { archiveOf, type FileTensor, fileOfTensor, preview, tensorOfFile, tensorsOfArchive } from "./array-files.ts";
import { type Device, DEVICES, type Engine, type LoadedModel } from "./engine.ts";
import { megabytes } from "./sources.ts";
import { described, type ValueInfo } from "./tensors.ts";

/** What a command ends with. */
export interface CommandResult {
  readonly status: number;
  /** For standard output. */
  readonly out: Uint8Array<ArrayBuffer>;
  /** For standard error. */
  readonly complaint: string;
}

/** What commands use. Paths are absolute. */
export interface CommandParts {
  readonly engine: Pick<Engine, "load" | "run" | "release" | "status">;
  readonly readFile: (path: string) => Uint8Array<ArrayBuffer> | undefined;
  readonly writeFile: (path: string, bytes: Uint8Array) => void;
  /** The text in a picture, a line of it at a time. */
  readonly readText: (
    picture: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ) => Promise<readonly { readonly text: string }[]>;
  /** The stretches of speech in a sound, in seconds. */
  readonly findSpeech: (
    sound: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ) => Promise<readonly { readonly start: number; readonly end: number; readonly score: number }[]>;
}

const USAGE = "kroma ml: what? Try: kroma ml run|info|read|hear|pipeline|status; kroma help ml\n";

/** Carries out a command. What it fails with is for standard error; only a lost signal rejects. */
export async function performCommand(parts: CommandParts, typed: TypedCommand): Promise<CommandResult> {
  const [verb = "", ...words] = typed.words;
  const perform = { run, info, read, hear, status }[verb];
  if (!perform) return ended(2, "", USAGE);
  try {
    return await perform(parts, { ...typed, words });
  } catch (error) {
    typed.signal.throwIfAborted();
    if (!(error instanceof KromaError) && !(error instanceof Error)) throw error;
    return ended(error instanceof WrongUse ? 2 : 1, "", `kroma ml: ${error.message}\n`);
  }
}

class WrongUse extends Error {}

const ended = (status: number, out: string | Uint8Array<ArrayBuffer>, complaint = ""): CommandResult => ({
  status,
  out: typeof out === "string" ? new TextEncoder().encode(out) : out,
  complaint,
});

async function info(
  { engine }: CommandParts,
  { client, words, directory, signal }: TypedCommand,
): Promise<CommandResult> {
  const { device, rest } = deviceIn(words);
  const [source] = rest;
  if (source === undefined || rest.length > 1) throw new WrongUse("info takes one model");
  const model = await engine.load(client, sourceOf(source, directory), undefined, signal, undefined, device);
  engine.release(client, model.session);
  return ended(0, describe(model));
}

function describe(model: LoadedModel): string {
  const lines = (title: string, infos: readonly ValueInfo[]): string =>
    infos.map(({ name, type, shape }) => `${title} ${name}: ${described(type, shape)}\n`).join("");
  const opsets = Object.entries(model.opsets).map(
    ([domain, version]) => `${domain === "" ? "onnx" : domain} ${version}`,
  );
  return `${model.name}: ${megabytes(model.bytes)}, ${opsets.join(", ")}${model.producer === "" ? "" : `, by ${model.producer}`}\n${lines("input ", model.inputs)}${lines("output", model.outputs)}sha256 ${model.sha256}\n${model.runtime}\n${model.device}: ${model.deviceReason}\n`;
}

function status({ engine }: CommandParts): Promise<CommandResult> {
  const { budget, used, models } = engine.status();
  const lines = models.map(
    ({ names, memory, holders, device, deviceReason }) =>
      `${megabytes(memory)}  ${holders} in use  ${names.join(", ")}  ${device}: ${deviceReason}\n`,
  );
  return Promise.resolve(ended(0, `${megabytes(used)} of ${megabytes(budget)}\n${lines.join("")}`));
}

async function read({ readFile, readText }: CommandParts, typed: TypedCommand): Promise<CommandResult> {
  const lines = await readText(oneFile(readFile, typed, "read takes one picture"), typed.signal);
  return ended(0, lines.map(({ text }) => `${text}\n`).join(""));
}

/** Start, end and likelihood of each stretch with tabs between them, for `while read` and awk. */
async function hear({ readFile, findSpeech }: CommandParts, typed: TypedCommand): Promise<CommandResult> {
  const stretches = await findSpeech(oneFile(readFile, typed, "hear takes one sound"), typed.signal);
  const lines = stretches.map((each) => [each.start, each.end, each.score].map((value) => value.toFixed(3)).join("\t"));
  return ended(0, lines.map((line) => `${line}\n`).join(""));
}

/** The file that a command is about; "-" is what came over standard input. */
function oneFile(readFile: CommandParts["readFile"], { words, directory, input }: TypedCommand, wanted: string) {
  const [path] = words;
  if (path === undefined || words.length > 1) throw new WrongUse(wanted);
  return path === "-" ? input.slice() : fileAt(readFile, path, directory);
}

/** "[NAME=]FILE" of an option. */
interface Place {
  readonly name: string | undefined;
  readonly path: string;
}

interface RunWords {
  readonly model: string;
  readonly inputs: readonly Place[];
  readonly outputs: readonly Place[];
  readonly raw: boolean;
}

function runWords(words: readonly string[]): RunWords {
  const inputs: Place[] = [];
  const outputs: Place[] = [];
  let model: string | undefined;
  let raw = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const option = /^(?:--(?<long>input|output)|-(?<short>[io]))(?:=(?<value>.*))?$/s.exec(word)?.groups;
    if (option) {
      const value = option["value"] ?? words[++at];
      if (value === undefined) throw new WrongUse(`${word} wants [NAME=]FILE`);
      const isInput = option["long"] === "input" || option["short"] === "i";
      (isInput ? inputs : outputs).push(placeOf(value));
    } else if (word === "--raw") raw = true;
    else if (word.startsWith("-") && word !== "-") throw new WrongUse(`unknown option ${word}`);
    else if (model === undefined) model = word;
    else throw new WrongUse(`one model, please; files come after --input and --output`);
  }
  if (model === undefined) throw new WrongUse("which model?");
  if (outputs.filter(({ path }) => path === "-").length > 1) throw new WrongUse("one output can go to standard output");
  return { model, inputs, outputs, raw };
}

/** The device that is asked for by `--device`, and the other words. */
function deviceIn(words: readonly string[]): { readonly device: Device; readonly rest: readonly string[] } {
  const at = words.findIndex((word) => /^--device(?:=|$)/.test(word));
  if (at < 0) return { device: "auto", rest: words };
  const isApart = words[at] === "--device";
  const given = isApart ? words[at + 1] : words[at]?.slice("--device=".length);
  const device = DEVICES.find((known) => known === given);
  if (!device) throw new WrongUse(`--device wants one of ${DEVICES.join(", ")}`);
  return { device, rest: words.toSpliced(at, isApart ? 2 : 1) };
}

function placeOf(value: string): Place {
  const at = value.indexOf("=");
  return at < 0 ? { name: undefined, path: value } : { name: value.slice(0, at), path: value.slice(at + 1) };
}

async function run(parts: CommandParts, typed: TypedCommand): Promise<CommandResult> {
  const { engine } = parts;
  const { client, directory, signal } = typed;
  const { device, rest } = deviceIn(typed.words);
  const words = runWords(rest);
  const model = await engine.load(client, sourceOf(words.model, directory), undefined, signal, undefined, device);
  let outputs: readonly FileTensor[];
  try {
    const feeds = words.inputs.flatMap((place) => feedsOf(parts, typed, model, place));
    const given = { tensors: feeds.map(({ tensor }) => tensor), buffers: feeds.map(({ buffer }) => buffer) };
    const results = await engine.run(client, model.session, given, signal);
    outputs = results.tensors.map((tensor, index) => ({ tensor, buffer: results.buffers[index] ?? new ArrayBuffer() }));
  } finally {
    engine.release(client, model.session);
  }
  if (words.outputs.length === 0) return ended(0, outputs.map(told).join(""));
  const pieces: Uint8Array[] = [];
  for (const place of words.outputs) {
    const bytes = bytesOf(outputs, place, words.raw);
    if (place.path === "-") pieces.push(bytes);
    else parts.writeFile(absolute(place.path, directory), bytes);
  }
  return ended(0, concatenate(pieces));
}

const told = (output: FileTensor): string =>
  `${output.tensor.name}: ${described(output.tensor.type, output.tensor.dims)}  ${preview(output)}\n`;

function feedsOf(
  { readFile }: CommandParts,
  { directory, input }: TypedCommand,
  model: LoadedModel,
  place: Place,
): readonly FileTensor[] {
  const bytes = place.path === "-" ? input : fileAt(readFile, place.path, directory);
  if (place.name === undefined && /\.npz$/i.test(place.path)) return tensorsOfArchive(place.path, bytes);
  if (place.name === undefined && model.inputs.length !== 1) {
    const names = model.inputs.map(({ name }) => name).join(", ");
    throw new WrongUse(`which input is ${place.path}? Write --input NAME=FILE; the model has: ${names}`);
  }
  const name = place.name ?? model.inputs[0]?.name ?? "";
  const wanted = model.inputs.find((info) => info.name === name)?.type ?? "float32";
  return [tensorOfFile(name, bytes, wanted)];
}

function bytesOf(outputs: readonly FileTensor[], { name, path }: Place, raw: boolean): Uint8Array<ArrayBuffer> {
  if (name === undefined && /\.npz$/i.test(path)) return archiveOf(outputs);
  const names = outputs.map(({ tensor }) => tensor.name);
  if (name === undefined && names.length !== 1)
    throw new WrongUse(`which output is ${path}? Write --output NAME=FILE; the model has: ${names.join(", ")}`);
  const output = outputs.find(({ tensor }) => tensor.name === (name ?? names[0]));
  if (!output) throw new WrongUse(`the model has no output ${name}; it has: ${names.join(", ")}`);
  return fileOfTensor(output, raw);
}

/** A model's source as typed: addresses and shipped names stay as they are, and a path is told by its looks or its file. */
function sourceOf(word: string, directory: string): string {
  if (/^(?:https?:|ipfs:|hub:|hf:|\/ipfs\/)/i.test(word) || !/[./]/.test(word)) return word;
  return absolute(word, directory);
}

const absolute = (path: string, directory: string): string =>
  `/workspace/${workspacePath(path.startsWith("/") ? path : `${directory}/${path}`)}`;

function fileAt(readFile: CommandParts["readFile"], path: string, directory: string): Uint8Array<ArrayBuffer> {
  const bytes = readFile(absolute(path, directory));
  if (!bytes) throw new KromaError("missing", `there is no file ${path}`);
  return bytes;
}
