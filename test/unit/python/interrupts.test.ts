/** Stopping cells, and what happens when Python itself ends. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FromKernel } from "#core/kernel/messages.ts";
import { createPythonKernel } from "#kernels/python/kernel.ts";
import { Cells, type CellResult, startPython, threadHost } from "./harness.ts";

/** Runs a cell, interrupts it as soon as it says that it runs. */
async function interrupted(python: Cells, code: string): Promise<CellResult> {
  let asked = false;
  return await python.run(`print('running')\n${code}\ndone = 1`, {
    onMessage: (message) => {
      if (message.type !== "stream" || asked) return;
      asked = true;
      python.interrupt();
    },
  });
}

describe("an interrupt leaves the kernel alive", () => {
  let python: Cells;
  beforeAll(async () => {
    python = await startPython();
    await python.run("import time, asyncio, re; kept = 7");
  }, 60_000);
  afterAll(() => python.close());

  test.each([
    ["a busy loop", "while True: pass"],
    ["sleep", "time.sleep(1000)"],
    ["an awaited sleep", "await asyncio.sleep(1000)"],
    ["a tight asynchronous loop", "while True:\n    await asyncio.sleep(0)"],
    ["a busy loop in an asynchronous cell", "await asyncio.sleep(0)\nwhile True: pass"],
    ["a regular expression from hell", "re.match(r'(a+)+b', 'a' * 40)"],
    ["a generator", "sum(i for i in iter(int, 1))"],
    ["asyncio.run", "asyncio.run(asyncio.sleep(100))"],
    ["a gathered wait", "await asyncio.gather(*[asyncio.sleep(100) for _ in range(3)])"],
    ["%%time of a loop", "pass\n%time time.sleep(1000)"],
  ])("%s", async (_, code) => {
    const run = await interrupted(python, code);
    expect(run.error?.ename).toBe("KeyboardInterrupt");
    expect(run.error?.traceback.join("\n")).toContain("Cell");
    expect(run.error?.traceback.join("\n")).not.toMatch(/\.m?[jt]s"/);
    expect((await python.run("kept")).result).toBe("7");
  });
});

test("an interrupt ends input()", async () => {
  const python = await startPython();
  const asked = python.next((message) => message.type === "input_request");
  const id = "asks";
  const done = python.next(
    (message): message is Extract<FromKernel, { type: "execute_reply" }> => message.type === "execute_reply",
  );
  python.channel.send({ type: "execute_request", id, code: "input('stop me ')" });
  await asked;
  python.interrupt();
  expect(await done).toMatchObject({ status: "error", parent: id });
  expect(python.log.find((message) => message.type === "error")).toMatchObject({ ename: "KeyboardInterrupt" });
  // A late answer goes nowhere, and the next question gets its own.
  python.channel.send({ type: "input_reply", parent: id, value: "late" });
  expect((await python.run("input()", { input: () => "mine" })).result).toBe("'mine'");
  python.close();
});

test("an interrupt when nothing runs does nothing", async () => {
  const python = await startPython();
  python.interrupt();
  expect((await python.run("total = 0\nfor i in range(200000): total += i\ntotal")).result).toBe("19999900000");
  python.close();
});

test("what waits for the start is taken back by an interrupt", async () => {
  const abort = new AbortController();
  const channel = await createPythonKernel().start({ host: threadHost(), signal: abort.signal });
  const python = new Cells(channel, abort);
  const early = python.run("early = 1");
  python.interrupt();
  expect((await early).status).toBe("aborted");
  expect((await python.run("'early' in globals()")).result).toBe("False");
  python.close();
});

test.each([
  ["a loop that catches everything", "while True:\n    try:\n        while True: pass\n    except BaseException: pass"],
  ["a loop in C", "sum(range(10**13))"],
  [
    "a coroutine that will not be cancelled",
    "import asyncio\nwhile True:\n    try: await asyncio.sleep(5)\n    except BaseException: pass",
  ],
])("%s costs the kernel its variables, and says so", async (_, code) => {
  const python = await startPython({ kernel: createPythonKernel({ restartAfter: 400 }) });
  await python.run("kept = 7");
  const running = interrupted(python, code);
  const late = python.run("'late'");
  const run = await running;
  expect(run).toMatchObject({ status: "error", error: { ename: "KeyboardInterrupt" } });
  expect(run.error?.evalue).toContain("restarted");
  expect((await late).status).toBe("aborted");
  expect((await python.run("kept")).error?.ename).toBe("NameError");
  expect((await python.run("6 * 7")).result).toBe("42");
  python.close();
});

describe("death", () => {
  test.each([
    ["os._exit", "import os; os._exit(3)"],
    [
      "a crash of the interpreter",
      "import sys\nsys.setrecursionlimit(10**7)\nx = []\nfor i in range(400_000): x = [x]\nrepr(x)",
    ],
  ])("%s is said, with the run aborted first", async (_, code) => {
    const python = await startPython();
    const reasons: (string | undefined)[] = [];
    const closed = new Promise<void>((done) => python.channel.onClose((reason) => (reasons.push(reason), done())));
    const run = await python.run(code);
    await closed;
    expect(run.status).toBe("aborted");
    const dead = python.log.at(-1);
    expect(dead).toMatchObject({ type: "status", status: "dead" });
    expect(reasons[0]).toMatch(/Python has (ended|crashed)/);
  });

  test("memory has a cap, which is a MemoryError", async () => {
    const python = await startPython({ settings: { pythonMemory: 96 << 20 } });
    expect((await python.run("x = bytearray(200 << 20)")).error?.ename).toBe("MemoryError");
    expect((await python.run("x = []\nwhile True: x.append(bytearray(1 << 20))")).error?.ename).toBe("MemoryError");
    expect((await python.run("del x\n1 + 1")).result).toBe("2");
    python.close();
  });

  test("a closed kernel says nothing more", async () => {
    const python = await startPython();
    python.channel.send({ type: "execute_request", id: "x", code: "while True: print(1)" });
    await python.next((message) => message.type === "stream");
    python.close();
    const count = python.log.length;
    await new Promise((done) => setImmediate(done));
    expect(python.log.length).toBe(count);
  });
});
