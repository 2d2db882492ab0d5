/** The kernel's messages: streams, displays, errors, interrupts, input, questions. In a thread of Node. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type InNode, startInNode } from "./in-node.ts";

let node: InNode;
beforeAll(async () => {
  node = await startInNode({ npm: true });
});
afterAll(() => node.close());
const run = (code: string) => node.kernel.run(code);
// oxlint-disable-next-line no-control-regex
const plain = (lines: readonly string[] | undefined) => (lines ?? []).join("\n").replace(/\u001b\[\d+m/g, "");

describe("order of messages", () => {
  test("busy comes first, outputs in order, then one reply, idle last", async () => {
    const { messages } = await run("console.log('a'); display(1); console.error('b'); console.log('c'); 2");
    const kinds = messages.map((message) =>
      message.type === "status"
        ? message.status
        : message.type === "stream"
          ? `${message.name} ${message.text.trim()}`
          : message.type,
    );
    expect(kinds).toEqual([
      "busy",
      "stdout a",
      "display_data",
      "stderr b",
      "stdout c",
      "execute_result",
      "execute_reply",
      "idle",
    ]);
  });

  test("a display that must be waited for keeps its place", async () => {
    const { messages } = await run("display(new Blob(['<p>x</p>'], { type: 'text/html' })); console.log('after')");
    expect(messages.filter(({ type }) => type === "display_data" || type === "stream").map(({ type }) => type)).toEqual(
      ["display_data", "stream"],
    );
  });

  test("requests run one at a time, in order, also when all are asked at once", async () => {
    const runs = [
      "let q = []; await new Promise((r) => setTimeout(r, 20)); q.push(1)",
      "q.push(2)",
      "q.push(3); q",
    ].map((code) => node.kernel.begin(code).over);
    expect((await Promise.all(runs)).at(-1)?.result?.["text/plain"]).toBe("[ 1, 2, 3 ]");
  });

  test("ten thousand lines come as few messages, whole and in order", async () => {
    const { stdout, messages } = await run("for (let i = 0; i < 10000; i++) console.log('line', i)");
    expect(stdout.split("\n")).toHaveLength(10_001);
    expect(stdout.startsWith("line 0\nline 1\n") && stdout.endsWith("line 9999\n")).toBe(true);
    expect(messages.length).toBeLessThan(200);
  });
});

describe("console", () => {
  test.each([
    ["console.log('%s is %d', 'x', 3, { a: 1 })", "x is 3 { a: 1 }\n", ""],
    [
      "console.group('g'); console.log('in\\nside'); console.groupEnd(); console.log('out')",
      "g\n  in\n  side\nout\n",
      "",
    ],
    ["console.count('c'); console.count('c')", "c: 1\nc: 2\n", ""],
    ["console.assert(1 === 2, 'no')", "", "Assertion failed: no\n"],
    ["console.warn(new Map([['k', new Set([1])]]))", "", "Map(1) { 'k' => Set(1) { 1 } }\n"],
    ["const loop = { me: null }; loop.me = loop; console.log(loop)", "<ref *1> { me: [Circular *1] }\n", ""],
    [
      "console.table([{ a: 1 }])",
      "┌─────────┬───┐\n│ (index) │ a │\n├─────────┼───┤\n│ 0       │ 1 │\n└─────────┴───┘\n",
      "",
    ],
  ])("%s", async (code, stdout, stderr) => {
    const result = await run(code);
    expect([result.stdout, result.stderr]).toEqual([stdout, stderr]);
  });
});

describe("errors", () => {
  test("name the cell, the line, the source and the place", async () => {
    await node.kernel.run("function thrower(a: { b?: { c: number } }): number {\n  return a.b!.c\n}", "cell 7");
    const { error, status } = await node.kernel.run("const before: number = 1\n\nthrower({})", "cell 8");
    expect(status).toBe("error");
    expect([error?.ename, error?.line]).toEqual(["TypeError", 3]);
    expect(plain(error?.traceback)).toBe(
      "TypeError: Cannot read properties of undefined (reading 'c')\n    at thrower (cell 7, line 2)\n  2 |   return a.b!.c\n                    ^\n    at cell 8, line 3",
    );
  });

  test("of syntax have a line and a caret", async () => {
    const { error } = await node.kernel.run("let a1 = 1\nlet b1 = = 2", "cell 9");
    expect([error?.ename, error?.line]).toEqual(["SyntaxError", 2]);
    expect(plain(error?.traceback)).toContain("  2 | let b1 = = 2\n               ^");
  });

  test("on the first line have a caret too, and recursion is told once", async () => {
    const { error } = await node.kernel.run("const notCalled = 5; notCalled()", "cell 10");
    expect(plain(error?.traceback)).toContain(`\n  1 | const notCalled = 5; notCalled()\n      ${" ".repeat(21)}^`);
    const endless = await node.kernel.run("function endless() { return endless() }\nendless()", "cell 11");
    expect(plain(endless.error?.traceback).match(/at endless/g)).toHaveLength(1);
  });

  test("of what cannot be reached have the address, the reason and the line", async () => {
    const { error } = await node.kernel.run("const url = 'http://127.0.0.1:9/x'\n\nawait fetch(url)", "cell 12");
    expect(error).toMatchObject({ ename: "TypeError", line: 3 });
    expect(error?.evalue).toMatch(/^Cannot reach http:\/\/127\.0\.0\.1:9\/x: ./);
    const missing = await node.kernel.run("\nawait import('./not-there.ts')", "cell 13");
    expect(missing.error?.line).toBe(2);
  });

  test("show their causes", async () => {
    const { error } = await run("throw new Error('outer', { cause: new RangeError('inner') })");
    expect(plain(error?.traceback)).toMatch(/Error: outer[^]*Caused by: RangeError: inner/);
  });

  test("need not be Errors", async () => {
    expect((await run("throw 'text'")).error).toMatchObject({ ename: "Uncaught", evalue: "text" });
    expect((await run("throw { code: 3 }")).error).toMatchObject({ ename: "Uncaught", evalue: "{ code: 3 }" });
    expect((await run("throw undefined")).error?.evalue).toBe("undefined");
  });

  test("of a value that throws when it is shown are the cell's", async () => {
    expect((await run("({ toHTML() { throw new TypeError('bad') } })")).error).toMatchObject({
      ename: "TypeError",
      evalue: "bad",
    });
  });

  test("of background work go to stderr of the cell that started it, and the kernel goes on", async () => {
    const first = node.kernel.begin("setTimeout(() => { throw new Error('in the background') }, 30)");
    await first.over;
    const from = node.kernel.all.length;
    await run("1");
    const said = await node.kernel.next((message) => message.type === "stream" && message.name === "stderr", from);
    expect(said).toMatchObject({ parent: first.id });
    expect((said as { text: string }).text).toContain("in the background");
    expect(await node.kernel.show("2")).toBe("2");
  });

  test("do not stop later requests", async () => {
    const [first, second] = ["throw new Error('x')", "'on'"].map((code) => node.kernel.begin(code).over);
    expect((await first)?.status).toBe("error");
    expect((await second)?.result?.["text/plain"]).toBe("'on'");
  });
});

describe("displays", () => {
  test("have ids and can be changed", async () => {
    const { messages } = await run("const shown = display('one'); shown.update('two'); clear(true)");
    const made = messages.find((message) => message.type === "display_data");
    expect(made?.displayId).toBeTypeOf("string");
    expect(messages.find((message) => message.type === "update_display_data")).toMatchObject({
      displayId: made?.displayId,
      data: { "text/plain": "'two'" },
    });
    expect(messages.find((message) => message.type === "clear_output")).toMatchObject({ wait: true });
  });

  test.each([
    ["[{ a: 1, b: '<' }]", "text/html", /<td>&#60;<\/td>/],
    ["({ deep: [1, { x: null }] })", "application/json", { deep: [1, { x: null }] }],
    ["md`# ${'*'}`", "text/markdown", "# \\*"],
    [
      "svg`<svg><circle r='${1}'/></svg>`",
      "image/svg+xml",
      /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"><circle r='1'\/>/,
    ],
    [
      "({ $schema: 'https://vega.github.io/schema/vega-lite/v6.json', mark: 'bar' })",
      "application/vnd.vegalite.v6+json",
      { mark: "bar" },
    ],
    [
      "({ $schema: 'https://vega.github.io/schema/vega-lite/v5.json', mark: 'bar' })",
      "application/vnd.vegalite.v5+json",
      { mark: "bar" },
    ],
    ["({ [Symbol.for('Jupyter.display')]: () => ({ 'text/latex': '$x$' }) })", "text/latex", "$x$"],
    ["({ toHTML: async () => '<em>later</em>' })", "text/html", "<em>later</em>"],
    ["new Blob([new Uint8Array([1, 2, 3])], { type: 'image/png' })", "image/png", "AQID"],
    ["document.createElement('hr')", "text/html", "<hr>"],
    ["({ width: 1, height: 1, data: new Uint8ClampedArray([255, 0, 0, 255]) })", "image/png", /^iVBOR/],
    ["({ [Symbol.for('Deno.customInspect')]: () => 'mine' })", "text/plain", "mine"],
  ])("%s", async (code, type, expected) => {
    const data = (await run(code)).result?.[type];
    if (expected instanceof RegExp) expect(data).toMatch(expected);
    else if (typeof expected === "object") expect(data).toMatchObject(expected);
    else expect(data).toBe(expected);
  });

  test("can name their type", async () => {
    const { displays } = await run(
      "display(new Uint8Array([255, 216]), 'image/jpeg'); display({ 'text/html': '<b>' }, { raw: true })",
    );
    expect(displays).toEqual([{ "image/jpeg": "/9g=" }, { "text/html": "<b>" }]);
  });
});

describe("shipped modules", () => {
  test("Plot draws marks, facets, scales and legends", async () => {
    const simple = await run(`import * as Plot from "@observablehq/plot"
      const rows = [{ x: 1, y: 2, k: "a", f: "p" }, { x: 2, y: 3, k: "b & c", f: "q" }, { x: 3, y: 1, k: "a", f: "p" }]
      Plot.plot({ marks: [Plot.dot(rows, { x: "x", y: "y" }), Plot.lineY(rows, { x: "x", y: "y" }), Plot.areaY(rows, { x: "x", y: "y" }), Plot.text(rows, { x: "x", y: "y", text: "k" }), Plot.ruleY([0]), Plot.axisX({ label: "X" }), Plot.gridY()] })`);
    expect(simple.error).toBeUndefined();
    const image = String(simple.result?.["image/svg+xml"]);
    expect(image).toMatch(/^<svg xmlns=/);
    for (const part of [
      'aria-label="dot"',
      'aria-label="line"',
      'aria-label="area"',
      'aria-label="text"',
      'aria-label="rule"',
      "b &amp; c",
    ])
      expect(image).toContain(part);
    const faceted = await run(
      'Plot.plot({ color: { legend: true }, marks: [Plot.barY(rows, { x: "k", y: "y", fill: "k", fx: "f" }), Plot.rect(rows, { x1: 0, x2: 1, y1: 0, y2: 1 })] })',
    );
    expect(faceted.result?.["text/html"]).toMatch(/^<figure[^]*swatch[^]*aria-label="bar"/);
    const ramp = await run(
      'Plot.plot({ color: { legend: true, scheme: "viridis" }, marks: [Plot.dot(rows, { x: "x", y: "y", fill: "y" })] })',
    );
    expect(ramp.result?.["text/html"]).toMatch(/<figure[^]*href="data:image\/png;base64,[\w+/=]{50,}/);
  });

  test("d3 is the same as Plot's, draws, and tells the notebook its hash", async () => {
    const { result, messages } = await run(`import * as d3 from "d3"; import { scaleLinear } from "d3-scale"
      const s = d3.create("svg"); s.append("path").attr("d", d3.line()([[0, 0], [1, d3.max([1, 5])]])); [s.node().outerHTML, scaleLinear === d3.scaleLinear]`);
    expect(result?.["text/plain"]).toContain('<path d="M0,0L1,5" />');
    expect(result?.["application/json"]).toEqual([expect.any(String), true]);
    expect(messages.find((message) => message.type === "dependency" && message.name === "d3")).toMatchObject({
      ecosystem: "npm",
      version: "7.9.2",
      integrity: expect.stringMatching(/^sha256-/) as string,
    });
  });

  test("Arrow tables are shown as tables and travel as values", async () => {
    const { result } = await run(
      'import { tableFromArrays } from "apache-arrow"; kroma.set("table", tableFromArrays({ n: [1, 2] })); kroma.get("table")',
    );
    expect(result?.["text/html"]).toContain("<th>n</th>");
  });

  test("of another version are not taken", async () => {
    expect(await node.kernel.show('import "d3@6"')).toMatch(/they have d3 7\.9\.2, not 6/);
  });
});

describe("interrupts", () => {
  test("end a waiting cell and keep its variables", async () => {
    const { over } = node.kernel.begin("let kept = 5; await new Promise((r) => setTimeout(r, 1e6)); kept = 6");
    await node.kernel.next((message) => message.type === "status" && message.status === "busy");
    node.kernel.send({ type: "interrupt_request", id: "interrupt-1" });
    const { status, error } = await over;
    expect([status, error?.ename]).toEqual(["error", "KeyboardInterrupt"]);
    expect(await node.kernel.show("kept")).toBe("5");
  });

  test("end a prompt", async () => {
    const { id, over } = node.kernel.begin("prompt('?')");
    await node.kernel.next((message) => message.type === "input_request" && message.parent === id, 0);
    node.kernel.send({ type: "interrupt_request", id: "interrupt-2" });
    expect((await over).error?.ename).toBe("KeyboardInterrupt");
    expect(await node.kernel.show("kept")).toBe("5");
  });

  test("end an endless loop by a new worker, and the kernel goes on", async () => {
    const from = node.kernel.all.length;
    const { over } = node.kernel.begin("console.log('spinning'); while (true) {}");
    const { over: next } = node.kernel.begin("'never run'");
    await node.kernel.next((message) => message.type === "status" && message.status === "busy", from);
    node.kernel.send({ type: "interrupt_request", id: "interrupt-3" });
    const { status, error } = await over;
    expect([status, error?.ename]).toEqual(["aborted", "KeyboardInterrupt"]);
    expect((await next).status).toBe("aborted");
    await node.kernel.next(
      (message) => message.type === "status" && message.status === "idle" && message.parent === undefined,
      from,
    );
    expect(await node.kernel.show("typeof kept")).toBe("'undefined'");
  });
});

describe("input", () => {
  const answer = async (code: string, value: string | undefined) => {
    const { id, over } = node.kernel.begin(code);
    await node.kernel.next((message) => message.type === "input_request" && message.parent === id, 0);
    node.kernel.send({ type: "input_reply", parent: id, ...(value === undefined ? {} : { value }) });
    return over;
  };
  test("blocks in prompt", async () =>
    expect((await answer("prompt('Name?') + '!'", "Ada ♥")).result?.["text/plain"]).toBe("'Ada ♥!'"));
  test("is awaited in kroma.input", async () =>
    expect((await answer("await kroma.input('Name?')", "Ada")).result?.["text/plain"]).toBe("'Ada'"));
  test("at its end is null for prompt and EOFError for kroma.input", async () => {
    expect((await answer("prompt('?')", undefined)).result?.["text/plain"]).toBe("null");
    expect((await answer("await kroma.input('?')", undefined)).error?.ename).toBe("EOFError");
  });
  test("of confirm is yes or no", async () =>
    expect((await answer("confirm('Sure?')", "y")).result?.["text/plain"]).toBe("true"));
});

describe("other kernels", () => {
  test("run commands for a cell", async () => {
    const { over } = node.kernel.begin("const listed = await kroma.shell('ls'); listed.stdout + listed.exitCode");
    const asked = await node.kernel.next((message) => message.type === "kernel_request", 0);
    expect(asked).toMatchObject({ language: "shell", code: "ls", capture: true });
    node.kernel.send({
      type: "kernel_reply",
      parent: (asked as { id: string }).id,
      status: "ok",
      stdout: "a\n",
      exitCode: 0,
    });
    expect((await over).result?.["text/plain"]).toBe("'a\\n0'");
  });
});

describe("questions", () => {
  const ask = async (code: string) => {
    node.kernel.send({ type: "complete_request", id: `c ${code}`, code, cursor: code.length });
    return (await node.kernel.next(
      (message) => message.type === "complete_reply" && message.parent === `c ${code}`,
      0,
    )) as unknown as { matches: { label: string }[]; start: number };
  };
  test("complete names and members without calling getters", async () => {
    await run("const completer = { alpha: 1, get alarm() { throw new Error('called') }, nest: { beta: 2 } }");
    expect((await ask("comple")).matches.map(({ label }) => label)).toContain("completer");
    const { matches, start } = await ask("1 + completer.al");
    expect(matches.map(({ label }) => label).sort()).toEqual(["alarm", "alpha"]);
    expect(start).toBe(14);
    expect((await ask("completer.nest.")).matches.map(({ label }) => label)).toContain("beta");
    expect((await ask("completer.alarm.")).matches).toEqual([]);
  });

  test("inspect shows what a name is", async () => {
    node.kernel.send({ type: "inspect_request", id: "i1", code: "completer.nest", cursor: 12 });
    const reply = (await node.kernel.next((message) => message.type === "inspect_reply")) as {
      data?: Record<string, string>;
    };
    expect(reply.data?.["text/plain"]).toContain("{ beta: 2 }");
  });
});

test("cells cannot break the pipe to the page", async () => {
  expect(await node.kernel.show("postMessage({ type: 'status', status: 'dead' })")).toMatch(/not for cells/);
  expect(await node.kernel.show("close()")).toMatch(/not for cells/);
  await run(
    "globalThis.onmessage = () => { throw new Error('x') }; addEventListener('message', (e) => e.stopImmediatePropagation()); globalThis.postMessage = () => {}; Promise.prototype.then2 = 1",
  );
  expect(await node.kernel.show("'alive'")).toBe("'alive'");
});
