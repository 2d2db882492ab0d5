/** A copy of Kroma inside an artefact (SPEC.md, F7 and F8): what goes in, that it is shared, and that reading does without it. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { DraftRuntime } from "#core/artefact/messages.ts";
import { buildFiles } from "#core/artefact/files.ts";
import { withFolders } from "#core/artefact/directory.ts";
import { fetchRuntime, findBuild, runtimeFolder } from "#core/artefact/runtime-folder.ts";
import { copyFactsFile, readBuild, readCopyFacts, runtimeFiles } from "#core/artefact/runtime.ts";
import type { CellId } from "#core/base/ids.ts";
import type { Notebook } from "#core/notebook/model.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { browserOf, closeGateways, draftOf, gatewayOf, readPattern } from "./host-kit.ts";
import { text } from "./kit.ts";

const servers = new Set<Server>();
afterEach(async () => {
  await closeGateways();
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  servers.clear();
});

const SITE: Readonly<Record<string, string>> = {
  "index.html": "<!doctype html><title>Kroma</title>",
  "service-worker.js": "self.kromaBuild={};",
  "app/index.js": "start()",
  "app/old.ttf": "letters",
  "assets/pyodide/pyodide.mjs": "python",
  "assets/npm/d3.js": "d3",
  "assets/v86/v86.wasm": "machine",
  "assets/models/digits.onnx": "model",
  "assets/onnx-webgpu/ort.mjs": "graphics",
};
const sha256 = (content: string): string => createHash("sha256").update(content).digest("hex");
const listOf = (site: Readonly<Record<string, string>>): string =>
  JSON.stringify({
    version: 1,
    id: "0123456789abcdef",
    files: Object.fromEntries(
      Object.entries(site).map(([path, content]) => [path, { size: content.length, sha256: sha256(content) }]),
    ),
  });

/** A host of a built Kroma, and what it was asked for. */
async function hostOf(
  site: Readonly<Record<string, string>>,
  list = listOf(site),
): Promise<{ base: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace("/deep/", "");
    asked.push(path);
    const content = path === "build.json" ? list : site[path];
    if (content === undefined) response.writeHead(404).end();
    else response.end(content);
  });
  servers.add(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/deep/`, asked };
}

const notebookOf = (...cells: readonly (readonly [language: string, source: string])[]): Notebook => ({
  title: "Weather",
  language: "python",
  metadata: {},
  cells: cells.map(([language, source], index) => ({
    id: `cell-${index}` as CellId,
    kind: "code",
    language,
    source,
    metadata: {},
    textVersion: 0,
    run: undefined,
  })),
});

const pathsFor = (notebook: Notebook): readonly string[] =>
  runtimeFiles(readBuild(listOf(SITE)), notebook).map(({ path }) => path);

async function runtimeAt(base: string): Promise<DraftRuntime> {
  return { base, files: runtimeFiles(await findBuild(fetchRuntime(base)), notebookOf(["typescript", "1 + 1"])) };
}

describe("a copy of Kroma", () => {
  it("has what the languages of the notebook need, and no more", () => {
    const always = ["app/index.js", "index.html", "service-worker.js"];
    expect(pathsFor(notebookOf(["typescript", "1 + 1"]))).toEqual([
      "app/index.js",
      "assets/npm/d3.js",
      ...always.slice(1),
    ]);
    expect(pathsFor(notebookOf())).toEqual(["app/index.js", "assets/pyodide/pyodide.mjs", ...always.slice(1)]);
    expect(pathsFor(notebookOf(["python", "from kroma import ml"], ["shell", "ls"]))).toEqual([
      "app/index.js",
      "assets/models/digits.onnx",
      "assets/pyodide/pyodide.mjs",
      "assets/v86/v86.wasm",
      ...always.slice(1),
    ]);
    // It is large, and models run without it.
    expect(pathsFor(notebookOf(["typescript", 'kroma.ml.load("m.onnx", { device: "webgpu" })']))).toContain(
      "assets/onnx-webgpu/ort.mjs",
    );
  });

  it("is the same folder as if its files had been among the others", async () => {
    const store = new MemoryBlockStore();
    const { base } = await hostOf(SITE);
    const { files } = await runtimeAt(base);
    const folder = await runtimeFolder(files, fetchRuntime(base), store);
    const rest = [
      { path: "notebook.ipynb", content: text("{}") },
      { path: "zebra/data.csv", content: text("1\n") },
    ];
    const site = { ...SITE, "build.json": listOf(SITE) };
    const inside = files.map(({ path }) => ({
      path: `kroma/${path}`,
      content: text(site[path as keyof typeof site]),
    }));
    const whole = await buildFiles([...rest, ...inside], new MemoryBlockStore());
    expect(await withFolders((await buildFiles(rest, store)).cid, [folder], store)).toBe(whole.cid);
    await expect(withFolders(whole.cid, [folder], store)).rejects.toMatchObject({ code: "invalid" });
  });

  it("is fetched from the page's host once, and shared by all that is published with it", async () => {
    const { base, asked } = await hostOf(SITE);
    const { client } = await browserOf(1, "Ada");
    const runtime = await runtimeAt(base);
    const first = await client.publish(draftOf(0, { runtime }), { read: readPattern });
    expect(asked.toSorted()).toEqual(["build.json", ...runtime.files.map(({ path }) => path)].toSorted());
    const before = asked.length;
    const second = await client.publish(draftOf(3, { document: "other", title: "Other", runtime }), {
      read: readPattern,
    });
    expect(asked.length).toBe(before);
    expect(new TextDecoder().decode(await client.read(second.root, "kroma/app/index.js"))).toBe("start()");
    expect(first.bytes).toBeGreaterThan(runtime.files.reduce((sum, { size }) => sum + size, 0));
    // With and without it are two versions of one notebook.
    const without = await client.publish(draftOf(0), { read: readPattern });
    expect(without.parents).toEqual([first.root]);
  });

  it("F10: has its Linux image beside it, which is asked for once, and of the same name only", async () => {
    const files = { "manifest.json": "{}", "disk/a": "a".repeat(1000) };
    const { base, asked } = await hostOf(files, "");
    const { client, blocks } = await browserOf(1, "Ada");
    const content = Object.entries(files).map(([path, data]) => ({ path, content: text(data) }));
    const { cid } = await buildFiles(content, new MemoryBlockStore());
    const linux = { base, cid, files: content.map(({ path, content: { length } }) => ({ path, size: length })) };
    const seen: number[] = [];
    const first = await client.publish(draftOf(0, { linux }), {
      read: readPattern,
      progress: ({ bytes }) => seen.push(bytes),
    });
    expect(first.bytes).toBeGreaterThan(1002);
    expect(new TextDecoder().decode(await client.read(first.root, "linux/disk/a"))).toBe(files["disk/a"]);
    expect(await client.open(first.root, { from: [] })).toMatchObject({ runtimeBytes: expect.any(Number) });
    await client.publish(draftOf(3, { document: "other", title: "Other", linux }), { read: readPattern });
    expect(asked.filter((path) => path === "disk/a")).toHaveLength(1);
    await client.collect([]);
    expect(await blocks.has(cid)).toBe(true);
    const other = { ...linux, cid: "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354" };
    const changed = client.publish(draftOf(4, { document: "third", linux: other }), { read: readPattern });
    await expect(changed).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is refused while the host gives files of another build", async () => {
    const { base } = await hostOf({ ...SITE, "app/index.js": "START()" }, listOf(SITE));
    const { client } = await browserOf(1, "Ada");
    const publishing = client.publish(draftOf(0, { runtime: await runtimeAt(base) }), { read: readPattern });
    await expect(publishing).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("app/index.js"),
    });
    expect((await client.kept()).artefacts).toEqual([]);
    const { base: silent } = await hostOf({});
    await expect(findBuild(fetchRuntime(`${silent}nowhere/`))).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is not asked for by who only opens the notebook, but by who keeps it", async () => {
    const { base } = await hostOf(SITE);
    const ada = await browserOf(1, "Ada");
    const { directory, root } = await ada.client.publish(draftOf(2000, { runtime: await runtimeAt(base) }), {
      read: readPattern,
    });
    const { client } = await browserOf(2, "Ben");
    const gateway = await gatewayOf(ada.blocks);
    const from = [gateway.address];
    const found = await client.open(directory, { from });
    expect(found.isHere).toBe(false);
    expect(found.runtimeBytes).toBeGreaterThan(0);
    expect(found.files.map(({ path }) => path)).toEqual(["index.html", "notebook.ipynb", "workspace/data/numbers.bin"]);
    await client.fetch(root, { from }, { what: "to open" });
    expect(await client.open(root, { from: [] })).toMatchObject({ isHere: true });
    expect((await client.read(root, "workspace/data/numbers.bin")).length).toBe(2000);
    await expect(client.pin(root)).rejects.toMatchObject({ code: "missing" });
    await expect(client.read(root, "kroma/app/index.js")).rejects.toMatchObject({ code: "missing" });
    await client.fetch(root, { from });
    await client.pin(root);
    expect((await client.kept()).artefacts).toMatchObject([{ isWhole: true }]);
  });
});

describe("what a copy opens", () => {
  it("is said in a file that is checked when it is read", () => {
    const { content } = copyFactsFile("Weather", ["b.csv", "a.csv"]);
    expect(readCopyFacts(new TextDecoder().decode(content as Uint8Array))).toEqual({
      title: "Weather",
      notebook: "notebook.ipynb",
      files: ["a.csv", "b.csv"],
    });
    for (const wrong of ["", "[]", '{"version":1,"title":"","notebook":"../x","files":[]}', '{"version":2}'])
      expect(() => readCopyFacts(wrong)).toThrow("kroma.json");
    for (const wrong of [
      "{",
      '{"version":1,"id":"x","files":{}}',
      '{"version":1,"id":"0123456789abcdef","files":{"/a":{"size":1,"sha256":""}}}',
    ])
      expect(() => readBuild(wrong)).toThrow("build.json");
  });
});
