/** The server's life: clients that die, servers that die, many at once. */
import { Worker } from "node:worker_threads";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createWorkspaceMemory, newOwner, releaseOwner, SLOT_COUNT } from "#core/workspace/protocol.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { WorkspaceClient } from "#core/workspace/async-client.ts";
import { startFolderWorkspace } from "#plugins/folder/folder.node.ts";
import { pattern } from "../../conformance/workspace.ts";
import { startStore } from "./start-store.ts";

describe("clients", () => {
  test("that are released by others lose locks, open files and slots, again and again", async () => {
    const { open } = await startStore({});
    const watcher = new SyncFs(open.shared);
    const inode = watcher.writeFile("f", "content");
    const lock = { type: 1, start: 0, length: 0, process: 1 } as const;
    const deadline = performance.now() + 30_000;
    for (let i = 0; i < SLOT_COUNT * 2; i++) {
      const owner = newOwner();
      const doomed = await claim(() => new SyncFs(open.shared, { owner }), deadline);
      doomed.open(inode);
      expect(doomed.lock(inode, lock)).toBe(true);
      expect(watcher.lock(inode, lock)).toBe(false);
      releaseOwner(open.shared, owner);
      while (!watcher.lock(inode, lock)) expect(performance.now()).toBeLessThan(deadline);
      watcher.lock(inode, { ...lock, type: 2 });
    }
    watcher.release();
    await open.close();
  });

  test("in several threads append to their own files and count in a shared one without losing anything", async () => {
    const { open } = await startStore({});
    const threads = Array.from({ length: 3 }, (_, id) => {
      const thread = new Worker(new URL("./counting-thread.ts", import.meta.url), {
        workerData: { shared: open.shared, id, rounds: 150 },
      });
      return new Promise<void>((resolve, reject) => {
        thread.on("error", reject);
        thread.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`ended with ${code}`))));
      });
    });
    await Promise.all(threads);
    expect(new TextDecoder().decode(await open.workspace.read("counter"))).toBe("450");
    for (let id = 0; id < 3; id++) {
      const lines = new TextDecoder()
        .decode(await open.workspace.read(`own-${id}`))
        .trim()
        .split("\n");
      expect(lines).toEqual(Array.from({ length: 150 }, (_, i) => `line ${i}`));
    }
    await open.close();
  });

  test("cannot be more than there are slots", () => {
    const shared = createWorkspaceMemory();
    for (let i = 0; i < SLOT_COUNT; i++) new SyncFs(shared);
    expect(() => new SyncFs(shared)).toThrow("EAGAIN");
  });
});

/** Slots of released owners come back after a moment. */
async function claim<T>(make: () => T, deadline: number): Promise<T> {
  for (;;) {
    try {
      return make();
    } catch (error) {
      if (!String(error).includes("EAGAIN") || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

describe("a server", () => {
  test("that never comes makes calls fail after their time", async () => {
    const shared = createWorkspaceMemory();
    expect(() => new SyncFs(shared, { timeout: 30 }).getattr(1)).toThrow("EIO");
    const client = new WorkspaceClient(shared, { timeout: 30 });
    await expect(client.read("x")).rejects.toMatchObject({ code: "unavailable" });
  });

  test("that ends makes calls fail at once", async () => {
    const { open } = await startStore({});
    const fs = new SyncFs(open.shared);
    fs.writeFile("x", "1");
    await open.close();
    expect(() => fs.readFile("x")).toThrow("EIO");
    await expect(open.workspace.read("x")).rejects.toMatchObject({ code: "unavailable" });
  });

  test("that is killed makes calls fail, and says so to whoever opened it", async () => {
    const { open, kill } = await startStore({});
    const told = new Promise<string | undefined>((resolve) => open.onMessage(resolve));
    await kill();
    expect(await told).toContain("ended");
    await expect(open.workspace.read("x")).rejects.toMatchObject({ code: "unavailable" });
  });

  test("answers after a long sleep", async () => {
    const { open } = await startStore({});
    const fs = new SyncFs(open.shared);
    fs.writeFile("x", "1");
    // Until the server has committed, synced and parked.
    await new Promise((resolve) => setTimeout(resolve, 1300));
    expect(fs.readText("x")).toBe("1");
    await open.close();
  });

  test("with a quota tells it and keeps to it", async () => {
    const { open } = await startStore({ quota: 1 << 20 });
    await expect(open.workspace.write("big", pattern(2 << 20))).rejects.toMatchObject({ code: "exhausted" });
    expect((await open.workspace.usage()).quota).toBe(1 << 20);
    await open.close();
  });
});

describe("a real folder", () => {
  const scratch = mkdtempSync(join(tmpdir(), "workspace-folder-"));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test("is seen with what others change in it, and has no .kroma of ours", async () => {
    const folder = join(scratch, "seen");
    mkdirSync(folder);
    const open = await startFolderWorkspace(folder);
    const fs = new SyncFs(open.shared);
    for (let i = 0; i < 5; i++) {
      expect(fs.exists(`new-${i}`)).toBe(false);
      writeFileSync(join(folder, `new-${i}`), `by another ${i}`);
      expect(fs.readText(`new-${i}`)).toBe(`by another ${i}`);
      writeFileSync(join(folder, `new-${i}`), "and again");
      expect(fs.readText(`new-${i}`)).toBe("and again");
      rmSync(join(folder, `new-${i}`));
      expect(fs.exists(`new-${i}`)).toBe(false);
    }
    fs.writeFile(".kroma/values/x.json", "1");
    expect(fs.readText(".kroma/values/x.json")).toBe("1");
    expect(readdirSync(folder)).toEqual([]);
    fs.release();
    await open.close();
  });

  test("is never left through links, old or made by a cell", async () => {
    const folder = join(scratch, "inside");
    mkdirSync(join(folder, "sub"), { recursive: true });
    writeFileSync(join(scratch, "secret"), "secret");
    symlinkSync(join(scratch, "secret"), join(folder, "absolute"));
    symlinkSync("../secret", join(folder, "relative"));
    symlinkSync("..", join(folder, "up"));
    const open = await startFolderWorkspace(folder);
    const fs = new SyncFs(open.shared);
    for (const path of ["absolute", "relative", "up/secret", "../secret", "sub/../../secret"]) {
      expect(fs.exists(path), path).toBe(false);
      expect(
        await open.workspace.stat(path).then(
          (stat) => stat?.kind,
          () => undefined,
        ),
      ).not.toBe("file");
    }
    // A directory that was met is replaced by a link behind our back.
    const sub = fs.resolve("sub")?.inode ?? 0;
    rmSync(join(folder, "sub"), { recursive: true });
    symlinkSync(scratch, join(folder, "sub"));
    expect(() => fs.lookup(sub, "secret")).toThrow(/ENOTDIR|EACCES|ESTALE/);
    expect(() => fs.create(sub, "planted", 0o100644)).toThrow(/ENOTDIR|EACCES|ESTALE/);
    expect(() => fs.readdir(sub)).toThrow(/ENOTDIR|EACCES|ESTALE/);
    expect(readdirSync(scratch).includes("planted")).toBe(false);
    fs.release();
    await open.close();
  });
});
