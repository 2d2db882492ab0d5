/** The page's side of a workspace in the browser's private file system. */
import { openWorkspace, type OpenOptions, type OpenWorkspace, type ServerWorker } from "#core/workspace/host.ts";
import { type OpfsLocation, workspaceLock, workspacesDirectory } from "./opfs-tree.ts";

/**
 * Starts the file server of a document's workspace in `worker`, a fresh worker that runs `runOpfsWorker`.
 * Rejects with `unavailable` if another tab has it open. See OpenWorkspace for the rest.
 */
export function startOpfsWorkspace(
  worker: Worker,
  location: OpfsLocation,
  options: OpenOptions = {},
): Promise<OpenWorkspace> {
  const server: ServerWorker = {
    port: worker,
    terminate: () => worker.terminate(),
    onError(listener) {
      const told = (event: ErrorEvent) => listener(event.message || "the worker did not load");
      worker.addEventListener("error", told);
      return () => worker.removeEventListener("error", told);
    },
  };
  return openWorkspace(server, location, options);
}

/** Deletes a document's files for good. False if a tab has them open. */
export async function removeOpfsWorkspace(document: string): Promise<boolean> {
  return navigator.locks.request(workspaceLock(document), { ifAvailable: true }, async (lock) => {
    if (!lock) return false;
    const directory = await workspacesDirectory();
    try {
      await directory.removeEntry(document, { recursive: true });
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "NotFoundError") throw error;
    }
    return true;
  });
}
