/** Which blocks a block names. Of codecs that Kroma does not look into (codecOf) a block is a leaf, kept as it is. */
import * as dagCbor from "@ipld/dag-cbor";
import * as dagPb from "@ipld/dag-pb";
import { CID } from "multiformats/cid";
import { KromaError } from "../base/errors.ts";
import { codecOf } from "./cid.ts";

/** The CIDs in a block, in its own order, as they are spelled there. `corrupt` when it is not what its codec says. */
export function linksOf(cid: string, bytes: Uint8Array): readonly string[] {
  try {
    switch (codecOf(cid)) {
      case "dag-pb":
        return dagPb.decode(bytes).Links.map(({ Hash }) => Hash.toString());
      case "dag-cbor":
        return linksIn(dagCbor.decode(bytes));
      case "raw":
      case undefined:
        return [];
    }
  } catch (error) {
    if (error instanceof KromaError) throw error;
    throw new KromaError("corrupt", `The block ${cid} can't be read: it is not what its name says.`, { cause: error });
  }
}

/** Without recursion, for how deep the value goes is up to whoever made it. */
function linksIn(value: unknown): readonly string[] {
  const links: string[] = [];
  const ahead: unknown[] = [value];
  while (ahead.length > 0) {
    const next = ahead.pop();
    if (typeof next !== "object" || next === null || next instanceof Uint8Array) continue;
    const link = CID.asCID(next);
    if (link) links.push(link.toString());
    else ahead.push(...(Array.isArray(next) ? next : Object.values(next)).reverse());
  }
  return links;
}
