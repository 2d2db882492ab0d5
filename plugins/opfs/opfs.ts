/** The page's side of a workspace in the browser's private file system. */
import { openWorkspace, type OpenOptions, type OpenWorkspace, type ServerWorker } from "#core/workspace/host.ts";
import { OPFS_ROOT, type OpfsKind, type OpfsLocation, storeLock, storesDirectory } from "./opfs-tree.ts";

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
export const removeOpfsWorkspace = (document: string, root = OPFS_ROOT): Promise<boolean> =>
  removeStore("workspace", document, root);

/** Deletes the disk of a document's machine for good. False if a tab has it open. */
export const removeOpfsMachine = (document: string, root = OPFS_ROOT): Promise<boolean> =>
  removeStore("machine", document, root);

/** Bytes that a document's store takes. */
export async function opfsUsage(kind: OpfsKind, document: string, root = OPFS_ROOT): Promise<number> {
  try {
    const directory = await (await storesDirectory(kind, root)).getDirectoryHandle(document);
    let bytes = 0;
    for await (const handle of directory.values()) {
      if (handle.kind === "file") bytes += (await (handle as FileSystemFileHandle).getFile()).size;
    }
    return bytes;
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotFoundError") return 0;
    throw error;
  }
}

async function removeStore(kind: OpfsKind, document: string, root: string): Promise<boolean> {
  const patience = AbortSignal.timeout(PATIENCE);
  try {
    await navigator.locks.request(storeLock(kind, document, root), { signal: patience }, async () => {
      const directory = await storesDirectory(kind, root);
      await directory.removeEntry(document, { recursive: true });
    });
    return true;
  } catch (error) {
    if (patience.aborted) return false;
    if (error instanceof Error && error.name === "NotFoundError") return true;
    throw error;
  }
}
