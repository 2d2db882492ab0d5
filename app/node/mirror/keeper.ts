/**
 * Notebooks that a machine which is always on keeps for others: a peer like any other, with an identity, documents and
 * blocks in its data folder. It is let in by a link, as a person is.
 */
import "@automerge/automerge";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { KromaError } from "#core/base/errors.ts";
import { type Clock, realClock } from "#core/mesh/clock.ts";
import { parseInvitationLink } from "#core/mesh/invitation.ts";
import type { Link } from "#core/mesh/link.ts";
import { Mesh } from "#core/mesh/mesh.ts";
import { DocumentHost } from "#core/notebook/host.ts";
import { FolderIdentityStore } from "#plugins/identity/folder-store.node.ts";
import { createIdentity, loadIdentity } from "#plugins/identity/own-identity.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import type { RelayServerOptions } from "#plugins/libp2p/server.node.ts";
import { SqliteStores } from "#plugins/sqlite/stores.node.ts";
import { defaultMirrorLimits, type MemberCounts, MemberQuotas, type MirrorLimits } from "./member-quotas.ts";

/** What there is to count. */
export interface KeeperCounts {
  readonly notebooks: number;
  /** Of them, those that have come. */
  readonly here: number;
  /** Blocks with outputs and files that are still elsewhere. */
  readonly missing: number;
  readonly peers: number;
  /** What those who bring something cost, most first. */
  readonly members: readonly MemberCounts[];
}

export interface Keeper {
  /** What is said over this link is dealt with. */
  onLink(link: Link): void;
  /** Takes part in a notebook by a link; gives the addresses at which somebody may have it. */
  join(link: string): Promise<readonly string[]>;
  counts(): KeeperCounts;
  /** What passing on costs is counted here, by the name that the transport has for whoever sends. */
  readonly relaying: NonNullable<RelayServerOptions["relaying"]>;
  close(): Promise<void>;
}

export interface KeeperOptions {
  readonly limits?: MirrorLimits;
  /** Lines for a log, with nothing secret in them. */
  readonly log?: (line: string) => void;
  readonly clock?: Clock;
}

/** Opens the data folder. Rejects with a KromaError where it can't be used. */
export async function openKeeper(
  folder: string,
  name: string,
  { limits = defaultMirrorLimits, log = () => undefined, clock = realClock }: KeeperOptions = {},
): Promise<Keeper> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stores = new SqliteStores(join(folder, "notebooks.db"));
  const files = new SqliteStores(join(folder, "files.db"));
  const host = new DocumentHost({
    store: stores.documents,
    blocks: stores.blocks,
    fileBlocks: files.blocks,
    automerge: Promise.resolve(),
    keepsFiles: true,
    // It keeps what others made, and changes nothing.
    mayReseed: () => Promise.reject(new KromaError("denied", "A machine that keeps notebooks for others does not.")),
  });
  const identities = new FolderIdentityStore(folder);
  const signer = (await loadIdentity(identities)) ?? (await createIdentity(identities, name));
  const signatures = await openSignatures();
  const quotas = await MemberQuotas.load({
    limits,
    store: stores.documents,
    clock,
    log,
    notebooks: () => mesh.notebooks.map(({ document, membership }) => ({ document, creator: membership?.creator })),
  });
  const mesh: Mesh = new Mesh({
    signer,
    signatures,
    clock,
    replicas: host,
    store: stores.documents,
    quotas,
  });
  await mesh.load();
  host.onChanged((document, part) => mesh.documentChanged(document, part));
  /** Who has proved who they are is counted as that, over all their devices; others as what their transport is. */
  const memberAt = (remote: string): string => mesh.peers.find((peer) => peer.remote === remote)?.id ?? remote;
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
      members: quotas.members,
    }),
    relaying: {
      relayed: (remote, bytes) => quotas.relayed(memberAt(remote), bytes),
      mayRelay: (remote) => quotas.mayRelay(memberAt(remote)),
    },
    async close() {
      mesh.close();
      await quotas.flush().catch(() => undefined);
      await host.close();
      stores.close();
      files.close();
    },
  };
}
