/** Random operations in random order: what must hold after each one, and that the same log gives the same state. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { CellId } from "#core/base/ids.ts";
import type { FromKernel } from "#core/kernel/messages.ts";
import type { Cell } from "#core/notebook/model.ts";
import { apply } from "#core/session/apply.ts";
import type { SessionModel } from "#core/session/model.ts";
import { World, code, freshModel, id } from "./world.ts";

const languages = ["python", "typescript", "shell", "ruby"] as const;
const kernels = ["python", "typescript", "shell"] as const;
const names = ["a", "b", "c", "d", "e", "f"] as const;

const cellName = fc.constantFrom(...names);
const kernel = fc.constantFrom(...kernels);

/** One thing that happens. Numbers choose among what is possible at that moment. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("run"), cells: fc.subarray([...names], { minLength: 1 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("interrupt"), language: fc.option(kernel, { nil: undefined }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart"), language: fc.option(kernel, { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("warm"), language: kernel }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("clear"), cells: fc.subarray([...names]) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("answer"), cell: cellName }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("type"), cell: cellName, source: fc.constantFrom("1", "2", "", " ") }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete"), cell: cellName }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("insert"),
      cell: cellName,
      at: fc.nat(6),
      language: fc.constantFrom(...languages),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("language"), cell: cellName, language: fc.constantFrom(...languages) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("settle") }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("idle"), language: kernel }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("output"), language: kernel, kind: fc.nat(6) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("end"),
      language: kernel,
      status: fc.constantFrom("ok", "ok", "error", "aborted"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("ask"),
      language: kernel,
      other: fc.constantFrom(...languages),
      capture: fc.boolean(),
      streams: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("give up"), language: kernel }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("question"), language: kernel }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("die"), language: kernel, silently: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("anew"), language: kernel }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("ghost"), language: kernel }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("runner"), runner: fc.constantFrom("here", "elsewhere", "here") }),
  },
) as fc.Arbitrary<Happening>;

type Kernel = (typeof kernels)[number];
type Happening =
  | { do: "run" | "clear"; cells: string[] }
  | { do: "interrupt" | "restart"; language: Kernel | undefined }
  | { do: "warm" | "idle" | "give up" | "question" | "anew" | "ghost"; language: Kernel }
  | { do: "answer" | "delete"; cell: string }
  | { do: "type"; cell: string; source: string }
  | { do: "insert"; cell: string; at: number; language: string }
  | { do: "language"; cell: string; language: string }
  | { do: "settle" }
  | { do: "output"; language: Kernel; kind: number }
  | { do: "end"; language: Kernel; status: "ok" | "error" | "aborted" }
  | { do: "ask"; language: Kernel; other: string; capture: boolean; streams: boolean }
  | { do: "die"; language: Kernel; silently: boolean }
  | { do: "runner"; runner: "here" | "elsewhere" };

/** The request that a kernel works on: those that it was sent and has not answered, the first. */
function requestsOf(world: World, answered: ReadonlySet<string>, language: string): string[] {
  return (world.sent.get(language) ?? []).flatMap((message) =>
    message.type === "execute_request" && !answered.has(message.id) ? [message.id] : [],
  );
}

