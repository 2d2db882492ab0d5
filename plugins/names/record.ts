/**
 * Records of names (IPNS): "my name stands for this CID, until then". Made and read by the `ipns` package after
 * https://specs.ipfs.tech/ipns/ipns-record/; the check is ours, for time is an argument here, and only names that have their
 * Ed25519 key in them are taken, whose records carry no key of their own.
 */
import { publicKeyFromRaw } from "@libp2p/crypto/keys";
import type { PrivateKey } from "@libp2p/interface";
import { createIPNSRecordWithExpiration, marshalIPNSRecord, unmarshalIPNSRecord } from "ipns";
import { CID } from "multiformats/cid";
import { base36 } from "multiformats/bases/base36";
import { base58btc } from "multiformats/bases/base58";
import { concatenate } from "#core/base/bytes.ts";
import { KromaError } from "#core/base/errors.ts";
import { fromBase64Url } from "#core/mesh/encoding.ts";
import type { NameSigner, PublicIdentity } from "#core/mesh/identity.ts";
import { parseCid } from "#core/store/cid.ts";

/** A record that holds: its name's key signed it. */
export interface NameRecord {
  /** In base36, as the specification writes names. */
  readonly name: string;
  /** `/ipfs/CID`, with a path behind it or without. */
  readonly value: string;
  /** The CID in it. */
  readonly cid: string;
  /** A higher one replaces a lower one. */
  readonly sequence: bigint;
  /** Unix time in milliseconds after which nobody should believe it. */
  readonly validUntil: number;
  /** How long it may be taken for the newest, in seconds. */
  readonly seconds: number;
  readonly bytes: Uint8Array;
}

export interface NewRecord {
  /** `/ipfs/CID`, or a CID. */
  readonly value: string;
  readonly sequence: bigint;
  readonly validUntil: Date;
}

/** The largest record that the specification allows. */
export const MOST_RECORD_BYTES = 10 * 1024;
/** How long others may keep it before they ask again, in seconds. */
const TTL_SECONDS = 300;
const MOST_TTL_SECONDS = 7 * 86_400;
/** Codec libp2p-key; a protobuf with the type Ed25519 and 32 bytes, in an identity multihash. */
const LIBP2P_KEY = 0x72;
const KEY_HEAD = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);
const PREFIX = new TextEncoder().encode("ipns-signature:");
const MOST_VALUE = 512;

/** The name of somebody's Ed25519 key. */
export function nameOf(identity: Pick<PublicIdentity, "ed25519">): string {
  const digest = concatenate([KEY_HEAD, fromBase64Url(identity.ed25519)]);
  return base36.encode(concatenate([Uint8Array.of(0x01, LIBP2P_KEY), digest]));
}

/** A name in its one spelling; `invalid` for what is none, or has no Ed25519 key in it. */
export function parseName(text: string): string {
  return base36.encode(concatenate([Uint8Array.of(0x01, LIBP2P_KEY), KEY_HEAD, keyOf(text)]));
}

/** A signed record. */
export async function makeRecord(signer: NameSigner, record: NewRecord): Promise<Uint8Array> {
  const key = {
    type: "Ed25519",
    sign(message: Uint8Array) {
      const data = message.subarray(PREFIX.length);
      if (!startsWith(message, PREFIX)) throw new Error("Only the data of records is signed.");
      return signer.signNameRecord(data);
    },
  } as unknown as PrivateKey;
  const made = await createIPNSRecordWithExpiration(
    key,
    valueOf(record.value).value,
    record.sequence,
    record.validUntil.toISOString(),
    { v1Compatible: false, ttlNs: TTL_SECONDS * 1e9 },
  );
  return marshalIPNSRecord(made);
}

