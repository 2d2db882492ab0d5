/** Kept files in a folder, for Node. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { mkdir, readdir, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { KromaError } from "#core/base/errors.ts";
import type { KeptFile, KeptFiles } from "./kept-files.ts";

/**
 * The files of a folder, which is made when it is first written to. The threads of a process may share it; two processes must not
 * use it at once for one model.
 */
export function folderFiles(folder: string): KeptFiles {
  const lock = (name: string): string => `kroma-model ${join(folder, name)}`;
  return {
    async open(name) {
      await mkdir(folder, { recursive: true });
      return keptFile(join(folder, name));
    },
    size: (name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    names: () => readdir(folder).catch(() => []),
    remove: (name) => rm(join(folder, name), { force: true }),
    async room() {
      await mkdir(folder, { recursive: true });
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
    alone: (name, signal, work) => navigator.locks.request(lock(name), { signal }, work),
    ifIdle: (name, work) =>
      navigator.locks.request(lock(name), { ifAvailable: true }, async (held) => {
        if (held) await work();
        return held !== null;
      }),
  };
}

function keptFile(path: string): KeptFile {
  const descriptor = openSync(path, "a+");
  closeSync(descriptor);
  const file = openSync(path, "r+");
  return {
    get size() {
      return fstatSync(file).size;
    },
    read(into, at) {
      for (let done = 0; done < into.length;) {
        const got = readSync(file, into, done, into.length - done, at + done);
        if (got === 0) throw new KromaError("corrupt", "A kept model is cut short.");
        done += got;
      }
    },
    write(bytes, at) {
      try {
        for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, at + done);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        throw new KromaError("exhausted", "The disk is full.", { cause: error });
      }
    },
    truncate: (size) => ftruncateSync(file, size),
    flush: () => fsyncSync(file),
    close: () => closeSync(file),
  };
}
