/**
 * A pack: a file of blocks one after the other, each behind a short header, so that many blocks cost one file handle and
 * one flush. Packs only grow at their end; a removed block is marked in its header, and a pack that is mostly removed
 * blocks is rewritten (block-packs.ts). What a crash left at the end is not read, and not written over.
 *
 *   header   magic u32, state u32, length u32, SHA-256 of the bytes (32)
 */
import { CID } from "multiformats/cid";
import * as raw from "multiformats/codecs/raw";
import { create as makeDigest } from "multiformats/hashes/digest";
import { sha256 } from "multiformats/hashes/sha2";
import type { StorageHandle } from "#core/workspace/storage-handle.ts";

/** Where a block's header is, and how long its bytes are. */
export interface PackedBlock {
  readonly at: number;
  readonly length: number;
}

/** A block's header as it stands in the file. */
export interface PackHeader {
  /** As `storedName` gives it. */
  readonly name: string;
  readonly isLive: boolean;
  readonly length: number;
}

export const HEADER_BYTES = 44;
const MAGIC = 0x4b424c31;
const LIVE = 1;
const REMOVED = 2;
const STATE_AT = 4;
const DIGEST_AT = 12;
/** Whatever says more is no header. */
const MOST_LENGTH = 1 << 30;

/** The header at the start of these bytes, or undefined when there is none. */
export function readHeader(bytes: Uint8Array): PackHeader | undefined {
  if (bytes.byteLength < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [state, length] = [view.getUint32(STATE_AT), view.getUint32(8)];
  if (view.getUint32(0) !== MAGIC || (state !== LIVE && state !== REMOVED) || length > MOST_LENGTH) return undefined;
  return { name: nameOf(bytes.slice(DIGEST_AT, HEADER_BYTES)), isLive: state === LIVE, length };
}

/** The name under which a block of that SHA-256 digest is stored (core/store/cid.ts). */
function nameOf(digest: Uint8Array): string {
  return CID.createV1(raw.code, makeDigest(sha256.code, digest)).toString();
}

/** Header and bytes of a block, as they are appended to a pack. */
export function packedBytes(digest: Uint8Array, bytes: Uint8Array): Uint8Array {
  const packed = new Uint8Array(HEADER_BYTES + bytes.byteLength);
  const view = new DataView(packed.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(STATE_AT, LIVE);
  view.setUint32(8, bytes.byteLength);
  packed.set(digest, DIGEST_AT);
  packed.set(bytes, HEADER_BYTES);
  return packed;
}

/** Marks the block whose header is at that place as removed. */
export function markRemoved(handle: StorageHandle, at: number): void {
  const state = new Uint8Array(4);
  new DataView(state.buffer).setUint32(0, REMOVED);
  handle.write(state, { at: at + STATE_AT });
}

/**
 * Calls `visit` for each whole block from `from` on, and answers where the last one ends: the end of the pack, unless a
 * crash left something there. `read` gives the bytes of a stretch, or fewer at the end of the file.
 */
export function scanPack(
  handle: StorageHandle,
  from: number,
  visit: (header: PackHeader, block: PackedBlock) => void,
): number {
  const size = handle.getSize();
  const bytes = new Uint8Array(HEADER_BYTES);
  let at = from;
  while (at + HEADER_BYTES <= size) {
    handle.read(bytes, { at });
    const header = readHeader(bytes);
    if (!header || at + HEADER_BYTES + header.length > size) return at;
    visit(header, { at, length: header.length });
    at += HEADER_BYTES + header.length;
  }
  return at;
}

/** Whether a live block of that name is what begins there. */
export function holds(bytes: Uint8Array, name: string): boolean {
  const header = readHeader(bytes);
  return header?.isLive === true && header.name === name;
}