/** A record of that name from anywhere. `corrupt` when it is not this name's, `unavailable` once its time is over. */
export async function readRecord(name: string, bytes: Uint8Array, now: number): Promise<NameRecord> {
  if (bytes.length > MOST_RECORD_BYTES) throw new KromaError("corrupt", "The record of the name is too large.");
  const key = keyOf(name);
  const record = unmarshal(bytes);
  if (!(await isSigned(key, record)))
    throw new KromaError("corrupt", "The record is not signed by the name that it is said to be of.");
  const validUntil = Date.parse(record.validity);
  if (Number.isNaN(validUntil)) throw new KromaError("corrupt", "The record does not say how long it is good.");
  if (validUntil < now)
    throw new KromaError("unavailable", `What is known of this name was good until ${record.validity.slice(0, 10)}.`);
  if (record.sequence < 0n || record.sequence >= 2n ** 64n)
    throw new KromaError("corrupt", "The record's number is none that can be.");
  const { value, cid } = valueOf(record.value);
  const ttl = Number((record.ttl ?? 0n) / 1_000_000_000n);
  const seconds = Math.max(0, Math.min(ttl, MOST_TTL_SECONDS, Math.floor((validUntil - now) / 1000)));
  return { name: parseName(name), value, cid, sequence: record.sequence, validUntil, seconds, bytes: bytes.slice() };
}

/** True when `next` takes the place of `known`: by its number, and by its time among those of one number. */
export function isNewer(next: NameRecord, known: NameRecord | undefined): boolean {
  if (!known || next.sequence !== known.sequence) return !known || next.sequence > known.sequence;
  return next.validUntil > known.validUntil;
}

async function isSigned(key: Uint8Array, record: ReturnType<typeof unmarshalIPNSRecord>): Promise<boolean> {
  try {
    return await publicKeyFromRaw(key).verify(concatenate([PREFIX, record.data]), record.signatureV2);
  } catch {
    // One that is not even as long as a signature is thrown at.
    return false;
  }
}

function unmarshal(bytes: Uint8Array): ReturnType<typeof unmarshalIPNSRecord> {
  try {
    const record = unmarshalIPNSRecord(bytes);
    if (record.pubKey !== undefined && record.pubKey.length > 0) throw new Error("a key of its own");
    if (typeof record.sequence !== "bigint") throw new Error("no number");
    return record;
  } catch (error) {
    throw new KromaError("corrupt", "This is not a record of a name.", { cause: error });
  }
}

function valueOf(text: string): { readonly value: string; readonly cid: string } {
  const path = text.startsWith("/") ? text : `/ipfs/${text}`;
  const [, namespace, cid = "", ...rest] = path.split("/");
  if (namespace !== "ipfs" || path.length > MOST_VALUE || /[\p{Cc}\\]/u.test(path) || rest.includes("..")) {
    throw new KromaError("invalid", "A name stands for /ipfs/ and a CID here.");
  }
  const known = parseCid(cid).toV1().toString();
  return { value: ["", "ipfs", known, ...rest.filter((part) => part !== "")].join("/"), cid: known };
}

/** The 32 bytes of the Ed25519 key in a name. */
function keyOf(text: string): Uint8Array {
  const refusal = (cause?: unknown) =>
    new KromaError("invalid", `"${text.slice(0, 80)}" is not a name of IPNS.`, { cause });
  if (text.length > 128) throw refusal();
  let digest: Uint8Array;
  try {
    if (/^(12D3KooW|1[A-HJ-NP-Za-km-z1-9])/.test(text)) digest = base58btc.baseDecode(text);
    else {
      const cid = text.startsWith("k") ? CID.parse(text, base36) : CID.parse(text);
      if (cid.code !== LIBP2P_KEY) throw new Error("another codec");
      digest = cid.multihash.bytes;
    }
  } catch (error) {
    throw refusal(error);
  }
  if (digest.length !== KEY_HEAD.length + 32 || !startsWith(digest, KEY_HEAD)) throw refusal();
  return digest.subarray(KEY_HEAD.length);
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}
