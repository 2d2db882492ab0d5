/** Keys in a real browser: its own, kept so that nothing can read them, and those of noble, which agree with them. */
import type { HybridSignature, PublicIdentity } from "#core/mesh/identity.ts";
import { memberIdOf } from "#core/mesh/identity.ts";
import { chooseSchemes, nobleSchemes } from "#plugins/identity/schemes.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { openDB } from "idb";
import { afterEach, describe, expect, it } from "vitest";
import type { Answer, Order } from "./identity.worker.ts";

const bytes = new TextEncoder().encode("what is signed");
const PASSPHRASE = "correct horse battery";
const ways = { native: await openSignatures(chooseSchemes()), noble: await openSignatures(nobleSchemes()) };
const databases: string[] = [];

afterEach(() => {
  for (const name of databases.splice(0)) indexedDB.deleteDatabase(name);
});

const newDatabase = (): string => {
  const name = `identity-${crypto.randomUUID()}`;
  databases.push(name);
  return name;
};

/** Has an order carried out in a worker that ends with it. */
async function inOneRealm(order: Omit<Order, "bytes">): Promise<Answer> {
  const worker = new Worker(new URL("./identity.worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise<Answer>((resolve, reject) => {
      worker.addEventListener("message", ({ data }: MessageEvent<Answer | { readonly failed: string }>) => {
        if ("failed" in data) reject(new Error(data.failed));
        else resolve(data);
      });
      worker.addEventListener("error", (event) => reject(new Error(event.message)));
      worker.postMessage({ ...order, bytes });
    });
  } finally {
    worker.terminate();
  }
}

/** Both ways take the signature. */
async function expectGood(identity: PublicIdentity | undefined, signature: HybridSignature | undefined): Promise<void> {
  if (!identity || !signature) throw new Error("There is no identity.");
  for (const signatures of Object.values(ways)) {
    expect(await signatures.verify(identity, "test", bytes, signature)).toBe(true);
    expect(await signatures.verify(identity, "other", bytes, signature)).toBe(false);
  }
}

/** All keys in a database, wherever they are in its records. */
async function storedKeys(name: string): Promise<{ readonly keys: readonly CryptoKey[]; readonly text: string }> {
  const database = await openDB(name);
  const records: unknown[] = await database.getAll("identity");
  database.close();
  const keys: CryptoKey[] = [];
  const text = JSON.stringify(records, (_, value: unknown) => {
    if (value instanceof CryptoKey) keys.push(value);
    return value instanceof ArrayBuffer ? Array.from(new Uint8Array(value)) : value;
  });
  return { keys, text };
}

describe("one's own identity in this browser", () => {
  it("has native keys that outlive the page that made them, and that nothing can read out (I5)", async () => {
    const schemes = await chooseSchemes();
    expect([schemes.ed25519.isNative, schemes.mlDsa65.isNative]).toEqual([true, true]);
    const database = newDatabase();
    expect((await inOneRealm({ what: "load", database, way: "native" })).identity).toBeUndefined();
    const made = await inOneRealm({ what: "create", database, way: "native", passphrase: PASSPHRASE });
    expect(made.file).toBeInstanceOf(Uint8Array);
    const later = await inOneRealm({ what: "load", database, way: "native", passphrase: PASSPHRASE });
    expect(later.identity).toEqual(made.identity);
    await expectGood(later.identity, later.signature);
    // The seed went with the page that made it.
    expect(later).toMatchObject({ file: undefined, refused: "denied" });
    const { keys } = await storedKeys(database);
    expect(keys.map(({ algorithm, extractable }) => [algorithm.name, extractable])).toEqual([
      ["Ed25519", false],
      ["ML-DSA-65", false],
    ]);
    for (const key of keys)
      for (const format of ["jwk", "pkcs8", "raw-seed"])
        await expect(crypto.subtle.exportKey(format as "jwk", key)).rejects.toThrow(/extractable/i);
  });

  it("comes back from a recovery file in another browser, whichever way that signs (I6)", async () => {
    const made = await inOneRealm({ what: "create", database: newDatabase(), way: "native", passphrase: PASSPHRASE });
    for (const way of ["native", "noble"] as const) {
      const order = { database: newDatabase(), way, ...(made.file ? { file: made.file } : {}), passphrase: PASSPHRASE };
      const back = await inOneRealm({ what: "recover", ...order });
      expect(back.identity).toEqual(made.identity);
      await expectGood(back.identity, back.signature);
    }
  });

  it("is sealed under a key that can't be read out where JavaScript has to sign (I5)", async () => {
    const database = newDatabase();
    const made = await inOneRealm({ what: "create", database, way: "noble" });
    const later = await inOneRealm({ what: "load", database, way: "noble" });
    expect(later.identity).toEqual(made.identity);
    await expectGood(later.identity, later.signature);
    expect(await memberIdOf(later.identity as PublicIdentity)).toMatch(/^b[a-z2-7]{52}$/);
    const { keys } = await storedKeys(database);
    expect(keys.map(({ algorithm, extractable, usages }) => [algorithm.name, extractable, usages])).toEqual([
      ["AES-GCM", false, ["encrypt", "decrypt"]],
      ["AES-GCM", false, ["encrypt", "decrypt"]],
    ]);
  });
});
