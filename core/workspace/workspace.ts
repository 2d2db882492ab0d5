/**
 * The notebook's files: one tree, the same in Python, TypeScript, Linux and the page. This is the asynchronous face
 * for those who may not block (the page, the CLI); kernels reach the same server over shared memory (protocol.ts).
 * Paths are relative to the workspace's root, "/"-separated, without "." or "..": "data/a.csv"; "" is the root.
 * Failures are KromaErrors: `missing`, `invalid` (not a directory …), `exhausted` (quota), `denied`.
 */

export interface FileStat {
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink";
  /** Bytes. */
  readonly size: number;
  /** Unix time in milliseconds. */
  readonly modified: number;
  /** Whoever has the file may run it as a program; false of what is no file. */
  readonly executable: boolean;
}

/** What a file is said to be besides its content; what is absent stays as it is. */
export interface FileAttributes {
  /** Unix time in milliseconds. */
  readonly modified?: number;
  readonly executable?: boolean;
}

export interface Workspace {
  stat(path: string): Promise<FileStat | undefined>;
  /** The children of a directory, by name, ".kroma" (values, state) left out at the root. */
  list(path: string): Promise<readonly FileStat[]>;
  /** The whole file, or what there is of `length` bytes from `offset` on. */
  read(path: string, part?: { readonly offset: number; readonly length: number }): Promise<Uint8Array>;
  /** Replaces the file's content, makes missing parent directories. */
  write(path: string, bytes: Uint8Array, attributes?: FileAttributes): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A file, or a directory with all in it. */
  remove(path: string): Promise<void>;
  /** Called after changes by anybody, with the changed paths, at most every 50 ms. */
  watch(listener: (paths: readonly string[]) => void): () => void;
  /** Bytes used and, if known, allowed. */
  usage(): Promise<{ readonly used: number; readonly quota: number | undefined }>;
  /** All so far is on disk when it resolves. */
  flush(): Promise<void>;
}

/**
 * Directory (in the workspace) of the values that cells hand to each other: `kroma.set("x", v)` writes
 * ".kroma/values/x.<ext>" with ext one of json (plain data), bin (bytes), npy (typed arrays), arrow (Arrow IPC stream).
 * In Node this directory is kept outside the user's folder. See VALUES.md.
 */
export const VALUES_DIRECTORY = ".kroma/values";
