/**
 * The files of a notebook that those who share it have in common, as pages see them: which there are, and how much of
 * each is here. The bytes are blocks; the list is a document of its own (files-document.ts; SPEC.md, chapter "Files").
 */

/** A file of more bytes is not shared. */
export const MOST_FILE_BYTES = 64 << 20;
/** All files of a notebook together. */
export const MOST_FILES_BYTES = 256 << 20;
/** So many files of a notebook. */
export const MOST_FILES = 1000;
/** A file is cut into blocks of this many bytes. */
export const FILE_BLOCK_BYTES = 1 << 20;
const MOST_PATH_LENGTH = 1000;
const MOST_NAME_BYTES = 255;
const MOST_DEPTH = 30;

/** A file that is shared. */
export interface SharedFile {
  /** From the root of the workspace. */
  readonly path: string;
  /** Of its bytes: two files of one CID are the same. */
  readonly cid: string;
  readonly size: number;
  /** Unix time in milliseconds. */
  readonly modified: number;
  readonly executable: boolean;
  /** Bytes of it that have come. All of them: it can be read. */
  readonly here: number;
}

/** All that is said of a notebook's files. */
export interface SharedFiles {
  /** By path. */
  readonly files: readonly SharedFile[];
  /** Paths of files that were deleted for everyone. */
  readonly deleted: readonly string[];
  /** Paths of files that somebody took out of what is shared. They stay where they are. */
  readonly withheld: readonly string[];
  /** Paths of files that are over the limits, and that nobody gets therefore. */
  readonly leftOut: readonly string[];
}

export const NO_FILES: SharedFiles = { files: [], deleted: [], withheld: [], leftOut: [] };

/** What can be done with the files of a notebook, for everyone who shares it. */
export type FileOperation =
  | {
      readonly type: "put_file";
      readonly path: string;
      readonly bytes: Uint8Array;
      readonly modified: number;
      readonly executable: boolean;
    }
  | { readonly type: "delete_file"; readonly path: string }
  | { readonly type: "withhold_file"; readonly path: string };

const encoder = new TextEncoder();

/**
 * May a shared file bear this path? One that leads out of the workspace or into Kroma's own directory may not, nor one
 * that a person can't read as it is: with control characters, or such as turn the direction of text.
 */
export function isFilePath(path: string): boolean {
  if (path.length > MOST_PATH_LENGTH || !path.isWellFormed() || /[\p{Cc}\p{Bidi_Control}]/u.test(path)) return false;
  const names = path.split("/");
  if (names.length > MOST_DEPTH || names[0]?.toLowerCase() === ".kroma") return false;
  return names.every(
    (name) => name !== "" && name !== "." && name !== ".." && encoder.encode(name).length <= MOST_NAME_BYTES,
  );
}

/** The path of what would stand at `path` if another file did not: with a mark before the ending. */
export function besidePath(path: string, mark: string): string {
  const at = path.lastIndexOf("/") + 1;
  const [folder, name] = [path.slice(0, at), path.slice(at)];
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let kept = stem; ; kept = kept.slice(0, -1).toWellFormed()) {
    const beside = `${kept} (${mark})${ending}`;
    if (kept === "" || encoder.encode(beside).length <= MOST_NAME_BYTES) return `${folder}${beside}`;
  }
}
