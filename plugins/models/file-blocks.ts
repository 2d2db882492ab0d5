/**
 * The blocks of a kept file, for others: its leaves are stretches of it, and those above them are made anew when somebody asks and
 * remembered. A file under a name has the blocks that `unixfsCid` names.
 */
import * as dagPb from "@ipld/dag-pb";
import { importer } from "ipfs-unixfs-importer";
import type { CID } from "multiformats/cid";
import { codecOf } from "#core/store/cid.ts";
import type { KeptFile } from "./kept-files.ts";
import { LEAF } from "./unixfs.ts";

/** Where the blocks of a file are. */
export interface FileBlocks {
  /** Of leaves: which stretch of the file. */
  readonly leaves: ReadonlyMap<string, number>;
  /** Those above, whole. */
  readonly above: ReadonlyMap<string, Uint8Array>;
}

/** Finds the blocks of a file that is open; all of it is read once. */
export async function blocksOf(file: KeptFile): Promise<FileBlocks> {
  const above = new Map<string, Uint8Array>();
  const keep = {
    put: (cid: CID, bytes: Uint8Array): CID => {
      if (codecOf(cid.toString()) === "dag-pb") above.set(cid.toString(), bytes);
      return cid;
    },
  };
  let root = "";
  for await (const { cid } of importer([{ content: piecesOf(file) }], keep, { profile: "unixfs-v1-2025" }))
    root = cid.toString();
  const leaves = new Map<string, number>();
  let count = 0;
  const ahead = [root];
  for (let cid = ahead.pop(); cid !== undefined; cid = ahead.pop()) {
    const bytes = above.get(cid);
    if (bytes) ahead.push(...linksOf(bytes).reverse());
    else leaves.set(cid, count++);
  }
  return { leaves, above };
}

/** A block, if it is one of the file; undefined otherwise. */
export function readBlock({ leaves, above }: FileBlocks, cid: string, file: KeptFile): Uint8Array | undefined {
  const leaf = leaves.get(cid);
  if (leaf === undefined) return above.get(cid);
  const at = leaf * LEAF;
  const bytes = new Uint8Array(Math.max(0, Math.min(LEAF, file.size - at)));
  file.read(bytes, at);
  return bytes;
}

const linksOf = (bytes: Uint8Array): string[] => dagPb.decode(bytes).Links.map(({ Hash }) => Hash.toString());

function* piecesOf(file: KeptFile): Generator<Uint8Array> {
  for (let at = 0; at < file.size; at += LEAF) {
    const piece = new Uint8Array(Math.min(LEAF, file.size - at));
    file.read(piece, at);
    yield piece;
  }
}
