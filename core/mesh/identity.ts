/**
 * Who a person or a mirror is to others: two public keys, and a name that is only a name. The cryptography is passed in
 * (plugins/identity); here are the shapes, their check, and the id. Rules: SPEC.md, I1 to I7.
 */
import * as v from "valibot";
import { base64UrlLength, domainHash, fromBase64Url, isBase64Url } from "./encoding.ts";

/** Names an identity for ever: the hash of its two public keys. */
export type MemberId = string & { readonly __memberId: true };

/** The public half of an identity. Keys are base64url; the name is what its owner calls themself, and proves nothing. */
export interface PublicIdentity {
  readonly name?: string;
  readonly ed25519: string;
  readonly mlDsa65: string;
}

/** Both signatures over the same bytes, base64url. One alone is worth nothing. */
export interface HybridSignature {
  readonly ed25519: string;
  readonly mlDsa65: string;
}

/** Someone who can sign: oneself. */
export interface Signer {
  readonly identity: PublicIdentity;
  readonly id: MemberId;
  sign(domain: string, bytes: Uint8Array): Promise<HybridSignature>;
}

/** Someone who can sign the records of their own name (IPNS), which has their Ed25519 key in it. */
export interface NameSigner {
  readonly identity: PublicIdentity;
  /** Signs the data of a record and nothing else: the specification's own prefix is put before it. */
  signNameRecord(data: Uint8Array): Promise<Uint8Array>;
}

/** The key of one invitation, which whoever has its link can make. */
export interface InvitationKey {
  /** Ed25519, base64url. */
  readonly publicKey: string;
  sign(domain: string, bytes: Uint8Array): Promise<string>;
}

/** The cryptography that the mesh needs. Malformed keys and signatures are `false`, never an exception. */
export interface Signatures {
  /** True only if both signatures are by that identity's keys over these bytes for that domain. */
  verify(identity: PublicIdentity, domain: string, bytes: Uint8Array, signature: HybridSignature): Promise<boolean>;
  /** The same for the single key of an invitation. */
  verifyInvitation(publicKey: string, domain: string, bytes: Uint8Array, signature: string): Promise<boolean>;
  /** The key that a secret of 32 bytes stands for; always the same one. */
  invitationKey(secret: Uint8Array): Promise<InvitationKey>;
}

export const ED25519_PUBLIC_BYTES = 32;
export const ED25519_SIGNATURE_BYTES = 64;
export const ML_DSA_65_PUBLIC_BYTES = 1952;
export const ML_DSA_65_SIGNATURE_BYTES = 3309;
/** The longest name of a member, in UTF-16 code units. */
export const MOST_NAME_LENGTH = 64;

const ID_DOMAIN = "kroma/member/1";
const HASH = /^b[a-z2-7]{52}$/;
// Control characters, and those that turn the direction of the text around them: a name must not disguise a sentence.
const UNFIT_IN_NAME = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** A text of exactly that many bytes in base64url, in its one spelling. */
export const base64UrlOf = (bytes: number) =>
  v.pipe(v.string(), v.length(base64UrlLength(bytes)), v.check(isBase64Url, "not base64url"));

export const hashSchema = v.pipe(v.string(), v.regex(HASH));
export const memberIdSchema = v.pipe(
  hashSchema,
  v.transform((text) => text as MemberId),
);

/** A name fit to be shown beside others: not empty, no space around it, nothing that can't be seen. */
export const nameSchema = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(MOST_NAME_LENGTH),
  v.check((name) => name === name.trim() && name.isWellFormed() && !UNFIT_IN_NAME.test(name), "not a fit name"),
);

export const keysSchema = v.strictObject({
  ed25519: base64UrlOf(ED25519_PUBLIC_BYTES),
  mlDsa65: base64UrlOf(ML_DSA_65_PUBLIC_BYTES),
});
export const identitySchema = v.strictObject({ ...keysSchema.entries, name: v.exactOptional(nameSchema) });
export const signatureSchema = v.strictObject({
  ed25519: base64UrlOf(ED25519_SIGNATURE_BYTES),
  mlDsa65: base64UrlOf(ML_DSA_65_SIGNATURE_BYTES),
});

/** The id of an identity: of its keys, whatever it is called. Throws a plain Error when a key is not base64url. */
export async function memberIdOf(identity: PublicIdentity): Promise<MemberId> {
  const bytes = new Uint8Array(ED25519_PUBLIC_BYTES + ML_DSA_65_PUBLIC_BYTES);
  bytes.set(fromBase64Url(identity.ed25519));
  bytes.set(fromBase64Url(identity.mlDsa65), ED25519_PUBLIC_BYTES);
  return (await domainHash(ID_DOMAIN, bytes)) as MemberId;
}

/** What a person typed as a name made fit to be one, or undefined when nothing is left. */
export function fitName(typed: string): string | undefined {
  const clean = typed
    .toWellFormed()
    .normalize("NFC")
    .replaceAll(new RegExp(UNFIT_IN_NAME, "gu"), " ")
    .replaceAll(/\s+/g, " ")
    .trim();
  let name = "";
  // By whole characters, so that the cut leaves no half of one.
  for (const character of clean) {
    if (name.length + character.length > MOST_NAME_LENGTH) break;
    name += character;
  }
  return name.trim() || undefined;
}
