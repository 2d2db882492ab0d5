/** How bytes, hashes and signed texts are spelled in what peers say to each other. Nothing else spells them. */
import { base32 } from "multiformats/bases/base32";
import { base64url } from "multiformats/bases/base64";
import { canonicalJson } from "../base/canonical-json.ts";

const encoder = new TextEncoder();
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Bytes as base64url without padding (RFC 4648, section 5). */
export const toBase64Url = (bytes: Uint8Array): string => base64url.baseEncode(bytes);

/** The bytes of a base64url text; throws a plain Error when it is none. */
export const fromBase64Url = (text: string): Uint8Array => base64url.baseDecode(text);

/** True for the one spelling of some bytes, without making them. */
export function isBase64Url(text: string): boolean {
  // The bits of the last character that belong to no byte are zero.
  const leftOver = [0, 63, 15, 3][text.length % 4] as number;
  return /^[\w-]*$/.test(text) && (ALPHABET.indexOf(text.at(-1) ?? "A") & leftOver) === 0 && leftOver !== 63;
}

/** The length of the base64url text of `bytes` bytes. */
export const base64UrlLength = (bytes: number): number => Math.ceil((bytes * 4) / 3);

/** The canonical JSON of a value, in UTF-8. */
export const jsonBytes = (value: unknown): Uint8Array<ArrayBuffer> => encoder.encode(canonicalJson(value));

/**
 * What is really signed or hashed: the domain, a zero byte, the bytes. A domain has no zero byte, so what was signed
 * for one purpose never passes for another (SPEC I3).
 */
export function domainBytes(domain: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const prefix = encoder.encode(`${domain}\0`);
  const whole = new Uint8Array(prefix.length + bytes.length);
  whole.set(prefix);
  whole.set(bytes, prefix.length);
  return whole;
}

/** SHA-256 of the bytes under that domain, as multibase base32: "b" and 52 characters of [a-z2-7]. */
export async function domainHash(domain: string, bytes: Uint8Array): Promise<string> {
  return base32.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", domainBytes(domain, bytes))));
}
