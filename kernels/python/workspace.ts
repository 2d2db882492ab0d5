/** Mounts the notebook's shared files at /workspace, or leaves a directory in Python's own memory there. */
import { WORKSPACE_DIRECTORY } from "#core/kernel/kernel.ts";
import type { Python } from "./interpreter.ts";

/** True if the shared workspace is there. */
export function mountWorkspace(python: Python, workspace: SharedArrayBuffer | undefined): boolean {
  (python.FS as { mkdirTree(path: string): void }).mkdirTree(WORKSPACE_DIRECTORY);
  return workspace !== undefined && false;
}
