/** The notebook's files: the same tree that cells see. Upload, download, rename, delete with undo, live as cells write. */
import { For, Show, createEffect, createSignal, on, onCleanup, type JSX } from "solid-js";
import type { Workspace } from "#core/workspace/workspace.ts";
import { Icon } from "#kit/icon.tsx";
import type { PanelProps } from "#kit/panels.ts";
import { fileSize } from "#kit/file-size.ts";
import { NO_SHARED_FILES, type SharedFilesView } from "#kit/shared-files.ts";
import { pickFiles } from "../library/import-files.ts";
import { FileRow } from "./file-row.tsx";
import { folderOf, freeName, inFolder, readRows, uploadFiles, type Row } from "./file-tree.ts";
import { FileView } from "./file-view.tsx";
import { SharedFilesState } from "./shared-files-state.tsx";

/** Deleted files wait here for their undo. */
const BIN = ".kroma/bin";

export function FilesPanel(props: PanelProps): JSX.Element {
  return (
    <Show
      when={props.workspace}
      keyed
      fallback={
        <p class="quiet panel-empty">
          Files are being opened. If nothing appears, this tab cannot reach them: another tab has them, or this browser
          gives pages no shared memory.
        </p>
      }
    >
      {(workspace) => <Files {...props} workspace={workspace} />}
    </Show>
  );
}

