/**
 * Which points of Curve25519 an honest Ed25519 key or signature never has: those of small order, which make one signature
 * good for many messages, and those that are not spelled in the one way. Implementations disagree on them, and the WICG
 * draft "Secure Curves" lets each choose; refused here for all, peers agree.
 */

/** The y of the points whose order divides 8, low byte first, without the sign (y = 0, 1, -1, and both of order 8). */
const SMALL_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

/** True for 32 bytes that may be a key's point or the first half of a signature. */
export function isOrdinaryPoint(bytes: Uint8Array): boolean {
  const y = bytes.slice(0, 32);
  y[31] = (y[31] as number) & 0x7f;
  // 2^255 - 19 and above: another spelling of a number below 19.
  const isTooLarge = y[31] === 0x7f && (y[0] as number) >= 0xed && y.subarray(1, 31).every((byte) => byte === 0xff);
  return !isTooLarge && !SMALL_ORDER.includes(hex(y));
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
