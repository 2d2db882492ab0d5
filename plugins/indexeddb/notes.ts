/** Short notes of this Kroma, which are of use on this device only and no loss when they are gone. */
import { openDB } from "idb";
import { placeFor } from "./place.ts";

const NOTES = "notes";

/** The notes of a name; opened for each call, which is rare. Reading gives undefined for what is not there. */
export function keptNotes(name: string): {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<void>;
} {
  const open = async () =>
    openDB(await placeFor(name), 1, { upgrade: (database) => void database.createObjectStore(NOTES) });
  return {
    async get(key) {
      const database = await open();
      try {
        return (await database.get(NOTES, key)) as unknown;
      } finally {
        database.close();
      }
    },
    async set(key, value) {
      const database = await open();
      try {
        await database.put(NOTES, value, key);
      } finally {
        database.close();
      }
    },
  };
}
