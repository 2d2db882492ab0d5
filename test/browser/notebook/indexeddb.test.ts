import { openDB } from "idb";
import { IndexedDbBlockStore, IndexedDbDocStore } from "#plugins/indexeddb/stores.ts";
import { expect, it } from "vitest";
import { describeBlockStore, describeDocStore } from "../../conformance/stores.ts";

let count = 0;
const names = new WeakMap<object, string>();
const fresh = <T extends object>(make: (name: string) => T): T => {
  const name = `conformance-${Date.now()}-${(count += 1)}`;
  const store = make(name);
  names.set(store, name);
  return store;
};

describeDocStore(
  "IndexedDB",
  async () => fresh((name) => new IndexedDbDocStore(name)),
  async (old) => new IndexedDbDocStore(names.get(old) as string),
);
describeBlockStore(
  "IndexedDB",
  async () => fresh((name) => new IndexedDbBlockStore(name)),
  async (store, cid) => {
    const database = await openDB(names.get(store) as string);
    await database.put("blocks", new Uint8Array([9, 9]), cid);
    database.close();
  },
);

it("goes on when another page made room for a newer version", async () => {
  const store = fresh((name) => new IndexedDbDocStore(name));
  await store.write({ put: [[["k"], new Uint8Array([1])]] });
  const newer = await openDB(names.get(store) as string, 2);
  newer.close();
  // This one is too old for it now, and says so instead of hanging.
  await expect(store.load(["k"])).rejects.toMatchObject({ code: "unavailable" });
  store.close();
});
