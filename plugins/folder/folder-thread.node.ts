/** The thread that serves a real folder: program of the worker that folder.node.ts starts. */
import { parentPort } from "node:worker_threads";
import { runWorkspaceServer } from "#core/workspace/host.ts";
import { FolderTree } from "./folder-tree.node.ts";
import { nodePort } from "./node-port.node.ts";

/** What the thread is told to serve: a folder, and the directory that stands for its `.kroma`. */
export interface FolderLocation {
  readonly folder: string;
  readonly own: string;
}

if (!parentPort) throw new Error("This file is the program of a worker thread.");

runWorkspaceServer<FolderLocation>(nodePort(parentPort), async ({ folder, own }) => ({
  tree: new FolderTree(folder, own),
  storage: "folder",
}));
