/** The tree of the files panel as plain data: which directories are open, what is in them, one flat list of rows. */
import type { FileStat, Workspace } from "#core/workspace/workspace.ts";

export interface Row {
  readonly stat: FileStat;
  readonly name: string;
  readonly depth: number;
}

/** All rows that show, directories before files, by name. */
export async function readRows(
  workspace: Workspace,
  open: ReadonlySet<string>,
  path = "",
  depth = 0,
): Promise<readonly Row[]> {
  const children = [...(await workspace.list(path))].sort(
    (a, b) =>
      Number(b.kind === "directory") - Number(a.kind === "directory") ||
      a.path.localeCompare(b.path, undefined, { numeric: true }),
  );
  const rows: Row[] = [];
  for (const stat of children) {
    rows.push({ stat, name: stat.path.split("/").at(-1) ?? stat.path, depth });
    if (stat.kind === "directory" && open.has(stat.path))
      rows.push(...(await readRows(workspace, open, stat.path, depth + 1)));
  }
  return rows;
}

/** The directory that holds a path; "" at the top. */
export function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

/** A path in a directory. */
export function inFolder(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** A name not taken in the directory: "a.csv", "a 2.csv", … */
export async function freeName(workspace: Workspace, folder: string, name: string): Promise<string> {
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let number = 1; ; number++) {
    const path = inFolder(folder, number === 1 ? name : `${stem} ${number}${ending}`);
    if (!(await workspace.stat(path))) return path;
  }
}

/** Puts files of this computer into a directory, under names that are free. */
export async function uploadFiles(workspace: Workspace, folder: string, files: readonly File[]): Promise<void> {
  for (const file of files)
    await workspace.write(await freeName(workspace, folder, file.name), new Uint8Array(await file.arrayBuffer()));
}
