/** The mesh's `Signatures` over the schemes of this realm. */
import { domainBytes, fromBase64Url, toBase64Url } from "#core/mesh/encoding.ts";
import type { HybridSignature, InvitationKey, PublicIdentity, Signatures } from "#core/mesh/identity.ts";
import { isOrdinaryPoint } from "./points.ts";
import type { PrivateKey } from "./scheme.ts";
import { chooseSchemes, type Schemes } from "./schemes.ts";

/** Both private keys of one identity. */
export interface PrivateKeys {
  readonly ed25519: PrivateKey;
  readonly mlDsa65: PrivateKey;
}

/** The cryptography of this page, worker or process. */
export async function openSignatures(schemes: Promise<Schemes> = chooseSchemes()): Promise<Signatures> {
  const { ed25519, mlDsa65 } = await schemes;

  const verifyEd25519 = async (publicKey: string, message: Uint8Array, signature: string): Promise<boolean> => {
    const [key, bytes] = [decode(publicKey), decode(signature)];
    if (key?.byteLength !== 32 || bytes?.byteLength !== 64) return false;
    if (!isOrdinaryPoint(key) || !isOrdinaryPoint(bytes.subarray(0, 32))) return false;
    return ed25519.verify(key, message, bytes);
  };

  return {
    async verify(identity: PublicIdentity, domain, bytes, signature: HybridSignature) {
      const message = domainBytes(domain, bytes);
      const [key, other] = [decode(identity.mlDsa65), decode(signature.mlDsa65)];
      if (!key || !other) return false;
      // The cheaper one first: what fails there is not worth the other.
      return (
        (await verifyEd25519(identity.ed25519, message, signature.ed25519)) &&
        (await mlDsa65.verify(key, message, other))
      );
    },
    verifyInvitation: (publicKey, domain, bytes, signature) =>
      verifyEd25519(publicKey, domainBytes(domain, bytes), signature),
    async invitationKey(secret): Promise<InvitationKey> {
      const { publicKey, privateKey } = await ed25519.keyPair(await derive(secret, "kroma/invitation-key/1"));
      return {
        publicKey: toBase64Url(publicKey),
        sign: async (domain, bytes) => toBase64Url(await ed25519.sign(privateKey, domainBytes(domain, bytes))),
      };
    },
  };
}

/** Signs with both keys. */
export async function signHybrid(
  schemes: Schemes,
  keys: PrivateKeys,
  domain: string,
  bytes: Uint8Array,
): Promise<HybridSignature> {
  const message = domainBytes(domain, bytes);
  const [ed25519, mlDsa65] = await Promise.all([
    schemes.ed25519.sign(keys.ed25519, message),
    schemes.mlDsa65.sign(keys.mlDsa65, message),
  ]);
  return { ed25519: toBase64Url(ed25519), mlDsa65: toBase64Url(mlDsa65) };
}

/** 32 bytes that only whoever has the secret can know, others for each purpose (HKDF-SHA-256, RFC 5869). */
export async function derive(secret: Uint8Array, purpose: string): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", secret.slice(), "HKDF", false, ["deriveBits"]);
  const info = new TextEncoder().encode(purpose);
  const bits = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info },
    key,
    256,
  );
  return new Uint8Array(bits);
}

function decode(text: string): Uint8Array | undefined {
  try {
    return fromBase64Url(text);
  } catch {
    return undefined;
  }
}
