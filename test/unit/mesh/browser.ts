/** A browser in one process: a document host, a mesh whose keys are made when they are needed, and a page. */
import { channelPair } from "#core/base/channel.ts";
import { KromaError } from "#core/base/errors.ts";
import { realClock } from "#core/mesh/clock.ts";
import { Mesh } from "#core/mesh/mesh.ts";
import { MeshClient } from "#core/mesh/mesh-client.ts";
import { MeshHost } from "#core/mesh/mesh-host.ts";
import type { FromMesh, ToMesh } from "#core/mesh/messages.ts";
import type { DocumentHost } from "#core/notebook/host.ts";
import { createIdentity, loadIdentity, recoverIdentity, type OwnIdentity } from "#plugins/identity/own-identity.ts";
import { startHost } from "../notebook/kit.ts";
import { MemoryIdentityStore, signatures } from "./kit.ts";

export interface Browser {
  readonly host: DocumentHost;
  readonly meshHost: MeshHost;
  readonly client: MeshClient;
  close(): Promise<void>;
}

/** A browser that nobody was in before. */
export function browser(): Browser {
  const { host, store } = startHost();
  const identities = new MemoryIdentityStore();
  let own: OwnIdentity | undefined;
  const meshHost = new MeshHost({
    clock: realClock,
    keys: {
      async state() {
        own ??= await loadIdentity(identities);
        return own && { id: own.id, isRecoverable: own.isRecoverable };
      },
      async recoveryFile(passphrase) {
        if (!own) throw new KromaError("missing", "There are no keys yet.");
        return await own.recoveryFile(passphrase);
      },
      async recover(file, passphrase) {
        own = await recoverIdentity(identities, file, passphrase);
        return own.identity.name ?? "";
      },
    },
    async open(name) {
      own ??=
        (await loadIdentity(identities)) ?? (name === undefined ? undefined : await createIdentity(identities, name));
      if (!own) return undefined;
      const mesh = new Mesh({
        signer: own,
        mayBeKnown: own.wasRecovered,
        signatures,
        replicas: host,
        store,
        clock: realClock,
      });
      await mesh.load();
      return mesh;
    },
  });
  const [page, worker] = channelPair<FromMesh, ToMesh>();
  meshHost.connect(worker);
  const client = new MeshClient(page);
  return {
    host,
    meshHost,
    client,
    async close() {
      meshHost.close();
      await host.close();
    },
  };
}
