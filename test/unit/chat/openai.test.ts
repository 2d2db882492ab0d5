/** The driver for endpoints of chat completions, over real sockets: answers, and everything that can be wrong with one. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import { addDelta, type ChatAnswer, emptyAnswer, MAX_ANSWER } from "#core/chat/answer.ts";
import type { ChatDelta, ChatRequest } from "#core/chat/driver.ts";
import { openAiDriver } from "#plugins/openai/driver.ts";
import { eventData } from "#plugins/openai/event-stream.ts";
import { type ChatServer, beginStream, piece, sendJson, startChatServer, streamWords } from "./chat-server.ts";

const KEY = "sk-secret-0123456789";
const hello: ChatRequest = { messages: [{ role: "user", content: "Hello" }] };
const never = new AbortController().signal;
const patience = { first: 10_000, next: 10_000 };

let server: ChatServer;
let usual: ChatServer["answer"];
beforeAll(async () => {
  server = await startChatServer();
  usual = server.answer;
});
afterEach(() => {
  server.answer = usual;
  server.asked.length = 0;
  server.left = 0;
});
afterAll(() => server.close());

const driver = (key = "", bear = patience) => openAiDriver({ address: server.url, model: "tiny", key }, bear);

async function ask(request: ChatRequest = hello, key = "", bear = patience): Promise<ChatAnswer> {
  let answer = emptyAnswer;
  for await (const delta of driver(key, bear).chat(request, never)) answer = addDelta(answer, delta);
  return answer;
}

/** How asking failed. */
async function failure(key = "", bear = patience): Promise<KromaError> {
  const error: unknown = await ask(hello, key, bear).then(
    (answer) => new Error(`it answered “${answer.text}”`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof KromaError)) throw error;
  return error;
}

