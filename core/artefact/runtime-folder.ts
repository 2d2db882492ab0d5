/** Makes the folder with a copy of Kroma out of a built one, each file checked against the list of the build. */
import { sha256 } from "multiformats/hashes/sha2";
import { KromaError } from "../base/errors.ts";
import type { BlockStore } from "../store/stores.ts";
import type { MountedFolder } from "./directory.ts";
import { buildFiles, type BuildOptions } from "./files.ts";
import { BUILD_PATH, RUNTIME_FOLDER } from "./places.ts";
import { readBuild, type BuildFacts, type RuntimeFile } from "./runtime.ts";

/** Reads a file of the build by its path; rejects when it is not to be had. */
export type ReadRuntimeFile = (path: string) => Promise<Uint8Array>;

/** What the build there consists of, the list of it too. `unavailable` when there is none that can be copied. */
export async function findBuild(read: ReadRuntimeFile): Promise<BuildFacts> {
  let bytes: Uint8Array;
  try {
    bytes = await read(BUILD_PATH);
  } catch (error) {
    const message = "The host of this Kroma does not say what it consists of, so it can't be copied.";
    throw new KromaError("unavailable", message, { cause: error });
  }
  const facts = readBuild(new TextDecoder().decode(bytes));
  const list: RuntimeFile = { path: BUILD_PATH, size: bytes.length, sha256: await digestOf(bytes) };
  return { ...facts, files: [...facts.files, list] };
}

/**
 * Puts these files into the store, as the folder of an artefact. `unavailable` when one of them can't be had or is another build's,
 * as while a host takes a new one.
 */
export async function runtimeFolder(
  files: readonly RuntimeFile[],
  read: ReadRuntimeFile,
  store: BlockStore,
  options: BuildOptions = {},
): Promise<MountedFolder> {
  const content = files.map((file) => ({ path: file.path, content: checked(file, read) }));
  const { cid, bytes } = await buildFiles(content, store, options);
  return { name: RUNTIME_FOLDER, cid, bytes };
}

/** Reads files of a build from the host that serves it at this address, which ends with a slash. */
export function fetchRuntime(base: string, signal?: AbortSignal): ReadRuntimeFile {
  return async (path) => {
    const address = new URL(path.split("/").map(encodeURIComponent).join("/"), base);
    const response = await fetch(address, { cache: "no-cache", ...(signal ? { signal } : {}) });
    if (!response.ok) throw new KromaError("unavailable", `The host of this Kroma does not give its file ${path}.`);
    return new Uint8Array(await response.arrayBuffer());
  };
}

async function* checked({ path, size, sha256: wanted }: RuntimeFile, read: ReadRuntimeFile) {
  const bytes = await read(path);
  if (bytes.length !== size || (await digestOf(bytes)) !== wanted)
    throw new KromaError(
      "unavailable",
      `The file ${path} is not the one of this Kroma: reload the page, and try again.`,
    );
  yield bytes;
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  const { digest } = await sha256.digest(bytes as Uint8Array<ArrayBuffer>);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
