/** What onnxruntime says when it fails, in words for a person; its own text is often a path in its source and a number. */
import { isOutOfMemory } from "#core/base/engine-failures.ts";
import { KromaError } from "#core/base/errors.ts";
import type { ModelFile } from "./model-file.ts";

const setsSentence = ({ opsets }: ModelFile): string => {
  const sets = Object.entries(opsets).map(([domain, version]) => `${domain === "" ? "ONNX" : domain} ${version}`);
  return `The model's operator sets: ${sets.join(", ")}.`;
};

/** Why a model could not be loaded. */
export function loadFailure(name: string, file: ModelFile, error: unknown): KromaError {
  const text = messageOf(error);
  if (isOutOfMemory(text)) return memoryFailure(`There is not enough memory to load ${name}`, error);
  const unknown =
    /No Op registered for (\S+)/.exec(text) ??
    /([\w.]+:[\w.]+)\(-?\d+\) is not a registered/.exec(text) ??
    /Could not find an implementation for ([\w.:]+)/.exec(text);
  if (unknown) {
    const operator = unknown[1] ?? "?";
    return new KromaError(
      "invalid",
      `${name} uses the operator ${operator}, which this onnxruntime does not have. ${setsSentence(file)}`,
      { details: { operator, opsets: file.opsets }, cause: error },
    );
  }
  const newest = /is under development.*domain (\S+) is till opset (\d+)/s.exec(text);
  if (newest) {
    const known = newest[1] === "ai.onnx" ? "ONNX" : newest[1];
    return new KromaError(
      "invalid",
      `${name} wants newer operators than this onnxruntime has: it knows ${known} up to operator set ${newest[2]}. ${setsSentence(file)}`,
      { details: { opsets: file.opsets }, cause: error },
    );
  }
  return new KromaError("invalid", `${name} could not be loaded: ${brief(text)}`, { cause: error });
}

/** Why a run failed. */
export function runFailure(name: string, error: unknown): KromaError {
  const text = messageOf(error);
  if (isOutOfMemory(text)) return memoryFailure(`There was not enough memory to run ${name}`, error);
  return new KromaError("invalid", `${name} failed: ${brief(text)}`, { cause: error });
}

const memoryFailure = (sentence: string, cause: unknown): KromaError =>
  new KromaError("exhausted", `${sentence}. Dispose of models that are not used, or feed it smaller batches.`, {
    cause,
  });

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Without the places in onnxruntime's source. */
const brief = (text: string): string =>
  text
    .replace(/^.*?ERROR_MESSAGE:\s*"?/s, "")
    .replace(/\/\S*\/(onnxruntime|onnx)\/\S+?:\d+\s*/g, "")
    .replace(/\s+/g, " ")
    .slice(0, 500)
    .trim();
