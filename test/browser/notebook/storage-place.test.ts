/** Where several Kromas of one origin keep their things. */
import { expect, it } from "vitest";
import { placeOf } from "#plugins/indexeddb/place-register.ts";

const fresh = (): string => `/ipfs/bafy${crypto.randomUUID().replaceAll("-", "")}/kroma/`;
const never = async (): Promise<boolean> => false;
const always = async (): Promise<boolean> => true;

it("gives each path a name of its own, the same to all who ask, and whatever comes later", async () => {
  const [one, other] = [fresh(), fresh()];
  const names = await Promise.all([placeOf(one, never), placeOf(one, never), placeOf(other, never)]);
  expect(names[0]).toBe(names[1]);
  expect(names[0]).not.toBe(names[2]);
  for (const name of names) expect(name).toMatch(/^kroma [\w%]+$/);
  // By then its service worker keeps things.
  expect(await placeOf(one, always)).toBe(names[0]);
});

it("leaves one that was visited before this rule with the names that all had", async () => {
  const path = fresh();
  const cache = `kroma ${path} 0123456789abcdef`;
  await caches.open(cache);
  try {
    expect(await placeOf(path)).toBe("kroma");
  } finally {
    await caches.delete(cache);
  }
  expect(await placeOf(path)).toBe("kroma");
  expect(await placeOf(`${path}x/`)).not.toBe("kroma");
});

it("has names that a folder can have, however long the path is", async () => {
  const name = await placeOf(`/${"ä/".repeat(400)}`, never);
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });
  expect(folder.name).toBe(name);
  await (await navigator.storage.getDirectory()).removeEntry(name);
});
