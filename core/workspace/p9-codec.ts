/** Numbers and texts of 9P messages: little endian, texts with a 16-bit length. 64-bit numbers up to 2^53. */
import { ERRNO, FsError } from "./errno.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const MESSAGE_HEADER = 7;

/** Reads a message from its start. A message that is too short is EINVAL. */
export class P9Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#step(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#step(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#step(4), true);
  }

  u64(): number {
    return this.u32() + this.u32() * 2 ** 32;
  }

  text(): string {
    return decoder.decode(this.bytes(this.u16()));
  }

  /** A part of the message itself, not copied. */
  bytes(length: number): Uint8Array {
    const at = this.#step(length);
    return this.#bytes.subarray(at, at + length);
  }

  #step(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw new FsError(ERRNO.EINVAL, "a message that is too short");
    this.#at += length;
    return at;
  }
}

/** Writes a message after its header. */
export class P9Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = MESSAGE_HEADER;

  static encode(text: string): Uint8Array {
    return encoder.encode(text);
  }

  get length(): number {
    return this.#at;
  }

  // A step may replace the view: it comes first.
  u8(value: number): void {
    const at = this.#step(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#step(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#step(4);
    this.#view.setUint32(at, value, true);
  }

  u64(value: number): void {
    this.u32(value % 2 ** 32);
    this.u32(Math.floor(value / 2 ** 32));
  }

  text(text: string): void {
    const bytes = encoder.encode(text);
    this.u16(bytes.length);
    this.append(bytes);
  }

  append(bytes: Uint8Array): void {
    const at = this.#step(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Room for `length` bytes that the caller fills; `skip` takes them into the message. */
  reserve(length: number): Uint8Array {
    this.#grow(length);
    return this.#bytes.subarray(this.#at, this.#at + length);
  }

  skip(length: number): void {
    this.#step(length);
  }

  patch32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** The whole message. */
  finish(type: number, tag: number): Uint8Array {
    this.#view.setUint32(0, this.#at, true);
    this.#view.setUint8(4, type);
    this.#view.setUint16(5, tag, true);
    return this.#bytes.subarray(0, this.#at);
  }

  #step(length: number): number {
    this.#grow(length);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #grow(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#at + length, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
