/** What every ChatDriver that runs model files promises; called with the thing that opens them. The models are made here. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KromaErrorCode } from "#core/base/errors.ts";
import { addDelta, type ChatAnswer, emptyAnswer } from "#core/chat/answer.ts";
import type { ChatDelta, ChatDriver, ChatDrivers, ChatPlace, ChatRequest } from "#core/chat/driver.ts";
import { bigramModel } from "../unit/chat/bigram-model.ts";

const WORDS = [" the", " cat", " sat", " on", " a", " mat", "."];
const SENTENCE = "the cat sat on a mat.";

/** The tags in which models of the Hermes and Qwen families call tools, as their templates show them. */
const TOOL_TEMPLATE =
  "{% if tools %}<|im_start|>system\nTools:\n<tools>{% for tool in tools %}{{ tool | tojson }}{% endfor %}</tools>\n" +
  'Call one as <tool_call>\n{"name": <name>, "arguments": <arguments>}\n</tool_call><|im_end|>\n{% endif %}' +
  "{% for message in messages %}<|im_start|>{{ message.role }}\n" +
  "{{ message.content }}{% if message.tool_calls %}{% for call in message.tool_calls %}<tool_call>\n" +
  '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}\n</tool_call>' +
  "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

const TOOL = {
  name: "list_cells",
  description: "Lists the cells.",
  parameters: { type: "object", properties: {}, required: [], additionalProperties: false },
};

/** Models by the name under which drivers find them. */
const models: Readonly<Record<string, () => Uint8Array<ArrayBuffer>>> = {
  "says.gguf": () => bigramModel({ words: WORDS }),
  "endless.gguf": () => bigramModel({ words: WORDS, endless: true, context: 4096 }),
  "tools.gguf": () =>
    bigramModel({
      words: ['<tool_call>\n{"name": "', "list_cells", '", "arguments": ', "{}", "}\n</tool_call>"],
      context: 2048,
      template: TOOL_TEMPLATE,
    }),
  "strange.gguf": () => bigramModel({ words: WORDS, architecture: "frobnicator" }),
  "cut.gguf": () => bigramModel({ words: WORDS }).slice(0, 20_000),
  "text.gguf": () => new TextEncoder().encode("This is no model at all, but a text. ".repeat(100)),
};

