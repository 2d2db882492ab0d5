/**
 * Which models the cells of a notebook load by their CID, as far as it can be seen without running them, and the links by which its
 * artefact names them: whoever keeps the artefact keeps them too.
 */
import { KromaError } from "../base/errors.ts";
import { fetchBlocks, type FetchOptions } from "../store/fetch-blocks.ts";
import type { BlockSource, BlockStore } from "../store/stores.ts";
import { findFile } from "./find-file.ts";
import type { ModelName } from "./kept-models.ts";
import type { ModelLink } from "./manifest.ts";
import { readModelAddress } from "./model-address.ts";
import { listFiles } from "./unixfs.ts";
import type { Source } from "./used-files.ts";

/** More are not looked at; an artefact names no more. */
const MOST_MODELS = 100;
/** Only code that has to do with `kroma.ml` is meant. */
const LOADS = /\bml\b/;
const CONTENT = /(?:ipfs:\/\/|\/ipfs\/)[A-Za-z0-9]{46,512}(?:\/[^\s"'`<>()\\]*)?/g;
const CALLED = /\bload\(\s*["'`]([A-Za-z0-9]{46,512})["'`]/g;

/** The models that code loads by CID, in the order they stand there, each once. */
export function usedModels(cells: readonly Source[]): readonly ModelName[] {
  const code = cells.filter(({ language }) => language !== "markdown" && language !== "raw");
  if (!code.some(({ source }) => LOADS.test(source))) return [];
  const found = new Map<string, ModelName>();
  for (const { source } of code) {
    const written = [...source.matchAll(CONTENT)].map(([text]) => text);
    for (const text of [...written, ...[...source.matchAll(CALLED)].flatMap(([, cid]) => cid ?? [])]) {
      const name = nameIn(text);
      if (name && found.size < MOST_MODELS) found.set(`${name.cid}/${name.path}`, name);
    }
  }
  return [...found.values()];
}

/** Brings all of each model into the store, and gives the links to them. `missing` when one is not to be had. */
export async function linkModels(
  names: readonly ModelName[],
  blocks: BlockStore,
  source: BlockSource,
  options: FetchOptions = {},
): Promise<readonly ModelLink[]> {
  const links = new Map<string, ModelLink>();
  for (const { cid, path } of names) {
    if (links.has(cid)) continue;
    try {
      await fetchBlocks([cid], blocks, source, options);
    } catch (error) {
      if (!(error instanceof KromaError) || error.code === "aborted") throw error;
      const said = `The notebook loads the model ipfs://${cid}, which can't go with it: ${error.message}`;
      throw new KromaError(error.code, said, { cause: error });
    }
    links.set(cid, { cid, ...(await sizeOf({ cid, path }, blocks, options.signal)) });
  }
  return [...links.values()];
}

async function sizeOf(
  { cid, path }: ModelName,
  blocks: BlockStore,
  signal: AbortSignal | undefined,
): Promise<{ readonly name: string; readonly size: number }> {
  try {
    const { name = cid, size } = await findFile(cid, path, blocks, signal);
    return { name, size };
  } catch (error) {
    if (!(error instanceof KromaError) || error.code !== "invalid") throw error;
    // A folder, of which cells say the file elsewhere.
    const files = await listFiles(cid, blocks, signal ? { signal } : {});
    return { name: cid, size: files.reduce((sum, file) => sum + file.size, 0) };
  }
}

function nameIn(text: string): ModelName | undefined {
  try {
    const address = readModelAddress(text);
    return address?.type === "content" ? { cid: address.cid, path: address.path } : undefined;
  } catch {
    return undefined;
  }
}