function perform(world: World, answered: Set<string>, happening: Happening): void {
  const running =
    "language" in happening && happening.language ? requestsOf(world, answered, happening.language)[0] : undefined;
  switch (happening.do) {
    case "run":
      return void world.send({ type: "run_cells", cells: happening.cells.map(id) });
    case "clear":
      return void world.send({ type: "clear_outputs", cells: happening.cells.map(id) });
    case "interrupt":
    case "restart":
      return void world.send({ type: happening.do, ...(happening.language ? { language: happening.language } : {}) });
    case "warm":
      return void world.send({ type: "start_kernel", language: happening.language });
    case "answer":
      return void world.send({ type: "input_reply", cell: id(happening.cell), value: "x" });
    case "type":
      return world.type(happening.cell, happening.source);
    case "delete":
      return world.edit((cells) => cells.filter((cell) => cell.id !== happening.cell));
    case "insert":
      return world.edit((cells) =>
        cells.some((cell) => cell.id === happening.cell)
          ? cells
          : cells.toSpliced(happening.at, 0, code(happening.cell, "1", happening.language)),
      );
    case "language":
      return world.edit((cells) =>
        cells.map((cell): Cell => (cell.id === happening.cell ? { ...cell, language: happening.language } : cell)),
      );
    case "settle":
      return world.settle();
    case "idle":
      return void world.say(happening.language, { type: "status", status: "idle" });
    case "output": {
      if (!running) return;
      const data = { data: { "text/plain": "x" }, metadata: {} };
      const messages: FromKernel[] = [
        { type: "status", status: "busy", parent: running },
        { type: "stream", parent: running, name: "stdout", text: "out\n" },
        { type: "stream", parent: running, name: "stderr", text: "err\n" },
        { type: "display_data", parent: running, displayId: "d", ...data },
        { type: "update_display_data", parent: running, displayId: "d", ...data },
        { type: "clear_output", parent: running, wait: true },
        { type: "error", parent: running, ename: "E", evalue: "1", traceback: [] },
      ];
      const message = messages[happening.kind];
      return void (message && world.say(happening.language, message));
    }
    case "end":
      if (!running) return;
      answered.add(running);
      world.say(happening.language, { type: "execute_reply", parent: running, status: happening.status, count: 1 });
      return void world.say(happening.language, { type: "status", status: "idle", parent: running });
    case "ask":
      // A terminal asks at any time, for nobody.
      if (!running && !happening.streams) return;
      return void world.say(happening.language, {
        type: "kernel_request",
        id: `ask-${world.now}`,
        ...(running === undefined ? {} : { parent: running }),
        language: happening.other,
        code: "x",
        capture: happening.capture,
        streams: happening.streams,
      });
    case "give up": {
      const asked = world.state.nested.find(({ from }) => from === happening.language);
      return void (asked && world.say(happening.language, { type: "kernel_cancel", request: asked.request }));
    }
    case "question":
      return void (
        running &&
        world.say(happening.language, { type: "input_request", parent: running, prompt: "?", password: false })
      );
    case "die": {
      const generation = world.live.get(happening.language) ?? -1;
      if (happening.silently) {
        return void world.send({ type: "kernel_closed", language: happening.language, generation, reason: undefined });
      }
      return void world.say(happening.language, { type: "status", status: "dead", reason: "boom" });
    }
    case "anew": {
      for (const request of requestsOf(world, answered, happening.language)) {
        answered.add(request);
        world.say(happening.language, { type: "execute_reply", parent: request, status: "aborted", count: undefined });
      }
      return void world.say(happening.language, { type: "status", status: "starting" });
    }
    case "ghost": {
      const generation = (world.live.get(happening.language) ?? 0) - 1;
      const messages = [{ type: "status", status: "idle" } as const];
      const applied = world.send({ type: "kernel_messages", language: happening.language, generation, messages });
      expect(applied, "a message of an older start makes no sense").toBeUndefined();
      return;
    }
    case "runner":
      return void world.send({ type: "runner_changed", runner: happening.runner });
  }
}

/** What holds in every state. */
function check(state: SessionModel): void {
  const running = [...state.runs.values()];
  const byKernel = new Set(running.map(({ language }) => language));
  expect(byKernel.size, "one running cell for a kernel").toBe(running.length);
  const runningCells = new Set<CellId>(running.map(({ cell }) => cell));
  const queuedCells = new Set(state.queue.map(({ cell }) => cell));
  expect(queuedCells.size, "a cell is queued once").toBe(state.queue.length);
  expect(
    [...queuedCells].filter((cell) => runningCells.has(cell)),
    "queued and running",
  ).toEqual([]);

  expect([...state.cells.keys()].sort(), "a state for each cell").toEqual(
    state.notebook.cells.map((cell) => cell.id).sort(),
  );
  const positions = new Map(state.notebook.cells.map((cell, index) => [cell.id, index]));
  for (const { cell, language } of state.queue) {
    expect(positions.has(cell), "queued cells exist").toBe(true);
    expect(state.notebook.cells[positions.get(cell) ?? 0]?.language, "queued for its language").toBe(language);
  }
  for (const [cell, { progress, input }] of state.cells) {
    expect(progress === "running", `${cell} shown as running`).toBe(runningCells.has(cell));
    expect(progress === "queued", `${cell} shown as queued`).toBe(queuedCells.has(cell));
    if (input) expect(progress).toBe("running");
  }
  for (const [language, link] of state.links) {
    const shown = state.kernels.get(language);
    if (link.current !== undefined) expect(link.ready, "only a ready kernel has a request").toBe(true);
    expect(link.ready, `${language} is ready`).toBe(shown?.status === "idle" || shown?.status === "busy");
    const cell = running.find((run) => run.language === language);
    if (cell) expect(link.current, "the kernel's request is the cell's run").toBe(cell.id);
  }
  // Whatever waits, waits for something: a kernel that starts or works.
  if (state.queue.length > 0) {
    const works = [...state.links.values()].some(({ current }) => current !== undefined);
    const starts = [...state.kernels.values()].some(({ status }) => status === "starting");
    expect(works || starts, "nothing waits for nothing").toBe(true);
  }
}

