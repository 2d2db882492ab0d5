/**
 * Which Kroma of an origin keeps its things under which name, noted once for each path. One that was here before there was this note
 * goes on with the names that all had: what is in them is its own, too, and nothing is lost.
 */
import { openDB } from "idb";
import { PLAIN_PLACE } from "./place.ts";

const REGISTER = "kroma-places";
const PLACES = "places";
/** Of a name in the private file system, with room for what comes behind it. */
const MOST_LENGTH = 160;

/** The name for the Kroma at that path. `wasHere` tells of one that was visited before, by what its service worker has kept. */
export async function placeOf(path: string, wasHere: (path: string) => Promise<boolean> = hasCache): Promise<string> {
  const own = `${PLAIN_PLACE} ${encodeURIComponent(path).slice(-MOST_LENGTH)}`;
  try {
    const chosen = (await wasHere(path)) ? PLAIN_PLACE : own;
    const database = await openDB(REGISTER, 1, { upgrade: (made) => void made.createObjectStore(PLACES) });
    try {
      // One transaction: the page and its workers ask at the same time, and the first answer is everyone's.
      const transaction = database.transaction(PLACES, "readwrite");
      const known: unknown = await transaction.store.get(path);
      if (known === undefined) await transaction.store.put(chosen, path);
      await transaction.done;
      return known === undefined ? chosen : known === PLAIN_PLACE ? PLAIN_PLACE : own;
    } finally {
      database.close();
    }
  } catch {
    // Where no database can be opened, nothing is kept under any name.
    return own;
  }
}

async function hasCache(path: string): Promise<boolean> {
  if (!("caches" in globalThis)) return false;
  // The service worker's names of them.
  return (await caches.keys()).some((name) => name.startsWith(`${PLAIN_PLACE} ${path} `));
}
