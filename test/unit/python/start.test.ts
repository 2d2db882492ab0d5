/** Starting: from the snapshot, plainly when the snapshot is of no use, again with what the first start has left. */
import { cp, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FromKernel } from "#core/kernel/messages.ts";
import { createPythonKernel } from "#kernels/python/kernel.ts";
import { makePack, applyPack, parsePack, PAGE } from "#kernels/python/pack.ts";
import { ASSETS, startPython } from "./harness.ts";
import * as fc from "fast-check";

const stages = (log: readonly FromKernel[]) => log.flatMap((m) => (m.type === "status" && m.stage ? [m.stage] : []));

describe("assets that are damaged", () => {
  let folder: string;
  beforeAll(async () => {
    (await startPython()).close();
    folder = await mkdtemp(join(tmpdir(), "kroma-assets-"));
    await cp(join(ASSETS, "pyodide"), join(folder, "pyodide"), { recursive: true });
    await symlink(join(ASSETS, "../../../node_modules"), join(folder, "node_modules"));
  }, 60_000);
  afterAll(async () => await rm(folder, { recursive: true, force: true }));

  test("the standard library that can't be fetched costs the import, not the interpreter", async () => {
    const library = join(folder, "pyodide/python_stdlib.zip");
    await rename(library, `${library}.away`);
    const python = await startPython({ assets: folder });
    expect((await python.run("kept = 7\nimport xml.dom.minidom")).status).toBe("error");
    expect((await python.run("kept")).result).toBe("7");
    await rename(`${library}.away`, library);
    expect((await python.run("import xml.dom.minidom\nkept")).result).toBe("7");
    python.close();
  });

  test.each([
    ["cut off", async (pack: string) => await truncate(pack, 5_000_000)],
    [
      "full of other bytes",
      async (pack: string) => {
        const bytes = await readFile(join(ASSETS, "pyodide/kroma.pack"));
        const { offset } = parsePack(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
        bytes.fill(0x5a, offset);
        await writeFile(pack, bytes);
      },
    ],
    [
      "of another build",
      async (pack: string) => {
        const text = (await readFile(join(ASSETS, "pyodide/kroma.pack"))).toString("latin1");
        await writeFile(pack, Buffer.from(text.replace(/"buildId":"...../, '"buildId":"00000'), "latin1"));
      },
    ],
  ])("a snapshot that is %s means a plain start", async (_, damage) => {
    await damage(join(folder, "pyodide/kroma.pack"));
    const kernel = createPythonKernel();
    const python = await startPython({ assets: folder, kernel });
    expect(stages(python.log).some((stage) => stage.includes("without its snapshot"))).toBe(true);
    expect((await python.run("import IPython.display, kroma\n%time 6 * 7")).result).toBe("42");
    // It is remembered: a restart does not try the snapshot again.
    const before = python.log.length;
    python.channel.send({
      type: "execute_request",
      id: "stuck",
      code: "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    });
    await python.next((message) => message.type === "status" && message.status === "busy");
    python.interrupt();
    const stage = await python.next(
      (message) => message.type === "status" && (message.stage ?? "").length > 0 && message.stage !== "Loading Python",
    );
    expect(python.log.slice(before).length).toBeGreaterThan(0);
    expect(JSON.stringify(stage)).not.toContain("Restoring");
    python.close();
  });

  test("without the interpreter the kernel is dead with a reason", async () => {
    await rm(join(folder, "pyodide/pyodide.asm.wasm"));
    const log: FromKernel[] = [];
    const { threadHost } = await import("./harness.ts");
    const channel = await createPythonKernel().start({
      host: threadHost({ assets: folder }),
      signal: new AbortController().signal,
    });
    const closed = new Promise<void>((done) => channel.onClose(() => done()));
    channel.receive((message) => log.push(message));
    channel.send({ type: "execute_request", id: "x", code: "1" });
    await closed;
    expect(log.slice(-2)).toMatchObject([
      { type: "execute_reply", parent: "x", status: "aborted" },
      { type: "status", status: "dead", reason: expect.stringContaining("could not start") },
    ]);
  });
});

test("a second start of the same kernel works", async () => {
  const kernel = createPythonKernel();
  (await startPython({ kernel })).close();
  const python = await startPython({ kernel });
  expect((await python.run("1")).result).toBe("1");
  python.close();
});

test("a foreign notebook's Python has no storage and cannot start workers", async () => {
  const python = await startPython({ foreign: true });
  const run = await python.run(
    "import js\n[name for name in ('indexedDB', 'caches', 'BroadcastChannel', 'Worker', 'kromaReadSync') if getattr(js, name, None) is not None]",
  );
  expect(run.result).toBe("[]");
  expect((await python.run("import email.mime.audio; 5")).result).toBe("5");
  python.close();
});

test("any heap comes back from its pack", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 60 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 60 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 20 }),
      (pages, initial, later, between) => {
        const size = 65_536 + pages * PAGE;
        const put = (heap: Uint8Array, writes: readonly (readonly [number, number])[]) => {
          for (const [at, value] of writes) heap[at % heap.length] = value;
          return heap;
        };
        const fresh = put(new Uint8Array(65_536), initial);
        const grown = new Uint8Array(size);
        grown.set(fresh);
        const before = put(grown.slice(), between);
        const heap = put(before.slice(), later);
        const bytes = makePack(heap, fresh, before, { buildId: "b", key: "k", references: {}, stdlibSize: 1 });
        const pack = parsePack(bytes.buffer);
        const target = before.slice();
        applyPack(pack, target, fresh.slice(0, pack.head.low));
        expect(target).toEqual(heap);
      },
    ),
    { numRuns: 60 },
  );
});
