/** The workspace in a real browser: the store on OPFS in a worker, clients in other workers and on the page. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomId } from "#core/base/ids.ts";
import type { OpenWorkspace } from "#core/workspace/host.ts";
import { newOwner, releaseOwner } from "#core/workspace/protocol.ts";
import { removeOpfsWorkspace, startOpfsWorkspace } from "#plugins/opfs/opfs.ts";
import { ASYNC_RULES, pattern, sameBytes, SYNC_RULES } from "../../conformance/workspace.ts";
import type { ToClient } from "./client.worker.ts";

const startServer = () =>
  new Worker(new URL("../../../app/browser/workspace.worker.ts", import.meta.url), { type: "module" });
const startClient = () => new Worker(new URL("./client.worker.ts", import.meta.url), { type: "module" });

function ask(worker: Worker, message: ToClient): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.addEventListener(
      "message",
      ({ data }: MessageEvent<{ result?: unknown; error?: string }>) =>
        data.error === undefined ? resolve(data.result) : reject(new Error(data.error)),
      { once: true },
    );
    worker.postMessage(message);
  });
}

describe("a workspace on OPFS", () => {
  const document = randomId();
  let open: OpenWorkspace;
  let client: Worker;
  beforeAll(async () => {
    open = await startOpfsWorkspace(startServer(), { document }, { failed: (message) => expect.fail(message) });
    client = startClient();
  });
  afterAll(async () => {
    client.terminate();
    await open.close();
    expect(await removeOpfsWorkspace(document)).toBe(true);
  });

  test("is kept in the browser's storage", () => {
    expect(open.storage).toBe("opfs");
    expect(open.message).toBeUndefined();
  });
  test.each(SYNC_RULES.map((rule, index) => ({ name: rule.name, index })))("$name", async ({ index }) => {
    await ask(client, { do: "rule", shared: open.shared, index });
  });
  test.each(ASYNC_RULES.map((rule, index) => ({ ...rule, index })))("$name", async ({ run, index }) => {
    await run(open.workspace, `async-${index}/inside`);
  });
  test("random operations of two clients answer as a plain tree in memory does", async () => {
    await ask(client, { do: "model", shared: open.shared, runs: 150 });
  });

  test("what a terminated worker held is freed: its lock, its file, its slot", async () => {
    for (let round = 0; round < 20; round++) {
      const owner = newOwner();
      const doomed = startClient();
      expect(await ask(doomed, { do: "hold", shared: open.shared, owner, path: "held/f" })).toBe(true);
      doomed.terminate();
      releaseOwner(open.shared, owner);
    }
  });

  test("a second tab is told that the files are open elsewhere", async () => {
    const second = startOpfsWorkspace(startServer(), { document });
    await expect(second).rejects.toMatchObject({ code: "unavailable" });
    expect(await removeOpfsWorkspace(document)).toBe(false);
  });
});

test("files are there again after closing, and after the worker was killed", async () => {
  const document = randomId();
  const first = await startOpfsWorkspace(startServer(), { document });
  await first.workspace.write("data/kept.bin", pattern(3_000_000));
  await first.close();
  const worker = startServer();
  const second = await startOpfsWorkspace(worker, { document });
  sameBytes(await second.workspace.read("data/kept.bin"), pattern(3_000_000));
  await second.workspace.write("data/late.txt", new TextEncoder().encode("late"));
  await second.workspace.flush();
  worker.terminate();
  const third = await startOpfsWorkspace(startServer(), { document });
  expect((await third.workspace.list("data")).map(({ path }) => path)).toEqual(["data/kept.bin", "data/late.txt"]);
  await third.close();
  expect(await removeOpfsWorkspace(document)).toBe(true);
  expect(await removeOpfsWorkspace(document)).toBe(true);
});

test("a full quota is `exhausted`, and removing files makes room again", async () => {
  const document = randomId();
  const open = await startOpfsWorkspace(startServer(), { document, quota: 1 << 20 });
  await open.workspace.write("small", pattern(1000));
  await expect(open.workspace.write("big", pattern(2 << 20))).rejects.toMatchObject({ code: "exhausted" });
  sameBytes(await open.workspace.read("small"), pattern(1000));
  await open.workspace.remove("big");
  await open.workspace.write("fits", pattern(900_000));
  sameBytes(await open.workspace.read("fits"), pattern(900_000));
  const usage = await open.workspace.usage();
  expect(usage.quota).toBe(1 << 20);
  await open.close();
  await removeOpfsWorkspace(document);
});

test("calls after the server ended fail at once", async () => {
  const document = randomId();
  const open = await startOpfsWorkspace(startServer(), { document });
  await open.close();
  await expect(open.workspace.read("x")).rejects.toMatchObject({ code: "unavailable" });
  await removeOpfsWorkspace(document);
});
