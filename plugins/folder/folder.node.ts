/** The workspace of a notebook in Node: the real folder it lies in, served by a thread. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { openWorkspace, type OpenOptions, type OpenWorkspace, type ServerWorker } from "#core/workspace/host.ts";
import { FLAGS } from "#core/workspace/protocol.ts";
import { nodePort } from "./node-port.node.ts";

/**
 * Serves `folder` (it must exist) until `close`. Other programs may change it at any time, so clients keep nothing,
 * and `watch` hears of changes through the workspace only.
 * `.kroma` in it is a private temporary directory, removed at `close` or when the process ends.
 */
export async function startFolderWorkspace(folder: string, options: OpenOptions = {}): Promise<OpenWorkspace> {
  const own = mkdtempSync(join(tmpdir(), "kroma-"));
  const removeOwn = () => {
    process.off("exit", removeOwn);
    rmSync(own, { recursive: true, force: true });
  };
  process.on("exit", removeOwn);
  const flags = (options.flags ?? 0) | FLAGS.doNotCache;
  try {
    const open = await openWorkspace(startThread(), { folder, own }, { ...options, flags });
    return {
      workspace: open.workspace,
      shared: open.shared,
      storage: open.storage,
      get message() {
        return open.message;
      },
      onMessage: (listener) => open.onMessage(listener),
      async close() {
        await open.close();
        removeOwn();
      },
    };
  } catch (error) {
    removeOwn();
    throw error;
  }
}

function startThread(): ServerWorker {
  const thread = new Worker(new URL("./folder-thread.node.ts", import.meta.url));
  return {
    port: nodePort(thread),
    terminate: () => void thread.terminate(),
    onError(listener) {
      const failed = (error: Error) => listener(error.message);
      const ended = (code: number) => listener(`its thread ended with ${code}`);
      thread.on("error", failed);
      thread.on("exit", ended);
      return () => {
        thread.off("error", failed);
        thread.off("exit", ended);
      };
    },
  };
}
