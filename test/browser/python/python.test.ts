/** The Python kernel in real Chromium: restored from the snapshot, with a damaged one, interrupted, restarted. */
import { afterEach, expect, test } from "vitest";
import type { KernelHost } from "#core/kernel/kernel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import type { Channel } from "#core/base/channel.ts";
import { createPythonKernel } from "#kernels/python/kernel.ts";

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

function host(assets: string, foreign = false): KernelHost {
  return {
    spawn() {
      const worker = new Worker(new URL("../../../kernels/python/worker.ts", import.meta.url), { type: "module" });
      return {
        port: worker,
        terminate: () => worker.terminate(),
        onError: (listener) => {
          const heard = (event: ErrorEvent) => listener(event.message);
          worker.addEventListener("error", heard);
          return () => worker.removeEventListener("error", heard);
        },
      };
    },
    asset: (path) => new URL(path, assets).href,
    workspace: undefined,
    settings: { wheelMirrors: [], npmMirrors: [], pythonMemory: 1 << 30, vmMemory: 0 },
    foreign,
  };
}

interface Page {
  readonly channel: Channel<FromKernel, ToKernel>;
  readonly log: FromKernel[];
  run(
    code: string,
    onMessage?: (message: FromKernel) => void,
  ): Promise<{ status: string; text: string; error: string }>;
}

let ids = 0;
async function start(
  kernel = createPythonKernel(),
  assets = new URL("/assets/", location.href).href,
  foreign = false,
): Promise<Page> {
  const abort = new AbortController();
  closers.push(() => abort.abort());
  const channel = await kernel.start({ host: host(assets, foreign), signal: abort.signal });
  const log: FromKernel[] = [];
  const listeners = new Set<(message: FromKernel) => void>();
  await new Promise<void>((ready, fail) => {
    channel.receive((message) => {
      log.push(message);
      for (const listener of Array.from(listeners)) listener(message);
      if (message.type === "status" && message.status === "idle") ready();
      if (message.type === "status" && message.status === "dead") fail(new Error(message.reason));
    });
  });
  return {
    channel,
    log,
    run: async (code, onMessage) =>
      await new Promise((done) => {
        const id = `b${++ids}`;
        let text = "";
        let error = "";
        const listener = (message: FromKernel) => {
          if (!("parent" in message) || message.parent !== id) return;
          onMessage?.(message);
          if (message.type === "stream") text += message.text;
          if (message.type === "execute_result") text += String(message.data["text/plain"]);
          if (message.type === "error") error = message.ename;
          if (message.type !== "execute_reply") return;
          listeners.delete(listener);
          done({ status: message.status, text, error });
        };
        listeners.add(listener);
        channel.send({ type: "execute_request", id, code });
      }),
  };
}
const stages = (page: Page) => page.log.flatMap((m) => (m.type === "status" && m.stage ? [m.stage] : [])).join("; ");

test("a snapshot made by Node is restored, with lazy library, await, run_sync, sleep and input", async () => {
  const kernel = createPythonKernel();
  const page = await start(kernel);
  expect(stages(page)).toContain("Restoring");
  expect(stages(page)).not.toContain("without its snapshot");
  expect((await page.run("1 + 1")).text).toBe("2");
  expect((await page.run("import xml.dom.minidom, email.mime.text, sqlite3; 3")).text).toBe("3");
  expect(
    (
      await page.run(
        "import asyncio, time\nawait asyncio.sleep(0.01)\ntime.sleep(0.01)\nasyncio.run(asyncio.sleep(0.01, 'slept'))",
      )
    ).text,
  ).toBe("'slept'");
  expect((await page.run("import js\ntype(await js.fetch('/assets/pyodide/empty.zip')).__name__")).text).toBe(
    "'JsProxy'",
  );
  const asked = await page.run("input('?') + '!'", (message) => {
    if (message.type === "input_request")
      page.channel.send({ type: "input_reply", parent: message.parent, value: "yes" });
  });
  expect(asked.text).toBe("'yes!'");
  expect((await (await start(kernel)).run("6 * 7")).text).toBe("42");
});

test("interrupts reach loops, sleep and await", async () => {
  const page = await start();
  for (const code of ["while True: pass", "import time; time.sleep(100)", "import asyncio\nawait asyncio.sleep(100)"]) {
    const run = await page.run(`print('runs', flush=True)\n${code}\nx = 1`, (message) => {
      if (message.type === "stream") page.channel.send({ type: "interrupt_request", id: "i" });
    });
    expect(run.error).toBe("KeyboardInterrupt");
  }
  expect((await page.run("'alive'")).text).toBe("'alive'");
});

test("urllib fetches through the page, which says what it may not read", async () => {
  const page = await start();
  const lock = new URL("/assets/pyodide/pyodide-lock.json", location.href).href;
  const read = await page.run(
    `import json, urllib.request\nwith urllib.request.urlopen(${JSON.stringify(lock)}) as r:\n    print(r.status, "packages" in json.load(r))`,
  );
  expect(read).toMatchObject({ status: "ok", text: "200 True\n" });
  const refused = await page.run(
    "try:\n    urllib.request.urlopen('http://127.0.0.1:1/')\nexcept OSError as error:\n    print(error)",
  );
  expect(refused.text).toContain("does not let pages of other sites read it (CORS)");
}, 60_000);

test("an error in a callback of JavaScript's does not end the kernel", async () => {
  const page = await start();
  await page.run(
    "import js, asyncio\nfrom pyodide.ffi import create_proxy\njs.setTimeout(create_proxy(lambda: 1 / 0), 0)\nawait asyncio.sleep(0.05)",
  );
  expect((await page.run("'alive'")).text).toBe("'alive'");
});

test("a foreign notebook's Python has no storage and cannot reach other tabs", async () => {
  const page = await start(createPythonKernel(), undefined, true);
  const code =
    "import js\n[n for n in ('indexedDB', 'caches', 'BroadcastChannel', 'Worker', 'SharedWorker', 'WebTransport') if getattr(js, n, None) is not None], getattr(js.navigator, 'storage', None), getattr(js.navigator, 'locks', None)";
  expect((await page.run(code)).text).toBe("([], None, None)");
  expect((await page.run("js.eval('Object.getPrototypeOf(self).constructor.name + typeof self.indexedDB')")).text).toBe(
    "'DedicatedWorkerGlobalScopeundefined'",
  );
});

test("a damaged snapshot means a plain start", async () => {
  // The same files under another folder, but for the snapshot: a service of the test server's own 404.
  const kernel = createPythonKernel();
  const assets = new URL("/assets/", location.href).href;
  const broken = { ...host(assets) };
  const abort = new AbortController();
  closers.push(() => abort.abort());
  const channel = await kernel.start({
    host: {
      ...broken,
      spawn: (program) => {
        const worker = broken.spawn(program);
        const post = worker.port.postMessage.bind(worker.port);
        worker.port.postMessage = (message: unknown, transfer: Transferable[]) => {
          const init = message as { type: string; shared?: unknown; plain?: boolean };
          if (init.type !== "init") return post(message, transfer);
          // What a damaged download would be.
          return post({ ...init, shared: { module: undefined, pack: new ArrayBuffer(100) } }, transfer);
        };
        return worker;
      },
    },
    signal: abort.signal,
  });
  const log: FromKernel[] = [];
  await new Promise<void>((ready) => {
    channel.receive((message) => {
      log.push(message);
      if (message.type === "status" && message.status === "idle") ready();
    });
  });
  expect(JSON.stringify(log)).toContain("without its snapshot");
  localStorage.clear();
});
