/** Brings an artefact into a store, whole, by any of its names, and opens it. */
import type { Signatures } from "../mesh/identity.ts";
import { fetchBlocks, KeptSource, type FetchOptions } from "../store/fetch-blocks.ts";
import type { NamedSource } from "../store/gateway.ts";
import type { BlockStore } from "../store/stores.ts";
import type { ArtefactAddress } from "./address.ts";
import { publishedDirectory } from "./directory.ts";
import type { EnvelopeIndex } from "./envelope-index.ts";
import { openArtefact, type OpenedArtefact } from "./open.ts";

/** An artefact all of whose blocks are in the store. */
export interface FetchedArtefact {
  readonly artefact: OpenedArtefact;
  /** The published directory of the first envelope that holds; undefined when none does. */
  readonly directory: string | undefined;
}

export interface FetchArtefactOptions extends FetchOptions {
  readonly signatures: Signatures;
  readonly index: EnvelopeIndex;
}

/**
 * All blocks of the artefact are in the store when this resolves, and its envelopes in the index; nothing is pinned. The root
 * is opened, and its signatures checked, before the files are asked for. Rejects as `openArtefact` and `fetchBlocks` do.
 */
export async function fetchArtefact(
  address: ArtefactAddress,
  store: BlockStore,
  source: NamedSource,
  options: FetchArtefactOptions,
): Promise<FetchedArtefact> {
  const { signatures, index, signal } = options;
  const kept = new KeptSource(store, source);
  const named = address.envelope === undefined ? [] : [address.envelope];
  const artefact = await openArtefact(address.cid, kept, {
    signatures,
    envelopes: async (root) => [
      ...named,
      ...(await index.of(root)),
      ...((await source.envelopes?.(root, signal && { signal })) ?? []),
    ],
    ...(signal ? { signal } : {}),
  });
  await fetchBlocks([artefact.root], store, source, options);
  let directory: string | undefined;
  for (const { cid, isValid } of artefact.envelopes) {
    if (!isValid) continue;
    await index.add(artefact.root, cid);
    directory ??= await publishedDirectory(
      { files: artefact.manifest.files, root: artefact.root, envelope: cid },
      store,
      store,
      signal,
    );
  }
  return { artefact, directory };
}
