/** The mesh in the document worker: loaded when a notebook is shared, or is about to be. */
import { KromaError } from "#core/base/errors.ts";
import type { DocumentHost } from "#core/notebook/host.ts";
import { realClock as clock } from "#core/mesh/clock.ts";
import { Mesh } from "#core/mesh/mesh.ts";
import { MeshHost } from "#core/mesh/mesh-host.ts";
import type { DocStore } from "#core/store/stores.ts";
import { IndexedDbIdentityStore } from "#plugins/identity/indexeddb-store.ts";
import { createIdentity, loadIdentity } from "#plugins/identity/own-identity.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";

/** The pages' way to the mesh. */
export function startMeshHost(host: DocumentHost, store: DocStore): MeshHost {
  const meshHost = new MeshHost({
    clock,
    async open(name) {
      if (name === undefined && (await store.loadRange(["share"])).length === 0) return undefined;
      const identities = new IndexedDbIdentityStore();
      const known = await loadIdentity(identities);
      if (!known && name === undefined)
        throw new KromaError(
          "missing",
          "This browser has lost the keys by which others know you: join again by a link.",
        );
      const signer = known ?? (await createIdentity(identities, name ?? ""));
      const mesh = new Mesh({ signer, signatures: await openSignatures(), replicas: host, store, clock });
      await mesh.load();
      return mesh;
    },
  });
  host.onChanged((document, part) => meshHost.mesh?.documentChanged(document, part));
  host.onRun((document, cell, run) => meshHost.mesh?.setRun(document, cell, run));
  return meshHost;
}
