/**
 * Keeps the workspace of a notebook and the files that its people share the same: writes what others changed, puts there
 * what was changed here, and says what is still to come and what is left out. One in a browser for each notebook: in the
 * tab that has the workspace.
 */
import * as v from "valibot";
import { KromaError } from "../base/errors.ts";
import type { FilesClient } from "../notebook/files-client.ts";
import { besidePath, isFilePath, MOST_FILE_BYTES, type SharedFile } from "../notebook/files.ts";
import { blockCid } from "../store/cid.ts";
import { decide, type FileVersion } from "./file-decision.ts";
import type { FileStat, Workspace } from "./workspace.ts";

/** What it brings together, and whom it tells. */
export interface FileSyncOptions {
  readonly workspace: Workspace;
  readonly files: FilesClient;
  /** Whether the cells name a path, asked anew before each look. */
  readonly uses: () => (path: string) => boolean;
  /** What is done here may be done for everyone. */
  readonly mayWrite: () => boolean;
  /** `state` is another one. */
  readonly changed: () => void;
}

/** What a person wants to know of it. */
export interface FileSyncState {
  /** Files of the others that are not here yet. */
  readonly coming: readonly Pick<SharedFile, "path" | "size" | "here">[];
  /** Why files are not shared, or can't be had: sentences. */
  readonly leftOut: readonly string[];
}

/** What a file was when it was last the same everywhere, and how it looked here then. */
const Known = v.object({
  version: v.pipe(v.string(), v.maxLength(100)),
  size: v.number(),
  modified: v.number(),
});
type Known = v.InferOutput<typeof Known>;
const KnownFiles = v.record(v.string(), Known);

/** Kroma's own directory is nobody's to share. */
const KNOWN_PATH = ".kroma/shared-files.json";
const INCOMING = ".kroma/incoming";
const BIN = ".kroma/bin";
/** Folders that programs fill by themselves. */
const NOT_LOOKED_INTO = new Set(["node_modules", "__pycache__", ".git", ".venv", "venv", ".ipynb_checkpoints"]);
const MOST_LOOKED_AT = 5000;
/** After a change: what is being written is left alone until nobody has written for so long, in milliseconds. */
const REST = 500;
/** Looking takes at most one part in so many of the time. */
const LOOK_SHARE = 10;

export class FileSync {
  readonly #options: FileSyncOptions;
  readonly #stops: (() => void)[];
  #known: Map<string, Known> | undefined;
  #state: FileSyncState = { coming: [], leftOut: [] };
  #looking: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWaiting = false;
  #cost = 0;
  #closed = false;

