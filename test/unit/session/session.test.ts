/** The session's runner with a real document and a real kernel in a thread of Node. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "@automerge/automerge";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NodeHost, createNodeHost } from "#app/node/node-host.ts";
import { channelPair } from "#core/base/channel.ts";
import type { CellId } from "#core/base/ids.ts";
import type { Kernel } from "#core/kernel/kernel.ts";
import { LibraryClient, type NotebookClient } from "#core/notebook/client.ts";
import { DocumentHost } from "#core/notebook/host.ts";
import type { FromDocument, ToDocument } from "#core/notebook/messages.ts";
import { Session } from "#core/session/session.ts";
import type { SessionState } from "#core/session/state.ts";
import { MemoryBlockStore, MemoryDocStore } from "#core/store/memory.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";

let folder: string;
let host: NodeHost;
const documents = new DocumentHost({
  store: new MemoryDocStore(),
  blocks: new MemoryBlockStore(),
  fileBlocks: new MemoryBlockStore(),
  automerge: Promise.resolve(),
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-session-"));
  host = await createNodeHost({ folder });
});

afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true });
});

function openLibrary(): LibraryClient {
  const [page, worker] = channelPair<FromDocument, ToDocument>();
  documents.connect(worker);
  return new LibraryClient(page);
}

/** A notebook of TypeScript cells called c0, c1 ... */
async function openNotebook(sources: readonly string[]): Promise<NotebookClient> {
  const library = openLibrary();
  const document = await library.create("Test", "typescript");
  const notebook = await library.open(document);
  const first = notebook.notebook.cells[0];
  const inserts = sources.map((source, index) => ({
    type: "insert_cell" as const,
    cell: { id: `c${index}` as CellId, kind: "code" as const, language: "typescript", source },
    after: index === 0 ? undefined : (`c${index - 1}` as CellId),
  }));
  await notebook.change([...inserts, ...(first ? [{ type: "delete_cell" as const, cell: first.id }] : [])]);
  return notebook;
}

const id = (name: string): CellId => name as CellId;

function until(session: Session, test: (state: SessionState) => boolean): Promise<SessionState> {
  if (test(session.state)) return Promise.resolve(session.state);
  return new Promise((resolve) => {
    const stop = session.onChange((state) => {
      if (!test(state)) return;
      stop();
      resolve(state);
    });
  });
}

const progress = (state: SessionState, cell: string) => state.cells.get(id(cell))?.progress;
const text = (state: SessionState, cell: string) =>
  state.cells
    .get(id(cell))
    ?.outputs.map((output) => ("text" in output ? output.text : ""))
    .join("");

