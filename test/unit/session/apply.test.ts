import { describe, expect, it } from "vitest";
import type { ToKernel } from "#core/kernel/messages.ts";
import { MAX_OUTPUTS, MAX_OUTPUT_SIZE } from "#core/session/outputs.ts";
import { World, code, finishedRun, id } from "./world.ts";

const stream = (parent: string, text: string, name: "stdout" | "stderr" = "stdout") =>
  ({ type: "stream", parent, name, text }) as const;
const display = (parent: string, text: string, displayId?: string) =>
  ({
    type: "display_data",
    parent,
    data: { "text/plain": text },
    metadata: {},
    ...(displayId === undefined ? {} : { displayId }),
  }) as const;

describe("running cells", () => {
  it("starts the kernel when the first cell needs it, and runs when it is idle", () => {
    const world = new World([code("a", "1+1")]);
    world.run("a");
    expect(world.live.has("python")).toBe(true);
    expect(world.state.kernels.get("python")).toMatchObject({ status: "starting" });
    expect(world.cell("a").progress).toBe("queued");
    world.say("python", { type: "status", status: "starting", stage: "Loading Python", progress: 0.5 });
    expect(world.state.kernels.get("python")).toMatchObject({ stage: "Loading Python", progress: 0.5 });
    world.ready("python");
    expect(world.cell("a").progress).toBe("running");
    expect(world.sent.get("python")).toMatchObject([
      { type: "execute_request", code: "1+1", cell: "a", name: "cell 1" },
    ]);
  });

  it("writes the ended run to the document with outputs, count and time", () => {
    const world = new World([code("a", "1+1")]);
    world.run("a");
    world.ready("python");
    const parent = world.request("a");
    world.now += 100;
    world.say("python", { type: "execute_result", parent, data: { "text/plain": "2" }, metadata: {}, count: 7 });
    world.reply("a", "ok", 7);
    expect(world.cell("a")).toMatchObject({ progress: "done", validity: "fresh", count: 7 });
    expect(world.cell("a").ms).toBeGreaterThanOrEqual(100);
    expect(world.effects.filter(({ type }) => type === "change")).toMatchObject([
      {
        operations: [
          { type: "set_run", cell: "a", run: { status: "ok", count: 7, outputs: [{ execution_count: 7 }] } },
        ],
      },
    ]);
  });

  it("runs in notebook order, whatever order the cells were named in, and passes over what it can't run", () => {
    const markdown = { ...code("m", "# x"), kind: "markdown", language: "markdown" } as const;
    const world = new World([code("a", "a"), markdown, code("r", "puts 1", "ruby"), code("b", "b")]);
    world.send({ type: "run_cells", cells: ["b", "r", "m", "a"].map(id) });
    expect(world.state.queue.map(({ cell }) => cell)).toEqual(["a", "b"]);
    world.ready("python");
    expect(world.progress()).toBe("a:running m:idle r:idle b:queued");
    expect(world.send({ type: "run_cells", cells: [id("m"), id("a"), id("gone")] })).toBeUndefined();
  });

  it("lets a cell wait for cells above it that were asked for earlier, but not for those below it", () => {
    const world = new World([code("a", "a"), code("b", "b", "shell"), code("c", "c")]);
    world.send({ type: "start_kernel", language: "python" });
    world.send({ type: "start_kernel", language: "shell" });
    world.ready("python", "shell");
    world.run("a", "b");
    expect(world.progress()).toBe("a:running b:queued c:idle");
    world.reply("a");
    expect(world.progress()).toBe("a:done b:running c:idle");
    world.run("a");
    expect(world.progress()).toBe("a:running b:running c:idle");
  });

  it("stops on an error: what waits goes back to what it was", () => {
    const world = new World([
      code("a", "a"),
      { ...code("b", "b"), run: finishedRun("old", "b") },
      code("c", "c", "shell"),
    ]);
    world.run("a", "b", "c");
    world.ready("python");
    const parent = world.request("a");
    world.say("python", {
      type: "error",
      parent,
      ename: "ValueError",
      evalue: "no",
      traceback: ["ValueError: no"],
      line: 1,
    });
    world.reply("a", "error");
    expect(world.progress()).toBe("a:failed b:done c:idle");
    expect(world.cell("b").run).toBe("old");
    expect(world.state.queue).toEqual([]);
  });

  it("does not ask a kernel to run nothing", () => {
    const world = new World([code("a", " \n\t")]);
    world.run("a");
    expect(world.live.size).toBe(0);
    expect(world.cell("a")).toMatchObject({ progress: "done", outputs: [] });
  });

  it("drops a queued cell that is deleted, and takes a queued cell to its new language", () => {
    const world = new World([code("a", "a"), code("b", "b"), code("c", "c")]);
    world.run("a", "b", "c");
    world.ready("python");
    world.edit((cells) =>
      cells
        .filter(({ id: name }) => name !== "b")
        .map((cell) => (cell.id === "c" ? { ...cell, language: "shell" } : cell)),
    );
    expect(world.state.queue).toMatchObject([{ cell: "c", language: "shell" }]);
    world.reply("a");
    world.ready("shell");
    expect(world.sent.get("shell")).toMatchObject([{ type: "execute_request", code: "c" }]);
  });
});

