/** Cells, results, history, errors, streams and input, in the real kernel. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cells, startPython } from "./harness.ts";

let python: Cells;
beforeAll(async () => {
  python = await startPython();
}, 60_000);
afterAll(() => python.close());
const result = async (code: string) => (await python.run(code)).result;

describe("results", () => {
  test("the last expression is shown, and nothing for statements, None or a trailing semicolon", async () => {
    expect(await result("1 + 1")).toBe("2");
    expect(await result("x = 5")).toBeUndefined();
    expect(await result("None")).toBeUndefined();
    expect(await result("x;")).toBeUndefined();
    expect(await result("x;  # said nothing")).toBeUndefined();
    expect(await result('"a;"')).toBe("'a;'");
    expect(await result("x  # shown; really")).toBe("5");
    expect(await result("if x:\n    7")).toBeUndefined();
  });

  test("_, __, ___, Out, In and _i hold what was", async () => {
    const first = await python.run("'one'");
    await python.run("'two'");
    await python.run("'three'");
    expect(await result("[_, __, ___]")).toBe("['three', 'two', 'one']");
    expect(await result(`[Out[${first.count}], _${first.count}, In[${first.count}]]`)).toBe(`['one', 'one', "'one'"]`);
    await python.run("marker = 1");
    expect(await result("_i")).toBe("'marker = 1'");
  });

  test("a user's own _ is left alone", async () => {
    await python.run("for _ in range(3): pass");
    await python.run("'something'");
    expect(await result("_")).toBe("2");
    await python.run("%reset");
    await python.run("'again'");
    expect(await result("_")).toBe("'again'");
  });

  test("long containers are broken over lines, strings are not", async () => {
    const shown = await result("{'name%d' % i: list(range(i)) for i in range(12)}");
    expect(shown?.split("\n").length).toBeGreaterThan(5);
    expect(await result("'x' * 300")).toBe(`'${"x".repeat(300)}'`);
  });

  test("execution counts go up, silent requests have none", async () => {
    const a = await python.run("1");
    const silent = await python.run("12345", { silent: true });
    const b = await python.run("2");
    expect(b.count).toBe((a.count ?? 0) + 1);
    expect(silent.count).toBeUndefined();
    expect(silent.result).toBeUndefined();
  });

  test("names are those of __main__, so pickling and dataclasses work", async () => {
    await python.run("import dataclasses, pickle\n@dataclasses.dataclass\nclass Point:\n    x: int");
    expect(await result("pickle.loads(pickle.dumps(Point(3)))")).toBe("Point(x=3)");
    expect(
      await result(
        "import inspect; f = eval('lambda: 1'); exec('def g(): pass')\ndef h(): return 5\ninspect.getsource(h)",
      ),
    ).toBe("'def h(): return 5\\n'");
  });

  test("await works at the top level, in loops and comprehensions, and tasks go on between cells", async () => {
    expect(await result("import asyncio\n[await asyncio.sleep(0, i) for i in range(3)]")).toBe("[0, 1, 2]");
    await python.run(
      "async def later():\n    await asyncio.sleep(0.01)\n    return 9\ntask = asyncio.create_task(later())",
    );
    expect(await result("await task")).toBe("9");
    expect(await result("async with asyncio.timeout(5):\n    y = 4\ny")).toBe("4");
    expect(await result("asyncio.run(later())")).toBe("9");
  });

  test("modules that are not in the snapshot are loaded from the library when asked", async () => {
    expect(
      await result("import email.mime.text, xml.dom.minidom, wave; email.mime.text.MIMEText('a').get_payload()"),
    ).toBe("'a'");
    expect(await result("import sqlite3; sqlite3.connect(':memory:').execute('select 6*7').fetchone()")).toBe("(42,)");
  });

  test("future imports stay on", async () => {
    await python.run("from __future__ import annotations");
    expect(await result("def f(a: not_there): pass\nf.__annotations__")).toBe("{'a': 'not_there'}");
  });

  test("random numbers differ between two kernels of one snapshot", async () => {
    const other = await startPython();
    const code = "import random, uuid; (random.random(), uuid.uuid4().hex)";
    expect((await other.run(code)).result).not.toBe(await result(code));
    other.close();
  });

  test("the messages of a run come in the protocol's order", async () => {
    const { messages } = await python.run("print('a')\ndisplay('b')\nprint('c')\n'd'");
    expect(messages.map((m) => (m.type === "status" ? m.status : m.type === "stream" ? m.text : m.type))).toEqual([
      "busy",
      "a\n",
      "display_data",
      "c\n",
      "execute_result",
      "execute_reply",
    ]);
    expect(await python.next(() => true)).toMatchObject({ type: "status", status: "idle" });
  });

  test("requests that are sent together run one after the other", async () => {
    const all = await Promise.all([
      python.run("q = [1]"),
      python.run("q.append(2)"),
      python.run("1/0"),
      python.run("q"),
    ]);
    expect(all.map((r) => r.status)).toEqual(["ok", "ok", "error", "ok"]);
    expect(all[3]?.result).toBe("[1, 2]");
  });
});

describe("errors", () => {
  test("those of threads, processes and time zones say how it is here", async () => {
    const thread = await python.run("import threading\nthreading.Thread(target=print).start()");
    expect(thread.error?.evalue).toBe("can't start new thread");
    expect(thread.traceback).toMatch(/one thread.*use asyncio/);
    const pool = await python.run("import multiprocessing\nmultiprocessing.Pool(2)");
    expect(pool.traceback).toMatch(/one process.*in a loop/);
    const zone = await python.run("from zoneinfo import ZoneInfo\nZoneInfo('Europe/Paris')");
    expect(zone.error?.ename).toBe("ZoneInfoNotFoundError");
    expect(zone.traceback).toContain("tzdata");
    expect(zone.traceback).not.toContain("pyodide.loadPackage");
    expect(zone.error?.evalue).not.toContain("Pyodide");
  });

  test("one found after parsing has its line, and the cell's name", async () => {
    const { error, traceback } = await python.run("x = 1\nreturn x", { name: "cell 3" });
    expect(error).toMatchObject({ evalue: "'return' outside function (cell 3, line 2)", line: 2 });
    expect(traceback).toContain("    return x\n    ^^^^^^^^\n");
  });

  test("a warning has its line", async () => {
    const { stderr } = await python.run("import warnings\nwarnings.warn('careful')", { name: "cell 4" });
    expect(stderr).toBe("cell 4:2: UserWarning: careful\n  warnings.warn('careful')\n");
  });

  test("a traceback names the cell and marks the place", async () => {
    const { error, traceback, count } = await python.run("def divide(a):\n    return a / 0\n\ndivide(1)");
    expect(error).toMatchObject({ ename: "ZeroDivisionError", evalue: "division by zero", line: 2 });
    expect(traceback.split("\n")).toEqual([
      "Traceback (most recent call last):",
      `  Cell[${count}], line 4`,
      "    divide(1)",
      "    ~~~~~~^^^",
      `  Cell[${count}], line 2, in divide`,
      "    return a / 0",
      "           ~~^~~",
      "ZeroDivisionError: division by zero",
    ]);
  });

  test("a name that the request gives is used", async () => {
    expect((await python.run("1/0", { name: "cell 3" })).traceback).toContain("  cell 3, line 1\n");
  });

  test.each([
    ["x = 1\nfor", "SyntaxError", 2],
    ["if 1:\npass", "IndentationError", 2],
    ["a = (1,\n\n", "SyntaxError", 1],
    ["def f():\n\tx=1\n        y=2", "TabError", 3],
    ["print('hi)", "SyntaxError", 1],
    ["await = 3", "SyntaxError", 1],
    ["return 5", "SyntaxError", 1],
  ])("%j is a %s", async (code, ename, line) => {
    const { error, traceback } = await python.run(code);
    expect(error).toMatchObject({ ename, line });
    expect(traceback).not.toContain("kroma");
  });

  test("a syntax error calls the cell as the traceback does", async () => {
    const { error, traceback } = await python.run("f(", { name: "cell 3" });
    expect(error?.evalue).toBe("'(' was never closed (cell 3, line 1)");
    expect(traceback).toContain("cell 3, line 1");
  });

  test("chained errors are told with their causes", async () => {
    const { traceback, error } = await python.run(
      "try:\n    {}['k']\nexcept KeyError as e:\n    raise ValueError('bad') from e",
    );
    expect(traceback).toContain("KeyError: 'k'");
    expect(traceback).toContain("direct cause");
    expect(error).toMatchObject({ ename: "ValueError", line: 4 });
    const group = await python.run("raise ExceptionGroup('many', [ValueError(1), TypeError(2)])");
    expect(group.traceback).toContain("TypeError: 2");
  });

  test("frames of other files are whole, frames of the kernel are not there", async () => {
    const { traceback } = await python.run("import json\njson.loads('{')");
    expect(traceback).toContain('json/decoder.py", line');
    expect(traceback).not.toMatch(/_kroma|<kroma>|_pyodide/);
  });

  test("an error inside sleep or input does not show the kernel's functions", async () => {
    const { traceback } = await python.run("import time\ntime.sleep(-1)");
    expect(traceback).toContain("ValueError: sleep length must be non-negative");
    expect(traceback).not.toContain("kroma");
  });

  test("colour is there for those who show it", async () => {
    expect((await python.run("1/0")).error?.traceback.join("")).toContain("\u001B[");
  });

  test("exit is quiet, a status is told", async () => {
    expect(await python.run("import sys; sys.exit()")).toMatchObject({ status: "ok", error: undefined });
    expect(await python.run("exit(3)")).toMatchObject({ status: "error", error: { ename: "SystemExit", evalue: "3" } });
    expect(await python.run("import asyncio; await asyncio.sleep(0); sys.exit(2)")).toMatchObject({ status: "error" });
    expect(await result("1")).toBe("1");
  });

  test("an object whose repr fails does not fail the cell", async () => {
    const run = await python.run("class Bad:\n    def __repr__(self): raise RuntimeError('no')\nBad()");
    expect(run).toMatchObject({ status: "ok" });
    expect(run.stderr).toContain("RuntimeError: no");
    expect(
      (await python.run("class E(Exception):\n    def __str__(self): raise RuntimeError('no')\nraise E")).error?.ename,
    ).toBe("E");
  });

  test("an error in a task that nobody awaits does not end the kernel", async () => {
    await python.run(
      "import asyncio\nasync def boom(): raise KeyboardInterrupt\nt = asyncio.ensure_future(boom())\nawait asyncio.sleep(0.02)",
    );
    expect(await result("2 + 2")).toBe("4");
  });

  test("deep recursion is told", async () => {
    const { error, traceback } = await python.run("def f(n): return f(n + 1)\nf(0)");
    expect(error?.ename).toBe("RecursionError");
    expect(traceback).toMatch(/Previous line repeated \d+ more times/);
  });
});

describe("streams", () => {
  test("print with and without line ends, both streams, in order", async () => {
    const run = await python.run(
      "import sys\nprint('a', end='')\nprint('b', file=sys.stderr)\nsys.stdout.write('c')\nprint(1, 2, sep='-', flush=True)",
    );
    expect(run.stdout).toBe("ac1-2\n");
    expect(run.stderr).toBe("b\n");
    const order = run.messages.filter((m) => m.type === "stream").map((m) => (m.type === "stream" ? m.name : ""));
    expect(order).toEqual(["stdout", "stderr", "stdout"]);
  });

  test("text comes while the cell runs", async () => {
    let text = "";
    // Only what came while Python was busy can end the loop.
    const run = await python.run(
      "import time\nprint('one')\ntime.sleep(0.15)\nprint('two')\nprint('three')\nwhile True: pass",
      {
        onMessage: (message) => {
          if (message.type === "stream") text += message.text;
          if (message.type === "stream" && text.endsWith("three\n")) python.interrupt();
        },
      },
    );
    expect(run.stdout).toBe("one\ntwo\nthree\n");
    expect(run.error?.ename).toBe("KeyboardInterrupt");
  });

  test("many lines come whole and in few messages", async () => {
    const run = await python.run("for i in range(50000): print(i, 'zwölf ✓ 😀')");
    const lines = run.stdout.split("\n");
    expect(lines.length).toBe(50_001);
    expect(lines[49_999]).toBe("49999 zwölf ✓ 😀");
    expect(run.messages.length).toBeLessThan(500);
  });

  test("one huge text and bytes and C's own writes come whole", async () => {
    const run = await python.run(
      "import os, sys\nprint('é' * 100_001)\nsys.stdout.buffer.write(b'bytes\\n')\nos.write(1, b'from C\\n')\nos.write(2, b'err\\n')\nprint('\\ud800')",
    );
    expect(run.stdout).toBe(`${"é".repeat(100_001)}\nbytes\nfrom C\n\\ud800\n`);
    expect(run.stderr).toBe("err\n");
  });

  test("logging, warnings and redirection work", async () => {
    const run = await python.run(
      "import logging, warnings, contextlib, io\nlogging.warning('hot')\nwarnings.warn('careful')\nwith contextlib.redirect_stdout(io.StringIO()) as f: print('inside')\nf.getvalue()",
    );
    expect(run.stderr).toContain("WARNING:root:hot");
    expect(run.stderr).toMatch(/Cell\[\d+\]:3: UserWarning: careful/);
    expect(run.result).toBe("'inside\\n'");
    expect(run.stdout).toBe("");
  });
});

describe("input", () => {
  test("input() gives the line and shows its prompt", async () => {
    const prompts: unknown[] = [];
    const run = await python.run("name = input('Name? ')\nprint('hi', name)", {
      input: (request) => (prompts.push([request.prompt, request.password]), "Ada ✓"),
    });
    expect(prompts).toEqual([["Name? ", false]]);
    expect(run.stdout).toBe("hi Ada ✓\n");
  });

  test("getpass asks for a password", async () => {
    const seen: boolean[] = [];
    const run = await python.run("from getpass import getpass\nlen(getpass())", {
      input: (request) => (seen.push(request.password), "secret"),
    });
    expect(run.result).toBe("6");
    expect(seen).toEqual([true]);
  });

  test("text before the question is shown before it", async () => {
    const { messages } = await python.run("print('first')\ninput()", { input: () => "" });
    const types = messages.map((m) => m.type);
    expect(types.indexOf("stream")).toBeLessThan(types.indexOf("input_request"));
  });

  test("no answer is EOFError", async () => {
    expect((await python.run("input()")).error).toMatchObject({ ename: "EOFError", line: 1 });
  });

  test("a very long answer comes whole", async () => {
    expect(
      (await python.run("import hashlib; s = input(); (len(s), s[-3:])", { input: () => "😀".repeat(200_000) + "end" }))
        .result,
    ).toBe("(200003, 'end')");
  });

  test("sys.stdin is read line by line", async () => {
    const lines = ["a", "b"];
    expect((await python.run("import sys; [line for line in sys.stdin]", { input: () => lines.shift() })).result).toBe(
      "['a\\n', 'b\\n']",
    );
  });
});