  /** Begins at once. */
  constructor(options: FileSyncOptions) {
    this.#options = options;
    const { workspace, files } = options;
    this.#stops = [
      files.onChange(() => void this.look()),
      workspace.watch((paths) => {
        if (paths.some((path) => !path.startsWith(".kroma"))) this.lookSoon();
      }),
    ];
  }

  get state(): FileSyncState {
    return this.#state;
  }

  /** Something has changed that others may have to know of; what is under way is waited for. */
  lookSoon(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.look(), Math.max(REST, this.#cost * LOOK_SHARE));
  }

  /** Resolves when what is known by now has been looked at. */
  settled(): Promise<void> {
    return this.#looking;
  }

  /** Makes both the same as far as that goes now. */
  look(): Promise<void> {
    // One that has not begun sees what is asked for now.
    if (this.#isWaiting) return this.#looking;
    this.#isWaiting = true;
    this.#looking = this.#looking.then(async () => {
      this.#isWaiting = false;
      if (this.#closed) return;
      const started = performance.now();
      try {
        await this.#look();
      } catch (error) {
        // The workspace or the document is gone, or the disk is full: said, and tried again with the next change.
        this.#tell({ ...this.#state, leftOut: [error instanceof Error ? error.message : String(error)] });
      }
      this.#cost = performance.now() - started;
    });
    return this.#looking;
  }

  /** Ends it; resolves when nothing of it goes on. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { workspace, files, mayWrite } = this.#options;
    await files.load();
    const known = (this.#known ??= await readKnown(workspace));
    const before = JSON.stringify([...known]);
    const { shared } = files;
    const uses = this.#options.uses();
    const here = await this.#filesHere(mayWrite() ? uses : () => false);
    const paths = new Set([...known.keys(), ...shared.files.map(({ path }) => path), ...here.keys()]);
    const [theirs, deleted, withheld] = [
      new Map(shared.files.map((file) => [file.path, file])),
      new Set(shared.deleted),
      new Set(shared.withheld),
    ];
    const coming: SharedFile[] = [];
    const leftOut: string[] = shared.leftOut.map(
      (path) => `“${path}” is not shared: there are too many files, or they are too big together.`,
    );
    for (const path of paths) {
      if (this.#closed) return;
      const file = theirs.get(path);
      const state = withheld.has(path) ? "withheld" : deleted.has(path) ? "deleted" : undefined;
      try {
        const isHere = await this.#settle(path, file ?? (state && { state }), known, uses(path));
        if (!isHere && file) coming.push(file);
      } catch (error) {
        if (!(error instanceof KromaError)) throw error;
        leftOut.push(error.message);
      }
    }
    if (JSON.stringify([...known]) !== before) await writeKnown(workspace, known);
    this.#tell({ coming: coming.map(({ path, size, here: come }) => ({ path, size, here: come })), leftOut });
  }

  /** Does what there is to do for one path; false when the bytes for that are not here yet. */
  async #settle(
    path: string,
    remote: SharedFile | { readonly state: "deleted" | "withheld" } | undefined,
    known: Map<string, Known>,
    isUsed: boolean,
  ): Promise<boolean> {
    const { workspace, files, mayWrite } = this.#options;
    const stat = await workspace.stat(path);
    if (stat && stat.kind !== "file") {
      if (remote && "cid" in remote)
        throw new KromaError("invalid", `“${path}” of the others can't be put here: there is a folder of that name.`);
      return true;
    }
    const file = remote && "cid" in remote ? remote : undefined;
    const base = known.get(path);
    const decision = decide({
      base: base?.version,
      local: stat && (await this.#versionHere(stat, base)),
      remote: file ? versionOf(file) : (remote as { readonly state: "deleted" | "withheld" } | undefined),
      isUsed,
      mayWrite: mayWrite(),
    });
    switch (decision) {
      case "nothing":
        return true;
      case "forget":
        known.delete(path);
        return true;
      case "agree":
        if (stat && file) known.set(path, { version: versionOf(file), size: stat.size, modified: stat.modified });
        return true;
      case "keep both":
      case "fetch": {
        if (!file || file.here < file.size) return false;
        if (decision === "keep both") await workspace.rename(path, await freeBeside(workspace, path));
        known.set(path, await write(workspace, file, await files.read(path)));
        return true;
      }
      case "put": {
        if (!stat) return true;
        if (stat.size > MOST_FILE_BYTES)
          throw new KromaError(
            "exhausted",
            `“${path}” is not shared: it has ${Math.ceil(stat.size / 2 ** 20)} MiB, and at most ${MOST_FILE_BYTES >> 20} MiB can be.`,
          );
        const bytes = await workspace.read(path);
        const version = await versionOfBytes(bytes, stat.executable);
        const { modified, executable } = stat;
        await files.perform({ type: "put_file", path, bytes, modified, executable });
        known.set(path, { version, size: stat.size, modified });
        return true;
      }
      case "delete":
        await files.perform({ type: "delete_file", path });
        known.delete(path);
        return true;
      case "remove":
        await workspace.makeDirectory(BIN);
        await workspace.rename(path, `${BIN}/${Date.now()}-${path.split("/").at(-1)}`);
        known.delete(path);
        return true;
    }
  }

  /** Without a look into it where it seems to be as it was. */
  async #versionHere(stat: FileStat, base: Known | undefined): Promise<FileVersion> {
    if (base && base.size === stat.size && base.modified === stat.modified) {
      const [cid = ""] = base.version.split("+");
      return versionOf({ cid, executable: stat.executable });
    }
    // What can't be shared is not the same as anything that is.
    if (stat.size > MOST_FILE_BYTES) return "too big";
    return await versionOfBytes(await this.#options.workspace.read(stat.path), stat.executable);
  }

  /** The files here that are to be shared, by path. */
  async #filesHere(uses: (path: string) => boolean): Promise<ReadonlyMap<string, FileStat>> {
    const found = new Map<string, FileStat>();
    const folders = [""];
    let looked = 0;
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
      for (const stat of await this.#options.workspace.list(folder)) {
        if ((looked += 1) > MOST_LOOKED_AT) return found;
        if (stat.kind === "directory" && !NOT_LOOKED_INTO.has(stat.path.split("/").at(-1) ?? ""))
          folders.push(stat.path);
        if (stat.kind === "file" && uses(stat.path) && isFilePath(stat.path)) found.set(stat.path, stat);
      }
    }
    return found;
  }

  #tell(state: FileSyncState): void {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.#options.changed();
  }
}

const versionOf = ({ cid, executable }: Pick<SharedFile, "cid" | "executable">): FileVersion =>
  executable ? `${cid}+x` : cid;

const versionOfBytes = async (bytes: Uint8Array, executable: boolean): Promise<FileVersion> =>
  versionOf({ cid: await blockCid(bytes), executable });

/** Whole or not at all: a cell that reads the file meanwhile reads the old one. */
async function write(workspace: Workspace, file: SharedFile, bytes: Uint8Array): Promise<Known> {
  const { path, modified, executable } = file;
  const incoming = `${INCOMING}/${file.cid}`;
  await workspace.write(incoming, bytes, { modified, executable });
  await workspace.rename(incoming, path);
  const stat = await workspace.stat(path);
  return { version: versionOf(file), size: bytes.length, modified: stat?.modified ?? modified };
}

async function freeBeside(workspace: Workspace, path: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const beside = besidePath(path, number === 1 ? "mine" : `mine ${number}`);
    if (!(await workspace.stat(beside))) return beside;
  }
}

async function readKnown(workspace: Workspace): Promise<Map<string, Known>> {
  try {
    const text = new TextDecoder().decode(await workspace.read(KNOWN_PATH));
    return new Map(Object.entries(v.parse(KnownFiles, JSON.parse(text))).filter(([path]) => isFilePath(path)));
  } catch {
    // Nothing was shared yet, or a cell has written over it: what differs from the others is then kept beside theirs.
    return new Map();
  }
}

async function writeKnown(workspace: Workspace, known: ReadonlyMap<string, Known>): Promise<void> {
  const text = JSON.stringify(Object.fromEntries(known));
  const incoming = `${INCOMING}/known`;
  await workspace.write(incoming, new TextEncoder().encode(text));
  await workspace.rename(incoming, KNOWN_PATH);
}
