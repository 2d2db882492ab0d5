/**
 * A ChatDriver that asks the browser's own model. It runs on this device, in the browser's own process; a browser that has
 * the API may still have to fetch the model, which it does only after a person's click, so that is a step of its own.
 */
import { KromaError } from "#core/base/errors.ts";
import type { ChatDelta, ChatDriver, ChatMessage, ChatReadiness, ChatRequest } from "#core/chat/driver.ts";
import {
  type LanguageModelApi,
  type LanguageModelSession,
  OWN_MODEL,
  type Prompt,
  readAvailability,
} from "./language-model.ts";

/** A driver on this API, undefined where a browser has none: then it says so when it is asked. */
export function promptApiDriver(api: LanguageModelApi | undefined): ChatDriver {
  return {
    model: "Its own model",
    place: "this browser",
    chat: (request, signal) => chat(api, request, signal),
    models: () => Promise.resolve([OWN_MODEL]),
    readiness: () => readiness(api),
  };
}

const NONE = "This browser has no language model of its own that runs on this device.";

async function readiness(api: LanguageModelApi | undefined): Promise<ChatReadiness> {
  switch (api && (await readAvailability(api))) {
    case "available":
      return { sentence: "It is here and ready. What you ask stays on this device." };
    case "downloadable":
      return {
        sentence:
          "The browser has yet to download it, which may be some gigabytes. It asks nobody else for it, and keeps it.",
        prepare: (onStage, signal) => download(api, onStage, signal),
      };
    case "downloading":
      return {
        sentence: "The browser is downloading it.",
        prepare: (onStage, signal) => download(api, onStage, signal),
      };
    default:
      return { sentence: NONE };
  }
}

/** Has the browser fetch its model; must begin at a person's click. */
async function download(
  api: LanguageModelApi | undefined,
  onStage: (sentence: string) => void,
  signal: AbortSignal,
): Promise<void> {
  onStage("The browser begins to download it …");
  const session = await open(api, [], signal, onStage);
  session.destroy();
}

async function open(
  api: LanguageModelApi | undefined,
  initialPrompts: readonly Prompt[],
  signal: AbortSignal,
  onStage: (sentence: string) => void,
): Promise<LanguageModelSession> {
  if (!api) throw new KromaError("missing", NONE);
  try {
    return await api.create({
      ...(initialPrompts.length > 0 ? { initialPrompts } : {}),
      signal,
      monitor(monitor) {
        monitor.addEventListener("downloadprogress", (event) => {
          const { loaded } = event as Event & { readonly loaded?: unknown };
          if (typeof loaded === "number" && loaded < 1)
            onStage(`The browser is downloading its model, ${Math.floor(loaded * 100)} %`);
        });
      },
    });
  } catch (error) {
    throw explain(error, signal, false);
  }
}

async function* chat(
  api: LanguageModelApi | undefined,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatDelta, void, undefined> {
  if (request.tools && request.tools.length > 0)
    throw new KromaError("invalid", "The browser's own model can't use tools. Ask it without “#| tools”.");
  if (api && (await readAvailability(api)) === "downloadable")
    throw new KromaError(
      "unavailable",
      "The browser has not downloaded its model yet. Open Settings, “Language model”, and have it do so.",
    );
  const prompts = request.messages.map(promptOf);
  const session = await open(api, prompts.slice(0, -1), signal, () => undefined);
  try {
    const stream = session.promptStreaming(prompts.slice(-1), {
      signal,
      ...(request.schema ? { responseConstraint: request.schema.schema } : {}),
    });
    let pieces = 0;
    let isCut = false;
    const reader = stream.getReader();
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        if (typeof read.value !== "string")
          throw new KromaError("corrupt", "The browser's model answered with something else than text.");
        if (read.value === "") continue;
        yield { type: "text", text: read.value };
        pieces += 1;
        // The API has no limit of its own, and its pieces are about tokens.
        isCut = request.maxTokens !== undefined && pieces >= request.maxTokens;
        if (isCut) break;
      }
    } finally {
      void reader.cancel().catch(() => undefined);
    }
    yield { type: "finish", reason: isCut ? "length" : "stop" };
  } catch (error) {
    throw explain(error, signal, request.schema !== undefined);
  } finally {
    session.destroy();
  }
}

function promptOf(message: ChatMessage): Prompt {
  return message.role === "tool"
    ? { role: "user", content: message.content }
    : { role: message.role, content: message.content };
}

/** What the browser throws, in words: the names are those of DOMException and of the specification's QuotaExceededError. */
function explain(error: unknown, signal: AbortSignal, hasSchema: boolean): unknown {
  if (error instanceof KromaError) return error;
  if (signal.aborted) return new KromaError("aborted", "The answer was stopped.");
  const { name, message, requested, quota } = (error ?? {}) as {
    readonly name?: string;
    readonly message?: string;
    readonly requested?: number;
    readonly quota?: number;
  };
  switch (name) {
    case "QuotaExceededError": {
      const sizes =
        typeof requested === "number" && typeof quota === "number"
          ? ` It makes ${requested.toLocaleString("en")} tokens, and there is room for ${quota.toLocaleString("en")}.`
          : "";
      return new KromaError(
        "exhausted",
        `This is more than the browser's model can read.${sizes} Let it see fewer cells with “#| see: none”, or ask in fewer words.`,
      );
    }
    case "NotAllowedError":
      return new KromaError(
        "denied",
        "The browser does not let this page ask its model: its settings or rules forbid it.",
      );
    case "NotSupportedError":
      return new KromaError(
        "invalid",
        hasSchema
          ? "The browser's model can't be held to this JSON Schema, or does not speak this language."
          : "The browser's model does not do this, or does not speak this language.",
      );
    case "NetworkError":
      return new KromaError("unavailable", "The browser could not download its model. Is there a network?");
    default:
      return new KromaError("unavailable", `The browser's model failed: ${message ?? String(error)}`);
  }
}
