/** People in one process: each with a document host, an identity and a mesh of their own; links join two of them. */
import type { Channel } from "#core/base/channel.ts";
import type { DocumentId } from "#core/base/ids.ts";
import { type Clock, realClock } from "#core/mesh/clock.ts";
import { linkPair } from "#core/mesh/link-pair.ts";
import type { Link } from "#core/mesh/link.ts";
import { Mesh } from "#core/mesh/mesh.ts";
import type { ModelOffer } from "#core/mesh/model-exchange.ts";
import type { LinkRole } from "#core/mesh/roles.ts";
import type { LibraryClient, NotebookClient } from "#core/notebook/client.ts";
import type { DocumentHost } from "#core/notebook/host.ts";
import type { MemoryBlockStore } from "#core/store/memory.ts";
import { createIdentity, type IdentityStore, type OwnIdentity } from "#plugins/identity/own-identity.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { type BreakableStore, startHost } from "../notebook/kit.ts";

/** An identity that nobody keeps. */
const nowhere: IdentityStore = {
  load: () => Promise.resolve(undefined),
  save: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  close: () => undefined,
};

export interface Person {
  readonly name: string;
  readonly host: DocumentHost;
  readonly library: LibraryClient;
  readonly store: BreakableStore;
  readonly blocks: MemoryBlockStore;
  readonly fileBlocks: MemoryBlockStore;
  readonly mesh: Mesh;
  readonly signer: OwnIdentity;
  /** What they offer of a notebook's models. */
  readonly offers: Map<DocumentId, ModelOffer>;
  close(): Promise<void>;
}

/** Someone, new or as they were kept; their clock may be wrong by some milliseconds, and jump. A mirror keeps files. */
export async function person(
  name: string,
  kept?: {
    store: BreakableStore;
    blocks?: MemoryBlockStore;
    fileBlocks?: MemoryBlockStore;
    signer: OwnIdentity;
  },
  skew: number | (() => number) = 0,
  keepsFiles = false,
): Promise<Person> {
  const clock: Clock = {
    now: () => realClock.now() + (typeof skew === "number" ? skew : skew()),
    after: realClock.after,
  };
  const { host, library, store, blocks, fileBlocks } = startHost({
    keepsFiles,
    ...(kept ? { store: kept.store } : {}),
    ...(kept?.blocks ? { blocks: kept.blocks } : {}),
    ...(kept?.fileBlocks ? { fileBlocks: kept.fileBlocks } : {}),
  });
  const signer = kept?.signer ?? (await createIdentity(nowhere, name));
  const offers = new Map<DocumentId, ModelOffer>();
  const mesh = new Mesh({
    signer,
    mayBeKnown: signer.wasRecovered,
    signatures: await openSignatures(),
    replicas: host,
    store,
    clock,
    modelOffer: (document) => offers.get(document),
  });
  await mesh.load();
  host.onChanged((document, part) => mesh.documentChanged(document, part));
  host.onRun((document, cell, run) => mesh.setRun(document, cell, run));
  return {
    name,
    host,
    library,
    store,
    blocks,
    fileBlocks,
    mesh,
    signer,
    offers,
    async close() {
      mesh.close();
      await host.close();
    },
  };
}

/** Links two people; returns the way to cut the link, and what has gone over it. */
export function link(
  one: Person,
  other: Person,
  through: (link: Link) => Link = (same) => same,
): { cut(): void; readonly bytes: () => number; readonly messages: () => number } {
  const [left, right] = linkPair([one.name, other.name]);
  let bytes = 0;
  let messages = 0;
  const counted = (end: Link): Link => ({
    ...end,
    channel: {
      ...bound(end.channel),
      send(message, transfer) {
        bytes += message.length;
        messages += 1;
        end.channel.send(message, transfer);
      },
    },
  });
  void one.mesh.addLink(counted(left.link));
  void other.mesh.addLink(through(counted(right.link)));
  return { cut: () => left.link.channel.close("cut"), bytes: () => bytes, messages: () => messages };
}

function bound<I, O>(channel: Channel<I, O>): Channel<I, O> {
  return {
    send: (message, transfer) => channel.send(message, transfer),
    receive: (listener) => channel.receive(listener),
    close: (reason) => channel.close(reason),
    onClose: (listener) => channel.onClose(listener),
  };
}

/** Resolves when it holds; a test that waits in vain is ended by its own time limit, and told what for. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, patience = 20_000): Promise<void> {
  const end = Date.now() + patience;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Lets `guest` into the notebook of `owner`; resolves with their open notebook. */
export async function letIn(
  owner: Person,
  guest: Person,
  document: DocumentId,
  role: LinkRole = "editor",
): Promise<NotebookClient> {
  const terms = { role, uses: "one" as const, expires: Date.now() + 3_600_000 };
  const invitation = await owner.mesh.invite(document, terms);
  await guest.mesh.join(invitation, guest.name);
  await until(() => guest.mesh.notebook(document)?.isHere ?? false, `${guest.name} has the notebook`);
  return await guest.library.open(document);
}
