/** The browser's own model, as the Prompt API's specification lets it behave: no browser here has one that answers. */
import { describe, expect, it } from "vitest";
import { addDelta, type ChatAnswer, emptyAnswer } from "#core/chat/answer.ts";
import type { ChatDelta, ChatRequest } from "#core/chat/driver.ts";
import { promptApiDriver } from "#plugins/prompt-api/driver.ts";
import type { LanguageModelApi, Prompt } from "#plugins/prompt-api/language-model.ts";

interface Script {
  readonly availability?: string;
  readonly pieces?: readonly unknown[];
  /** Thrown in the place of the answer's end. */
  readonly failure?: unknown;
  readonly refusal?: unknown;
  readonly isEndless?: boolean;
}

interface Scripted extends LanguageModelApi {
  readonly told: (readonly Prompt[])[];
  readonly constraints: unknown[];
  /** Sessions that are open. */
  open: number;
  progress: readonly number[];
}

function scripted({ availability = "available", pieces = [], failure, refusal, isEndless = false }: Script): Scripted {
  const told: (readonly Prompt[])[] = [];
  const constraints: unknown[] = [];
  const api: Scripted = {
    told,
    constraints,
    open: 0,
    progress: [],
    availability: () => Promise.resolve(availability),
    create({ initialPrompts = [], signal, monitor }) {
      if (refusal !== undefined) return Promise.reject(refusal as Error);
      const target = new EventTarget();
      monitor(target);
      for (const loaded of api.progress)
        target.dispatchEvent(Object.assign(new Event("downloadprogress"), { loaded, total: 1 }));
      signal.throwIfAborted();
      api.open += 1;
      return Promise.resolve({
        promptStreaming(input, options) {
          told.push([...initialPrompts, ...input]);
          constraints.push(options.responseConstraint);
          const rest = [...pieces];
          return new ReadableStream<unknown>({
            start(controller) {
              options.signal.addEventListener("abort", () => controller.error(options.signal.reason));
            },
            pull(controller) {
              if (rest.length > 0) controller.enqueue(rest.shift());
              else if (isEndless) controller.enqueue(" again");
              else if (failure === undefined) controller.close();
              else controller.error(failure);
            },
          });
        },
        destroy: () => void (api.open -= 1),
      });
    },
  };
  return api;
}

const request: ChatRequest = {
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hello" },
    { role: "assistant", content: "Hi" },
    { role: "user", content: "Again" },
  ],
};
const ask = async (
  api: LanguageModelApi | undefined,
  asked: ChatRequest = request,
  signal = new AbortController().signal,
): Promise<ChatAnswer> => {
  let answer = emptyAnswer;
  for await (const delta of promptApiDriver(api).chat(asked, signal)) answer = addDelta(answer, delta);
  return answer;
};

describe("an answer of the browser's own model", () => {
  it("comes in pieces, after the whole conversation was told", async () => {
    const api = scripted({ pieces: ["The ", "", "cat"] });
    expect(await ask(api)).toMatchObject({ text: "The cat", pieces: 2, finish: "stop" });
    expect(api.told).toEqual([request.messages]);
    expect(api.open).toBe(0);
  });

  it("is held to a JSON Schema, and ends at a limit", async () => {
    const api = scripted({ pieces: ["{", "}"], isEndless: true });
    const schema = { type: "object" };
    expect(await ask(api, { ...request, schema: { name: "a", schema }, maxTokens: 2 })).toMatchObject({
      text: "{}",
      finish: "length",
    });
    expect(api.constraints).toEqual([schema]);
    expect(api.open).toBe(0);
  });

  it("stops when it is told to, and lets go when it is left", async () => {
    const api = scripted({ isEndless: true });
    const abort = new AbortController();
    const heard: ChatDelta[] = [];
    const read = async (): Promise<void> => {
      for await (const delta of promptApiDriver(api).chat(request, abort.signal)) {
        heard.push(delta);
        if (heard.length === 3) abort.abort();
      }
    };
    await expect(read()).rejects.toMatchObject({ name: "KromaError", code: "aborted" });
    for await (const delta of promptApiDriver(api).chat(request, new AbortController().signal)) if (delta) break;
    expect(api.open).toBe(0);
  });

  it.each([
    [
      { failure: Object.assign(new Error("x"), { name: "QuotaExceededError", requested: 9000, quota: 4096 }) },
      "exhausted",
      "9,000 tokens, and there is room for 4,096",
    ],
    [{ failure: new DOMException("x", "NotSupportedError") }, "invalid", "does not do this"],
    [{ failure: new DOMException("no session", "UnknownError") }, "unavailable", "failed: no session"],
    [{ refusal: new DOMException("x", "NotAllowedError") }, "denied", "does not let this page"],
    [{ refusal: new DOMException("x", "NetworkError") }, "unavailable", "could not download"],
    [{ pieces: [{ text: "x" }] }, "corrupt", "something else than text"],
    [{ availability: "downloadable" }, "unavailable", "has not downloaded its model yet"],
  ] as const)("fails in words: %j", async (script, code, words) => {
    const api = scripted(script);
    await expect(ask(api)).rejects.toMatchObject({ code, message: expect.stringContaining(words) as string });
    expect(api.open).toBe(0);
  });

  it("is not to be had where there is none, nor with tools", async () => {
    await expect(ask(undefined)).rejects.toMatchObject({ code: "missing" });
    const tools = [{ name: "list_cells", description: "", parameters: {} }];
    await expect(ask(scripted({}), { ...request, tools })).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("can't use tools") as string,
    });
  });
});

describe("how near it is", () => {
  it.each([
    ["available", "ready", false],
    ["downloadable", "has yet to download it", true],
    ["downloading", "is downloading it", true],
    ["unavailable", "has no language model", false],
    ["what is this", "has no language model", false],
  ])("%s", async (availability, words, canBeMade) => {
    const { sentence, prepare } = (await promptApiDriver(scripted({ availability })).readiness?.()) ?? {};
    expect(sentence).toContain(words);
    expect(prepare !== undefined).toBe(canBeMade);
  });

  it("tells how far a download is, and keeps nothing open", async () => {
    const api = scripted({ availability: "downloadable" });
    api.progress = [0, 0.456, 1];
    const said: string[] = [];
    const { prepare } = (await promptApiDriver(api).readiness?.()) ?? {};
    await prepare?.((sentence) => said.push(sentence), new AbortController().signal);
    expect(said).toEqual([
      "The browser begins to download it …",
      "The browser is downloading its model, 0 %",
      "The browser is downloading its model, 45 %",
    ]);
    expect(api.open).toBe(0);
  });
});
