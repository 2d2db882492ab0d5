/** Program of a thread that serves a tree store: on files in a directory, or in memory. */
import { parentPort } from "node:worker_threads";
import { runWorkspaceServer } from "#core/workspace/host.ts";
import { MemoryHandle } from "#core/workspace/storage-handle.ts";
import { TreeStore } from "#core/workspace/tree-store.ts";
import { nodePort } from "#plugins/folder/node-port.node.ts";
import { storeHandles } from "./file-handle.ts";

export interface StoreLocation {
  readonly directory?: string;
  readonly quota?: number;
}

if (!parentPort) throw new Error("This file is the program of a worker thread.");

runWorkspaceServer<StoreLocation>(nodePort(parentPort), async ({ directory, quota }) => {
  const handles = directory
    ? storeHandles(directory)
    : { blocks: new MemoryHandle(), journal: [new MemoryHandle(), new MemoryHandle()] as const };
  const tree = new TreeStore(quota === undefined ? handles : { ...handles, quota });
  return { tree, storage: "memory" };
});
