/**
 * Notebooks that a machine which is always on keeps for others: a peer like any other, with an identity, documents and
 * blocks in its data folder. It is let in by a link, as a person is.
 */
import "@automerge/automerge";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { realClock as clock } from "#core/mesh/clock.ts";
import { parseInvitationLink } from "#core/mesh/invitation.ts";
import type { Link } from "#core/mesh/link.ts";
import { Mesh } from "#core/mesh/mesh.ts";
import { DocumentHost } from "#core/notebook/host.ts";
import { FolderIdentityStore } from "#plugins/identity/folder-store.node.ts";
import { createIdentity, loadIdentity } from "#plugins/identity/own-identity.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { SqliteStores } from "#plugins/sqlite/stores.node.ts";

/** What there is to count. */
export interface KeeperCounts {
  readonly notebooks: number;
  /** Of them, those that have come. */
  readonly here: number;
  /** Blocks with outputs and files that are still elsewhere. */
  readonly missing: number;
  readonly peers: number;
}

export interface Keeper {
  /** What is said over this link is dealt with. */
  onLink(link: Link): void;
  /** Takes part in a notebook by a link; gives the addresses at which somebody may have it. */
  join(link: string): Promise<readonly string[]>;
  counts(): KeeperCounts;
  close(): Promise<void>;
}

/** Opens the data folder. Rejects with a KromaError where it can't be used. */
export async function openKeeper(folder: string, name: string): Promise<Keeper> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stores = new SqliteStores(join(folder, "notebooks.db"));
  const files = new SqliteStores(join(folder, "files.db"));
  const host = new DocumentHost({
    store: stores.documents,
    blocks: stores.blocks,
    fileBlocks: files.blocks,
    automerge: Promise.resolve(),
    keepsFiles: true,
  });
  const identities = new FolderIdentityStore(folder);
  const signer = (await loadIdentity(identities)) ?? (await createIdentity(identities, name));
  const signatures = await openSignatures();
  const mesh = new Mesh({
    signer,
    signatures,
    clock,
    replicas: host,
    store: stores.documents,
  });
  await mesh.load();
  host.onChanged((document, part) => mesh.documentChanged(document, part));
  return {
    onLink: (link) => void mesh.addLink(link),
    async join(text) {
      const { notebook: document, genesis, invitation, secret, addresses } = parseInvitationLink(text, clock.now());
      await mesh.join({ document, genesis, invitation, secret }, signer.identity.name ?? name);
      return addresses;
    },
    counts: () => ({
      notebooks: mesh.notebooks.length,
      here: mesh.notebooks.filter(({ isHere }) => isHere).length,
      missing: mesh.notebooks.reduce((sum, { missing }) => sum + missing, 0),
      peers: mesh.peers.length,
    }),
    async close() {
      mesh.close();
      await host.close();
      stores.close();
      files.close();
    },
  };
}
