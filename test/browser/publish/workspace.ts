/** A workspace of files in memory: as much of it as publishing and opening need. */
import { KromaError } from "#core/base/errors.ts";
import type { FileStat, Workspace } from "#core/workspace/workspace.ts";

/** A workspace with these files, and the files themselves. */
export function workspaceOf(given: Readonly<Record<string, string | Uint8Array>>): Workspace & {
  readonly files: Map<string, Uint8Array>;
} {
  const files = new Map(
    Object.entries(given).map(([path, content]) => [
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    ]),
  );
  const statOf = (path: string): FileStat | undefined => {
    const bytes = files.get(path);
    if (bytes) return { path, kind: "file", size: bytes.length, modified: 0, executable: false };
    const isFolder = path === "" || [...files.keys()].some((file) => file.startsWith(`${path}/`));
    return isFolder ? { path, kind: "directory", size: 0, modified: 0, executable: false } : undefined;
  };
  const missing = (path: string): KromaError => new KromaError("missing", `There is no ${path}.`);
  return {
    files,
    stat: async (path) => statOf(path),
    async list(path) {
      const start = path === "" ? "" : `${path}/`;
      const names = [...files.keys()]
        .filter((file) => file.startsWith(start))
        .map((file) => `${start}${file.slice(start.length).split("/", 1)[0]}`);
      return [...new Set(names)].flatMap((name) => (name === ".kroma" ? [] : (statOf(name) ?? [])));
    },
    async read(path, part) {
      const bytes = files.get(path);
      if (!bytes) throw missing(path);
      return part ? bytes.slice(part.offset, part.offset + part.length) : bytes.slice();
    },
    async write(path, bytes) {
      files.set(path, bytes.slice());
    },
    makeDirectory: async () => undefined,
    async rename(from, to) {
      const bytes = files.get(from);
      if (!bytes) throw missing(from);
      files.delete(from);
      files.set(to, bytes);
    },
    async remove(path) {
      files.delete(path);
    },
    watch: () => () => undefined,
    usage: async () => ({ used: 0, quota: undefined }),
    flush: async () => undefined,
  };
}
