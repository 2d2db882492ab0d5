/** The worker of a page that holds its artefacts: blocks in the private file system, in IndexedDB where there is none. */
import { portChannel, type PortLike } from "#core/base/channel.ts";
import { KromaError } from "#core/base/errors.ts";
import { ArtefactHost, type ArtefactHostOptions } from "#core/artefact/host.ts";
import type { FromArtefacts, Kept, ToArtefacts } from "#core/artefact/messages.ts";
import { realClock } from "#core/mesh/clock.ts";
import { MemoryBlockStore, MemoryDocStore } from "#core/store/memory.ts";
import type { BlockStore, DocStore } from "#core/store/stores.ts";
import { IndexedDbIdentityStore } from "#plugins/identity/indexeddb-store.ts";
import { createIdentity, loadIdentity } from "#plugins/identity/own-identity.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { IndexedDbBlockStore, IndexedDbDocStore } from "#plugins/indexeddb/stores.ts";
import { openOpfsBlocks } from "#plugins/opfs/opfs-packs.ts";
import { openElsewhere } from "./elsewhere.worker.ts";
import { placeFor, storagePlace } from "#plugins/indexeddb/place.ts";

interface Stores {
  readonly blocks: BlockStore;
  readonly documents: DocStore;
  readonly storage: Kept["storage"];
}

async function openStores(place: string): Promise<Stores> {
  const name = `${place}-artefacts`;
  const documents = new IndexedDbDocStore(name);
  try {
    await documents.load(["probe"]);
  } catch {
    // No storage at all, as in a frame that may not have any: it lasts as long as the page, and is called so.
    return { blocks: new MemoryBlockStore(), documents: new MemoryDocStore(), storage: "memory" };
  }
  try {
    return { blocks: await openOpfsBlocks("artefact", place), documents, storage: "opfs" };
  } catch {
    return { blocks: new IndexedDbBlockStore(name), documents, storage: "indexeddb" };
  }
}

/** Under a lock of all tabs, where there are locks. */
function locked<T>(name: string, options: LockOptions, work: (lock: Lock | null) => Promise<T>): Promise<T> {
  if (!("locks" in navigator)) return work({ name, mode: "exclusive" });
  return navigator.locks.request(name, options, work) as Promise<T>;
}

/** The workers of the other tabs, which have the same pins. */
function otherTabs(place: string): NonNullable<ArtefactHostOptions["others"]> {
  const tabs = new BroadcastChannel(`${place}-artefacts`);
  return {
    tell: () => tabs.postMessage("kept changed"),
    onTold: (listener) => tabs.addEventListener("message", listener),
  };
}

/** Bytes that the browser lets this site store beyond what it has. */
async function room(): Promise<number | undefined> {
  const { quota, usage = 0 } = (await navigator.storage?.estimate()) ?? {};
  return quota === undefined ? undefined : quota - usage;
}

const identities = new IndexedDbIdentityStore(placeFor("-identity"));

async function start(): Promise<ArtefactHost> {
  const place = await storagePlace();
  const stores = await openStores(place);
  const collecting = `${place}-artefacts`;
  return new ArtefactHost({
    ...stores,
    elsewhere: openElsewhere({
      ...stores,
      clock: realClock,
      whenAlone: (work) =>
        void locked(`${place}-remote-pins`, {}, async () => {
          work();
          // Held until the worker ends; then another tab's goes on.
          return new Promise<never>(() => undefined);
        }),
    }),
    others: otherTabs(place),
    room,
    signatures: openSignatures(),
    self: () => loadIdentity(identities),
    signer: (name) =>
      locked(`${place}-identity`, {}, async () => (await loadIdentity(identities)) ?? createIdentity(identities, name)),
    together: (work) => locked(collecting, { mode: "shared" }, work),
    alone: (work) =>
      locked(collecting, { ifAvailable: true }, (lock) => {
        if (lock) return work();
        throw new KromaError("unavailable", "Something is being published or fetched. Free the space when it is done.");
      }),
  });
}

const channel = portChannel<ToArtefacts, FromArtefacts>(self as unknown as PortLike);
void start().then((host) => host.connect(channel));
