/**
 * A store on the browser's private file system (OPFS), of a notebook's files or of its machine's disk: three files, each held by an exclusive
 * synchronous handle. Runs in a dedicated worker: only there are such handles to be had.
 */
import { KromaError } from "#core/base/errors.ts";
import type { OpenedTree } from "#core/workspace/host.ts";
import { MemoryHandle, type StorageHandle } from "#core/workspace/storage-handle.ts";
import { TreeStore, type TreeStoreOptions } from "#core/workspace/tree-store.ts";

/** A notebook's files, or the disk of its machine. */
export type OpfsKind = "workspace" | "machine";

/** What the worker is told to open. */
export interface OpfsLocation {
  /** The document's id, or the name of what documents share: one directory for each. */
  readonly document: string;
  /** Its files, unless told otherwise. */
  readonly of?: OpfsKind;
  /** The folder of all that is kept; "kroma" unless told otherwise. */
  readonly root?: string;
  /** Most bytes of file content; what the browser gives otherwise. */
  readonly quota?: number;
}

interface SyncAccessFile extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<StorageHandle>;
}

const FILES = ["blocks", "journal-0", "journal-1"] as const;
/** Left free for the journal when the browser's quota is reached. */
const RESERVE = 16 << 20;
/** How long a tab that was just closed or reloaded may hold on to its files, in milliseconds. */
const PATIENCE = 4000;
const RETRY = 100;

/** The folder of what is kept, where nobody names another. */
export const OPFS_ROOT = "kroma";

/** The directory of all stores of a kind. */
export async function storesDirectory(kind: OpfsKind, root: string): Promise<FileSystemDirectoryHandle> {
  const top = await navigator.storage.getDirectory();
  const own = await top.getDirectoryHandle(root, { create: true });
  return own.getDirectoryHandle(`${kind}s`, { create: true });
}

/** The name of the lock that the tab with this store holds. */
export const storeLock = (kind: OpfsKind, document: string, root: string): string => `${root}-${kind}:${document}`;

/**
 * Opens the store of a document. `unavailable` if another tab has it. Where there is no OPFS, or it is denied or
 * damaged, the tree is an empty one in memory, with a message that says so; what is on disk stays as it is.
 */
export async function openOpfsTree(location: OpfsLocation): Promise<OpenedTree> {
  const { document, of: kind = "workspace", root = OPFS_ROOT } = location;
  const release = await ownExclusively(storeLock(kind, document, root));
  if (!release) throw openElsewhere(kind);
  let handles: readonly StorageHandle[] = [];
  try {
    handles = await openHandles(kind, document, root);
    const [blocks, first, second] = handles as [StorageHandle, StorageHandle, StorageHandle];
    const quota = location.quota ?? (await availableBytes(blocks.getSize()));
    return { tree: new OwnedTree({ blocks, journal: [first, second], quota }, release), storage: "opfs" };
  } catch (error) {
    for (const handle of handles) handle.close();
    if (error instanceof KromaError && error.code === "unavailable") throw error;
    const message = `Files are kept in memory only and are lost when the page closes: ${reasonOf(error)}`;
    const [blocks, first, second] = [new MemoryHandle(), new MemoryHandle(), new MemoryHandle()];
    return { tree: new TreeStore({ blocks, journal: [first, second] }), storage: "memory", message };
  }
}

/** A store that gives its lock back at the end. */
class OwnedTree extends TreeStore {
  readonly #release: () => void;

  constructor(options: TreeStoreOptions, release: () => void) {
    super(options);
    this.#release = release;
  }

  override end(): void {
    try {
      super.end();
    } finally {
      this.#release();
    }
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof KromaError) return error.message;
  const name = error instanceof Error ? error.name : "";
  if (name === "SecurityError" || name === "NotAllowedError") return "the browser denies this page its storage.";
  if (name === "QuotaExceededError") return "the browser's storage is full.";
  return "this browser has no private file system.";
}

function openElsewhere(kind: OpfsKind): KromaError {
  const what = kind === "machine" ? "This machine's disk is" : "This notebook's files are";
  return new KromaError("unavailable", `${what} open in another tab. Close it there and try again.`);
}

/** Takes the store's lock; answers how to give it back. Undefined if another tab keeps it. */
async function ownExclusively(lock: string): Promise<(() => void) | undefined> {
  if (!("locks" in navigator)) return () => undefined;
  return new Promise((resolve) => {
    navigator.locks
      .request(lock, { signal: AbortSignal.timeout(PATIENCE) }, () => {
        // Held until it is given back, or the worker ends.
        return new Promise<void>((release) => {
          resolve(release);
        });
      })
      .catch((error: unknown) => {
        // Where storage is denied, locks are too; no other tab can have the files then.
        const denied = error instanceof DOMException && error.name === "SecurityError";
        resolve(denied ? () => undefined : undefined);
      });
  });
}

async function openHandles(kind: OpfsKind, document: string, root: string): Promise<readonly StorageHandle[]> {
  const stores = await storesDirectory(kind, root);
  const directory = await stores.getDirectoryHandle(document, { create: true });
  const handles: StorageHandle[] = [];
  try {
    for (const name of FILES) {
      const file = (await directory.getFileHandle(name, { create: true })) as SyncAccessFile;
      handles.push(await openHandle(kind, file));
    }
    return handles;
  } catch (error) {
    for (const handle of handles) handle.close();
    throw error;
  }
}

/** A worker that was just ended may hold its handles for a moment longer than its lock. */
async function openHandle(kind: OpfsKind, file: SyncAccessFile): Promise<StorageHandle> {
  for (let waited = 0; ; waited += RETRY) {
    try {
      return await file.createSyncAccessHandle();
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "NoModificationAllowedError") throw error;
      if (waited >= PATIENCE) throw openElsewhere(kind);
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }
}

async function availableBytes(present: number): Promise<number> {
  const { quota, usage } = await navigator.storage.estimate();
  if (quota === undefined) return Infinity;
  return present + Math.max(0, quota - (usage ?? 0) - RESERVE);
}
