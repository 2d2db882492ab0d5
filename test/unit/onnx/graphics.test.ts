/**
 * When a model runs by WebGPU. Both of its sessions are of the real onnxruntime of Node, since Node has no WebGPU: what is special
 * of the one that stands for the graphics processor is said in each test.
 */
import * as ort from "onnxruntime-node";
import { afterEach, expect, test } from "vitest";
import { Engine, type Device } from "#plugins/onnx/engine.ts";
import type { GraphicsParts } from "#plugins/onnx/graphics-place.ts";
import type { Tensors } from "#plugins/onnx/run-session.ts";
import type { Graphics, GraphicsRuntime, Runtime } from "#plugins/onnx/runtime.ts";
import { ModelSources } from "#plugins/onnx/sources.ts";
import { failure } from "../kit.ts";
import { linear, makeModel } from "./make-model.ts";

const MIB = 1024 ** 2;

const native: Runtime = {
  description: "the processor's",
  runsOn: "wasm",
  create: (model) => ort.InferenceSession.create(model, { logSeverityLevel: 4 }),
  tensor: (type, data, dims) => new ort.Tensor(type as "float32", data as Float32Array, [...dims]),
};

/** A graphics processor, and what was asked of it. */
class Card {
  created = 0;
  runs = 0;
  released = 0;
  readonly lost = Promise.withResolvers<string>();
  /** What it makes of a model. */
  model = (bytes: Uint8Array): Uint8Array => bytes;
  /** Comes before each run. */
  before: () => Promise<void> = () => Promise.resolve();

  readonly runtime: GraphicsRuntime = {
    ...native,
    description: "the card's",
    runsOn: "webgpu",
    lost: this.lost.promise,
    create: async (bytes, external) => {
      const session = await native.create(this.model(bytes), external);
      this.created += 1;
      return new Proxy(session, {
        get: (target, name) => {
          if (name === "run") return this.#run(session);
          if (name === "release") return this.#release(session);
          return Reflect.get(target, name, target) as unknown;
        },
      });
    },
  };

  graphics(more: Partial<Graphics> = {}): Graphics {
    return { name: "a card", key: "a card", isSoftware: false, load: () => Promise.resolve(this.runtime), ...more };
  }

  #run(session: Awaited<ReturnType<Runtime["create"]>>): typeof session.run {
    return (async (feeds: Parameters<typeof session.run>[0]) => {
      await this.before();
      this.runs += 1;
      return session.run(feeds);
    }) as typeof session.run;
  }

  #release(session: Awaited<ReturnType<Runtime["create"]>>): () => Promise<void> {
    return async () => {
      this.released += 1;
      await session.release();
    };
  }
}

const engines: Engine[] = [];
afterEach(() => {
  for (const engine of engines.splice(0)) engine.leave("a");
});

function engineWith(parts: Partial<GraphicsParts> & Pick<GraphicsParts, "find">, budget = 2048 * MIB): Engine {
  const fetch = (): Promise<never> => Promise.reject(new Error("nothing is fetched here"));
  const engine = new Engine({
    runtime: () => Promise.resolve(native),
    sources: new ModelSources({ files: () => undefined, asset: (path) => path, fetch, largest: budget }),
    budget,
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
    graphics: { notes: undefined, now: () => 0, ...parts },
  });
  engines.push(engine);
  return engine;
}
const notesIn = (map: Map<string, unknown>): GraphicsParts["notes"] => ({
  get: (key) => Promise.resolve(map.get(key)),
  set: (key, value) => Promise.resolve(void map.set(key, value)),
});

const { signal } = new AbortController();
const load = (engine: Engine, device: Device, bytes: Uint8Array = linear()) =>
  engine.load("a", "the model", bytes.slice().buffer as ArrayBuffer, signal, undefined, device);
async function run(engine: Engine, session: string, values: readonly number[] = [1, 2, 3]) {
  const data = Float32Array.from(values);
  const feeds: Tensors = { tensors: [{ name: "x", type: "float32" }], buffers: [data.buffer] };
  const { buffers, device } = await engine.run("a", session, feeds, signal);
  return { values: [...new Float32Array(buffers[0]!)], ...device };
}

/** y = x + the sum of weights of as many MiB. */
function large(mebibytes: number): Uint8Array {
  const length = (mebibytes * MIB) / 4;
  return makeModel({
    inputs: { x: ["float32", [1]] },
    outputs: { y: ["float32", [1]] },
    nodes: [
      { op: "ReduceSum", inputs: ["w"], outputs: ["sum"] },
      { op: "Add", inputs: ["x", "sum"], outputs: ["y"] },
    ],
    weights: { w: { shape: [length], data: new Float32Array(length).fill(2) } },
  });
}

const SAME =
  "WebGPU gave the same answer as the processor: floats differ by 0 at most, and may by 0.0001 + 0.1 % of the value";

