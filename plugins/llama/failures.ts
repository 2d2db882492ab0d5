/** What llama.cpp's complaints mean for a person: why a model can't be loaded, and why there is no answer. */
import { KromaError } from "#core/base/errors.ts";
import { notWhole } from "./gguf.ts";

const NO_MEMORY =
  /bad_alloc|out of memory|OOM|(?:unable|failed|cannot) to? ?(?:allocate|enlarge)|memory allocation|not enough memory|insufficient/i;

/** Why a model was not loaded, from what llama.cpp logged and threw meanwhile. */
export function loadFailure(name: string, said: readonly string[]): KromaError {
  const all = said.join("\n");
  const architecture = /unknown model architecture: '([^']*)'/.exec(all)?.[1];
  if (architecture !== undefined) {
    return new KromaError(
      "invalid",
      `${name} is a model of the architecture “${architecture.slice(0, 100)}”, which this version of llama.cpp does not know.`,
    );
  }
  if (/file bounds|corrupted or incomplete|unexpected(?:ly)? (?:reached )?end|failed to read/i.test(all))
    return notWhole(name);
  if (NO_MEMORY.test(all)) return noMemory(name);
  const reason = said.find((line) => /error loading model: /.test(line))?.replace(/^.*error loading model: /, "");
  return new KromaError("corrupt", `${name} can't be loaded${reason === undefined ? "." : `: ${plain(reason)}.`}`);
}

/** Why there is no answer, from what llama.cpp threw. `hasSchema`: the answer was to be of a JSON Schema. */
export function answerFailure(name: string, message: string, hasSchema: boolean): KromaError {
  const sizes = /\((\d+) tokens\).*context size \((\d+) tokens\)/.exec(message);
  if (sizes) return tooLong(name, Number(sizes[1]), Number(sizes[2]));
  if (NO_MEMORY.test(message)) return noMemory(name);
  // llama.cpp in WebAssembly answers a schema that it can't read with nonsense for a length.
  if (hasSchema && /samplers|grammar|schema|typed array length/i.test(message)) {
    return new KromaError(
      "invalid",
      `${unusableSchema(name)} A simpler one may do: types, enum, properties and items.`,
    );
  }
  return new KromaError("unavailable", `${name} failed in the middle of its answer: ${plain(message)}.`);
}

/** More was to be read than the model can. */
export const tooLong = (name: string, tokens: number, context: number): KromaError =>
  new KromaError(
    "exhausted",
    `This makes ${tokens.toLocaleString("en")} tokens, and ${name} has room for ${context.toLocaleString("en")}. Let it see fewer cells with “#| see: none”, or ask in fewer words.`,
    { details: { tokens, context } },
  );

/** A JSON Schema of which no grammar can be made. */
export const unusableSchema = (name: string): string => `${name} can't be held to this JSON Schema.`;

/** There is no room for the model. */
export const noMemory = (name: string): KromaError =>
  new KromaError(
    "exhausted",
    `There is not enough memory for ${name} here. A smaller model, or one of fewer bits, may fit.`,
  );

const plain = (text: string): string => {
  const line = text.split("\n")[0]?.trim().replace(/\.$/, "") ?? "";
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
};