describe("a kernel that does not answer between its cells", () => {
  const silentWorld = () => {
    const world = new World([code("a", "a")]);
    world.send({ type: "start_kernel", language: "python" });
    world.ready("python");
    world.say("python", { type: "responding", responding: false });
    return world;
  };

  it("is said until it answers, and is not dead", () => {
    const world = silentWorld();
    expect(world.state.kernels.get("python")).toMatchObject({ silent: true, status: "idle" });
    world.say("python", { type: "responding", responding: true });
    expect(world.state.kernels.get("python")).toMatchObject({ silent: false, status: "idle" });
  });

  it("can be interrupted though no cell runs", () => {
    const world = silentWorld();
    world.send({ type: "interrupt" });
    expect(world.sent.get("python")).toMatchObject([{ type: "interrupt_request" }]);
    world.say("python", { type: "responding", responding: true });
    expect(world.send({ type: "interrupt" })).toBeUndefined();
  });

  it("is not silent any more when it is restarted", () => {
    const world = silentWorld();
    world.send({ type: "restart", language: "python" });
    expect(world.state.kernels.get("python")).toMatchObject({ silent: false, status: "starting" });
  });
});

describe("validity", () => {
  it("is stale when the source is edited and fresh again when it is edited back", () => {
    const world = new World([{ ...code("a", "x = 1"), run: finishedRun("old", "x = 1") }, code("b", "")]);
    expect([world.cell("a").validity, world.cell("b").validity]).toEqual(["fresh", "never"]);
    world.type("a", "x = 2");
    expect(world.cell("a")).toMatchObject({ validity: "stale", staleness: "edited", progress: "done" });
    world.type("a", "x = 1");
    expect(world.cell("a").validity).toBe("fresh");
  });

  it("is stale after the kernel was restarted, for this kernel's cells only", () => {
    const world = new World([
      { ...code("a", "a"), run: finishedRun("one", "a") },
      { ...code("b", "b", "shell"), run: finishedRun("two", "b") },
    ]);
    world.send({ type: "start_kernel", language: "python" });
    world.ready("python");
    expect(world.send({ type: "restart" })).toBeDefined();
    expect([world.cell("a").validity, world.cell("b").validity]).toEqual(["stale", "fresh"]);
    expect([world.cell("a").staleness, world.cell("b").staleness]).toEqual(["restarted", undefined]);
    expect(world.state.kernels.get("shell")?.status).toBe("off");
  });

  it("says what became of the kernel that ran the cell, until the cell runs again", () => {
    const world = new World([
      { ...code("a", "a"), run: finishedRun("one", "a") },
      { ...code("b", "b"), run: finishedRun("two", "b", "lost") },
    ]);
    expect([world.cell("a").staleness, world.cell("b").staleness]).toEqual([undefined, "lost"]);
    world.send({ type: "start_kernel", language: "python" });
    world.ready("python");
    world.say("python", { type: "status", status: "dead", reason: "it broke" });
    expect([world.cell("a").staleness, world.cell("b").staleness]).toEqual(["ended", "lost"]);
    world.type("a", "other");
    world.send({ type: "start_kernel", language: "python" });
    world.ready("python");
    world.send({ type: "restart" });
    expect(world.cell("a").staleness).toBe("ended");
    world.ready("python");
    world.run("a");
    world.reply("a");
    expect(world.cell("a")).toMatchObject({ validity: "fresh", staleness: undefined });
    // The kernel starts anew by itself.
    world.say("python", { type: "status", status: "starting" });
    expect(world.cell("a").staleness).toBe("restarted");
  });

  it("stays with the run of this session until the document has it, and then follows the document", () => {
    const world = new World([{ ...code("a", "a"), run: finishedRun("old", "a") }]);
    world.run("a");
    world.ready("python");
    const run = world.request("a");
    world.reply("a");
    world.type("a", "a ");
    expect(world.cell("a").run).toBe(run);
    world.settle();
    expect(world.cell("a").run).toBe(run);
    world.edit((cells) => cells.map((cell) => ({ ...cell, run: finishedRun("undone", "a ") })));
    expect(world.cell("a").run).toBe("undone");
  });
});

