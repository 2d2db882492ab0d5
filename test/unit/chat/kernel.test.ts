/** Chat cells in a session: what a model is told, what is shown, what it may use, and when nothing is sent at all. */
import { afterEach, describe, expect, it } from "vitest";
import type { CellId } from "#core/base/ids.ts";
import { KromaError } from "#core/base/errors.ts";
import type { ChatAccess, ChatDelta } from "#core/chat/driver.ts";
import { defaultSettings } from "#core/kernel/defaults.ts";
import type { Kernel, SeenCell } from "#core/kernel/kernel.ts";
import { KernelEnd } from "#core/kernel/kernel-end.ts";
import type { Notebook, Output } from "#core/notebook/model.ts";
import { Session } from "#core/session/session.ts";
import type { CellState } from "#core/session/state.ts";
import { contextOf, MAX_CONTEXT } from "#kernels/chat/context.ts";
import { chatKernel } from "#kernels/chat/kernel.ts";
import { answerBundle } from "#kernels/chat/show.ts";
import { misfit } from "#kernels/chat/schema.ts";
import { MAX_ROUNDS } from "#kernels/chat/turn.ts";
import {
  call,
  promptOf,
  type Script,
  scriptedDriver,
  type ScriptedDriver,
  untilAborted,
  words,
} from "./scripted-driver.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A Python that knows one variable, and says what it was given. */
const pythonRan: string[] = [];
const python: Kernel = {
  spec: { language: "python", displayName: "Python", languageInfo: {}, kernelspec: "python3", magics: [] },
  start({ signal }) {
    const end: KernelEnd = new KernelEnd(signal, {
      receive(message) {
        if (message.type !== "execute_request") return;
        pythonRan.push(message.code);
        const { id: parent } = message;
        end.say({ type: "status", status: "busy", parent });
        end.say({ type: "stream", parent, name: "stdout", text: message.code.includes("answer") ? "42\n" : "done\n" });
        end.say({ type: "execute_reply", parent, status: "ok", count: 1 });
        end.say({ type: "status", status: "idle", parent });
      },
      ping: () => end.heard(),
      ended: () => undefined,
    });
    end.say({ type: "status", status: "idle" });
    return Promise.resolve(end.channel);
  },
};

interface Cell {
  readonly language: string;
  readonly source: string;
  readonly outputs?: readonly Output[];
}

interface Opened {
  readonly driver: ScriptedDriver;
  readonly session: Session;
  /** Runs the cell with this number to its end. */
  run(number: number): Promise<CellState>;
  state(number: number): CellState;
}

function open(cells: readonly Cell[], script: Script, more: { foreign?: boolean; chat?: ChatAccess } = {}): Opened {
  const driver = scriptedDriver(script);
  const id = (number: number): CellId => `c${number}` as CellId;
  const notebook: Notebook = {
    title: "",
    language: "python",
    metadata: {},
    cells: cells.map(({ language, source, outputs }, index) => ({
      id: id(index + 1),
      kind: language === "markdown" ? "markdown" : "code",
      language,
      source,
      textVersion: 0,
      metadata: {},
      run: outputs && {
        id: `run-${index}` as never,
        status: "ok",
        count: 1,
        started: 1,
        ms: 1,
        sourceHash: "",
        outputs,
      },
    })),
  };
  const session = new Session({
    notebook: {
      notebook,
      onChange: () => () => undefined,
      change: () => Promise.resolve(),
      runProgress: () => undefined,
      relay: () => undefined,
      onRelay: () => () => undefined,
    },
    kernels: [python, chatKernel],
    host: {
      spawn: () => {
        throw new Error("no worker");
      },
      asset: (path) => path,
      workspace: undefined,
      settings: defaultSettings,
      foreign: more.foreign ?? false,
      chat: more.chat ?? { howTo: "Say where.", open: () => driver },
    },
  });
  stops.push(() => session.close());
  const state = (number: number): CellState => session.state.cells.get(id(number)) as CellState;
  return {
    driver,
    session,
    state,
    async run(number) {
      session.send({ type: "run_cells", cells: [id(number)] });
      await expect.poll(() => ["queued", "running"].includes(state(number).progress)).toBe(false);
      return state(number);
    },
  };
}

