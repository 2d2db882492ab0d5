/**
 * WebGPU (https://www.w3.org/TR/webgpu/) in a worker of a page: the adapter, and onnxruntime-web's program for it. The program is
 * one of the site's files and no part of the worker's, so that nobody loads it who runs nothing by it.
 */
import type * as Ort from "onnxruntime-web";
import { KromaError } from "#core/base/errors.ts";
import type { Graphics, GraphicsRuntime } from "./runtime.ts";

/** What is used of a GPUAdapter and a GPUDevice: the compiler does not know them yet. */
interface Adapter {
  readonly info?: {
    readonly vendor?: string;
    readonly architecture?: string;
    readonly device?: string;
    readonly description?: string;
    readonly isFallbackAdapter?: boolean;
  };
}
interface Device {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
}

/** The graphics processor. Rejects with `unavailable` where there is none; `version` is that of onnxruntime-web. */
export async function findGraphics(assets: string, version: string): Promise<Graphics> {
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<Adapter | null> } };
  if (!gpu) throw new KromaError("unavailable", "This browser has no WebGPU.");
  const adapter = (await gpu.requestAdapter().catch(() => undefined)) ?? undefined;
  if (!adapter) throw new KromaError("unavailable", "WebGPU finds no graphics processor on this device.");
  const {
    vendor = "",
    architecture = "",
    device = "",
    description = "",
    isFallbackAdapter = false,
  } = adapter.info ?? {};
  const name = description || [vendor, architecture].filter((part) => part !== "").join(" ") || "a graphics processor";
  return {
    name,
    key: [`onnxruntime-web ${version}`, vendor, architecture, device, description].join("\n"),
    isSoftware: isFallbackAdapter,
    load: () => loadRuntime(`${assets}onnx-webgpu/`, name),
  };
}

async function loadRuntime(folder: string, name: string): Promise<GraphicsRuntime> {
  let ort: typeof Ort;
  try {
    ort = (await import(/* @vite-ignore */ `${folder}ort.webgpu.min.mjs`)) as typeof Ort;
  } catch (error) {
    throw new KromaError("unavailable", "The part of onnxruntime for WebGPU could not be loaded.", { cause: error });
  }
  const { wasm, versions } = ort.env;
  wasm.wasmPaths = {
    wasm: `${folder}ort-wasm-simd-threaded.asyncify.wasm`,
    mjs: `${folder}ort-wasm-simd-threaded.asyncify.mjs`,
  };
  // What is left to the processor is little: shapes, mostly.
  wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const lost = Promise.withResolvers<string>();
  let isWatched = false;
  return {
    description: `onnxruntime-web ${versions.web ?? ""} (WebGPU, ${name})`,
    runsOn: "webgpu",
    async create(model, external) {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: ["webgpu"],
        // It warns of each model that leaves something to the processor.
        logSeverityLevel: 3,
        ...(external.length > 0 ? { externalData: [...external] } : {}),
      });
      if (!isWatched) {
        isWatched = true;
        const device = (await ort.env.webgpu.device) as Device | undefined;
        void device?.lost.then(({ reason, message }) => lost.resolve(message || reason));
      }
      return session;
    },
    tensor: (type, data, dims) => new ort.Tensor(type as "float32", data as Float32Array, [...dims]),
    lost: lost.promise,
  };
}
