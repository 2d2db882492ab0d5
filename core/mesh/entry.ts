/**
 * One signed entry of a notebook's membership: its shape, its one spelling, its name, and how it is made and read.
 * Whether an entry may be, and what it does, is for membership.ts. Rules: SPEC.md, M1 to M6.
 */
import * as v from "valibot";
import { canonicalJson } from "../base/canonical-json.ts";
import type { DocumentId } from "../base/ids.ts";
import { base64UrlOf, ED25519_PUBLIC_BYTES, ED25519_SIGNATURE_BYTES, hashSchema, keysSchema } from "./identity.ts";
import { memberIdOf, memberIdSchema, nameSchema, signatureSchema } from "./identity.ts";
import type { HybridSignature, InvitationKey, MemberId, PublicIdentity, Signatures, Signer } from "./identity.ts";
import { domainHash, jsonBytes } from "./encoding.ts";
import { linkRoleSchema, roleSchema } from "./roles.ts";

/**
 * Names an entry: the hash of its bytes, the signature among them, so that a copy with a wrong signature is another entry
 * and can't take the place of the right one while both wait.
 */
export type EntryHash = string & { readonly __entryHash: true };

export const ENTRY_VERSION = 1;
export const MOST_ENTRY_BYTES = 16 * 1024;
export const MOST_PREVIOUS = 16;

const ENTRY_DOMAIN = "kroma/membership-entry/1";
const PROOF_DOMAIN = "kroma/invitation-proof/1";

export const entryHashSchema = v.pipe(
  hashSchema,
  v.transform((text) => text as EntryHash),
);
export const documentIdSchema = v.pipe(
  v.string(),
  v.regex(/^[\w-]{1,64}$/),
  v.transform((text) => text as DocumentId),
);
/** Milliseconds since 1970, up to the year 9999. */
export const timeSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(253_402_300_799_999));

const bodySchema = v.variant("type", [
  v.strictObject({
    type: v.literal("create"),
    notebook: documentIdSchema,
    identity: keysSchema,
    name: nameSchema,
  }),
  v.strictObject({
    type: v.literal("invite"),
    /** Also the invitation's name. */
    key: base64UrlOf(ED25519_PUBLIC_BYTES),
    role: linkRoleSchema,
    uses: v.picklist(["one", "many"]),
    expires: timeSchema,
  }),
  v.strictObject({ type: v.literal("revoke_invitation"), invitation: base64UrlOf(ED25519_PUBLIC_BYTES) }),
  v.strictObject({
    type: v.literal("join"),
    invitation: base64UrlOf(ED25519_PUBLIC_BYTES),
    /** By the invitation's key, over the genesis and the newcomer's id. The newcomer's own proof is the signature. */
    proof: base64UrlOf(ED25519_SIGNATURE_BYTES),
    identity: keysSchema,
    name: nameSchema,
  }),
  v.strictObject({ type: v.literal("set_role"), member: memberIdSchema, role: roleSchema }),
  v.strictObject({ type: v.literal("remove"), member: memberIdSchema }),
  v.strictObject({ type: v.literal("rename"), name: nameSchema }),
]);

const entrySchema = v.strictObject({
  version: v.literal(ENTRY_VERSION),
  /** The hash of the first entry; in the first entry itself, nothing. */
  genesis: v.exactOptional(entryHashSchema),
  /** The heads that its author saw, in the order of their texts. */
  previous: v.pipe(
    v.array(entryHashSchema),
    v.maxLength(MOST_PREVIOUS),
    v.check((hashes) => isAscending(hashes), "not in order"),
  ),
  /** 1 for an author's first entry, then one more than the last of theirs. */
  sequence: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(1_000_000)),
  time: timeSchema,
  author: memberIdSchema,
  body: bodySchema,
  signature: signatureSchema,
});

export type EntryBody = v.InferOutput<typeof bodySchema>;
export type Entry = v.InferOutput<typeof entrySchema>;
export type UnsignedEntry = Omit<Entry, "signature">;

/** An entry that has been read: its name and its bytes beside what it says. */
export interface ReadEntry {
  readonly hash: EntryHash;
  readonly bytes: Uint8Array;
  readonly entry: Entry;
}

/** Why bytes are no entry: for a program, and for a person. */
export type Unreadable = "tooLarge" | "malformed" | "version";

/** Reads an entry's bytes; says what is wrong with them otherwise. The signature is not looked at. */
export async function readEntry(bytes: Uint8Array): Promise<ReadEntry | Unreadable> {
  if (bytes.byteLength > MOST_ENTRY_BYTES) return "tooLarge";
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return "malformed";
  }
  if (typeof value !== "object" || value === null) return "malformed";
  const version = (value as { version?: unknown }).version;
  if (typeof version === "number" && version > ENTRY_VERSION) return "version";
  const parsed = v.safeParse(entrySchema, value, { abortEarly: true });
  // One spelling only, so that no two peers can read the same bytes differently (a key given twice, say).
  if (!parsed.success || canonicalJson(value) !== text) return "malformed";
  const entry = parsed.output;
  if ((entry.body.type === "create") !== (entry.genesis === undefined)) return "malformed";
  if ((entry.body.type === "create") !== (entry.previous.length === 0)) return "malformed";
  if ("identity" in entry.body && (await memberIdOf(entry.body.identity)) !== entry.author) return "malformed";
  return { hash: (await domainHash(ENTRY_DOMAIN, bytes)) as EntryHash, bytes: bytes.slice(), entry };
}

/** Signs an entry. */
export async function signEntry(signer: Signer, unsigned: Omit<UnsignedEntry, "author" | "version">): Promise<Entry> {
  const content: UnsignedEntry = { version: ENTRY_VERSION, ...unsigned, author: signer.id };
  return { ...content, signature: await signer.sign(ENTRY_DOMAIN, jsonBytes(content)) };
}

/** True when that identity signed the entry. */
export function verifyEntry(signatures: Signatures, identity: PublicIdentity, entry: Entry): Promise<boolean> {
  const { signature, ...content } = entry;
  return signatures.verify(identity, ENTRY_DOMAIN, jsonBytes(content), signature satisfies HybridSignature);
}

/** The proof of a newcomer that they hold an invitation; of no use to anybody else, or for another notebook. */
export const proveInvitation = (key: InvitationKey, genesis: EntryHash, newcomer: MemberId): Promise<string> =>
  key.sign(PROOF_DOMAIN, proofBytes(key.publicKey, genesis, newcomer));

/** True when the proof was made with that invitation's key for that newcomer and notebook. */
export const verifyProof = (
  signatures: Signatures,
  invitation: string,
  genesis: EntryHash,
  newcomer: MemberId,
  proof: string,
): Promise<boolean> =>
  signatures.verifyInvitation(invitation, PROOF_DOMAIN, proofBytes(invitation, genesis, newcomer), proof);

/** The bytes of an entry, as they are kept and sent. */
export const entryBytes = (entry: Entry): Uint8Array => jsonBytes(entry);

const proofBytes = (invitation: string, genesis: EntryHash, newcomer: MemberId): Uint8Array =>
  jsonBytes({ genesis, invitation, newcomer });

function isAscending(texts: readonly string[]): boolean {
  return texts.every((text, index) => index === 0 || (texts[index - 1] as string) < text);
}