const displays = (state: CellState) =>
  state.outputs.flatMap((output) => (output.output_type === "display_data" ? [output] : []));
const answerOf = (state: CellState): unknown =>
  displays(state).find(({ metadata }) => (metadata["kroma"] as { chat?: string })?.chat === "answer")?.data[
    "text/plain"
  ];
const errorOf = (state: CellState) => state.outputs.find((output) => output.output_type === "error");
const told = ({ asked }: ScriptedDriver, turn = 0) =>
  asked[turn]?.messages.map(({ role, content }) => `${role}: ${content}`);

describe("what the model sees", () => {
  it("is the prompt and the chat above it, and the cell shows exactly that", async () => {
    const cells = [
      {
        language: "python",
        source: "secret = 1",
        outputs: [{ output_type: "stream", name: "stdout", text: "1\n" } as const],
      },
      { language: "chat", source: "My name is <b>Ada</b>" },
      { language: "chat", source: "Who am I?" },
      { language: "chat", source: "Below" },
    ];
    const { driver, run } = open(cells, (request) => words(`You said: ${promptOf(request)}`));
    await run(2);
    const last = await run(3);
    expect(told(driver, 1)?.slice(1)).toEqual([
      "user: My name is <b>Ada</b>",
      "assistant: You said: My name is <b>Ada</b>",
      "user: Who am I?",
    ]);
    expect(JSON.stringify(driver.asked)).not.toContain("secret");
    expect(answerOf(last)).toBe("You said: Who am I?");
    const [seen, answer] = displays(last);
    expect(seen?.data["text/plain"]).toMatch(/^scripted at test saw 4 messages, \d+ characters · 5 tokens/);
    const folded = String(seen?.data["text/markdown"]);
    expect(folded).toMatch(/^<details>\n\n<summary><small>/);
    for (const { content } of driver.asked[1]?.messages ?? []) expect(folded).toContain(content);
    expect(answer?.data["text/markdown"]).toBe("You said: Who am I?");
    expect(answer?.metadata).toMatchObject({ kroma: { loads: false } });
  });

  it("is every cell above with its output, where the cell says so, and nothing where it says that", async () => {
    const picture: Output = { output_type: "display_data", data: { "image/png": "AAAA" }, metadata: {} };
    const failed: Output = { output_type: "error", ename: "KeyError", evalue: "'x'", traceback: ["\u001b[31mlong"] };
    const cells = [
      { language: "markdown", source: "# Weather" },
      { language: "python", source: "plot()", outputs: [picture, failed] },
      { language: "chat", source: "#| see: above\nExplain." },
      { language: "chat", source: "#| see: none\n#| system: Be a pirate.\nHello" },
    ];
    const { driver, run } = open(cells, () => words("Yes"));
    await run(3);
    expect(told(driver)?.slice(1)).toEqual([
      "user: # Weather\n\nCell 2, python:\n\n```python\nplot()\n```\n\nIts output:\n\n```text\n[image/png]\nKeyError: 'x'\n```\n\nExplain.",
    ]);
    await run(4);
    expect(told(driver, 1)).toEqual(["system: Be a pirate.", "user: Hello"]);
  });

  it("has a limit, beyond which the oldest cells are left out and are said to be", () => {
    const cells = Array.from({ length: 5 }, (_, index): SeenCell => {
      return {
        id: `${index}` as CellId,
        kind: "markdown",
        language: "markdown",
        source: `${index}${"x".repeat(MAX_CONTEXT / 3)}`,
        outputs: [],
      };
    });
    const { messages, dropped } = contextOf(cells, "And?", { see: "above" });
    expect(dropped).toBe(3);
    expect(messages[1]?.content.slice(0, 2)).toBe("3x");
  });
});

