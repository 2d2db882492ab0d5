/**
 * The workspace as a .zip, and a .zip into the workspace. Kroma's own directory and symbolic links stay out. An archive
 * from outside is not trusted: all its names and sizes are checked before the first file is written.
 */
import { unzipSync, Zip, ZipDeflate, ZipPassThrough } from "fflate";
import { KromaError } from "#core/base/errors.ts";
import type { FileStat, Workspace } from "#core/workspace/workspace.ts";

export interface UnzipLimits {
  /** Most bytes of all files together, unpacked. */
  readonly bytes: number;
  readonly files: number;
}

const DEFAULT_LIMITS: UnzipLimits = { bytes: 2 ** 31, files: 100_000 };
/** Files are unpacked in batches of so many bytes. */
const BATCH = 64 << 20;
/** Files that are compressed already are only stored. */
const PACKED = /\.(zip|gz|xz|zst|bz2|7z|png|jpe?g|gif|webp|mp[34]|webm|woff2|whl|npz|parquet)$/i;
const OWN = ".kroma";
const FIRST_YEAR = Date.UTC(1980, 0, 2);

/** All files below a directory as the parts of a .zip, one file at a time in memory. */
export function zipStream(workspace: Workspace, directory = ""): ReadableStream<Uint8Array> {
  const parts = zipParts(workspace, directory);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await parts.return();
    },
  });
}

/** All files below a directory as one .zip. */
export async function zipWorkspace(workspace: Workspace, directory = ""): Promise<Uint8Array> {
  return new Uint8Array(await new Response(zipStream(workspace, directory) as BodyInit).arrayBuffer());
}

/**
 * Unpacks an archive below a directory; answers the paths written. Files that are there are replaced.
 * `invalid` if it is no archive or a name leads out of the directory, `exhausted` if it is too large: then nothing was
 * written.
 */
export async function unzipIntoWorkspace(
  workspace: Workspace,
  archive: Uint8Array,
  directory = "",
  limits: UnzipLimits = DEFAULT_LIMITS,
): Promise<readonly string[]> {
  const entries = check(entriesOf(archive), limits);
  const at = (name: string) => (directory === "" ? name : `${directory}/${name}`);
  const written: string[] = [];
  for (const batch of batchesOf(entries)) {
    for (const [name, bytes] of Object.entries(unpack(archive, batch))) {
      if (name.endsWith("/")) {
        await workspace.makeDirectory(at(name.slice(0, -1)));
        continue;
      }
      await workspace.write(at(name), bytes);
      written.push(at(name));
    }
  }
  return written;
}

interface Entry {
  readonly name: string;
  readonly size: number;
}

function entriesOf(archive: Uint8Array): readonly Entry[] {
  const entries: Entry[] = [];
  unpackWith(archive, ({ name, originalSize }) => {
    entries.push({ name, size: originalSize });
    return false;
  });
  return entries;
}

function unpack(archive: Uint8Array, entries: readonly Entry[]): Record<string, Uint8Array> {
  const names = new Set(entries.map((entry) => entry.name));
  const files = unpackWith(archive, ({ name }) => names.has(name));
  for (const { name, size } of entries) {
    if (files[name]?.length !== size) throw new KromaError("invalid", `The archive is damaged at ${name}.`);
  }
  return files;
}

function unpackWith(
  archive: Uint8Array,
  filter: (file: { readonly name: string; readonly originalSize: number }) => boolean,
): Record<string, Uint8Array> {
  try {
    return unzipSync(archive, { filter });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new KromaError("invalid", `This is not a .zip archive that can be read: ${reason}.`, { cause: error });
  }
}

function check(entries: readonly Entry[], limits: UnzipLimits): readonly Entry[] {
  if (entries.length > limits.files) throw new KromaError("exhausted", `The archive has ${entries.length} files.`);
  const bytes = entries.reduce((sum, entry) => sum + entry.size, 0);
  if (bytes > limits.bytes) throw new KromaError("exhausted", `The archive unpacks to ${bytes} bytes.`);
  for (const { name } of entries) {
    const parts = name.replace(/\/$/, "").split("/");
    const isBad = parts.some((part) => part === "" || part === "." || part === "..");
    if (isBad || /[\\\0]/.test(name) || /^[A-Za-z]:/.test(name) || parts[0] === OWN) {
      throw new KromaError("invalid", `The archive has a file with the forbidden name ${JSON.stringify(name)}.`);
    }
  }
  return entries;
}

function* batchesOf(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let batch: Entry[] = [];
  let size = 0;
  for (const entry of entries) {
    if (batch.length > 0 && size + entry.size > BATCH) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(entry);
    size += entry.size;
  }
  if (batch.length > 0) yield batch;
}

async function* zipParts(workspace: Workspace, directory: string): AsyncGenerator<Uint8Array, void> {
  let ready: Uint8Array[] = [];
  let failure: Error | undefined;
  const zip = new Zip((error, chunk) => {
    if (error) failure = error;
    else ready.push(chunk);
  });
  const take = () => {
    if (failure) throw failure;
    const parts = ready;
    ready = [];
    return parts;
  };
  for await (const file of filesBelow(workspace, directory)) {
    const name = directory === "" ? file.path : file.path.slice(directory.length + 1);
    const mtime = Math.max(file.modified, FIRST_YEAR);
    const isDirectory = file.kind === "directory";
    const bytes = isDirectory ? new Uint8Array() : await workspace.read(file.path);
    const packed = isDirectory || PACKED.test(name);
    const entry = packed ? new ZipPassThrough(isDirectory ? `${name}/` : name) : new ZipDeflate(name, { level: 6 });
    entry.mtime = mtime;
    zip.add(entry);
    entry.push(bytes, true);
    yield* take();
  }
  zip.end();
  yield* take();
}

/** Files, and directories with nothing in them. */
async function* filesBelow(workspace: Workspace, directory: string): AsyncGenerator<FileStat> {
  for (const child of await workspace.list(directory)) {
    if (child.kind === "file") yield child;
    else if (child.kind === "directory") {
      if ((await workspace.list(child.path)).length === 0) yield child;
      else yield* filesBelow(workspace, child.path);
    }
  }
}
