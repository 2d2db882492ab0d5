/** The options of a chat cell, from the text in which source.ts found them. */
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";
import type { ChatSource, Sight } from "./source.ts";
import { TOOL_NAMES, type ToolName } from "./tools.ts";

export interface ChatOptions {
  readonly model?: string;
  readonly system?: string;
  readonly see: Sight;
  readonly tools: readonly ToolName[];
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
}

/** What options there are, each with a word on it, for completion. */
export const OPTION_NAMES: Readonly<Record<string, string>> = {
  model: "the model to ask instead of the one in the settings: a name, a .gguf file, or browser",
  system: "what the model is told before everything else",
  see: "chat (the chat cells above), above (all cells above, with their outputs) or none",
  tools: `what the model may use, of ${TOOL_NAMES.join(", ")}`,
  schema: "JSON Schema of the answer",
  temperature: "0 for the likeliest words, up to 2",
  max_tokens: "where the answer ends at the latest",
  seed: "a number; the same one gives the same answer, where the model can",
};

const numberIn = (least: number, most: number) =>
  v.pipe(v.string(), v.transform(Number), v.number(), v.minValue(least), v.maxValue(most));
const wholeIn = (least: number, most: number) => v.pipe(numberIn(least, most), v.integer());
const list = v.pipe(
  v.string(),
  v.transform((text) =>
    text
      .replaceAll(/[[\]]/g, "")
      .split(/[\s,]+/)
      .filter((word) => word !== ""),
  ),
);
const json = v.rawTransform<string, unknown>(({ dataset, addIssue, NEVER }) => {
  try {
    return JSON.parse(dataset.value) as unknown;
  } catch (error) {
    addIssue({ message: `it is not JSON: ${error instanceof Error ? error.message : String(error)}` });
    return NEVER;
  }
});

const Options = v.strictObject({
  model: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(500))),
  system: v.optional(v.string()),
  see: v.optional(v.picklist(["chat", "above", "none"]), "chat"),
  tools: v.optional(v.pipe(list, v.array(v.picklist(TOOL_NAMES))), ""),
  schema: v.optional(v.pipe(v.string(), json, v.record(v.string(), v.unknown()))),
  temperature: v.optional(numberIn(0, 2)),
  max_tokens: v.optional(wholeIn(1, 1_000_000)),
  seed: v.optional(wholeIn(0, 2 ** 31 - 1)),
});

/** The options of a source, checked. Throws `invalid` with a sentence that names the option. */
export function readOptions({ fields }: ChatSource): ChatOptions {
  const read = v.safeParse(Options, { ...fields });
  if (!read.success) {
    const [issue] = read.issues;
    const name = String(issue.path?.[0]?.key ?? "");
    const known = Object.hasOwn(OPTION_NAMES, name);
    throw new KromaError(
      "invalid",
      known
        ? `The option “${name}” is not right: ${reason(issue)}`
        : `There is no option “${name}”. There are ${Object.keys(OPTION_NAMES).join(", ")}.`,
    );
  }
  const { model, system, see, tools, schema, temperature, max_tokens: maxTokens, seed } = read.output;
  return {
    see,
    tools: [...new Set(tools)],
    ...(model === undefined ? {} : { model }),
    ...(system === undefined ? {} : { system }),
    ...(schema === undefined ? {} : { schema }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(seed === undefined ? {} : { seed }),
  };
}

function reason(issue: v.BaseIssue<unknown>): string {
  if (issue.kind === "transformation") return issue.message;
  const expected = issue.expected === null || issue.expected === undefined ? "" : ` It should be ${issue.expected}.`;
  return `it is ${issue.received}.${expected}`;
}