describe("an answer", () => {
  it("comes in pieces, with its usage and its end", async () => {
    const answer = await ask();
    expect(answer).toMatchObject({ text: "Hello from the model.", finish: "stop", pieces: 4 });
    expect(answer.usage).toEqual({ prompt: 11, completion: 4 });
  });

  it("is asked for as the protocol says, the key in its header and nowhere else", async () => {
    const schema = { type: "object" };
    await ask(
      {
        messages: [
          { role: "assistant", content: "", toolCalls: [{ id: "1", name: "list_cells", arguments: "{}" }] },
          { role: "tool", call: "1", content: "none" },
        ],
        tools: [{ name: "list_cells", description: "Lists", parameters: schema }],
        schema: { name: "answer", schema },
        temperature: 0,
        maxTokens: 9,
        seed: 3,
      },
      KEY,
    );
    const [asked] = server.asked;
    expect(asked?.path).toBe("/v1/chat/completions");
    expect(asked?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(asked?.headers.referer).toBeUndefined();
    expect(asked?.body).toEqual({
      model: "tiny",
      stream: true,
      stream_options: { include_usage: true },
      messages: [
        {
          role: "assistant",
          content: "",
          tool_calls: [{ id: "1", type: "function", function: { name: "list_cells", arguments: "{}" } }],
        },
        { role: "tool", tool_call_id: "1", content: "none" },
      ],
      tools: [{ type: "function", function: { name: "list_cells", description: "Lists", parameters: schema } }],
      response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema } },
      temperature: 0,
      max_tokens: 9,
      seed: 3,
    });
  });

  it("may be cut anywhere, also inside a character and a line end", async () => {
    server.answer = async (response) => {
      beginStream(response);
      const bytes = Buffer.from(
        `: a comment\r\n\r\nevent: message\r\n${piece({ content: "é😀" }).replaceAll("\n", "\r\n")}${piece({}, "stop")}`,
      );
      for (const byte of bytes) await new Promise<void>((sent) => response.write(Buffer.of(byte), () => sent()));
      response.end();
    };
    expect((await ask()).text).toBe("é😀");
  });

  it("may come whole where it is not streamed", async () => {
    server.answer = (response) =>
      sendJson(response, 200, {
        choices: [{ message: { role: "assistant", content: "All." }, finish_reason: "stop" }],
      });
    expect(await ask()).toMatchObject({ text: "All.", finish: "stop" });
  });

  it("brings thoughts and calls of tools, whose arguments come in parts or as an object", async () => {
    server.answer = (response) => {
      beginStream(response);
      response.write(piece({ reasoning_content: "Hm." }));
      response.write(
        piece({ tool_calls: [{ index: 0, id: "a", function: { name: "read_cell", arguments: '{"num' } }] }),
      );
      response.write(piece({ tool_calls: [{ index: 0, function: { arguments: 'ber":1}' } }] }));
      response.write(piece({ tool_calls: [{ index: 1, id: "b", function: { name: "list_cells", arguments: {} } }] }));
      response.end(piece({}, "tool_calls"));
    };
    expect((await ask()).toolCalls).toEqual([
      { id: "a", name: "read_cell", arguments: '{"number":1}' },
      { id: "b", name: "list_cells", arguments: "{}" },
    ]);
  });

  it("is given up at its source when nobody wants the rest", async () => {
    server.answer = (response) => {
      beginStream(response);
      response.write(piece({ content: "one" }));
    };
    for await (const delta of driver().chat(hello, never)) {
      expect(delta).toEqual({ type: "text", text: "one" });
      break;
    }
    await expect.poll(() => server.left).toBe(1);
    const abort = new AbortController();
    const rest = (async () => {
      for await (const _ of driver().chat(hello, abort.signal)) abort.abort();
    })();
    await expect(rest).rejects.toMatchObject({ code: "aborted" });
    await expect.poll(() => server.left).toBe(2);
  });

  it("lists the models", async () => {
    expect(await driver(KEY).models(never)).toEqual(["small", "tiny"]);
    expect(server.asked[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
  });
});

describe("a failure", () => {
  const refusing = (status: number, headers: Record<string, string> = {}, message = "no") =>
    (server.answer = (response) => sendJson(response, status, { error: { message } }, headers));

  it("says what a status means", async () => {
    refusing(401);
    expect(await failure()).toMatchObject({
      code: "denied",
      message: expect.stringContaining("wants a key, and none is set"),
    });
    expect(await failure(KEY)).toMatchObject({
      code: "denied",
      message: expect.stringContaining("does not accept this key"),
    });
    refusing(404);
    expect(await failure()).toMatchObject({ code: "missing", message: expect.stringContaining("no model “tiny”") });
    refusing(400, {}, "no such\nparameter");
    expect(await failure()).toMatchObject({
      code: "invalid",
      message: expect.stringContaining("It says: no such parameter"),
    });
    refusing(500);
    expect(await failure()).toMatchObject({ code: "unavailable", details: { status: 500 } });
  });

  it("tells when to try again, in seconds or by a date", async () => {
    refusing(429, { "retry-after": "7" });
    expect(await failure()).toMatchObject({
      code: "unavailable",
      details: { retryAfter: 7 },
      message: expect.stringContaining("in 7 s"),
    });
    refusing(429, { "retry-after": new Date(Date.now() + 60_000).toUTCString() });
    const { retryAfter } = (await failure()).details as { retryAfter: number };
    expect(retryAfter).toBeGreaterThan(50);
    expect(retryAfter).toBeLessThanOrEqual(60);
    refusing(429, { "retry-after": "soon" });
    expect((await failure()).details).toEqual({ status: 429 });
  });

  it("never says the key, whole or in part", async () => {
    refusing(401, {}, `Incorrect API key provided: ${KEY}, also known as sk-sec***6789. Find yours.`);
    const { message } = await failure(KEY);
    expect(message).toContain("Incorrect API key provided: [key]");
    expect(message).not.toMatch(/sk-sec|6789/);
    server.answer = (response) => {
      beginStream(response);
      response.end(`data: ${JSON.stringify({ error: `bad key ${KEY}` })}\n\n`);
    };
    expect((await failure(KEY)).message).toContain("bad key [key]");
    // A key that is a word stays a word in what is our own to say.
    refusing(401, {}, "the key key is wrong");
    expect((await failure("key")).message).toMatch(/does not accept this key\. It says: the \[key\] \[key\] is wrong/);
  });

  it.each([
    ["a web page", "text/html", "<!doctype html><title>Hi</title>", /a web page.*\/v1/],
    ["plain text", "text/plain", "Hello", /answered with text\/plain/],
    ["JSON that is no completion", "application/json", "[1]", /is not a chat completion/],
    ["a stream that is not JSON", "text/event-stream", "data: {nonsense\n\n", /is not a chat completion/],
    [
      "a stream of the wrong shape",
      "text/event-stream",
      'data: {"choices":[{"delta":{"content":7}}]}\n\n',
      /at choices\.0\.delta\.content/,
    ],
    [
      "a call that begins in its middle",
      "text/event-stream",
      piece({ tool_calls: [{ index: 3, function: { arguments: "x" } }] }),
      /in its middle/,
    ],
  ])("says that %s is none", async (_, type, body, sentence) => {
    server.answer = (response) => void response.writeHead(200, { "content-type": type }).end(body);
    expect(await failure()).toMatchObject({ code: "corrupt", message: expect.stringMatching(sentence) });
  });

  it.each([
    ["ends without a word", (): string => ""],
    ["ends after some words", (): string => piece({ content: "some" })],
    ["is no stream of events", (): string => "Hello there\n"],
  ])("says of an answer that %s that it was cut off", async (_, body) => {
    server.answer = (response) => {
      beginStream(response);
      response.end(body());
    };
    expect(await failure()).toMatchObject({ code: "unavailable", message: expect.stringContaining("cut off") });
  });

  it("says that the connection broke", async () => {
    server.answer = (response) => {
      beginStream(response);
      response.write(piece({ content: "some" }), () => response.destroy());
    };
    expect(await failure()).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("broke in the middle"),
    });
  });

  it("gives up one that is silent, before its first word and after", async () => {
    server.answer = () => undefined;
    expect(await failure("", { first: 50, next: 10_000 })).toMatchObject({
      code: "exhausted",
      message: expect.stringContaining("said nothing"),
    });
    server.answer = (response) => {
      beginStream(response);
      response.write(piece({ content: "some" }));
    };
    expect(await failure("", { first: 10_000, next: 50 })).toMatchObject({
      code: "exhausted",
      message: expect.stringContaining("said nothing"),
    });
  });

  it("stops one that never ends, also inside one line", async () => {
    const flood = (chunk: string) => {
      server.answer = (response) => {
        beginStream(response);
        const more = (): void => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on("drain", more);
        more();
      };
    };
    flood(piece({ content: "x".repeat(50_000) }));
    expect(await failure()).toMatchObject({
      code: "exhausted",
      message: expect.stringContaining(MAX_ANSWER.toLocaleString("en")),
    });
    flood("data: and so on and so on");
    expect(await failure()).toMatchObject({ code: "exhausted", message: expect.stringContaining("One piece") });
    flood(`data: ${"y".repeat(90_000)}\n`);
    expect(await failure()).toMatchObject({ code: "exhausted", message: expect.stringContaining("One piece") });
    flood(`: ${"z".repeat(90_000)}\n`);
    expect(await failure()).toMatchObject({ code: "exhausted", message: expect.stringContaining("too long") });
  });

  it("follows no other address", async () => {
    const other = await startChatServer();
    server.answer = (response) => void response.writeHead(307, { location: `${other.url}/chat/completions` }).end();
    expect((await failure(KEY)).code).toBe("unavailable");
    expect(other.asked).toEqual([]);
    await other.close();
  });

  it("says that nobody is there", async () => {
    const gone = await startChatServer();
    await gone.close();
    const asking = openAiDriver({ address: gone.url, model: "", key: "" }).models(never);
    await expect(asking).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("can't be reached"),
    });
  });

  it("refuses addresses that it won't use, and keys that others could read", () => {
    const open =
      (address: string, key = "") =>
      () =>
        openAiDriver({ address, model: "", key });
    expect(open("localhost:11434")).toThrow(/begins with http/);
    expect(open("model")).toThrow(/is not an address/);
    expect(open("ftp://127.0.0.1/")).toThrow(/begins with http/);
    expect(open("https://me:pass@model.example/v1")).toThrow(/no name, password/);
    expect(open("http://model.example/v1", KEY)).toThrow(/not sent to model.example over http/);
    expect(open("https://model.example/v1", "two words")).toThrow(/characters that no key has/);
    expect(open("http://model.example/v1")).not.toThrow();
    expect(open("http://[::1]:8080/v1", KEY)).not.toThrow();
  });
});

describe("a stream of events", () => {
  const events = async (text: string): Promise<string[]> => {
    const chunks = (async function* () {
      yield new TextEncoder().encode(text);
    })();
    const found: string[] = [];
    for await (const data of eventData(chunks)) found.push(data);
    return found;
  };

  it("is read as the standard says", async () => {
    expect(await events("data: a\ndata:b\ndata\n\nid: 1\n\ndata: c\r\rdata: lost")).toEqual(["a\nb\n", "c"]);
    expect(await events("\uFEFFdata: x\n\n")).toEqual(["x"]);
  });
});

it("puts no limit on how many small pieces an answer has", async () => {
  server.answer = (response) => streamWords(response, "word ".repeat(5000));
  const deltas: ChatDelta[] = [];
  for await (const delta of driver().chat(hello, never)) deltas.push(delta);
  expect(deltas.length).toBe(5002);
});
