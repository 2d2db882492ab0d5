/** The engine in a thread of Node: onnxruntime-node. A run of it blocks its thread, so it has one of its own. */
import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import type { PortLike } from "#core/base/channel.ts";
import type { FetchedFiles, HubToken } from "#core/store/fetched.ts";
import type { Pixels } from "./read-text/pixels.ts";
import { decodePng } from "./read-text/png.ts";
import type { Runtime } from "./runtime.ts";
import { startEngine } from "./start-engine.ts";

const threads = Math.max(1, availableParallelism() - 1);

function loadRuntime(): Promise<Runtime> {
  return Promise.resolve({
    description: `onnxruntime-node ${ort.env.versions.node ?? ""} (${threads} thread${threads === 1 ? "" : "s"})`,
    runsOn: "cpu",
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

/** Node has no decoder of pictures: PNG is read by code of ours, JPEG by a package that is loaded when one comes. */
async function decode(bytes: Uint8Array<ArrayBuffer>): Promise<Pixels> {
  if (bytes[0] !== 0xff) return decodePng(bytes);
  const { decodeJpeg } = await import("./read-text/jpeg.ts");
  return decodeJpeg(bytes);
}

/** Serves the process from this thread. `models` keeps what is fetched from the web; `onTokens` hears what it signs in with. */
export function startThreadEngine(models: FetchedFiles, onTokens?: (tokens: readonly HubToken[]) => void): void {
  startEngine({
    port: globalThis as unknown as PortLike,
    runtime: loadRuntime,
    decode,
    fetch: (url, signal) => fetch(url, { signal }),
    models,
    onTokens,
  });
}
