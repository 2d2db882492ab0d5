/** Reading and writing the notebook files that the command line names, with errors that say what to do. */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { UsageError } from "./cli-error.ts";

/** The format a file's name stands for. */
export function formatOf(path: string): "ipynb" | "percent" {
  switch (extname(path).toLowerCase()) {
    case ".ipynb":
      return "ipynb";
    case ".py":
    case ".ts":
      return "percent";
    default:
      throw new UsageError(`${path}: the name must end in .ipynb, .py or .ts`);
  }
}

/** The bytes of a file, or of standard input for "-". */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    if (path === "-") return await readStandardInput();
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw new UsageError(`${path}: ${reasonOf(error)}`);
  }
}

/** Refuses, before any work is done, a place that can't be written. */
export async function checkWritable(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  try {
    await access(folder, constants.W_OK);
    if ((await stat(path).catch(() => undefined))?.isDirectory()) throw new UsageError(`${path}: is a directory`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: can't be written: ${reasonOf(error)}`);
  }
}

/** Replaces a file by new content at once: a reader sees the old or the new one, never a part. */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const target = resolve(path);
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}`);
  try {
    await writeFile(temporary, content, { flag: "wx" });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new UsageError(`${path}: can't be written: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return "no such file or directory";
    case "EISDIR":
      return "is a directory";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "ENOTDIR":
      return "a part of the path is not a directory";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

async function readStandardInput(): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return new Uint8Array(Buffer.concat(parts));
}
