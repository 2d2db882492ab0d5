/** The workspace of an open notebook as the page needs it: opening, there, or not to be had; and what is wrong with it. */
import { createSignal } from "solid-js";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { OpenWorkspace } from "#core/workspace/host.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import { startOpfsWorkspace } from "#plugins/opfs/opfs.ts";
import { storagePlace } from "#plugins/indexeddb/place.ts";

export interface WorkspaceLink {
  /** What kernels are given, once the server is up. */
  readonly memory: () => SharedArrayBuffer | undefined;
  /** The client once the server is up; tracks. */
  readonly workspace: () => Workspace | undefined;
  /** The client, or undefined when there is none; never rejects. */
  readonly ready: Promise<Workspace | undefined>;
  /** What is wrong with the files at present, a sentence; tracks. */
  readonly trouble: () => string | undefined;
  close(): void;
}

/** Starts the file server of a notebook. Where there is no shared memory, there is none, and that is no trouble here. */
export function openWorkspaceLink(document: DocumentId): WorkspaceLink {
  const [workspace, setWorkspace] = createSignal<Workspace>();
  const [trouble, setTrouble] = createSignal<string>();
  let opened: OpenWorkspace | undefined;
  let closed = false;
  const open = async (): Promise<Workspace | undefined> => {
    if (typeof SharedArrayBuffer !== "function" || !crossOriginIsolated) return undefined;
    try {
      const worker = new Worker(new URL("./workspace.worker.ts", import.meta.url), {
        type: "module",
        name: "kroma-workspace",
      });
      opened = await startOpfsWorkspace(worker, { document, root: await storagePlace() });
      if (closed) {
        await opened.close();
        return undefined;
      }
      setTrouble(opened.message);
      opened.onMessage(setTrouble);
      setWorkspace(opened.workspace);
      return opened.workspace;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      setTrouble(
        error instanceof KromaError ? reason : `Files cannot be reached here (${reason}). The notebook itself is kept.`,
      );
      return undefined;
    }
  };
  return {
    memory: () => (closed ? undefined : opened?.shared),
    workspace,
    ready: open(),
    trouble,
    close() {
      closed = true;
      void opened?.close();
    },
  };
}
