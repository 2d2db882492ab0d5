/**
 * Signatures by WebCrypto. Ed25519 is in every current browser; ML-DSA-65 (FIPS 204) in Chromium 156 and Node 24, under
 * the names of the WICG draft "Modern Algorithms in the Web Cryptography API", which TypeScript does not know yet.
 */
import { fromBase64Url } from "#core/mesh/encoding.ts";
import { SEED_BYTES, type Algorithm, type KeyPair, type PrivateKey, type Scheme } from "./scheme.ts";

/** So many public keys stay imported; importing one anew costs as much as a check. */
const REMEMBERED_KEYS = 128;
/** PKCS #8 of an Ed25519 seed is this and the seed (RFC 8410, section 7). */
const ED25519_PKCS8 = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);

/** The scheme of WebCrypto; whether it works here is for the caller to try. */
export function nativeScheme(algorithm: Algorithm): Scheme {
  const { subtle } = crypto;
  const parameters = { name: algorithm };
  const publicKeys = new Map<string, Promise<CryptoKey>>();

  const importSeed = (seed: Uint8Array, extractable: boolean): Promise<CryptoKey> => {
    if (seed.byteLength !== SEED_BYTES) throw new TypeError("A seed has 32 bytes.");
    if (algorithm === "ML-DSA-65")
      return subtle.importKey("raw-seed" as "raw", seed.slice(), parameters, extractable, ["sign"]);
    const pkcs8 = new Uint8Array(ED25519_PKCS8.length + SEED_BYTES);
    pkcs8.set(ED25519_PKCS8);
    pkcs8.set(seed, ED25519_PKCS8.length);
    return subtle.importKey("pkcs8", pkcs8, parameters, extractable, ["sign"]);
  };

  const importPublic = (bytes: Uint8Array): Promise<CryptoKey> => {
    const key = String.fromCharCode(...bytes);
    const known = publicKeys.get(key);
    if (known) return known;
    const format = algorithm === "ML-DSA-65" ? ("raw-public" as "raw") : "raw";
    const imported = subtle.importKey(format, bytes.slice(), parameters, true, ["verify"]);
    if (publicKeys.size >= REMEMBERED_KEYS)
      for (const oldest of publicKeys.keys()) {
        publicKeys.delete(oldest);
        break;
      }
    publicKeys.set(key, imported);
    return imported;
  };

  return {
    algorithm,
    isNative: true,
    async keyPair(seed): Promise<KeyPair> {
      // Read out once, for the public part; the key that is kept is another, which can't be.
      const jwk = (await subtle.exportKey("jwk", await importSeed(seed, true))) as JsonWebKey & { pub?: string };
      const text = algorithm === "ML-DSA-65" ? jwk.pub : jwk.x;
      if (text === undefined) throw new TypeError("The key has no public part.");
      return { publicKey: fromBase64Url(text), privateKey: await importSeed(seed, false) };
    },
    async sign(key: PrivateKey, bytes) {
      if (key instanceof Uint8Array) throw new TypeError("A native key is a CryptoKey.");
      return new Uint8Array(await subtle.sign(parameters, key, bytes.slice()));
    },
    async verify(publicKey, bytes, signature) {
      try {
        return await subtle.verify(parameters, await importPublic(publicKey), signature.slice(), bytes.slice());
      } catch {
        return false;
      }
    },
  };
}
