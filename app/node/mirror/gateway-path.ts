/** Follows a path from a root: names in UnixFS directories, links and fields in dag-cbor. */
import * as dagCbor from "@ipld/dag-cbor";
import { CID } from "multiformats/cid";
import { KromaError } from "#core/base/errors.ts";
import { kindOf, listDirectory, type UnixFsKind } from "#core/artefact/unixfs.ts";
import { codecOf } from "#core/store/cid.ts";
import type { BlockSource } from "#core/store/stores.ts";
import { HttpRefusal } from "./gateway-request.ts";

export interface ResolvedPath {
  /** What is at the end. */
  readonly cid: string;
  /** The CID at the root and behind each part of the path, as far as they are links. */
  readonly roots: readonly string[];
}

/** Follows the path. Throws `HttpRefusal`, and what the source throws. */
export async function followPath(
  root: string,
  parts: readonly string[],
  source: BlockSource,
  signal: AbortSignal,
): Promise<ResolvedPath> {
  const roots = [root];
  let at = root;
  /** Where in a dag-cbor block it is. */
  let inside: unknown;
  for (const [index, part] of parts.entries()) {
    const missing = () =>
      new HttpRefusal(404, `There is no "${parts.slice(0, index + 1).join("/")}" in /ipfs/${root}.`);
    let next: string | undefined;
    if (codecOf(at) === "dag-cbor") {
      inside ??= decode(at, await blockOf(at, source, signal));
      if (typeof inside !== "object" || inside === null || !Object.hasOwn(inside, part)) throw missing();
      inside = (inside as Readonly<Record<string, unknown>>)[part];
      const link = CID.asCID(inside);
      if (!link) continue;
      next = link.toString();
    } else {
      if ((await kindHere(at, source, signal)).kind !== "directory") throw missing();
      for await (const { name, cid } of listDirectory(at, source, { signal })) {
        if (name === part) next = cid;
      }
    }
    if (next === undefined) throw missing();
    at = next;
    inside = undefined;
    roots.push(next);
  }
  // The specification knows no answer for a path that ends inside a block.
  if (inside !== undefined) throw new HttpRefusal(501, "This path leads to a part of a block, not to a block.");
  return { cid: at, roots };
}

/** What the CID is to a reader. A block that is as its name says, but neither file nor directory, is `other`. */
export async function kindHere(cid: string, source: BlockSource, signal: AbortSignal): Promise<UnixFsKind> {
  await blockOf(cid, source, signal);
  try {
    return await kindOf(cid, source, { signal });
  } catch (error) {
    if (error instanceof KromaError && error.code === "corrupt") return { kind: "other" };
    throw error;
  }
}

function decode(cid: string, bytes: Uint8Array): unknown {
  try {
    return dagCbor.decode(bytes);
  } catch (error) {
    throw new KromaError("corrupt", `The block ${cid} is no dag-cbor.`, { cause: error });
  }
}

async function blockOf(cid: string, source: BlockSource, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = await source.get(cid, { signal });
  if (!bytes) throw new KromaError("missing", `The block ${cid} is not here.`, { details: { cid } });
  return bytes;
}
