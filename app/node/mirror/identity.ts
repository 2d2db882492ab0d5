/**
 * Who a mirror is: the key of its transport and the certificate of its WebRTC, in its data folder. Both are secrets, and
 * both have to stay: the addresses that others were given name them.
 */
import { randomUUID } from "node:crypto";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";
import { createCertificate } from "#plugins/libp2p/certificate.node.ts";
import { createTransportIdentity } from "#plugins/libp2p/index.ts";

const FILE = "identity.json";

const schema = v.object({
  version: v.literal(1),
  /** The transport's key, as libp2p encodes private keys, in base64. */
  key: v.pipe(v.string(), v.base64(), v.maxLength(4096)),
  certificate: v.object({
    privateKey: v.pipe(v.string(), v.startsWith("-----BEGIN PRIVATE KEY-----"), v.maxLength(8192)),
    pem: v.pipe(v.string(), v.startsWith("-----BEGIN CERTIFICATE-----"), v.maxLength(16_384)),
    certhash: v.pipe(v.string(), v.regex(/^u[\w-]{40,100}$/)),
  }),
});

export interface MirrorIdentity {
  readonly key: Uint8Array;
  readonly certificate: { readonly privateKey: string; readonly pem: string; readonly certhash: string };
}

/** The identity in this folder; made, with the folder, when there is none. Rejects with `corrupt` when it can't be read. */
export async function openIdentity(folder: string): Promise<MirrorIdentity> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw unreadable(path, error);
    return makeIdentity(path);
  }
  const parsed = v.safeParse(schema, parse(text));
  if (!parsed.success) throw unreadable(path, new Error("It is damaged."));
  await chmod(path, 0o600);
  return { key: new Uint8Array(Buffer.from(parsed.output.key, "base64")), certificate: parsed.output.certificate };
}

async function makeIdentity(path: string): Promise<MirrorIdentity> {
  const identity = { key: await createTransportIdentity(), certificate: await createCertificate() };
  const text: v.InferInput<typeof schema> = {
    version: 1,
    key: Buffer.from(identity.key).toString("base64"),
    certificate: identity.certificate,
  };
  // Whole or not at all: half a key would lock the mirror out of its own addresses.
  const part = `${path}.${randomUUID()}`;
  await writeFile(part, `${JSON.stringify(text, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
  await rename(part, path);
  return identity;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreadable(path: string, cause: unknown): KromaError {
  const why = cause instanceof Error ? ` ${cause.message}` : "";
  return new KromaError("corrupt", `mirror: its identity can't be read from ${path}.${why}`, { cause });
}
