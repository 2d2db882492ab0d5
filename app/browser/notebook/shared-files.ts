/**
 * The page's part in sharing files: while the notebook is shared and this tab has its workspace, the two are kept the
 * same, and what runs waits a moment for files that are on their way. What does it is loaded only then.
 */
import { createEffect, createMemo, createSignal, on, onCleanup } from "solid-js";
import type { Sharing } from "#core/mesh/messages.ts";
import { roleMay } from "#core/mesh/roles.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import { NO_FILES, type SharedFiles } from "#core/notebook/files.ts";
import type { FileSync, FileSyncState } from "#core/workspace/file-sync.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { SharedFilesView } from "#kit/shared-files.ts";

/** So long a run waits for the list of files, and for files of which nothing comes, in milliseconds. */
const PATIENCE = 5000;

export interface SharedFilesOptions {
  readonly client: NotebookClient;
  /** Track. */
  readonly sharing: () => Sharing | undefined;
  readonly workspace: () => Workspace | undefined;
}

/** Begins with sharing, ends with it or with the owner of this. */
export function createSharedFiles({ client, sharing, workspace }: SharedFilesOptions): SharedFilesView {
  const [shared, setShared] = createSignal<SharedFiles>(NO_FILES);
  const [state, setState] = createSignal<FileSyncState>({ coming: [], leftOut: [] });
  const [sync, setSync] = createSignal<FileSync>();
  const isMember = createMemo(() => sharing()?.role !== undefined);
  const mayWrite = createMemo(() => roleMay(sharing()?.role, "edit"));
  const paths = createMemo(() => new Set(shared().files.map(({ path }) => path)));
  const opened = performance.now();

  createEffect(() => {
    const place = workspace();
    if (!isMember() || !place) return;
    let ended = false;
    let started: FileSync | undefined;
    void Promise.all([import("#core/workspace/file-sync.ts"), import("#core/notebook/used-files.ts")]).then(
      ([{ FileSync: Sync }, { usedPaths }]) => {
        if (ended) return;
        const begun = new Sync({
          workspace: place,
          files: client.files,
          uses: () => usedPaths(client.notebook.cells),
          mayWrite,
          changed: () => setState(begun.state),
        });
        started = begun;
        setSync(begun);
        void begun.look();
      },
    );
    const stopFiles = client.files.onChange(() => setShared(client.files.shared));
    const stopCells = client.onChange(({ text, cells, order }) => {
      if (mayWrite() && (text.size > 0 || cells.size > 0 || order)) started?.lookSoon();
    });
    onCleanup(() => {
      ended = true;
      stopFiles();
      stopCells();
      setSync(undefined);
      void started?.close();
    });
  });
  createEffect(on(mayWrite, () => sync()?.lookSoon(), { defer: true }));

  const linked = (): boolean => (sharing()?.linked.length ?? 0) > 0;
  const listIsHere = (): boolean => !isMember() || !linked() || (sharing()?.filesCame ?? false);
  const wait = async (): Promise<void> => {
    await until(listIsHere, () => (performance.now() - opened < PATIENCE ? "wait" : ""));
    await until(
      () => sync() !== undefined || workspace() === undefined,
      () => "loading",
    );
    await sync()?.settled();
    // As long as something comes it is waited for.
    await until(
      () => !linked() || state().coming.length === 0,
      () => state().coming.reduce((sum, { here }) => sum + here, 0),
    );
  };
  let waiting: Promise<void> | undefined;
  return {
    isOn: () => sync() !== undefined,
    mayWrite,
    isShared: (path) => paths().has(path),
    coming: () => state().coming,
    leftOut: () => state().leftOut,
    async share(path) {
      const place = workspace();
      const stat = await place?.stat(path);
      if (!place || stat?.kind !== "file") return;
      const { modified, executable } = stat;
      await client.files.perform({
        type: "put_file",
        path,
        bytes: await place.read(path),
        modified,
        executable,
      });
    },
    withhold: (path) => client.files.perform({ type: "withhold_file", path }),
    arrived() {
      if (!isMember()) return Promise.resolve();
      // One for all who wait, so that they go on in their order.
      waiting ??= wait()
        .catch(() => undefined)
        .finally(() => (waiting = undefined));
      return waiting;
    },
  };
}

/** Resolves when it holds, or when `progress` has been the same for too long. */
function until(holds: () => boolean, progress: () => unknown): Promise<void> {
  return new Promise((resolve) => {
    let [last, since] = [progress(), performance.now()];
    const look = (): void => {
      const now = progress();
      if (now !== last) [last, since] = [now, performance.now()];
      if (holds() || now === "" || performance.now() - since > PATIENCE) resolve();
      else setTimeout(look, 50);
    };
    look();
  });
}

/** What is still to come, in a sentence; undefined when nothing is. */
export function comingSentence(coming: readonly { readonly path: string }[], linked: boolean): string | undefined {
  const [first] = coming;
  if (!first) return undefined;
  const what = coming.length === 1 ? `“${first.path}” is` : `${coming.length} files of this notebook are`;
  return linked
    ? `${what} on the way from the others.`
    : `${what} not here yet: it comes when somebody who has it is connected.`;
}
