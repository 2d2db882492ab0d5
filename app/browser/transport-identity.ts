/** The key that the transport's address of this browser is made from, so that those who know it find it again. */
import { createTransportIdentity } from "#plugins/libp2p/index.ts";
import { IndexedDbDocStore } from "#plugins/indexeddb/stores.ts";
import { storagePlace } from "#plugins/indexeddb/place.ts";

const KEY = ["network", "identity"];

/** The key of the visits before; a new one where there is none, or storage is denied. */
export async function transportIdentity(): Promise<Uint8Array> {
  const store = new IndexedDbDocStore(storagePlace());
  try {
    const known = await store.load(KEY);
    if (known) return known;
    const made = await createTransportIdentity();
    await store.write({ put: [[KEY, made]] });
    return made;
  } catch {
    return await createTransportIdentity();
  } finally {
    store.close();
  }
}
