/** Pipelines in a thread of Node: transformers.js on onnxruntime-node, pictures by sharp. */
import type { PortLike } from "#core/base/channel.ts";
import type { FetchedFiles, HubToken } from "#core/store/fetched.ts";
import type { Library } from "./library.ts";
import { startPipelines } from "./start-pipelines.ts";

/** Serves the process from this thread. `models` keeps what is fetched from the web. */
export function startThreadPipelines(
  models: Pick<FetchedFiles, "get" | "list" | "addPart">,
  onTokens?: (tokens: readonly HubToken[]) => void,
): void {
  startPipelines({
    port: globalThis as unknown as PortLike,
    library: async () => (await import("@huggingface/transformers")) as unknown as Library,
    models,
    onTokens,
  });
}
