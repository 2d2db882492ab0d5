/** Pipelines on the real library and the real onnxruntime, over the service as kernels ask it; the hub is on loopback. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import { defaultSettings } from "#core/kernel/defaults.ts";
import type { FetchedFile } from "#core/store/fetched.ts";
import type { ServiceAnswer, ServiceCall } from "#core/kernel/services.ts";
import { type HubServer, startHubServer } from "../models/hub-server.ts";
import { colour, completion, embedding, type Repository, sentiment, writing } from "./tiny-models.ts";

let folder: string;
let host: NodeHost;
let hub: HubServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-pipelines-"));
  hub = await startHubServer();
  const add = (name: string, files: Repository): void => {
    for (const [file, bytes] of Object.entries(files)) hub.add(`${name}/${file}`, bytes);
  };
  add("ada/sentiment", sentiment());
  add("ada/embedding", embedding());
  add("ada/completion", completion());
  host = await createNodeHost({
    folder,
    cache: join(folder, ".cache"),
    home: join(folder, ".home"),
    settings: { ...defaultSettings, modelHub: hub.url },
  });
});
afterAll(async () => {
  await host.close();
  await hub.close();
  await rm(folder, { recursive: true });
});

const ask = (
  method: string,
  value: unknown,
  buffers: readonly ArrayBuffer[] = [],
  more: Partial<ServiceCall> = {},
): Promise<ServiceAnswer> =>
  host.services!.call("pipelines", {
    client: "test",
    method,
    value,
    buffers,
    signal: new AbortController().signal,
    ...more,
  });

async function open(task: string, model: string): Promise<string> {
  return ((await ask("open", { task, model })).value as { readonly pipeline: string }).pipeline;
}

const run = async (pipeline: string, given: readonly unknown[], options = {}): Promise<unknown> =>
  (await ask("run", { pipeline, given, options })).value;

async function write(name: string, files: Repository): Promise<void> {
  for (const [file, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name, file)), { recursive: true });
    await writeFile(join(folder, name, file), bytes);
  }
}

test("a text is classified by a model of the hub", async () => {
  const pipeline = await open("sentiment-analysis", "ada/sentiment");
  expect(await run(pipeline, ["good good"])).toMatchObject([{ label: "POSITIVE" }]);
  expect(await run(pipeline, [["good", "so bad"]], { top_k: 2 })).toMatchObject([
    [{ label: "POSITIVE" }, { label: "NEGATIVE" }],
    [{ label: "NEGATIVE" }, { label: "POSITIVE" }],
  ]);
});

test("vectors come as an array with its shape", async () => {
  const pipeline = await open("feature-extraction", "ada/embedding");
  const { value, buffers } = await ask("run", {
    pipeline,
    given: [["good", "paris"]],
    options: { pooling: "mean", normalize: true },
  });
  expect(value).toEqual({ $kroma: "array", type: "float32", dims: [2, 3], buffer: 0 });
  expect([...new Float32Array(buffers![0]!)]).toEqual([1, 0, 0, 0, 1, 0]);
});

test("a word that is missing is found", async () => {
  const pipeline = await open("fill-mask", "ada/completion");
  expect(await run(pipeline, ["rome is in [MASK]"], { top_k: 1 })).toMatchObject([{ token_str: "italy" }]);
});

test("a picture is classified by a model of the workspace", async () => {
  await write("models/colour", colour());
  const pipeline = await open("image-classification", "models/colour");
  const pixels = new Uint8Array(8 * 8 * 3).map((_, index) => (index % 3 === 1 ? 250 : 10));
  const given = [{ $kroma: "array", type: "uint8", dims: [8, 8, 3], buffer: 0 }];
  const { value } = await ask("run", { pipeline, given, options: { top_k: 1 } }, [pixels.buffer]);
  expect(value).toMatchObject([{ label: "green" }]);
});

test("what a task takes beside its first value comes by place or by name", async () => {
  const label2id = { contradiction: 0, entailment: 1 };
  const config = { ...JSON.parse(new TextDecoder().decode(sentiment()["config.json"])), label2id };
  await write("models/judge", { ...sentiment(), "config.json": new TextEncoder().encode(JSON.stringify(config)) });
  const pipeline = await open("zero-shot-classification", "models/judge");
  const labels = ["bad", "good"];
  expect(await run(pipeline, ["in paris", labels])).toMatchObject({ labels: ["good", "bad"] });
  expect(await run(pipeline, ["in paris"], { candidate_labels: labels })).toMatchObject({ labels: ["good", "bad"] });
  await expect(run(pipeline, ["in paris"])).rejects.toMatchObject({
    code: "invalid",
    message: "zero-shot-classification wants candidate_labels too.",
  });
});

test("a text is written piece by piece, until it ends or is stopped", async () => {
  await write("models/writing", writing());
  const pipeline = await open("text-generation", "models/writing");
  const pieces: string[] = [];
  const asked = { pipeline, given: ["rome"], options: { max_new_tokens: 20 } };
  const onProgress = (told: unknown): void => void pieces.push((told as { readonly text: string }).text);
  expect((await ask("run", asked, [], { onProgress })).value).toEqual([{ generated_text: "rome is in italy" }]);
  expect(pieces.join("").trim()).toBe("is in italy");
  const abort = new AbortController();
  const endless = { pipeline, given: ["good"], options: { max_new_tokens: 1_000_000 } };
  const stopped = ask("run", endless, [], { signal: abort.signal, onProgress: () => abort.abort(new Error("enough")) });
  await expect(stopped).rejects.toThrow("enough");
  // Nobody waits for the rest of it.
  expect((await ask("run", asked)).value).toEqual([{ generated_text: "rome is in italy" }]);
});

test("a picture's file is read, and what is none is an error", async () => {
  await write("models/colour", colour());
  const pipeline = await open("image-classification", "models/colour");
  // One blue pixel (PNG, https://www.w3.org/TR/png-3/).
  const png = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYPgPAAEDAQAIicLsAAAAAElFTkSuQmCC",
    "base64",
  );
  await writeFile(join(folder, "blue.png"), png);
  expect(await run(pipeline, ["blue.png"], { top_k: 1 })).toMatchObject([{ label: "blue" }]);
  const bytes = await ask("run", { pipeline, given: [{ $kroma: "bytes", buffer: 0 }] }, [new Uint8Array(png).buffer]);
  expect(bytes.value).toMatchObject([{ label: "blue" }, {}, {}]);
  await expect(run(pipeline, ["none.png"])).rejects.toMatchObject({ code: "missing" });
  await writeFile(join(folder, "text.png"), "no picture");
  await expect(run(pipeline, ["text.png"])).rejects.toMatchObject({
    code: "invalid",
    message: "This is no picture that can be read here.",
  });
});

test("a folder of the workspace that changes is loaded anew, and what is held goes on as it was", async () => {
  await write("models/mood", sentiment());
  const before = await open("text-classification", "models/mood");
  const config = {
    ...JSON.parse(new TextDecoder().decode(sentiment()["config.json"])),
    id2label: { 0: "NO", 1: "YES" },
  };
  await write("models/mood", { "config.json": new TextEncoder().encode(JSON.stringify(config)) });
  const after = await open("text-classification", "models/mood");
  expect(await run(after, ["good"])).toMatchObject([{ label: "YES" }]);
  expect(await run(before, ["good"])).toMatchObject([{ label: "POSITIVE" }]);
});

test("what was fetched is fetched once, and runs without the hub", async () => {
  for (const [file, bytes] of Object.entries(embedding())) hub.add(`ada/kept/${file}`, bytes);
  await open("feature-extraction", "ada/kept");
  const sent = hub.storage.sent;
  hub.isAway = true;
  const other = await createNodeHost({
    folder,
    cache: join(folder, ".cache"),
    settings: { ...defaultSettings, modelHub: hub.url },
  });
  try {
    const call = { client: "other", buffers: [], signal: new AbortController().signal };
    const value = { task: "feature-extraction", model: "ada/kept" };
    expect(await other.services!.call("pipelines", { ...call, method: "open", value })).toMatchObject({
      value: { dtype: "fp32" },
    });
    const kept = await other.services!.call("ml", { ...call, method: "stored", value: undefined });
    const base = `${hub.url}/ada/kept/resolve/main/`;
    // One row for people, with all that belongs to it.
    const row = (kept.value as FetchedFile[]).find(({ url }) => url === `${base}onnx/model.onnx`);
    expect(row?.parts.toSorted()).toEqual(
      ["config.json", "tokenizer.json", "tokenizer_config.json"].map((name) => `${base}${name}`),
    );
    expect(hub.storage.sent).toBe(sent);
  } finally {
    hub.isAway = false;
    await other.close();
  }
});

test("a download that is cut goes on where it stopped", async () => {
  const big = new Uint8Array(3 * 1024 * 1024);
  for (const [file, bytes] of Object.entries(sentiment())) hub.add(`ada/cut/${file}`, bytes);
  // Words behind the end of a file of JSON count for nothing, but have to come.
  hub.add("ada/cut/tokenizer.json", Buffer.concat([sentiment()["tokenizer.json"]!, big.fill(32)]));
  const length = sentiment()["tokenizer.json"]!.length + big.length;
  hub.storage.keptIn = join(folder, ".cache/onnx");
  hub.storage.cutAfter = 2 * 1024 * 1024;
  const asked = { task: "text-classification", model: "ada/cut" };
  await expect(ask("open", asked)).rejects.toMatchObject({ code: "unavailable" });
  const sent = hub.storage.sent;
  const told: { readonly url: string; readonly bytes: number }[] = [];
  await ask("open", asked, [], { onProgress: (value) => told.push(value as (typeof told)[number]) });
  expect(hub.storage.sent - sent).toBeLessThan(length - 1024 * 1024);
  expect(told.findLast(({ url }) => url.endsWith("tokenizer.json"))?.bytes).toBe(length);
});

test.each([
  ["no task", { task: "mind-reading", model: "ada/sentiment" }, "invalid", /no task "mind-reading".*fill-mask/],
  ["no repository", { task: "fill-mask", model: "ada/none" }, "missing", /ada\/none has no config.json/],
  ["no such word", { task: "fill-mask", model: "nonsense" }, "missing", /There is no model nonsense here/],
  ["no such file", { task: "fill-mask", model: "ada/sentiment", file: "other" }, "missing", /no file onnx\/other.onnx/],
  ["another kind", { task: "image-classification", model: "ada/sentiment" }, "invalid", /bert/],
  ["no request", { task: 7, model: "ada/sentiment" }, "invalid", /This request is not one/],
])("a pipeline can't be made: %s", async (_, value, code, message) => {
  await expect(ask("open", value)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test.each([
  ["signed out", 401, {}, "denied", /sign in/],
  ["too often", 429, { "retry-after": "7" }, "unavailable", /in 7 seconds/],
  ["broken", 500, {}, "unavailable", /500/],
  ["a web page", 200, { "content-type": "text/html" }, "unavailable", /web page/],
])("the hub answers in its own way: %s", async (name, status, headers, code, message) => {
  hub.next.push((response) => void response.writeHead(status, headers).end("<p>No</p>"));
  const model = `ada/${name.replaceAll(" ", "-")}`;
  await expect(ask("open", { task: "fill-mask", model })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
  expect(hub.next).toEqual([]);
});

test.each([
  ["nothing", [], {}, /wants a text/],
  ["a number", [7], {}, /takes a text, or a list of texts/],
  ["too much", ["good", "bad"], {}, /takes a text and options by their names/],
])("a call does not suit the task: %s", async (_, given, options, message) => {
  const pipeline = await open("text-classification", "ada/sentiment");
  await expect(run(pipeline, given, options)).rejects.toMatchObject({
    code: "invalid",
    message: expect.stringMatching(message),
  });
});

test("what was disposed of runs no more, and nobody runs another's", async () => {
  const pipeline = await open("text-classification", "ada/sentiment");
  const asked = { pipeline, given: ["good"] };
  await expect(ask("run", asked, [], { client: "stranger" })).rejects.toMatchObject({ code: "missing" });
  await ask("release", { pipeline });
  await expect(ask("run", asked)).rejects.toMatchObject({ code: "missing" });
});

test("what pipelines take in memory is told, and goes when nobody holds it and others come", async () => {
  interface Status {
    readonly used: number;
    readonly models: readonly {
      readonly names: readonly string[];
      readonly holders: number;
      readonly memory: number;
    }[];
  }
  const models = async () => ((await ask("status", undefined)).value as Status).models;
  const before = await models();
  const pipeline = await open("fill-mask", "ada/completion");
  const mine = (await models()).find(({ names }) => names.includes("ada/completion"));
  expect(mine!.memory).toBeGreaterThan(100);
  expect(mine!.holders).toBe((before.find(({ names }) => names.includes("ada/completion"))?.holders ?? 0) + 1);
  for (const revision of ["a", "b", "c"]) await write(`models/${revision}`, embedding());
  await host.services!.call("pipelines", {
    client: "passing",
    method: "open",
    value: { task: "embeddings", model: "models/a" },
    buffers: [],
    signal: new AbortController().signal,
  });
  host.services!.leave("passing");
  for (const name of ["b", "c"]) await ask("release", { pipeline: await open("embeddings", `models/${name}`) });
  await expect.poll(async () => (await models()).flatMap(({ names }) => names)).not.toContain("models/a");
  await ask("release", { pipeline });
});

test("a run that waits is given up by its signal", async () => {
  const pipeline = await open("text-classification", "ada/sentiment");
  const abort = new AbortController();
  const first = run(pipeline, ["good"]);
  const second = ask("run", { pipeline, given: ["bad"] }, [], { signal: abort.signal });
  abort.abort(new Error("enough"));
  await expect(second).rejects.toThrow("enough");
  expect(await first).toMatchObject([{ label: "POSITIVE" }]);
});

test("a download that takes its time holds up nothing else, and is given up by its signal", async () => {
  const here = await open("text-classification", "ada/sentiment");
  const halted = new Promise<{ readonly over: Promise<void> }>((resolve) => {
    hub.next.push((response) => {
      response.writeHead(200, { "content-type": "application/octet-stream", "content-length": "100" });
      response.write("{");
      resolve({ over: new Promise((closed) => response.on("close", () => closed())) });
    });
  });
  const abort = new AbortController();
  const asked = { task: "fill-mask", model: "ada/slow" };
  const slow = ask("open", asked, [], { signal: abort.signal });
  slow.catch(() => undefined);
  const { over } = await halted;
  expect(await run(here, ["good"])).toMatchObject([{ label: "POSITIVE" }]);
  abort.abort(new Error("enough"));
  await expect(slow).rejects.toThrow("enough");
  await over;
});

test("a pipeline that is let go while it runs ends its run, and not before", async () => {
  const pipeline = await open("text-generation", "models/writing");
  const asked = { pipeline, given: ["rome"], options: { max_new_tokens: 20 } };
  const [first, second] = [ask("run", asked), ask("run", asked)];
  second.catch(() => undefined);
  await ask("release", { pipeline });
  expect((await first).value).toEqual([{ generated_text: "rome is in italy" }]);
  await expect(second).rejects.toMatchObject({ code: "missing" });
});
