/**
 * JPEG files as pixels, for where there is no browser to decode them; jpeg-js does the decoding. Photographs say in their
 * Exif part how the camera was held, and browsers turn them upright: so does this, that both hosts see the same picture.
 * The tag is that of the Exif standard (CIPA DC-008), the segments are those of ITU T.81, annex B.
 */
import { decode } from "jpeg-js";
import { KromaError } from "#core/base/errors.ts";
import type { Pixels } from "./pixels.ts";

const MOST_MEGAPIXELS = 100;
const MOST_MEBIBYTES = 1024;
const ORIENTATION = 0x0112;

/** Decodes a file, upright. Throws `exhausted` for one that is too large, `corrupt` for a damaged one. */
export function decodeJpeg(bytes: Uint8Array): Pixels {
  let pixels: Pixels;
  try {
    pixels = decode(bytes, {
      useTArray: true,
      formatAsRGBA: true,
      tolerantDecoding: false,
      maxResolutionInMP: MOST_MEGAPIXELS,
      maxMemoryUsageInMB: MOST_MEBIBYTES,
    });
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    if (/limit exceeded|enough memory/.test(said))
      throw new KromaError("exhausted", "The JPEG picture has more pixels than can be read here.", { cause: error });
    throw new KromaError("corrupt", `The JPEG picture is damaged: ${said.slice(0, 200)}.`, { cause: error });
  }
  return upright(pixels, orientationOf(bytes));
}

/** How the picture is stored, 1 to 8 as Exif numbers it; 1, which is upright, where it is not said. */
function orientationOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 4 <= view.byteLength && view.getUint8(at) === 0xff;) {
    const [marker, length] = [view.getUint8(at + 1), view.getUint16(at + 2)];
    // The picture's data begins: no more is said about it.
    if (marker === 0xda || length < 2) break;
    const end = Math.min(at + 2 + length, view.byteLength);
    if (marker === 0xe1) {
      const found = orientationIn(new DataView(view.buffer, view.byteOffset + at + 4, Math.max(0, end - at - 4)));
      if (found !== undefined) return found;
    }
    at = end;
  }
  return 1;
}

/** Looks in the first directory of an Exif segment; undefined for another segment, or without the tag. */
function orientationIn(segment: DataView): number | undefined {
  const TIFF = 6;
  if (segment.byteLength < TIFF + 8 || segment.getUint32(0) !== 0x45_78_69_66) return undefined;
  const isLittle = segment.getUint16(TIFF) === 0x49_49;
  const directory = TIFF + segment.getUint32(TIFF + 4, isLittle);
  if (directory + 2 > segment.byteLength) return undefined;
  const count = segment.getUint16(directory, isLittle);
  for (let index = 0; index < count; index++) {
    const entry = directory + 2 + index * 12;
    if (entry + 12 > segment.byteLength) return undefined;
    if (segment.getUint16(entry, isLittle) !== ORIENTATION) continue;
    const value = segment.getUint16(entry + 8, isLittle);
    return value >= 1 && value <= 8 ? value : undefined;
  }
  return undefined;
}

/** The picture as it is looked at: the stored one mirrored (2, 4, 5, 7) and turned (3 half, 5 to 8 by a quarter). */
function upright({ width, height, data }: Pixels, orientation: number): Pixels {
  if (orientation === 1) return { width, height, data };
  const isTurned = orientation >= 5;
  const [across, down] = isTurned ? [height, width] : [width, height];
  const from = new Uint32Array(data.buffer, data.byteOffset, width * height);
  const to = new Uint32Array(width * height);
  const fromRight = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8;
  const fromBelow = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7;
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      const [x, y] = isTurned ? [row, column] : [column, row];
      to[row * across + column] = from[(fromBelow ? height - 1 - y : y) * width + (fromRight ? width - 1 - x : x)]!;
    }
  }
  return { width: across, height: down, data: new Uint8Array(to.buffer) };
}
