/** `kroma.files`: the workspace as cells see it. Paths are relative to /workspace; every call answers at once. */
import { isDirectory, isSymlink, type Stat } from "#core/workspace/protocol.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";

/** What is known of a file. */
export interface FileInfo {
  readonly path: string;
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink";
  readonly size: number;
  readonly modified: Date;
}

/** The verbs of `kroma.files`; `promises` has the same, answering later. */
export interface CellFiles {
  read(path: string): Uint8Array<ArrayBuffer>;
  readText(path: string): string;
  readJson(path: string): unknown;
  /** Makes missing directories. Objects that are no bytes are written as JSON. */
  write(path: string, content: string | ArrayBuffer | ArrayBufferView | object): void;
  append(path: string, content: string | Uint8Array): void;
  list(path?: string): FileInfo[];
  stat(path: string): FileInfo | undefined;
  exists(path: string): boolean;
  remove(path: string): void;
  rename(from: string, to: string): void;
  makeDirectory(path: string): void;
}

/** A path of a cell's, relative to the workspace's root. */
export function workspacePath(path: string): string {
  const text = String(path);
  const names: string[] = [];
  for (const part of (text.startsWith("/") ? text : `/workspace/${text}`).split("/")) {
    if (part === "..") names.pop();
    else if (part !== "" && part !== ".") names.push(part);
  }
  if (names.shift() !== "workspace")
    throw new Error(`${text} lies outside of /workspace, which is all that TypeScript cells can reach`);
  return names.join("/");
}

function info(path: string, stat: Pick<Stat, "mode" | "size" | "modified">): FileInfo {
  return {
    path,
    name: path.slice(path.lastIndexOf("/") + 1),
    kind: isDirectory(stat) ? "directory" : isSymlink(stat) ? "symlink" : "file",
    size: stat.size,
    modified: new Date(stat.modified),
  };
}

function bytesOf(content: string | ArrayBuffer | ArrayBufferView | object): Uint8Array | string {
  if (typeof content === "string") return content;
  if (content instanceof ArrayBuffer) return new Uint8Array(content);
  if (ArrayBuffer.isView(content)) return new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
  if (content instanceof Blob)
    throw new TypeError("A Blob's bytes must be waited for: write(path, await blob.arrayBuffer())");
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/** The files over a client that connects when it is first needed. */
export function makeFiles(connect: () => SyncFs): CellFiles & { readonly promises: Record<string, unknown> } {
  const files: CellFiles = {
    read: (path) => connect().readFile(workspacePath(path)),
    readText: (path) => connect().readText(workspacePath(path)),
    readJson: (path) => JSON.parse(connect().readText(workspacePath(path))) as unknown,
    write: (path, content) => void connect().writeFile(workspacePath(path), bytesOf(content)),
    append: (path, content) => connect().appendFile(workspacePath(path), content),
    list(path = "") {
      const folder = workspacePath(path);
      const entries = connect()
        .list(folder)
        .filter(({ name }) => folder !== "" || name !== ".kroma");
      return entries
        .map((entry) => info(folder === "" ? entry.name : `${folder}/${entry.name}`, entry))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    stat(path) {
      const stat = connect().resolve(workspacePath(path));
      return stat && info(workspacePath(path), stat);
    },
    exists: (path) => connect().exists(workspacePath(path)),
    remove: (path) => connect().remove(workspacePath(path)),
    rename: (from, to) => connect().move(workspacePath(from), workspacePath(to)),
    makeDirectory: (path) => void connect().makeDirectories(workspacePath(path)),
  };
  const later = Object.entries(files).map(([name, verb]) => [
    name,
    async (...values: never[]) => (verb as (...values: never[]) => unknown)(...values),
  ]);
  return { ...files, promises: Object.fromEntries(later) as Record<string, unknown> };
}
