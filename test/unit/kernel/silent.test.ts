/** Real workers that hang between their cells: it is said, requests wait, and Interrupt or Restart helps. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NodeHost, createNodeHost } from "#app/node/node-host.ts";
import type { Kernel } from "#core/kernel/kernel.ts";
import { createPythonKernel } from "#kernels/python/kernel.ts";
import { createTypeScriptKernel } from "#kernels/typescript/kernel.ts";
import { Cells } from "../python/harness.ts";

/** Milliseconds; a worker is silent after some of them. */
const BEAT = 100;
let folder: string;
let host: NodeHost;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-silent-"));
  host = await createNodeHost({ folder });
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true });
});

async function start(kernel: Kernel): Promise<Cells> {
  const abort = new AbortController();
  const cells = new Cells(await kernel.start({ host, signal: abort.signal }), abort);
  await cells.idle();
  return cells;
}

const silence = (cells: Cells): Promise<unknown> =>
  cells.next((message) => message.type === "responding" && !message.responding);
const answer = (cells: Cells): Promise<unknown> =>
  cells.next((message) => message.type === "responding" && message.responding);

const PYTHON_HANGS = `import asyncio
kept = 7
async def hang():
    await asyncio.sleep(0.01)
    while True: pass
task = asyncio.ensure_future(hang())`;

describe("Python", () => {
  test("a task that never gives way is said, and an interrupt ends it with all variables kept", async () => {
    const python = await start(createPythonKernel({ beat: BEAT }));
    const silent = silence(python);
    expect((await python.run(PYTHON_HANGS)).status).toBe("ok");
    await silent;
    const answers = answer(python);
    python.interrupt();
    await answers;
    expect((await python.run("kept")).result).toBe("7");
    python.close();
  });

  test("a cell that was sent meanwhile waits, and runs when the worker is back", async () => {
    const python = await start(createPythonKernel({ beat: BEAT }));
    const silent = silence(python);
    await python.run(PYTHON_HANGS);
    await silent;
    const waiting = python.run("kept + 1");
    const answers = answer(python);
    python.interrupt();
    await answers;
    // The interrupt was for what ran, or for this cell if it had begun; it never costs the variables.
    expect(["8", undefined]).toContain((await waiting).result);
    expect((await python.run("kept")).result).toBe("7");
    python.close();
  });

  test.each([
    ["computes", "for i in range(20_000_000): pass"],
    ["sleeps", "import time; time.sleep(1.5)"],
    ["awaits", "import asyncio; await asyncio.sleep(1.5)"],
    ["calls C", "import hashlib; hashlib.pbkdf2_hmac('sha256', b'a', b'b', 400_000)"],
  ])("a cell that %s is never called silent", async (_, code) => {
    const python = await start(createPythonKernel({ beat: BEAT / 4 }));
    const messages: string[] = [];
    const stop = python.listen((message) => {
      if (message.type === "status" && message.parent !== undefined) messages.push(message.status);
      if (message.type === "responding") messages.push(String(message.responding));
    });
    await python.run(code);
    stop();
    expect(messages.slice(messages.indexOf("busy"))).not.toContain("false");
    python.close();
  });
});

describe("TypeScript", () => {
  test("a timer that never ends is said, and an interrupt brings a new worker", async () => {
    const typescript = await start(createTypeScriptKernel({ beat: BEAT }));
    const silent = silence(typescript);
    expect((await typescript.run("const kept = 7; setTimeout(() => { for (;;); });")).status).toBe("ok");
    await silent;
    const idle = typescript.next(
      (message) => message.type === "status" && message.status === "idle" && message.parent === undefined,
    );
    typescript.interrupt();
    await idle;
    expect(typescript.log.findLast((message) => message.type === "responding")).toMatchObject({ responding: true });
    expect((await typescript.run("6 * 7")).result).toBe("42");
    typescript.close();
  });
});
