/** The workspace's promises, kept by the store (memory, files) and by a real folder, served by Node threads. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { OpenWorkspace } from "#core/workspace/host.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { startFolderWorkspace } from "#plugins/folder/folder.node.ts";
import { checkAgainstModel } from "../../conformance/workspace-model.ts";
import { ASYNC_RULES, SYNC_RULES } from "../../conformance/workspace.ts";
import { startStore } from "./start-store.ts";

const scratch = mkdtempSync(join(tmpdir(), "workspace-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const kinds: readonly { readonly name: string; start(): Promise<OpenWorkspace>; readonly runs: number }[] = [
  { name: "a store in memory", runs: 200, start: async () => (await startStore({})).open },
  {
    name: "a store on files",
    runs: 100,
    start: async () => (await startStore({ directory: join(scratch, "s") })).open,
  },
  { name: "a real folder", runs: 40, start: () => startFolderWorkspace(mkdtempSync(join(scratch, "folder-"))) },
];

describe.each(kinds)("$name", ({ start, runs }) => {
  let open: OpenWorkspace;
  let a: SyncFs;
  let b: SyncFs;
  beforeAll(async () => {
    open = await start();
    a = new SyncFs(open.shared);
    b = new SyncFs(open.shared);
  });
  afterAll(async () => {
    a.release();
    b.release();
    await open.close();
  });

  test.each(SYNC_RULES.map((rule, index) => ({ ...rule, index })))("$name", ({ run, index }) => {
    run(a, b, `rule-${index}/inside`);
  });
  test.each(ASYNC_RULES.map((rule, index) => ({ ...rule, index })))("$name", async ({ run, index }) => {
    await run(open.workspace, `async-${index}/inside`);
  });
  test("random operations of two clients answer as a plain tree in memory does", () => {
    checkAgainstModel(a, b, "model", runs);
  });
});
