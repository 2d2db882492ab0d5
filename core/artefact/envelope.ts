/**
 * The signature of an artefact: a block beside its root, with the author's two keys and both their signatures over the root's
 * CID. A root can't name its own signature, and the same root may have several. Rules: SPEC.md, E1 to E5.
 */
import * as dagCbor from "@ipld/dag-cbor";
import { CID } from "multiformats/cid";
import * as v from "valibot";
import { KromaError } from "../base/errors.ts";
import { fromBase64Url, toBase64Url } from "../mesh/encoding.ts";
import {
  ED25519_PUBLIC_BYTES,
  ED25519_SIGNATURE_BYTES,
  ML_DSA_65_PUBLIC_BYTES,
  ML_DSA_65_SIGNATURE_BYTES,
  nameSchema,
  type HybridSignature,
  type PublicIdentity,
  type Signatures,
  type Signer,
} from "../mesh/identity.ts";
import { parseCid } from "../store/cid.ts";
import { decodeCanonical, defined, issueOf } from "./manifest.ts";
import { quoted } from "./paths.ts";

/** The name of this shape of an envelope. */
export const ENVELOPE_SCHEMA = "kroma/envelope/1";
/** What the signatures are for; nothing signed for another purpose passes. */
export const SIGNATURE_DOMAIN = "kroma-artefact-signature-v1";
/** The largest envelope block. */
export const MOST_ENVELOPE_BYTES = 16 * 1024;

/** Who says that the root is theirs, and the proof. Nothing is true of it until `verifyEnvelope` says so. */
export interface Envelope {
  readonly root: string;
  readonly author: PublicIdentity;
  readonly signature: HybridSignature;
}

const bytesOf = (length: number) =>
  v.pipe(
    v.custom<Uint8Array>((value) => value instanceof Uint8Array, "not bytes"),
    v.check((bytes) => bytes.length === length, "of another length"),
  );

const schema = v.strictObject({
  schema: v.literal(ENVELOPE_SCHEMA),
  root: v.pipe(
    v.custom<unknown>((value) => CID.asCID(value) !== null, "not a link"),
    v.transform((value) => (CID.asCID(value) as CID).toString()),
    v.check((cid) => cid.startsWith("bafyrei"), "not the name of a root"),
  ),
  author: v.strictObject({
    ed25519: bytesOf(ED25519_PUBLIC_BYTES),
    mlDsa65: bytesOf(ML_DSA_65_PUBLIC_BYTES),
    name: v.exactOptional(nameSchema),
  }),
  ed25519: bytesOf(ED25519_SIGNATURE_BYTES),
  mlDsa65: bytesOf(ML_DSA_65_SIGNATURE_BYTES),
});

/** An envelope for the root, signed by that person. */
export async function signRoot(root: string, signer: Signer): Promise<Envelope> {
  const signature = await signer.sign(SIGNATURE_DOMAIN, parseCid(root).bytes);
  return { root, author: signer.identity, signature };
}

/** True only if both signatures are by the author's keys over the root. The name in it is the author's own word. */
export function verifyEnvelope(envelope: Envelope, signatures: Signatures): Promise<boolean> {
  const { root, author, signature } = envelope;
  return signatures.verify(author, SIGNATURE_DOMAIN, parseCid(root).bytes, signature);
}

/** The envelope as a dag-cbor block, in its one spelling. */
export function encodeEnvelope({ root, author, signature }: Envelope): Uint8Array {
  return dagCbor.encode({
    schema: ENVELOPE_SCHEMA,
    root: parseCid(root),
    author: defined({
      ed25519: fromBase64Url(author.ed25519),
      mlDsa65: fromBase64Url(author.mlDsa65),
      name: author.name,
    }),
    ed25519: fromBase64Url(signature.ed25519),
    mlDsa65: fromBase64Url(signature.mlDsa65),
  });
}

/** What an envelope block says; `corrupt` when it is none, `invalid` for a schema that is not known here. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const value = decodeCanonical(bytes, MOST_ENVELOPE_BYTES, "The signature");
  const { schema: name } = value;
  if (name !== ENVELOPE_SCHEMA) {
    const shown = typeof name === "string" ? quoted(name) : "no name";
    throw new KromaError("invalid", `This signature has a schema that this Kroma does not know: ${shown}.`);
  }
  const checked = v.safeParse(schema, value);
  if (!checked.success) throw new KromaError("corrupt", `The signature is not in order: ${issueOf(checked.issues)}.`);
  const { root, author, ed25519, mlDsa65 } = checked.output;
  return {
    root,
    author: defined({
      ...(author.name === undefined ? {} : { name: author.name }),
      ed25519: toBase64Url(author.ed25519),
      mlDsa65: toBase64Url(author.mlDsa65),
    }),
    signature: { ed25519: toBase64Url(ed25519), mlDsa65: toBase64Url(mlDsa65) },
  };
}
