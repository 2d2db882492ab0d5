/** Names, as the page has them: kept in IndexedDB, signed by who publishes in this browser, loaded when first asked for. */
import type { NameAccess } from "#kit/names.ts";
import { placeFor } from "#plugins/indexeddb/place.ts";

/** The way to them; one per page. */
export function createNames(): () => Promise<NameAccess> {
  let opening: Promise<NameAccess> | undefined;
  return () => {
    opening ??= open();
    opening.catch(() => (opening = undefined));
    return opening;
  };
}

async function open(): Promise<NameAccess> {
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
  });
}
