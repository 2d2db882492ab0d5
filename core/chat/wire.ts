/**
 * What goes to and comes from whoever speaks chat completions, an endpoint or an engine beside us, after OpenAI's API reference and OpenAPI description
 * (https://github.com/openai/openai-openapi), with what Ollama, llama.cpp and LM Studio do otherwise: `reasoning` or
 * `reasoning_content`, errors as plain strings, calls without an index. Everything that comes is checked here, once.
 */
import * as v from "valibot";
import { KromaError } from "../base/errors.ts";
import type { ChatDelta, ChatFinish, ChatMessage, ChatRequest } from "./driver.ts";

const text = v.optional(v.nullish(v.string()));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const ToolCall = v.object({
  index: v.optional(v.pipe(count, v.maxValue(1000))),
  id: text,
  function: v.optional(
    v.object({
      name: text,
      arguments: v.optional(v.nullish(v.union([v.string(), v.record(v.string(), v.unknown())]))),
    }),
  ),
});

const Part = v.object({
  content: text,
  reasoning_content: text,
  reasoning: text,
  tool_calls: v.optional(v.nullish(v.array(ToolCall))),
});

const Failure = v.union([v.string(), v.object({ message: v.optional(v.string()) })]);

const Piece = v.object({
  choices: v.optional(
    v.nullish(
      v.array(v.object({ delta: v.optional(v.nullish(Part)), message: v.optional(Part), finish_reason: text })),
    ),
  ),
  usage: v.optional(v.nullish(v.object({ prompt_tokens: v.optional(count), completion_tokens: v.optional(count) }))),
  error: v.optional(v.nullish(Failure)),
});

const Models = v.object({
  data: v.pipe(v.array(v.object({ id: v.pipe(v.string(), v.maxLength(500)) })), v.maxLength(10_000)),
});

/** The body of a request, to be sent as JSON. */
export function requestBody(request: ChatRequest, model: string): Readonly<Record<string, unknown>> {
  const { messages, tools, schema, temperature, maxTokens, seed } = request;
  return {
    model,
    messages: messages.map(wireMessage),
    stream: true,
    stream_options: { include_usage: true },
    ...(tools && tools.length > 0 ? { tools: tools.map((tool) => ({ type: "function", function: tool })) } : {}),
    ...(schema ? { response_format: { type: "json_schema", json_schema: { ...schema, strict: true } } } : {}),
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    ...(seed === undefined ? {} : { seed }),
  };
}

function wireMessage(message: ChatMessage): Readonly<Record<string, unknown>> {
  if (message.role === "tool") return { role: "tool", tool_call_id: message.call, content: message.content };
  if (message.role !== "assistant" || !message.toolCalls) return { role: message.role, content: message.content };
  return {
    role: "assistant",
    content: message.content,
    tool_calls: message.toolCalls.map(({ id, name, arguments: given }) => ({
      id,
      type: "function",
      function: { name, arguments: given },
    })),
  };
}

/**
 * The pieces in one event's data, or in the body of an answer that came whole. Throws `corrupt`, or what the endpoint says
 * failed, in the words that `clean` leaves of it.
 */
export function readPiece(json: string, clean: (said: string) => string = (said) => said): readonly ChatDelta[] {
  return deltasOf(parse(Piece, json), clean);
}

/** The same of a piece that is a value already. */
export function readPieceValue(value: unknown): readonly ChatDelta[] {
  return deltasOf(checked(Piece, value), (said) => said);
}

/** The same pieces with one `finish`, the first. Throws `unavailable` without one: the answer was cut off. */
export async function* untilFinished(
  deltas: Iterable<ChatDelta> | AsyncIterable<ChatDelta>,
): AsyncGenerator<ChatDelta, void, undefined> {
  let isFinished = false;
  for await (const delta of deltas) {
    if (delta.type === "finish" && isFinished) continue;
    if (delta.type === "finish") isFinished = true;
    yield delta;
  }
  if (!isFinished) throw new KromaError("unavailable", "The answer was cut off before its end.");
}

function deltasOf(piece: v.InferOutput<typeof Piece>, clean: (said: string) => string): readonly ChatDelta[] {
  if (piece.error !== undefined && piece.error !== null) {
    throw new KromaError(
      "unavailable",
      `The model's side failed in the middle of its answer: ${clean(failureText(piece.error))}`,
    );
  }
  const deltas: ChatDelta[] = [];
  const choice = piece.choices?.[0];
  const part = choice?.delta ?? choice?.message;
  const thought = part?.reasoning_content ?? part?.reasoning ?? "";
  if (thought !== "") deltas.push({ type: "reasoning", text: thought });
  if (typeof part?.content === "string" && part.content !== "") deltas.push({ type: "text", text: part.content });
  for (const [position, { index, id, function: called }] of (part?.tool_calls ?? []).entries()) {
    const given = called?.arguments ?? "";
    deltas.push({
      type: "tool_call",
      index: index ?? position,
      ...(typeof id === "string" && id !== "" ? { id } : {}),
      ...(typeof called?.name === "string" && called.name !== "" ? { name: called.name } : {}),
      arguments: typeof given === "string" ? given : JSON.stringify(given),
    });
  }
  if (piece.usage) {
    const { prompt_tokens: prompt = 0, completion_tokens: completion = 0 } = piece.usage;
    deltas.push({ type: "usage", usage: { prompt, completion } });
  }
  const reason = choice?.finish_reason;
  if (typeof reason === "string" && reason !== "") deltas.push({ type: "finish", reason: FINISH[reason] ?? "stop" });
  return deltas;
}

const FINISH: Readonly<Record<string, ChatFinish>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool_calls",
  function_call: "tool_calls",
  content_filter: "filtered",
};

/** The names of the models in the answer of `/models`, in order of the alphabet. */
export function readModels(json: string): readonly string[] {
  return parse(Models, json)
    .data.map(({ id }) => id)
    .sort((a, b) => (a < b ? -1 : 1));
}

/** What the body of a refusal says, if it says it in a way that is known; short. */
export function readFailure(body: string): string | undefined {
  try {
    const { error } = v.parse(v.object({ error: Failure }), JSON.parse(body));
    return failureText(error);
  } catch {
    return undefined;
  }
}

function failureText(failure: v.InferOutput<typeof Failure>): string {
  const said = (typeof failure === "string" ? failure : failure.message)?.replaceAll(/\s+/g, " ").trim();
  if (said === undefined || said === "") return "it does not say why.";
  return said.length > 300 ? `${said.slice(0, 300)}…` : said;
}

function parse<T extends v.GenericSchema>(schema: T, json: string): v.InferOutput<T> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new KromaError("corrupt", "What the endpoint sent is not a chat completion.", { cause: error });
  }
  return checked(schema, value);
}

function checked<T extends v.GenericSchema>(schema: T, value: unknown): v.InferOutput<T> {
  const result = v.safeParse(schema, value);
  // A list has all fields that are optional.
  if (result.success && !Array.isArray(value)) return result.output;
  const at = result.success ? "" : ` (at ${v.getDotPath(result.issues[0]) ?? "its top"})`;
  throw new KromaError("corrupt", `What the endpoint sent is not a chat completion${at}.`);
}
