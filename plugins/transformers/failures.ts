/** What transformers.js and onnxruntime say when they fail, in words for a person. */
import { isOutOfMemory } from "#core/base/engine-failures.ts";
import { KromaError } from "#core/base/errors.ts";
import { fileIn } from "./library.ts";
import type { Task } from "./tasks.ts";

/** Why a pipeline could not be loaded. */
export function loadFailure(model: string, task: Task, error: unknown): unknown {
  if (error instanceof KromaError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (isOutOfMemory(text)) return memoryFailure(`There is not enough memory to load ${model}`, error);
  const file = fileIn(text);
  if (file !== undefined)
    return new KromaError("missing", `${model} has no file ${file}, which ${task.name} needs.`, {
      details: { file },
      cause: error,
    });
  const type = /Unsupported model type:? "?([\w.-]+)/.exec(text)?.[1];
  if (type !== undefined)
    return new KromaError("invalid", `${model} is a model of the type ${type}, which does not do ${task.name}.`, {
      cause: error,
    });
  return new KromaError("invalid", `${model} could not be loaded for ${task.name}: ${brief(text)}`, { cause: error });
}

/** The file that a model doesn't have, of such a failure. */
export const missingFile = ({ details }: KromaError): string | undefined =>
  (details as { readonly file?: string } | undefined)?.file;

/** Why a run failed. */
export function runFailure(task: Task, error: unknown): unknown {
  if (error instanceof KromaError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (isOutOfMemory(text)) return memoryFailure(`There was not enough memory for ${task.name}`, error);
  return new KromaError("invalid", `${task.name} failed: ${brief(text)}`, { cause: error });
}

/** Of a pipeline that is not there for who asks. */
export const gone = (): KromaError =>
  new KromaError("missing", "This pipeline was disposed of, or its worker was started again. Make it again.");

/** Of memory that ran out. */
export const memoryFailure = (sentence: string, cause: unknown): KromaError =>
  new KromaError("exhausted", `${sentence}. Dispose of pipelines that are not used, or give it less at once.`, {
    cause,
  });

/** Of an address that is no model's. */
export const refusal = (url: string): KromaError =>
  new KromaError("denied", `A pipeline fetches the files of models and nothing else, not ${url.slice(0, 200)}.`);

const brief = (text: string): string => text.replace(/\s+/g, " ").slice(0, 500).trim();
