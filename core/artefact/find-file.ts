/**
 * The file that a CID and a path name: a file itself, one in a directory, or one of an artefact. Of an artefact that is a model
 * the path may be left out: it is its entry then. Nothing is signed here: what comes is what its CID says, and is data.
 */
import { KromaError } from "../base/errors.ts";
import { codecOf, parseCid } from "../store/cid.ts";
import type { BlockSource } from "../store/stores.ts";
import { readPublished } from "./directory.ts";
import { decodeEnvelope, ENVELOPE_SCHEMA } from "./envelope.ts";
import { decodeCanonical, decodeRoot, MOST_ROOT_BYTES, type Manifest } from "./manifest.ts";
import { checkedSource } from "./open.ts";
import { quoted } from "./paths.ts";
import { kindOf, listDirectory, resolvePath } from "./unixfs.ts";

/** A file that was found. */
export interface FoundFile {
  /** CID of the file itself. */
  readonly file: string;
  /** Its name; undefined when nothing gives it one. */
  readonly name?: string;
  readonly size: number;
  /** What the artefact says of itself that it is in. */
  readonly artefact?: Manifest;
}

const MOST_NAMED = 10;

/**
 * Finds it. `missing` when nothing is at that path or a block is not to be had, `invalid` when it is no file, `corrupt` when
 * something is not what its CID says.
 */
export async function findFile(
  text: string,
  path: string,
  source: BlockSource,
  signal?: AbortSignal,
): Promise<FoundFile> {
  const blocks = checkedSource(source);
  const options = signal ? { signal } : {};
  const cid = parseCid(text).toV1().toString();
  const root = await rootOf(cid, blocks, signal);
  const artefact = root === undefined ? undefined : decodeRoot(await blockOf(root, blocks, signal));
  const top = artefact?.files ?? cid;
  const within = path === "" && artefact?.kind === "model" ? artefact.entry : path;
  let file = within === "" ? top : await resolvePath(top, within, blocks, options);
  // Files that a model names beside itself are beside its entry.
  if (file === undefined && artefact?.entry.includes("/") === true)
    file = await resolvePath(top, `${artefact.entry.replace(/[^/]*$/, "")}${within}`, blocks, options);
  if (file === undefined) throw new KromaError("missing", `There is no file ${quoted(within)} in ${cid}.`);
  const what = await kindOf(file, blocks, options);
  if (what.kind === "directory") throw await isFolder(cid, file, within, blocks, signal);
  if (what.kind !== "file") throw new KromaError("invalid", `${cid} is no file that Kroma can read.`);
  const name = within.split("/").pop();
  return {
    file,
    size: what.size,
    ...(name === undefined || name === "" ? {} : { name }),
    ...(artefact ? { artefact } : {}),
  };
}

/** The artefact that a CID names by its root, an envelope or its published directory; undefined when it is none. */
async function rootOf(cid: string, source: BlockSource, signal: AbortSignal | undefined): Promise<string | undefined> {
  const codec = codecOf(cid);
  if (codec === undefined) throw new KromaError("invalid", `${cid} is of a kind that Kroma does not look into.`);
  if (codec === "raw") return undefined;
  if (codec === "dag-pb") return (await readPublished(cid, source, signal))?.root;
  const bytes = await blockOf(cid, source, signal);
  const { schema } = decodeCanonical(bytes, MOST_ROOT_BYTES, "The artefact");
  return schema === ENVELOPE_SCHEMA ? decodeEnvelope(bytes).root : cid;
}

async function isFolder(
  cid: string,
  folder: string,
  path: string,
  source: BlockSource,
  signal: AbortSignal | undefined,
): Promise<KromaError> {
  const names: string[] = [];
  for await (const { name } of listDirectory(folder, source, signal ? { signal } : {})) {
    if (names.length > MOST_NAMED) break;
    names.push(name);
  }
  const shown = names.slice(0, MOST_NAMED).map(quoted).join(", ");
  const rest = names.length > MOST_NAMED ? " and more" : "";
  const what = `ipfs://${cid}${path === "" ? "" : `/${path}`}`;
  return new KromaError("invalid", `${what} is a folder: say which file of it. It has ${shown || "none"}${rest}.`);
}

async function blockOf(cid: string, source: BlockSource, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const bytes = await source.get(cid, signal && { signal });
  if (!bytes) throw new KromaError("missing", `Nobody has the block ${cid}.`, { details: { cid } });
  return bytes;
}
