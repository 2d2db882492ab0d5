/** The workspace in the machine: a 9p server, and how the guest mounts it. */
import { NineP } from "#core/workspace/p9.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { type FileServer, noFiles } from "./machine.ts";

/**
 * Options for mounting the workspace. With `mmap` Linux 6.1 caches only what a program has mapped: all else it asks for
 * each time, so that it sees what others write, also behind the store's back (a real folder). With `none` no program could
 * share a mapped file: SQLite's write-ahead log would fail, and leave a database that does not open. `loose` would not see
 * what Python writes.
 */
export const MOUNT_OPTIONS = "trans=virtio,version=9p2000.L,msize=524288,cache=mmap,locktimeout=1";

/** The workspace as a 9p server with the options to mount it, or neither where there is no shared memory. */
export function fileServer(
  workspace: SharedArrayBuffer | undefined,
  owner: number,
): { readonly server: FileServer; readonly options: string | undefined } {
  if (!workspace) return { server: noFiles, options: undefined };
  const nine = new NineP(new SyncFs(workspace, { owner }));
  return {
    server: (request, answer) => answer(nine.handle(request)),
    options: MOUNT_OPTIONS,
  };
}
