/** What of a notebook can be published: itself with its outputs, files of its workspace, and what looks like a secret in them. */
import type { ModelName } from "#core/artefact/kept-models.ts";
import { NOTEBOOK_PATH } from "#core/artefact/manifest.ts";
import {
  notebookParts,
  type PlacedSuspicion,
  secretsInFile,
  secretsInNotebook,
} from "#core/artefact/notebook-parts.ts";
import { textOf } from "#core/artefact/secrets.ts";
import { type FileTree, usedFiles } from "#core/artefact/used-files.ts";
import { usedModels } from "#core/artefact/used-models.ts";
import { readFile } from "#core/notebook/formats.ts";
import type { Notebook } from "#core/notebook/model.ts";
import type { Workspace } from "#core/workspace/workspace.ts";

/** A file that may go in. */
export interface Candidate {
  readonly path: string;
  readonly size: number;
  /** Unix time in milliseconds. */
  readonly modified: number;
  /** A cell names it. */
  readonly isUsed: boolean;
}

/** All that there is to publish. */
export interface Content {
  /** As the file that is published says it, which is what is shown and scanned. */
  readonly notebook: Notebook;
  /** The .ipynb file. */
  readonly bytes: Uint8Array;
  readonly files: readonly Candidate[];
  /** Models that its cells load by their CID. */
  readonly models: readonly ModelName[];
  /** There are more files than are listed. */
  readonly hasMore: boolean;
}

/** A text of more bytes is not looked through for paths. */
const MOST_TEXT = 2 ** 20;
/** Nor is more than this for secrets: beyond, data is what it is. */
const MOST_SCANNED = 8 * 2 ** 20;
const MOST_LISTED = 500;

/** What there is to publish of the file of a notebook and its workspace. */
export async function collect(exported: Uint8Array, workspace: Workspace | undefined): Promise<Content> {
  const { notebook } = readFile(NOTEBOOK_PATH, exported);
  const [file] = notebookParts(notebook, [], { authors: [], licence: "" }).content;
  const bytes = file?.content instanceof Uint8Array ? file.content : exported;
  const models = usedModels(notebook.cells);
  if (!workspace) return { notebook, bytes, files: [], models, hasMore: false };
  const tree = treeOf(workspace);
  const used = new Set(await usedFiles(notebook.cells, tree));
  const all = await tree.list("", MOST_LISTED);
  const paths = [...used, ...all.filter((path) => !used.has(path))];
  const files = await Promise.all(
    paths.map(async (path) => {
      const { size = 0, modified = 0 } = (await workspace.stat(path)) ?? {};
      return { path, size, modified, isUsed: used.has(path) };
    }),
  );
  return { notebook, bytes, files, models, hasMore: all.length >= MOST_LISTED };
}

/** What looks like a secret in what is about to be published. */
export async function suspicions(
  notebook: Notebook,
  files: readonly Candidate[],
  workspace: Workspace | undefined,
): Promise<readonly PlacedSuspicion[]> {
  const found = [...secretsInNotebook(notebook)];
  for (const { path, size } of files) {
    const bytes = size > MOST_SCANNED || !workspace ? new Uint8Array() : await workspace.read(path);
    found.push(...secretsInFile(path, bytes));
  }
  return found;
}

function treeOf(workspace: Workspace): FileTree {
  const isMeant = (path: string): boolean => {
    const name = path.split("/").at(-1) ?? "";
    // What an editor or a program keeps for itself is not meant by naming the folder.
    return !name.startsWith(".") && name !== "__pycache__" && name !== "node_modules";
  };
  const tree: FileTree = {
    async kind(path) {
      const kind = (await workspace.stat(path))?.kind;
      return kind === "file" ? "file" : kind === "directory" ? "folder" : undefined;
    },
    async list(folder, most) {
      const found: string[] = [];
      const entries = [...(await workspace.list(folder))].sort((a, b) => (a.path < b.path ? -1 : 1));
      for (const { path, kind } of entries) {
        if (found.length >= most || !isMeant(path)) continue;
        if (kind === "file") found.push(path);
        if (kind === "directory") found.push(...(await tree.list(path, most - found.length)));
      }
      return found;
    },
    async text(path) {
      const stat = await workspace.stat(path);
      if (stat?.kind !== "file" || stat.size > MOST_TEXT) return undefined;
      return textOf(await workspace.read(path));
    },
  };
  return tree;
}
