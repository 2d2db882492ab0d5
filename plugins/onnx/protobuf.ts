/**
 * Just enough of protobuf's wire format to look into a file without its schema's code
 * (https://protobuf.dev/programming-guides/encoding/): fields one after another, nothing copied.
 */

/** A field of a message. Length-delimited ones have `bytes`, numbers have `value`. */
export interface Field {
  readonly number: number;
  readonly wire: number;
  readonly value: number;
  readonly bytes: Uint8Array;
}

/** The bytes end in the middle of a field. */
export class CutOff extends Error {
  override readonly name = "CutOff";
  /** Bytes that are missing at least. */
  readonly missing: number;
  constructor(missing: number) {
    super(`${missing} bytes are missing`);
    this.missing = missing;
  }
}

const NOTHING = new Uint8Array();

/** The fields of a message, in order. Throws CutOff at the end of the bytes, another Error where they are no message. */
export function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (let length = 0; length < 10; length++) {
      const byte = bytes[at++];
      if (byte === undefined) throw new CutOff(1);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new Error("a number is too long");
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (number === 0) throw new Error("a field has no number");
    if (wire === 0) {
      yield { number, wire, value: varint(), bytes: NOTHING };
      continue;
    }
    if (wire !== 1 && wire !== 2 && wire !== 5) throw new Error(`wire type ${wire} is unknown`);
    const length = wire === 2 ? varint() : wire === 1 ? 8 : 4;
    if (at + length > bytes.length) throw new CutOff(at + length - bytes.length);
    yield { number, wire, value: 0, bytes: bytes.subarray(at, at + length) };
    at += length;
  }
}

/** A field's text. */
export const textOf = (field: Field): string => new TextDecoder().decode(field.bytes);
