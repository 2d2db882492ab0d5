/**
 * One's own identity: made once, kept in this browser or folder, able to sign.
 *
 * Both keys come from one seed of 32 bytes. Where the browser signs natively the keys are imported so that nobody can
 * read them out, and the seed is forgotten when the page that made it goes: a script that gets into the page can sign
 * while it is there, but take nothing along. The price is that a recovery file can be made only until then. Keeping the
 * seed enciphered beside its key would let any script of this page decipher it, which is no protection. Where a key has
 * to be used by JavaScript (no ML-DSA in the browser) its seed is sealed under an AES key that can't be read out, so that
 * at least a copy of the browser's files is worth nothing. In Node the seed lies in a file for its owner only.
 */
import { concatenate } from "#core/base/bytes.ts";
import { KromaError } from "#core/base/errors.ts";
import { toBase64Url } from "#core/mesh/encoding.ts";
import { fitName, memberIdOf, type NameSigner, type PublicIdentity, type Signer } from "#core/mesh/identity.ts";
import { sealRecoveryFile, openRecoveryFile } from "./recovery-file.ts";
import { SEED_BYTES } from "./scheme.ts";
import { chooseSchemes, type Schemes } from "./schemes.ts";
import { derive, signHybrid, type PrivateKeys } from "./signatures.ts";

/** What IPNS signs begins with this (https://specs.ipfs.tech/ipns/ipns-record/#signature-creation). */
const NAME_PREFIX = new TextEncoder().encode("ipns-signature:");

/** What a store keeps. The seed is there only in stores that say that they keep it. */
export interface StoredIdentity {
  readonly identity: PublicIdentity;
  readonly keys: PrivateKeys;
  readonly seed?: Uint8Array;
  /** It was made elsewhere and came here by a recovery file. */
  readonly wasRecovered?: boolean;
}

/** Where one identity is kept. */
export interface IdentityStore {
  load(): Promise<StoredIdentity | undefined>;
  /** Keeps it, in the place of what was there. Durable when the promise resolves. */
  save(stored: StoredIdentity): Promise<void>;
  remove(): Promise<void>;
  close(): void;
}

/** Oneself. */
export interface OwnIdentity extends Signer, NameSigner {
  /** True while `recoveryFile` can be made. */
  readonly isRecoverable: boolean;
  /** It may be known where this browser or folder has never been: it came by a recovery file. */
  readonly wasRecovered: boolean;
  /** The identity enciphered with a passphrase; `denied` when its keys can't be read any more. */
  recoveryFile(passphrase: string): Promise<Uint8Array>;
  /** The same identity under another name, kept. */
  rename(name: string): Promise<OwnIdentity>;
}

/** The identity of that store, or undefined when there is none yet. `corrupt` when what is there signs no more. */
export async function loadIdentity(
  store: IdentityStore,
  schemes: Promise<Schemes> = chooseSchemes(),
): Promise<OwnIdentity | undefined> {
  const stored = await store.load();
  return stored && own(store, stored, await schemes);
}

/** A new identity, kept in the store. */
export function createIdentity(
  store: IdentityStore,
  name: string,
  schemes: Promise<Schemes> = chooseSchemes(),
): Promise<OwnIdentity> {
  return adopt(store, name, crypto.getRandomValues(new Uint8Array(SEED_BYTES)), schemes);
}

/** The identity of a recovery file, kept in the store in the place of what was there. */
export async function recoverIdentity(
  store: IdentityStore,
  file: Uint8Array,
  passphrase: string,
  schemes: Promise<Schemes> = chooseSchemes(),
): Promise<OwnIdentity> {
  const { name, seed } = await openRecoveryFile(file, passphrase);
  return adopt(store, name, seed, schemes, true);
}

/** The key pairs of a seed. */
export async function keysOfSeed(
  seed: Uint8Array,
  schemes: Schemes,
): Promise<{ readonly identity: PublicIdentity; readonly keys: PrivateKeys }> {
  const [ed25519, mlDsa65] = await Promise.all([
    schemes.ed25519.keyPair(await derive(seed, "kroma/identity/ed25519/1")),
    schemes.mlDsa65.keyPair(await derive(seed, "kroma/identity/ml-dsa-65/1")),
  ]);
  return {
    identity: { ed25519: toBase64Url(ed25519.publicKey), mlDsa65: toBase64Url(mlDsa65.publicKey) },
    keys: { ed25519: ed25519.privateKey, mlDsa65: mlDsa65.privateKey },
  };
}

async function adopt(
  store: IdentityStore,
  typed: string,
  seed: Uint8Array,
  choosing: Promise<Schemes>,
  wasRecovered = false,
): Promise<OwnIdentity> {
  const schemes = await choosing;
  const { identity, keys } = await keysOfSeed(seed, schemes);
  const stored: StoredIdentity = { identity: { ...identity, name: checkedName(typed) }, keys, seed, wasRecovered };
  await store.save(stored);
  return own(store, stored, schemes);
}

async function own(store: IdentityStore, stored: StoredIdentity, schemes: Schemes): Promise<OwnIdentity> {
  const { identity, keys, seed } = stored;
  return {
    identity,
    id: await memberIdOf(identity),
    sign: (domain, bytes) => signHybrid(schemes, keys, domain, bytes),
    signNameRecord: (data) => schemes.ed25519.sign(keys.ed25519, concatenate([NAME_PREFIX, data])),
    isRecoverable: seed !== undefined,
    wasRecovered: stored.wasRecovered ?? false,
    async recoveryFile(passphrase) {
      if (!seed)
        throw new KromaError(
          "denied",
          "This browser keeps your keys so that nothing can read them, so a recovery file can only be made while the identity is new.",
        );
      return sealRecoveryFile({ name: identity.name ?? "", seed }, passphrase);
    },
    async rename(name) {
      const renamed = { ...stored, identity: { ...identity, name: checkedName(name) } };
      await store.save(renamed);
      return own(store, renamed, schemes);
    },
  };
}

function checkedName(typed: string): string {
  const name = fitName(typed);
  if (name === undefined) throw new KromaError("invalid", "Please give a name that others can read.");
  return name;
}