describe("outputs", () => {
  const running = () => {
    const world = new World([code("a", "a"), code("b", "b")]);
    world.run("a");
    world.ready("python");
    return { world, parent: world.request("a") };
  };

  it("merges consecutive text of one stream", () => {
    const { world, parent } = running();
    world.say("python", stream(parent, "1\n"), stream(parent, "2\n"), stream(parent, "!", "stderr"));
    world.say("python", stream(parent, "?", "stderr"), display(parent, "d"), stream(parent, "3"));
    expect(world.cell("a").outputs.map((output) => ("text" in output ? output.text : output.output_type))).toEqual([
      "1\n2\n",
      "!?",
      "display_data",
      "3",
    ]);
  });

  it("clears at once, or with the next output", () => {
    const { world, parent } = running();
    world.say("python", stream(parent, "1"), { type: "clear_output", parent, wait: false });
    expect(world.cell("a").outputs).toEqual([]);
    world.say("python", stream(parent, "2"), { type: "clear_output", parent, wait: true });
    expect(world.cell("a").outputs).toMatchObject([{ text: "2" }]);
    world.say("python", stream(parent, "3"));
    expect(world.cell("a").outputs).toMatchObject([{ text: "3" }]);
  });

  it("updates a display wherever it is, also in a cell that has ended", () => {
    const { world, parent } = running();
    world.say("python", display(parent, "0 %", "bar"));
    world.reply("a");
    world.settle();
    world.run("b");
    const second = world.request("b");
    world.say("python", display(second, "0 %", "bar"));
    const update = { type: "update_display_data", parent: second, displayId: "bar", metadata: {} } as const;
    world.say("python", { ...update, data: { "text/plain": "50 %" } });
    for (const name of ["a", "b"]) expect(world.cell(name).outputs).toMatchObject([{ data: { "text/plain": "50 %" } }]);
    expect(world.effects.at(-1)).toMatchObject({ type: "rewrite_run", cell: "a" });
    world.settle();
    expect(world.cell("a").outputs).toMatchObject([{ data: { "text/plain": "50 %" } }]);
  });

  it("keeps what a cell leaves behind after it has ended", () => {
    const { world, parent } = running();
    world.reply("a");
    world.say("python", stream(parent, "later"));
    expect(world.cell("a").outputs).toMatchObject([{ text: "later" }]);
    expect(world.say("python", stream("nobody", "x"))).toEqual([]);
  });

  it("stops at the limit of outputs with a notice, and still takes the error", () => {
    const { world, parent } = running();
    const many = Array.from({ length: MAX_OUTPUTS + 50 }, (_, index) => display(parent, String(index)));
    world.say("python", ...many);
    expect(world.cell("a").outputs.length).toBe(MAX_OUTPUTS + 1);
    expect(world.cell("a").outputs.at(-1)).toMatchObject({ output_type: "stream", name: "stderr" });
    expect(world.state.notices).toMatchObject([{ level: "warning" }]);
    world.say("python", { type: "error", parent, ename: "E", evalue: "e", traceback: [] });
    expect(world.cell("a").outputs.at(-1)).toMatchObject({ ename: "E" });
  });

  it("cuts text at the limit of size, not inside a character", () => {
    const { world, parent } = running();
    world.say("python", stream(parent, "x".repeat(MAX_OUTPUT_SIZE - 1)), stream(parent, "😀more"));
    const texts = world.cell("a").outputs.map((output) => ("text" in output ? output.text : ""));
    expect(texts[0]?.length).toBe(MAX_OUTPUT_SIZE - 1);
    expect(texts.join("").isWellFormed()).toBe(true);
    expect(texts.at(-1)).toContain("Output stopped");
  });

  it("is cleared on request, in a running cell too", () => {
    const { world, parent } = running();
    world.say("python", stream(parent, "1"));
    world.send({ type: "clear_outputs", cells: [id("a")] });
    expect(world.cell("a")).toMatchObject({ progress: "running", outputs: [] });
    world.reply("a");
    world.send({ type: "clear_outputs", cells: [id("a")] });
    expect(world.cell("a")).toMatchObject({ progress: "idle", validity: "never" });
    expect(world.send({ type: "clear_outputs", cells: [id("a")] })).toBeUndefined();
  });
});

