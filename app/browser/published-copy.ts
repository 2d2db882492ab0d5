/**
 * What this copy of Kroma was published with, where it is one: at an IPFS gateway the artefact itself, whose signature can be checked;
 * on any other host the files beside the copy, as their host gives them.
 */
import { type ArtefactAddress, readAddress } from "#core/artefact/address.ts";
import { COPY_PATH, WORKSPACE_FOLDER } from "#core/artefact/places.ts";
import { readCopyFacts, type CopyFacts } from "#core/artefact/runtime.ts";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { LibraryClient } from "#core/notebook/client.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { Artefacts } from "#kit/artefacts.ts";
import { fetchBytes } from "./library/shipped.ts";

/** The folder that the copy is in. */
const above = (): string => new URL("../", document.baseURI).href;

async function copyFacts(): Promise<CopyFacts> {
  const bytes = await fetchBytes(new URL(COPY_PATH, above()).href, "What this Kroma came with");
  return readCopyFacts(new TextDecoder().decode(bytes));
}

/** The artefact's address, where its host is a gateway that gives blocks; undefined on any other host. */
export async function artefactAbove(artefacts: Artefacts): Promise<ArtefactAddress | undefined> {
  const address = readAddress(above());
  if (!address) return undefined;
  try {
    await artefacts.client().open(address.cid, { from: address.from });
    return address;
  } catch (error) {
    // A tampered one is not opened in another way.
    if (error instanceof KromaError && error.code === "corrupt") throw error;
    return undefined;
  }
}

/** The document of the notebook beside the copy; imported the first time, and foreign until trusted. */
export async function openNotebookAbove(library: LibraryClient): Promise<DocumentId> {
  const facts = await copyFacts();
  const origin = new URL(facts.notebook, above()).href;
  await library.listed;
  const known = library.entries.find((entry) => entry.origin === origin);
  if (known) return known.document;
  const bytes = await fetchBytes(origin, "The notebook");
  const { document } = await library.import(facts.notebook, bytes, { origin, foreign: true, once: true });
  if (facts.title !== "") await library.change(document, [{ type: "set_title", title: facts.title }]);
  return document;
}

/** Puts the files beside the copy into the workspace of its notebook, where they are not there yet; nothing for any other notebook. */
export async function prepareFilesAbove(origin: string, workspace: Workspace | undefined): Promise<void> {
  if (!workspace) return;
  const facts = await copyFacts();
  if (origin !== new URL(facts.notebook, above()).href) return;
  for (const path of facts.files) {
    if (await workspace.stat(path)) continue;
    const address = `${WORKSPACE_FOLDER}${path}`.split("/").map(encodeURIComponent).join("/");
    await workspace.write(path, await fetchBytes(new URL(address, above()).href, path));
  }
}
