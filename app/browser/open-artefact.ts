/** How a published notebook becomes one of the library, and how its files come into that notebook's workspace. */
import type { ArtefactSummary } from "#core/artefact/messages.ts";
import { NOTEBOOK_PATH } from "#core/artefact/manifest.ts";
import { forkMetadata } from "#core/artefact/notebook-facts.ts";
import { WORKSPACE_FOLDER } from "#core/artefact/places.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { LibraryClient } from "#core/notebook/client.ts";
import { readFile } from "#core/notebook/formats.ts";
import type { LibraryEntry } from "#core/notebook/messages.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { Artefacts } from "#kit/artefacts.ts";

/**
 * The notebook of an artefact, all of which is here: as it was published, once, or a fork, which is one's own. It is foreign
 * until somebody trusts it, a fork too, for its code is another's.
 */
export async function openAsNotebook(
  artefact: Pick<ArtefactSummary, "root" | "title" | "signed">,
  isFork: boolean,
  { library, artefacts }: { readonly library: LibraryClient; readonly artefacts: Artefacts },
): Promise<DocumentId> {
  const { root, title } = artefact;
  await library.listed;
  const known = library.entries.find((entry) => entry.artefact?.root === root && !entry.artefact.isFork);
  if (!isFork && known) return known.document;
  const bytes = await artefacts.client().read(root, NOTEBOOK_PATH);
  const isOwn = artefact.signed.some(({ standing }) => standing === "you");
  const { document } = await library.import(NOTEBOOK_PATH, bytes, {
    artefact: { root, isFork },
    foreign: !isOwn,
    ...(isFork ? {} : { origin: `ipfs://${root}`, once: true }),
  });
  const { notebook } = readFile(NOTEBOOK_PATH, bytes);
  await library.change(document, [
    { type: "set_title", title: isFork ? `${title} (fork)` : title },
    ...(isFork ? [{ type: "set_metadata", metadata: forkMetadata(notebook, root) } as const] : []),
  ]);
  return document;
}

/**
 * Puts the files that were published with a notebook into its workspace, but for those that are there. Once is enough: what a
 * person deleted later stays deleted.
 */
export async function prepareArtefactFiles(
  entry: Pick<LibraryEntry, "artefact">,
  workspace: Workspace | undefined,
  artefacts: Artefacts,
): Promise<void> {
  const root = entry.artefact?.root;
  if (root === undefined || !workspace || (await workspace.stat(DONE))) return;
  const client = artefacts.client();
  const { files } = await client.open(root, { from: [] });
  for (const { path } of files) {
    if (!path.startsWith(WORKSPACE_FOLDER)) continue;
    const place = path.slice(WORKSPACE_FOLDER.length);
    if (place.split("/", 1)[0] === KROMA_FOLDER || (await workspace.stat(place))) continue;
    await workspace.write(place, await client.read(root, path));
  }
  await workspace.write(DONE, new TextEncoder().encode(root));
}

/** The folder of a workspace that is Kroma's own. */
const KROMA_FOLDER = ".kroma";
/** Says that the files came already. */
const DONE = `${KROMA_FOLDER}/artefact`;
