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

/** How long a worker that was just ended may hold on to its workspace, in milliseconds. */
const PATIENCE = 1000;

/** Deletes a document's files for good. False if a tab has them open. */
export async function removeOpfsWorkspace(document: string): Promise<boolean> {
  const patience = AbortSignal.timeout(PATIENCE);
  try {
    await navigator.locks.request(workspaceLock(document), { signal: patience }, async () => {
      const directory = await workspacesDirectory();
      await directory.removeEntry(document, { recursive: true });
    });
    return true;
  } catch (error) {
    if (patience.aborted) return false;
    if (error instanceof Error && error.name === "NotFoundError") return true;
    throw error;
  }
}