describe("input", () => {
  it("is asked at the cell and answered once", () => {
    const world = new World([code("a", "input()")]);
    world.run("a");
    world.ready("python");
    const parent = world.request("a");
    world.say("python", { type: "input_request", parent, prompt: "name? ", password: false });
    expect(world.cell("a").input).toEqual({ prompt: "name? ", password: false });
    world.send({ type: "input_reply", cell: id("a"), value: "Ada" });
    expect(world.sent.get("python")?.at(-1)).toEqual({ type: "input_reply", parent, value: "Ada" });
    expect(world.cell("a").input).toBeUndefined();
    expect(world.send({ type: "input_reply", cell: id("a"), value: "Eve" })).toBeUndefined();
  });
});

describe("interrupt and death", () => {
  it("interrupts what runs and drops what waits", () => {
    const world = new World([code("a", "a"), code("b", "b"), code("c", "c", "shell")]);
    world.run("a", "b", "c");
    world.ready("python");
    world.send({ type: "interrupt" });
    expect(world.sent.get("python")?.at(-1)).toMatchObject({ type: "interrupt_request" });
    expect(world.progress()).toBe("a:running b:idle c:idle");
    const parent = world.request("a");
    world.say("python", { type: "error", parent, ename: "KeyboardInterrupt", evalue: "", traceback: [] });
    world.reply("a", "error");
    expect(world.cell("a").progress).toBe("failed");
    expect(world.effects.filter(({ type }) => type === "change").at(-1)).toMatchObject({
      operations: [{ run: { status: "aborted" } }],
    });
    expect(world.send({ type: "interrupt" })).toBeUndefined();
  });

  it("fails the running cell when its kernel dies, says what is safe, and starts it with the next run", () => {
    const world = new World([code("a", "a"), code("b", "b")]);
    world.run("a", "b");
    world.ready("python");
    const parent = world.request("a");
    world.say("python", { type: "execute_reply", parent, status: "aborted", count: undefined });
    world.say("python", { type: "status", status: "idle", parent });
    expect(world.cell("a").progress).toBe("running");
    world.say("python", { type: "status", status: "dead", reason: "Out of memory." });
    expect(world.cell("a").outputs).toMatchObject([{ ename: "KernelDied", evalue: "Out of memory." }]);
    expect(world.progress()).toBe("a:failed b:idle");
    expect(world.state.notices).toMatchObject([{ level: "error" }]);
    expect(world.state.kernels.get("python")).toMatchObject({ status: "dead", reason: "Out of memory." });
    world.run("b");
    world.ready("python");
    expect(world.cell("b").progress).toBe("running");
    expect(world.state.notices).toEqual([]);
  });

  it("ends a cell that its kernel gave up without a word", () => {
    const world = new World([code("a", "a")]);
    world.run("a");
    world.ready("python");
    const parent = world.request("a");
    world.say("python", { type: "execute_reply", parent, status: "aborted", count: undefined });
    world.settle();
    expect(world.cell("a").outputs).toMatchObject([{ ename: "Aborted" }]);
    expect(world.send({ type: "aborted_settled", run: parent })).toBeUndefined();
  });

  it("starts a kernel again at once when the interrupt killed it", () => {
    const world = new World([code("a", "while True: pass")]);
    world.run("a");
    world.ready("python");
    const first = world.live.get("python");
    world.send({ type: "interrupt" });
    world.say("python", { type: "status", status: "dead", reason: "It had to be ended." });
    expect(world.cell("a").outputs).toMatchObject([{ ename: "KeyboardInterrupt" }]);
    expect(world.state.kernels.get("python")?.status).toBe("starting");
    expect(world.live.get("python")).toBeGreaterThan(first ?? 0);
  });

  it("understands a kernel that starts anew behind the same channel", () => {
    const world = new World([code("a", "a")]);
    world.run("a");
    world.ready("python");
    world.reply("a");
    world.say("python", { type: "status", status: "starting", stage: "Loading Python" });
    expect(world.cell("a").validity).toBe("stale");
    world.run("a");
    expect(world.cell("a").progress).toBe("queued");
    world.ready("python");
    expect(world.cell("a").progress).toBe("running");
  });

  it("fails the first cell that needs a kernel which can't start, and only that", () => {
    const world = new World([code("a", "a", "shell"), code("b", "b", "shell")]);
    world.run("a", "b");
    const generation = world.live.get("shell") ?? 0;
    world.send({ type: "kernel_closed", language: "shell", generation, reason: "There is no image." });
    expect(world.progress()).toBe("a:failed b:idle");
    expect(world.cell("a").outputs).toMatchObject([{ ename: "KernelUnavailable", evalue: "There is no image." }]);
    expect(world.live.has("shell")).toBe(false);
  });

  it("ignores what a kernel says after its end", () => {
    const world = new World([code("a", "a")]);
    world.run("a");
    world.ready("python");
    const generation = world.live.get("python") ?? 0;
    const parent = world.request("a");
    world.send({ type: "restart" });
    expect(world.cell("a").outputs).toMatchObject([{ ename: "KernelRestarted" }]);
    const messages = [stream(parent, "ghost")];
    expect(world.send({ type: "kernel_messages", language: "python", generation, messages })).toBeUndefined();
    expect(world.send({ type: "kernel_closed", language: "python", generation, reason: "x" })).toBeUndefined();
  });
});

