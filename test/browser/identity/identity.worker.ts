/** An identity in a realm of its own, which can be ended: what another finds afterwards is what was stored. */
import { KromaError } from "#core/base/errors.ts";
import type { HybridSignature, PublicIdentity } from "#core/mesh/identity.ts";
import { IndexedDbIdentityStore } from "#plugins/identity/indexeddb-store.ts";
import { createIdentity, loadIdentity, recoverIdentity, type OwnIdentity } from "#plugins/identity/own-identity.ts";
import { chooseSchemes, nobleSchemes } from "#plugins/identity/schemes.ts";

/** What the test asks for. */
export interface Order {
  readonly what: "create" | "load" | "recover";
  readonly database: string;
  readonly way: "native" | "noble";
  readonly bytes: Uint8Array;
  readonly file?: Uint8Array;
  readonly passphrase?: string;
}

/** What it gets. */
export interface Answer {
  readonly identity: PublicIdentity | undefined;
  readonly signature: HybridSignature | undefined;
  readonly file: Uint8Array | undefined;
  /** The code of the refusal to make a recovery file. */
  readonly refused: string | undefined;
}

async function perform({ what, database, way, bytes, file, passphrase }: Order): Promise<Answer> {
  const store = new IndexedDbIdentityStore(database);
  const schemes = way === "native" ? chooseSchemes() : nobleSchemes();
  const make = (): Promise<OwnIdentity | undefined> => {
    if (what === "create") return createIdentity(store, "Ada", schemes);
    if (what === "load") return loadIdentity(store, schemes);
    return recoverIdentity(store, file ?? new Uint8Array(), passphrase ?? "", schemes);
  };
  const own = await make();
  let made: Uint8Array | undefined;
  let refused: string | undefined;
  if (own && passphrase !== undefined)
    try {
      made = await own.recoveryFile(passphrase);
    } catch (error) {
      refused = error instanceof KromaError ? error.code : String(error);
    }
  const signature = await own?.sign("test", bytes);
  store.close();
  return { identity: own?.identity, signature, file: made, refused };
}

addEventListener("message", (event: MessageEvent<Order>) => {
  perform(event.data).then(
    (answer) => postMessage(answer),
    (error: unknown) => postMessage({ failed: String(error) }),
  );
});