/** The order rule: a cell never begins while one above it, asked for earlier, waits or runs. */
function checkOrder(before: SessionModel, after: SessionModel): void {
  const position = (cell: CellId) => after.notebook.cells.findIndex((candidate) => candidate.id === cell);
  for (const run of after.runs.values()) {
    if (before.runs.has(run.id)) continue;
    const asked = before.queue.findIndex((queued) => queued.run === run.id);
    const earlier = [...before.runs.values(), ...before.queue.slice(0, Math.max(asked, 0))];
    for (const other of earlier) {
      const waits =
        after.runs.has("id" in other ? other.id : other.run) ||
        after.queue.some(({ run: id }) => "run" in other && id === other.run);
      const where = position(other.cell);
      if (waits && where >= 0)
        expect(where, `${run.cell} begins before ${other.cell}`).toBeGreaterThan(position(run.cell));
    }
  }
}

const runs = Number(process.env["KROMA_PROPERTY_RUNS"] ?? 400);

it("keeps its promises whatever happens, and ends everything that was asked for", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      const world = new World([
        code("a", "1"),
        code("b", "2", "typescript"),
        code("c", "3", "shell"),
        code("d", "4"),
        code("e", "5", "ruby"),
      ]);
      const answered = new Set<string>();
      for (const next of happenings) {
        const before = world.state;
        perform(world, answered, next);
        check(world.state);
        if (next.do !== "end" && next.do !== "settle" && next.do !== "anew") checkOrder(before, world.state);
      }
      expect(structuredClone(world.state), "the state is plain data").toEqual(world.state);

      // Kernels that answer bring everything to an end.
      world.send({ type: "runner_changed", runner: "here" });
      const isAtWork = ({ queue, runs: active, nested }: SessionModel): boolean =>
        queue.length > 0 || active.size > 0 || nested.length > 0;
      for (let round = 0; round < 60 && isAtWork(world.state); round += 1) {
        for (const language of kernels) {
          perform(world, answered, { do: "idle", language });
          perform(world, answered, { do: "end", language, status: "ok" });
        }
        world.settle();
      }
      expect(world.state.queue).toEqual([]);
      expect(world.state.runs.size).toBe(0);
      expect(world.state.nested).toEqual([]);
      world.settle();
      check(world.state);

      let replayed = freshModel();
      for (const { operation, now } of world.log) replayed = apply(replayed, operation, now)?.state ?? replayed;
      expect(replayed).toEqual(world.state);
    }),
    { numRuns: runs },
  );
});

it("gives the same state for a kernel's messages in one batch or in many", () => {
  const text = fc.constantFrom("x", "y\n", "");
  const message = (parent: string) =>
    fc.oneof(
      fc.record({
        type: fc.constant("stream"),
        parent: fc.constant(parent),
        name: fc.constantFrom("stdout", "stderr"),
        text,
      }),
      fc.record({ type: fc.constant("clear_output"), parent: fc.constant(parent), wait: fc.boolean() }),
      fc.record({
        type: fc.constant("display_data"),
        parent: fc.constant(parent),
        data: fc.record({ "text/plain": text }),
        metadata: fc.constant({}),
        displayId: fc.constantFrom("p", "q"),
      }),
      fc.record({
        type: fc.constant("update_display_data"),
        parent: fc.constant(parent),
        data: fc.record({ "text/plain": text }),
        metadata: fc.constant({}),
        displayId: fc.constantFrom("p", "q"),
      }),
    ) as fc.Arbitrary<FromKernel>;
  fc.assert(
    fc.property(fc.array(message("test-1"), { maxLength: 40 }), (messages) => {
      const [one, many] = [new World([code("a", "1")]), new World([code("a", "1")])];
      for (const world of [one, many]) {
        world.run("a");
        world.ready("python");
      }
      if (messages.length > 0) one.say("python", ...messages);
      for (const next of messages) many.say("python", next);
      expect(one.cell("a").outputs).toEqual(many.cell("a").outputs);
    }),
  );
});
