/** Makes an artefact: its files become blocks, its root names them, its author signs the root. Nothing is pinned here. */
import { KromaError } from "../base/errors.ts";
import type { Signatures, Signer } from "../mesh/identity.ts";
import { blockCid } from "../store/cid.ts";
import type { BlockStore } from "../store/stores.ts";
import { publishedDirectory, withFolders, type MountedFolder } from "./directory.ts";
import { decodeEnvelope, encodeEnvelope, signRoot, verifyEnvelope, type Envelope } from "./envelope.ts";
import { buildFiles, type BuildOptions, type SourceFile } from "./files.ts";
import { COMPONENTS_PATH, encodeRoot, NOTEBOOK_PATH, type Manifest } from "./manifest.ts";
import { quoted } from "./paths.ts";

/**
 * What is published: all that the root says but what follows from the files. A file "notebook.ipynb" is its notebook, a file
 * "custom-elements.json" says what elements it has.
 */
export interface ArtefactParts extends Omit<Manifest, "files" | "notebook" | "components"> {
  readonly content: readonly SourceFile[];
  /** Folders among its files that are blocks already. */
  readonly folders?: readonly MountedFolder[];
}

/** What came of it: the names of all three, and how many bytes of files went in. */
export interface Published {
  readonly root: string;
  readonly envelope: string;
  readonly directory: string;
  readonly bytes: number;
}

export interface PublishOptions extends BuildOptions {
  /**
   * Envelopes of a root that are here already. One of the signer's that holds is taken again: a signature of ML-DSA is another one
   * each time, and publishing the same again would else be another directory.
   */
  readonly known?: {
    readonly envelopes: (root: string) => Promise<readonly string[]>;
    readonly signatures: Signatures;
  };
}

/**
 * Puts all blocks of the artefact into the store. The same parts give the same root, whoever publishes them and when; the
 * envelope is the signer's. `invalid` when something in it may not be. Stopped half-way it leaves blocks that nothing names.
 */
export async function publishArtefact(
  parts: ArtefactParts,
  store: BlockStore,
  signer: Signer,
  options: PublishOptions = {},
): Promise<Published> {
  return seal(parts, await makeFiles(parts, store, options), store, signer, options);
}

/** What is needed of something that was published, to say whether it is published again. */
export interface Forerunner {
  readonly root: string;
  readonly parents: readonly string[];
}

/**
 * Publishes something of which `last` was the latest publication: what has not changed since is the same once more, and anything
 * else a version that comes from it. Without `last` it comes from the parents in its parts.
 */
export async function publishVersion(
  parts: ArtefactParts,
  last: Forerunner | undefined,
  store: BlockStore,
  signer: Signer,
  options: PublishOptions = {},
): Promise<Published & { readonly parents: readonly string[]; readonly isKnown: boolean }> {
  const made = await makeFiles(parts, store, options);
  const again = last && encodeRoot(manifestOf({ ...parts, parents: last.parents }, made));
  const isKnown = again !== undefined && (await blockCid(again, "dag-cbor")) === last?.root;
  const parents = isKnown ? last.parents : last ? [last.root] : parts.parents;
  return { ...(await seal({ ...parts, parents }, made, store, signer, options)), parents, isKnown };
}

/** The files of an artefact, as blocks. */
interface MadeFiles {
  readonly cid: string;
  readonly notebook: string | undefined;
  readonly components: string | undefined;
  readonly bytes: number;
}

async function makeFiles(parts: ArtefactParts, store: BlockStore, options: PublishOptions): Promise<MadeFiles> {
  const { content, folders = [], models, entry, kind } = parts;
  for (const { name, cid } of models) {
    // A link to what nobody can fetch would be an artefact that nobody can keep.
    if (!(await store.has(cid))) throw new KromaError("missing", `The model ${quoted(name)} is not here.`);
  }
  const files = await buildFiles(content, store, options);
  if (!files.entries.has(entry))
    throw new KromaError("invalid", `There is no file ${quoted(entry)} among those to be published.`);
  if (kind === "notebook" && !files.entries.has(NOTEBOOK_PATH))
    throw new KromaError("invalid", `An artefact that is a notebook needs a file "${NOTEBOOK_PATH}".`);
  return {
    cid: await withFolders(files.cid, folders, store),
    notebook: files.entries.get(NOTEBOOK_PATH),
    components: files.entries.get(COMPONENTS_PATH),
    bytes: folders.reduce((sum, { bytes }) => sum + bytes, files.bytes),
  };
}

function manifestOf(parts: ArtefactParts, { cid, notebook, components }: MadeFiles): Manifest {
  const { content: _, folders: __, ...said } = parts;
  return {
    ...said,
    files: cid,
    ...(notebook === undefined ? {} : { notebook }),
    ...(components === undefined ? {} : { components }),
  };
}

async function seal(
  parts: ArtefactParts,
  made: MadeFiles,
  store: BlockStore,
  signer: Signer,
  options: PublishOptions,
): Promise<Published> {
  const root = await store.put(encodeRoot(manifestOf(parts, made)), "dag-cbor");
  const envelope =
    (await ownEnvelope(root, store, signer, options.known)) ??
    (await store.put(encodeEnvelope(await signRoot(root, signer)), "dag-cbor"));
  const directory = await publishedDirectory({ files: made.cid, root, envelope }, store, store, options.signal);
  return { root, envelope, directory, bytes: made.bytes };
}

async function ownEnvelope(
  root: string,
  store: BlockStore,
  { identity }: Signer,
  known: PublishOptions["known"],
): Promise<string | undefined> {
  for (const cid of (await known?.envelopes(root)) ?? []) {
    const envelope = await readEnvelope(cid, store);
    const isOwn =
      envelope?.root === root &&
      envelope.author.ed25519 === identity.ed25519 &&
      envelope.author.mlDsa65 === identity.mlDsa65 &&
      envelope.author.name === identity.name;
    // Anybody can make one with these keys in it, but none that holds.
    if (isOwn && known && (await verifyEnvelope(envelope, known.signatures))) return cid;
  }
  return undefined;
}

async function readEnvelope(cid: string, store: BlockStore): Promise<Envelope | undefined> {
  try {
    const bytes = await store.get(cid);
    return bytes && decodeEnvelope(bytes);
  } catch (error) {
    // Damaged or none at all: then it is signed anew.
    if (error instanceof KromaError) return undefined;
    throw error;
  }
}
