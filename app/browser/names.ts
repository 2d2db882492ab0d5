/** Names, as the page has them: kept in IndexedDB, signed by who publishes in this browser, loaded when first asked for, by oneself or by a peer. */
import type { NameAccess } from "#kit/names.ts";
import { placeFor } from "#plugins/indexeddb/place.ts";
import type { Names } from "#plugins/names/names.ts";
import type { PageNetwork } from "./network.ts";

/** The way to them; one per page. */
export function createNames(network: Pick<PageNetwork, "askNames" | "giveNames">): () => Promise<NameAccess> {
  let opening: Promise<Names> | undefined;
  const names = (): Promise<Names> => {
    opening ??= open(network);
    opening.catch(() => (opening = undefined));
    return opening;
  };
  network.giveNames(async (name, isKnown) => (await names()).give(name, isKnown));
  return names;
}

async function open(network: Pick<PageNetwork, "askNames">): Promise<Names> {
  const [{ NameBook }, { Names }, { IndexedDbDocStore }, { IndexedDbIdentityStore }, { loadIdentity }] =
    await Promise.all([
      import("#plugins/names/book.ts"),
      import("#plugins/names/names.ts"),
      import("#plugins/indexeddb/stores.ts"),
      import("#plugins/identity/indexeddb-store.ts"),
      import("#plugins/identity/own-identity.ts"),
    ]);
  const identities = new IndexedDbIdentityStore(placeFor("-identity"));
  return new Names({
    book: new NameBook(new IndexedDbDocStore(placeFor("-names"))),
    now: Date.now,
    self: () => loadIdentity(identities),
    askPeers: network.askNames,
  });
}
