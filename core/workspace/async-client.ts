/**
 * The workspace for those who may not block: the page, the CLI. One request at a time over the same shared memory as
 * the kernels use, waited for with Atomics.waitAsync. Works in pages, workers and Node threads.
 */
import { KromaError } from "../base/errors.ts";
import { ERRNO, FsError, toKromaError } from "./errno.ts";
import {
  CHUNK_BYTES,
  claimSlot,
  type DirectoryEntry,
  freeSlot,
  HEADER,
  headerOf,
  isDirectory,
  isFile,
  isSymlink,
  MODE,
  newOwner,
  ring,
  ROOT,
  SERVER,
  SLOT,
  SLOT_STATE,
  type SlotView,
  slotView,
  type Stat,
} from "./protocol.ts";
import * as requests from "./requests.ts";
import type { Request } from "./requests.ts";
import { parts, splitPath } from "./sync-client.ts";
import type { FileAttributes, FileStat, Workspace } from "./workspace.ts";

/** Brings news from the server: calls the listener with changed paths until told to stop. */
export type ChangeSource = (listener: (paths: readonly string[]) => void) => () => void;

export interface WorkspaceClientOptions {
  readonly owner?: number;
  /** How long a silent server is waited for, in milliseconds. */
  readonly timeout?: number;
  /** Where `watch` hears of changes; without it, it hears of none. */
  readonly changes?: ChangeSource;
}

const SLICE = 500;
const DEFAULT_TIMEOUT = 30_000;
const OWN_DIRECTORY = ".kroma";

