/** How large a notebook's file may be. A page asks before it reads a file into memory, and reading asks again. */
import { KromaError } from "../base/errors.ts";

/** Most bytes of a notebook's file: text of 100 MB takes several times that as values. */
export const LARGEST_FILE: number = 100 * 1024 * 1024;

/** Refuses a file of more bytes than can be opened, as `exhausted`. */
export function checkFileSize(bytes: number): void {
  if (bytes <= LARGEST_FILE) return;
  const megabytes = Math.round(bytes / 1024 / 1024);
  throw new KromaError(
    "exhausted",
    `The file has ${megabytes} megabytes; notebooks of up to ${LARGEST_FILE / 1024 / 1024} can be opened.`,
  );
}
