/** What of an artefact has to be here to open it. A copy of Kroma in it is many megabytes, and whoever opens it has a Kroma. */
import type { BlockSource } from "../store/stores.ts";
import type { Manifest } from "./manifest.ts";
import { RUNTIME_FOLDER } from "./places.ts";
import { listDirectory } from "./unixfs.ts";

/** The names of what is needed, and the size of the copy of Kroma, where there is one. */
export interface OpeningParts {
  readonly needed: readonly string[];
  readonly runtimeBytes?: number;
}

/** The entry of an artefact's files that opening it does not need. */
export const notNeeded = ({ kind }: Pick<Manifest, "kind">): string | undefined =>
  kind === "notebook" ? RUNTIME_FOLDER : undefined;

/** Everything below the root but the copy of Kroma. */
export async function openingParts(
  manifest: Manifest,
  source: BlockSource,
  signal?: AbortSignal,
): Promise<OpeningParts> {
  const except = notNeeded(manifest);
  const needed = manifest.models.map(({ cid }) => cid);
  let runtimeBytes: number | undefined;
  for await (const { name, cid, size } of listDirectory(manifest.files, source, signal && { signal })) {
    if (name === except) runtimeBytes = size;
    else needed.push(cid);
  }
  return runtimeBytes === undefined ? { needed } : { needed, runtimeBytes };
}
