/** Models among the files of an open notebook: what its cells trained and exported, or a person put there. */
import type { Workspace } from "#core/workspace/workspace.ts";

/** A model that is a file of the notebook. */
export interface OwnFile {
  readonly path: string;
  readonly size: number;
}

const MODEL = /\.onnx$/i;
const MOST_FOLDERS = 200;
const MOST_FOUND = 50;

/** The files that are models by their name, in the order of their paths; of many the first. */
export async function ownFiles(workspace: Workspace): Promise<readonly OwnFile[]> {
  const found: OwnFile[] = [];
  const ahead = [""];
  for (let looked = 0; ahead.length > 0 && looked < MOST_FOLDERS && found.length < MOST_FOUND; looked++) {
    for (const { path, kind, size } of await workspace.list(ahead.shift() ?? "")) {
      if (kind === "file" && MODEL.test(path)) found.push({ path, size });
      else if (kind === "directory") ahead.push(path);
    }
  }
  return found.sort((left, right) => (left.path < right.path ? -1 : 1)).slice(0, MOST_FOUND);
}
