/**
 * The hash that tells whether a cell's outputs belong to its present source. Not cryptographic: it guards against
 * forgetting, not against an attacker, and must be quick enough for every keystroke.
 */

/** 16 hexadecimal digits that depend on every UTF-16 code unit of `source`. */
export function sourceHash(source: string): string {
  // Two 32-bit FNV-1a sums with different offsets and a final mix (after Appleby's MurmurHash3 finaliser).
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let index = 0; index < source.length; index += 1) {
    const unit = source.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ (unit + index), 0x5bd1e995);
    high ^= high >>> 15;
  }
  return hex(mix(low ^ source.length)) + hex(mix(high ^ low));
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

const hex = (value: number): string => value.toString(16).padStart(8, "0");
