/** WAV files made for tests. */

/** How samples are coded. */
export interface Coding {
  readonly bits: 8 | 16 | 24 | 32 | 64;
  readonly isFloat?: boolean;
  readonly channels?: number;
  readonly isExtensible?: boolean;
}

/** A WAV file of these samples, from -1 to 1, channels in turn. */
export function makeWav(
  samples: ArrayLike<number>,
  sampleRate: number,
  { bits, isFloat = false, channels = 1, isExtensible = false }: Coding,
): Uint8Array<ArrayBuffer> {
  const size = bits / 8;
  const head = isExtensible ? 40 : 16;
  const bytes = new Uint8Array(12 + 8 + head + 8 + samples.length * size);
  const view = new DataView(bytes.buffer);
  const text = (at: number, words: string): void => bytes.set(new TextEncoder().encode(words), at);
  text(0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, head, true);
  const kind = isFloat ? 3 : 1;
  view.setUint16(20, isExtensible ? 0xfffe : kind, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * size, true);
  view.setUint16(32, channels * size, true);
  view.setUint16(34, bits, true);
  if (isExtensible) view.setUint16(44, kind, true);
  const data = 20 + head;
  text(data, "data");
  view.setUint32(data + 4, samples.length * size, true);
  for (let index = 0; index < samples.length; index++) {
    const at = data + 8 + index * size;
    const value = samples[index]!;
    const whole = Math.round(value * 2 ** (bits - 1));
    if (isFloat && bits === 32) view.setFloat32(at, value, true);
    else if (isFloat) view.setFloat64(at, value, true);
    else if (bits === 8) view.setUint8(at, whole + 128);
    else for (let byte = 0; byte < size; byte++) view.setUint8(at + byte, Math.floor(whole / 2 ** (8 * byte)) & 255);
  }
  return bytes;
}
