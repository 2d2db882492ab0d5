/**
 * A member's word that changes of the notebook are theirs: for some actors, the last change that they made as it. Since a
 * change has the hashes of those it builds on in it, and so of the actor's one before, that is said of all of them up to
 * there. It names no notebook: a change that has this hash is the same wherever it is. Rules: SPEC.md, A1 to A4.
 */
import * as v from "valibot";
import { canonicalJson } from "../base/canonical-json.ts";
import { KromaError } from "../base/errors.ts";
import { changeMarkSchema } from "../notebook/own-changes.ts";
import type { ChangeMark } from "../notebook/signed-changes.ts";
import { domainHash, jsonBytes } from "./encoding.ts";
import {
  memberIdSchema,
  signatureSchema,
  type HybridSignature,
  type PublicIdentity,
  type Signatures,
  type Signer,
} from "./identity.ts";

/** Each session of work has an actor of its own; one signature is for so many of them at most. */
export const MOST_SIGNED_ACTORS = 32;
/** In its bytes. */
export const MOST_SIGNATURE_BYTES = 16 * 1024;

const VERSION = 1;
const DOMAIN = "kroma/change-signature/1";

const schema = v.strictObject({
  version: v.literal(VERSION),
  author: memberIdSchema,
  changes: v.pipe(
    v.array(changeMarkSchema),
    v.minLength(1),
    v.maxLength(MOST_SIGNED_ACTORS),
    v.check(
      (changes) => changes.every(({ actor }, at) => at === 0 || (changes[at - 1]?.actor ?? "") < actor),
      "not in order",
    ),
  ),
  signature: signatureSchema,
});

/** What is said, and by whom. */
export type ChangeSignature = v.InferOutput<typeof schema>;

/** One that has been read: its name and its bytes beside what it says. */
export interface ReadChangeSignature {
  readonly hash: string;
  readonly bytes: Uint8Array;
  readonly said: ChangeSignature;
}

/**
 * Reads the bytes of one; whether it is right is not looked at. Undefined for one of a newer version, `corrupt` for what
 * is none.
 */
export async function readChangeSignature(bytes: Uint8Array): Promise<ReadChangeSignature | undefined> {
  const text = bytes.length > MOST_SIGNATURE_BYTES ? "" : textOf(bytes);
  const value = parse(text);
  const version = (value as { readonly version?: unknown } | undefined)?.version;
  if (typeof version === "number" && version > VERSION) return undefined;
  const parsed = v.safeParse(schema, value, { abortEarly: true });
  // In one spelling only, so that one and the same is not two.
  if (!parsed.success || canonicalJson(value) !== text)
    throw new KromaError("corrupt", "A signature under changes can't be read.");
  return { hash: await domainHash(DOMAIN, bytes), bytes: bytes.slice(), said: parsed.output };
}

/** Signs: of each actor the last change. */
export async function signChanges(signer: Signer, changes: readonly ChangeMark[]): Promise<ReadChangeSignature> {
  const marks = changes.map(({ actor, seq, hash }) => ({ actor, seq, hash }));
  const content = {
    version: VERSION,
    author: signer.id,
    changes: marks.sort((left, right) => (left.actor < right.actor ? -1 : 1)),
  } as const;
  const said = { ...content, signature: await signer.sign(DOMAIN, jsonBytes(content)) };
  const bytes = jsonBytes(said);
  return { hash: await domainHash(DOMAIN, bytes), bytes, said };
}

/** True when that identity has signed it. */
export function verifyChanges(
  signatures: Signatures,
  identity: PublicIdentity,
  { signature, ...content }: ChangeSignature,
): Promise<boolean> {
  return signatures.verify(identity, DOMAIN, jsonBytes(content), signature satisfies HybridSignature);
}

/** Nothing for what is no text: then it is no signature either. */
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return "";
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