describe("code that one kernel has another run", () => {
  const asking = (capture: boolean) => {
    const world = new World([code("a", "!ls"), code("s", "sleep 9", "shell"), code("t", "t", "shell")]);
    world.send({ type: "start_kernel", language: "shell" });
    world.ready("shell");
    world.run("a");
    world.ready("python");
    const parent = world.request("a");
    world.say("python", { type: "kernel_request", id: "k1", parent, language: "shell", code: "ls", capture });
    return { world, parent };
  };
  const nestedId = (world: World): string => {
    const message = world.sent.get("shell")?.findLast(({ type }) => type === "execute_request");
    return message && "id" in message ? message.id : "";
  };

  it("shows its output at the asking cell and answers with the status", () => {
    const { world } = asking(false);
    expect(world.sent.get("shell")).toMatchObject([{ type: "execute_request", code: "ls", silent: true }]);
    const parent = nestedId(world);
    world.say("shell", stream(parent, "data.csv\n"));
    expect(world.cell("a").outputs).toMatchObject([{ text: "data.csv\n" }]);
    world.say("shell", { type: "error", parent, ename: "ExitStatus", evalue: "exit status 3", traceback: [] });
    world.say("shell", { type: "execute_reply", parent, status: "error", count: undefined });
    expect(world.sent.get("python")?.at(-1)).toEqual({
      type: "kernel_reply",
      parent: "k1",
      status: "error",
      exitCode: 3,
    });
    expect(world.cell("a")).toMatchObject({ progress: "running" });
  });

  it("gives captured output back and does not show it", () => {
    const { world } = asking(true);
    const parent = nestedId(world);
    world.say("shell", stream(parent, "a\n"), stream(parent, "warned\n", "stderr"), stream(parent, "b\n"));
    world.say("shell", { type: "execute_reply", parent, status: "ok", count: undefined });
    expect(world.cell("a").outputs).toMatchObject([{ name: "stderr", text: "warned\n" }]);
    expect(world.sent.get("python")?.at(-1)).toMatchObject({
      type: "kernel_reply",
      status: "ok",
      stdout: "a\nb\n",
      exitCode: 0,
    });
  });

  it("goes before queued cells, and after the one that runs", () => {
    const { world } = asking(false);
    const first = nestedId(world);
    world.run("s", "t");
    world.say("shell", { type: "execute_reply", parent: first, status: "ok", count: undefined });
    expect(world.cell("s").progress).toBe("queued");
    world.reply("a");
    expect(world.cell("s").progress).toBe("running");
  });

  it("passes an interrupt through", () => {
    const { world } = asking(false);
    world.send({ type: "interrupt" });
    for (const language of ["python", "shell"]) {
      expect(world.sent.get(language)?.at(-1)).toMatchObject({ type: "interrupt_request" });
    }
  });

  it("is refused when it could only wait for itself", () => {
    const { world } = asking(false);
    const parent = nestedId(world);
    world.say("shell", { type: "kernel_request", id: "k2", parent, language: "python", code: "1", capture: false });
    expect(world.sent.get("shell")?.at(-1)).toMatchObject({ type: "kernel_reply", parent: "k2", status: "error" });
    expect(world.cell("a").outputs).toMatchObject([{ name: "stderr" }]);
  });

  it("is refused without a word when it is wanted only of a kernel that runs", () => {
    const world = new World([code("q", "x", "shell"), code("a", "a")]);
    world.send({ type: "start_kernel", language: "shell" });
    world.ready("shell");
    world.run("q");
    const parent = world.request("q");
    const ask = (id: string) =>
      world.say("shell", {
        type: "kernel_request",
        id,
        parent,
        language: "python",
        code: "x",
        capture: true,
        ifRunning: true,
      });
    ask("k1");
    expect(world.sent.get("shell")?.at(-1)).toMatchObject({ type: "kernel_reply", parent: "k1", status: "error" });
    expect(world.cell("q").outputs).toEqual([]);
    expect(world.live.has("python")).toBe(false);
    world.send({ type: "start_kernel", language: "python" });
    world.ready("python");
    ask("k2");
    expect(world.sent.get("python")).toMatchObject([{ type: "execute_request", code: "x", silent: true }]);
  });

  it("is answered when the other kernel can't start", () => {
    const world = new World([code("a", "!ls")]);
    world.run("a");
    world.ready("python");
    const parent = world.request("a");
    world.say("python", { type: "kernel_request", id: "k1", parent, language: "shell", code: "ls", capture: false });
    const generation = world.live.get("shell") ?? 0;
    world.send({ type: "kernel_closed", language: "shell", generation, reason: "There is no image." });
    expect(world.sent.get("python")?.at(-1)).toMatchObject({ type: "kernel_reply", parent: "k1", status: "error" });
    expect(world.cell("a").outputs).toMatchObject([{ name: "stderr", text: expect.stringContaining("no image") }]);
  });
});

