/**
 * Names of blocks: CIDs. Kroma's own are version 1, SHA2-256, base32; those of others are taken as they are spelled, as long as
 * their hash can be checked here. A store keeps a block under the raw name of its hash, so one block has one place whatever its
 * codec is called.
 */
import { CID } from "multiformats/cid";
import * as raw from "multiformats/codecs/raw";
import { identity } from "multiformats/hashes/identity";
import { sha256 } from "multiformats/hashes/sha2";
import { KromaError } from "../base/errors.ts";

/** What the bytes of a block are: a file's, a UnixFS node's, or plain data with links. */
export type BlockCodec = "raw" | "dag-pb" | "dag-cbor";

/** Numbers of the codecs (multiformats.io, table of multicodecs). */
export const CODECS: Readonly<Record<BlockCodec, number>> = { raw: raw.code, "dag-pb": 0x70, "dag-cbor": 0x71 };

/**
 * Most bytes of a block that goes to others or comes from them; more is what IPFS peers refuse too. A notebook's own big outputs
 * are kept here as blocks of any size.
 */
export const MOST_BLOCK_BYTES = 2 * 1024 * 1024;
/** The longest CID that is looked at; those with a hash have about 60 characters, those with inline bytes more. */
const MOST_CID_LENGTH = 512;

/** The name of these bytes. */
export async function blockCid(bytes: Uint8Array, codec: BlockCodec = "raw"): Promise<string> {
  return CID.createV1(CODECS[codec], await sha256.digest(unshared(bytes))).toString();
}

/** The bytes, once they are known to be those of that name; `corrupt` otherwise, `invalid` for a name of no use here. */
export async function checkBlock(cid: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (!(await isNamed(cid, bytes))) throw new KromaError("corrupt", `The stored block ${cid} is damaged.`);
  return bytes;
}

/** The same for a block that came from outside: it is also `corrupt` when it is larger than a block may be. */
export async function checkForeignBlock(cid: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.byteLength > MOST_BLOCK_BYTES)
    throw new KromaError("corrupt", `The block ${cid} is larger than the 2 MiB that a block may have.`);
  if (!(await isNamed(cid, bytes))) throw new KromaError("corrupt", `What came as the block ${cid} is something else.`);
  return bytes;
}

async function isNamed(cid: string, bytes: Uint8Array): Promise<boolean> {
  const { multihash } = parseCid(cid);
  const digest = multihash.code === identity.code ? bytes : (await sha256.digest(unshared(bytes))).digest;
  return isSame(digest, multihash.digest);
}

/** A text as a CID whose hash can be checked here; `invalid` when it is none. */
export function parseCid(text: string): CID {
  let cid: CID;
  try {
    if (text.length > MOST_CID_LENGTH) throw new Error("too long");
    cid = CID.parse(text);
  } catch (error) {
    throw new KromaError("invalid", `"${text.slice(0, 80)}" is not a CID.`, { cause: error });
  }
  if (cid.multihash.code === sha256.code && cid.multihash.digest.length === 32) return cid;
  if (cid.multihash.code === identity.code) return cid;
  throw new KromaError("invalid", `${text} has a hash that Kroma can't check; it checks SHA2-256.`);
}

/** What the bytes of that name are; undefined for a codec that Kroma does not look into. */
export function codecOf(cid: string): BlockCodec | undefined {
  const { code } = parseCid(cid);
  return (Object.keys(CODECS) as BlockCodec[]).find((codec) => CODECS[codec] === code);
}

/** The name under which stores keep the block, which is the same for every codec and version. */
export function storedName(cid: string): string {
  const { multihash } = parseCid(cid);
  return CID.createV1(raw.code, multihash).toString();
}

/** The bytes of a CID that carries them itself; undefined for one with a hash. Such a block is in every store. */
export function inlineBytes(cid: string): Uint8Array | undefined {
  const { multihash } = parseCid(cid);
  return multihash.code === identity.code ? multihash.digest.slice() : undefined;
}

/** The same bytes; copied only from shared memory, which cryptography does not take. */
function unshared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
