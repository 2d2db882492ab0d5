/** Which way of signing is used here: the browser's own where it really signs as the standard says, noble else. */
import { toBase64Url } from "#core/mesh/encoding.ts";
import { nativeScheme } from "./native.ts";
import { SEED_BYTES, type Algorithm, type Scheme } from "./scheme.ts";

export interface Schemes {
  readonly ed25519: Scheme;
  readonly mlDsa65: Scheme;
}

/**
 * SHA-256 of the public key of the seed of 32 sevens. A browser with an early draft of the algorithm under the same name
 * would sign and verify its own, and nobody else's.
 */
const KNOWN_PUBLIC_KEYS: Readonly<Record<Algorithm, string>> = {
  Ed25519: "_oEsEvOrTOasXbaaw1L5BssbEe9D-zPiUu9_9VImOIk",
  "ML-DSA-65": "06HlHs9JG3nKdpG9JpJx-Njo2UMTpqvMbIrovDS1-ao",
};

let chosen: Promise<Schemes> | undefined;

/** The schemes of this realm, tried once. */
export function chooseSchemes(): Promise<Schemes> {
  chosen ??= choose();
  return chosen;
}

/** Those of noble, whatever the browser has. */
export async function nobleSchemes(): Promise<Schemes> {
  const { nobleEd25519, nobleMlDsa65 } = await import("./noble.ts");
  return { ed25519: nobleEd25519, mlDsa65: nobleMlDsa65 };
}

/** True when the scheme makes the key that others make, signs with it, and tells a wrong signature from a right one. */
export async function works(scheme: Scheme): Promise<boolean> {
  try {
    const { publicKey, privateKey } = await scheme.keyPair(new Uint8Array(SEED_BYTES).fill(7));
    const hash = await crypto.subtle.digest("SHA-256", publicKey.slice());
    if (toBase64Url(new Uint8Array(hash)) !== KNOWN_PUBLIC_KEYS[scheme.algorithm]) return false;
    const bytes = Uint8Array.of(1, 2, 3);
    const signature = await scheme.sign(privateKey, bytes);
    return (
      (await scheme.verify(publicKey, bytes, signature)) &&
      !(await scheme.verify(publicKey, Uint8Array.of(1, 2, 4), signature))
    );
  } catch {
    return false;
  }
}

async function choose(): Promise<Schemes> {
  const [ed25519, mlDsa65] = [nativeScheme("Ed25519"), nativeScheme("ML-DSA-65")];
  const [hasEd25519, hasMlDsa65] = await Promise.all([works(ed25519), works(mlDsa65)]);
  if (hasEd25519 && hasMlDsa65) return { ed25519, mlDsa65 };
  const noble = await nobleSchemes();
  return { ed25519: hasEd25519 ? ed25519 : noble.ed25519, mlDsa65: hasMlDsa65 ? mlDsa65 : noble.mlDsa65 };
}
