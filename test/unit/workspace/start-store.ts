/** Starts a thread with a tree store, for tests. */
import { Worker } from "node:worker_threads";
import { openWorkspace, type OpenWorkspace } from "#core/workspace/host.ts";
import { nodePort } from "#plugins/folder/node-port.node.ts";
import type { StoreLocation } from "./store-thread.ts";

export interface StartedStore {
  readonly open: OpenWorkspace;
  /** Ends the thread as a crash would. */
  kill(): Promise<unknown>;
}

/** `failed` is told of mistakes of the server. */
export async function startStore(
  location: StoreLocation,
  failed: (message: string) => void = (message) => {
    throw new Error(message);
  },
): Promise<StartedStore> {
  const thread = new Worker(new URL("./store-thread.ts", import.meta.url));
  const open = await openWorkspace<StoreLocation>(
    {
      port: nodePort(thread),
      terminate: () => void thread.terminate(),
      onError(listener) {
        const ended = (code: number) => listener(`ended with ${code}`);
        thread.on("exit", ended);
        return () => thread.off("exit", ended);
      },
    },
    location,
    { failed },
  );
  return { open, kill: () => thread.terminate() };
}
