/** The engine in a worker of a page: onnxruntime-web on WebAssembly and, where it may, WebGPU; its files served by Kroma. */
import * as ort from "onnxruntime-web/wasm";
import type { PortLike } from "#core/base/channel.ts";
import { KromaError } from "#core/base/errors.ts";
import type { FetchedFiles, HubToken } from "#core/store/fetched.ts";
import type { Notes } from "./graphics-place.ts";
import { findGraphics } from "./page-graphics.ts";
import type { Pixels } from "./read-text/pixels.ts";
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
    runsOn: "wasm",
    create: (model, external) =>
      ort.InferenceSession.create(model, {
        executionProviders: ["wasm"],
        ...(external.length > 0 ? { externalData: [...external] } : {}),
      }),
    tensor: (type, data, dims) => new ort.Tensor(type as "float32", data as Float32Array, [...dims]),
  });
}

/** Whatever the browser can show can be read. */
async function decode(bytes: Uint8Array<ArrayBuffer>): Promise<Pixels> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes]));
  } catch (error) {
    throw new KromaError("invalid", "This is no picture that the browser can show.", { cause: error });
  }
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new KromaError("exhausted", "There is not enough memory for this picture.");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

/**
 * Serves the page from this worker. `models` keeps what is fetched from the web, `notes` what was found of models on this device;
 * `onTokens` hears what it signs in with.
 */
export function startPageEngine(
  models: FetchedFiles | undefined,
  notes: Notes,
  onTokens?: (tokens: readonly HubToken[]) => void,
): void {
  startEngine({
    port: self as unknown as PortLike,
    runtime: loadRuntime,
    graphics: (assets) => ({
      find: () => findGraphics(assets, ort.env.versions.web ?? ""),
      notes,
      now: () => performance.now(),
    }),
    decode,
    fetch: (url, signal) => fetch(url, { signal, credentials: "omit" }),
    models,
    onTokens,
  });
}
