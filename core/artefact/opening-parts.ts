/** What of an artefact has to be here to open it. A copy of Kroma in it is many megabytes, and whoever opens it has a Kroma; Linux, too. */
import type { BlockSource } from "../store/stores.ts";
import type { Manifest } from "./manifest.ts";
import { LINUX_FOLDER, RUNTIME_FOLDER } from "./places.ts";
import { listDirectory } from "./unixfs.ts";

/** The names of what is needed, and the size of the copy of Kroma with its Linux, where there is one. */
export interface OpeningParts {
  readonly needed: readonly string[];
  readonly runtimeBytes?: number;
}

/** The entries of an artefact's files that opening it does not need. */
export const notNeeded = ({ kind }: Pick<Manifest, "kind">): readonly string[] =>
  kind === "notebook" ? [RUNTIME_FOLDER, LINUX_FOLDER] : [];

/** Everything below the root but the copy of Kroma and its Linux. */
export async function openingParts(
  manifest: Manifest,
  source: BlockSource,
  signal?: AbortSignal,
): Promise<OpeningParts> {
  const except = notNeeded(manifest);
  const needed = manifest.models.map(({ cid }) => cid);
  let runtimeBytes: number | undefined;
  for await (const { name, cid, size } of listDirectory(manifest.files, source, signal && { signal })) {
    if (except.includes(name)) runtimeBytes = (runtimeBytes ?? 0) + size;
    else needed.push(cid);
  }
  return runtimeBytes === undefined ? { needed } : { needed, runtimeBytes };
}
