/**
 * llama.cpp in this process, by node-llama-cpp: its computing is done in threads of its own. Only builds that come with the
 * package are used, never one that is compiled or fetched here, and only the processor: what a GPU needs weighs more than
 * all of Kroma, and who has one runs a server. The package is optional, so what lacks is said in words.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type * as LibraryModule from "node-llama-cpp";
import type {
  ChatHistoryItem,
  ChatModelFunctions,
  GbnfJsonSchema,
  Llama,
  LlamaChat,
  LlamaContext,
  LlamaModel,
} from "node-llama-cpp";
import { KromaError } from "#core/base/errors.ts";
import type { ChatDelta, ChatMessage, ChatRequest, ChatTool } from "#core/chat/driver.ts";
import { type Backend, MOST_TOKENS, type WholeModelFile } from "./engine.ts";
import { answerFailure, loadFailure, tooLong } from "./failures.ts";
import { Pieces } from "./pieces.ts";

/** One core is the program's. Where a thread has no core, the others wait for it: measured 50 times slower on a busy machine. */
const threads = Math.max(1, availableParallelism() - 1);
/** Lines of llama.cpp's log that are looked at when something fails. */
const KEPT_LINES = 40;

interface NodeModel {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly chat: LlamaChat;
}

/** The backend of Node. Throws `unavailable` where there is no llama.cpp. */
export async function nodeBackend(): Promise<Backend<NodeModel>> {
  const lines: string[] = [];
  const { llama, library } = await start(lines);
  return {
    largest: Infinity,
    load: (file, { architecture }, signal) => load(file, architecture, { llama, library, lines }, signal),
    answer,
    explain: (error, name, request) => ({
      error: answerFailure(name, error instanceof Error ? error.message : String(error), request.schema !== undefined),
      isBroken: false,
    }),
    unload,
  };
}

type Library = typeof LibraryModule;

async function start(lines: string[]): Promise<{ readonly llama: Llama; readonly library: Library }> {
  let library: Library;
  try {
    library = await import("node-llama-cpp");
  } catch (error) {
    throw new KromaError(
      "unavailable",
      "Model files need the package node-llama-cpp, which is not installed here. A server such as Ollama does without it: KROMA_CHAT_URL.",
      { cause: error },
    );
  }
  try {
    const llama = await library.getLlama({
      build: "never",
      skipDownload: true,
      gpu: false,
      maxThreads: threads,
      progressLogs: false,
      logLevel: library.LlamaLogLevel.warn,
      logger(_, line) {
        lines.push(line);
        if (lines.length > KEPT_LINES) lines.shift();
      },
    });
    return { llama, library };
  } catch (error) {
    throw new KromaError(
      "unavailable",
      "Model files can't be run here: node-llama-cpp brings no llama.cpp for this system.",
      { cause: error },
    );
  }
}

async function load(
  { name, file, path }: WholeModelFile,
  architecture: string,
  { llama, library, lines }: { readonly llama: Llama; readonly library: Library; readonly lines: string[] },
  signal: AbortSignal,
): Promise<NodeModel> {
  lines.length = 0;
  const folder = path === undefined ? await mkdtemp(join(tmpdir(), "kroma-model-")) : "";
  let model: LlamaModel | undefined;
  try {
    const modelPath = path ?? join(folder, "model.gguf");
    if (path === undefined) await pipeline(chunksOf(file), createWriteStream(modelPath), { signal });
    // A file that is made for this is read whole, so that it can go at once; a person's own is mapped into memory.
    model = await llama.loadModel({ modelPath, gpuLayers: 0, useMmap: path !== undefined, loadSignal: signal });
    const context = await model.createContext({
      contextSize: { max: MOST_TOKENS },
      threads,
      sequences: 1,
      createSignal: signal,
    });
    return { llama, model, context, chat: new library.LlamaChat({ contextSequence: context.getSequence() }) };
  } catch (error) {
    void model?.dispose().catch(() => undefined);
    // The log may come later than the failure, so what it would say first is found in the library's own list.
    const { GgufArchitectureType: known } = library as unknown as Record<string, Readonly<Record<string, string>>>;
    const isKnown = Object.values(known ?? {}).includes(architecture);
    const unknown = isKnown ? [] : [`unknown model architecture: '${architecture}'`];
    throw loadFailure(name, [...unknown, ...lines, error instanceof Error ? error.message : String(error)]);
  } finally {
    if (folder !== "") await rm(folder, { recursive: true, force: true });
  }
}

async function* chunksOf(file: Blob): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = file.stream().getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