describe("code that a program in the shell has a kernel run (K14)", () => {
  const shellCell = (): World => {
    const world = new World([code("s", "kroma py x", "shell"), code("a", "a")]);
    world.run("s");
    world.ready("shell");
    world.send({ type: "start_kernel", language: "python" });
    world.ready("python");
    return world;
  };
  const ask = (world: World, parent: string | undefined, language = "python"): string => {
    world.say("shell", {
      type: "kernel_request",
      id: "call-1",
      ...(parent === undefined ? {} : { parent }),
      language,
      code: "x",
      capture: false,
      streams: true,
    });
    const message = world.sent.get(language)?.findLast(({ type }) => type === "execute_request");
    return message && "id" in message ? message.id : "";
  };
  const told = (world: World): readonly ToKernel[] =>
    (world.sent.get("shell") ?? []).filter(({ type }) => type === "kernel_output" || type === "kernel_reply");

  it("gives text, values and errors back as they come, and shows displays at the cell", () => {
    const world = shellCell();
    const parent = ask(world, world.request("s"));
    expect(world.sent.get("python")).toMatchObject([{ type: "execute_request", storeHistory: false }]);
    world.say(
      "python",
      stream(parent, "printed\n"),
      stream(parent, "warned\n", "stderr"),
      { type: "display_data", parent, data: { "image/png": "AAAA" }, metadata: {} },
      { type: "execute_result", parent, data: { "text/plain": "42" }, metadata: {}, count: 1 },
      { type: "error", parent, ename: "E", evalue: "", traceback: ["\u001b[31mE\u001b[39m", "last line"] },
    );
    expect(world.cell("s").outputs).toMatchObject([{ output_type: "display_data" }]);
    world.say("python", { type: "execute_reply", parent, status: "error", count: undefined });
    expect(told(world)).toEqual([
      { type: "kernel_output", parent: "call-1", name: "stdout", text: "printed\n" },
      { type: "kernel_output", parent: "call-1", name: "stderr", text: "warned\n" },
      { type: "kernel_output", parent: "call-1", name: "stdout", text: "42\n" },
      { type: "kernel_output", parent: "call-1", name: "stderr", text: "E\nlast line\n" },
      { type: "kernel_reply", parent: "call-1", status: "error" },
    ]);
  });

  it("serves a terminal, which has no cell: displays come as text", () => {
    const world = shellCell();
    world.reply("s");
    const parent = ask(world, undefined);
    world.say("python", { type: "display_data", parent, data: { "text/plain": "<Figure>" }, metadata: {} });
    world.say("python", { type: "execute_reply", parent, status: "ok", count: undefined });
    expect(told(world)).toMatchObject([{ text: "<Figure>\n" }, { type: "kernel_reply", status: "ok" }]);
    expect(world.cell("s").outputs).toEqual([]);
  });

  it("goes on after its cell has ended, and its displays go to that cell", () => {
    const world = shellCell();
    const parent = ask(world, world.request("s"));
    world.reply("s");
    expect(world.sent.get("python")?.some(({ type }) => type === "interrupt_request")).toBe(false);
    world.say("python", { type: "display_data", parent, data: { "text/plain": "late" }, metadata: {} });
    expect(world.cell("s").outputs).toMatchObject([{ data: { "text/plain": "late" } }]);
    world.say("python", { type: "execute_reply", parent, status: "ok", count: undefined });
    expect(told(world)).toMatchObject([{ type: "kernel_reply", status: "ok" }]);
  });

  it("is interrupted when the program gives it up, and is answered no more", () => {
    const world = shellCell();
    const parent = ask(world, world.request("s"));
    world.say("shell", { type: "kernel_cancel", request: "call-1" });
    expect(world.sent.get("python")?.at(-1)).toMatchObject({ type: "interrupt_request" });
    world.say("python", stream(parent, "too late\n"));
    world.say("python", { type: "execute_reply", parent, status: "error", count: undefined });
    expect(told(world)).toEqual([]);
    world.reply("s");
    world.run("a");
    expect(world.cell("a").progress).toBe("running");
  });

  it("is interrupted with its kernel, though no cell of it runs", () => {
    const world = shellCell();
    world.reply("s");
    ask(world, undefined);
    world.send({ type: "interrupt", language: "python" });
    expect(world.sent.get("python")?.at(-1)).toMatchObject({ type: "interrupt_request" });
  });

  it("is refused in words when it could only wait for itself, but not from a terminal", () => {
    const world = new World([code("a", "!kroma py x")]);
    world.send({ type: "start_kernel", language: "shell" });
    world.ready("shell");
    world.run("a");
    world.ready("python");
    const parent = world.request("a");
    world.say("python", { type: "kernel_request", id: "k1", parent, language: "shell", code: "x", capture: false });
    const inner = world.sent.get("shell")?.findLast(({ type }) => type === "execute_request");
    ask(world, inner && "id" in inner ? inner.id : "");
    expect(told(world)).toMatchObject([
      { type: "kernel_output", name: "stderr", text: expect.stringContaining("can't wait") },
      { type: "kernel_reply", status: "error" },
    ]);
    ask(world, undefined);
    expect(told(world)).toHaveLength(2);
    world.say("shell", { type: "execute_reply", parent: (inner as { id: string }).id, status: "ok", count: undefined });
    world.reply("a");
    expect(world.sent.get("python")?.at(-1)).toMatchObject({ type: "execute_request", code: "x" });
  });

  it("ends with the shell that asked", () => {
    const world = shellCell();
    world.reply("s");
    ask(world, undefined);
    world.send({ type: "restart", language: "shell" });
    expect(world.sent.get("python")?.at(-1)).toMatchObject({ type: "interrupt_request" });
  });
});