describe("an answer", () => {
  it("keeps what came when it is interrupted, and when it fails", async () => {
    const { run, session, state } = open(
      [
        { language: "chat", source: "wait" },
        { language: "chat", source: "fail" },
      ],
      async function* (request, signal): AsyncGenerator<ChatDelta> {
        yield { type: "text", text: "So far" };
        if (promptOf(request) === "fail") throw new KromaError("unavailable", "The answer was cut off before its end.");
        await untilAborted(signal);
      },
    );
    const waiting = run(1);
    await expect.poll(() => answerOf(state(1))).toBe("So far");
    expect(displays(state(1))[1]?.data["text/markdown"]).toMatch(/^So far\n\n<small>Answering … 1 token/);
    session.send({ type: "interrupt" });
    expect(errorOf(await waiting)?.ename).toBe("KeyboardInterrupt");
    expect(answerOf(state(1))).toBe("So far");
    expect(displays(state(1))[1]?.data["text/markdown"]).toBe("So far");
    const failed = await run(2);
    expect(answerOf(failed)).toBe("So far");
    expect(errorOf(failed)).toMatchObject({ ename: "ChatUnavailable", evalue: expect.stringContaining("cut off") });
  });

  it("is a value where the cell has a schema, and an error where it does not fit", async () => {
    const schema =
      '#| schema: {"type": "object",\n#|   "properties": {"age": {"type": "integer"}},\n#|   "required": ["age"]}\n';
    const { driver, run } = open(
      ["good", "wrong", "prose"].map((prompt) => ({ language: "chat", source: schema + prompt })),
      (request) => {
        const prompt = promptOf(request);
        return words(prompt === "good" ? '{"age": 3}' : prompt === "wrong" ? '{"age": "three"}' : "Three!");
      },
    );
    const good = await run(1);
    expect(driver.asked[0]?.schema?.schema).toMatchObject({ required: ["age"] });
    expect(displays(good).at(-1)?.data["application/json"]).toEqual({ age: 3 });
    expect(errorOf(await run(2))).toMatchObject({
      evalue: "The answer does not fit the schema: at /age: integer is wanted.",
    });
    const prose = await run(3);
    expect(errorOf(prose)?.evalue).toMatch(/not JSON/);
    expect(answerOf(prose)).toBe("Three!");
  });

  it("says what goes on below what has come, also below code that is not closed", () => {
    const state = {
      messages: [],
      isThinking: false,
      stage: undefined,
      isDone: false,
      cut: undefined,
      tokens: 0,
      promptTokens: undefined,
    };
    const shown = (text: string, more: object = {}) =>
      answerBundle({ ...state, text, speaking: 0, waiting: undefined, ...more }, false)["text/markdown"];
    expect(shown("")).toBe("<small>Waiting …</small>");
    expect(shown("", { isThinking: true, tokens: 2, speaking: 1000 })).toBe(
      "<small>Thinking … 2 tokens, 2.0 tokens/s</small>",
    );
    expect(shown("See:\n```js\nlet a", { tokens: 3 })).toBe(
      "See:\n```js\nlet a\n```\n\n<small>Answering … 3 tokens</small>",
    );
    expect(shown("Done", { isDone: true })).toBe("Done");
    // A file's name is no markup.
    expect(shown("", { stage: "Loading a_b[c](d).gguf" })).toBe("<small>Loading a\\_b\\[c\\](d).gguf</small>");
  });

  it("tells what its driver does before the first word, and counts it as no part of the answer", async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const opened = open([{ language: "chat", source: "#| model: tiny.gguf\nGo" }], async function* () {
      yield { type: "stage", text: "Loading tiny.gguf" };
      await gate;
      yield* words("Here");
    });
    const ended = opened.run(1);
    await expect
      .poll(() => displays(opened.state(1)).map(({ data }) => data["text/markdown"]))
      .toContain("<small>Loading tiny.gguf</small>");
    go();
    const [seen, answer] = displays(await ended);
    expect(answer?.data["text/markdown"]).toBe("Here");
    expect(seen?.data["text/plain"]).toMatch(/^tiny\.gguf at test saw .* · 1 token,/);
  });

  it("that never began is said to be none: nobody knows what the model saw", async () => {
    const { run } = open([{ language: "chat", source: "Go" }], () => {
      throw new KromaError("corrupt", "tiny.gguf is not whole.");
    });
    expect(displays(await run(1)).map(({ data }) => data["text/plain"])).toEqual([
      expect.stringMatching(/^For scripted at test: 2 messages, \d+ characters · no answer came$/),
    ]);
  });

  it("may be nothing at all, which is said", async () => {
    const { run } = open([{ language: "chat", source: "Go" }], () => [{ type: "finish", reason: "stop" }]);
    expect(displays(await run(1)).map(({ data }) => data["text/plain"])).toEqual([
      expect.stringMatching(/characters · it said nothing$/),
    ]);
  });

  it("says that it was cut at its limit", async () => {
    const { run, driver } = open([{ language: "chat", source: "#| max_tokens: 2\n#| temperature: 0\nGo" }], () => [
      { type: "text", text: "a b" },
      { type: "finish", reason: "length" },
    ]);
    expect(displays(await run(1))[0]?.data["text/plain"]).toMatch(/cut at its limit of tokens$/);
    expect(driver.asked[0]).toMatchObject({ maxTokens: 2, temperature: 0 });
  });

  it.each([
    ["#| see: everything\nx", "The option “see” is not right"],
    ["#| temperature: hot\nx", "The option “temperature” is not right"],
    ["#| schema: {\nx", "The option “schema” is not right: it is not JSON"],
    ["#| tools: rm_rf\nx", "The option “tools” is not right"],
    ["#| colour: red\nx", "There is no option “colour”. There are model, system"],
    ["#| model: tiny\n", "no prompt below the options"],
  ])("is not asked for with options that are wrong: %j", async (source, sentence) => {
    const { driver, run } = open([{ language: "chat", source }], () => words("no"));
    expect(errorOf(await run(1))?.evalue).toContain(sentence);
    expect(driver.asked).toEqual([]);
  });
});

