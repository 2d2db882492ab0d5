/** Pipelines in a worker of a page: transformers.js on the onnxruntime-web that Kroma serves, and nothing from elsewhere. */
import * as ort from "onnxruntime-web/wasm";
import type { PortLike } from "#core/base/channel.ts";
import type { FetchedFiles, HubToken } from "#core/store/fetched.ts";
import type { Library } from "./library.ts";
import { startPipelines } from "./start-pipelines.ts";

/** More threads than this gain little and are memory that others want. */
const MOST_THREADS = 8;

async function loadLibrary(assets: string): Promise<Library> {
  const { wasm } = ort.env;
  // Before the library looks: it would name a public server otherwise.
  wasm.wasmPaths = {
    wasm: `${assets}onnx/ort-wasm-simd-threaded.wasm`,
    mjs: `${assets}onnx/ort-wasm-simd-threaded.mjs`,
  };
  const cores = Math.min(MOST_THREADS, navigator.hardwareConcurrency - 1);
  wasm.numThreads = globalThis.crossOriginIsolated ? Math.max(1, cores) : 1;
  return (await import("@huggingface/transformers")) as unknown as Library;
}

/** Serves the page from this worker. `models` keeps what is fetched from the web. */
export function startPagePipelines(
  models: Pick<FetchedFiles, "get" | "list" | "addPart">,
  onTokens?: (tokens: readonly HubToken[]) => void,
): void {
  startPipelines({ port: self as unknown as PortLike, library: loadLibrary, models, onTokens });
}
