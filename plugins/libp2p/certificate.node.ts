/** The certificate of a machine that is reached by webrtc-direct. */
import "reflect-metadata";
import { createHash } from "node:crypto";
import { BasicConstraintsExtension, X509CertificateGenerator } from "@peculiar/x509";
import type { PeerServer } from "./peer.ts";

const YEARS = 10;
/** A multihash of SHA-256 begins with these bytes, a multibase text of base64url with this letter. */
const SHA256_PREFIX = [0x12, 0x20];
const BASE64URL = "u";

/**
 * A new certificate. Its hash is a part of the addresses that are handed on, and is what the other side checks, so it has
 * to be kept and is valid for long; libp2p's own is a new one after two weeks.
 */
export async function createCertificate(): Promise<PeerServer["certificate"]> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  const notBefore = new Date();
  const notAfter = new Date();
  notAfter.setFullYear(notBefore.getFullYear() + YEARS);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: "CN=kroma",
      notBefore,
      notAfter,
      signingAlgorithm: algorithm,
      keys,
      extensions: [new BasicConstraintsExtension(false, undefined, true)],
    },
    // libp2p sets another one for all who use the library.
    crypto,
  );
  const hash = createHash("sha256").update(new Uint8Array(certificate.rawData)).digest();
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    privateKey: `-----BEGIN PRIVATE KEY-----\n${key.match(/.{1,64}/g)?.join("\n")}\n-----END PRIVATE KEY-----\n`,
    pem: certificate.toString("pem"),
    certhash: `${BASE64URL}${Buffer.from([...SHA256_PREFIX, ...hash]).toString("base64url")}`,
  };
}
