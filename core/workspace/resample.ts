/**
 * Samples at another rate: a low-pass filter of windowed sinc functions, one for each phase between the two rates (Julius
 * O. Smith, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/). What the new rate can't hold is
 * filtered out, so that it does not come back as a false tone.
 */

/** Zero crossings of the sinc function on each side. */
const CROSSINGS = 16;
/** The filter ends a little below the highest tone that the lower rate holds. */
const ROLL_OFF = 0.95;

/** The same sound at the rate `to`; the samples themselves when that is their rate. */
export function resampled(samples: Float32Array<ArrayBuffer>, from: number, to: number): Float32Array<ArrayBuffer> {
  if (from === to) return samples;
  const common = divisor(from, to);
  const [step, phases] = [from / common, to / common];
  const cut = Math.min(1, to / from) * ROLL_OFF;
  const reach = Math.ceil(CROSSINGS / cut);
  const filters = new Map<number, Float32Array>();
  const result = new Float32Array(Math.floor((samples.length * to) / from));
  for (let index = 0; index < result.length; index++) {
    const place = index * step;
    const middle = Math.floor(place / phases);
    const phase = place % phases;
    const filter = filters.get(phase) ?? filterOf(phase / phases, cut, reach);
    filters.set(phase, filter);
    let sum = 0;
    const first = middle - reach + 1;
    for (let tap = 0; tap < filter.length; tap++) sum += (samples[first + tap] ?? 0) * filter[tap]!;
    result[index] = sum;
  }
  return result;
}

/** The weights of the samples around a place that lies `offset` behind one of them; together they are 1. */
function filterOf(offset: number, cut: number, reach: number): Float32Array {
  const weights = Float64Array.from({ length: 2 * reach }, (_, tap) => {
    const distance = tap - reach + 1 - offset;
    const x = Math.PI * distance * cut;
    const window = Math.cos((Math.PI * distance) / (2 * reach)) ** 2;
    return (x === 0 ? 1 : Math.sin(x) / x) * window;
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Float32Array.from(weights, (weight) => weight / sum);
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