test("asked for, it is compared with the processor in the first run, and the next ones are made there", async () => {
  const card = new Card();
  const engine = engineWith({ find: () => Promise.resolve(card.graphics()) });
  const { session, ...told } = await load(engine, "webgpu");
  expect(told).toMatchObject({ device: "wasm", deviceReason: "the first run is made on both" });
  expect(await run(engine, session)).toEqual({
    values: [32, 48],
    device: "webgpu",
    deviceReason: SAME,
    runtime: "the card's",
  });
  expect(card.runs).toBe(1);
  expect((await run(engine, session)).values).toEqual([32, 48]);
  expect(card.runs).toBe(2);
  expect(engine.status().models).toMatchObject([{ device: "webgpu", deviceReason: SAME }]);
  // Who asked for the processor has it, of the same model.
  const other = await load(engine, "wasm");
  expect(other).toMatchObject({ device: "wasm", deviceReason: "it was asked for", runtime: "the processor's" });
  await run(engine, other.session);
  expect(card).toMatchObject({ created: 1, runs: 2 });
});

test("what agreed is known when it is loaded again, on that device only", async () => {
  const notes = notesIn(new Map());
  const find = (key: string) => () => Promise.resolve(new Card().graphics({ key }));
  const first = engineWith({ find: find("one"), notes });
  await run(first, (await load(first, "webgpu")).session);
  expect(await load(engineWith({ find: find("one"), notes }), "webgpu")).toMatchObject({
    device: "webgpu",
    deviceReason: SAME,
  });
  expect(await load(engineWith({ find: find("two"), notes }), "webgpu")).toMatchObject({ device: "wasm" });
});

test("a model that gives another answer there goes on with the processor's, and is not tried again", async () => {
  const card = new Card();
  card.model = () => linear(6.1);
  const notes = notesIn(new Map());
  const find = () => Promise.resolve(card.graphics());
  const engine = engineWith({ find, notes });
  const { session } = await load(engine, "webgpu");
  const reason =
    'WebGPU gave another answer than the processor: its output "y" had 48.3 instead of 48; floats may differ by 0.0001 + 0.1 % of the value';
  const first = await run(engine, session);
  expect(first).toEqual({ values: [32, 48], device: "wasm", deviceReason: reason, runtime: "the processor's" });
  await run(engine, session);
  expect(card).toMatchObject({ created: 1, runs: 1 });
  await expect.poll(() => card.released).toBe(1);
  const later = engineWith({ find, notes });
  expect(await load(later, "webgpu")).toMatchObject({ device: "wasm", deviceReason: reason });
  expect(card.created).toBe(1);
});

test("a model that can't be loaded or run there goes on with the processor", async () => {
  const card = new Card();
  card.model = (bytes) => bytes.slice(0, 90);
  const engine = engineWith({ find: () => Promise.resolve(card.graphics()) });
  const { session, ...told } = await load(engine, "webgpu");
  expect(told).toMatchObject({ device: "wasm", deviceReason: expect.stringMatching(/^WebGPU could not load it: /) });
  expect((await run(engine, session)).values).toEqual([32, 48]);

  const failing = new Card();
  const second = engineWith({ find: () => Promise.resolve(failing.graphics()) });
  const loaded = await load(second, "webgpu");
  await run(second, loaded.session);
  failing.before = () => Promise.reject(new Error("validation failed"));
  expect(await run(second, loaded.session)).toMatchObject({
    values: [32, 48],
    device: "wasm",
    deviceReason: "a run failed on WebGPU: validation failed",
  });
});

test("a device that is lost in mid-run: the run is made by the processor, and so are all that follow", async () => {
  const card = new Card();
  const engine = engineWith({ find: () => Promise.resolve(card.graphics()) });
  const { session } = await load(engine, "webgpu");
  await run(engine, session);
  const isRunning = Promise.withResolvers<void>();
  card.before = () => {
    isRunning.resolve();
    // Nothing comes of it any more.
    return new Promise(() => undefined);
  };
  const running = run(engine, session);
  await isRunning.promise;
  card.lost.resolve("the driver stopped");
  expect(await running).toMatchObject({
    values: [32, 48],
    device: "wasm",
    deviceReason: expect.stringContaining("the driver stopped"),
  });
  expect(await run(engine, session)).toMatchObject({ values: [32, 48], device: "wasm" });
  expect(await failure(load(engine, "webgpu"))).toBe(
    "unavailable: The graphics processor was lost (the driver stopped): models run on the processor from now on.",
  );
  expect((await load(engine, "auto")).device).toBe("wasm");
});

test("where there is no WebGPU, asking for it is an error, and the rest goes on", async () => {
  const { KromaError } = await import("#core/base/errors.ts");
  const find = () => Promise.reject(new KromaError("unavailable", "This browser has no WebGPU."));
  const engine = engineWith({ find });
  expect(await failure(load(engine, "webgpu"))).toBe("unavailable: This browser has no WebGPU.");
  expect(engine.status().models).toEqual([]);
  expect(await load(engine, "auto", large(17))).toMatchObject({
    device: "wasm",
    deviceReason: "This browser has no WebGPU.",
  });
});

