/**
 * The published directory: what the files of an artefact are, and `.kroma` with its root and its signature. Pinning it keeps
 * everything, and any gateway shows it. It follows from the root and the envelope, so it is checked by making it again.
 * Rules: SPEC.md, D1 to D3.
 */
import * as dagPb from "@ipld/dag-pb";
import { UnixFS } from "ipfs-unixfs";
import { KromaError } from "../base/errors.ts";
import { parseCid } from "../store/cid.ts";
import type { BlockSource, BlockStore } from "../store/stores.ts";
import { throwIfAborted } from "../store/walk.ts";

/** The folder in a published directory that has what Kroma needs. */
export const KROMA_FOLDER = ".kroma";
const ROOT_NAME = "artefact";
const ENVELOPE_NAME = "envelope";

/** A folder whose blocks are in the store already, which goes into a directory under this name. */
export interface MountedFolder {
  readonly name: string;
  readonly cid: string;
  /** Of the files in it. */
  readonly bytes: number;
}

/** The directory with these folders in it, too: the same that it were, had their files been there from the beginning. */
export async function withFolders(
  directory: string,
  folders: readonly MountedFolder[],
  store: BlockStore,
): Promise<string> {
  if (folders.length === 0) return directory;
  const { Links } = plainDirectory(directory, await blockOf(directory, store, undefined));
  const links: dagPb.PBLink[] = [];
  for (const { name, cid } of folders) {
    if ([...Links, ...links].some((taken) => taken.Name === name))
      throw new KromaError("invalid", `The folder "${name}" is among the files already.`);
    const bytes = await blockOf(cid, store, undefined);
    links.push(link(name, cid, totalSize(dagPb.decode(bytes), bytes)));
  }
  return store.put(dagPb.encode(folder([...Links, ...links])), "dag-pb");
}

/** Puts the published directory of these files, root and envelope into the store, and gives its CID. */
export async function publishedDirectory(
  parts: { readonly files: string; readonly root: string; readonly envelope: string },
  source: BlockSource,
  store: Pick<BlockStore, "put">,
  signal?: AbortSignal,
): Promise<string> {
  const [files, root, envelope] = await Promise.all(
    [parts.files, parts.root, parts.envelope].map((cid) => blockOf(cid, source, signal)),
  );
  const own = folder([
    link(ROOT_NAME, parts.root, (root as Uint8Array).length),
    link(ENVELOPE_NAME, parts.envelope, (envelope as Uint8Array).length),
  ]);
  const ownBytes = dagPb.encode(own);
  const ownCid = await store.put(ownBytes, "dag-pb");
  const { Links } = plainDirectory(parts.files, files as Uint8Array);
  if (Links.some(({ Name }) => Name === KROMA_FOLDER))
    throw new KromaError("invalid", `The files of an artefact may not have a folder "${KROMA_FOLDER}".`);
  return store.put(dagPb.encode(folder([...Links, link(KROMA_FOLDER, ownCid, totalSize(own, ownBytes))])), "dag-pb");
}

/** The root and the envelope that a published directory names; undefined for everything else in dag-pb. */
export async function readPublished(
  cid: string,
  source: BlockSource,
  signal?: AbortSignal,
): Promise<{ readonly root: string; readonly envelope: string } | undefined> {
  const directory = directoryOf(await blockOf(cid, source, signal));
  const own = directory && entryOf(directory, KROMA_FOLDER);
  if (own === undefined) return undefined;
  const node = plainDirectory(own, await blockOf(own, source, signal));
  const [root, envelope] = [entryOf(node, ROOT_NAME), entryOf(node, ENVELOPE_NAME)];
  return root === undefined || envelope === undefined ? undefined : { root, envelope };
}

const entryOf = (node: dagPb.PBNode, name: string): string | undefined =>
  node.Links.find(({ Name }) => Name === name)?.Hash.toString();

const link = (name: string, cid: string, size: number): dagPb.PBLink => ({
  Name: name,
  Hash: parseCid(cid),
  Tsize: size,
});

/** Sorted as dag-pb wants it, by bytes of the names (https://ipld.io/specs/codecs/dag-pb/spec/). */
const folder = (links: readonly dagPb.PBLink[]): dagPb.PBNode =>
  dagPb.prepare({ Data: new UnixFS({ type: "directory" }).marshal(), Links: [...links] });

/** What a link to the node has as its size: the block and all below it. */
const totalSize = (node: dagPb.PBNode, bytes: Uint8Array): number =>
  node.Links.reduce((sum, { Tsize = 0 }) => sum + Tsize, bytes.length);

function plainDirectory(cid: string, bytes: Uint8Array): dagPb.PBNode {
  const node = directoryOf(bytes);
  if (!node) throw new KromaError("corrupt", `${cid} is not a directory that an artefact can have.`);
  return node;
}

/** A directory that is one block; undefined for everything else. */
function directoryOf(bytes: Uint8Array): dagPb.PBNode | undefined {
  try {
    const node = dagPb.decode(bytes);
    return node.Data && UnixFS.unmarshal(node.Data).type === "directory" ? node : undefined;
  } catch {
    return undefined;
  }
}

async function blockOf(cid: string, source: BlockSource, signal: AbortSignal | undefined): Promise<Uint8Array> {
  throwIfAborted(signal);
  const bytes = await source.get(cid, signal && { signal });
  if (!bytes) throw new KromaError("missing", `The block ${cid} is not here.`, { details: { cid } });
  return bytes;
}