export class WorkspaceClient implements Workspace {
  readonly #shared: SharedArrayBuffer;
  readonly #header: Int32Array<SharedArrayBuffer>;
  readonly #index: number;
  readonly #slot: SlotView;
  readonly #timeout: number;
  readonly #changes: ChangeSource | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(shared: SharedArrayBuffer, options: WorkspaceClientOptions = {}) {
    this.#shared = shared;
    this.#header = headerOf(shared);
    this.#index = claimSlot(shared, options.owner ?? newOwner());
    this.#slot = slotView(shared, this.#index);
    this.#timeout = options.timeout ?? DEFAULT_TIMEOUT;
    this.#changes = options.changes;
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#with(path, async () => {
      const stat = await this.#find(path, false);
      return stat && fileStat(clean(path), stat);
    });
  }

  list(path: string): Promise<readonly FileStat[]> {
    return this.#with(path, async () => {
      const entries = await this.#entries((await this.#at(path)).inode);
      const directory = clean(path);
      return entries
        .filter((entry) => directory !== "" || entry.name !== OWN_DIRECTORY)
        .map((entry) => fileStat(directory === "" ? entry.name : `${directory}/${entry.name}`, entry))
        .sort((a, b) => (a.path < b.path ? -1 : 1));
    });
  }

  read(path: string, part?: { readonly offset: number; readonly length: number }): Promise<Uint8Array<ArrayBuffer>> {
    return this.#with(path, async () => {
      const stat = await this.#at(path);
      if (isDirectory(stat)) throw new FsError(ERRNO.EISDIR);
      // Open, so that a file replaced meanwhile is read as it was.
      await this.#call(requests.openRequest(stat.inode));
      try {
        const from = part?.offset ?? 0;
        const bytes = new Uint8Array(Math.max(0, Math.min(part?.length ?? Infinity, stat.size - from)));
        let got = 0;
        while (got < bytes.length) {
          const wanted = Math.min(CHUNK_BYTES, bytes.length - got);
          const count = await this.#call(requests.readRequest(stat.inode, from + got, bytes, got, wanted));
          if (count === 0) break;
          got += count;
        }
        return got === bytes.length ? bytes : bytes.slice(0, got);
      } finally {
        await this.#call(requests.closeRequest([stat.inode]));
      }
    });
  }

  write(path: string, bytes: Uint8Array, attributes: FileAttributes = {}): Promise<void> {
    return this.#with(path, async () => {
      let stat = await this.#find(path, true);
      if (stat && !isFile(stat)) throw new FsError(ERRNO.EISDIR);
      if (!stat) {
        const [directory, name] = splitPath(clean(path));
        const parent = await this.#makeDirectories(directory);
        stat = await this.#call(requests.createRequest(parent, name, MODE.file | 0o644));
      }
      if (stat.size > 0) await this.#call(requests.setattrRequest(stat.inode, { size: 0 }));
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
        await this.#call(requests.writeRequest(stat.inode, at, bytes.subarray(at, at + CHUNK_BYTES)));
      }
      const { modified, executable } = attributes;
      if (modified === undefined && executable === undefined) return;
      const mode = executable === undefined ? undefined : executable ? stat.mode | 0o111 : stat.mode & ~0o111;
      await this.#call(requests.setattrRequest(stat.inode, { modified, mode }));
    });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#with(path, async () => {
      await this.#makeDirectories(clean(path));
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#with(from, async () => {
      const [fromDirectory, name] = splitPath(clean(from));
      const [toDirectory, newName] = splitPath(clean(to));
      const source = await this.#at(fromDirectory);
      const target = await this.#makeDirectories(toDirectory);
      await this.#call(requests.renameRequest(source.inode, name, target, newName));
    });
  }

  remove(path: string): Promise<void> {
    return this.#with(path, async () => {
      const [directory, name] = splitPath(clean(path));
      const parent = (await this.#at(directory)).inode;
      await this.#removeEntry(parent, name, await this.#call(requests.lookupRequest(parent, name)));
    });
  }

  watch(listener: (paths: readonly string[]) => void): () => void {
    return this.#changes?.(listener) ?? (() => undefined);
  }

  usage(): Promise<{ readonly used: number; readonly quota: number | undefined }> {
    return this.#with("", async () => {
      const { blockSize, blocks, freeBlocks, limited } = await this.#call(requests.statfsRequest());
      return { used: (blocks - freeBlocks) * blockSize, quota: limited ? blocks * blockSize : undefined };
    });
  }

  flush(): Promise<void> {
    return this.#with("", () => this.#call(requests.syncRequest(0)));
  }

  /** Gives the slot back; later calls fail. */
  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#call(requests.releaseRequest());
    } catch {
      // The server is gone, and what we held with it.
    }
    this.#closed = true;
    freeSlot(this.#shared, this.#index);
  }

  // ---- inside

  async #with<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toKromaError(error, path);
    }
  }

  async #find(path: string, follow: boolean): Promise<Stat | undefined> {
    try {
      return await this.#call(requests.resolveRequest(clean(path), follow));
    } catch (error) {
      if (error instanceof FsError && error.errno === ERRNO.ENOENT) return undefined;
      throw error;
    }
  }

  #at(path: string): Promise<Stat> {
    return this.#call(requests.resolveRequest(clean(path), true));
  }

  async #makeDirectories(path: string): Promise<number> {
    let parent = ROOT;
    let at = "";
    for (const name of parts(path)) {
      at += `/${name}`;
      let stat = await this.#find(at, true);
      if (!stat) {
        try {
          const made = requests.createRequest(parent, name, MODE.directory | 0o755, { exclusive: true });
          stat = await this.#call(made);
        } catch (error) {
          // Somebody else made it just now.
          stat = error instanceof FsError && error.errno === ERRNO.EEXIST ? await this.#find(at, true) : undefined;
          if (!stat) throw error;
        }
      }
      if (!isDirectory(stat)) throw new FsError(ERRNO.ENOTDIR);
      parent = stat.inode;
    }
    return parent;
  }

  async #removeEntry(parent: number, name: string, entry: { readonly inode: number; readonly mode: number }) {
    if (isDirectory(entry)) {
      for (const child of await this.#entries(entry.inode)) await this.#removeEntry(entry.inode, child.name, child);
    }
    await this.#call(requests.unlinkRequest(parent, name, isDirectory(entry)));
  }

  /** A listing is one or more requests that nobody of ours may come between. */
  #entries(inode: number): Promise<readonly DirectoryEntry[]> {
    return this.#inTurn(async () => {
      const entries: DirectoryEntry[] = [];
      for (let more = false; ; more = true) {
        const part = await this.#now(requests.readdirRequest(inode, more));
        for (const entry of part.entries) entries.push(entry);
        if (part.done) return entries;
      }
    });
  }

  #call<Answer>(request: Request<Answer>): Promise<Answer> {
    return this.#inTurn(() => this.#now(request));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #now<Answer>(request: Request<Answer>): Promise<Answer> {
    if (this.#closed) throw new KromaError("aborted", "The workspace is closed.");
    const { words } = this.#slot;
    // An answer that came after we gave up on it, or is still to come.
    if (Atomics.load(words, SLOT.state) === SLOT_STATE.request) await this.#wait(request.what);
    request.put(this.#slot);
    words[SLOT.operation] = request.operation;
    words[SLOT.errno] = 0;
    Atomics.store(words, SLOT.state, SLOT_STATE.request);
    ring(this.#header);
    await this.#wait(request.what);
    Atomics.store(words, SLOT.state, SLOT_STATE.idle);
    const errno = words[SLOT.errno] ?? 0;
    if (errno !== 0) throw new FsError(errno, request.what);
    return request.take(this.#slot);
  }

  async #wait(what: string): Promise<void> {
    const { words } = this.#slot;
    let beat = Atomics.load(this.#header, HEADER.heartbeat);
    let silence = 0;
    while (Atomics.load(words, SLOT.state) === SLOT_STATE.request) {
      if (Atomics.load(this.#header, HEADER.server) === SERVER.closed) throw new FsError(ERRNO.EIO, what);
      const slice = Math.min(SLICE, this.#timeout);
      if ((await untilChanged(words, SLOT.state, SLOT_STATE.request, slice)) !== "timed-out") continue;
      const now = Atomics.load(this.#header, HEADER.heartbeat);
      silence = now === beat ? silence + slice : 0;
      beat = now;
      if (silence >= this.#timeout) throw new FsError(ERRNO.EIO, what);
      ring(this.#header);
    }
  }
}

/** Waits without blocking until a word is notified, or the time is over. */
async function untilChanged(
  words: Int32Array<SharedArrayBuffer>,
  index: number,
  value: number,
  timeout: number,
): Promise<string> {
  if (typeof Atomics.waitAsync !== "function") {
    // Older browsers: look again after a moment.
    for (let waited = 0; waited < timeout; waited += 4) {
      await new Promise((resolve) => setTimeout(resolve, 4));
      if (Atomics.load(words, index) !== value) return "ok";
    }
    return "timed-out";
  }
  const waiting = Atomics.waitAsync(words, index, value, timeout);
  if (!waiting.async) return waiting.value;
  // In Node a pending waitAsync does not keep the process alive; a timer does.
  const alive = setTimeout(() => undefined, timeout + 50);
  try {
    return await waiting.value;
  } finally {
    clearTimeout(alive);
  }
}

/** The path without empty parts. Throws EINVAL if it tries to leave the workspace. */
function clean(path: string): string {
  const names = parts(path);
  if (names.includes("..")) throw new FsError(ERRNO.EINVAL);
  return names.join("/");
}

function fileStat(path: string, stat: Pick<Stat, "mode" | "size" | "modified">): FileStat {
  const kind = isDirectory(stat) ? "directory" : isSymlink(stat) ? "symlink" : "file";
  const executable = kind === "file" && (stat.mode & 0o111) !== 0;
  return { path, kind, size: kind === "directory" ? 0 : stat.size, modified: stat.modified, executable };
}
