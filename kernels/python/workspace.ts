/** Mounts the notebook's shared files at /workspace, or leaves a directory in Python's own memory there. */
import { WORKSPACE_DIRECTORY } from "#core/kernel/kernel.ts";
import { createWorkspaceFs, type EmscriptenFs } from "#core/workspace/emscripten.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import type { Started } from "./interpreter.ts";

/** What is used of Emscripten's FS beyond what the file system itself needs. */
interface MountFs extends EmscriptenFs {
  mkdirTree(path: string): void;
  mount(type: object, options: object, path: string): void;
}

/** True if the shared workspace is there. `interrupted` ends waiting for a file lock. */
export function mountWorkspace(
  { python, wrapFcntl }: Started,
  workspace: SharedArrayBuffer | undefined,
  owner: number | undefined,
  interrupted: () => boolean,
): boolean {
  const FS = python._module.FS as unknown as MountFs;
  FS.mkdirTree(WORKSPACE_DIRECTORY);
  if (workspace === undefined) return false;
  const client = new SyncFs(workspace, owner === undefined ? {} : { owner });
  const files = createWorkspaceFs(FS, client, { interrupted });
  FS.mount(files.type, {}, WORKSPACE_DIRECTORY);
  wrapFcntl((original) => files.fcntl(original, () => python._module.HEAPU8.buffer));
  return true;
}
