/** What the engine's worker does at its start, the same in a page's worker and in a thread of Node. */
import { portChannel, type PortLike } from "#core/base/channel.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { Engine } from "./engine.ts";
import { type EngineInit, engineMethods, type FromEngine, serveEngine, type ToEngine } from "./requests.ts";
import type { Runtime } from "./runtime.ts";
import { ModelSources } from "./sources.ts";

const GIB = 1024 ** 3;

export interface EnginePlace {
  readonly port: PortLike;
  /** Loads onnxruntime; `assets` is the URL of the shipped files. */
  readonly runtime: (assets: string) => Promise<Runtime>;
  readonly fetch: (url: string, signal: AbortSignal) => Promise<Response>;
  /** Bytes that models may take; memory of WebAssembly ends at 4 GiB. */
  readonly budget?: number;
}

/** Waits for the EngineInit and serves from then on. */
export function startEngine({ port, runtime, fetch, budget = 2 * GIB }: EnginePlace): void {
  const channel = portChannel<EngineInit | ToEngine, FromEngine>(port);
  const stop = channel.receive((message) => {
    if (message.type !== "init") return;
    stop();
    const { assets, workspace } = message;
    let files: SyncFs | undefined;
    const connect = (): SyncFs | undefined => (files ??= workspace && new SyncFs(workspace));
    let loaded: Promise<Runtime> | undefined;
    const engine = new Engine({
      runtime: () => (loaded ??= runtime(assets)),
      sources: new ModelSources({
        files: connect,
        asset: (path) => new URL(path, assets).href,
        fetch,
        largest: budget,
      }),
      budget,
      breathe: () => new Promise((resolve) => setTimeout(resolve, 0)),
    });
    serveEngine(channel as never, engineMethods(engine), (client) => engine.leave(client));
  });
}
