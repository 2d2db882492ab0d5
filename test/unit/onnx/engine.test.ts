/** The engine in Node: real models on the real onnxruntime, in its own thread, asked as a kernel asks. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import type { ServiceAnswer } from "#core/kernel/services.ts";
import { linear, makeModel } from "./make-model.ts";
import { failure } from "../kit.ts";

let folder: string;
let host: NodeHost;
let server: Server;
let web: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-onnx-"));
  await mkdir(join(folder, "assets/models"), { recursive: true });
  await mkdir(join(folder, "notebook/models"), { recursive: true });
  await writeFile(join(folder, "assets/models/index.json"), "{}");
  await writeFile(join(folder, "notebook/models/linear.onnx"), linear());
  server = createServer((request, response) => {
    const path = request.url ?? "";
    const status = Number(/\d{3}/.exec(path)?.[0] ?? 200);
    response.statusCode = status;
    if (path === "/linear.onnx") response.end(linear());
    else if (path === "/page.onnx") response.end("<!doctype html><title>Sign in</title>");
    else if (path === "/stops.onnx") {
      response.setHeader("content-length", "1000");
      response.write(linear().slice(0, 50), () => response.destroy());
    } else response.end();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  web = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  host = await createNodeHost({
    folder: join(folder, "notebook"),
    assets: join(folder, "assets"),
    cache: join(folder, "cache"),
  });
});
afterAll(async () => {
  await host.close();
  server.close();
  await rm(folder, { recursive: true });
});

const ask = (
  method: string,
  value: unknown,
  buffers: readonly ArrayBuffer[] = [],
  client = "test",
  signal: AbortSignal = new AbortController().signal,
): Promise<ServiceAnswer> => host.services!.call("ml", { client, method, value, buffers, signal });

interface Loaded {
  readonly session: string;
  readonly sha256: string;
  readonly inputs: readonly object[];
}
const load = async (source: string, client?: string): Promise<Loaded> =>
  (await ask("load", { source }, [], client)).value as Loaded;
const given = async (bytes: Uint8Array): Promise<Loaded> =>
  (await ask("load", { source: "the model" }, [bytes.slice().buffer])).value as Loaded;
const feed = (name: string, dims: readonly number[] | undefined, data: ArrayBufferView, type = "float32") =>
  [{ tensors: [{ name, type, dims }] }, [data.buffer as ArrayBuffer]] as const;
const run = (session: string, [value, buffers]: ReturnType<typeof feed>): Promise<ServiceAnswer> =>
  ask("run", { session, ...value }, buffers);

test("a model's file is given to those who run it elsewhere, and not again while it is the same", async () => {
  const opened = async (unless?: string) =>
    (await ask("open", { source: "models/linear.onnx", unless })).value as {
      readonly name: string;
      readonly fingerprint: string;
      readonly file?: Blob;
    };
  const { name, fingerprint, file } = await opened();
  expect(name).toBe("models/linear.onnx");
  expect(new Uint8Array((await file?.arrayBuffer()) ?? new ArrayBuffer())).toEqual(new Uint8Array(linear()));
  expect((await opened(fingerprint)).file).toBeUndefined();
  expect((await opened("another")).file?.size).toBe(linear().length);
  expect(await failure(ask("open", { source: "models/none.gguf" }))).toMatch(/^missing: There is no file models\/none/);
});

test("a model of the workspace runs, in batches and with none", async () => {
  const { session, inputs } = await load("models/linear.onnx");
  expect(inputs).toEqual([{ name: "x", type: "float32", shape: ["batch", 3] }]);
  const two = await run(session, feed("x", [2, 3], Float32Array.of(1, 2, 3, 1, 1, 1)));
  expect(two.value).toEqual({ tensors: [{ name: "y", type: "float32", dims: [2, 2], strings: undefined }] });
  expect([...new Float32Array(two.buffers![0]!)]).toEqual([32, 48, 19, 32]);
  const none = await run(session, feed("x", [0, 3], new Float32Array()));
  expect(none.value).toMatchObject({ tensors: [{ dims: [0, 2] }] });
});

test("a flat array takes the shape that is wanted, where it can", async () => {
  const { session } = await load("/workspace/models/linear.onnx");
  const answer = await run(session, feed("x", undefined, Float32Array.of(1, 1, 1, 0, 0, 0)));
  expect(answer.value).toMatchObject({ tensors: [{ dims: [2, 2] }] });
  expect(await failure(run(session, feed("x", undefined, new Float32Array(4))))).toBe(
    'invalid: Input "x" was given float32 [4], but the model wants float32 [batch, 3].',
  );
});

test("infinities and NaN go through", async () => {
  const { session } = await load("models/linear.onnx");
  const answer = await run(session, feed("x", [1, 3], Float32Array.of(Infinity, NaN, 0)));
  expect([...new Float32Array(answer.buffers![0]!)]).toEqual([NaN, NaN]);
});

test("what does not suit an input is told with its name, what was given and what is wanted", async () => {
  const { session } = await load("models/linear.onnx");
  const say = (...feeds: Parameters<typeof feed>): Promise<string> => failure(run(session, feed(...feeds)));
  expect(await say("x", [2, 2], new Float32Array(4))).toBe(
    'invalid: Input "x" was given float32 [2, 2], but the model wants float32 [batch, 3].',
  );
  expect(await say("x", [1, 3], new Float64Array(3), "float64")).toBe(
    'invalid: Input "x" was given float64 [1, 3], but the model wants float32 [batch, 3].',
  );
  expect(await say("x", [2, 3], new Float32Array(3))).toBe(
    'invalid: Input "x" was given float32 [2, 3], but the model wants float32 [batch, 3], and there are 3 elements, not 6.',
  );
  expect(await say("image", [1, 3], new Float32Array(3))).toBe(
    'invalid: The model has no input "image". It has: x (float32 [batch, 3]).',
  );
  expect(await failure(ask("run", { session, tensors: [] }))).toBe(
    "invalid: An input is missing: x (float32 [batch, 3]).",
  );
  expect(await failure(ask("run", { session, tensors: [{ name: "x", type: "complex" }] }))).toMatch(/^invalid: /);
});

test("strings and integers travel", async () => {
  const model = makeModel({
    inputs: { s: ["string", [2]], n: ["int64", [1]] },
    outputs: { t: ["string", [2]], m: ["int64", [1]] },
    nodes: [
      { op: "Identity", inputs: ["s"], outputs: ["t"] },
      { op: "Add", inputs: ["n", "n"], outputs: ["m"] },
    ],
  });
  const { session } = await given(model);
  const tensors = [
    { name: "s", type: "string", dims: [2], strings: ["a", "bé"] },
    { name: "n", type: "int64", dims: [1] },
  ];
  const answer = await ask("run", { session, tensors }, [new ArrayBuffer(0), BigInt64Array.of(21n).buffer]);
  expect(answer.value).toMatchObject({ tensors: [{ name: "t", strings: ["a", "bé"] }, { name: "m" }] });
  expect([...new BigInt64Array(answer.buffers![1]!)]).toEqual([42n]);
});

const one = { inputs: { x: ["float32", [1, 3]] }, outputs: { y: ["float32", [1, 3]] } } as const;

test("a model that can't be loaded says why", async () => {
  expect(
    await failure(given(makeModel({ ...one, nodes: [{ op: "Frobnicate", inputs: ["x"], outputs: ["y"] }] }))),
  ).toBe(
    "invalid: the model uses the operator Frobnicate, which this onnxruntime does not have. The model's operator sets: ONNX 17.",
  );
  const foreign = makeModel({
    ...one,
    nodes: [{ op: "Foo", domain: "com.acme", inputs: ["x"], outputs: ["y"] }],
    opsets: { "com.acme": 3 },
  });
  expect(await failure(given(foreign))).toBe(
    "invalid: the model uses the operator com.acme:Foo, which this onnxruntime does not have. The model's operator sets: ONNX 17, com.acme 3.",
  );
  expect(
    await failure(given(makeModel({ ...one, opset: 99, nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }] }))),
  ).toMatch(
    /^invalid: the model wants newer operators than this onnxruntime has: it knows ONNX up to operator set \d+\. The model's operator sets: ONNX 99\.$/,
  );
  expect(await failure(given(linear().slice(0, 90)))).toMatch(/^corrupt: the model is cut off/);
  expect(await failure(load("models/none.onnx"))).toMatch(/^missing: There is no file models\/none\.onnx/);
  expect(await failure(load("../../etc/passwd"))).toMatch(/^invalid: .* lies outside of \/workspace/);
});

test("weights in a file beside the model are read, and missed by name", async () => {
  const model = (file: string): Uint8Array =>
    makeModel({
      ...one,
      nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
      external: { w: { shape: [1, 3], file, length: 12 } },
    });
  await writeFile(join(folder, "notebook/models/far.onnx"), model("far.bin"));
  await writeFile(join(folder, "notebook/models/thief.onnx"), model("../secret.bin"));
  await writeFile(join(folder, "notebook/secret.bin"), new Uint8Array(12));
  expect(await failure(load("models/far.onnx"))).toBe(
    "missing: models/far.onnx keeps weights in the file far.bin, which is not beside it.",
  );
  await writeFile(join(folder, "notebook/models/far.bin"), new Uint8Array(Float32Array.of(1, 2, 3).buffer));
  const { session } = await load("models/far.onnx");
  const answer = await run(session, feed("x", [1, 3], Float32Array.of(1, 1, 1)));
  expect([...new Float32Array(answer.buffers![0]!)]).toEqual([2, 3, 4]);
  expect(await failure(load("models/thief.onnx"))).toMatch(/^missing: /);
});

test("a model comes from the web, and what a server answers otherwise is said", async () => {
  expect((await load(`${web}/linear.onnx`)).sha256).toBe((await load("models/linear.onnx")).sha256);
  expect(await failure(load(`${web}/page.onnx`))).toMatch(
    /^invalid: page\.onnx is not an ONNX model: it is a web page/,
  );
  expect(await failure(load(`${web}/401`))).toMatch(/^denied: .*sign in \(401\)/);
  expect(await failure(load(`${web}/404`))).toMatch(/^missing: /);
  expect(await failure(load(`${web}/429`))).toMatch(/^unavailable: .*\(429\)/);
  expect(await failure(load(`${web}/500`))).toMatch(/^unavailable: .*500/);
  expect(await failure(load(`${web}/stops.onnx`))).toBe(
    "unavailable: stops.onnx stopped coming in the middle. Try again: it goes on from there.",
  );
});

interface Status {
  readonly models: readonly { readonly sha256: string; readonly holders: number }[];
}

test("the same model is loaded once, stays when its kernel ends, and is nobody else's to run", async () => {
  const first = await load("models/linear.onnx", "a");
  const second = await load("models/linear.onnx", "b");
  const holders = async (): Promise<number | undefined> =>
    ((await ask("status", undefined)).value as Status).models.find(({ sha256 }) => sha256 === first.sha256)?.holders;
  const before = await holders();
  host.services!.leave("a");
  expect(await holders()).toBe(before! - 1);
  expect(await failure(ask("run", { session: second.session, tensors: [] }, [], "c"))).toMatch(/^missing: /);
  expect(await failure(ask("run", { session: first.session, tensors: [] }, [], "a"))).toMatch(/^missing: /);
});

test("who gives up gets the signal's reason at once", async () => {
  const { session } = await load("models/linear.onnx");
  const abort = new AbortController();
  const [value, buffers] = feed("x", [1, 3], new Float32Array(3));
  const asked = ask("run", { session, ...value }, buffers, "test", abort.signal);
  abort.abort(new Error("enough"));
  await expect(asked).rejects.toThrow("enough");
  expect((await run(session, feed("x", [1, 3], new Float32Array(3)))).value).toBeDefined();
});

test("a notebook that is not trusted hears nothing of what others fetched, and can't remove it", async () => {
  const stranger = await createNodeHost({
    folder: join(folder, "notebook"),
    assets: join(folder, "assets"),
    cache: join(folder, "cache"),
    foreign: true,
  });
  const call = (method: string, value: unknown) =>
    stranger.services!.call("ml", { client: "s", method, value, buffers: [], signal: new AbortController().signal });
  const denied = "denied: What other notebooks have fetched is not told to one that is not trusted.";
  expect(await failure(call("stored", undefined))).toBe(denied);
  expect(await failure(call("forget", { source: `${web}/linear.onnx` }))).toBe(denied);
  expect(((await call("load", { source: "models/linear.onnx" })).value as Loaded).inputs).toHaveLength(1);
  await stranger.close();
  expect((await ask("stored", undefined)).value).not.toEqual([]);
});

test("Node has no WebGPU: it is refused where it is asked for, as is what is no device", async () => {
  expect((await load("models/linear.onnx")) as object).toMatchObject({ device: "cpu" });
  expect(await failure(ask("load", { source: "models/linear.onnx", device: "webgpu" }))).toBe(
    'unavailable: Models run by WebGPU in a browser only; here onnxruntime-node runs them on the processor. Leave device "webgpu" out.',
  );
  expect(await failure(ask("load", { source: "models/linear.onnx", device: "toaster" }))).toBe(
    "invalid: This request is not one: a device is one of auto, wasm, webgpu.",
  );
});

test("a file that was changed is another model, and one that was not is not read again", async () => {
  const path = join(folder, "notebook/models/changing.onnx");
  await writeFile(path, linear());
  const first = await load("models/changing.onnx");
  expect((await load("models/changing.onnx")).sha256).toBe(first.sha256);
  await writeFile(path, makeModel({ ...one, nodes: [{ op: "Neg", inputs: ["x"], outputs: ["y"] }] }));
  const second = await load("models/changing.onnx");
  expect(second.sha256).not.toBe(first.sha256);
  const answer = await run(second.session, feed("x", [1, 3], Float32Array.of(1, 2, 3)));
  expect([...new Float32Array(answer.buffers![0]!)]).toEqual([-1, -2, -3]);
});
