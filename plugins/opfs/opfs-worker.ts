/** The body of the file worker; app/browser/workspace.worker.ts calls it. */
import type { PortLike } from "#core/base/channel.ts";
import { runWorkspaceServer } from "#core/workspace/host.ts";
import { openOpfsTree, type OpfsLocation } from "./opfs-tree.ts";

/** Serves the workspace that the first message names. */
export function runOpfsWorker(port: PortLike): void {
  runWorkspaceServer<OpfsLocation>(port, openOpfsTree);
}
