/** How drivers find model files: by the service that loads models, and among the notebook's files. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import { chatPlace } from "#core/chat/place.ts";
import type { KernelServices } from "#core/kernel/service-host.ts";
import { startFolderWorkspace } from "#plugins/folder/folder.node.ts";

const signal = new AbortController().signal;
const placeOn = (call: KernelServices["call"]) =>
  chatPlace({
    asset: (path) => path,
    services: () => ({ call, leave: () => undefined }),
    workspace: () => Promise.resolve(undefined),
  });

it("asks the service that loads models, and tells how far a download is", async () => {
  const asked: unknown[] = [];
  const file = new Blob(["x"]);
  const place = placeOn((service, { method, value, onProgress }) => {
    asked.push([service, method, value]);
    onProgress?.({ url: "https://hub.example/a/tiny.gguf", bytes: 41_000_000, total: 90_400_000 });
    onProgress?.({ url: "https://hub.example/a/tiny.gguf", bytes: 42_000_000 });
    onProgress?.("nonsense");
    return Promise.resolve({ value: { name: "tiny.gguf", fingerprint: "1", file } });
  });
  const said: string[] = [];
  const options = { signal, onStage: (sentence: string) => void said.push(sentence) };
  expect(await place.openModel("hub:a/tiny.gguf", { ...options, unless: "0" })).toEqual({
    name: "tiny.gguf",
    fingerprint: "1",
    file,
  });
  expect(asked).toEqual([["ml", "open", { source: "hub:a/tiny.gguf", unless: "0" }]]);
  expect(said).toEqual(["Fetching tiny.gguf, 41 of 90 MB", "Fetching tiny.gguf, 42 MB"]);
});

it("says of a path that it is not there, and passes on every other failure", async () => {
  const options = { signal, onStage: () => undefined };
  const failing = (code: "missing" | "denied") => placeOn(() => Promise.reject(new KromaError(code, "As it was.")));
  await expect(failing("missing").openModel("a.gguf", options)).rejects.toMatchObject({
    code: "missing",
    message: "There is no file a.gguf among the files of this notebook.",
  });
  await expect(failing("missing").openModel("hub:o/n/a.gguf", options)).rejects.toThrow("As it was.");
  await expect(failing("denied").openModel("a.gguf", options)).rejects.toThrow("As it was.");
});

it("lists the files of an ending, in folders too, and none where there are no files", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kroma-place-"));
  await mkdir(join(folder, "models/small"), { recursive: true });
  for (const name of ["b.GGUF", "models/a.gguf", "models/small/c.gguf", "notes.txt"])
    await writeFile(join(folder, name), "x");
  const { workspace, close } = await startFolderWorkspace(folder);
  const place = chatPlace({
    asset: (path) => path,
    services: () => undefined,
    workspace: () => Promise.resolve(workspace),
  });
  expect(await place.files(".gguf")).toEqual(["b.GGUF", "models/a.gguf", "models/small/c.gguf"]);
  await close();
  await rm(folder, { recursive: true });
  expect(await placeOn(() => Promise.reject(new Error("not asked"))).files(".gguf")).toEqual([]);
});
