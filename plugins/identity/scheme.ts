/** One way to make and check signatures of one kind: the browser's own, or in JavaScript. Chosen in schemes.ts. */

export type Algorithm = "Ed25519" | "ML-DSA-65";

/** A private key in the hands of whoever can use it: a CryptoKey that can't be read, or the seed itself. */
export type PrivateKey = CryptoKey | Uint8Array<ArrayBuffer>;

export interface Scheme {
  readonly algorithm: Algorithm;
  /** True when private keys are CryptoKeys that nobody can read out. */
  readonly isNative: boolean;
  /** The key pair of a seed of 32 bytes. The private part of a native one can't be read out again. */
  keyPair(seed: Uint8Array): Promise<KeyPair>;
  sign(key: PrivateKey, bytes: Uint8Array): Promise<Uint8Array>;
  /** False for whatever is wrong, malformed keys and signatures too. */
  verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: PrivateKey;
}

export const SEED_BYTES = 32;
