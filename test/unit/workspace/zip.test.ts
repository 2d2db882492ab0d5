/** Zip of all, and zips from outside. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { unzipSync, zipSync } from "fflate";
import { unzipIntoWorkspace, zipStream, zipWorkspace } from "#plugins/archive/zip.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import { pattern } from "../../conformance/workspace.ts";
import { startStore, type StartedStore } from "./start-store.ts";

let store: StartedStore;
let workspace: Workspace;
beforeAll(async () => {
  store = await startStore({});
  workspace = store.open.workspace;
});
afterAll(() => store.open.close());

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("all files come back from their archive, Kroma's own stay out", async () => {
  await workspace.write("a/ä.txt", utf8("text"));
  await workspace.write("a/b/c.bin", pattern(300_000));
  await workspace.write("packed.png", pattern(5000));
  await workspace.makeDirectory("empty/inside");
  await workspace.write(".kroma/values/x.json", utf8("1"));
  const archive = await zipWorkspace(workspace);
  expect(Object.keys(unzipSync(archive)).sort()).toEqual(["a/b/c.bin", "a/ä.txt", "empty/inside/", "packed.png"]);
  const written = await unzipIntoWorkspace(workspace, archive, "copy");
  expect([...written].sort()).toEqual(["copy/a/b/c.bin", "copy/a/ä.txt", "copy/packed.png"]);
  expect(await workspace.read("copy/a/b/c.bin")).toEqual(pattern(300_000));
  expect(text(await workspace.read("copy/a/ä.txt"))).toBe("text");
  expect((await workspace.stat("copy/empty/inside"))?.kind).toBe("directory");
  expect(Object.keys(unzipSync(await zipWorkspace(workspace, "a/b")))).toEqual(["c.bin"]);
});

test("a large workspace is packed part by part", async () => {
  await workspace.write("large/one.bin", pattern(400_000, 3));
  await workspace.write("large/two.bin", pattern(400_000, 4));
  let parts = 0;
  for (const reader = zipStream(workspace, "large").getReader(); ; parts++) if ((await reader.read()).done) break;
  expect(parts).toBeGreaterThan(2);
});

test.each(["../out", "/absolute", "a/../../out", "a//b", "C:/x", "back\\slash", ".kroma/values/x.json", "nul\0"])(
  "an archive with the name %j writes nothing",
  async (name) => {
    const archive = zipSync({ "good.txt": utf8("good"), [name]: utf8("bad") });
    await expect(unzipIntoWorkspace(workspace, archive, "guarded")).rejects.toMatchObject({ code: "invalid" });
    expect(await workspace.stat("guarded")).toBeUndefined();
  },
);

test("an archive that is too large, cut short or none at all is refused", async () => {
  const archive = zipSync({ a: new Uint8Array(1_000_000), b: utf8("b") });
  const small = { bytes: 500_000, files: 10 };
  await expect(unzipIntoWorkspace(workspace, archive, "x", small)).rejects.toMatchObject({ code: "exhausted" });
  const few = { bytes: 1e9, files: 1 };
  await expect(unzipIntoWorkspace(workspace, archive, "x", few)).rejects.toMatchObject({ code: "exhausted" });
  const cut = archive.subarray(0, archive.length - 30);
  await expect(unzipIntoWorkspace(workspace, cut, "x")).rejects.toMatchObject({ code: "invalid" });
  await expect(unzipIntoWorkspace(workspace, pattern(500), "x")).rejects.toMatchObject({ code: "invalid" });
  expect(await workspace.stat("x")).toBeUndefined();
});
