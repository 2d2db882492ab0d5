/**
 * Opens an artefact by any of its names: of its root, of an envelope, or of the published directory. Whoever made it may be
 * anybody: every block comes through a source that is checked here, and nothing is believed that does not follow from the CID
 * and the signatures. Rules: SPEC.md, O1 to O5.
 */
import { KromaError } from "../base/errors.ts";
import type { Signatures } from "../mesh/identity.ts";
import { blockCid, checkForeignBlock, codecOf, inlineBytes, parseCid } from "../store/cid.ts";
import type { BlockSource } from "../store/stores.ts";
import { publishedDirectory, readPublished } from "./directory.ts";
import { ENVELOPE_SCHEMA, decodeEnvelope, verifyEnvelope, type Envelope } from "./envelope.ts";
import {
  decodeCanonical,
  decodeRoot,
  COMPONENTS_PATH,
  MOST_ROOT_BYTES,
  NOTEBOOK_PATH,
  type Manifest,
} from "./manifest.ts";
import { quoted } from "./paths.ts";
import {
  kindOf,
  listFiles,
  readFile,
  readWhole,
  resolvePath,
  type FileEntry,
  type RangeOptions,
  type ReadOptions,
} from "./unixfs.ts";

/** An envelope of the artefact, and whether it holds. */
export interface CheckedEnvelope extends Envelope {
  readonly cid: string;
  /** True only if both signatures are by the author's keys over this root. */
  readonly isValid: boolean;
}

/** The files of an artefact. Names and sizes are checked as they are read. */
export interface ArtefactFiles {
  /** All of them, but for those below entries called as in `except`. */
  list(options?: ReadOptions & { readonly except?: readonly string[] }): Promise<readonly FileEntry[]>;
  /** The bytes of a file, as they come; `missing` when there is none of that path. */
  read(path: string, options?: RangeOptions): AsyncGenerator<Uint8Array>;
  /** A whole file of at most `most` bytes; more is `exhausted`. */
  whole(path: string, most: number, options?: ReadOptions): Promise<Uint8Array>;
}

/** An artefact whose root, and what it names first, are what they say. Who signed it stands in `envelopes`. */
export interface OpenedArtefact {
  readonly root: string;
  readonly manifest: Manifest;
  /** Those that were found, good and bad. */
  readonly envelopes: readonly CheckedEnvelope[];
  readonly files: ArtefactFiles;
}

export interface OpenOptions {
  readonly signatures: Signatures;
  /** CIDs of envelopes that may belong to a root: an index, a mirror, a link's own. */
  readonly envelopes?: (root: string) => Promise<readonly string[]>;
  readonly signal?: AbortSignal;
}

/** Most envelopes of one root that are looked at; anybody can make more. */
const MOST_ENVELOPES = 16;

/**
 * Opens it. `missing` when a block of it is not to be had, `corrupt` when something is not what it says, `invalid` when it is no
 * artefact, or one of a schema or kind that is not known here.
 */
export async function openArtefact(cid: string, source: BlockSource, options: OpenOptions): Promise<OpenedArtefact> {
  const { signatures, signal } = options;
  const checked = checkedSource(source);
  const names = await namesOf(cid, checked, signal);
  const manifest = decodeRoot(await blockOf(names.root, checked, signal));
  const found = (await options.envelopes?.(names.root)) ?? [];
  const cids = [...new Set([...(names.envelope === undefined ? [] : [names.envelope]), ...found])];
  const envelopes: CheckedEnvelope[] = [];
  for (const envelope of cids.slice(0, MOST_ENVELOPES)) {
    const opened = await openEnvelope(envelope, names, checked, signatures, signal);
    if (opened) envelopes.push(opened);
  }
  if (names.directory !== undefined) await checkDirectory(names.directory, manifest, names, checked, signal);
  const files = filesOf(manifest.files, checked);
  await checkNamed(manifest, checked, signal);
  return { root: names.root, manifest, envelopes, files };
}

