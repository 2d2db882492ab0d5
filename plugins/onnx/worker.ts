/** The engine's worker program in a page: onnxruntime-web on WebAssembly, its files served by Kroma. */
import * as ort from "onnxruntime-web/wasm";
import type { PortLike } from "#core/base/channel.ts";
import type { Runtime } from "./runtime.ts";
import { startEngine } from "./start-engine.ts";

/** More threads than this gain little and are memory that others want. */
const MOST_THREADS = 8;

/** One core is the page's. Threads need shared memory. */
const threads = (): number =>
  globalThis.crossOriginIsolated ? Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency - 1)) : 1;

function loadRuntime(assets: string): Promise<Runtime> {
  const { wasm, versions } = ort.env;
  wasm.wasmPaths = {
    wasm: `${assets}onnx/ort-wasm-simd-threaded.wasm`,
    mjs: `${assets}onnx/ort-wasm-simd-threaded.mjs`,
  };
  wasm.numThreads = threads();
  ort.env.logLevel = "error";
  return Promise.resolve({
    description: `onnxruntime-web ${versions.web ?? ""} (WebAssembly, ${threads()} thread${threads() === 1 ? "" : "s"})`,
    create: (model, external) =>
      ort.InferenceSession.create(model, {
        executionProviders: ["wasm"],
        ...(external.length > 0 ? { externalData: [...external] } : {}),
      }),
    tensor: (type, data, dims) => new ort.Tensor(type as "float32", data as Float32Array, [...dims]),
  });
}

startEngine({
  port: self as unknown as PortLike,
  runtime: loadRuntime,
  fetch: (url, signal) => fetch(url, { signal, credentials: "omit" }),
});