/** The rules. `start` begins the kind of driver that is tested, on a place that has the models above. */
export function chatConformance(name: string, start: (place: ChatPlace) => ChatDrivers): void {
  describe(`${name} as a ChatDriver`, () => {
    let drivers: ChatDrivers;
    const changed = new Map<string, Uint8Array<ArrayBuffer>>();
    beforeAll(() => {
      drivers = start({
        asset: (path) => new URL(`assets/${path}`, globalThis.location?.origin ?? "file:///").href,
        openModel: (source, { unless }) => {
          const other = changed.get(source);
          const fingerprint = `${source} ${other?.length ?? 0}`;
          const bytes = other ?? models[source]?.() ?? new Uint8Array();
          return Promise.resolve({
            name: source,
            fingerprint,
            file: unless === fingerprint ? undefined : new Blob([bytes]),
          });
        },
        files: () => Promise.resolve(Object.keys(models).sort()),
      });
    });
    afterAll(() => drivers.close());
    beforeEach(() => changed.clear());

    const driverOf = (model: string): ChatDriver => drivers.open({ address: "", key: "", model });
    const saying = (content: string, more: Partial<ChatRequest> = {}): ChatRequest => ({
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content },
      ],
      temperature: 0,
      maxTokens: 100,
      ...more,
    });
    interface Heard {
      readonly answer: ChatAnswer;
      readonly deltas: readonly ChatDelta[];
    }
    const ask = async (model: string, request: ChatRequest, signal = new AbortController().signal): Promise<Heard> => {
      const deltas: ChatDelta[] = [];
      let answer = emptyAnswer;
      for await (const delta of driverOf(model).chat(request, signal)) {
        deltas.push(delta);
        answer = addDelta(answer, delta);
      }
      return { answer, deltas };
    };
    const refusal = async (
      model: string,
      request = saying("Hello"),
    ): Promise<{ code: KromaErrorCode; message: string }> =>
      ask(model, request).then(
        () => expect.fail("an answer came"),
        (error: { code: KromaErrorCode; message: string }) => ({ code: error.code, message: error.message }),
      );

    it("answers in the words of the model, piece by piece, and counts its tokens", async () => {
      const { answer, deltas } = await ask("says.gguf", saying("Hello"));
      expect(answer.text.trim()).toBe(SENTENCE);
      expect(deltas.filter(({ type }) => type === "text").length).toBeGreaterThanOrEqual(WORDS.length);
      expect(deltas.filter(({ type }) => type === "finish")).toEqual([{ type: "finish", reason: "stop" }]);
      expect(answer.usage?.completion).toBeGreaterThanOrEqual(WORDS.length);
      expect(answer.usage?.completion).toBeLessThanOrEqual(WORDS.length + 1);
      // Each letter is a token of its own to this model: the template's marks are among them.
      expect(answer.usage?.prompt).toBeGreaterThan(
        "<|system|>Be brief.<|end|><|user|>Hello<|end|><|assistant|>".length - 1,
      );
    });

    it("ends where it was told to end", async () => {
      const { answer } = await ask("endless.gguf", saying("Hello", { maxTokens: 10 }));
      expect(answer.finish).toBe("length");
      expect(answer.usage?.completion).toBe(10);
    });

    it("stops within a token when it is told to, and can be asked again", async () => {
      const abort = new AbortController();
      let heard = 0;
      const read = async (): Promise<void> => {
        for await (const { type } of driverOf("endless.gguf").chat(
          saying("Hello", { maxTokens: 3000 }),
          abort.signal,
        )) {
          if (type !== "text") continue;
          heard += 1;
          if (heard === 3) abort.abort();
        }
      };
      await expect(read()).rejects.toMatchObject({ name: "KromaError", code: "aborted" });
      expect(heard).toBe(3);
      expect((await ask("endless.gguf", saying("Hello", { maxTokens: 7 }))).answer.text.trim()).toBe(SENTENCE);
    });

    it("is free again when somebody leaves in the middle of an answer, and answers one after the other", async () => {
      for await (const { type } of driverOf("endless.gguf").chat(
        saying("Hello", { maxTokens: 3000 }),
        new AbortController().signal,
      ))
        if (type === "text") break;
      const both = await Promise.all([
        ask("endless.gguf", saying("One", { maxTokens: 7 })),
        ask("says.gguf", saying("Two")),
      ]);
      expect(both.map(({ answer }) => answer.text.trim())).toEqual([SENTENCE, SENTENCE]);
    });

    it("does not wait for a turn that it does not want any more", async () => {
      const [first, second] = [new AbortController(), new AbortController()];
      const speaking = driverOf("endless.gguf")
        .chat(saying("Hello", { maxTokens: 3000 }), first.signal)
        [Symbol.asyncIterator]();
      await speaking.next();
      const waiting = ask("says.gguf", saying("Hello"), second.signal);
      second.abort();
      await expect(waiting).rejects.toMatchObject({ code: "aborted" });
      await speaking.return?.();
      expect((await ask("says.gguf", saying("Hello"))).answer.text.trim()).toBe(SENTENCE);
    });

    it("holds the answer to a JSON Schema", async () => {
      const schema = {
        type: "object",
        properties: { mood: { enum: ["glad", "sad"] }, sure: { type: "boolean" } },
        required: ["mood", "sure"],
        additionalProperties: false,
      };
      // To a model of nothing but words all that a grammar allows is alike: it may write much space between the values.
      const { answer } = await ask(
        "endless.gguf",
        saying("Hello", { schema: { name: "answer", schema }, maxTokens: 2000 }),
      );
      const value = JSON.parse(answer.text) as { readonly mood: unknown; readonly sure: unknown };
      expect(["glad", "sad"]).toContain(value.mood);
      expect(typeof value.sure).toBe("boolean");
    });

    it("refuses a schema that is none, and answers afterwards", async () => {
      const schema = { type: "whatever" };
      expect(await refusal("says.gguf", saying("Hello", { schema: { name: "answer", schema } }))).toMatchObject({
        code: "invalid",
        message: expect.stringContaining("can't be held to this JSON Schema") as string,
      });
      expect((await ask("says.gguf", saying("Hello"))).answer.text.trim()).toBe(SENTENCE);
    });

    it("passes on that the model asks for a tool", async () => {
      const { answer } = await ask("tools.gguf", saying("Hello", { tools: [TOOL] }));
      expect(answer.finish).toBe("tool_calls");
      expect(answer.toolCalls).toHaveLength(1);
      expect(answer.toolCalls[0]).toMatchObject({ name: "list_cells" });
      expect(JSON.parse(answer.toolCalls[0]?.arguments ?? "")).toEqual({});
      // The model is told what the tool gave, and here, where it has none any more, what it says is text.
      const after = await ask("tools.gguf", {
        ...saying("Hello"),
        messages: [
          ...saying("Hello").messages,
          { role: "assistant", content: "", toolCalls: answer.toolCalls },
          { role: "tool", call: answer.toolCalls[0]?.id ?? "", content: "1 python: x = 1" },
        ],
      });
      expect(after.answer.finish).toBe("stop");
      expect(after.answer.usage?.prompt).toBeGreaterThan("1 python: x = 1".length);
    });

    it("says in words that a conversation is longer than the model can read", async () => {
      const { code, message } = await refusal("says.gguf", saying("far too long ".repeat(100)));
      expect(code).toBe("exhausted");
      expect(message).toMatch(/^This makes 1,\d\d\d tokens, and says\.gguf has room for 256\./);
      expect((await ask("says.gguf", saying("Hello"))).answer.text.trim()).toBe(SENTENCE);
    });

    it("says what is wrong with a file that it can't load, and loads another afterwards", async () => {
      expect(await refusal("strange.gguf")).toMatchObject({
        code: "invalid",
        message: expect.stringContaining("architecture “frobnicator”") as string,
      });
      expect(await refusal("cut.gguf")).toMatchObject({
        code: "corrupt",
        message: expect.stringContaining("cut.gguf is not whole") as string,
      });
      expect(await refusal("text.gguf")).toMatchObject({
        code: "corrupt",
        message: expect.stringContaining("text.gguf is no model") as string,
      });
      expect((await ask("says.gguf", saying("Hello"))).answer.text.trim()).toBe(SENTENCE);
    });

    it("loads a file again when it has changed", async () => {
      await ask("says.gguf", saying("Hello"));
      changed.set("says.gguf", bigramModel({ words: [" another", " one"] }));
      expect((await ask("says.gguf", saying("Hello"))).answer.text.trim()).toBe("another one");
    });

    it("lists the files that it could load", async () => {
      expect(await driverOf("").models(new AbortController().signal)).toContain("says.gguf");
    });

    it("answers no more once it is closed", async () => {
      drivers.close();
      await expect(ask("says.gguf", saying("Hello"))).rejects.toMatchObject({ code: "aborted" });
    });
  });
}