function Files(props: PanelProps & { readonly workspace: Workspace }): JSX.Element {
  const { workspace } = props;
  const { page } = props.context;
  const [rows, setRows] = createSignal<readonly Row[]>([]);
  const [open, setOpen] = createSignal<ReadonlySet<string>>(new Set());
  const [renaming, setRenaming] = createSignal<string>();
  const [viewing, setViewing] = createSignal<string>();
  const [usage, setUsage] = createSignal("");
  const [over, setOver] = createSignal(false);
  let panel: HTMLDivElement | undefined;
  let latest: Promise<void> = Promise.resolve();
  /** Shows what is there now. Ends when that shows, also when another reading overtook this one. */
  const refresh = (): Promise<void> => {
    const mine: Promise<void> = read(() => mine === latest);
    latest = mine;
    return mine;
  };
  const read = async (isLatest: () => boolean): Promise<void> => {
    try {
      const [list, { used, quota }] = await Promise.all([readRows(workspace, open()), workspace.usage()]);
      if (!isLatest()) return await latest;
      const known = new Map(rows().map((row) => [row.stat.path, row] as const));
      // Rows that did not change stay the same objects, so that the list keeps its elements and the focus.
      setRows(
        list.map((row) => {
          const old = known.get(row.stat.path);
          return old &&
            old.depth === row.depth &&
            old.stat.size === row.stat.size &&
            old.stat.modified === row.stat.modified &&
            old.stat.kind === row.stat.kind
            ? old
            : row;
        }),
      );
      setUsage(`${fileSize(used)} used${quota === undefined ? "" : ` of ${fileSize(quota)}`}`);
    } catch (error) {
      page.toast(`Files cannot be listed: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  createEffect(on(open, () => void refresh()));
  onCleanup(workspace.watch(() => void refresh()));

  /** Does something to the files; says what went wrong. */
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      page.toast(`${what} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
    await refresh();
  };
  const upload = (folder: string, files: readonly File[]): Promise<void> =>
    attempt("Upload", async () => {
      await uploadFiles(workspace, folder, files);
      if (files.length > 0)
        page.announce(files.length === 1 ? `${files[0]?.name} uploaded` : `${files.length} files uploaded`);
    });
  /** Gives the focus to a row, or to the panel's first button, unless someone took it elsewhere meanwhile. */
  const focusRow = (path: string | undefined): void => {
    const has = document.activeElement;
    if (has !== null && has !== document.body && !panel?.contains(has)) return;
    const row = path === undefined ? undefined : panel?.querySelector(`[data-path="${CSS.escape(path)}"] .file-name`);
    ((row ?? panel?.querySelector("button")) as HTMLElement | undefined)?.focus();
  };
  /** Up and down through the rows; right opens a folder, left closes it or goes to the one it is in. */
  const step = (event: KeyboardEvent): void => {
    const row = (event.target as Element).closest<HTMLElement>(".file-name")?.closest<HTMLElement>("[data-path]");
    const path = row?.dataset["path"];
    if (path === undefined) return;
    const all = rows();
    const at = all.findIndex((item) => item.stat.path === path);
    const isFolder = all[at]?.stat.kind === "directory";
    if (event.key === "ArrowDown") focusRow(all[Math.min(at + 1, all.length - 1)]?.stat.path);
    else if (event.key === "ArrowUp") focusRow(all[Math.max(at - 1, 0)]?.stat.path);
    else if (event.key === "Home") focusRow(all[0]?.stat.path);
    else if (event.key === "End") focusRow(all.at(-1)?.stat.path);
    else if (event.key === "ArrowRight" && isFolder && !open().has(path)) toggle(path);
    else if (event.key === "ArrowLeft" && open().has(path)) toggle(path);
    else if (event.key === "ArrowLeft" && folderOf(path) !== "") focusRow(folderOf(path));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const remove = async (path: string): Promise<void> => {
    const isInside = (row: Row): boolean => row.stat.path === path || row.stat.path.startsWith(`${path}/`);
    const at = rows().findIndex(isInside);
    const rest = rows().filter((row) => !isInside(row));
    await moveToBin(path);
    focusRow((rest[at] ?? rest.at(-1))?.stat.path);
  };
  const moveToBin = (path: string): Promise<void> =>
    attempt("Delete", async () => {
      const kept = `${BIN}/${Date.now()}-${path.split("/").at(-1)}`;
      await workspace.makeDirectory(BIN);
      await workspace.rename(path, kept);
      page.toast(`“${path}” is deleted.`, {
        label: "Undo",
        run: () => {
          let back = path;
          void attempt("Undo", async () => {
            back = await freeName(workspace, folderOf(path), path.split("/").at(-1) ?? path);
            await workspace.rename(kept, back);
          }).then(() => focusRow(back));
        },
      });
    });
  const download = (row: Row): Promise<void> =>
    attempt("Download", async () => {
      if (row.stat.kind === "directory") await downloadZip(row.stat.path, `${row.name}.zip`);
      else page.download(row.name, await workspace.read(row.stat.path), "application/octet-stream");
    });
  const downloadZip = async (path: string, name: string): Promise<void> => {
    const { zipWorkspace } = await import("#plugins/archive/zip.ts");
    const bytes = await zipWorkspace(workspace, path);
    page.download(name, bytes, "application/zip");
  };
  const rename = (row: Row, name: string): Promise<void> =>
    attempt("Rename", async () => {
      const to = inFolder(folderOf(row.stat.path), name);
      if (name.includes("/")) throw new Error("a name has no slash in it");
      if (await workspace.stat(to)) throw new Error(`there is a “${name}” already`);
      await workspace.rename(row.stat.path, to);
    });
  const make = (kind: "file" | "folder"): Promise<void> =>
    attempt(`New ${kind}`, async () => {
      const path = await freeName(workspace, "", kind === "file" ? "untitled.txt" : "folder");
      if (kind === "file") await workspace.write(path, new Uint8Array());
      else await workspace.makeDirectory(path);
      await refresh();
      setRenaming(path);
    });
  const sharedFiles = (): SharedFilesView | undefined => props.context.view?.sharedFiles;
  /** What can be done about who has a file. */
  const sharingOf = ({ stat: { kind, path } }: Row): { label: string; run: () => void } | undefined => {
    const shared = sharedFiles();
    if (kind !== "file" || !shared?.isOn() || !shared.mayWrite()) return undefined;
    return shared.isShared(path)
      ? { label: "Stop sharing", run: () => void attempt("Taking it out", () => shared.withhold(path)) }
      : { label: "Share with the others", run: () => void attempt("Sharing", () => shared.share(path)) };
  };
  const toggle = (path: string): void => {
    const next = new Set(open());
    if (!next.delete(path)) next.add(path);
    setOpen(next);
  };
  return (
    <div
      ref={(element) => (panel = element)}
      class={over() ? "drop-target" : ""}
      onKeyDown={step}
      onDragOver={(event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void upload("", [...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <div class="files-bar" role="toolbar" aria-label="Files">
        <button
          type="button"
          class="button icon-only"
          aria-label="Upload files"
          title="Upload files"
          onClick={() => void pickFiles("").then((files) => upload("", files))}
        >
          <Icon name="upload" />
        </button>
        <button
          type="button"
          class="button icon-only"
          aria-label="New file"
          title="New file"
          onClick={() => void make("file")}
        >
          <Icon name="file" />
        </button>
        <button
          type="button"
          class="button icon-only"
          aria-label="New folder"
          title="New folder"
          onClick={() => void make("folder")}
        >
          <Icon name="folder" />
        </button>
        <button
          type="button"
          class="button icon-only"
          aria-label="Download all as zip"
          title="Download all as zip"
          onClick={() => void attempt("Download", () => downloadZip("", "files.zip"))}
        >
          <Icon name="download" />
        </button>
      </div>
      <Show
        when={rows().length > 0}
        fallback={
          <p class="quiet panel-empty">
            No files yet. Upload or drop some here, or let a cell write one: it stands in /workspace for every language.
          </p>
        }
      >
        <ul class="files" aria-label="Files of this notebook">
          <For each={rows()}>
            {(row) => (
              <FileRow
                row={row}
                open={open().has(row.stat.path)}
                renaming={renaming() === row.stat.path}
                shared={sharedFiles()?.isShared(row.stat.path) ?? false}
                sharing={sharingOf(row)}
                onOpen={() => (row.stat.kind === "directory" ? toggle(row.stat.path) : setViewing(row.stat.path))}
                onRename={async (name, byKey) => {
                  setRenaming(undefined);
                  if (name !== undefined) await rename(row, name);
                  const to = name === undefined ? row.stat.path : inFolder(folderOf(row.stat.path), name);
                  if (byKey) focusRow(rows().some((item) => item.stat.path === to) ? to : row.stat.path);
                }}
                onStartRename={() => setRenaming(row.stat.path)}
                onDownload={() => void download(row)}
                onRemove={() => void remove(row.stat.path)}
                onDropFiles={(files) =>
                  void upload(row.stat.kind === "directory" ? row.stat.path : folderOf(row.stat.path), files)
                }
              />
            )}
          </For>
        </ul>
      </Show>
      <Show when={sharedFiles()?.isOn()}>
        <SharedFilesState shared={sharedFiles() ?? NO_SHARED_FILES} />
      </Show>
      <p class="quiet files-usage">{usage()}</p>
      <Show when={viewing()} keyed>
        {(path) => <FileView path={path} workspace={workspace} page={page} onClose={() => setViewing(undefined)} />}
      </Show>
    </div>
  );
}
