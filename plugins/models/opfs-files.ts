/** Kept files in the browser's private file system (OPFS), for workers: only they can write in place. */
import { KromaError } from "#core/base/errors.ts";
import type { KeptFile, KeptFiles } from "./kept-files.ts";

const FOLDER = "kroma-models";
const LOCK = "kroma-model ";

/** What is used of a FileSystemSyncAccessHandle, which the types of pages do not know. */
interface AccessHandle {
  getSize(): number;
  read(into: Uint8Array, options: { readonly at: number }): number;
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
type Accessible = FileSystemFileHandle & { createSyncAccessHandle(): Promise<AccessHandle> };

const folder = async (): Promise<FileSystemDirectoryHandle> =>
  (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });

/** The files of this origin. */
export const opfsFiles: KeptFiles = {
  async open(name) {
    const file = (await (await folder()).getFileHandle(name, { create: true })) as Accessible;
    try {
      return keptFile(await file.createSyncAccessHandle());
    } catch (error) {
      throw new KromaError("unavailable", "Another tab has this model open. Try again in a moment.", { cause: error });
    }
  },
  async size(name) {
    try {
      return (await (await (await folder()).getFileHandle(name)).getFile()).size;
    } catch (error) {
      if ((error as DOMException).name === "NotFoundError") return 0;
      throw error;
    }
  },
  async names() {
    const names: string[] = [];
    for await (const name of (await folder()).keys()) names.push(name);
    return names;
  },
  async remove(name) {
    try {
      await (await folder()).removeEntry(name);
    } catch (error) {
      if ((error as DOMException).name !== "NotFoundError") throw error;
    }
  },
  async room() {
    const { quota, usage = 0 } = await navigator.storage.estimate();
    return quota === undefined ? undefined : quota - usage;
  },
  alone: (name, signal, work) => navigator.locks.request(LOCK + name, { signal }, work),
  ifIdle: (name, work) =>
    navigator.locks.request(LOCK + name, { ifAvailable: true }, async (lock) => {
      if (lock) await work();
      return lock !== null;
    }),
};

function keptFile(handle: AccessHandle): KeptFile {
  return {
    get size() {
      return handle.getSize();
    },
    read(into, at) {
      if (handle.read(into, { at }) !== into.length) throw new KromaError("corrupt", "A kept model is cut short.");
    },
    write(bytes, at) {
      let written = 0;
      try {
        written = handle.write(bytes, { at });
      } catch (error) {
        if ((error as DOMException).name !== "QuotaExceededError") throw error;
      }
      if (written !== bytes.length)
        throw new KromaError("exhausted", "The browser has no room for more of this model. Remove something first.");
    },
    truncate: (size) => handle.truncate(size),
    flush: () => handle.flush(),
    close: () => handle.close(),
  };
}