describe("a session", () => {
  it("starts no kernel before the host has what kernels are given, however it is asked", async () => {
    const notebook = await openNotebook(["1 + 1"]);
    let arrive: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => (arrive = resolve));
    let there = false;
    const startedBefore: boolean[] = [];
    const watched: Kernel = {
      ...typescriptKernel,
      start: (options) => {
        startedBefore.push(!there);
        return typescriptKernel.start(options);
      },
    };
    const session = new Session({ notebook, kernels: [watched], host, ready: () => ready });
    session.send({ type: "run_cells", cells: [id("c0")] });
    await until(session, (state) => state.kernels.get("typescript")?.status === "starting");
    await new Promise((resolve) => setTimeout(resolve));
    there = true;
    arrive();
    await until(session, (state) => progress(state, "c0") === "done");
    expect(startedBefore).toEqual([false]);
    await session.close();
  });

  it("tells a kernel the cells that it will run, so that it can make ready what they use", async () => {
    const notebook = await openNotebook(["const a = 20", "a + 1"]);
    await notebook.change([
      {
        type: "insert_cell",
        cell: { id: id("other"), kind: "code", language: "shell", source: "ls" },
        after: undefined,
      },
    ]);
    const told: (readonly string[] | undefined)[] = [];
    const watched: Kernel = {
      ...typescriptKernel,
      start: (options) => {
        told.push(options.sources?.());
        return typescriptKernel.start(options);
      },
    };
    const session = new Session({ notebook, kernels: [watched], host });
    session.send({ type: "start_kernel", language: "typescript" });
    await until(session, (state) => state.kernels.get("typescript")?.status === "idle");
    expect(told).toEqual([["const a = 20", "a + 1"]]);
    await session.close();
  });

  it("runs cells and writes them to the document, which a later opening finds", async () => {
    const notebook = await openNotebook(["const a = 20", "console.log('hi')\na + 1"]);
    const session = new Session({ notebook, kernels: [typescriptKernel], host });
    session.send({ type: "run_cells", cells: [id("c0"), id("c1")] });
    const state = await until(session, (now) => progress(now, "c1") === "done");
    expect(text(state, "c1")).toContain("hi\n");
    await session.close();
    const again = await openLibrary().open(notebook.document);
    expect(again.notebook.cells[1]?.run).toMatchObject({
      status: "ok",
      outputs: [{ text: "hi\n" }, { data: { "text/plain": "21" } }],
    });
    const reopened = new Session({ notebook: again, kernels: [typescriptKernel], host });
    expect(reopened.state.cells.get(id("c1"))).toMatchObject({ progress: "done", validity: "fresh" });
    await reopened.close();
  });

  it("runs what is on the screen, not what the document has confirmed", async () => {
    const notebook = await openNotebook(["1"]);
    const session = new Session({ notebook, kernels: [typescriptKernel], host });
    const version = notebook.notebook.cells[0]?.textVersion ?? 0;
    const typed = notebook.edit(id("c0"), version, [{ client: "me", changes: [1, [0, "+41"]] }], () => "1+41");
    session.send({ type: "run_cells", cells: [id("c0")] });
    const state = await until(session, (now) => progress(now, "c0") === "done");
    expect(state.cells.get(id("c0"))?.outputs).toMatchObject([{ data: { "text/plain": "42" } }]);
    expect(await typed).toBe(true);
    await session.close();
  });

  it("changes at most once a frame for many lines, and loses none", async () => {
    const notebook = await openNotebook([
      "for (let i = 0; i < 5000; i++) { console.log(i); if (i % 50 === 0) await 0 }",
    ]);
    const session = new Session({ notebook, kernels: [typescriptKernel], host });
    session.send({ type: "start_kernel", language: "typescript" });
    await until(session, (now) => now.kernels.get("typescript")?.status === "idle");
    let changes = 0;
    session.onChange(() => (changes += 1));
    session.send({ type: "run_cells", cells: [id("c0")] });
    const state = await until(session, (now) => progress(now, "c0") === "done");
    expect(text(state, "c0")?.split("\n").length).toBe(5001);
    // One change for each line would be 5,000; a frame at most each 16 ms is far fewer on any machine.
    expect(changes).toBeLessThan(1000);
    await session.close();
  });

  it("interrupts a loop without end, and the next cell runs in a fresh kernel", async () => {
    const notebook = await openNotebook([
      "console.log('on')\nawait new Promise((r) => setTimeout(r, 20))\nwhile (true) {}",
      "2 + 2",
    ]);
    const session = new Session({ notebook, kernels: [typescriptKernel], host });
    session.send({ type: "run_cells", cells: [id("c0"), id("c1")] });
    await until(session, (now) => text(now, "c0") === "on\n");
    session.send({ type: "interrupt" });
    const state = await until(session, (now) => progress(now, "c0") === "failed");
    expect(state.cells.get(id("c0"))?.outputs.at(-1)).toMatchObject({ ename: "KeyboardInterrupt" });
    expect(progress(state, "c1")).toBe("idle");
    session.send({ type: "run_cells", cells: [id("c1")] });
    await until(session, (now) => progress(now, "c1") === "done");
    await session.close();
  });

  it("completes and inspects with the cell's kernel, once it runs", async () => {
    const notebook = await openNotebook(["const uncommonName = 1"]);
    const session = new Session({ notebook, kernels: [typescriptKernel], host });
    expect(await session.complete(id("c0"), "uncomm", 6)).toBeUndefined();
    session.send({ type: "run_cells", cells: [id("c0")] });
    await until(session, (now) => progress(now, "c0") === "done");
    const reply = await session.complete(id("c0"), "uncomm", 6);
    expect(reply?.matches.map(({ label }) => label)).toContain("uncommonName");
    await session.close();
  });

  it("writes a run that was under way when it is closed", async () => {
    const notebook = await openNotebook(["console.log('part')\nawait new Promise(() => {})"]);
    const session = new Session({ notebook, kernels: [typescriptKernel], host });
    session.send({ type: "run_cells", cells: [id("c0")] });
    await until(session, (now) => text(now, "c0") === "part\n");
    await session.close();
    const again = await openLibrary().open(notebook.document);
    expect(again.notebook.cells[0]?.run).toMatchObject({ status: "aborted", outputs: [{ text: "part\n" }] });
  });

  it("lets kernels forget what they kept ready when it closes, and not before", async () => {
    const forgotten: unknown[] = [];
    const kernel: Kernel = { ...typescriptKernel, forget: (of) => forgotten.push(of) };
    const notebook = await openNotebook(["1"]);
    const session = new Session({ notebook, kernels: [kernel], host });
    session.send({ type: "run_cells", cells: [id("c0")] });
    await until(session, (now) => progress(now, "c0") === "done");
    session.send({ type: "restart" });
    await until(session, (now) => now.kernels.get("typescript")?.status === "idle");
    expect(forgotten).toEqual([]);
    await session.close();
    expect(forgotten).toEqual([host]);
  });

  it("says why when a kernel can't be started", async () => {
    const broken: Kernel = {
      spec: typescriptKernel.spec,
      start: () => {
        throw new Error("there is no room");
      },
    };
    const notebook = await openNotebook(["1"]);
    const session = new Session({ notebook, kernels: [broken], host });
    session.send({ type: "run_cells", cells: [id("c0")] });
    const state = await until(session, (now) => progress(now, "c0") === "failed");
    expect(state.cells.get(id("c0"))?.outputs).toMatchObject([
      { ename: "KernelUnavailable", evalue: "there is no room" },
    ]);
    await session.close();
  });
});