describe("what is kept beside the cells", () => {
  it("records packages in the notebook's metadata, one entry for a name", () => {
    const world = new World([code("a", "a")]);
    world.run("a");
    world.ready("python");
    const dependency = { type: "dependency", ecosystem: "pypi", name: "six", integrity: "sha256-x" } as const;
    world.say("python", { ...dependency, version: "1.0" });
    world.say("python", { ...dependency, version: "1.1" }, { ...dependency, name: "attrs", version: "2" });
    expect(world.say("python", { ...dependency, version: "1.1" })).toEqual([]);
    world.settle();
    expect(world.notebook.metadata).toEqual({
      kroma: {
        dependencies: [
          { ecosystem: "pypi", name: "attrs", version: "2", integrity: "sha256-x" },
          { ecosystem: "pypi", name: "six", version: "1.1", integrity: "sha256-x" },
        ],
      },
    });
  });
});

describe("two tabs", () => {
  it("asks the tab that runs, and shows what that one says", () => {
    const world = new World([code("a", "a")]);
    world.send({ type: "runner_changed", runner: "elsewhere" });
    const effects = world.send({ type: "run_cells", cells: [id("a")] });
    expect(effects).toEqual([{ type: "relay", request: { type: "run_cells", cells: ["a"] } }]);
    const other = new World([code("a", "a")]);
    other.run("a");
    other.ready("python");
    const mirror = {
      cells: [[id("a"), other.cell("a")] as const],
      kernels: [...other.state.kernels.values()],
      queue: [],
    };
    world.send({ type: "mirrored", mirror });
    expect(world.cell("a").progress).toBe("running");
    expect(world.state.kernels.get("python")?.status).toBe("busy");
    world.send({ type: "mirrored", mirror: { ...mirror, cells: [] } });
    expect(world.cell("a").progress).toBe("idle");
    world.send({ type: "runner_changed", runner: "here" });
    expect(world.state.kernels.get("python")?.status).toBe("off");
  });
});
