/** The workspace in the machine: a 9p server, and how the guest mounts it. */
import { NineP } from "#core/workspace/p9.ts";
import { FLAGS, HEADER, headerOf } from "#core/workspace/protocol.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { type FileServer, noFiles } from "./machine.ts";

/**
 * Options for mounting the workspace. Files that others change behind the store's back (a real folder) may not be cached
 * at all; else `mmap` is coherent and lets programs map files. `loose` would not see what Python writes.
 */
export function mountOptions(changed: "alone" | "by others"): string {
  return `trans=virtio,version=9p2000.L,msize=524288,cache=${changed === "alone" ? "mmap" : "none"},locktimeout=1`;
}

/** The workspace as a 9p server with the options to mount it, or neither where there is no shared memory. */
export function fileServer(
  workspace: SharedArrayBuffer | undefined,
  owner: number,
): { readonly server: FileServer; readonly options: string | undefined } {
  if (!workspace) return { server: noFiles, options: undefined };
  const changedByOthers = ((headerOf(workspace)[HEADER.flags] ?? 0) & FLAGS.doNotCache) !== 0;
  const nine = new NineP(new SyncFs(workspace, { owner }));
  return {
    server: (request, answer) => answer(nine.handle(request)),
    options: mountOptions(changedByOthers ? "by others" : "alone"),
  };
}