describe("tools", () => {
  const cells = (tools: string): readonly Cell[] => [
    { language: "python", source: "answer = 42" },
    { language: "chat", source: `#| tools: ${tools}\nHow much?` },
  ];
  /** Asks for a tool once, then says what it gave. */
  const once =
    (name: string, given: unknown): Script =>
    ({ messages }) => {
      const last = messages.at(-1);
      return last?.role === "tool" ? words(last.content) : call(name, given);
    };

  it.each([
    ["list_cells", {}, "1 python: answer = 42\n2 chat, has outputs: #| tools: list_cells"],
    ["read_cell", { number: 1 }, "Cell 1, python:\n\n```python\nanswer = 42\n```"],
    ["read_cell", { number: 9 }, "There is no cell 9: the last one is 2."],
    ["get_value", { name: "answer" }, "42\n"],
  ])("%s only reads", async (name, given, result) => {
    const { run, driver } = open(cells(name), once(name, given));
    const done = await run(2);
    expect(String(answerOf(done)).trim()).toContain(result.trim());
    expect(driver.asked[0]?.tools?.map((tool) => tool.name)).toEqual([name]);
    expect(String(displays(done)[0]?.data["text/markdown"])).toContain(`${name}(${JSON.stringify(given)})`);
  });

  it.each([
    ["read_cell", "{oops", "The arguments are not JSON."],
    ["read_cell", { number: "one" }, "The arguments don't fit"],
    ["get_value", { name: "answer); import os; (" }, "not a variable's name"],
    ["run_python", { code: "1" }, "There is no tool “run_python” here."],
  ])("%s with %j tells the model what is wrong, and nothing runs", async (name, given, result) => {
    pythonRan.length = 0;
    const { run } = open(cells("read_cell, get_value"), once(name, given));
    expect(answerOf(await run(2))).toContain(result);
    expect(pythonRan).toEqual([]);
  });

  it.each([
    ["yes", "done", 1],
    ["no", "The person did not allow this", 0],
    [undefined, "The person did not allow this", 0],
  ])("run_python asks the person each time: %s", async (said, result, runs) => {
    pythonRan.length = 0;
    const { run, session, state } = open(cells("run_python"), once("run_python", { code: "launch()" }));
    const running = run(2);
    await expect.poll(() => state(2).input?.prompt).toMatch(/^Run it\?/);
    expect(
      displays(state(2)).some(({ data }) => String(data["text/markdown"]).includes("```python\nlaunch()\n```")),
    ).toBe(true);
    expect(pythonRan).toEqual([]);
    session.send({ type: "input_reply", cell: "c2" as CellId, value: said });
    expect(answerOf(await running)).toContain(result);
    expect(pythonRan.length).toBe(runs);
  });

  it("come to an end with a model that never answers, and with an interrupt while the person is asked", async () => {
    const { run, driver } = open(cells("list_cells"), (request) =>
      request.tools ? call("list_cells", {}) : words("Enough."),
    );
    expect(answerOf(await run(2))).toBe("Enough.");
    expect(driver.asked.length).toBe(MAX_ROUNDS + 1);
    const other = open(cells("run_python"), once("run_python", { code: "launch()" }));
    const running = other.run(2);
    await expect.poll(() => other.state(2).input).toBeDefined();
    other.session.send({ type: "interrupt" });
    expect(errorOf(await running)?.ename).toBe("KeyboardInterrupt");
    expect((await other.run(1)).progress).toBe("done");
  });
});

