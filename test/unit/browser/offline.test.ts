/** What is kept for visits without network: in which order, and not while kernels work. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { filesToKeep, kernelsOf } from "#app/browser/keep-order.ts";
import { KernelWork, type WorkingSession } from "#app/browser/kernel-work.ts";

const FILES = [
  "app/index-1.js",
  "app/models-panel-2.js",
  "app/font-3.woff2",
  "assets/duckdb/engine.wasm",
  "assets/pyodide/core.wasm",
  "assets/pyodide/library.zip",
  "index.html",
  "notebooks/index.json",
];

describe("the order of what is kept", () => {
  test("what was used, then what its kernels need, then what was never opened", () => {
    const used = new Set(["app/index-1.js", "app/font-3.woff2", "assets/pyodide/core.wasm"]);
    expect(filesToKeep(FILES, used, ["python"])).toEqual([
      "app/index-1.js",
      "app/font-3.woff2",
      "assets/pyodide/core.wasm",
      "index.html",
      "assets/pyodide/library.zip",
      "app/models-panel-2.js",
      "notebooks/index.json",
    ]);
  });

  test("a kernel is known by any of its files", () => {
    expect(kernelsOf(["index.html", "assets/pyodide/core.wasm", "assets/npm/a.js"])).toEqual(["python", "typescript"]);
    expect(kernelsOf(["index.html", "assets/other/a.js"])).toEqual([]);
  });
});

describe("the rest of the kernels", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  type Status = "off" | "starting" | "idle" | "busy";
  /** A session of one kernel that is what the test says. */
  function session(language: string) {
    const listeners = new Set<() => void>();
    const state = { kernels: new Map([[language, { language, status: "off" as Status }]]), queue: [] as unknown[] };
    return {
      session: {
        state,
        onChange(listener: () => void) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      } as unknown as WorkingSession,
      become(status: Status, queued = 0) {
        state.kernels.set(language, { language, status });
        state.queue = Array.from({ length: queued });
        for (const listener of listeners) listener();
      },
    };
  }
  function waitFor(work: KernelWork, patience: number) {
    let rests = false;
    void work.rest(patience).then(() => (rests = true));
    return () => rests;
  }

  test("it is there at once where nothing works, and waits for what starts, runs or is queued", async () => {
    const work = new KernelWork();
    const python = session("python");
    work.follow(python.session);
    await work.rest(1_000_000);
    python.become("starting");
    const rested = waitFor(work, 1_000_000);
    await vi.advanceTimersByTimeAsync(60_000);
    python.become("idle", 1);
    await vi.advanceTimersByTimeAsync(60_000);
    python.become("busy");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(rested()).toBe(false);
    python.become("idle");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(rested()).toBe(true);
  });

  test("a pause between two cells is none", async () => {
    const work = new KernelWork();
    const python = session("python");
    work.follow(python.session);
    python.become("busy");
    const rested = waitFor(work, 1_000_000);
    for (let cell = 0; cell < 20; cell++) {
      python.become("idle");
      await vi.advanceTimersByTimeAsync(1000);
      python.become("busy");
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(rested()).toBe(false);
  });

  test("patience ends, and so does a notebook that is closed while it works", async () => {
    const work = new KernelWork();
    const [python, shell] = [session("python"), session("shell")];
    const stop = work.follow(python.session);
    work.follow(shell.session);
    python.become("busy");
    shell.become("busy");
    const impatient = waitFor(work, 5000);
    const patient = waitFor(work, 1_000_000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([impatient(), patient()]).toEqual([true, false]);
    stop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(patient()).toBe(false);
    shell.become("idle");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(patient()).toBe(true);
  });

  test("each kernel is told of once, when it is first started", () => {
    const work = new KernelWork();
    const [python, shell] = [session("python"), session("shell")];
    work.follow(python.session);
    work.follow(shell.session);
    const told: string[][] = [];
    const stop = work.onStarted(() => told.push([...work.started]));
    python.become("starting");
    python.become("idle");
    shell.become("starting");
    stop();
    expect(told).toEqual([["python"], ["python", "shell"]]);
  });
});
