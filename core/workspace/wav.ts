/**
 * WAV files as samples, the same in every host: RIFF WAVE with whole numbers of 8 to 32 bits or floats, any number of
 * channels, which are mixed into one (Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0";
 * WAVE_FORMAT_EXTENSIBLE as Microsoft documents it). Recorders that were cut off leave lengths that are not true, so a
 * length is the most that is taken and not a promise.
 */
import { KromaError } from "../base/errors.ts";

/** A sound of one channel. */
export interface Sound {
  /** Samples a second. */
  readonly sampleRate: number;
  /** How many channels were mixed into one. */
  readonly channels: number;
  /** From -1 to 1. */
  readonly samples: Float32Array<ArrayBuffer>;
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xff_fe;
const LEAST_RATE = 1000;
const MOST_RATE = 768_000;
const MOST_CHANNELS = 64;

interface Format {
  readonly kind: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: number;
}

/** Reads one sample at a place. */
type Read = (view: DataView, at: number) => number;

const READERS: Readonly<Record<string, Read>> = {
  "1/8": (view, at) => (view.getUint8(at) - 128) / 2 ** 7,
  "1/16": (view, at) => view.getInt16(at, true) / 2 ** 15,
  "1/24": (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23,
  "1/32": (view, at) => view.getInt32(at, true) / 2 ** 31,
  "3/32": (view, at) => view.getFloat32(at, true),
  "3/64": (view, at) => view.getFloat64(at, true),
};

/** Decodes a file. Throws `invalid` for what is no WAV file or holds another coding, `corrupt` for a damaged one. */
export function decodeWav(bytes: Uint8Array): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || textAt(view, 0) !== "RIFF" || textAt(view, 8) !== "WAVE")
    throw new KromaError("invalid", "This is no WAV sound, the only kind that is read here.");
  let format: Format | undefined;
  let data: { readonly from: number; readonly to: number } | undefined;
  for (let at = 12; at + 8 <= bytes.length && !data;) {
    const from = at + 8;
    const to = Math.min(from + view.getUint32(at + 4, true), bytes.length);
    const name = textAt(view, at);
    if (name === "fmt ") format = readFormat(new DataView(view.buffer, view.byteOffset + from, to - from));
    else if (name === "data") data = { from, to };
    // Chunks begin at even places.
    at = to + ((to - from) % 2);
  }
  if (!format || !data) throw damaged(`it has no ${format ? "data" : "format"}`);
  return samplesOf(view, format, data);
}

function samplesOf(
  view: DataView,
  format: Format,
  { from, to }: { readonly from: number; readonly to: number },
): Sound {
  const { kind, bits, channels, sampleRate } = format;
  const read = READERS[`${kind}/${bits}`];
  if (!read)
    throw new KromaError(
      "invalid",
      `This WAV sound is coded in a way that is not read here (format ${kind}, ${bits} bits): plain samples are.`,
    );
  const size = bits / 8;
  const count = Math.floor((to - from) / (size * channels));
  const samples = new Float32Array(count);
  for (let index = 0; index < count; index++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += read(view, from + (index * channels + channel) * size);
    samples[index] = sum / channels;
  }
  // Floats may be anything; a model shall hear silence and no NaN.
  if (kind === FLOAT) for (const [index, value] of samples.entries()) if (!Number.isFinite(value)) samples[index] = 0;
  return { sampleRate, channels, samples };
}

function readFormat(chunk: DataView): Format {
  if (chunk.byteLength < 16) throw damaged("its format is cut off");
  const tag = chunk.getUint16(0, true);
  // The true kind stands first in the identifier of an extended format.
  const kind = tag === EXTENSIBLE && chunk.byteLength >= 26 ? chunk.getUint16(24, true) : tag;
  const [channels, sampleRate, bits] = [
    chunk.getUint16(2, true),
    chunk.getUint32(4, true),
    chunk.getUint16(14, true),
  ] as const;
  if (channels < 1 || channels > MOST_CHANNELS || sampleRate < LEAST_RATE || sampleRate > MOST_RATE)
    throw damaged(`${channels} channels of ${sampleRate} samples a second make no sense`);
  return { kind: kind === PCM || kind === FLOAT ? kind : tag, channels, sampleRate, bits };
}

const textAt = (view: DataView, at: number): string =>
  String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));

const damaged = (why: string): KromaError => new KromaError("corrupt", `The WAV sound is damaged: ${why}.`);
