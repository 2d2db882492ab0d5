/** The engine in a thread of Node: onnxruntime-node. A run of it blocks its thread, so it has one of its own. */
import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import type { PortLike } from "#core/base/channel.ts";
import type { FetchedFiles } from "#core/store/fetched.ts";
import { decodePng } from "./read-text/png.ts";
import type { Runtime } from "./runtime.ts";
import { startEngine } from "./start-engine.ts";

const threads = Math.max(1, availableParallelism() - 1);

function loadRuntime(): Promise<Runtime> {
  return Promise.resolve({
    description: `onnxruntime-node ${ort.env.versions.node ?? ""} (${threads} thread${threads === 1 ? "" : "s"})`,
    create: (model, external) =>
      ort.InferenceSession.create(model, {
        executionProviders: ["cpu"],
        intraOpNumThreads: threads,
        logSeverityLevel: 4,
        ...(external.length > 0 ? { externalData: [...external] } : {}),
      }),
    tensor: (type, data, dims) => new ort.Tensor(type as "float32", data as Float32Array, [...dims]),
  });
}

/** Serves the process from this thread. `models` keeps what is fetched from the web. */
export function startThreadEngine(models: FetchedFiles): void {
  startEngine({
    port: globalThis as unknown as PortLike,
    runtime: loadRuntime,
    decode: async (bytes) => decodePng(bytes),
    fetch: (url, signal) => fetch(url, { signal }),
    models,
  });
}
