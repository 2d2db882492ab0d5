/**
 * The failures of the workspace's file server, by Linux number: the guest and Python want numbers, people want names.
 */
import { KromaError, type KromaErrorCode } from "../base/errors.ts";

/** Linux error numbers (asm-generic/errno.h) that the file server answers with. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  EACCES: 13,
  EEXIST: 17,
  EXDEV: 18,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  EOPNOTSUPP: 95,
  ESTALE: 116,
} as const;

export type ErrnoName = keyof typeof ERRNO;

const NAMES = new Map<number, ErrnoName>(Object.entries(ERRNO).map(([name, number]) => [number, name as ErrnoName]));

const SENTENCES: Readonly<Record<ErrnoName, string>> = {
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  EIO: "the file server does not answer or could not do it",
  EBADF: "not open",
  EAGAIN: "locked by another program",
  EACCES: "permission denied",
  EEXIST: "it exists already",
  EXDEV: "it would leave the file system",
  ENOTDIR: "not a directory",
  EISDIR: "it is a directory",
  EINVAL: "invalid argument",
  EFBIG: "file too large",
  ENOSPC: "no space left",
  EROFS: "read only",
  ENAMETOOLONG: "name too long",
  ENOSYS: "not supported",
  ENOTEMPTY: "directory not empty",
  ELOOP: "too many symbolic links",
  EOPNOTSUPP: "not supported",
  ESTALE: "the file is gone",
};

const CODES: Partial<Record<ErrnoName, KromaErrorCode>> = {
  ENOENT: "missing",
  ESTALE: "missing",
  EPERM: "denied",
  EACCES: "denied",
  EROFS: "denied",
  ENOSPC: "exhausted",
  EFBIG: "exhausted",
  EIO: "unavailable",
  EAGAIN: "unavailable",
};

/** A failed file operation. `code` is the name Node gives it too: "ENOENT". */
export class FsError extends Error {
  override readonly name = "FsError";
  readonly errno: number;
  readonly code: string;

  constructor(errno: number, what = "") {
    const name = NAMES.get(errno);
    super(`${name ?? `errno ${errno}`}: ${name ? SENTENCES[name] : "failed"}${what ? `, ${what}` : ""}`);
    this.errno = errno;
    this.code = name ?? `E${errno}`;
  }
}

/** The same failure for those who use the `Workspace` interface. Anything that is not an FsError comes back as it is. */
export function toKromaError(error: unknown, path: string): unknown {
  if (!(error instanceof FsError)) return error;
  const name = NAMES.get(error.errno);
  const sentence = name ? SENTENCES[name] : error.message;
  return new KromaError((name && CODES[name]) ?? "invalid", `${path || "The workspace"}: ${sentence}.`, {
    details: { errno: error.errno, code: error.code, path },
    cause: error,
  });
}
