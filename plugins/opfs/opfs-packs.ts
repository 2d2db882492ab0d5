/**
 * Packs of blocks in the browser's private file system (OPFS). Runs in a dedicated worker: only there are synchronous
 * handles to be had, which are many times faster than any other way to write.
 */
import { KromaError } from "#core/base/errors.ts";
import type { StorageHandle } from "#core/workspace/storage-handle.ts";
import { PackedBlockStore } from "./block-packs.ts";
import { OPFS_ROOT } from "./opfs-tree.ts";
import type { PackDirectory } from "./pack-writer.ts";

/** Left free for what else Kroma writes when the browser's quota is nearly reached. */
const RESERVE = 16 << 20;
const PACK_NAME = /^\d{8}$/;
/** How long a worker that was just ended may hold on to its file, in milliseconds. */
const PATIENCE = 4000;
const RETRY = 50;

interface SyncAccessFile extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<StorageHandle>;
}

/** The block store of that name, in that folder; `unavailable` where the browser has no private file system, or denies it. */
export async function openOpfsBlocks(name: string, root = OPFS_ROOT): Promise<PackedBlockStore> {
  try {
    const top = await navigator.storage.getDirectory();
    const own = await top.getDirectoryHandle(root, { create: true });
    const directory = await own.getDirectoryHandle(`${name}-blocks`, { create: true });
    const store = new PackedBlockStore(new OpfsPackDirectory(directory, `${root}-blocks:${name}`));
    // Whether handles can really be had shows only when one is taken.
    await store.usage();
    return store;
  } catch (error) {
    if (error instanceof KromaError) throw error;
    throw new KromaError("unavailable", "This browser gives no private file system.", { cause: error });
  }
}

class OpfsPackDirectory implements PackDirectory {
  readonly #directory: FileSystemDirectoryHandle;
  readonly #lock: string;

  constructor(directory: FileSystemDirectoryHandle, lock: string) {
    this.#directory = directory;
    this.#lock = lock;
  }

  async list(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const name of this.#directory.keys()) if (PACK_NAME.test(name)) names.push(name);
    return names.sort();
  }

  async open(name: string): Promise<StorageHandle> {
    const file = (await this.#directory.getFileHandle(name, { create: true })) as SyncAccessFile;
    for (let waited = 0; ; waited += RETRY) {
      try {
        return await file.createSyncAccessHandle();
      } catch (error) {
        const isHeld = error instanceof Error && error.name === "NoModificationAllowedError";
        if (!isHeld || waited >= PATIENCE) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY));
      }
    }
  }

  async read(name: string, from: number, to: number): Promise<Uint8Array | undefined> {
    try {
      const file = await (await this.#directory.getFileHandle(name)).getFile();
      return new Uint8Array(await file.slice(from, to).arrayBuffer());
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotFoundError") return undefined;
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    await this.#directory.removeEntry(name);
  }

  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (!("locks" in navigator)) return work();
    return (await navigator.locks.request(this.#lock, work)) as T;
  }

  async available(): Promise<number> {
    const { quota, usage } = await navigator.storage.estimate();
    return quota === undefined ? Infinity : Math.max(0, quota - (usage ?? 0) - RESERVE);
  }
}
