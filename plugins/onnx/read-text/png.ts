/**
 * PNG files as pixels, for where there is no browser to decode them: the Portable Network Graphics specification
 * (https://www.w3.org/TR/png-3/), all colour types and depths, not interlaced. Node has no decoder of pictures.
 */
import { unzlibSync } from "fflate";
import { concatenate } from "#core/base/bytes.ts";
import { KromaError } from "#core/base/errors.ts";
import type { Pixels } from "./pixels.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Samples of a pixel by colour type. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const MOST_PIXELS = 100e6;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
}

/** Decodes a file. Throws `invalid` for another kind of file, `corrupt` for a damaged one. */
export function decodePng(bytes: Uint8Array): Pixels {
  if (!SIGNATURE.every((byte, index) => bytes[index] === byte))
    throw new KromaError(
      "invalid",
      "This is no picture that can be read here: outside of a browser those are PNG and JPEG files.",
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Header | undefined;
  let palette = new Uint8Array();
  let opacities = new Uint8Array();
  const packed: Uint8Array[] = [];
  for (let at = SIGNATURE.length; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const content = bytes.slice(at + 8, at + 8 + length);
    if (kind === "IHDR") header = readHeader(content);
    else if (kind === "PLTE") palette = content;
    else if (kind === "tRNS") opacities = content;
    else if (kind === "IDAT") packed.push(content);
    else if (kind === "IEND") break;
    at += 12 + length;
  }
  if (!header) throw damaged("it has no header");
  const rows = unfiltered(header, unpacked(header, concatenate(packed)));
  return { width: header.width, height: header.height, data: colours(header, rows, palette, opacities) };
}

const damaged = (why: string): KromaError => new KromaError("corrupt", `The PNG picture is damaged: ${why}.`);

function readHeader(content: Uint8Array): Header {
  if (content.length < 13) throw damaged("its header is cut off");
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth = 0, colour = 0, , , interlace = 0] = content.subarray(8);
  if (!width || !height || !SAMPLES[colour] || ![1, 2, 4, 8, 16].includes(depth))
    throw damaged("its header makes no sense");
  if (width * height > MOST_PIXELS)
    throw new KromaError("exhausted", `The picture has ${width} × ${height} pixels, which is too many.`);
  if (interlace !== 0) throw new KromaError("invalid", "Interlaced PNG pictures can't be read outside of a browser.");
  return { width, height, depth, colour };
}

const bitsOf = ({ depth, colour }: Header): number => depth * (SAMPLES[colour] ?? 1);
const rowLength = (header: Header): number => Math.ceil((header.width * bitsOf(header)) / 8);

function unpacked(header: Header, packed: Uint8Array): Uint8Array {
  const size = (rowLength(header) + 1) * header.height;
  try {
    // The buffer is of the size it must have: a bomb does not fit.
    const rows = unzlibSync(packed, { out: new Uint8Array(size) });
    if (rows.length === size) return rows;
  } catch (error) {
    throw new KromaError("corrupt", "The PNG picture is damaged: its pixels can't be unpacked.", { cause: error });
  }
  throw damaged("rows are missing");
}

/** Undoes the filter of each row. */
function unfiltered(header: Header, rows: Uint8Array): Uint8Array {
  const length = rowLength(header);
  const step = Math.max(1, bitsOf(header) >> 3);
  const result = new Uint8Array(length * header.height);
  for (let row = 0; row < header.height; row++) {
    const filter = rows[row * (length + 1)];
    const from = row * (length + 1) + 1;
    const to = row * length;
    for (let at = 0; at < length; at++) {
      const left = at >= step ? result[to + at - step]! : 0;
      const up = row > 0 ? result[to + at - length]! : 0;
      const corner = at >= step && row > 0 ? result[to + at - length - step]! : 0;
      result[to + at] = rows[from + at]! + predicted(filter, left, up, corner);
    }
  }
  return result;
}

function predicted(filter: number | undefined, left: number, up: number, corner: number): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4: {
      const guess = left + up - corner;
      const [toLeft, toUp, toCorner] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
      if (toLeft <= toUp && toLeft <= toCorner) return left;
      return toUp <= toCorner ? up : corner;
    }
    default:
      throw damaged("a row has an unknown filter");
  }
}

function colours(header: Header, rows: Uint8Array, palette: Uint8Array, opacities: Uint8Array): Uint8Array {
  const { width, height, depth, colour } = header;
  const samples = SAMPLES[colour] ?? 1;
  const length = rowLength(header);
  const largest = 2 ** depth - 1;
  const data = new Uint8Array(width * height * 4);
  const sample = (row: number, index: number): number => {
    if (depth === 8) return rows[row * length + index]!;
    if (depth === 16) return rows[row * length + index * 2]!;
    const bit = index * depth;
    const value = (rows[row * length + (bit >> 3)]! >> (8 - depth - (bit & 7))) & largest;
    return colour === 3 ? value : (value * 255) / largest;
  };
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++, to += 4) {
      const at = column * samples;
      const first = sample(row, at);
      data[to + 3] = 255;
      if (colour === 3) {
        data.set(palette.subarray(first * 3, first * 3 + 3), to);
        data[to + 3] = opacities[first] ?? 255;
      } else if (samples < 3) {
        data.fill(first, to, to + 3);
        if (samples === 2) data[to + 3] = sample(row, at + 1);
      } else {
        data[to] = first;
        data[to + 1] = sample(row, at + 1);
        data[to + 2] = sample(row, at + 2);
        if (samples === 4) data[to + 3] = sample(row, at + 3);
      }
    }
  }
  return data;
}
