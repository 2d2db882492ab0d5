/** Paths and patterns of files as DuckDB gives them, in the workspace. */
import { KromaError } from "#core/base/errors.ts";
import { ERRNO, FsError } from "#core/workspace/errno.ts";
import { isDirectory, type Stat } from "#core/workspace/protocol.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";

const MOST_FILES = 10_000;

/** A path relative to the workspace's root; DuckDB's working directory is the root. Throws for what lies outside. */
export function workspacePath(path: string): string {
  if (/^[a-z][a-z\d+.-]+:\/\//i.test(path)) {
    throw new KromaError("denied", `SQL cells read files of the workspace. Fetch ${path} into a file first.`);
  }
  const names: string[] = [];
  const inside = path.replace(/^\/workspace(?=\/|$)/, "");
  for (const name of inside.split("/")) {
    if (name === "..") {
      if (names.pop() === undefined) throw new KromaError("denied", `${path} lies outside of the workspace.`);
    } else if (name !== "" && name !== ".") names.push(name);
  }
  return names.join("/");
}

/** What is at a path; undefined also for what would lie below a file, as the tables of an SQLite file do in their names. */
export function statOf(files: SyncFs, path: string): Stat | undefined {
  try {
    return files.resolve(path);
  } catch (error) {
    if (error instanceof FsError && error.errno === ERRNO.ENOTDIR) return undefined;
    throw error;
  }
}

/** The files that a pattern names, in order; `*`, `?`, `[…]` are within a name, `**` is any directories. */
export function globFiles(files: SyncFs, pattern: string): readonly string[] {
  const path = workspacePath(pattern);
  if (!/[*?[]/.test(path)) {
    const stat = statOf(files, path);
    return stat && !isDirectory(stat) ? [path] : [];
  }
  const found: string[] = [];
  walk(files, "", path.split("/"), found);
  return [...new Set(found)].sort();
}

function walk(files: SyncFs, directory: string, pattern: readonly string[], found: string[]): void {
  const [first, ...rest] = pattern;
  if (first === undefined) return;
  if (first === "**") walk(files, directory, rest, found);
  for (const entry of files.list(directory)) {
    if (found.length >= MOST_FILES) throw new KromaError("exhausted", `The pattern names over ${MOST_FILES} files.`);
    // The notebook's own folder, and what is hidden, are named or left alone.
    if (entry.name.startsWith(".") && !first.startsWith(".")) continue;
    const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
    if (first === "**") {
      if (isDirectory(entry)) walk(files, path, pattern, found);
      else if (rest.length === 0) found.push(path);
    } else if (segment(first).test(entry.name)) {
      if (rest.length === 0 && !isDirectory(entry)) found.push(path);
      else if (rest.length > 0 && isDirectory(entry)) walk(files, path, rest, found);
    }
  }
}

function segment(pattern: string): RegExp {
  const source = pattern.replaceAll(/\[!?[^\]]+\]|[*?]|[^*?]/g, (part) => {
    if (part === "*") return ".*";
    if (part === "?") return ".";
    if (part.length > 1) return part.replace("[!", "[^").replaceAll("\\", "\\\\");
    return part.replace(/[\\^$.|+()[\]{}]/, "\\$&");
  });
  return new RegExp(`^${source}$`, "su");
}