test("its program does not come: an error for who asked for it, and nothing is held", async () => {
  const { KromaError } = await import("#core/base/errors.ts");
  const load404 = () => Promise.reject(new KromaError("unavailable", "It could not be loaded."));
  const card = new Card();
  const engine = engineWith({ find: () => Promise.resolve(card.graphics({ load: load404 })) });
  expect(await failure(load(engine, "webgpu"))).toBe("unavailable: It could not be loaded.");
  expect(engine.status().models).toMatchObject([{ holders: 0 }]);
});

test("of itself a small model stays on the processor, as does every one where WebGPU is a program", async () => {
  const card = new Card();
  const engine = engineWith({ find: () => Promise.resolve(card.graphics({ isSoftware: true })) });
  const small = await load(engine, "auto");
  expect(small.deviceReason).toBe("WebGPU is for models from 16 MB on, unless it is asked for");
  expect((await load(engine, "auto", large(17))).deviceReason).toBe(
    "WebGPU (a card) is a program of the processor here, and slower",
  );
  await run(engine, small.session);
  expect(card.created).toBe(0);
  const asked = await load(engine, "webgpu");
  await run(engine, asked.session);
  expect(await run(engine, asked.session)).toMatchObject({ device: "webgpu", values: [32, 48] });
});

test("of itself a large model runs there after the first run, for which nobody waits", async () => {
  const card = new Card();
  const engine = engineWith({ find: () => Promise.resolve(card.graphics()) });
  const { session, deviceReason } = await load(engine, "auto", large(17));
  expect(deviceReason).toBe("WebGPU is tried after the first run");
  const going = Promise.withResolvers<void>();
  card.before = () => going.promise;
  expect(await run(engine, session, [1])).toMatchObject({ device: "wasm" });
  expect(await run(engine, session, [1])).toMatchObject({ device: "wasm" });
  going.resolve();
  await expect.poll(() => engine.status().models[0]?.device).toBe("webgpu");
  await expect.poll(() => card.runs).toBe(2);
  expect(await run(engine, session, [1])).toMatchObject({ device: "webgpu" });
  expect(card.created).toBe(1);
});

test("who asks for WebGPU while a model may be tried there has it from the first run on", async () => {
  const card = new Card();
  const engine = engineWith({ find: () => Promise.resolve(card.graphics()) });
  const waiting = await load(engine, "auto", large(17));
  expect(card.created).toBe(0);
  const asked = await load(engine, "webgpu", large(17));
  expect(card.created).toBe(1);
  expect(await run(engine, asked.session, [1])).toMatchObject({ device: "webgpu" });
  expect(await run(engine, waiting.session, [1])).toMatchObject({ device: "webgpu" });
  expect(card).toMatchObject({ created: 1, runs: 2 });
});

test("of itself a model that is slower there comes back, unless somebody asks for it", async () => {
  const card = new Card();
  let clock = 0;
  card.before = () => Promise.resolve(void (clock += 10));
  const engine = engineWith({ find: () => Promise.resolve(card.graphics()), now: () => clock });
  const { session } = await load(engine, "auto", large(17));
  await run(engine, session, [1]);
  await expect
    .poll(() => engine.status().models[0]?.deviceReason)
    .toBe("WebGPU gave the same answer, but took 10 ms, and 0 ms on the processor");
  await expect.poll(() => card.released).toBe(1);
  const asked = await load(engine, "webgpu", large(17));
  await run(engine, asked.session, [1]);
  expect(await run(engine, asked.session, [1])).toMatchObject({ device: "webgpu" });
});

test("outputs without elements show nothing: the next run is compared", async () => {
  const card = new Card();
  const engine = engineWith({ find: () => Promise.resolve(card.graphics()) });
  const { session } = await load(engine, "webgpu");
  expect(await run(engine, session, [])).toMatchObject({
    values: [],
    device: "wasm",
    deviceReason: "the next run is made on both: there was nothing in the outputs to compare",
  });
  expect(await run(engine, session)).toMatchObject({ device: "webgpu" });
});

test("a run that the model refuses is its own failure, and no reason to leave the graphics processor", async () => {
  const card = new Card();
  const reshape = makeModel({
    inputs: { x: ["float32", ["n"]] },
    outputs: { y: ["float32", ["m"]] },
    nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    weights: { w: { shape: [3], data: Float32Array.of(1, 1, 1) } },
  });
  const engine = engineWith({ find: () => Promise.resolve(card.graphics()) });
  const { session } = await load(engine, "webgpu", reshape);
  await run(engine, session);
  expect(await failure(run(engine, session, [1, 2]))).toMatch(/^invalid: the model failed: /);
  expect(await run(engine, session)).toMatchObject({ device: "webgpu", values: [2, 3, 4] });
});

test("the copy counts in the memory that models take, and goes with the model", async () => {
  const card = new Card();
  const engine = engineWith({ find: () => Promise.resolve(card.graphics()) }, 48 * MIB);
  const first = await load(engine, "webgpu", large(17));
  expect(engine.status().used).toBeGreaterThan(42 * MIB);
  expect(await failure(load(engine, "wasm", large(18)))).toMatch(/^exhausted: /);
  engine.release("a", first.session);
  await load(engine, "auto", large(18));
  await expect.poll(() => card.released).toBe(1);
});
