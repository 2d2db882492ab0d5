/** The interpreter that is kept ready: when it is made, what it knows when it is taken, and that it goes. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import type { KernelHost, KernelSettings, KernelWorker } from "#core/kernel/kernel.ts";
import { createPythonKernel } from "#kernels/python/kernel.ts";
import { startFolderWorkspace } from "#plugins/folder/folder.node.ts";
import { Cells, SETTINGS, startPython, threadHost } from "./harness.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A host that is always at rest and tells of its workers. */
class RestfulHost implements KernelHost {
  readonly whenAtRest = (work: () => void): (() => void) => {
    work();
    return () => undefined;
  };
  readonly asset: KernelHost["asset"];
  readonly workers: KernelWorker[] = [];
  readonly ended = new Set<KernelWorker>();
  settings: KernelSettings = SETTINGS;
  foreign = false;
  workspace: SharedArrayBuffer | undefined;
  readonly #host = threadHost();
  readonly #prepared: (() => void)[] = [];

  constructor() {
    this.asset = (path) => this.#host.asset(path);
    closers.push(() => this.workers.forEach((worker) => worker.terminate()));
  }

  spawn(program: string): KernelWorker {
    const inner = this.#host.spawn(program);
    const worker: KernelWorker = {
      port: inner.port,
      onError: (listener) => inner.onError(listener),
      terminate: () => {
        this.ended.add(worker);
        inner.terminate();
      },
    };
    this.workers.push(worker);
    inner.port.addEventListener("message", ({ data }: MessageEvent) => {
      if ((data as { type: string }).type === "prepared") for (const done of this.#prepared.splice(0)) done();
    });
    return worker;
  }

  /** Resolves when the next spare is ready. */
  prepared(): Promise<void> {
    return new Promise((resolve) => this.#prepared.push(resolve));
  }
}

async function start(kernel: ReturnType<typeof createPythonKernel>, host: KernelHost): Promise<Cells> {
  const abort = new AbortController();
  const cells = new Cells(await kernel.start({ host, signal: abort.signal }), abort);
  await cells.idle();
  return cells;
}

async function withSpare() {
  await startPython().then((python) => python.close());
  const kernel = createPythonKernel({ spareAfter: 0, restartAfter: 400 });
  const host = new RestfulHost();
  const ready = host.prepared();
  const python = await start(kernel, host);
  await ready;
  return { kernel, host, python };
}

test("the first start takes what was prepared, settings and files being those of the start", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  closers.push(() => vi.useRealTimers());
  const kernel = createPythonKernel();
  const host = new RestfulHost();
  kernel.prepare?.(host);
  kernel.prepare?.(host);
  host.foreign = true;
  const folder = await mkdtemp(join(tmpdir(), "kroma-prepared-"));
  closers.push(() => rm(folder, { recursive: true }));
  const workspace = await startFolderWorkspace(folder);
  closers.push(() => workspace.close());
  host.workspace = workspace.shared;
  await writeFile(join(folder, "late.txt"), "written meanwhile");
  const python = await start(kernel, host);
  expect(host.workers.length).toBe(1);
  // Long after it answered, nobody takes it for dead.
  const said = python.log.length;
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  expect(python.log.slice(said)).toEqual([]);
  expect((await python.run("open('late.txt').read()")).result).toBe("'written meanwhile'");
  expect((await python.run("import js\ngetattr(js, 'kromaReadSync', None)")).result).toBeUndefined();
  python.close();
});

test("where there is no rest there is no spare", async () => {
  const inner = threadHost();
  let spawned = 0;
  const host: KernelHost = { ...inner, spawn: (program) => (spawned++, inner.spawn(program)) };
  const kernel = createPythonKernel({ spareAfter: 0 });
  for (const _ of [1, 2]) {
    const python = await start(kernel, host);
    expect((await python.run("1 + 1")).result).toBe("2");
    python.close();
  }
  expect(spawned).toBe(2);
});

test("a restart takes the spare, which knows the settings, files and trust of that moment", async () => {
  const { kernel, host, python } = await withSpare();
  expect((await python.run("import random, sys\nkept = 7\nsys.modules['kept'] = 1")).status).toBe("ok");
  const folder = await mkdtemp(join(tmpdir(), "kroma-spare-"));
  closers.push(() => rm(folder, { recursive: true }));
  const workspace = await startFolderWorkspace(folder);
  closers.push(() => workspace.close());
  await writeFile(join(folder, "late.txt"), "written after the spare was made");
  host.workspace = workspace.shared;
  host.settings = { ...SETTINGS, pythonMemory: 96 << 20 };
  host.foreign = true;
  python.close();
  const workers = host.workers.length;
  const again = await start(kernel, host);
  expect(host.workers.length).toBe(workers);
  expect((await again.run("kept")).error?.ename).toBe("NameError");
  expect((await again.run("open('late.txt').read()")).result).toBe("'written after the spare was made'");
  await again.run("open('/workspace/back.txt', 'w').write('from Python')");
  expect(await readFile(join(folder, "back.txt"), "utf8")).toBe("from Python");
  expect((await again.run("x = bytearray(200 << 20)")).error?.ename).toBe("MemoryError");
  expect((await again.run("import js\ngetattr(js, 'kromaReadSync', None)")).result).toBeUndefined();
  expect((await again.run("import email.mime.text, asyncio\nawait asyncio.sleep(0)\n_")).status).toBe("ok");
  again.close();
});

test("two spares do not draw the same random numbers", async () => {
  const { kernel, host, python } = await withSpare();
  const draw = "import random\nrandom.random()";
  const first = await python.run(draw);
  const next = host.prepared();
  python.close();
  const second = await start(kernel, host);
  const drawn = await second.run(draw);
  await next;
  second.close();
  const third = await start(kernel, host);
  expect(new Set([first.result, drawn.result, (await third.run(draw)).result]).size).toBe(3);
  third.close();
});

test("a cell that will not stop gives way to the spare", async () => {
  const { host, python } = await withSpare();
  const workers = host.workers.length;
  const idle = python.next(
    (message) => message.type === "status" && message.status === "idle" && message.parent === undefined,
  );
  const running = python.run("print('running')\nsum(range(10**13))", {
    onMessage: (m) => m.type === "stream" && python.interrupt(),
  });
  expect((await running).error?.evalue).toContain("restarted");
  await idle;
  expect(host.workers.length).toBe(workers);
  expect((await python.run("6 * 7")).result).toBe("42");
  python.close();
});

test("after the kernel's death the next start has the spare", async () => {
  const { kernel, host, python } = await withSpare();
  const closed = new Promise<void>((done) => python.channel.onClose(() => done()));
  await python.run("import os; os._exit(3)");
  await closed;
  const workers = host.workers.length;
  const again = await start(kernel, host);
  expect((await again.run("6 * 7")).result).toBe("42");
  expect(host.workers.length).toBe(workers);
  again.close();
});

test("a closed notebook has no spare", async () => {
  const { kernel, host, python } = await withSpare();
  python.close();
  kernel.forget?.(host);
  expect(host.ended.size).toBe(host.workers.length);
});
