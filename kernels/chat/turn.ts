/**
 * One run of a chat cell: the model is asked, its tools are run and told, until it has answered. It knows nothing of
 * requests and replies: what is to be seen goes to a `TurnView`, how it ended is returned or thrown.
 */
import { addDelta, type ChatAnswer, emptyAnswer } from "#core/chat/answer.ts";
import type { ChatDriver, ChatMessage, ChatRequest } from "#core/chat/driver.ts";
import { KromaError } from "#core/base/errors.ts";
import type { ChatOptions } from "./options.ts";
import { runTool, type ToolPlace, toolsNamed } from "./tools.ts";

/** Times that a model may ask for tools before it has to answer. */
export const MAX_ROUNDS = 8;

/** How far a run is. */
export interface TurnState {
  /** All that was and is told to the model, in order. */
  readonly messages: readonly ChatMessage[];
  /** The text of the answer, of all rounds. */
  readonly text: string;
  readonly isThinking: boolean;
  /** What goes on before the first word. */
  readonly stage: string | undefined;
  readonly isDone: boolean;
  /** It ended by a failure, or was stopped. */
  readonly isBroken?: boolean;
  /** The answer ended at its limit of tokens, or was held back. */
  readonly cut: "length" | "filtered" | undefined;
  readonly tokens: number;
  /** Tokens of the prompts, if the model's side told. */
  readonly promptTokens: number | undefined;
  /** Milliseconds from the first piece to the last, and from the question to the first piece. */
  readonly speaking: number;
  readonly waiting: number | undefined;
}

export interface Turn {
  readonly driver: ChatDriver;
  readonly messages: readonly ChatMessage[];
  readonly options: ChatOptions;
  readonly place: ToolPlace;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Called at each piece. */
  readonly onState: (state: TurnState) => void;
}

/** Runs to the end of the answer; what came before a failure has been told to `onState`. */
export async function runTurn(turn: Turn): Promise<TurnState> {
  const { driver, options, place, signal, now, onState } = turn;
  let state: TurnState = {
    messages: turn.messages,
    text: "",
    isThinking: false,
    stage: undefined,
    isDone: false,
    cut: undefined,
    tokens: 0,
    promptTokens: undefined,
    speaking: 0,
    waiting: undefined,
  };
  const tell = (change: Partial<TurnState>): void => onState((state = { ...state, ...change }));
  onState(state);
  for (let round = 0; ; round += 1) {
    const before = state;
    const asked = now();
    let began: number | undefined;
    let answer: ChatAnswer = emptyAnswer;
    // Beyond the last round there are no tools any more: it has to answer.
    for await (const delta of untilAborted(
      driver.chat(requestOf(state.messages, options, round < MAX_ROUNDS), signal),
      signal,
    )) {
      if (delta.type === "stage") {
        tell({ stage: delta.text });
        continue;
      }
      answer = addDelta(answer, delta);
      began ??= now();
      tell(measured(before, answer, { asked, began, now: now() }));
    }
    signal.throwIfAborted();
    if (answer.toolCalls.length === 0 || round >= MAX_ROUNDS) {
      tell({ isDone: true, isThinking: false, stage: undefined, ...cutOf(answer) });
      return state;
    }
    const said: ChatMessage = { role: "assistant", content: answer.text, toolCalls: answer.toolCalls };
    tell({ messages: [...state.messages, said], isThinking: false });
    for (const call of answer.toolCalls) {
      const content = await runTool(call, options.tools, place);
      signal.throwIfAborted();
      tell({ messages: [...state.messages, { role: "tool", call: call.id, content }] });
    }
  }
}

/** What an iterable gives until the signal says no more, also when the iterable takes no notice of it. */
async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new KromaError("aborted", "The answer was stopped."));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
  aborted.catch(() => undefined);
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), aborted]);
      if (done === true) return;
      signal.throwIfAborted();
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    // Not waited for: it may be busy with what nobody wants any more.
    void iterator.return?.().catch(() => undefined);
  }
}

function requestOf(messages: readonly ChatMessage[], options: ChatOptions, mayUseTools: boolean): ChatRequest {
  const { model, tools, schema, temperature, maxTokens, seed } = options;
  return {
    messages,
    ...(model === undefined ? {} : { model }),
    ...(tools.length > 0 && mayUseTools ? { tools: toolsNamed(tools) } : {}),
    ...(schema === undefined ? {} : { schema: { name: "answer", schema } }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(seed === undefined ? {} : { seed }),
  };
}

function measured(
  before: TurnState,
  answer: ChatAnswer,
  { asked, began, now }: { readonly asked: number; readonly began: number; readonly now: number },
): Partial<TurnState> {
  const prompt = answer.usage?.prompt;
  const joint = before.text === "" || answer.text === "" ? "" : "\n\n";
  return {
    text: before.text + joint + answer.text,
    isThinking: answer.isThinking,
    stage: undefined,
    tokens: before.tokens + (answer.usage?.completion ?? answer.pieces),
    promptTokens: prompt === undefined ? before.promptTokens : (before.promptTokens ?? 0) + prompt,
    speaking: before.speaking + (now - began),
    waiting: before.waiting ?? began - asked,
  };
}

function cutOf({ finish, text }: ChatAnswer): Pick<TurnState, "cut"> {
  if (finish === "filtered" && text === "") throw new KromaError("denied", "The model's side held the answer back.");
  return { cut: finish === "length" || finish === "filtered" ? finish : undefined };
}
