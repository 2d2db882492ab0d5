/**
 * Random numbers that are the same in every engine, and need no state in a checkpoint: each use has a generator of its own,
 * known by numbers such as the seed, the epoch and the step. It is Chris Doty-Humphrey's sfc32 (PractRand), of 32-bit integers only.
 */

/** What numbers are drawn for; it keeps the uses of one seed apart. */
export const USES = { parameters: 1, chunks: 2, rows: 3, dropout: 4 } as const;

const WARM_UP = 15;

/** Numbers from 0 to below 1, in steps of 2^-24, which float32 holds exactly. */
export function randomNumbers(seed: number, use: number, first = 0, second = 0): () => number {
  let a = seed | 0;
  let b = Math.imul(use, 0x9e3779b1) ^ first;
  let c = second | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 8) / 2 ** 24;
  };
  for (let count = 0; count < WARM_UP; count++) next();
  return next;
}

/** 0 to `length` - 1 in an order of chance (Fisher and Yates). */
export function shuffled(length: number, random: () => number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const kept = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
}
