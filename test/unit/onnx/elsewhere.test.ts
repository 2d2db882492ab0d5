/** Models that are named by their content or by a hub's name, from all three languages, on the real engine in Node. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import { publishArtefact, type Published } from "#core/artefact/publish.ts";
import { defaultSettings } from "#core/kernel/defaults.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { pythonKernel } from "#kernels/python/kernel.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { partsOf, signerOf } from "../artefact/kit.ts";
import { type FileServer, startFileServer } from "../models/file-server.ts";
import { KernelDriver } from "../typescript/kernel-driver.ts";
import { linear, makeModel } from "./make-model.ts";
import { failure } from "../kit.ts";

let folder: string;
let host: NodeHost;
let hub: FileServer;
let gateway: Server;
let published: Published;
/** Blocks that the gateway gave. */
let given = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-elsewhere-"));
  const blocks = new MemoryBlockStore();
  published = await publishArtefact(
    partsOf({ kind: "model", entry: "linear.onnx", content: [{ path: "linear.onnx", content: linear() }] }),
    blocks,
    await signerOf(1, "Ada"),
  );
  gateway = createServer((request, response) => {
    const cid = /^\/ipfs\/(\w+)\?format=raw$/.exec(request.url ?? "")?.[1];
    if (cid === undefined) return void response.writeHead(404).end();
    void blocks.get(cid).then((bytes) => {
      given += bytes ? 1 : 0;
      response.writeHead(bytes ? 200 : 404).end(bytes);
    });
  });
  await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
  hub = await startFileServer();
  hub.files.set("/ada/linear/resolve/main/onnx/model.onnx", linear());
  hub.files.set("/ada/linear/resolve/v2/onnx/model.onnx", linear());
  host = await createNodeHost({
    folder,
    cache: join(folder, "cache"),
    home: join(folder, "home"),
    from: [`http://127.0.0.1:${(gateway.address() as AddressInfo).port}/`],
    settings: { ...defaultSettings, modelHub: hub.url },
  });
}, 120_000);
afterAll(async () => {
  await host.close();
  await hub.close();
  gateway.closeAllConnections();
  gateway.close();
  await rm(folder, { recursive: true });
});

test("TypeScript loads by CID, by an artefact's other names, and from the hub", async () => {
  const kernel = await KernelDriver.start(typescriptKernel, host);
  await kernel.run(
    "const run = async (...from) => (await (await kroma.ml.load(...from)).run({ x: [[1, 2, 3]] })).y.data",
  );
  for (const source of [
    `"ipfs://${published.root}"`,
    `"${published.directory}"`,
    `"ipfs://${published.directory}/linear.onnx"`,
    `"${published.directory}", { file: "linear.onnx" }`,
    `"hub:ada/linear/onnx/model.onnx"`,
    `"ada/linear", { file: "onnx/model.onnx", revision: "v2" }`,
  ])
    expect(await kernel.show(`await run(${source})`), source).toBe("Float32Array(2) [ 32, 48 ]");
  const once = given;
  expect(await kernel.show(`await run("ipfs://${published.root}")`)).toBe("Float32Array(2) [ 32, 48 ]");
  expect(given).toBe(once);
  expect(await kernel.show(`(await kroma.ml.status()).models[0].addresses.includes("ipfs://${published.root}")`)).toBe(
    "true",
  );
  expect(await kernel.show(`await kroma.ml.load("hub:ada/none/x.onnx").catch((e) => [e.code, e.message])`)).toBe(
    "[ 'missing', 'x.onnx is not there (404).' ]",
  );
  const missing = published.root.replace(/.{4}$/, "aaaa");
  expect(await kernel.show(`await kroma.ml.load("ipfs://${missing}").catch((e) => e.code)`)).toBe("'missing'");
  expect(
    await kernel.show(`await kroma.ml.load("${published.directory}", { file: "x" }).catch((e) => e.message)`),
  ).toMatch(/There is no file "x"/);
  kernel.close();
}, 120_000);

test("Python and the shell load the same", async () => {
  const kernel = await KernelDriver.start(pythonKernel, host);
  await kernel.run(
    "import kroma\ndef run(*a, **k):\n    return kroma.ml.load(*a, **k).run(x=[[1, 2, 3]])['y'].tolist()",
  );
  expect(await kernel.show(`run("ipfs://${published.root}")`)).toBe("[[32.0, 48.0]]");
  expect(await kernel.show(`run("ada/linear", file="onnx/model.onnx", revision="v2")`)).toBe("[[32.0, 48.0]]");
  const failed = await kernel.run("kroma.ml.load('hub:ada/linear')");
  expect(failed.error?.evalue).toMatch(/is a repository: say which file of it/);
  kernel.close();

  for (const source of [`ipfs://${published.root}`, published.root, "hub:ada/linear/onnx/model.onnx"]) {
    const answer = await host.services!.call("ml", {
      client: "shell",
      method: "command",
      value: { words: ["info", source] },
      buffers: [new ArrayBuffer()],
      signal: new AbortController().signal,
    });
    expect(answer.value, source).toMatchObject({ status: 0 });
    expect(new TextDecoder().decode(answer.buffers![0])).toContain("input  x: float32 [batch, 3]");
  }
}, 120_000);

test("a model of a hub comes with the file of its weights, is kept and forgotten with it, and says when it is not there", async () => {
  const model = (file: string): Uint8Array =>
    makeModel({
      inputs: { x: ["float32", [1, 3]] },
      outputs: { y: ["float32", [1, 3]] },
      nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
      external: { w: { shape: [1, 3], file, length: 12 } },
    });
  const at = "/ada/big/resolve/main/model.onnx";
  const call = (method: string, source?: string) =>
    host.services!.call("ml", {
      client: "page",
      method,
      value: source === undefined ? undefined : { source },
      buffers: [],
      signal: new AbortController().signal,
    });
  interface Stored {
    readonly url: string;
    readonly cid?: string;
    readonly parts: readonly string[];
  }
  const stored = async (): Promise<readonly Stored[]> =>
    ((await call("stored")).value as readonly Stored[]).filter(({ url }) => url.includes("/ada/big/"));
  hub.files.set(at, model("model.onnx.data"));
  const missing = "missing: model.onnx keeps weights in the file model.onnx.data, which is not beside it.";
  expect(await failure(call("fetch", `${hub.url}${at}`))).toBe(missing);
  expect(await failure(call("load", "hub:ada/big/model.onnx"))).toBe(missing);
  // What lacks it is not taken for whole.
  expect(await stored()).toMatchObject([{ cid: expect.any(String), parts: [`${hub.url}${at}.data`] }]);
  hub.files.set(`${at}.data`, new Uint8Array(Float32Array.of(1, 2, 3).buffer));
  await call("fetch", `${hub.url}${at}`);
  const sent = hub.sent;
  expect((await call("load", "hub:ada/big/model.onnx")).value).toMatchObject({ name: "model.onnx" });
  expect(hub.sent).toBe(sent);
  expect((await stored()).every(({ cid }) => cid !== undefined)).toBe(true);
  await call("forget", `${hub.url}${at}`);
  expect(await stored()).toEqual([]);
  // A model names files beside it, and no others: not of the hub's other repositories, and not of other hosts.
  for (const file of ["../other/x", "/etc/x", "https://elsewhere.example/x"]) {
    hub.files.set(at, model(file));
    expect(await failure(call("fetch", `${hub.url}${at}`))).toMatch(/^missing: model\.onnx keeps weights in the file/);
    await call("forget", `${hub.url}${at}`);
  }
}, 120_000);