async function unload({ chat, context, model }: NodeModel): Promise<void> {
  try {
    chat.dispose();
    await context.dispose();
    await model.dispose();
  } catch {
    // What can't be freed now is freed with the process.
  }
}

async function* answer(
  { llama, model, context, chat }: NodeModel,
  name: string,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatDelta, void, undefined> {
  const { schema, temperature, maxTokens, seed, tools = [] } = request;
  const history = historyOf(request.messages);
  const functions = functionsOf(tools);
  const told = chat.chatWrapper.generateContextState({
    chatHistory: history,
    ...(tools.length > 0 ? { availableFunctions: functions, documentFunctionParams: true } : {}),
  });
  const prompt = told.contextText.tokenize(model.tokenizer).length;
  const room = context.contextSize - prompt;
  if (room < 1) throw tooLong(name, prompt, context.contextSize);
  if (schema && tools.length > 0)
    throw new KromaError("invalid", "A model file can use tools, or answer by a schema, and not both in one answer.");
  const grammar =
    schema &&
    (await llama.createGrammarForJsonSchema(schema.schema as Parameters<Llama["createGrammarForJsonSchema"]>[0]));

  const left = new AbortController();
  const deltas = new Pieces<ChatDelta>();
  const before = chat.sequence.tokenMeter.getState();
  const common = {
    signal: AbortSignal.any([signal, left.signal]),
    // Room that the answer does not have would be made by forgetting what it answers.
    maxTokens: Math.min(maxTokens ?? room, room),
    ...(temperature === undefined ? {} : { temperature }),
    ...(seed === undefined ? {} : { seed }),
    onResponseChunk: (chunk: { readonly type: "segment" | undefined; readonly text: string }): void => {
      if (chunk.text !== "") deltas.put({ type: chunk.type === "segment" ? "reasoning" : "text", text: chunk.text });
    },
  };
  const answering = chat.generateResponse(
    history,
    tools.length > 0
      ? // One at a time, as llama.cpp's server does: small models would else call the same again and again.
        { ...common, functions, documentFunctionParams: true, maxParallelFunctionCalls: 1 }
      : { ...common, ...(grammar ? { grammar } : {}) },
  );
  try {
    yield* deltas.endWith(answering);
    const { functionCalls = [], metadata } = await answering;
    for (const [index, call] of functionCalls.entries()) {
      const { functionName, params } = call as { readonly functionName: string; readonly params: unknown };
      yield {
        type: "tool_call",
        index,
        id: `call-${crypto.randomUUID()}`,
        name: functionName,
        arguments: JSON.stringify(params ?? {}),
      };
    }
    const completion = chat.sequence.tokenMeter.diff(before).usedOutputTokens;
    yield { type: "usage", usage: { prompt, completion } };
    const isCall = functionCalls.length > 0;
    yield { type: "finish", reason: isCall ? "tool_calls" : metadata.stopReason === "maxTokens" ? "length" : "stop" };
  } finally {
    left.abort();
    await answering.catch(() => undefined);
  }
}

/** A conversation as node-llama-cpp has it: what a tool gave stands in the call, and the last item is the answer to be. */
function historyOf(messages: readonly ChatMessage[]): ChatHistoryItem[] {
  const results = new Map(
    messages.flatMap((message) => (message.role === "tool" ? [[message.call, message.content]] : [])),
  );
  const history = messages.flatMap((message): ChatHistoryItem[] => {
    switch (message.role) {
      case "system":
        return [{ type: "system", text: message.content }];
      case "user":
        return [{ type: "user", text: message.content }];
      case "tool":
        return [];
      case "assistant":
        return [
          {
            type: "model",
            response: [
              ...(message.content === "" ? [] : [message.content]),
              ...(message.toolCalls ?? []).map(({ id, name, arguments: given }) => ({
                type: "functionCall" as const,
                name,
                params: parsed(given),
                result: results.get(id) ?? "",
              })),
            ],
          },
        ];
    }
  });
  const last = messages.at(-1);
  return last?.role === "tool" ? history : [...history, { type: "model", response: [] }];
}

function functionsOf(tools: readonly ChatTool[]): ChatModelFunctions {
  return Object.fromEntries(
    tools.map(({ name, description, parameters }) => [
      name,
      Object.keys((parameters["properties"] as object | undefined) ?? {}).length === 0
        ? { description }
        : { description, params: parameters as GbnfJsonSchema },
    ]),
  );
}

/** Arguments as the model wrote them, or as text when they are no JSON. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
