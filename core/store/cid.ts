/** Names of blocks: CID version 1, raw codec, SHA2-256, base32. */
import { CID } from "multiformats/cid";
import * as raw from "multiformats/codecs/raw";
import { sha256 } from "multiformats/hashes/sha2";
import { KromaError } from "../base/errors.ts";

/** The name of these bytes. */
export async function blockCid(bytes: Uint8Array): Promise<string> {
  return CID.createV1(raw.code, await sha256.digest(new Uint8Array(bytes))).toString();
}

/** The bytes, once they are known to be those of that name; `corrupt` otherwise. */
export async function checkBlock(cid: string, bytes: Uint8Array): Promise<Uint8Array> {
  if ((await blockCid(bytes)) !== cid) throw new KromaError("corrupt", `The stored block ${cid} is damaged.`);
  return bytes;
}
