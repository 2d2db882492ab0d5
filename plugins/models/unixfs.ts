/**
 * A file's name in IPFS, without storing its blocks anywhere: UnixFS with raw leaves of 1 MiB and up to 1,024 children,
 * the profile "unixfs-v1-2025" (IPIP-499). A peer that has the file under this name has the same bytes.
 */
import { importer } from "ipfs-unixfs-importer";
import type { CID } from "multiformats/cid";

/** Bytes of a leaf. */
export const LEAF = 1024 * 1024;

/** The CID of bytes that come piece by piece. */
export async function unixfsCid(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const nowhere = { put: (cid: CID): CID => cid };
  let root = "";
  for await (const { cid } of importer([{ content: pieces }], nowhere, { profile: "unixfs-v1-2025" })) {
    root = cid.toString();
  }
  return root;
}
