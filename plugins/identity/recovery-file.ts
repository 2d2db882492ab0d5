/**
 * An identity as a file that only a passphrase opens: scrypt (RFC 7914) and AES-256-GCM. scrypt rather than WebCrypto's
 * PBKDF2, since it needs 128 MB for a guess as well as for the owner (OWASP's first choice where there is no Argon2).
 */
import { KromaError } from "#core/base/errors.ts";
import { base64UrlOf, nameSchema } from "#core/mesh/identity.ts";
import { fromBase64Url, jsonBytes, toBase64Url } from "#core/mesh/encoding.ts";
import * as v from "valibot";
import { SEED_BYTES } from "./scheme.ts";

export const MOST_RECOVERY_BYTES = 4096;
/** A shorter passphrase is refused. */
export const LEAST_PASSPHRASE_LENGTH = 10;

const FORMAT = "kroma-recovery";
const SALT_BYTES = 16;
const IV_BYTES = 12;
const SCRYPT = { cost: 17, blockSize: 8, parallel: 1 } as const;

const fileSchema = v.strictObject({
  format: v.literal(FORMAT),
  version: v.literal(1),
  kdf: v.strictObject({
    name: v.literal("scrypt"),
    // A file from elsewhere must not ask for more memory than this.
    cost: v.pipe(v.number(), v.integer(), v.minValue(14), v.maxValue(18)),
    blockSize: v.literal(8),
    parallel: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4)),
    salt: base64UrlOf(SALT_BYTES),
  }),
  iv: base64UrlOf(IV_BYTES),
  sealed: v.pipe(v.string(), v.maxLength(2048), v.regex(/^[\w-]+$/)),
});
const contentSchema = v.strictObject({ name: nameSchema, seed: base64UrlOf(SEED_BYTES) });

export interface Recovered {
  readonly name: string;
  readonly seed: Uint8Array;
}

/** The file of an identity. `invalid` for a passphrase that is too short. */
export async function sealRecoveryFile(identity: Recovered, passphrase: string): Promise<Uint8Array> {
  if (passphrase.length < LEAST_PASSPHRASE_LENGTH)
    throw new KromaError("invalid", `Choose a passphrase of at least ${LEAST_PASSPHRASE_LENGTH} characters.`);
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const kdf = { name: "scrypt", ...SCRYPT, salt: toBase64Url(salt) } as const;
  const key = await keyOf(passphrase, kdf);
  const content = jsonBytes({ name: identity.name, seed: toBase64Url(identity.seed) });
  const header = { format: FORMAT, version: 1, kdf };
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: jsonBytes(header) }, key, content);
  return jsonBytes({ ...header, iv: toBase64Url(iv), sealed: toBase64Url(new Uint8Array(sealed)) });
}

/** What is in the file. `invalid` when it is none, `denied` when the passphrase does not open it. */
export async function openRecoveryFile(file: Uint8Array, passphrase: string): Promise<Recovered> {
  const { iv, sealed, ...header } = readFile(file);
  const key = await keyOf(passphrase, header.kdf);
  const parameters = { name: "AES-GCM", iv: fromBase64Url(iv).slice(), additionalData: jsonBytes(header) };
  let content: ArrayBuffer;
  try {
    content = await crypto.subtle.decrypt(parameters, key, fromBase64Url(sealed).slice());
  } catch {
    throw new KromaError("denied", "This passphrase does not open the file, or the file was changed.");
  }
  const parsed = v.safeParse(contentSchema, parseJson(new Uint8Array(content)));
  if (!parsed.success) throw new KromaError("corrupt", "This recovery file holds no identity.");
  return { name: parsed.output.name, seed: fromBase64Url(parsed.output.seed) };
}

function readFile(file: Uint8Array): v.InferOutput<typeof fileSchema> {
  const value = file.byteLength > MOST_RECOVERY_BYTES ? undefined : parseJson(file);
  const start = v.safeParse(v.object({ format: v.literal(FORMAT), version: v.number() }), value);
  if (!start.success) throw new KromaError("invalid", "This is not a recovery file of Kroma.");
  if (start.output.version > 1)
    throw new KromaError("invalid", "This recovery file was made by a newer Kroma. Update this one.");
  const parsed = v.safeParse(fileSchema, value);
  if (!parsed.success) throw new KromaError("invalid", "This recovery file is damaged.");
  return parsed.output;
}

async function keyOf(
  passphrase: string,
  kdf: { readonly cost: number; readonly blockSize: number; readonly parallel: number; readonly salt: string },
): Promise<CryptoKey> {
  // Only who makes or opens such a file needs it.
  const { scryptAsync } = await import("@noble/hashes/scrypt.js");
  const bits = await scryptAsync(passphrase.normalize("NFKC"), fromBase64Url(kdf.salt), {
    N: 2 ** kdf.cost,
    r: kdf.blockSize,
    p: kdf.parallel,
    dkLen: 32,
    maxmem: 2 ** 30,
  });
  return crypto.subtle.importKey("raw", bits.slice(), "AES-GCM", false, ["encrypt", "decrypt"]);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