describe("nothing is sent", () => {
  it("from a notebook that came from elsewhere and is not trusted", async () => {
    const { driver, run } = open([{ language: "chat", source: "Hello" }], () => words("no"), { foreign: true });
    expect(errorOf(await run(1))).toMatchObject({
      ename: "ChatDenied",
      evalue: expect.stringContaining("until you trust it"),
    });
    expect(driver.asked).toEqual([]);
  });

  it("where no model is set up: the cell says how one is", async () => {
    const { run } = open([{ language: "chat", source: "Hello" }], () => words("no"), {
      chat: { howTo: "Say where.", open: () => undefined },
    });
    expect(errorOf(await run(1))).toMatchObject({
      ename: "ChatMissing",
      evalue: "No language model is set up. Say where.",
    });
  });

  it("by a cell without a word", async () => {
    const { driver, run } = open([{ language: "chat", source: "  \n" }], () => words("no"));
    await run(1);
    expect(driver.asked).toEqual([]);
  });
});

it("knows what fits a schema", () => {
  const person = {
    type: "object",
    properties: {
      name: { type: "string", minLength: 1 },
      tags: { type: "array", items: { enum: ["a", "b"] }, maxItems: 2 },
    },
    required: ["name"],
    additionalProperties: false,
  };
  expect(misfit({ name: "Ada", tags: ["a"] }, person)).toBeUndefined();
  expect(misfit({ tags: [] }, person)).toBe("at its top: “name” is missing");
  expect(misfit({ name: "" }, person)).toBe("at /name: minLength is 1");
  expect(misfit({ name: "A", tags: ["c"] }, person)).toBe('at /tags/0: one of ["a","b"] is wanted');
  expect(misfit({ name: "A", tags: ["a", "a", "a"] }, person)).toBe("at /tags: maxItems is 2");
  expect(misfit({ name: "A", more: 1 }, person)).toBe("at /more: nothing is wanted");
  expect(misfit([], person)).toBe("at its top: object is wanted");
  expect(misfit(null, { type: ["string", "null"] })).toBeUndefined();
  expect(misfit(1.5, { type: "integer" })).toBe("at its top: integer is wanted");
  expect(misfit({ constructor: 1 }, { properties: {}, additionalProperties: false })).toMatch("nothing is wanted");
});
