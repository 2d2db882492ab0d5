/** Puts an answer together from its pieces, within limits: a model that never ends must not fill the memory. */
import { KromaError } from "../base/errors.ts";
import type { ChatDelta, ChatFinish, ChatToolCall, ChatUsage } from "./driver.ts";

/** Characters of an answer, its thoughts and the arguments of its calls together. */
export const MAX_ANSWER = 1_000_000;
/** Calls in one answer. */
export const MAX_CALLS = 16;

/** An answer as far as it has come. */
export interface ChatAnswer {
  readonly text: string;
  readonly isThinking: boolean;
  readonly toolCalls: readonly ChatToolCall[];
  readonly usage: ChatUsage | undefined;
  readonly finish: ChatFinish | undefined;
  /** Pieces of text and thought: about the tokens, until `usage` tells. */
  readonly pieces: number;
  readonly size: number;
}

/** The answer of which nothing has come. */
export const emptyAnswer: ChatAnswer = {
  text: "",
  isThinking: false,
  toolCalls: [],
  usage: undefined,
  finish: undefined,
  pieces: 0,
  size: 0,
};

/** The answer with one more piece. Throws `exhausted` beyond the limits, `corrupt` for a call out of order. */
export function addDelta(answer: ChatAnswer, delta: ChatDelta): ChatAnswer {
  switch (delta.type) {
    case "stage":
      return answer;
    case "text":
      return { ...grow(answer, delta.text), text: answer.text + delta.text, isThinking: false };
    case "reasoning":
      return { ...grow(answer, delta.text), isThinking: true };
    case "usage":
      return { ...answer, usage: delta.usage };
    case "finish":
      return { ...answer, finish: delta.reason, isThinking: false };
    case "tool_call":
      return { ...grow(answer, delta.arguments), toolCalls: addCall(answer.toolCalls, delta) };
  }
}

function grow(answer: ChatAnswer, text: string): ChatAnswer {
  const size = answer.size + text.length;
  if (size > MAX_ANSWER) {
    throw new KromaError(
      "exhausted",
      `The answer was stopped: it is longer than ${MAX_ANSWER.toLocaleString("en")} characters.`,
    );
  }
  return { ...answer, size, pieces: answer.pieces + 1 };
}

function addCall(
  calls: readonly ChatToolCall[],
  { index, id, name, arguments: part }: Extract<ChatDelta, { type: "tool_call" }>,
): readonly ChatToolCall[] {
  if (index >= MAX_CALLS)
    throw new KromaError("exhausted", `The model asked for more than ${MAX_CALLS} tools at once.`);
  const old = calls[index];
  if (old) return calls.with(index, { ...old, arguments: old.arguments + part });
  if (index !== calls.length || name === undefined) {
    throw new KromaError("corrupt", "The model's side began a tool call in its middle.");
  }
  return [...calls, { id: id ?? `call-${index}`, name, arguments: part }];
}