describe("two tabs on one notebook", () => {
  it("run in one and show in both, whichever is asked", async () => {
    const first = await openNotebook(["console.log('from one')\nawait new Promise((r) => setTimeout(r, 600))"]);
    const second = await openLibrary().open(first.document);
    const runner = new Session({ notebook: first, kernels: [typescriptKernel], host });
    const follower = new Session({ notebook: second, kernels: [typescriptKernel], host, canRun: false });
    expect(follower.state.runner).toBe("elsewhere");
    follower.send({ type: "run_cells", cells: [id("c0")] });
    await until(
      follower,
      (now) => progress(now, "c0") === "running" && now.kernels.get("typescript")?.status === "busy",
    );
    const seen = await until(follower, (now) => progress(now, "c0") === "done");
    expect(text(seen, "c0")).toBe("from one\n");
    expect(progress(runner.state, "c0")).toBe("done");
    follower.send({ type: "restart" });
    await until(follower, (now) => now.cells.get(id("c0"))?.staleness === "restarted");
    await until(runner, (now) => now.kernels.get("typescript")?.status === "idle");
    await runner.close();
    follower.send({ type: "runner_changed", runner: "here" });
    follower.send({ type: "run_cells", cells: [id("c0")] });
    await until(follower, (now) => progress(now, "c0") === "running");
    expect(follower.state.kernels.get("typescript")?.status).toBe("busy");
    await follower.close();
  });
});
