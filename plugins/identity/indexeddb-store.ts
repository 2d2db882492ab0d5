/**
 * An identity in IndexedDB. Native keys are stored as they are, which the browser does without ever showing them. A key
 * that JavaScript must use is sealed under an AES key of the same kind. The seed of both is not stored (own-identity.ts).
 */
import { KromaError } from "#core/base/errors.ts";
import type { PublicIdentity } from "#core/mesh/identity.ts";
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { IdentityStore, StoredIdentity } from "./own-identity.ts";
import type { PrivateKey } from "./scheme.ts";

interface Record {
  readonly identity: PublicIdentity;
  readonly ed25519: KeptKey;
  readonly mlDsa65: KeptKey;
  readonly wasRecovered?: boolean;
}

type KeptKey = CryptoKey | { readonly sealing: CryptoKey; readonly iv: Uint8Array; readonly sealed: ArrayBuffer };

interface Schema extends DBSchema {
  identity: { key: "own"; value: Record };
}

export class IndexedDbIdentityStore implements IdentityStore {
  readonly #name: string | Promise<string>;
  #opening: Promise<IDBPDatabase<Schema>> | undefined;

  /** The store of that name, opened when first used. */
  constructor(name: string | Promise<string> = "kroma-identity") {
    this.#name = name;
  }

  async load(): Promise<StoredIdentity | undefined> {
    const record = await this.#use((database) => database.get("identity", "own"));
    if (!record) return undefined;
    const [ed25519, mlDsa65] = await Promise.all([unseal(record.ed25519), unseal(record.mlDsa65)]);
    return { identity: record.identity, keys: { ed25519, mlDsa65 }, wasRecovered: record.wasRecovered ?? false };
  }

  async save({ identity, keys, wasRecovered = false }: StoredIdentity): Promise<void> {
    const [ed25519, mlDsa65] = await Promise.all([seal(keys.ed25519), seal(keys.mlDsa65)]);
    await this.#use(async (database) => {
      // Strict: a key that is lost can't be made again, and this is written once.
      const transaction = database.transaction("identity", "readwrite", { durability: "strict" });
      await Promise.all([transaction.store.put({ identity, ed25519, mlDsa65, wasRecovered }, "own"), transaction.done]);
    });
  }

  async remove(): Promise<void> {
    await this.#use((database) => database.delete("identity", "own"));
  }

  close(): void {
    // A database that never opened has nothing to close.
    this.#opening?.then((database) => database.close()).catch(() => undefined);
    this.#opening = undefined;
  }

  async #use<T>(work: (database: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
    try {
      this.#opening ??= Promise.resolve(this.#name).then((name) =>
        openDB<Schema>(name, 1, {
          upgrade: (database) => void database.createObjectStore("identity"),
          blocking: () => this.close(),
          terminated: () => {
            this.#opening = undefined;
          },
        }),
      );
      return await work(await this.#opening);
    } catch (error) {
      this.#opening = undefined;
      const reason = error instanceof Error ? error.message : String(error);
      throw new KromaError("unavailable", `The browser does not keep your identity: ${reason}`, { cause: error });
    }
  }
}

async function seal(key: PrivateKey): Promise<KeptKey> {
  if (!(key instanceof Uint8Array)) return key;
  const sealing = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return { sealing, iv, sealed: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, sealing, key) };
}

async function unseal(kept: KeptKey): Promise<PrivateKey> {
  if (!("sealing" in kept)) return kept;
  try {
    const parameters = { name: "AES-GCM", iv: kept.iv.slice() };
    return new Uint8Array(await crypto.subtle.decrypt(parameters, kept.sealing, kept.sealed));
  } catch (error) {
    throw new KromaError("corrupt", "Your identity, as this browser keeps it, is damaged.", { cause: error });
  }
}
