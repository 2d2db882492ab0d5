/** The mesh in the document worker: loaded when a notebook is shared, or is about to be. */
import { KromaError } from "#core/base/errors.ts";
import type { DocumentHost } from "#core/notebook/host.ts";
import { realClock as clock } from "#core/mesh/clock.ts";
import { Mesh } from "#core/mesh/mesh.ts";
import { MeshHost } from "#core/mesh/mesh-host.ts";
import type { DocStore } from "#core/store/stores.ts";
import { IndexedDbIdentityStore } from "#plugins/identity/indexeddb-store.ts";
import { createIdentity, loadIdentity, recoverIdentity, type OwnIdentity } from "#plugins/identity/own-identity.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { placeFor } from "#plugins/indexeddb/place.ts";

/** The pages' way to the mesh. */
export function startMeshHost(host: DocumentHost, store: DocStore): MeshHost {
  const identities = new IndexedDbIdentityStore(placeFor("-identity"));
  /** Kept, since a recovery file can be made only of keys that were made or recovered here. */
  let own: OwnIdentity | undefined;
  const load = async (): Promise<OwnIdentity | undefined> => (own ??= await loadIdentity(identities));
  const meshHost: MeshHost = new MeshHost({
    clock,
    keys: {
      async state() {
        const known = await load();
        return known && { id: known.id, isRecoverable: known.isRecoverable };
      },
      async recoveryFile(passphrase) {
        const known = await load();
        if (!known)
          throw new KromaError("missing", "There are no keys yet: they are made when you first share or join.");
        return await known.recoveryFile(passphrase);
      },
      async recover(file, passphrase) {
        own = await recoverIdentity(identities, file, passphrase);
        return own.identity.name ?? "";
      },
    },
    async open(name) {
      if (name === undefined && (await store.loadRange(["share"])).length === 0) return undefined;
      const known = await load();
      if (!known && name === undefined)
        throw new KromaError(
          "missing",
          "This browser has lost the keys by which others know you: join again by a link.",
        );
      const signer = known ?? (own = await createIdentity(identities, name ?? ""));
      const mesh = new Mesh({
        signer,
        mayBeKnown: signer.wasRecovered,
        signatures: await openSignatures(),
        replicas: host,
        store,
        clock,
        modelOffer: (document) => meshHost.modelOffer(document),
      });
      await mesh.load();
      return mesh;
    },
  });
  host.onChanged((document, part) => meshHost.mesh?.documentChanged(document, part));
  host.onRun((document, cell, run) => meshHost.mesh?.setRun(document, cell, run));
  return meshHost;
}
