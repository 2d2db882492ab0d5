/** A ChatDriver that says what a script says, and keeps what it was asked. */
import type { ChatDelta, ChatDriver, ChatRequest } from "#core/chat/driver.ts";

/** What it answers: a text, pieces, or whatever the function does. */
export type Script = (request: ChatRequest, signal: AbortSignal) => AsyncIterable<ChatDelta> | Iterable<ChatDelta>;

export interface ScriptedDriver extends ChatDriver {
  readonly asked: ChatRequest[];
}

export function scriptedDriver(script: Script): ScriptedDriver {
  const asked: ChatRequest[] = [];
  return {
    model: "scripted",
    place: "test",
    asked,
    async *chat(request, signal) {
      asked.push(request);
      yield* script(request, signal);
    },
    models: () => Promise.resolve(["scripted"]),
  };
}

/** A text in pieces of a word each, and its end. */
export function* words(text: string): Generator<ChatDelta> {
  for (const piece of text.match(/\S+\s*|\s+/g) ?? []) yield { type: "text", text: piece };
  yield { type: "finish", reason: "stop" };
}

/** One call of a tool. */
export const call = (name: string, given: unknown): readonly ChatDelta[] => [
  {
    type: "tool_call",
    index: 0,
    id: "call-1",
    name,
    arguments: typeof given === "string" ? given : JSON.stringify(given),
  },
  { type: "finish", reason: "tool_calls" },
];

/** The last thing that the model was told by a person. */
export const promptOf = ({ messages }: ChatRequest): string =>
  messages.findLast(({ role }) => role === "user")?.content ?? "";

/** Never resolves; rejects when the signal says so. */
export const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("given up")), { once: true });
  });
