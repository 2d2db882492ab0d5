/**
 * A checksummed journal in two slots. A slot starts with a snapshot frame; frames of records follow, numbered without
 * gaps. One frame holds all records of one commit: after a crash it is there as a whole or not at all. When a slot
 * has grown, a new snapshot goes to the other slot, and counts only once it is complete and on disk.
 *
 *   frame   magic u32, sequence f64, kind u32, length u32, crc32 u32 (of those and the body), body: JSON records
 */
import type { StorageHandle } from "./storage-handle.ts";

/** A record is an array whose first part names it; what it means is the store's. */
export type JournalRecord = readonly [string, ...(readonly unknown[])];

const MAGIC = 0x4b574a32;
const FRAME_HEADER = 24;
const CHECKED = 20;
const RECORDS = 0;
const SNAPSHOT = 1;
const COMPACT_AT = 16 << 20;

interface Frame {
  readonly sequence: number;
  readonly kind: number;
  readonly body: Uint8Array;
  readonly end: number;
}

export class Journal {
  readonly #slots: readonly [StorageHandle, StorageHandle];
  readonly #compactAt: number;
  #current: 0 | 1 = 0;
  #sequence = 0;
  #end = 0;
  #snapshotEnd = 0;

  constructor(slots: readonly [StorageHandle, StorageHandle], compactAt = COMPACT_AT) {
    this.#slots = slots;
    this.#compactAt = compactAt;
  }

  /**
   * Replays the newest complete snapshot and all whole frames after it, and cuts off what is torn.
   * "empty": nothing was ever written. "damaged": something is there and none of it can be read.
   */
  recover(apply: (record: JournalRecord) => void): "recovered" | "empty" | "damaged" {
    const contents = this.#slots.map((slot) => {
      const bytes = new Uint8Array(slot.getSize());
      return bytes.subarray(0, slot.read(bytes, { at: 0 }));
    });
    const firsts = contents
      .map((bytes) => frameAt(bytes, 0))
      .map((frame) => (frame?.kind === SNAPSHOT ? frame : undefined));
    const [a, b] = firsts;
    const current = b && (!a || b.sequence > a.sequence) ? 1 : 0;
    const first = firsts[current];
    const bytes = contents[current];
    if (!first || !bytes) return contents.every((content) => content.length === 0) ? "empty" : "damaged";
    this.#current = current;
    this.#snapshotEnd = first.end;
    for (let frame: Frame | undefined = first; frame;) {
      for (const record of JSON.parse(new TextDecoder().decode(frame.body)) as JournalRecord[]) apply(record);
      this.#sequence = frame.sequence;
      this.#end = frame.end;
      const next = frameAt(bytes, frame.end);
      frame = next?.kind === RECORDS && next.sequence === this.#sequence + 1 ? next : undefined;
    }
    // Old frames behind a torn one would fit again once a new frame of the torn one's size is written.
    if (bytes.length > this.#end) this.#slots[current].truncate(this.#end);
    return "recovered";
  }

  /** True when the slot has grown so much that `compact` is worth its while. */
  get wantsCompaction(): boolean {
    return this.#end > Math.max(this.#compactAt, this.#snapshotEnd * 3);
  }

  /** Bytes in the current slot. */
  get size(): number {
    return this.#end;
  }

  /** Adds one frame. After an exception nothing was added, and it may be tried again. */
  append(records: readonly JournalRecord[]): void {
    const frame = makeFrame(this.#sequence + 1, RECORDS, records);
    writeAll(this.#slots[this.#current], frame, this.#end);
    this.#sequence += 1;
    this.#end += frame.length;
  }

  /** Starts the other slot with a snapshot, on disk when it returns. After an exception the old slot goes on. */
  compact(snapshot: readonly JournalRecord[]): void {
    const next = this.#current === 0 ? 1 : 0;
    const slot = this.#slots[next];
    const frame = makeFrame(this.#sequence + 1, SNAPSHOT, snapshot);
    slot.truncate(0);
    writeAll(slot, frame, 0);
    slot.flush();
    this.#current = next;
    this.#sequence += 1;
    this.#end = this.#snapshotEnd = frame.length;
  }

  flush(): void {
    this.#slots[this.#current].flush();
  }

  close(): void {
    for (const slot of this.#slots) slot.close();
  }
}

function writeAll(slot: StorageHandle, bytes: Uint8Array, at: number): void {
  if (slot.write(bytes, { at }) < bytes.length) {
    throw Object.assign(new Error("The journal could not be written."), { code: "ENOSPC" });
  }
}

function makeFrame(sequence: number, kind: number, records: readonly JournalRecord[]): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(records));
  const frame = new Uint8Array(FRAME_HEADER + body.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, MAGIC);
  view.setFloat64(4, sequence);
  view.setUint32(12, kind);
  view.setUint32(16, body.length);
  frame.set(body, FRAME_HEADER);
  view.setUint32(CHECKED, crc32(body, crc32(frame.subarray(0, CHECKED))));
  return frame;
}

function frameAt(bytes: Uint8Array, at: number): Frame | undefined {
  if (at + FRAME_HEADER > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_HEADER);
  const end = at + FRAME_HEADER + view.getUint32(16);
  if (view.getUint32(0) !== MAGIC || end > bytes.length) return undefined;
  const body = bytes.subarray(at + FRAME_HEADER, end);
  if (crc32(body, crc32(bytes.subarray(at, at + CHECKED))) !== view.getUint32(CHECKED)) return undefined;
  return { sequence: view.getFloat64(4), kind: view.getUint32(12), body, end };
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

/** CRC-32 as in IEEE 802.3; `before` continues an earlier one. */
function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}