/** A source that gives only what it was asked for. */
export function checkedSource(source: BlockSource): BlockSource {
  return {
    async get(cid, options) {
      const inline = inlineBytes(cid);
      if (inline) return inline;
      const bytes = await source.get(cid, options);
      return bytes && checkForeignBlock(cid, bytes);
    },
  };
}

/** What an artefact's CID names. */
interface Names {
  readonly root: string;
  readonly envelope?: string;
  readonly directory?: string;
}

async function namesOf(text: string, source: BlockSource, signal: AbortSignal | undefined): Promise<Names> {
  const cid = parseCid(text).toV1().toString();
  switch (codecOf(cid)) {
    case "dag-cbor": {
      const bytes = await blockOf(cid, source, signal);
      const { schema } = decodeCanonical(bytes, MOST_ROOT_BYTES, "The artefact");
      return schema === ENVELOPE_SCHEMA ? { root: decodeEnvelope(bytes).root, envelope: cid } : { root: cid };
    }
    case "dag-pb": {
      const published = await readPublished(cid, source, signal);
      if (published) return { ...published, directory: cid };
      break;
    }
    case "raw":
    case undefined:
  }
  throw new KromaError("invalid", `${cid} is no artefact.`);
}

/** Undefined for an envelope that only an index spoke of, when it is not to be had or is another root's. */
async function openEnvelope(
  cid: string,
  { root, envelope: named }: Names,
  source: BlockSource,
  signatures: Signatures,
  signal: AbortSignal | undefined,
): Promise<CheckedEnvelope | undefined> {
  try {
    const envelope = decodeEnvelope(await blockOf(cid, source, signal));
    if (envelope.root !== root) throw new KromaError("corrupt", "The signature is another artefact's.");
    return { ...envelope, cid, isValid: await verifyEnvelope(envelope, signatures) };
  } catch (error) {
    if (cid === named || !(error instanceof KromaError) || error.code === "aborted") throw error;
    return undefined;
  }
}

/** Nobody signed the directory itself, but it follows from what is signed. */
async function checkDirectory(
  cid: string,
  { files }: Manifest,
  { root, envelope = "" }: Names,
  source: BlockSource,
  signal: AbortSignal | undefined,
): Promise<void> {
  const made = await publishedDirectory({ files, root, envelope }, source, { put: blockCid }, signal);
  if (made !== cid) throw new KromaError("corrupt", "The directory shows other files than those of its artefact.");
}

/** What the root names beside the directory has to be in it. */
async function checkNamed(manifest: Manifest, source: BlockSource, signal: AbortSignal | undefined): Promise<void> {
  const options = signal ? { signal } : {};
  const { files, entry } = manifest;
  const first = await resolvePath(files, entry, source, options);
  if (first === undefined || (await kindOf(first, source, options)).kind !== "file")
    throw new KromaError("corrupt", `Its first file, ${quoted(entry)}, is not among its files.`);
  if (manifest.kind === "notebook" && manifest.notebook === undefined)
    throw new KromaError("corrupt", "It says that it is a notebook, and names none.");
  const named = [
    [NOTEBOOK_PATH, manifest.notebook],
    [COMPONENTS_PATH, manifest.components],
  ] as const;
  for (const [path, cid] of named) {
    if (cid !== undefined && (await resolvePath(files, path, source, options)) !== cid)
      throw new KromaError("corrupt", `It names another ${path} than the one in its files.`);
  }
}

function filesOf(directory: string, source: BlockSource): ArtefactFiles {
  const fileAt = async (path: string, options: ReadOptions | undefined): Promise<string> => {
    const cid = await resolvePath(directory, path, source, options);
    if (cid === undefined) throw new KromaError("missing", `There is no file ${quoted(path)} in it.`);
    return cid;
  };
  return {
    list: (options) => listFiles(directory, source, options),
    async *read(path, options) {
      yield* readFile(await fileAt(path, options), source, options);
    },
    whole: async (path, most, options) => readWhole(await fileAt(path, options), source, most, options),
  };
}

async function blockOf(cid: string, source: BlockSource, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const bytes = await source.get(cid, signal && { signal });
  if (!bytes) throw new KromaError("missing", `The block ${cid} is not here.`, { details: { cid } });
  return bytes;
}
